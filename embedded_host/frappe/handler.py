"""Calls of whitelisted functions, and the few that have a short name."""

from __future__ import annotations

from inspect import signature
from typing import Any

from werkzeug.wrappers import Response

import frappe
import frappe.client
from frappe import _
from frappe.host.access import allowed_http_methods_for_whitelisted_func
from frappe.utils import cint


def handle() -> Response | None:
	"""Run the function named by `form_dict.cmd` and put what it returns in the response as `message`."""
	cmd = frappe.local.form_dict.cmd
	# a login has happened by now: it is part of setting up the session
	data = None if cmd == "login" else execute_cmd(cmd)
	if isinstance(data, Response):
		return data
	if data is not None:
		frappe.local.response["message"] = data
	return None


def execute_cmd(cmd: str) -> Any:
	"""Call a whitelisted function with the request's arguments; an app may have put its own in the place of a name."""
	for replacement in reversed(frappe.get_hooks("override_whitelisted_methods", {}).get(cmd, [])):
		cmd = replacement
		break
	try:
		method = frappe.get_attr(cmd) if "." in cmd else SHORT_NAMES[cmd]
	except Exception as error:
		frappe.throw(_("Failed to get method for command {0} with {1}").format(cmd, error))
	if method is not run_doc_method:
		is_callable_from_outside(method)
	arguments = {key: value for key, value in frappe.local.form_dict.items() if key not in ("cmd", "csrf_token")}
	return frappe.call(method, **arguments)


def is_callable_from_outside(method: Any) -> None:
	"""Refuse what is not whitelisted, not for guests, or not for this HTTP method."""
	frappe.is_whitelisted(method)
	if frappe.local.request.method not in allowed_http_methods_for_whitelisted_func[method]:
		frappe.throw(_("Not permitted"), frappe.PermissionError)


@frappe.whitelist(allow_guest=True)
def ping() -> str:
	return "pong"


@frappe.whitelist(allow_guest=True)
def logout() -> None:
	frappe.local.login_manager.logout()
	frappe.local.flags.commit = True


@frappe.whitelist()
def upload_file() -> Any:
	"""Make a File of the part `file` of a multipart request, attached to the document that `doctype` and `docname` name."""
	form = frappe.local.form_dict
	upload = frappe.local.request.files.get("file")
	if not upload:
		frappe.throw(_("No file attached"))
	if form.doctype and form.docname:
		frappe.get_doc(form.doctype, form.docname).check_permission("write")
	elif form.doctype:
		frappe.has_permission(form.doctype, "write", throw=True)
	values = {
		"doctype": "File",
		"attached_to_doctype": form.doctype,
		"attached_to_name": form.docname,
		"attached_to_field": form.fieldname,
		"folder": form.folder,
		"file_name": form.file_name or upload.filename,
		"is_private": cint(form.is_private),
		"content": upload.stream.read(),
	}
	return frappe.get_doc({key: value for key, value in values.items() if value is not None}).save()


@frappe.whitelist(allow_guest=True)
def download_file(file_url: str) -> None:
	"""Download a file that the user may read, by its address."""
	file = frappe.get_doc("File", {"file_url": file_url})
	if not file.is_downloadable():
		raise frappe.PermissionError
	frappe.local.response.filename = file_url.rsplit("/", 1)[-1]
	frappe.local.response.filecontent = file.get_content()
	frappe.local.response.type = "download"


def run_doc_method(
	method: str, docs: Any = None, dt: str | None = None, dn: str | None = None, arg: Any = None, args: Any = None
) -> None:
	"""Call a whitelisted method of a document: of the form's values (`docs`), or of the stored one (`dt`, `dn`)."""
	if dt:
		doc = frappe.get_doc(dt, dn or dt)
	else:
		doc = frappe.get_doc(frappe.parse_json(docs))
		doc._original_modified = doc.modified
		doc.check_if_latest()
	if not doc.has_permission("read"):
		frappe.throw(_("Not permitted"), frappe.PermissionError)
	bound = getattr(doc, method)
	is_callable_from_outside(getattr(bound, "__func__", bound))
	args = arg if args is None else args
	if isinstance(args, str) and args[:1] in ("{", "["):
		args = frappe.parse_json(args)
	parameters = list(signature(bound).parameters)
	if not parameters:
		message = doc.run_method(method)
	elif "args" in parameters or not isinstance(args, dict):
		message = doc.run_method(method, args)
	else:
		message = doc.run_method(method, **args)
	frappe.local.response.docs.append(doc)
	if message is not None:
		frappe.local.response["message"] = message


SHORT_NAMES = {
	"ping": ping,
	"logout": logout,
	"upload_file": upload_file,
	"download_file": download_file,
	"run_doc_method": run_doc_method,
	"runserverobj": run_doc_method,
}
