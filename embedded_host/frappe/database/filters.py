"""Filters, fields and orders as the apps write them, turned into SQL with values kept apart."""

from __future__ import annotations

import datetime
import re
from functools import lru_cache
from typing import Any

import frappe.exceptions as errors
from frappe.query_builder import Criterion, get_table_name

_PLAIN = re.compile(r"^\w+$")
_FUNCTION = re.compile(
	r"^(count|sum|min|max|avg|distinct|ifnull|coalesce|length|lower|upper|date|now|group_concat)\s*\(", re.IGNORECASE
)
_FORBIDDEN = re.compile(r"(;|--|/\*|\bselect\b|\bunion\b|\binsert\b|\bupdate\b|\bdelete\b|\bdrop\b)", re.IGNORECASE)
_ALIAS = re.compile(r"\s+as\s+", re.IGNORECASE)
NUMBERS = frozenset(("Check", "Int", "Long Int", "Float", "Currency", "Percent"))
COMPARISONS = frozenset(("=", "!=", ">", "<", ">=", "<="))


def _checked(expression: str) -> str:
	if _FORBIDDEN.search(expression):
		raise errors.DataError(f"Cannot use this expression: {expression}")
	return expression


@lru_cache(maxsize=2000)
def _quoted(doctype: str, field: str) -> str:
	if _PLAIN.match(field):
		return f"`{get_table_name(doctype)}`.`{field}`"
	return _checked(field)


def select_clause(doctype: str, fields: Any) -> str:
	"""The list after SELECT: names, `*`, functions with or without an alias."""
	if isinstance(fields, str):
		fields = fields.split(",") if "(" not in fields and "," in fields else [fields]
	parts = []
	for field in fields or ["name"]:
		if hasattr(field, "get_sql"):
			parts.append(field.get_sql(quote_char="`", with_alias=True))
			continue
		field = field.strip()
		if field == "*":
			parts.append(f"`{get_table_name(doctype)}`.*")
			continue
		column, *alias = _ALIAS.split(field, maxsplit=1)
		if not (_PLAIN.match(column) or _FUNCTION.match(column) or "`" in column):
			raise errors.DataError(f"The embedded host does not offer the field expression {field!r}")
		alias_name = alias[0].strip("`'\" ") if alias else (column if _PLAIN.match(column) else "")
		parts.append(_quoted(doctype, column) + (f" AS `{_checked(alias_name)}`" if alias_name else ""))
	return ", ".join(parts)


@lru_cache(maxsize=500)
def select_by_name(doctype: str, fields: str | tuple[Any, ...]) -> str:
	"""The statement that reads fields of the row of one name."""
	return (
		f"SELECT {select_clause(doctype, fields)} FROM `{get_table_name(doctype)}` WHERE `{get_table_name(doctype)}`.`name` = ?"
	)


@lru_cache(maxsize=500)
def update_clause(doctype: str, columns: tuple[str, ...]) -> str:
	"""The beginning of the statement that writes columns."""
	return f"UPDATE `{get_table_name(doctype)}` SET {', '.join(f'`{column}`=?' for column in columns)}"


def order_clause(order_by: str) -> str:
	return _checked(order_by)


def where_clause(doctype: str, filters: Any, values: list[Any], *, nulls_match: bool, joiner: str = " AND ") -> str:
	"""The condition; its values are appended to `values`."""
	if filters is None or filters == {} or filters == []:
		return ""
	return joiner.join(
		_condition(dt, field, operator, value, values, nulls_match)
		for dt, field, operator, value in _normalised(doctype, filters)
	)


def _normalised(doctype: str, filters: Any) -> list[tuple[str, Any, str, Any]]:
	if isinstance(filters, str | int):
		return [(doctype, "name", "=", str(filters))]
	if isinstance(filters, Criterion):
		return [(doctype, filters, "", None)]
	if isinstance(filters, dict):
		out = []
		for field, value in filters.items():
			operator = "="
			if isinstance(value, list | tuple) and value and isinstance(value[0], str) and len(value) == 2:
				operator, value = value
			elif isinstance(value, list | tuple | set):
				operator = "in"
			out.append((doctype, field, operator, value))
		return out
	if filters and all(isinstance(each, str | int) for each in filters):
		if len(filters) == 3 and str(filters[1]).lower() in COMPARISONS | {"like", "in", "not in", "is"}:
			return [(doctype, filters[0], filters[1], filters[2])]
		return [(doctype, "name", "in", list(filters))]
	out = []
	for each in filters:
		if isinstance(each, list | tuple):
			if len(each) == 2:
				out.append((doctype, each[0], "=", each[1]))
			elif len(each) == 3:
				out.append((doctype, *each))
			else:
				out.append(tuple(each[:4]))
		else:
			out += _normalised(doctype, each)
	return out


