"""Values on their way into a column without a document: what a real host's column takes, in its form, and nothing else."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import frappe.exceptions as errors
from frappe.model import float_like_fields

_MOMENTS = {"Datetime": datetime.datetime, "Date": datetime.date, "Time": datetime.timedelta}


def stored_row(doctype: str, fields: Sequence[str], values: Sequence[Any]) -> list[Any]:
	"""The values as the columns hold them; DataError for one that a column cannot hold."""
	from frappe.model.meta import get_meta

	meta = get_meta(doctype)
	limits, fieldtypes = meta.limits, meta.fieldtypes
	return [
		None if value is None else _stored(doctype, field, fieldtypes.get(field, ""), limits.get(field), value)
		for field, value in zip(fields, values, strict=True)
	]


def _stored(doctype: str, field: str, fieldtype: str, limit: tuple[str, int] | None, value: Any) -> Any:
	if isinstance(value, bytes):
		value = value.decode()
	try:
		if fieldtype in _MOMENTS:
			value = _moment(fieldtype, value)
		elif fieldtype in ("Int", "Check", "Long Int"):
			value = int(value)
		elif fieldtype in float_like_fields:
			value = float(value)
	except (ValueError, TypeError, OverflowError) as error:
		raise errors.DataError(f"Incorrect value {value!r} for column '{field}' of {doctype}") from error
	if limit:
		_check(doctype, field, limit, value)
	return value


def _moment(fieldtype: str, value: Any) -> Any:
	from frappe.utils.data import get_datetime, getdate, to_timedelta

	if value == "":
		raise ValueError("no moment")
	if isinstance(value, str):
		value = {"Datetime": get_datetime, "Date": getdate, "Time": to_timedelta}[fieldtype](value)
	if isinstance(value, datetime.datetime) and value.tzinfo:
		raise ValueError("a moment with a time zone")
	return value


def _check(doctype: str, field: str, limit: tuple[str, int], value: Any) -> None:
	counted, most = limit
	if counted == "number":
		size = abs(value)
	elif isinstance(value, str) and len(value) * 4 > most:
		size = len(value) if counted == "characters" else len(value.encode())
	else:
		return
	if size > most:
		raise errors.DataError(f"Data too long for column '{field}' of {doctype}: {size} {counted}, it holds {most}")
