"""What a DocType is: its DocType, DocField and DocPerm rows, its Custom Fields and Property Setters, in that order.

The DocTypes that the host itself brings are read from their JSON files, so that they are known before any table is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import frappe.exceptions as errors
from frappe.database.schema import COLUMN_TYPES, VARCHAR
from frappe.host.apps import get_attr, get_hooks, scrub
from frappe.host.context import _dict, local
from frappe.model import child_table_fields, datetime_fields, default_fields, float_like_fields, optional_fields, table_fields

CHECK_PROPERTIES = (
	"reqd",
	"unique",
	"hidden",
	"read_only",
	"search_index",
	"no_copy",
	"in_list_view",
	"set_only_once",
	"is_virtual",
)
_STANDARD_FIELDTYPES = {
	"name": "Data",
	"owner": "Link",
	"modified_by": "Link",
	"creation": "Datetime",
	"modified": "Datetime",
	"docstatus": "Int",
	"idx": "Int",
	"parent": "Data",
	"parentfield": "Data",
	"parenttype": "Data",
}


@lru_cache(maxsize=1)
def host_definitions() -> dict[str, dict[str, Any]]:
	"""The DocTypes in the host's own folders, by name."""
	root = Path(__file__).resolve().parent.parent
	found = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(root.glob("*/doctype/*/*.json")))
	return {doc["name"]: doc for doc in found if doc.get("doctype") == "DocType"}


def _left_as_it_is(df: _dict) -> bool:
	"""Fields of code, files, addresses, and those marked so."""
	return bool(
		df.ignore_xss_filter
		or df.fieldtype in ("Attach", "Attach Image", "Barcode", "Code")
		or (df.fieldtype in ("Data", "Small Text", "Text") and df.options == "Email")
	)


def _compare(value: Any, condition: Any) -> bool:
	if isinstance(condition, list | tuple):
		operator, wanted = condition
		if operator == "in":
			return value in wanted
		if operator == "not in":
			return value not in wanted
		return (value == wanted) if operator == "=" else (value != wanted)
	if isinstance(condition, bool):
		return bool(value) is condition
	return value == condition


