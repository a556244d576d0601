"""What a list shows."""

from __future__ import annotations

from typing import Any

import frappe
from frappe.client import checked_fields, checked_filters, checked_order
from frappe.utils import cint


def _rows() -> list[dict]:
	"""The rows that the request asks for (`start` and `page_length` are the list's names for what get_list calls limit)."""
	form = frappe.local.form_dict
	doctype = form.doctype
	return frappe.get_list(
		doctype,
		fields=checked_fields(doctype, form.fields),
		filters=checked_filters(doctype, form.filters),
		or_filters=checked_filters(doctype, form.or_filters),
		order_by=checked_order(doctype, form.order_by),
		limit_start=cint(form.start or form.limit_start),
		limit_page_length=cint(form.page_length or form.limit_page_length or 20),
	)


@frappe.whitelist()
def get() -> dict[str, Any]:
	"""Rows as {keys, values}; an empty list where there is none."""
	rows = _rows()
	if not rows:
		return []
	return {"keys": list(rows[0]), "values": [list(row.values()) for row in rows], "user_info": {}}


@frappe.whitelist()
def get_list() -> list[dict]:
	return _rows()


@frappe.whitelist()
def get_count() -> int:
	form = frappe.local.form_dict
	filters = checked_filters(form.doctype, form.filters)
	return len(frappe.get_list(form.doctype, filters=filters, pluck="name", limit_page_length=0))
