"""`frappe.db`: one transaction per request or job, begun by its first write and ended by commit or rollback.

Reads before the first write see what is committed at that moment; the first write takes the database's one write lock
(BEGIN IMMEDIATE), so what is read after it cannot change until the commit. `for_update` takes that lock too.
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

import frappe.exceptions as errors
from frappe.database import schema
from frappe.database.columns import stored_row
from frappe.database.connection import Log, begin_write, open_connection, statement_kind, translate
from frappe.database.filters import order_clause, select_by_name, select_clause, update_clause, where_clause
from frappe.host.context import _dict, local
from frappe.host.shared import META, Epochs
from frappe.query_builder import get_table_name

_READS = frozenset(("select", "with", "pragma", "explain", "values", "show", "desc", "describe"))
_DDL = frozenset(("create", "alter", "drop", "truncate"))


def _descending(order_by: str | None) -> str | None:
	"""Single values are ordered downwards where no direction is given, as on the real hosts."""
	if not order_by or "(" in order_by:
		return order_by
	parts = [part.strip() for part in order_by.split(",")]
	return ", ".join(part if part.lower().endswith((" asc", " desc")) else f"{part} DESC" for part in parts)


class CallbackManager:
	"""Functions to call once, in the order they were added, at one moment of the transaction."""

	def __init__(self) -> None:
		self._functions: deque[Callable] = deque()

	def add(self, func: Callable) -> None:
		self._functions.append(func)

	__call__ = add

	def run(self) -> None:
		while self._functions:
			self._functions.popleft()()

	def reset(self) -> None:
		self._functions.clear()


class Database:
	db_type = "sqlite"

	def __init__(self, site_path: str) -> None:
		self.path = os.path.join(site_path, "db", "site.db")
		os.makedirs(os.path.dirname(self.path), exist_ok=True)
		self._conn = open_connection(self.path)
		self._cursor = self._conn.cursor()
		self._log = Log(self.path)
		self.transaction_writes = 0
		#: Savepoints that nothing was written after: they are made with the first write, which takes the lock.
		self._savepoints: list[str] = []
		self.before_commit = CallbackManager()
		self.after_commit = CallbackManager()
		self.before_rollback = CallbackManager()
		self.after_rollback = CallbackManager()
		self.value_cache: dict = {}
		self._columns: dict[str, list[str]] = {}
		self._conn.execute("CREATE TABLE IF NOT EXISTS __Epoch (topic TEXT PRIMARY KEY, token TEXT) WITHOUT ROWID")
		self.epochs = Epochs(self)

	def close(self) -> None:
		self._log.close()
		self._conn.close()

	# -- statements -------------------------------------------------------------------------------

	@property
	def in_transaction(self) -> bool:
		return self._conn.in_transaction

	def begin(self) -> None:
		"""Take the write lock, waiting for whoever has it."""
		if not self._conn.in_transaction:
			begin_write(self._conn)
			self.epochs.refresh()
			for name in self._savepoints:
				self._conn.execute(f"SAVEPOINT {name}")
			self._savepoints.clear()

	def sql(self, query: Any, values: Any = (), as_dict: bool = False, as_list: bool = False, pluck: bool | str = False) -> Any:
		"""Run a statement with `%s` or `%(name)s` places. Rows are tuples, or dicts with `as_dict`."""
		if hasattr(query, "walk"):
			statement, values = query.walk()
			lock = bool(query._for_update)
		else:
			statement, values, lock = translate(str(query), values)
		kind = statement_kind(statement)
		if kind in ("commit", "rollback"):
			raise errors.DataError(f"Use frappe.db.{kind}()")
		if kind in _DDL and self.transaction_writes:
			raise errors.ImplicitCommitError("This statement can cause implicit commit")
		return self.execute_built(statement, values, as_dict=as_dict, as_list=as_list, lock=lock, pluck=pluck)

	def execute_built(
		self,
		statement: str,
		values: Sequence[Any] = (),
		*,
		as_dict: bool = False,
		as_list: bool = False,
		lock: bool = False,
		pluck: bool | str = False,
	) -> Any:
		"""Run a statement that is already in the database's words (`?` places)."""
		kind = statement_kind(statement)
		if lock or kind not in _READS:
			self.begin()
			if kind not in _READS:
				self.transaction_writes += 1
		self._cursor.execute(statement, values)
		if self._cursor.description is None:
			return ()
		rows = self._cursor.fetchall()
		if pluck:
			return [row[0] for row in rows]
		if as_dict:
			names = [column[0] for column in self._cursor.description]
			out = [_dict(zip(names, row, strict=True)) for row in rows]
			return out
		return [list(row) for row in rows] if as_list else tuple(rows)

	def sql_ddl(self, query: str) -> None:
		"""Commit, then change the schema (the real hosts' databases commit there by themselves)."""
		self.commit()
		self.execute_built(query)
		self.commit()
		self._columns.clear()

	# -- the transaction --------------------------------------------------------------------------

	def commit(self) -> None:
		"""Make everything written so far durable, then run what waits in `after_commit`."""
		self.before_rollback.reset()
		self.after_rollback.reset()
		self.before_commit.run()
		self.epochs.write()
		wrote = self._conn.in_transaction and self.transaction_writes
		if self._conn.in_transaction:
			self._conn.execute("COMMIT")
		self.transaction_writes = 0
		self._savepoints.clear()
		if wrote:
			self._log.sync()
		self.epochs.unsure.clear()
		self.after_commit.run()

	def rollback(self, *, save_point: str | None = None) -> None:
		"""Undo everything since the last commit, or since the savepoint (callbacks then stay)."""
		if save_point:
			if save_point in self._savepoints:
				del self._savepoints[self._last(save_point) + 1 :]
			else:
				self._conn.execute(f"ROLLBACK TO SAVEPOINT {save_point}")
			self._forget()
			return
		self.before_commit.reset()
		self.after_commit.reset()
		self.before_rollback.run()
		if self._conn.in_transaction:
			self._conn.execute("ROLLBACK")
		self.transaction_writes = 0
		self._savepoints.clear()
		self.epochs.forget_touched()
		self._forget()
		self.after_rollback.run()

	def savepoint(self, save_point: str) -> None:
		if self._conn.in_transaction:
			self._conn.execute(f"SAVEPOINT {save_point}")
		else:
			self._savepoints.append(save_point)

	def release_savepoint(self, save_point: str) -> None:
		if save_point in self._savepoints:
			del self._savepoints[self._last(save_point) :]
		else:
			self._conn.execute(f"RELEASE SAVEPOINT {save_point}")

	def _last(self, save_point: str) -> int:
		return len(self._savepoints) - 1 - self._savepoints[::-1].index(save_point)

	def _forget(self) -> None:
		self.epochs.forget_unsure()
		self.value_cache.clear()
		self._columns.clear()
		local.document_cache.clear()

	# -- what the process remembers ---------------------------------------------------------------

	def data_version(self) -> int:
		return self._conn.execute("PRAGMA data_version").fetchone()[0]

	def read_epochs(self) -> dict[str, str]:
		return dict(self._conn.execute("SELECT topic, token FROM __Epoch"))

	def write_epoch(self, topic: str, token: str) -> None:
		self.execute_built("INSERT OR REPLACE INTO __Epoch VALUES (?, ?)", (topic, token))

	def process_cached(self, kind: str, key: str, build: Callable[[], Any]) -> Any:
		"""Something built from DocTypes, customisations or installed apps; see `frappe.host.shared`."""
		return self.epochs.get(META, kind, key, build)

	# -- reading ----------------------------------------------------------------------------------

	def get_value(
		self,
		doctype: str,
		filters: Any = None,
		fieldname: Any = "name",
		ignore: bool | None = None,
		as_dict: bool = False,
		order_by: str | None = "modified desc",
		cache: bool = False,
		for_update: bool = False,
		*,
		distinct: bool = False,
	) -> Any:
		"""One value, or a tuple (dict) of several, of the first matching row; None where there is none."""
		rows = self.get_values(
			doctype,
			filters,
			fieldname,
			ignore,
			as_dict,
			order_by=order_by,
			cache=cache,
			for_update=for_update,
			distinct=distinct,
			limit=1,
		)
		if not rows:
			return None
		row = rows[0]
		return row if as_dict or len(row) > 1 or fieldname == "*" else row[0]

	def get_values(
		self,
		doctype: str,
		filters: Any = None,
		fieldname: Any = "name",
		ignore: bool | None = None,
		as_dict: bool = False,
		order_by: str | None = "modified desc",
		cache: bool = False,
		for_update: bool = False,
		*,
		pluck: bool = False,
		distinct: bool = False,
		limit: int | None = None,
	) -> Any:
		"""The values of all matching rows. Without filters, or with the DocType's name, those of a Single."""
		key = (doctype, filters, str(fieldname), as_dict) if cache and isinstance(filters, str) else None
		if key and key in self.value_cache:
			return self.value_cache[key]
		if filters is None or (filters == doctype and doctype != "DocType"):
			rows = self._single_values(doctype, fieldname, as_dict)
		else:
			try:
				if isinstance(filters, str):
					rows = self._by_name(doctype, fieldname, filters, as_dict, for_update)
				else:
					rows = self.select(
						doctype,
						fieldname,
						filters,
						order_by=None if distinct else _descending(order_by),
						limit=limit,
						distinct=distinct,
						as_dict=as_dict or fieldname == "*",
						lock=for_update,
						nulls_match=False,
					)
			except sqlite3.OperationalError as error:
				if not (self.is_table_missing(error) or (ignore and self.is_missing_column(error))):
					raise
				rows = []
		if pluck:
			rows = [next(iter(row.values())) if isinstance(row, dict) else row[0] for row in rows]
		if key:
			self.value_cache[key] = rows
		return rows

	def _by_name(self, doctype: str, fieldname: Any, name: str, as_dict: bool, lock: bool) -> Any:
		"""The most frequent question, by a statement that is made once."""
		fields = fieldname if isinstance(fieldname, str) else tuple(fieldname)
		return self.execute_built(select_by_name(doctype, fields), (name,), as_dict=as_dict or fieldname == "*", lock=lock)

	def select(
		self,
		doctype: str,
		fields: Any = "name",
		filters: Any = None,
		*,
		or_filters: Any = None,
		order_by: str | None = None,
		group_by: str | None = None,
		limit: int | None = None,
		start: int = 0,
		distinct: bool = False,
		as_dict: bool = True,
		lock: bool = False,
		nulls_match: bool = True,
		condition: str = "",
	) -> Any:
		"""SELECT from a DocType's table. `nulls_match`: an empty column counts as '' or 0 where that makes a difference."""
		values: list[Any] = []
		where = where_clause(doctype, filters, values, nulls_match=nulls_match)
		alternatives = where_clause(doctype, or_filters, values, nulls_match=nulls_match, joiner=" OR ")
		parts = [part for part in (where, f"({alternatives})" if alternatives else "", condition) if part]
		statement = f"SELECT {'DISTINCT ' if distinct else ''}{select_clause(doctype, fields)} FROM `{get_table_name(doctype)}`"
		if parts:
			statement += " WHERE " + " AND ".join(parts)
		if group_by:
			statement += f" GROUP BY {order_clause(group_by)}"
		if order_by:
			statement += f" ORDER BY {order_clause(order_by)}"
		if limit or start:
			statement += f" LIMIT {int(limit or -1)} OFFSET {int(start or 0)}"
		return self.execute_built(statement, values, as_dict=as_dict, lock=lock)

	@staticmethod
	def get_all(*args: Any, **kwargs: Any) -> Any:
		from frappe.model.db_query import get_all

		return get_all(*args, **kwargs)

	@staticmethod
	def get_list(*args: Any, **kwargs: Any) -> Any:
		from frappe.model.db_query import get_list

		return get_list(*args, **kwargs)

	def exists(self, dt: Any, dn: Any = None, cache: bool = False) -> Any:
		"""The name of a matching document, or None."""
		if dt != "DocType" and dt == dn:
			return dn
		if isinstance(dt, dict):
			dt = dict(dt)
			dt, dn = dt.pop("doctype"), dt
		if dn is None or dn == "":
			return None
		return self.get_value(dt, dn, ignore=True, cache=cache, order_by=None)

	def count(self, dt: str, filters: Any = None) -> int:
		values: list[Any] = []
		where = where_clause(dt, filters, values, nulls_match=False)
		statement = f"SELECT COUNT(*) FROM `{get_table_name(dt)}`" + (f" WHERE {where}" if where else "")
		return self.execute_built(statement, values)[0][0]

	# -- Singles ----------------------------------------------------------------------------------

	def get_singles_dict(self, doctype: str, *, for_update: bool = False) -> _dict:
		rows = self.execute_built("SELECT field, value FROM tabSingles WHERE doctype=?", (doctype,), lock=for_update)
		return _dict(rows)

	def _single_values(self, doctype: str, fieldname: Any, as_dict: bool) -> list[Any]:
		values = self.get_singles_dict(doctype)
		if fieldname == "*":
			return [values] if values else []
		names = [fieldname] if isinstance(fieldname, str) else list(fieldname)
		if not any(name in values for name in names):
			return []
		return [_dict((name, values.get(name)) for name in names)] if as_dict else [[values.get(name) for name in names]]

	def get_single_value(self, doctype: str, fieldname: str, cache: bool = True) -> Any:
		"""A field of a Single, in the type of the field."""
		from frappe.model.meta import get_meta
		from frappe.utils import cast

		df = get_meta(doctype).get_field(fieldname)
		if not df:
			raise errors.InvalidColumnName(f"Field {fieldname} does not exist on {doctype}")
		rows = self.execute_built("SELECT value FROM tabSingles WHERE doctype=? AND field=?", (doctype, fieldname))
		return cast(df.fieldtype, rows[0][0] if rows else None)

	def set_single_value(
		self,
		doctype: str,
		fieldname: Any,
		value: Any = None,
		*args: Any,
		modified: Any = None,
		modified_by: str | None = None,
		update_modified: bool = True,
	) -> None:
		to_update = dict(fieldname) if isinstance(fieldname, dict) else {fieldname: value}
		if update_modified:
			from frappe.utils import now

			to_update |= {"modified": modified or now(), "modified_by": modified_by or local.session.user}
		for field, new in to_update.items():
			self.execute_built("DELETE FROM tabSingles WHERE doctype=? AND field=?", (doctype, field))
			self.execute_built("INSERT INTO tabSingles (doctype, field, value) VALUES (?, ?, ?)", (doctype, field, new))
		self.forget_document(doctype, doctype)

	# -- writing ----------------------------------------------------------------------------------

	def set_value(
		self,
		dt: str,
		dn: Any,
		field: Any,
		val: Any = None,
		modified: Any = None,
		modified_by: str | None = None,
		update_modified: bool = True,
	) -> None:
		"""Write columns of one document, or of all that match filters, without the controller."""
		if dn is None or dt == dn:
			self.set_single_value(dt, field, val, modified=modified, modified_by=modified_by, update_modified=update_modified)
			return
		to_update = dict(field) if isinstance(field, dict) else {field: val}
		if update_modified:
			from frappe.utils import now

			to_update = {"modified": modified or now(), "modified_by": modified_by or local.session.user} | to_update
		columns = tuple(to_update)
		values: list[Any] = stored_row(dt, columns, tuple(to_update.values()))
		where = where_clause(dt, dn, values, nulls_match=False)
		self.execute_built(update_clause(dt, columns) + (f" WHERE {where}" if where else ""), values)
		self.forget_document(dt, dn if isinstance(dn, str) else None)

	def delete(self, doctype: str, filters: Any = None, **kwargs: Any) -> None:
		"""Delete rows without the controller."""
		values: list[Any] = []
		where = where_clause(doctype, filters or kwargs.get("conditions"), values, nulls_match=False)
		self.execute_built(f"DELETE FROM `{get_table_name(doctype)}`" + (f" WHERE {where}" if where else ""), values)
		self.forget_document(doctype)

	def bulk_insert(
		self, doctype: str, fields: list[str], values: Iterable[Sequence[Any]], ignore_duplicates: bool = False
	) -> None:
		"""Insert rows without the controller."""
		columns = ", ".join(f"`{field}`" for field in fields)
		statement = (
			f"INSERT {'OR IGNORE ' if ignore_duplicates else ''}INTO `{get_table_name(doctype)}` ({columns}) "
			f"VALUES ({', '.join('?' * len(fields))})"
		)
		rows = iter(values)
		while chunk := list(islice(rows, 10_000)):
			self.begin()
			self.transaction_writes += len(chunk)
			self._cursor.executemany(statement, [stored_row(doctype, fields, row) for row in chunk])

	def forget_document(self, doctype: str, name: str | None = None) -> None:
		from frappe.host.documents import clear_document_cache

		self.value_cache.clear()
		clear_document_cache(doctype, name)

	# -- defaults ---------------------------------------------------------------------------------

	def get_default(self, key: str, parent: str = "__default") -> Any:
		from frappe import defaults

		values = defaults.get_defaults_for(parent).get(key)
		return values[0] if isinstance(values, list) and values else values

	@staticmethod
	def set_default(key: str, val: Any, parent: str = "__default", parenttype: str | None = None) -> None:
		from frappe import defaults

		defaults.set_default(key, val, parent, parenttype)

	def get_global(self, key: str, user: str = "__global") -> Any:
		return self.get_default(key, user)

	def set_global(self, key: str, val: Any, user: str = "__global") -> None:
		self.set_default(key, val, user)

	# -- the schema -------------------------------------------------------------------------------

	def table_exists(self, doctype: str) -> bool:
		return bool(self.get_db_table_columns(get_table_name(doctype)))

	def get_db_table_columns(self, table: str) -> list[str]:
		if table not in self._columns:
			columns = [row[1] for row in self._conn.execute(f"PRAGMA table_info(`{table}`)")]
			if not columns:
				return []
			self._columns[table] = columns
		return self._columns[table]

	def get_table_columns(self, doctype: str) -> list[str]:
		columns = self.get_db_table_columns(get_table_name(doctype))
		if not columns:
			raise sqlite3.OperationalError(f"no such table: {get_table_name(doctype)}")
		return columns

	def has_column(self, doctype: str, column: str) -> bool:
		return column in self.get_db_table_columns(get_table_name(doctype))

	def has_index(self, table_name: str, index_name: str) -> bool:
		return schema.has_index(self, table_name, index_name)

	def add_index(self, doctype: str, fields: list[str], index_name: str | None = None) -> None:
		schema.add_index(self, doctype, fields, index_name, unique=False)

	def add_unique(self, doctype: str, fields: list[str] | str, constraint_name: str | None = None) -> None:
		"""A unique index, made once; rows with a NULL in one of the fields are all different."""
		schema.add_index(self, doctype, fields, constraint_name, unique=True)

	def updatedb(self, doctype: str, meta: Any = None) -> None:
		"""Bring the table's columns and indexes in line with the meta. Columns are added, never changed or dropped."""
		from frappe.model.meta import get_meta

		self.commit()
		schema.update_table(self, meta or get_meta(doctype, cached=False))
		self.commit()
		self._columns.clear()

	# -- what went wrong --------------------------------------------------------------------------

	@staticmethod
	def is_unique_key_violation(e: BaseException) -> bool:
		return isinstance(e, sqlite3.IntegrityError) and "UNIQUE constraint failed" in str(e)

	is_duplicate_entry = is_unique_key_violation

	@staticmethod
	def is_table_missing(e: BaseException) -> bool:
		return isinstance(e, sqlite3.OperationalError) and "no such table" in str(e)

	@staticmethod
	def is_missing_column(e: BaseException) -> bool:
		return isinstance(e, sqlite3.OperationalError) and ("no such column" in str(e) or "has no column named" in str(e))

	is_column_missing = is_missing_column

	@staticmethod
	def escape(s: Any, percent: bool = True) -> str:
		text = str(s).replace("'", "''")
		return "'" + (text.replace("%", "%%") if percent else text) + "'"
