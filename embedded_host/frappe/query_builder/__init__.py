"""`frappe.qb`: PyPika's builder for this host's database; a query has `.run()`, as on the real hosts."""

from __future__ import annotations

from typing import Any

import pypika.terms
from pypika import Case, CustomFunction, Field, Interval, JoinType, MySQLQuery, Order, Table
from pypika.dialects import MySQLQueryBuilder
from pypika.terms import Criterion, Function, QmarkParameter, ValueWrapper

from frappe.host.context import local

__all__ = [
	"Case",
	"Criterion",
	"CustomFunction",
	"DocType",
	"Field",
	"Interval",
	"JoinType",
	"Order",
	"QueryBuilder",
	"Table",
	"get_table_name",
]


class Value(ValueWrapper):
	"""A constant that is handed to the database as it is, never written into the statement."""

	def get_sql(self, *args: Any, parameter: QmarkParameter | None = None, **kwargs: Any) -> str:
		if parameter is None or isinstance(self.value, pypika.terms.Term):
			return super().get_sql(*args, **kwargs)
		parameter.update_parameters(value=self.value)
		return "?"


pypika.terms.ValueWrapper = Value


class HostQueryBuilder(MySQLQueryBuilder):
	"""The builder the apps know (backticks, `ignore()`, `for_update()`), put into this database's words."""

	def _for_update_sql(self, **kwargs: Any) -> str:
		return ""

	def _insert_sql(self, **kwargs: Any) -> str:
		return super()._insert_sql(**kwargs).replace("INSERT IGNORE", "INSERT OR IGNORE", 1)

	def walk(self) -> tuple[str, list[Any]]:
		"""The statement with `?` places, and its values."""
		parameter = QmarkParameter()
		return self.get_sql(parameter=parameter), parameter.get_parameters()

	def run(self, as_dict: bool = False, **kwargs: Any) -> Any:
		statement, values = self.walk()
		return local.db.execute_built(statement, values, as_dict=as_dict, lock=bool(self._for_update), **kwargs)


def get_table_name(doctype: str) -> str:
	return doctype if doctype.startswith("__") else f"tab{doctype}"


def DocType(name: str, *args: Any, **kwargs: Any) -> Table:
	return Table(get_table_name(name), *args, **kwargs)


def _table(table: Any) -> Any:
	return DocType(table) if isinstance(table, str) else table


class QueryBuilder(MySQLQuery):
	"""Entry points: from_, into, update; a table may be given by the name of its DocType."""

	Field = Field
	Table = Table
	terms = pypika.terms
	desc = Order.desc
	asc = Order.asc
	DocType = staticmethod(DocType)

	@classmethod
	def _builder(cls, **kwargs: Any) -> HostQueryBuilder:
		return HostQueryBuilder(wrapper_cls=Value, **kwargs)

	@staticmethod
	def functions(name: str, *args: Any, **kwargs: Any) -> Function:
		return Function(name, *args, **kwargs)

	@classmethod
	def from_(cls, table: Any, *args: Any, **kwargs: Any) -> HostQueryBuilder:
		return super().from_(_table(table), *args, **kwargs)

	@classmethod
	def into(cls, table: Any, *args: Any, **kwargs: Any) -> HostQueryBuilder:
		return super().into(_table(table), *args, **kwargs)

	@classmethod
	def update(cls, table: Any, *args: Any, **kwargs: Any) -> HostQueryBuilder:
		return super().update(_table(table), *args, **kwargs)
