"""Documents over HTTP, as the desk and programs of others ask for them; permissions apply everywhere."""

from __future__ import annotations

import json
import re
from typing import Any

import frappe
from frappe import _

STANDARD_FIELDS = (
	"name owner creation modified modified_by docstatus idx parent parentfield parenttype _user_tags _comments _assign _liked_by _seen"
).split()
_FIELD = re.compile(r"(?:`?tab(?P<doctype>[\w ]+?)`?\.)?`?(?P<name>\w+)`?(?:\s+as\s+[`'\"]?\w+[`'\"]?)?", re.IGNORECASE)
_COUNT = re.compile(r"count\((?:\*|`?(?:tab[\w ]+`?\.`?)?name`?)\)\s+as\s+\w+", re.IGNORECASE)
_ORDER = re.compile(r"(?:`?tab[\w ]+?`?\.)?`?(?P<name>\w+)`?(?:\s+(?:asc|desc))?", re.IGNORECASE)


def is_readable(doctype: str, fieldname: str) -> bool:
	"""Whether this is a column of the DocType that the user may see. (That of a Password field holds asterisks.)"""
	if fieldname in STANDARD_FIELDS:
		return True
	meta = frappe.get_meta(doctype)
	field = meta.get_field(fieldname)
	if not field or not field.permlevel or frappe.session.user == "Administrator":
		return bool(field)
	roles = frappe.get_roles()
	return any(row.permlevel == field.permlevel and row.read and row.role in roles for row in meta.permissions)


def checked_fields(doctype: str, fields: Any) -> list[str] | str:
	"""The fields asked for; raises DataError for what is not a field, so that nothing else gets into the statement."""
	fields = frappe.parse_json(fields) if isinstance(fields, str) and fields[:1] in "[{" else fields
	fields = [fields] if isinstance(fields, str) else list(fields or ["name"])
	out: list[str] = []
	for field in fields:
		field = str(field).strip()
		if field == "*" or field.endswith((".*", ".`*`")):
			meta = frappe.get_meta(doctype)
			out += [
				name for name in STANDARD_FIELDS[:7] + meta.get_valid_columns() if name not in out and is_readable(doctype, name)
			]
		elif _COUNT.fullmatch(field):
			out.append(field)
		elif (match := _FIELD.fullmatch(field)) and is_readable(match["doctype"] or doctype, match["name"]):
			out.append(field)
		else:
			frappe.throw(_("Field not permitted in query") + f": {frappe.utils.escape_html(field)}", frappe.DataError)
	return out


def checked_filters(doctype: str, filters: Any) -> Any:
	"""The filters asked for; raises DataError for one on what is not a column the user may see."""
	filters = frappe.parse_json(filters) if isinstance(filters, str) and filters[:1] in ("[", "{") else filters
	if isinstance(filters, dict):
		names = [(doctype, name) for name in filters]
	elif isinstance(filters, list):
		filters = [filters] if filters and isinstance(filters[0], str) else filters
		names = [(each[0], each[1]) if len(each) > 3 else (doctype, each[0]) for each in filters]
	else:
		names = []
	for each_doctype, name in names:
		if not is_readable(each_doctype, name):
			frappe.throw(_("Field not permitted in query") + f": {frappe.utils.escape_html(str(name))}", frappe.DataError)
	return filters


def checked_order(doctype: str, order_by: str | None) -> str | None:
	"""An ORDER BY clause of fields; raises DataError for anything else."""
	for part in (order_by or "").split(",") if order_by else ():
		match = _ORDER.fullmatch(part.strip())
		if not match or not is_readable(doctype, match["name"]):
			frappe.throw(_("Field not permitted in query") + f": {frappe.utils.escape_html(part)}", frappe.DataError)
	return order_by


@frappe.whitelist()
def get_list(
	doctype: str,
	fields: Any = None,
	filters: Any = None,
	group_by: str | None = None,
	order_by: str | None = None,
	limit_start: int | None = None,
	limit_page_length: int = 20,
	parent: str | None = None,
	debug: bool = False,
	as_dict: bool = True,
	or_filters: Any = None,
) -> list:
	"""Rows that the user may read."""
	_check_parent(doctype, parent)
	if group_by:
		raise NotImplementedError("frappe.client.get_list: group_by is not offered by this host")
	return frappe.get_list(
		doctype,
		fields=checked_fields(doctype, fields),
		filters=checked_filters(doctype, filters),
		or_filters=checked_filters(doctype, or_filters),
		order_by=checked_order(doctype, order_by),
		limit_start=frappe.utils.cint(limit_start),
		limit_page_length=frappe.utils.cint(limit_page_length),
		parent_doctype=parent,
		as_list=not as_dict,
	)