class Meta:
	"""One DocType as documents, forms and permissions see it. Shared by the whole process: never change one."""

	def __init__(self, definition: dict[str, Any]) -> None:
		self._properties = _dict({key: value for key, value in definition.items() if not isinstance(value, list)})
		self.fields: list[_dict] = [_dict(field, parent=definition["name"]) for field in definition.get("fields") or []]
		self.permissions: list[_dict] = [_dict(row) for row in definition.get("permissions") or []]
		self.links: list[_dict] = [_dict(row) for row in definition.get("links") or []]
		self.actions: list[_dict] = [_dict(row) for row in definition.get("actions") or []]
		for row in self.permissions:
			row.permlevel = int(row.permlevel or 0)
		for index, df in enumerate(self.fields, 1):
			df.setdefault("idx", index)
			df.permlevel = int(df.permlevel or 0)

	def __getattr__(self, name: str) -> Any:
		if name.startswith("__") or name == "_properties":
			raise AttributeError(name)
		return self._properties.get(name)

	def get(self, key: str, filters: dict[str, Any] | None = None, limit: int | None = None, default: Any = None) -> Any:
		if key not in ("fields", "permissions", "links", "actions"):
			return self._properties.get(key, filters if filters is not None else default)
		rows = getattr(self, key)
		if filters:
			rows = [row for row in rows if all(_compare(row.get(name), want) for name, want in filters.items())]
		return rows[:limit] if limit else rows

	def prepare(self) -> Meta:
		"""Work out what every document asks for, once."""
		self.by_name = {df.fieldname: df for df in self.fields if df.fieldname}
		self.table_fields = [df for df in self.fields if df.fieldtype in table_fields]
		self.link_fields = [df for df in self.fields if df.fieldtype == "Link" and df.options != "[Select]"]
		self.dynamic_link_fields = [df for df in self.fields if df.fieldtype == "Dynamic Link"]
		self.select_fields = [df for df in self.fields if df.fieldtype == "Select" and (df.options or "").strip()]
		self.email_fields = [
			df for df in self.fields if df.fieldtype == "Data" and df.options in ("Email", "Phone", "URL", "Name")
		]
		self.password_fields = [df for df in self.fields if df.fieldtype == "Password"]
		self.mandatory_fields = [df for df in self.fields if df.reqd]
		self.virtual_fields = [df for df in self.fields if df.is_virtual and df.fieldtype in COLUMN_TYPES]
		self.columns = [df.fieldname for df in self.fields if df.fieldtype in COLUMN_TYPES and not df.is_virtual]
		self.valid_columns = ["name", "owner", "creation", "modified", "modified_by", "docstatus", "idx", *self.columns]
		if self.istable:
			self.valid_columns += child_table_fields
		self.fieldtypes = _STANDARD_FIELDTYPES | {
			df.fieldname: df.fieldtype for df in self.fields if df.fieldname and df.fieldname not in _STANDARD_FIELDTYPES
		}
		self.choices = {
			df.fieldname: frozenset(df.options.split("\n")) for df in self.select_fields if df.fieldname != "naming_series"
		}
		self.table_fieldnames = frozenset(df.fieldname for df in self.table_fields)
		self.tables = [(df.fieldname, df.options) for df in self.table_fields]
		self.links_out = [
			(df.fieldname, df.fieldtype == "Link", df.options) for df in (*self.link_fields, *self.dynamic_link_fields)
		]
		self.autonamed_field = self.autoname[6:] if (self.autoname or "").startswith("field:") else ""
		self.non_negative_fields = [df for df in self.fields if df.non_negative and df.fieldtype in ("Int", "Float", "Currency")]
		self._prepare_defaults()
		self.fetch_fields: dict[str, list[_dict]] = {}
		for df in self.fields:
			if df.fetch_from and "." in df.fetch_from:
				self.fetch_fields.setdefault(df.fetch_from.split(".")[0], []).append(df)
		return self

	@cached_property
	def limits(self) -> dict[str, tuple[str, int]]:
		"""{field: (what is counted, how many)}: characters, bytes, or the size of a number, as the real hosts' columns hold them."""
		found = {
			name: ("characters", VARCHAR) for name in ("name", "owner", "modified_by", "parent", "parenttype", "parentfield")
		}
		for df in self.fields:
			length = COLUMN_TYPES.get(df.fieldtype, ("", None))[1]
			if length:
				found[df.fieldname] = ("characters", int(df.length or 0) or length)
			elif df.fieldtype in ("Small Text", "Text", "Attach", "Attach Image", "Password"):
				found[df.fieldname] = ("bytes", 65535)
			elif df.fieldtype == "Int" and int(df.length or 0) <= 11:
				found[df.fieldname] = ("number", 2147483647)
		return found

	@cached_property
	def casts(self) -> list[tuple[str, _dict | None, bool]]:
		"""The columns, each with its field, if it has one, and whether it takes text as it is."""
		asis = (*datetime_fields, *float_like_fields, "Check", "Int", "Long Int", "JSON")
		fields = ((name, self.by_name.get(name)) for name in self.valid_columns)
		return [(name, df, df is not None and df.fieldtype not in asis and not df.unique) for name, df in fields]

	@cached_property
	def lengths(self) -> list[tuple[str, str, int]]:
		"""The fields whose length is limited: what is counted, how many."""
		return [(name, *self.limits[name]) for name in self.columns if name in self.limits]

	@cached_property
	def sanitised_columns(self) -> list[str]:
		"""The fields whose HTML is cleaned when a document is saved."""
		return [name for name in self.columns if not _left_as_it_is(self.by_name[name])]

	@cached_property
	def insert_statement(self) -> str:
		"""The statement that writes a row of all columns."""
		columns = ", ".join(f"`{name}`" for name in self.valid_columns)
		return f"INSERT INTO `tab{self.name}` ({columns}) VALUES ({', '.join('?' * len(self.valid_columns))})"

	@cached_property
	def doc_events(self) -> dict[str, list[Callable[..., Any]]]:
		"""The functions that the apps' `doc_events` name for each method, those for the DocType first, then those for `*`."""
		events = get_hooks("doc_events", {})
		found: dict[str, list[Any]] = {}
		for key in (self.name, "*"):
			for method, handlers in (events.get(key) or {}).items():
				found.setdefault(method, []).extend(handlers)
		return {method: [get_attr(handler) for handler in handlers] for method, handlers in found.items()}

	def _prepare_defaults(self) -> None:
		"""What a new document's fields begin with: what is always the same, and what must be asked for each time."""
		self.static_defaults: dict[str, Any] = {}
		self.dynamic_defaults: list[tuple[str, str]] = []
		for df in self.fields:
			default = "" if df.default is None else str(df.default)
			if df.fieldname not in self.columns:
				continue
			if df.fieldtype == "Link" and df.options not in ("User", "[Select]"):
				self.dynamic_defaults.append((df.fieldname, "link"))
			if default == "__user":
				self.dynamic_defaults.append((df.fieldname, "user"))
			elif df.fieldtype == "Datetime" and default.lower() == "now":
				self.dynamic_defaults.append((df.fieldname, "now"))
			elif df.fieldtype == "Date" and default.lower() in ("today", "now"):
				self.dynamic_defaults.append((df.fieldname, "today"))
			elif df.fieldtype == "Time":
				self.dynamic_defaults.append((df.fieldname, "time"))
			elif default and not default.startswith(":"):
				self.static_defaults[df.fieldname] = (
					int(default) if df.fieldtype in ("Check", "Int") and default.isdigit() else default
				)
			elif df.fieldtype == "Check":
				self.static_defaults[df.fieldname] = 0
			elif df.fieldtype == "Select" and df.options and df.fieldname != "naming_series":
				self.static_defaults[df.fieldname] = df.options.split("\n")[0]

	def get_field(self, fieldname: str) -> _dict | None:
		return self.by_name.get(fieldname)

	def has_field(self, fieldname: str) -> bool:
		return fieldname in self.by_name

	def get_label(self, fieldname: str) -> str:
		df = self.by_name.get(fieldname)
		if df:
			return df.label or fieldname
		return {"name": "ID", "owner": "Created By", "creation": "Created On", "modified": "Last Updated On"}.get(
			fieldname, "No Label"
		)

	def get_table_fields(self) -> list[_dict]:
		return self.table_fields

	def get_link_fields(self) -> list[_dict]:
		return self.link_fields

	def get_dynamic_link_fields(self) -> list[_dict]:
		return self.dynamic_link_fields

	def get_valid_columns(self) -> list[str]:
		return self.valid_columns

	def get_fields_to_fetch(self, link_fieldname: str | None = None) -> list[_dict]:
		return self.fetch_fields.get(link_fieldname or "", [])

	def get_search_fields(self) -> list[str]:
		names = [name.strip() for name in (self.search_fields or "").split(",") if name.strip()]
		return names if "name" in names else [*names, "name"]

	def get_high_permlevel_fields(self) -> list[_dict]:
		return [df for df in self.fields if df.permlevel > 0]

	def get_permissions(self, parenttype: str | None = None) -> list[_dict]:
		return get_meta(parenttype).permissions if self.istable and parenttype else self.permissions

	def as_dict(self, no_nulls: bool = False) -> _dict:
		out = _dict(self._properties, doctype="DocType")
		for key in ("fields", "permissions", "links", "actions"):
			out[key] = [_dict(row) for row in getattr(self, key)]
		return out


