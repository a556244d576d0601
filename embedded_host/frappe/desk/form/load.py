"""What a form needs: the document, what is known about it, and the DocType with its scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint

TIMELINE = 20
"""How many messages of a document are sent with it."""


@frappe.whitelist()
def getdoc(doctype: str, name: str, user: str | None = None) -> list | None:
	"""Put the document in `response.docs` and what is known about it in `response.docinfo`."""
	try:
		doc = frappe.get_doc(doctype, name)
	except frappe.DoesNotExistError:
		frappe.clear_last_message()
		return []
	if not doc.has_permission("read"):
		frappe.local.flags.error_message = _("Insufficient Permission for {0}").format(frappe.bold(f"{_(doctype)} {name}"))
		raise frappe.PermissionError(("read", doctype, name))
	send_doc(doc)
	return None


def send_doc(doc: Any) -> None:
	"""Add a document, as its form wants it, to the response."""
	doc.set("__onload", frappe._dict())
	doc.run_method("onload")
	doc.apply_fieldlevel_read_permissions()
	values = doc.as_dict()
	if doc.get("__onload"):
		values["__onload"] = doc.get("__onload")
	if doc.get("localname"):
		values["localname"] = doc.localname
	frappe.local.response.docs.append(values)
	frappe.local.response["docinfo"] = _docinfo(doc)


@frappe.whitelist()
def getdoctype(doctype: str, with_parent: bool = False, cached_timestamp: str | None = None) -> str | None:
	"""Put the DocType and those of its tables in `response.docs`."""
	meta = frappe.get_meta(doctype)
	if cached_timestamp and cached_timestamp == str(meta.modified):
		return "use_cache"
	frappe.local.response.docs.extend(_describe(name) for name in [doctype, *(f.options for f in meta.get_table_fields())])
	frappe.local.response["user_settings"] = "{}"
	return None


def _describe(doctype: str) -> dict:
	"""A DocType as the desk reads it: with its form script, the DocType's own before those that apps add by hooks."""
	meta = frappe.get_meta(doctype)
	out = meta.as_dict()
	# a large DocType is mostly properties that its fields do not have
	out["fields"] = [{key: value for key, value in field.items() if value not in (None, 0, "")} for field in out["fields"]]
	out["__js"] = "\n".join(scripts_of(meta, "", "doctype_js"))
	out["__list_js"] = "\n".join(scripts_of(meta, "_list", "doctype_list_js"))
	return out


def scripts_of(meta: Any, suffix: str, hook: str) -> list[str]:
	"""The texts of a DocType's scripts of one kind, in the order in which they are to run."""
	paths = []
	if not meta.custom:
		folder = Path(frappe.get_module_path(meta.module), "doctype", frappe.scrub(meta.name))
		paths.append(folder / f"{frappe.scrub(meta.name)}{suffix}.js")
	for app in frappe.get_installed_apps():
		scripts = frappe.get_hooks(hook, {}, app_name=app).get(meta.name, [])
		paths += [Path(frappe.get_pymodule_path(app), script) for script in scripts]
	return [path.read_text(encoding="utf-8") for path in paths if path.is_file()]


@frappe.whitelist()
def get_docinfo(doctype: str, name: str) -> None:
	"""Put in `response.docinfo` what is known about a document."""
	doc = frappe.get_doc(doctype, name)
	doc.check_permission("read")
	frappe.local.response["docinfo"] = _docinfo(doc)


def _docinfo(doc: Any) -> dict:
	"""Attachments, messages and permissions of a document."""
	kinds = ("read", "write", "create", "delete")
	return {
		"doctype": doc.doctype,
		"name": doc.name,
		"attachments": _attachments(doc),
		"communications": _communications(doc),
		"comments": _comments(doc),
		"permissions": {kind: int(bool(doc.has_permission(kind))) for kind in kinds},
		"user_info": {},
	}


def _attachments(doc: Any) -> list[dict]:
	return frappe.get_all(
		"File",
		filters={"attached_to_doctype": doc.doctype, "attached_to_name": doc.name},
		fields=["name", "file_name", "file_url", "is_private"],
	)


def _comments(doc: Any) -> list[dict]:
	about = {"reference_doctype": doc.doctype, "reference_name": doc.name, "comment_type": "Comment"}
	return frappe.get_all("Comment", filters=about, fields=["name", "creation", "content", "owner", "comment_type"])


@frappe.whitelist()
def get_communications(doctype: str, name: str, start: int = 0, limit: int = TIMELINE) -> list[dict]:
	"""Messages about a document, from the newest on."""
	doc = frappe.get_doc(doctype, name)
	doc.check_permission("read")
	return _communications(doc, cint(start), cint(limit))


def _communications(doc: Any, start: int = 0, limit: int = TIMELINE) -> list[dict]:
	"""The newest messages about a document, whether it is their main reference or one they are linked with."""
	about = {"link_doctype": doc.doctype, "link_name": doc.name, "parenttype": "Communication"}
	linked = frappe.get_all("Communication Link", filters=about, pluck="parent")
	main = {"reference_doctype": doc.doctype, "reference_name": doc.name}
	names = set(frappe.get_all("Communication", filters=main, pluck="name")) | set(linked)
	rows = (
		frappe.get_all(
			"Communication",
			filters={"name": ("in", list(names))},
			fields=["*"],
			order_by="communication_date desc, creation desc",
			limit_start=start,
			limit_page_length=limit,
		)
		if names
		else []
	)
	files = (
		frappe.get_all(
			"File",
			filters={"attached_to_doctype": "Communication", "attached_to_name": ("in", [row.name for row in rows])},
			fields=["file_name", "file_url", "is_private", "attached_to_name"],
		)
		if rows
		else []
	)
	for row in rows:
		row["attachments"] = [file for file in files if file.attached_to_name == row.name]
	return rows
