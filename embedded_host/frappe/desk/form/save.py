"""Saving a form."""

from __future__ import annotations

import json
from typing import Any

import frappe
from frappe import _
from frappe.desk.form.load import send_doc


@frappe.whitelist(methods=["POST"])
def savedocs(doc: Any, action: str) -> None:
	"""Insert or save the document of a form; it comes back in `response.docs` as it was stored."""
	if action != "Save":
		raise NotImplementedError(f"frappe.desk.form.save.savedocs: {action} is not offered by this host")
	values = json.loads(doc) if isinstance(doc, str) else doc
	values.pop("flags", None)
	is_new = bool(values.get("__islocal"))
	localname = values.get("name")
	# the names that a form gives to what is new are its own
	for each in [values, *(row for rows in values.values() if isinstance(rows, list) for row in rows)]:
		if is_new or each.get("__islocal"):
			each["__islocal"] = 1
			each.pop("name", None)
	if values.get("__newname"):
		values["name"] = values["__newname"]
	document = frappe.get_doc(values)
	if is_new:
		document.insert()
		document.localname = localname
	else:
		document.save()
	send_doc(document)
	frappe.msgprint(_("Saved"), indicator="green", alert=True)