def get_meta(doctype: Any, cached: bool = True) -> Meta:
	"""The meta of a DocType (or of a document's); DoesNotExistError where there is none."""
	if not isinstance(doctype, str):
		doctype = doctype.doctype
	db = local.db
	if db is None or not cached:
		return _build(doctype)
	return db.process_cached("meta", doctype, lambda: _build(doctype))


def _build(doctype: str) -> Meta:
	definition = host_definitions().get(doctype)
	if definition is None:
		definition = _definition_from_rows(doctype)
	meta = Meta(definition)
	if local.db is not None and not local.flags.in_install_db:
		_add_custom_fields(meta)
		_apply_property_setters(meta)
	for df in meta.fields:
		for name in CHECK_PROPERTIES:
			df[name] = int(df.get(name) or 0)
	return meta.prepare()


def _definition_from_rows(doctype: str) -> dict[str, Any]:
	db = local.db
	rows = db.execute_built("SELECT * FROM tabDocType WHERE name=?", (doctype,), as_dict=True) if db else []
	if not rows:
		raise errors.DoesNotExistError(f"DocType {doctype} not found")
	definition = rows[0]
	for df in host_definitions()["DocType"]["fields"]:
		if df["fieldtype"] == "Table":
			definition[df["fieldname"]] = db.execute_built(
				f"SELECT * FROM `tab{df['options']}` WHERE parent=? AND parenttype='DocType' AND parentfield=? ORDER BY idx",
				(definition.name, df["fieldname"]),
				as_dict=True,
			)
	return definition


