"""`/api/method/<name>` and `/api/resource/<DocType>[/<name>]`."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule, Submount
from werkzeug.wrappers import Request, Response

import frappe
import frappe.client
import frappe.handler
from frappe import _
from frappe.utils.response import build_response


def handle(request: Request) -> Response:
	"""Answer a request below `/api`."""
	try:
		endpoint, arguments = URL_MAP.bind_to_environ(request.environ).match()
	except (NotFound, MethodNotAllowed):
		raise frappe.DoesNotExistError(request.path) from None
	data = endpoint(**arguments)
	if isinstance(data, Response):
		return data
	if data is not None:
		frappe.local.response["data"] = data
	return build_response("json")


def call_method(method: str) -> Response | None:
	frappe.local.form_dict.cmd = method.split("/", 1)[0]
	return frappe.handler.handle()


def document_list(doctype: str) -> Any:
	form = frappe.local.form_dict
	form.setdefault("limit_page_length", form.pop("limit", None) or 20)
	if "as_dict" in form:
		form["as_dict"] = form["as_dict"] not in ("0", "false", "False", False)
	arguments = {key: value for key, value in form.items() if key != "doctype"}
	return frappe.call(frappe.client.get_list, doctype, **arguments)


def create_doc(doctype: str) -> Any:
	return frappe.get_doc({**_values(), "doctype": doctype}).insert()


def read_doc(doctype: str, name: str) -> Any:
	if "run_method" in frappe.local.form_dict:
		return run_method(doctype, name)
	doc = frappe.get_doc(doctype, name)
	doc.check_permission("read")
	doc.apply_fieldlevel_read_permissions()
	return doc


def update_doc(doctype: str, name: str) -> Any:
	doc = frappe.get_doc(doctype, name, for_update=True)
	doc.update(_values())
	doc.save()
	if doc.get("parenttype"):
		frappe.get_doc(doc.parenttype, doc.parent).save()
	return doc


def delete_doc(doctype: str, name: str) -> str:
	frappe.delete_doc(doctype, name, ignore_missing=False)
	frappe.local.response.http_status_code = 202
	return "ok"


def run_method(doctype: str, name: str) -> Any:
	"""Call a whitelisted method of a stored document."""
	form = frappe.local.form_dict
	method = form.pop("run_method", None)
	doc = frappe.get_doc(doctype, name)
	bound = getattr(doc, method or "", None)
	if bound is None:
		raise frappe.DoesNotExistError(_("Not found"))
	frappe.handler.is_callable_from_outside(getattr(bound, "__func__", bound))
	doc.check_permission("read" if frappe.local.request.method == "GET" else "write")
	return doc.run_method(method, **form)


def _values() -> dict[str, Any]:
	"""The document in the request: a JSON object in `data`, else the arguments themselves."""
	form = frappe.local.form_dict
	data = form.get("data")
	values = json.loads(data) if isinstance(data, str) else data if isinstance(data, dict) else dict(form)
	for key in ("cmd", "csrf_token", "flags", "doctype"):
		values.pop(key, None)
	return values


_RULES = [
	Rule("/method/<path:method>", endpoint=call_method),
	Rule("/resource/<doctype>", methods=["GET"], endpoint=document_list),
	Rule("/resource/<doctype>", methods=["POST"], endpoint=create_doc),
	Rule("/resource/<doctype>/<path:name>", methods=["GET"], endpoint=read_doc),
	Rule("/resource/<doctype>/<path:name>", methods=["PUT"], endpoint=update_doc),
	Rule("/resource/<doctype>/<path:name>", methods=["DELETE"], endpoint=delete_doc),
	Rule("/resource/<doctype>/<path:name>", methods=["POST"], endpoint=run_method),
]
URL_MAP = Map(
	[rule for prefix in ("/api", "/api/v1") for rule in [Submount(prefix, [r.empty() for r in _RULES])]], strict_slashes=False
)
