"""A document's values: fields, child rows, the row in the table. The life of a document is in `document.py`."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import frappe.exceptions as errors
from frappe.host.context import _dict, local
from frappe.host.messages import msgprint
from frappe.model import child_table_fields, datetime_fields, default_fields, float_like_fields, table_fields
from frappe.model.docstatus import DocStatus
from frappe.model.meta import Meta, get_meta
from frappe.utils import cint, cstr, flt, now

RESERVED = frozenset(
	(
		"doctype",
		"meta",
		"flags",
		"parent_doc",
		"_doc_before_save",
		"_table_fieldnames",
		"permitted_fieldnames",
		"dont_update_if_missing",
	)
)


def get_controller(doctype: str) -> type[Any]:
	"""The class of a DocType's documents."""
	from frappe.model.controller import get_controller as find

	return find(doctype)


class BaseDocument:
	dont_update_if_missing: tuple[str, ...] | list[str] = ()

	def __init__(self, d: dict[str, Any]) -> None:
		if d.get("doctype"):
			self.doctype = d["doctype"]
		self._table_fieldnames = self.meta.table_fieldnames
		self.update(d)
		self.dont_update_if_missing = []
		if hasattr(self, "__setup__"):
			self.__setup__()

	@cached_property
	def meta(self) -> Meta:
		return get_meta(self.doctype)

	def __getstate__(self) -> dict[str, Any]:
		state = self.__dict__.copy()
		self.remove_unpicklable_values(state)
		return state

	def remove_unpicklable_values(self, state: dict[str, Any]) -> None:
		"""Called with the attributes that are about to be pickled for the cache; controllers drop their own here."""
		state.pop("meta", None)
		state.pop("_doc_before_save", None)

	# -- values -----------------------------------------------------------------------------------

	def get(self, key: Any, filters: Any = None, limit: int | None = None, default: Any = None) -> Any:
		if isinstance(key, dict):
			return _filtered(self.get_all_children(), key, limit)
		if filters:
			if isinstance(filters, dict):
				return _filtered(self.__dict__.get(key) or [], filters, limit)
			default = filters
		value = self.__dict__.get(key, default)
		return value[:limit] if limit and isinstance(value, list | tuple) else value

	def set(self, key: str, value: Any, as_value: bool = False) -> None:
		if key in RESERVED:
			return
		if not as_value and key in self._table_fieldnames:
			self.__dict__[key] = []
			if value:
				self.extend(key, value)
			return
		self.__dict__[key] = value

	def update(self, d: Any) -> Any:
		if isinstance(d, BaseDocument):
			d = d.as_dict()
		if "name" in d:
			self.name = d["name"]
		as_value = bool(self.__dict__.get("flags") and self.flags.ignore_children)
		for key, value in d.items():
			self.set(key, value, as_value=as_value)
		return self

	def update_if_missing(self, d: Any) -> None:
		"""Take over values for fields that are None."""
		values = d.get_valid_dict() if isinstance(d, BaseDocument) else d
		for key, value in values.items():
			if value is not None and self.__dict__.get(key) is None and key not in self.dont_update_if_missing:
				self.set(key, value)

	def append(self, key: str, value: Any = None, position: int = -1) -> Any:
		"""Add a row to a child table."""
		table = self.__dict__.get(key)
		if table is None:
			self.__dict__[key] = table = []
		row = self._init_child({} if value is None else value, key)
		table.append(row)
		row.parent_doc = self
		return row

	def extend(self, key: str, value: Iterable[Any]) -> None:
		for each in value:
			self.append(key, each)

	def remove(self, doc: BaseDocument) -> None:
		"""Take a child row out of its table."""
		if doc.get("parentfield"):
			self.get(doc.parentfield).remove(doc)

	def _init_child(self, value: Any, key: str) -> Any:
		if not isinstance(value, BaseDocument):
			df = self.meta.get_field(key)
			if not df or not df.options:
				raise AttributeError(key)
			value = get_controller(df.options)(dict(value, doctype=df.options))
		value.parent = self.name
		value.parenttype = self.doctype
		value.parentfield = key
		if value.docstatus is None:
			value.docstatus = 0
		if not value.__dict__.get("idx"):
			value.idx = len(self.__dict__.get(key) or []) + 1
		if not value.__dict__.get("name"):
			value.__dict__["__islocal"] = 1
		return value

	def init_child_tables(self) -> None:
		for fieldname in self._table_fieldnames:
			if self.__dict__.get(fieldname) is None:
				self.__dict__[fieldname] = []

	def init_valid_columns(self) -> None:
		values = self.__dict__
		for key in default_fields:
			values.setdefault(key, None)
		values["docstatus"] = DocStatus(cint(values["docstatus"]))
		values["idx"] = values["idx"] or 0
		for key in self.meta.valid_columns:
			if key not in values:
				values[key] = None

	def is_new(self) -> bool:
		return bool(self.__dict__.get("__islocal"))

	@property
	def docstatus(self) -> DocStatus:
		return DocStatus(cint(self.__dict__.get("docstatus")))

	@docstatus.setter
	def docstatus(self, value: Any) -> None:
		self.__dict__["docstatus"] = DocStatus(cint(value))

	def get_valid_dict(
		self, sanitize: bool = True, convert_dates_to_str: bool = False, ignore_nulls: bool = False, ignore_virtual: bool = False
	) -> _dict:
		"""The values of the fields that have a column, in the form the column holds them."""
		out = _dict()
		values = self.__dict__
		for fieldname, df, takes_text in self.meta.casts:
			value = values.get(fieldname)
			if df is not None and sanitize and not (takes_text and (value is None or type(value) is str)):
				value = _cast(df, value)
			if value is None and ignore_nulls:
				continue
			if convert_dates_to_str and isinstance(value, datetime.date | datetime.time | datetime.timedelta):
				value = str(value)
			out[fieldname] = value
		if not ignore_virtual:
			for df in self.meta.virtual_fields:
				out[df.fieldname] = getattr(self, df.fieldname, None)
		return out

	def as_dict(
		self,
		no_nulls: bool = False,
		no_default_fields: bool = False,
		convert_dates_to_str: bool = False,
		no_child_table_fields: bool = False,
		no_private_properties: bool = False,
	) -> _dict:
		out = self.get_valid_dict(convert_dates_to_str=convert_dates_to_str, ignore_nulls=no_nulls)
		out.doctype = self.doctype
		for fieldname in self._table_fieldnames:
			out[fieldname] = [
				row.as_dict(
					no_nulls=no_nulls,
					no_default_fields=no_default_fields,
					convert_dates_to_str=convert_dates_to_str,
					no_child_table_fields=no_child_table_fields,
				)
				for row in self.get(fieldname) or []
			]
		dropped = (*default_fields,) * no_default_fields + (*child_table_fields,) * no_child_table_fields
		for key in dropped:
			out.pop(key, None)
		for key in ("_user_tags", "__islocal", "__onload", "_liked_by", "__run_link_triggers", "__unsaved", "_seen", "_assign"):
			value = self.__dict__.get(key)
			if value:
				out[key] = value
		return out

	def as_json(self) -> str:
		from frappe.host.documents import as_json

		return as_json(self.as_dict())

	def get_all_children(self, parenttype: str | None = None) -> list[Any]:
		rows: list[Any] = []
		for fieldname, doctype in self.meta.tables:
			if not parenttype or doctype == parenttype:
				rows += self.__dict__.get(fieldname) or []
		return rows

	def get_label_from_fieldname(self, fieldname: str) -> str | None:
		df = self.meta.get_field(fieldname)
		return df.label if df else None

	# -- the row ----------------------------------------------------------------------------------

	def db_insert(self, ignore_if_duplicate: bool = False) -> None:
		"""Write the row of a new document."""
		from frappe.model.naming import set_new_name
		from frappe.translate import _

		if not self.name:
			set_new_name(self)
		if not self.creation:
			self.creation = self.modified = now()
			self.modified_by = local.session.user
			self.owner = self.owner or local.session.user
		d = self.get_valid_dict(ignore_virtual=True)
		try:
			local.db.execute_built(self.meta.insert_statement, list(d.values()))
		except Exception as error:
			if local.db.is_unique_key_violation(error) and local.db.exists(self.doctype, self.name):
				if self.meta.autoname == "hash":
					self.name = None
					self.db_insert()
					return
				if not ignore_if_duplicate:
					msgprint(
						_("{0} {1} already exists").format(_(self.doctype), self.name), title=_("Duplicate Name"), indicator="red"
					)
					raise errors.DuplicateEntryError(self.doctype, self.name, error) from error
			elif local.db.is_unique_key_violation(error):
				self.show_unique_validation_message(error)
			else:
				raise
		self.set("__islocal", False)

	def db_update(self) -> None:
		"""Write the row of a document that exists."""
		if self.is_new() or not self.name:
			self.db_insert()
			return
		d = self.get_valid_dict(ignore_virtual=True)
		name = d.pop("name")
		assignments = ", ".join(f"`{column}`=?" for column in d)
		try:
			local.db.execute_built(f"UPDATE `tab{self.doctype}` SET {assignments} WHERE `name`=?", [*d.values(), name])
		except Exception as error:
			if local.db.is_unique_key_violation(error):
				self.show_unique_validation_message(error)
			raise

	def show_unique_validation_message(self, e: Exception) -> None:
		from frappe.translate import _

		fieldname = str(e).rsplit(".", 1)[-1]
		msgprint(_("{0} must be unique").format(_(self.get_label_from_fieldname(fieldname) or fieldname)))
		raise errors.UniqueValidationError(self.doctype, self.name, e) from e

	def get_password(self, fieldname: str = "password", raise_exception: bool = True) -> str | None:
		"""The clear text of a Password field."""
		from frappe.utils.password import get_decrypted_password

		value = self.get(fieldname)
		if value and not self.is_dummy_password(value):
			return value
		return get_decrypted_password(self.doctype, self.name, fieldname, raise_exception=raise_exception)

	@staticmethod
	def is_dummy_password(pwd: str) -> bool:
		return set(pwd) == {"*"}


