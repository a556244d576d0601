"""Tables and indexes from metas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import frappe.exceptions as errors
from frappe.query_builder import get_table_name

if TYPE_CHECKING:
	from frappe.database.database import Database

TEXT = "TEXT COLLATE host"
VARCHAR = 140
COLUMN_TYPES: dict[str, tuple[str, int | None]] = {
	"Currency": ("REAL", None),
	"Int": ("INTEGER", None),
	"Long Int": ("INTEGER", None),
	"Float": ("REAL", None),
	"Percent": ("REAL", None),
	"Rating": ("REAL", None),
	"Duration": ("REAL", None),
	"Check": ("INTEGER", None),
	"Small Text": (TEXT, None),
	"Long Text": (TEXT, None),
	"Code": (TEXT, None),
	"Text Editor": (TEXT, None),
	"Markdown Editor": (TEXT, None),
	"HTML Editor": (TEXT, None),
	"Date": ("DATE", None),
	"Datetime": ("DATETIME", None),
	"Time": ("TIME", None),
	"Text": (TEXT, None),
	"Data": (TEXT, VARCHAR),
	"Link": (TEXT, VARCHAR),
	"Dynamic Link": (TEXT, VARCHAR),
	"Password": (TEXT, None),
	"Select": (TEXT, VARCHAR),
	"Read Only": (TEXT, VARCHAR),
	"Attach": (TEXT, None),
	"Attach Image": (TEXT, None),
	"Signature": (TEXT, None),
	"Color": (TEXT, VARCHAR),
	"Barcode": (TEXT, None),
	"Geolocation": (TEXT, None),
	"Icon": (TEXT, VARCHAR),
	"Phone": (TEXT, VARCHAR),
	"Autocomplete": (TEXT, VARCHAR),
	"JSON": (TEXT, None),
}
"""Fieldtype -> column type, and how many characters it holds where that is limited. Fieldtypes not here have no column."""

STANDARD_COLUMNS = {
	"name": f"{TEXT} PRIMARY KEY",
	"creation": "DATETIME",
	"modified": "DATETIME",
	"modified_by": TEXT,
	"owner": TEXT,
	"docstatus": "INTEGER NOT NULL DEFAULT 0",
	"idx": "INTEGER NOT NULL DEFAULT 0",
}
CHILD_COLUMNS = {"parent": TEXT, "parentfield": TEXT, "parenttype": TEXT}
OPTIONAL_COLUMNS = {name: TEXT for name in ("_user_tags", "_comments", "_assign", "_liked_by")}
INFRASTRUCTURE = (
	f"CREATE TABLE IF NOT EXISTS tabSingles (doctype {TEXT}, field {TEXT}, value TEXT)",
	"CREATE INDEX IF NOT EXISTS singles_doctype ON tabSingles (doctype, field)",
	f"CREATE TABLE IF NOT EXISTS __Auth (doctype {TEXT}, name {TEXT}, fieldname {TEXT}, password TEXT, encrypted INTEGER DEFAULT 0, "
	"PRIMARY KEY (doctype, name, fieldname))",
	"CREATE TABLE IF NOT EXISTS tabSeries (name TEXT PRIMARY KEY, current INTEGER NOT NULL DEFAULT 0)",
)


def column_definition(df: Any) -> str | None:
	"""The column of a field, None for fields that have none (layout, tables, virtual ones)."""
	if df.get("is_virtual") or df.fieldtype not in COLUMN_TYPES:
		return None
	column_type = COLUMN_TYPES[df.fieldtype][0]
	default = df.get("default")
	if column_type in ("INTEGER", "REAL"):
		try:
			number = float(default or 0)
		except ValueError:
			number = 0.0
		return f"{column_type} NOT NULL DEFAULT {number:g}"
	if column_type == TEXT and default and not str(default).startswith(":") and df.fieldtype in ("Data", "Select", "Link"):
		literal = str(default).replace("'", "''")
		return f"{TEXT} DEFAULT '{literal}'"
	return column_type


def update_table(db: Database, meta: Any) -> None:
	"""Create the table of a DocType, or add the columns and indexes that it lacks."""
	if meta.issingle or meta.get("is_virtual"):
		return
	table = get_table_name(meta.name)
	wanted = dict(STANDARD_COLUMNS)
	wanted |= CHILD_COLUMNS if meta.istable else OPTIONAL_COLUMNS
	if meta.track_seen:
		wanted["_seen"] = TEXT
	for df in meta.fields:
		definition = column_definition(df)
		if definition:
			wanted.setdefault(df.fieldname, definition)
	existing = {row[1] for row in db._conn.execute(f"PRAGMA table_info(`{table}`)")}
	if not existing:
		columns = ", ".join(f"`{name}` {definition}" for name, definition in wanted.items())
		db._conn.execute(f"CREATE TABLE `{table}` ({columns})")
	else:
		for name, definition in wanted.items():
			if name not in existing:
				db._conn.execute(f"ALTER TABLE `{table}` ADD COLUMN `{name}` {definition}")
	indexes = [("parent", False)] if meta.istable else [("modified", False)]
	indexes += [(df.fieldname, bool(df.get("unique"))) for df in meta.fields if df.get("unique") or df.get("search_index")]
	for fieldname, unique in indexes:
		if fieldname in wanted:
			_create_index(db, table, [fieldname], f"{table}_{fieldname}" + ("_unique" if unique else ""), unique)


def _create_index(db: Database, table: str, fields: list[str], name: str, unique: bool) -> None:
	columns = ", ".join(f"`{field}`" for field in fields)
	db._conn.execute(f"CREATE {'UNIQUE ' if unique else ''}INDEX IF NOT EXISTS `{name}` ON `{table}` ({columns})")


def has_index(db: Database, table: str, name: str) -> bool:
	names = [row[1] for row in db._conn.execute(f"PRAGMA index_list(`{table}`)")]
	return name in names or f"{table}_{name}" in names


def add_index(db: Database, doctype: str, fields: list[str] | str, name: str | None, *, unique: bool) -> None:
	"""An index by the name of its constraint. One of that name with other columns stays as it is, as on the real hosts."""
	columns = [fields] if isinstance(fields, str) else [field.split("(")[0] for field in fields]
	table = get_table_name(doctype)
	name = name or ("unique_" if unique else "") + "_".join(columns) + ("" if unique else "_index")
	db.commit()
	try:
		_create_index(db, table, columns, f"{table}_{name}", unique)
	except Exception as error:
		if db.is_unique_key_violation(error):
			raise errors.UniqueValidationError(f"{doctype}: rows are equal in {', '.join(columns)}") from error
		raise
	db.commit()


def create_infrastructure(db: Database) -> None:
	"""The tables that no DocType describes."""
	for statement in INFRASTRUCTURE:
		db._conn.execute(statement)