def _stored(value: Any, fieldtype: str) -> Any:
	"""A value in the form the column holds it."""
	from frappe.utils import cint, flt, get_datetime, getdate

	if value is None:
		return None
	if fieldtype == "Datetime":
		moment = get_datetime(value)
		return moment.replace(tzinfo=None) if isinstance(moment, datetime.datetime) else moment
	if fieldtype == "Date":
		return getdate(value)
	if fieldtype in ("Check", "Int", "Long Int"):
		return cint(value) if isinstance(value, str | bool) else value
	if fieldtype in NUMBERS:
		return flt(value)
	if isinstance(value, bool):
		return int(value)
	return value if isinstance(value, str | int | float | datetime.date | datetime.timedelta) else str(value)


def _condition(doctype: str, field: Any, operator: str, value: Any, values: list[Any], nulls_match: bool) -> str:
	if hasattr(field, "get_sql"):
		from pypika.terms import QmarkParameter

		parameter = QmarkParameter()
		sql = field.get_sql(quote_char="`", parameter=parameter)
		values += parameter.get_parameters()
		return sql
	from frappe.model.meta import get_fieldtype

	column = _quoted(doctype, field)
	fieldtype = get_fieldtype(doctype, field)
	number = fieldtype in NUMBERS
	operator = operator.strip().lower()
	empty = f"COALESCE({column}, '')" if not number else column

	if operator == "is":
		if value not in ("set", "not set"):
			raise errors.DataError(f"The embedded host does not know the filter {field} is {value}")
		if not nulls_match:
			return f"{column} IS {'NOT ' if value == 'set' else ''}NULL"
		if number:
			return f"{column} {'!=' if value == 'set' else '='} 0"
		return f"{column} != ''" if value == "set" else f"{empty} = ''"
	if operator in ("in", "not in"):
		if isinstance(value, str):
			value = value.split(",")
		stored = [_stored("" if each is None and nulls_match and not number else each, fieldtype) for each in value or ()]
		listed = [each for each in stored if each is not None]
		values += listed or ([] if number else [""])
		places = ", ".join("?" * len(listed)) if listed else ("NULL" if number else "?")
		blank = nulls_match and (operator == "not in" or len(listed) < len(stored) or not stored or "" in listed)
		return f"{empty if blank else column} {operator.upper()} ({places})"
	if operator == "between":
		if fieldtype not in ("Date", "Datetime"):
			raise errors.DataError(f"between is for dates and moments, not for {field}")
		low, high = value
		values += _between(low, high, fieldtype)
		return f"{column} BETWEEN ? AND ?"
	if operator in ("like", "not like"):
		# in lists a backslash stands for itself, as on the real hosts
		text = "" if value is None else value
		values.append(text.replace("\\", "\\\\") if nulls_match and isinstance(text, str) else text)
		return f"{empty if nulls_match and operator == 'not like' else column} {operator.upper()} ?"
	if operator not in COMPARISONS:
		raise errors.DataError(f"The embedded host does not offer the filter operator {operator!r}")
	if value is None and not nulls_match:
		return f"{column} IS NULL" if operator == "=" else f"{column} IS NOT NULL"
	stored = _stored(value, fieldtype)
	if isinstance(stored, str) or stored is None:
		stored = stored or (0 if number else "")
	values.append(stored)
	if nulls_match and not number and (operator != "=" or stored == ""):
		temporal = fieldtype in ("Date", "Datetime")
		if not temporal or operator in ("!=", "<", "<="):
			return f"{empty} {operator} ?"
	return f"{column} {operator} ?"


def _between(low: Any, high: Any, fieldtype: str) -> list[Any]:
	from frappe.utils import get_datetime, getdate

	if fieldtype == "Datetime":
		start, end = get_datetime(low), get_datetime(high)
		if not isinstance(high, datetime.datetime) and (not isinstance(high, str) or len(high) <= 10):
			end = datetime.datetime.combine(end.date(), datetime.time.max)
		return [start, end]
	return [getdate(low), getdate(high)]