def _cast(df: _dict, value: Any) -> Any:
	fieldtype = df.fieldtype
	if fieldtype == "Check":
		return 1 if cint(value) else 0
	if fieldtype in ("Int", "Long Int"):
		return value if type(value) is int else cint(value)
	if fieldtype in float_like_fields:
		return value if isinstance(value, float) else flt(value)
	if value is None:
		return None
	if fieldtype in datetime_fields:
		return _cast_moment(fieldtype, value)
	if fieldtype == "JSON" and isinstance(value, dict | list):
		return json.dumps(value, sort_keys=True, indent=4, separators=(",", ": "))
	if isinstance(value, list) and fieldtype not in table_fields:
		raise errors.ValidationError(f"Value for {df.label or df.fieldname} cannot be a list")
	if isinstance(value, bytes):
		value = value.decode()
	if df.unique and cstr(value).strip() == "":
		return None
	return value


def _cast_moment(fieldtype: str, value: Any) -> Any:
	from frappe.utils import get_datetime, get_time, getdate

	if value == "":
		return None
	if isinstance(value, datetime.timedelta):
		return value
	return {"Datetime": get_datetime, "Date": getdate, "Time": get_time}[fieldtype](value)


def _filtered(rows: list[Any], filters: dict[str, Any], limit: int | None) -> list[Any]:
	from frappe.utils import compare

	found = []
	for row in rows:
		for key, want in filters.items():
			value = row.get(key)
			if isinstance(want, list | tuple):
				matches = compare(value, want[0], want[1])
			elif isinstance(want, bool):
				matches = (value is not None) is want
			elif isinstance(want, str) and want.startswith("^"):
				matches = cstr(value).startswith(want[1:])
			else:
				matches = compare(value, "=", want)
			if not matches:
				break
		else:
			found.append(row)
			if limit and len(found) >= limit:
				break
	return found
