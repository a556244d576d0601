"""Documents as functions of `frappe`: get, cache, count, copy, and their JSON."""

from __future__ import annotations

import datetime
import decimal
import json
import pickle
from typing import Any

import frappe.exceptions as errors
from frappe.host.context import _dict, local
from frappe.model.document import get_doc, new_doc


def get_cached_doc(doctype: str, name: Any = None, *args: Any) -> Any:
	"""A document that may come from this process's memory, never an outdated one. Change a `get_doc` one instead."""
	name = doctype if name is None else name
	if not isinstance(name, str):
		return get_doc(doctype, name)
	key = (doctype, name)
	known = local.document_cache.get(key)
	db = local.db
	if not db.in_transaction:
		db.epochs.refresh()
	token = db.epochs.tokens.get(f"doc:{doctype}")
	if known and known[0] == token:
		return known[1]
	pickled = db.epochs.get(f"doc:{doctype}", f"doc:{doctype}", name, lambda: pickle.dumps(get_doc(doctype, name)))
	doc = pickle.loads(pickled)
	local.document_cache[key] = (token, doc)
	return doc


def get_cached_value(doctype: str, name: Any, fieldname: Any = "name", as_dict: bool = False) -> Any:
	try:
		doc = get_cached_doc(doctype, name)
	except errors.DoesNotExistError:
		local.message_log.pop()
		return None
	if isinstance(fieldname, str):
		if as_dict:
			return _dict({fieldname: doc.get(fieldname)})
		return doc.get(fieldname)
	values = [doc.get(each) for each in fieldname]
	return _dict(zip(fieldname, values, strict=True)) if as_dict else values


def clear_document_cache(doctype: str, name: str | None = None, *, is_new: bool = False) -> None:
	"""No process uses a remembered document of this DocType any more once the transaction is committed."""
	db = local.db
	if name is not None:
		local.document_cache.pop((doctype, name), None)
	if is_new or db is None:
		return
	db.epochs.touch(f"doc:{doctype}")


def clear_cache(user: str | None = None, doctype: str | None = None) -> None:
	"""Forget metas, hooks, documents, and (without arguments) everything in `frappe.cache()`."""
	from frappe.host.apps import get_module
	from frappe.host.shared import META
	from frappe.host.store import cache

	local.role_permissions = {}
	local.document_cache.clear()
	if user:
		return
	if local.db is not None:
		local.db.epochs.touch(META)
		local.db.value_cache.clear()
		if doctype:
			local.db.epochs.touch(f"doc:{doctype}")
			return
	cache.flushall()
	for topic in list(local.db.epochs.tokens) if local.db is not None else ():
		local.db.epochs.touch(topic)
	for function in _hooks("clear_cache"):
		module, _dot, name = function.rpartition(".")
		getattr(get_module(module), name)()


def _hooks(name: str) -> list[str]:
	from frappe.host.apps import get_hooks

	return get_hooks(name)


def get_value(*args: Any, **kwargs: Any) -> Any:
	return local.db.get_value(*args, **kwargs)


def get_system_settings(key: str) -> Any:
	return get_cached_doc("System Settings").get(key)


def copy_doc(doc: Any, ignore_no_copy: bool = True) -> Any:
	"""A new, unsaved document with the same values; with `ignore_no_copy=False` fields marked "no copy" are left out."""
	new = get_doc(dict(doc if isinstance(doc, dict) else doc.as_dict()))
	for each in (new, *new.get_all_children()):
		each.set("__islocal", 1)
		cleared = ["name", "owner", "creation", "modified", "modified_by", "docstatus", "amended_from"]
		if not ignore_no_copy:
			cleared += [df.fieldname for df in each.meta.fields if df.no_copy]
		for fieldname in cleared:
			each.set(fieldname, None)
	return new


def json_handler(value: Any) -> Any:
	"""What JSON has no word for: moments as text, numbers, documents as dicts."""
	if isinstance(value, datetime.datetime | datetime.date | datetime.time | datetime.timedelta):
		return str(value)
	if isinstance(value, decimal.Decimal):
		return float(value)
	if hasattr(value, "as_dict"):
		return value.as_dict()
	if isinstance(value, set | frozenset | tuple) or hasattr(value, "__iter__"):
		return list(value)
	if isinstance(value, type | BaseException):
		return repr(value)
	raise TypeError(f"Object of type {type(value)} with value of {value!r} is not JSON serializable")


def as_json(obj: Any, indent: int | None = 1, separators: Any = None, ensure_ascii: bool = True) -> str:
	separators = separators or (",", ": ")
	try:
		return json.dumps(
			obj, indent=indent, sort_keys=True, default=json_handler, separators=separators, ensure_ascii=ensure_ascii
		)
	except TypeError:
		return json.dumps(obj, indent=indent, default=json_handler, separators=separators, ensure_ascii=ensure_ascii)


def parse_json(val: Any) -> Any:
	"""Text is read as JSON, a dict gets attribute access."""
	if isinstance(val, str):
		val = json.loads(val)
	return _dict(val) if isinstance(val, dict) else val


__all__ = ["get_cached_doc", "get_doc", "new_doc"]
