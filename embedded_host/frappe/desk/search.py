"""What a link field proposes."""

from __future__ import annotations

from typing import Any

import frappe
from frappe.client import checked_filters
from frappe.handler import is_callable_from_outside
from frappe.utils import cint, cstr

SEARCHABLE = ("Data", "Text", "Small Text", "Long Text", "Link", "Select", "Read Only", "Text Editor")


@frappe.whitelist()
def search_link(
	doctype: str,
	txt: str = "",
	query: str | None = None,
	filters: Any = None,
	page_length: int = 10,
	searchfield: str | None = None,
	reference_doctype: str | None = None,
	ignore_user_permissions: bool = False,
) -> list[dict[str, str]]:
	"""Rows as {value, description}: those of the whitelisted function `query`, or of a search in name, title and search fields."""
	rows = search_widget(doctype, txt.strip(), query, searchfield, 0, page_length, filters, reference_doctype=reference_doctype)
	return [{"value": row[0], "description": ", ".join(cstr(part) for part in row[1:] if part)} for row in rows]


@frappe.whitelist()
def search_widget(
	doctype: str,
	txt: str,
	query: str | None = None,
	searchfield: str | None = None,
	start: int = 0,
	page_length: int = 10,
	filters: Any = None,
	filter_fields: Any = None,
	as_dict: bool = False,
	reference_doctype: str | None = None,
	ignore_user_permissions: bool = False,
) -> list:
	"""As `search_link`, each row a tuple that begins with the name."""
	filters = frappe.parse_json(filters)
	if query:
		method = frappe.get_attr(query)
		is_callable_from_outside(method)
		arguments = (doctype, txt, searchfield or "name", cint(start), cint(page_length), filters)
		return frappe.call(method, *arguments, as_dict=as_dict, reference_doctype=reference_doctype)
	meta = frappe.get_meta(doctype)
	filters = checked_filters(doctype, filters) or []
	if isinstance(filters, dict):
		filters = [[doctype, key, *(value if isinstance(value, list) else ("=", value))] for key, value in filters.items()]
	filters = list(filters)
	for field, wanted in (("enabled", 1), ("disabled", 0)):
		if meta.get("fields", {"fieldname": field, "fieldtype": "Check"}):
			filters.append([doctype, field, "=", wanted])
	shown = list(dict.fromkeys(["name", *([meta.title_field] if meta.title_field else []), *meta.get_search_fields()]))
	searched = [f for f in shown if f == "name" or ((df := meta.get_field(f)) and df.fieldtype in SEARCHABLE)]
	pattern = txt.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
	rows = frappe.get_list(
		doctype,
		filters=filters,
		or_filters=[[doctype, field, "like", f"%{pattern}%"] for field in searched] if txt else None,
		fields=shown,
		limit_start=cint(start),
		limit_page_length=cint(page_length),
		order_by="name asc",
		as_list=True,
	)
	return sorted(rows, key=lambda row: (not str(row[0]).casefold().startswith(txt.casefold()), str(row[0])))