@frappe.whitelist()
def get_count(doctype: str, filters: Any = None, debug: bool = False, cache: bool = False) -> int:
	return len(frappe.get_list(doctype, filters=checked_filters(doctype, filters), pluck="name", limit_page_length=0))


@frappe.whitelist()
def get(doctype: str, name: str | None = None, filters: Any = None, parent: str | None = None) -> dict:
	"""One document: by name, the first of the filters, or a Single."""
	_check_parent(doctype, parent)
	if name:
		doc = frappe.get_doc(doctype, name)
	elif filters:
		doc = frappe.get_doc(doctype, checked_filters(doctype, filters))
	else:
		doc = frappe.get_doc(doctype)
	doc.check_permission()
	doc.apply_fieldlevel_read_permissions()
	return doc.as_dict()


@frappe.whitelist()
def get_value(
	doctype: str, fieldname: Any, filters: Any = None, as_dict: bool = True, debug: bool = False, parent: str | None = None
) -> Any:
	"""Values of the first row that the user may read, or of a Single."""
	_check_parent(doctype, parent)
	fields = frappe.parse_json(fieldname) if isinstance(fieldname, str) and fieldname[:1] in ("[", "{") else fieldname
	fields = [fields] if isinstance(fields, str) else list(fields)
	as_dict = frappe.utils.cint(as_dict)
	if frappe.get_meta(doctype).issingle:
		frappe.has_permission(doctype, "read", throw=True)
		values = {field: frappe.db.get_single_value(doctype, field) for field in checked_fields(doctype, fields)}
		return values if as_dict else list(values.values()) if len(fields) > 1 else next(iter(values.values()))
	filters = {"name": filters} if isinstance(filters, str) and filters[:1] not in ("[", "{") else filters
	rows = get_list(doctype, fields=fields, filters=filters or None, limit_page_length=1, parent=parent, as_dict=bool(as_dict))
	if as_dict:
		return rows[0] if rows else {}
	return (rows[0] if len(fields) > 1 else rows[0][0]) if rows else None


@frappe.whitelist()
def get_single_value(doctype: str, field: str) -> Any:
	frappe.has_permission(doctype, "read", throw=True)
	return frappe.db.get_single_value(doctype, checked_fields(doctype, field)[0])


@frappe.whitelist(methods=["POST", "PUT"])
def set_value(doctype: str, name: str, fieldname: Any, value: Any = None) -> dict:
	"""Set one field, or those of a JSON object, by loading and saving the document."""
	values = frappe.parse_json(fieldname) if isinstance(fieldname, str) and fieldname[:1] == "{" else fieldname
	values = values if isinstance(values, dict) else {values: value}
	if any(key in STANDARD_FIELDS for key in values):
		frappe.throw(_("Cannot edit standard fields"))
	if not frappe.get_meta(doctype).istable:
		doc = frappe.get_doc(doctype, name)
		doc.update(values)
	else:
		row = frappe.db.get_value(doctype, name, ["parenttype", "parent", "parentfield"], as_dict=True)
		if not row:
			raise frappe.DoesNotExistError
		doc = frappe.get_doc(row.parenttype, row.parent)
		next(child for child in doc.get(row.parentfield) if child.name == name).update(values)
	doc.save()
	return doc.as_dict()


def _sent(doc: Any) -> dict:
	values = dict(json.loads(doc) if isinstance(doc, str) else doc)
	values.pop("flags", None)
	return values


@frappe.whitelist(methods=["POST", "PUT"])
def insert(doc: Any = None) -> dict:
	"""Insert a document, or a row of a document's table, of which the whole is returned."""
	values = _sent(doc)
	if not frappe.get_meta(values["doctype"]).istable:
		return frappe.get_doc(values).insert().as_dict()
	parent = frappe.get_doc(values["parenttype"], values["parent"])
	parent.append(values["parentfield"], values)
	parent.save()
	return parent.as_dict()


@frappe.whitelist(methods=["POST", "PUT"])
def save(doc: Any) -> dict:
	doc = frappe.get_doc(_sent(doc))
	doc.save()
	return doc.as_dict()


@frappe.whitelist(methods=["DELETE", "POST"])
def delete(doctype: str, name: str) -> None:
	frappe.delete_doc(doctype, name, ignore_missing=False)


def _check_parent(doctype: str, parent: str | None) -> None:
	"""Rows of a table are as readable as the documents they belong to."""
	if frappe.get_meta(doctype).istable:
		if not parent or not any(f.options == doctype for f in frappe.get_meta(parent).get_table_fields()):
			frappe.throw(_("Parent DocType is required"), frappe.PermissionError)
		frappe.has_permission(parent, "read", throw=True)
