"""DocTypes that only the tests have, made on whichever host runs them and taken away afterwards."""

from __future__ import annotations

from typing import Any

import frappe

ROW = "Zz Row"
THING = "Zz Thing"
NAMED = "Zz Named"
SERIES = "Zz Series"
PROMPT = "Zz Prompt"
SINGLE = "Zz Single"
ALL = (THING, NAMED, SERIES, PROMPT, SINGLE, ROW)

_MANAGER = {"role": "System Manager", "read": 1, "write": 1, "create": 1, "delete": 1}
_OWNER = {"role": "All", "read": 1, "write": 1, "create": 1, "delete": 1, "if_owner": 1}


def _field(fieldname: str, fieldtype: str = "Data", **properties: Any) -> dict[str, Any]:
	return {"fieldname": fieldname, "fieldtype": fieldtype, "label": fieldname.replace("_", " ").title(), **properties}


_DEFINITIONS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
	ROW: (
		[_field("label", reqd=1), _field("amount", "Float"), _field("kind", "Select", options="\nA\nB")],
		{"istable": 1},
	),
	THING: (
		[
			_field("title", reqd=1),
			_field("code", unique=1, no_copy=1),
			_field("address", options="Email"),
			_field("kind", "Select", options="\nA\nB"),
			_field("state", "Select", options="Open\nClosed"),
			_field("size", "Int"),
			_field("price", "Float"),
			_field("done", "Check", default="1"),
			_field("due", "Date"),
			_field("moment", "Datetime"),
			_field("note", "Small Text"),
			_field("body", "Text Editor"),
			_field("source", "Code"),
			_field("secret", "Password"),
			_field("greeting", default="Bonjour"),
			_field("by", "Link", options="User", default="__user"),
			_field("fixed", set_only_once=1),
			_field("guarded", permlevel=1),
			_field("ref_type", "Link", options="DocType"),
			_field("ref_name", "Dynamic Link", options="ref_type"),
			_field("other", "Link", options=NAMED),
			_field("other_note", fetch_from="other.note"),
			_field("rows", "Table", options=ROW),
		],
		{"permissions": [_MANAGER, {**_MANAGER, "permlevel": 1}, _OWNER], "allow_rename": 0},
	),
	NAMED: (
		[_field("title", reqd=1, unique=1), _field("note")],
		{"autoname": "field:title", "allow_rename": 1, "permissions": [_MANAGER]},
	),
	SERIES: ([_field("title")], {"autoname": "ZZ-.YYYY.-.#####", "permissions": [_MANAGER]}),
	PROMPT: ([_field("title")], {"autoname": "prompt", "permissions": [_MANAGER]}),
	SINGLE: (
		[_field("title"), _field("size", "Int"), _field("done", "Check", default="1"), _field("moment", "Datetime")],
		{"issingle": 1, "permissions": [_MANAGER]},
	),
}


def make() -> None:
	"""Make what is missing, and commit."""
	for name in (ROW, NAMED, THING, SERIES, PROMPT, SINGLE):
		if not frappe.db.exists("DocType", name):
			fields, properties = _DEFINITIONS[name]
			frappe.get_doc(
				{"doctype": "DocType", "name": name, "module": "Core", "custom": 1, "fields": fields, **properties}
			).insert()
	frappe.db.commit()


def empty() -> None:
	"""Delete every row of them, and commit."""
	frappe.db.rollback()
	for name in ALL:
		if name == SINGLE:
			frappe.db.delete("Singles", {"doctype": SINGLE})
		else:
			frappe.db.delete(name)
	frappe.db.commit()


def remove() -> None:
	"""Delete the DocTypes and their tables, and commit."""
	frappe.db.rollback()
	for name in ALL:
		if frappe.db.exists("DocType", name):
			frappe.delete_doc("DocType", name, force=True)
	frappe.db.commit()


def thing(**values: Any) -> Any:
	"""A new, unsaved document."""
	return frappe.get_doc({"doctype": THING, "title": "One", **values})