def _add_custom_fields(meta: Meta) -> None:
	rows = local.db.execute_built("SELECT * FROM `tabCustom Field` WHERE dt=? ORDER BY idx, creation", (meta.name,), as_dict=True)
	names = {df.fieldname for df in meta.fields}
	for row in rows:
		if row.fieldname in names:
			continue
		row.is_custom_field = 1
		row.parent = meta.name
		row.permlevel = int(row.permlevel or 0)
		position = next((i + 1 for i, df in enumerate(meta.fields) if df.fieldname == row.insert_after), len(meta.fields))
		meta.fields.insert(position, row)
		names.add(row.fieldname)
	for index, df in enumerate(meta.fields, 1):
		df.idx = index


def _apply_property_setters(meta: Meta) -> None:
	rows = local.db.execute_built(
		"SELECT * FROM `tabProperty Setter` WHERE doc_type=? ORDER BY creation", (meta.name,), as_dict=True
	)
	by_name = {df.fieldname: df for df in meta.fields}
	for row in rows:
		value: Any = row.value
		if row.property_type in ("Int", "Check"):
			value = int(value or 0)
		if row.doctype_or_field == "DocType" and row.property == "field_order":
			_reorder(meta, json.loads(value or "[]"))
		elif row.doctype_or_field == "DocType":
			meta._properties[row.property] = value
		elif row.doctype_or_field == "DocField" and row.field_name in by_name:
			by_name[row.field_name][row.property] = value
			if row.property in CHECK_PROPERTIES:
				by_name[row.field_name][row.property] = int(value or 0)


def _reorder(meta: Meta, order: Iterable[str]) -> None:
	"""Fields in the given order; one that is not named stays behind its neighbour of before."""
	by_name = {df.fieldname: df for df in meta.fields}
	names = [name for name in order if name in by_name]
	previous = None
	for df in meta.fields:
		if df.fieldname not in names:
			names.insert(names.index(previous) + 1 if previous in names else 0, df.fieldname)
		previous = df.fieldname
	meta.fields = [by_name[name] for name in names]
	for index, df in enumerate(meta.fields, 1):
		df.idx = index


def get_fieldtype(doctype: str, fieldname: Any) -> str:
	"""The fieldtype of a column, "" where it cannot be told."""
	standard = _STANDARD_FIELDTYPES.get(fieldname)
	if standard:
		return standard
	try:
		return get_meta(doctype).fieldtypes.get(fieldname, "")
	except errors.DoesNotExistError:
		return ""


def is_single(doctype: str) -> bool:
	return bool(get_meta(doctype).issingle)


__all__ = ["Meta", "default_fields", "get_fieldtype", "get_meta", "host_definitions", "is_single", "optional_fields", "scrub"]
