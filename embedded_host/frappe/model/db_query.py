"""`frappe.get_all` and `frappe.get_list`: rows of a DocType by filters, the second one only those the user may read."""

from __future__ import annotations

from typing import Any

from frappe.host.context import local
from frappe.model.meta import get_meta

KEEP_DEFAULT = "KEEP_DEFAULT_ORDERING"


def default_order(doctype: str) -> str:
	meta = get_meta(doctype)
	field = meta.sort_field or "modified"
	if "," in field:
		return field
	return f"`tab{doctype}`.`{field}` {meta.sort_order or 'DESC'}"


def get_list(
	doctype: str,
	fields: Any = None,
	filters: Any = None,
	order_by: str | None = KEEP_DEFAULT,
	or_filters: Any = None,
	group_by: str | None = None,
	start: int | None = None,
	page_length: int | None = None,
	limit: int | None = None,
	limit_start: int = 0,
	limit_page_length: int | None = None,
	as_list: bool = False,
	distinct: bool = False,
	pluck: str | None = None,
	ignore_permissions: bool = False,
	ignore_ifnull: bool = False,
	parent_doctype: str | None = None,
	user: str | None = None,
	**kwargs: Any,
) -> Any:
	"""Rows the user may read, twenty unless told otherwise. PermissionError without the right to read any."""
	if kwargs:
		raise TypeError(f"the embedded host does not offer get_list({', '.join(kwargs)}=)")
	if isinstance(fields, dict) or (isinstance(fields, list) and fields and isinstance(fields[0], list)):
		# the second argument is often the filters
		fields, filters = filters, fields
	elif fields and isinstance(filters, list) and len(filters) > 1 and isinstance(filters[0], str):
		fields, filters = filters, fields
	condition = "" if ignore_permissions else _permitted(doctype, user or local.session.user, parent_doctype)
	if pluck:
		fields = [pluck]
	fields = fields or [pluck or "name"]
	for length in (page_length, limit, limit_page_length):
		if length is not None:
			break
	else:
		length = 20
	aggregated = isinstance(fields, list) and len(fields) == 1 and isinstance(fields[0], str) and "(" in fields[0]
	if order_by == KEEP_DEFAULT:
		order_by = None if distinct or group_by or aggregated else default_order(doctype)
	rows = local.db.select(
		doctype,
		fields,
		filters,
		or_filters=or_filters,
		order_by=order_by,
		group_by=group_by,
		limit=int(length),
		start=int(start or limit_start or 0),
		distinct=distinct,
		as_dict=not as_list and not pluck,
		nulls_match=not ignore_ifnull,
		condition=condition,
	)
	return [row[0] for row in rows] if pluck else rows if as_list else list(rows)


def _permitted(doctype: str, user: str, parent_doctype: str | None) -> str:
	import frappe.exceptions as errors
	from frappe.permissions import has_permission, list_condition

	if get_meta(doctype).istable and user != "Administrator":
		if not parent_doctype or not has_permission(parent_doctype, "read", user=user):
			raise errors.PermissionError(f"Insufficient Permission for {doctype}")
		return ""
	condition = list_condition(doctype, user)
	return f"({condition})" if condition else ""


def get_all(doctype: str, *args: Any, **kwargs: Any) -> Any:
	"""All rows that match, without a look at permissions and without a limit."""
	kwargs["ignore_permissions"] = True
	if not any(kwargs.get(name) is not None for name in ("limit_page_length", "limit", "page_length")):
		kwargs["limit_page_length"] = 0
	return get_list(doctype, *args, **kwargs)
