"""Names of new documents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import frappe.exceptions as errors
from frappe.host.context import local
from frappe.host.messages import throw

if TYPE_CHECKING:
	from frappe.model.document import Document

MAX_LENGTH = 140
_BRACES = re.compile(r"\{[\w|#.]+\}")


def set_new_name(doc: Document, **kwargs: Any) -> None:
	"""Give a new document its name: the controller's `autoname`, the DocType's rule, else a hash."""
	meta = doc.meta
	autoname = meta.autoname or ""
	if meta.istable and not autoname:
		doc.name = make_autoname("hash")
		return
	doc.run_method("before_naming")
	if autoname.lower() != "prompt" and not local.flags.in_import:
		doc.name = None
	if meta.issingle:
		doc.name = doc.doctype
	if not doc.name:
		doc.run_method("autoname")
	if not doc.name and autoname:
		set_name_from_rule(doc, autoname)
	doc.name = validate_name(doc.doctype, doc.name or make_autoname("hash"))


def set_name_from_rule(doc: Document, autoname: str) -> None:
	from frappe.translate import _

	rule = autoname.lower()
	if rule.startswith("field:"):
		fieldname = autoname[6:]
		value = str(doc.get(fieldname) or "").strip()
		if not value:
			label = doc.meta.get_label(fieldname)
			throw(_("{0} is required").format(_(label)), errors.ValidationError)
		doc.name = value
	elif rule.startswith("naming_series:"):
		series = doc.get("naming_series") or _first_series(doc)
		if not series:
			throw(_("Naming Series mandatory"))
		doc.set("naming_series", series)
		doc.name = make_autoname(f"{series}.#####" if "#" not in series else series, doc=doc)
	elif rule == "prompt":
		if not doc.name:
			throw(_("Please set the document name"), errors.ValidationError)
	elif rule.startswith("format:"):
		doc.name = _BRACES.sub(lambda match: _part(match.group(0)[1:-1], doc, parse=True), autoname[7:])
	elif rule in ("hash", "random", "uuid"):
		doc.name = make_autoname("hash")
	else:
		doc.name = make_autoname(autoname, doc=doc)


def _first_series(doc: Document) -> str:
	df = doc.meta.get_field("naming_series")
	return df.default or (df.options or "").strip().split("\n")[0] if df else ""


def make_autoname(key: str = "", doctype: str = "", doc: Any = "", *, ignore_validate: bool = False) -> str:
	"""A name from a pattern such as `OPP-.YYYY.-.#####`; "hash" gives ten random characters."""
	from frappe.utils import random_string

	if key in ("hash", ""):
		return random_string(10).lower()
	if "#" not in key:
		key += ".#####"
	elif "." not in key:
		throw(f"Invalid naming series {key}: dot (.) missing")
	return parse_naming_series(key, doctype, doc)


def parse_naming_series(parts: Any, doctype: str = "", doc: Any = "", number_generator: Any = None) -> str:
	"""The parts joined: dates, fields of the document, and a counter of its own for what stands before the `#`s."""
	name = ""
	for part in parts.split(".") if isinstance(parts, str) else parts:
		if part and set(part) == {"#"}:
			name += (number_generator or getseries)(name, len(part))
		elif part:
			name += _part(part, doc)
	return name


def _part(part: str, doc: Any, parse: bool = False) -> str:
	from frappe.utils import now_datetime

	now = now_datetime()
	dates = {"YY": "%y", "YYYY": "%Y", "MM": "%m", "DD": "%d", "JJJ": "%j", "WW": "%V"}
	if part in dates:
		return now.strftime(dates[part])
	if part == "timestamp":
		return str(now)
	if parse and set(part) == {"#"}:
		return getseries(doc.doctype + "-", len(part))
	fieldname = part.strip("{}")
	if doc and (part.startswith("{") or doc.meta.has_field(part) or parse):
		value = doc.get(fieldname)
		return "" if value is None else str(value).strip()
	return part


def getseries(key: str, digits: int) -> str:
	"""The next number of a series, with leading zeros. Taken in the transaction: given back if that is rolled back."""
	local.db.execute_built(
		"INSERT INTO tabSeries (name, current) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET current = current + 1", (key,)
	)
	current = local.db.execute_built("SELECT current FROM tabSeries WHERE name=?", (key,))[0][0]
	return str(current).zfill(digits)


def validate_name(doctype: str, name: Any) -> str:
	"""The name without spaces around it; refused where a name of that form is not possible."""
	from frappe.model.meta import get_meta
	from frappe.translate import _

	if not name:
		throw(_("No Name Specified for {0}").format(doctype))
	if isinstance(name, int):
		throw(_("Invalid name type (integer) for varchar name column"), errors.NameError)
	if name.startswith("New " + doctype):
		throw(_("There were some errors setting the name, please contact the administrator"), errors.NameError)
	name = name.strip()
	if name == doctype and name != "DocType" and not get_meta(doctype).issingle:
		throw(_("Name of {0} cannot be {1}").format(_(doctype), name), errors.NameError)
	if "<" in name or ">" in name:
		throw(_("Name cannot contain special characters like {0}").format("'<', '>'"), errors.NameError)
	if len(name) > MAX_LENGTH:
		throw(_("{0} will get truncated, as max characters allowed is {1}").format(name, MAX_LENGTH), errors.DataError)
	return name


def append_number_if_name_exists(
	doctype: str, value: str, fieldname: str = "name", separator: str = "-", filters: dict | None = None
) -> str:
	"""The value, with the first free number behind it where it is taken."""
	if not local.db.exists(doctype, {**(filters or {}), fieldname: value}):
		return value
	number = 1
	while local.db.exists(doctype, {**(filters or {}), fieldname: f"{value}{separator}{number}"}):
		number += 1
	return f"{value}{separator}{number}"
