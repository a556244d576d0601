"""`frappe.db`, lists and the query builder."""

from __future__ import annotations

import datetime
import os
import sqlite3
from typing import Any

import frappe
import pytest
from frappe.query_builder import DocType
from frappe.query_builder.functions import Count, Max
from frappe.utils import add_to_date, get_datetime, now_datetime, random_string

from tests.host.probes import NAMED, ROW, SINGLE, THING, thing

pytestmark = pytest.mark.usefixtures("probes")


@pytest.fixture
def three(probes: None) -> list[str]:
	"""The names of three documents: a (size 1, kind A), b (2, B), c (3, none)."""
	return [
		thing(title=title, size=size, kind=kind, note=note, moment=f"2024-01-0{size} 10:00:00", due=f"2024-01-0{size}")
		.insert()
		.name
		for title, size, kind, note in (("a", 1, "A", "100% sure"), ("b", 2, "B", "under_score"), ("c", 3, None, None))
	]


def titles(filters: Any = None, **kwargs: Any) -> str:
	"""The titles that match, in the order of their size."""
	return "".join(frappe.get_all(THING, filters=filters, pluck="title", order_by="size asc", **kwargs))


# -- one value --------------------------------------------------------------------------------------


def test_get_value(three: list[str]) -> None:
	a = three[0]
	assert frappe.db.get_value(THING, a, "title") == "a"
	assert frappe.db.get_value(THING, a) == a
	assert tuple(frappe.db.get_value(THING, a, ["title", "size"])) == ("a", 1)
	assert frappe.db.get_value(THING, {"size": 2}, ["title", "kind"], as_dict=True) == {"title": "b", "kind": "B"}
	assert frappe.db.get_value(THING, "nothing", "title") is None
	assert frappe.db.get_value(THING, {"size": (">", 1)}, "title", order_by="size desc") == "c"
	assert frappe.db.get_value(THING, {"size": (">", 1)}, "title", order_by="size asc") == "b"
	assert frappe.db.get_value(THING, a, "title", for_update=True) == "a"
	assert frappe.db.get_value(THING, a, "*", as_dict=True).title == "a"
	assert frappe.get_value(THING, a, "size") == 1


def test_moments_come_as_moments(three: list[str]) -> None:
	assert frappe.db.get_value(THING, three[0], "moment") == datetime.datetime(2024, 1, 1, 10)
	assert frappe.db.get_value(THING, three[0], "due") == datetime.date(2024, 1, 1)
	assert isinstance(frappe.get_all(THING, fields=["creation"])[0].creation, datetime.datetime)
	assert isinstance(frappe.db.sql("select moment from `tabZz Thing` where name=%s", three[0])[0][0], datetime.datetime)


def test_exists_and_count(three: list[str]) -> None:
	assert frappe.db.exists(THING, three[0]) == three[0]
	assert frappe.db.exists(THING, {"title": "b"}) == three[1]
	assert frappe.db.exists({"doctype": THING, "title": "b"}) == three[1]
	assert not frappe.db.exists(THING, "nothing") and not frappe.db.exists(THING, {"title": "nothing"})
	assert not frappe.db.exists(THING, None)
	assert frappe.db.count(THING) == 3
	assert frappe.db.count(THING, {"size": (">=", 2)}) == 2


def test_set_value(three: list[str]) -> None:
	before = frappe.db.get_value(THING, three[0], "modified")
	frappe.db.set_value(THING, three[0], "note", "x", update_modified=False)
	assert tuple(frappe.db.get_value(THING, three[0], ["note", "modified"])) == ("x", before)
	frappe.db.set_value(THING, three[0], {"note": "y", "size": 9})
	assert tuple(frappe.db.get_value(THING, three[0], ["note", "size"])) == ("y", 9)
	assert frappe.db.get_value(THING, three[0], "modified") > before
	frappe.db.set_value(THING, {"title": ("in", ["b", "c"])}, "note", "many")
	assert frappe.db.count(THING, {"note": "many"}) == 2
	frappe.db.set_value(THING, three[0], "note", None)
	assert frappe.db.get_value(THING, three[0], "note") is None


def test_delete_and_bulk_insert(three: list[str]) -> None:
	frappe.db.delete(THING, {"size": ("<", 3)})
	assert titles() == "c"
	now = now_datetime()
	rows = [(random_string(10), f"n{i}", i, now, now) for i in range(5)]
	frappe.db.bulk_insert(THING, ["name", "title", "size", "creation", "modified"], rows)
	assert frappe.db.count(THING, {"title": ("like", "n%")}) == 5
	assert frappe.db.get_value(THING, rows[0][0], ["done", "docstatus", "price"], as_dict=True) == {
		"done": 1,
		"docstatus": 0,
		"price": 0,
	}
	frappe.db.bulk_insert(THING, ["name", "title"], [(rows[0][0], "again"), (random_string(10), "new")], ignore_duplicates=True)
	assert frappe.db.get_value(THING, rows[0][0], "title") == "n0" and frappe.db.exists(THING, {"title": "new"})
	frappe.db.delete(THING)
	assert frappe.db.count(THING) == 0


# -- lists ------------------------------------------------------------------------------------------


def test_lists(three: list[str]) -> None:
	assert frappe.get_all(THING, pluck="name", order_by="title desc") == three[::-1]
	assert frappe.get_all(THING, {"title": "a"}) == [{"name": three[0]}]
	assert frappe.get_all(THING, fields=["title", "size as n"], order_by="size")[0] == {"title": "a", "n": 1}
	assert frappe.get_all(THING, fields=["*"], filters={"title": "a"})[0].size == 1
	assert [list(row) for row in frappe.get_all(THING, fields=["title", "size"], as_list=True, order_by="size")][1] == ["b", 2]
	assert titles(limit=2) == "ab" and titles(limit_start=1, limit_page_length=1) == "b"
	assert titles(limit=0) == "abc"
	assert frappe.get_all(THING, fields=["count(name) as n"])[0].n == 3
	assert frappe.get_all(THING, fields=["max(size) as n"], filters={"size": ("<", 3)})[0].n == 2
	assert frappe.get_all(THING, distinct=True, pluck="state") == ["Open"]
	assert frappe.get_all(THING, fields=["state", "count(name) as n"], group_by="state") == [{"state": "Open", "n": 3}]
	assert frappe.get_all(THING, filters={"title": "nothing"}) == []
	assert len(frappe.get_list(THING, limit=2)) == 2
	assert frappe.db.get_all(THING, pluck="name") and frappe.db.get_list(THING)


def test_a_list_is_in_the_order_of_the_last_change(three: list[str]) -> None:
	"""Of the making, from Frappe 16 on: who needs an order says which."""
	frappe.db.set_value(THING, three[0], "modified", add_to_date(now_datetime(), hours=1), update_modified=False)
	assert frappe.get_all(THING, pluck="title")[0] == ("c" if frappe.__version__.startswith("16") else "a")


def test_orders_of_several_columns(three: list[str]) -> None:
	assert frappe.get_all(THING, pluck="title", order_by="state asc, size desc") == ["c", "b", "a"]


@pytest.mark.parametrize(
	("filters", "found"),
	[
		({"title": "a"}, "a"),
		({"title": ("!=", "a")}, "bc"),
		({"kind": ("!=", "A")}, "bc"),
		({"kind": ("in", ["A", "B"])}, "ab"),
		({"kind": ("not in", ["A"])}, "bc"),
		({"title": ("in", [])}, ""),
		({"title": ("not in", [])}, "abc"),
		({"size": (">", 1)}, "bc"),
		({"size": ("<=", 2)}, "ab"),
		({"due": ("between", ["2024-01-02", "2024-01-03"])}, "bc"),
		({"kind": ("is", "set")}, "ab"),
		({"kind": ("is", "not set")}, "c"),
		({"kind": ""}, "c"),
		({"note": ("is", "not set")}, "c"),
		({"title": ("like", "%A%")}, "a"),
		({"note": ("like", "100%")}, "a"),
		({"note": ("like", "100\\%%")}, ""),
		({"note": ("not like", "%sure%")}, "bc"),
		({"title": "b", "size": 2}, "b"),
		({"title": "b", "size": 3}, ""),
		([["title", "=", "a"]], "a"),
		([["title", "in", ["a", "b"]], ["size", ">", 1]], "b"),
		([[THING, "title", "=", "c"]], "c"),
		({"due": (">", "2024-01-01")}, "bc"),
		({"moment": ("<", "2024-01-02 10:00:00")}, "a"),
		({"moment": ("<=", datetime.datetime(2024, 1, 2, 10))}, "ab"),
		({"moment": ("between", ["2024-01-02", "2024-01-03"])}, "bc"),
		({"done": 1}, "abc"),
		({"done": ("!=", 1)}, ""),
	],
)
def test_filters(three: list[str], filters: Any, found: str) -> None:
	assert titles(filters) == found


@pytest.mark.parametrize(
	("filters", "found"),
	[
		({"note": ("is", "set")}, 2),
		({"note": ("is", "not set")}, 1),
		({"note": ("!=", "x")}, 2),
		({"note": ("not in", ["x"])}, 2),
		({"note": None}, 1),
		({"kind": ("in", ["A", "B"])}, 2),
		({"note": ("like", "100\\%%")}, 1),
		({"size": (">", 1), "title": ("like", "c%")}, 1),
		([["size", ">", 1]], 2),
	],
)
def test_filters_of_single_values_know_null(three: list[str], filters: Any, found: int) -> None:
	"""get_value, exists, count, set_value and delete compare as SQL does: what is NULL is neither equal nor different."""
	assert frappe.db.count(THING, filters) == found
	assert bool(frappe.db.exists(THING, filters))


def test_rows_without_a_value(three: list[str]) -> None:
	"""Asked of the query builder: the "not set" of a list compares a moment with no text, which PostgreSQL refuses."""
	frappe.db.set_value(THING, three[0], {"moment": None, "note": ""})
	table = frappe.qb.DocType(THING)
	due = table.moment.isnull() | (table.moment <= get_datetime("2024-01-02 10:00:00"))
	unsaid = table.note.isnull() | (table.note == "")
	for condition, found in ((due, ["a", "b"]), (unsaid, ["a", "c"]), (due & unsaid, ["a"])):
		rows = frappe.qb.from_(table).where(condition).select(table.title).orderby(table.title).run()
		assert [title for (title,) in rows] == found


def test_or_filters(three: list[str]) -> None:
	assert titles(or_filters={"title": "a", "size": 3}) == "ac"
	assert titles({"kind": ("is", "set")}, or_filters=[["title", "=", "a"], ["size", "=", 3]]) == "a"


def test_texts_are_equal_as_the_database_sees_it(probes: None) -> None:
	"""Case, accents and spaces at the end do not count; nor do they for a unique index."""
	thing(title="Été", code="INBOX").insert()
	for written in ("Été", "ete", "ÉTÉ", "Ete "):
		assert frappe.db.exists(THING, {"title": written}), written
	with pytest.raises(frappe.UniqueValidationError):
		thing(code="inbox").insert()
	assert frappe.get_all(THING, {"title": ("like", "%ET%")})


# -- SQL and the query builder ----------------------------------------------------------------------


def test_sql(three: list[str]) -> None:
	assert frappe.db.sql("select title from `tabZz Thing` where size=%s", (1,)) == (("a",),)
	rows = frappe.db.sql("select title, size from `tabZz Thing` where size > %(n)s order by size", {"n": 1}, as_dict=True)
	assert rows == [{"title": "b", "size": 2}, {"title": "c", "size": 3}] and rows[0].title == "b"
	assert frappe.db.sql("select title from `tabZz Thing` where title in %s order by title", (["a", "b"],)) == (("a",), ("b",))
	assert frappe.db.sql("select title from `tabZz Thing` where note like '100%'") == (("a",),)
	assert frappe.db.sql("select title from `tabZz Thing` where note like %s", ("%\\_%",), pluck=True) == ["b"]
	frappe.db.sql("update `tabZz Thing` set note=%s where size=%s", ("it's", 1))
	assert frappe.db.get_value(THING, three[0], "note") == "it's"
	assert frappe.db.escape("it's") in ("'it\\'s'", "'it''s'")


def test_the_rows_that_a_statement_changed_are_counted(three: list[str]) -> None:
	frappe.db.sql("update `tabZz Thing` set note='claimed' where size > 1")
	assert frappe.db._cursor.rowcount == 2
	table = frappe.qb.DocType(THING)
	frappe.qb.update(table).set(table.note, "again").where(table.size == 1).run()
	assert frappe.db._cursor.rowcount == 1


def test_the_query_builder(three: list[str]) -> None:
	table = frappe.qb.DocType(THING)
	assert frappe.qb.from_(table).select(table.title).where(table.size > 1).orderby(table.size).run() == (("b",), ("c",))
	assert frappe.qb.from_(THING).select("title").where(table.title == "a").run(as_dict=True) == [{"title": "a"}]
	assert frappe.qb.from_(table).select(Max(table.size), Count("*")).run()[0] == (3, 3)
	assert frappe.qb.from_(table).select(table.title).where(table.note.isnull() | (table.title == "it's")).run(pluck=True) == [
		"c"
	]
	assert frappe.qb.from_(table).select(table.title).where(table.title.isin(["a", "b"]) & table.note.like("%sure")).run(
		pluck=True
	) == ["a"]
	assert frappe.qb.from_(table).select(table.title).limit(1).orderby(table.size, order=frappe.qb.desc).run(pluck=True) == ["c"]
	assert frappe.qb.from_(table).select(table.title).where(table.size == 1).for_update().run(pluck=True) == ["a"]
	moment = datetime.datetime(2024, 1, 2, 10)
	frappe.qb.update(table).set(table.moment, moment).set(table.note, None).where(table.moment < moment).run()
	assert frappe.db.get_value(THING, three[0], ["moment", "note"]) in ((moment, None), [moment, None])
	frappe.qb.into(THING).columns("name", "title").insert("raw", "raw").run()
	assert frappe.db.get_value(THING, "raw", "title") == "raw"
	frappe.qb.from_(table).delete().where(table.name == "raw").run()
	assert not frappe.db.exists(THING, "raw")
	assert DocType(THING).get_table_name() == table.get_table_name() == "tabZz Thing"
	rows = frappe.qb.DocType(ROW)
	joined = frappe.qb.from_(table).left_join(rows).on(rows.parent == table.name).select(table.title, rows.label)
	assert len(joined.run()) == 3


# -- transactions -----------------------------------------------------------------------------------


def test_rollback_and_commit(site: Any) -> None:
	doc = thing().insert()
	frappe.db.rollback()
	assert not frappe.db.exists(THING, doc.name)
	doc = thing().insert()
	frappe.db.commit()
	frappe.db.rollback()
	assert frappe.db.exists(THING, doc.name)
	site.connect()
	assert frappe.db.exists(THING, doc.name)


def test_savepoints() -> None:
	first = thing().insert()
	frappe.db.savepoint("here")
	second = thing().insert()
	frappe.db.rollback(save_point="here")
	assert frappe.db.exists(THING, first.name) and not frappe.db.exists(THING, second.name)
	frappe.db.savepoint("there")
	third = thing().insert()
	frappe.db.release_savepoint("there")
	assert frappe.db.exists(THING, third.name)


def test_a_savepoint_before_anything_is_written() -> None:
	frappe.db.commit()
	frappe.db.savepoint("first_one")
	frappe.db.savepoint("second_one")
	first = thing().insert()
	frappe.db.rollback(save_point="second_one")
	second = thing().insert()
	assert frappe.db.exists(THING, second.name) and not frappe.db.exists(THING, first.name)
	frappe.db.rollback(save_point="first_one")
	assert not frappe.db.exists(THING, second.name)
	frappe.db.commit()
	frappe.db.savepoint("first_one")
	frappe.db.savepoint("second_one")
	frappe.db.rollback(save_point="first_one")
	third = thing().insert()
	frappe.db.rollback(save_point="first_one")
	assert not frappe.db.exists(THING, third.name)
	with pytest.raises(Exception, match=r"(?i)savepoint"):
		frappe.db.rollback(save_point="second_one")
	frappe.db.rollback()
	frappe.db.savepoint("gone")
	frappe.db.release_savepoint("gone")
	with pytest.raises(Exception, match=r"(?i)savepoint"):
		frappe.db.rollback(save_point="gone")
	frappe.db.savepoint("ended")
	frappe.db.commit()
	with pytest.raises(Exception, match=r"(?i)savepoint"):
		frappe.db.rollback(save_point="ended")
	frappe.db.rollback()


@pytest.mark.embedded
def test_a_savepoint_takes_no_lock() -> None:
	from frappe.database import connection

	frappe.db.commit()
	frappe.db.savepoint("here")
	other = connection.open_connection(frappe.db.path)
	other.execute("PRAGMA busy_timeout=0")
	other.execute("BEGIN IMMEDIATE")
	other.execute("ROLLBACK")
	other.close()
	frappe.db.rollback(save_point="here")


def test_a_failed_insert_leaves_the_transaction_usable() -> None:
	thing(code="one").insert()
	with pytest.raises(frappe.UniqueValidationError):
		thing(code="one").insert()
	thing(code="two").insert()
	frappe.db.commit()
	assert frappe.db.count(THING) == 2


def test_callbacks_of_the_transaction() -> None:
	calls = []
	frappe.db.before_commit.add(lambda: calls.append("before_commit"))
	frappe.db.after_commit.add(lambda: calls.append("after_commit"))
	frappe.db.after_rollback.add(lambda: calls.append("after_rollback"))
	frappe.db.commit()
	frappe.db.rollback()
	assert calls == ["before_commit", "after_commit"]
	frappe.db.after_commit.add(lambda: calls.append("never"))
	frappe.db.after_rollback.add(lambda: calls.append("after_rollback"))
	frappe.db.rollback()
	frappe.db.commit()
	assert calls == ["before_commit", "after_commit", "after_rollback"]


def test_what_is_not_committed_is_gone_with_the_process(site: Any) -> None:
	site.python(f"frappe.get_doc({{'doctype': {THING!r}, 'title': 'lost'}}).insert()")
	site.python(f"frappe.get_doc({{'doctype': {THING!r}, 'title': 'kept'}}).insert(); frappe.db.commit()")
	site.connect()
	assert titles() == "kept"


def test_a_claim_is_taken_once(site: Any) -> None:
	"""A conditional update is what locks are made of."""
	doc = thing(note="free").insert()
	frappe.db.commit()
	claim = (
		f"frappe.db.sql(\"update `tabZz Thing` set note='taken' where name={doc.name!r} and note='free'\")\n"
		"print(frappe.db._cursor.rowcount)\nfrappe.db.commit()"
	)
	assert [site.python(claim).stdout.strip() for _ in range(2)] == ["1", "0"]


# -- defaults, Singles, schema ----------------------------------------------------------------------


def test_defaults() -> None:
	key = f"zz_{random_string(6)}".lower()
	assert frappe.db.get_default(key) is None
	frappe.db.set_default(key, "value")
	assert frappe.db.get_default(key) == "value"
	frappe.db.set_default(key, "other")
	assert frappe.db.get_default(key) == "other"


def test_single_values() -> None:
	frappe.db.set_single_value(SINGLE, "title", "t")
	assert frappe.db.get_single_value(SINGLE, "title") == "t"
	frappe.db.set_single_value(SINGLE, {"size": 4, "done": 0})
	assert (frappe.db.get_single_value(SINGLE, "size"), frappe.db.get_single_value(SINGLE, "done")) == (4, 0)
	assert frappe.get_system_settings("date_format") == frappe.db.get_single_value("System Settings", "date_format")


def test_columns_and_tables() -> None:
	assert (
		frappe.db.has_column(THING, "title")
		and not frappe.db.has_column(THING, "rows")
		and not frappe.db.has_column(THING, "body_")
	)
	assert frappe.db.table_exists(THING) and not frappe.db.table_exists("No Such DocType")
	assert {"name", "title", "_assign"} <= set(frappe.db.get_table_columns(THING))
	assert frappe.db.has_column("Communication", "_seen") and not frappe.db.has_column(THING, "_seen")
	assert {"parent", "parenttype", "parentfield"} <= set(frappe.db.get_table_columns(ROW))


def test_unique_indexes() -> None:
	frappe.db.add_unique(NAMED, ["note", "docstatus"], constraint_name="zz_pair")
	frappe.db.add_unique(NAMED, ["note", "docstatus"], constraint_name="zz_pair")
	frappe.get_doc({"doctype": NAMED, "title": "a", "note": "same"}).insert()
	with pytest.raises(frappe.UniqueValidationError):
		frappe.get_doc({"doctype": NAMED, "title": "b", "note": "same"}).insert()
	for title in ("c", "d"):
		frappe.get_doc({"doctype": NAMED, "title": title, "note": None}).insert()
	frappe.db.add_index(NAMED, ["note"], "zz_note")
	frappe.db.add_index(NAMED, ["note"], "zz_note")


def test_errors_have_names() -> None:
	with pytest.raises(Exception) as missing:
		frappe.db.sql("select * from `tabNo Such DocType`")
	assert frappe.db.is_table_missing(missing.value)
	with pytest.raises(Exception) as column:
		frappe.db.sql("select no_such_column from `tabZz Thing`")
	assert frappe.db.is_column_missing(column.value)
	thing().insert(set_name="same")
	with pytest.raises(Exception) as twice:
		frappe.db.sql("insert into `tabZz Thing` (name) values ('same')")
	assert frappe.db.is_duplicate_entry(twice.value)


def test_many_values(three: list[str]) -> None:
	assert [tuple(row) for row in frappe.db.get_values(THING, {"size": (">", 1)}, ["title", "size"], order_by="size")] == [
		("c", 3),
		("b", 2),
	]
	assert frappe.db.get_value(THING, {"size": (">", 1)}, "title", order_by="size") == "c", "downwards unless told otherwise"
	assert frappe.db.get_values(THING, {"size": 1}, "title", as_dict=True) == [{"title": "a"}]
	frappe.db.set_single_value(SINGLE, "title", "t")
	assert frappe.db.get_singles_dict(SINGLE).title == "t"
	assert frappe.db.get_single_value(SINGLE, "title") == "t"


def test_statements_that_change_the_schema(probes: None) -> None:
	assert frappe.db.db_type in ("mariadb", "sqlite")
	frappe.db.sql_ddl("create table if not exists `zz_plain` (a integer)")
	frappe.db.sql("insert into `zz_plain` values (1)")
	with pytest.raises(frappe.ImplicitCommitError):
		frappe.db.sql("drop table `zz_plain`")
	frappe.db.rollback()
	frappe.db.sql_ddl("drop table `zz_plain`")


@pytest.mark.parametrize(
	("field", "value"),
	[("title", "é" * 141), ("note", "é" * 32768), ("size", 2**31), ("kind", "x" * 141), ("by", "x" * 141), ("name", "x" * 141)],
)
def test_what_a_column_does_not_hold(three: list[str], field: str, value: Any) -> None:
	"""It is an error on every way into the table, and nothing is cut off."""
	now = now_datetime()
	row = {"name": random_string(10), "title": "x", "creation": now, "modified": now, field: value}
	with pytest.raises(Exception):
		frappe.db.bulk_insert(THING, list(row), [tuple(row.values())])
	with pytest.raises(Exception):
		frappe.db.set_value(THING, three[0], field, value)
	if field not in ("name", "kind", "by"):
		with pytest.raises(Exception):
			thing(**{field: value}).insert()
	assert frappe.db.exists(THING, three[0]) and frappe.db.count(THING) == 3


def test_what_a_column_just_holds(three: list[str]) -> None:
	frappe.db.set_value(THING, three[0], {"title": "é" * 140, "note": "é" * 32767, "size": -(2**31) + 1, "source": "é" * 70000})
	assert len(frappe.db.get_value(THING, three[0], "note")) == 32767
	frappe.db.set_value(THING, three[0], {"note": "\U0001f600 \x00"})
	assert frappe.db.get_value(THING, three[0], "note") == "\U0001f600 \x00"


UTC = datetime.datetime(2024, 1, 2, 10, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize(("field", "value"), [("moment", "hello"), ("moment", ""), ("size", "x"), ("size", None)])
def test_what_is_no_value_of_a_column(three: list[str], field: str, value: Any) -> None:
	with pytest.raises(Exception):
		frappe.db.set_value(THING, three[0], field, value)
	frappe.db.rollback()


def test_a_moment_with_a_time_zone_is_not_stored(three: list[str]) -> None:
	with pytest.raises(Exception):
		thing(moment=UTC).insert()
	if not frappe.__version__.startswith("16"):
		with pytest.raises(Exception):
			frappe.db.set_value(THING, three[0], "moment", UTC)
	assert titles({"moment": (">", UTC)}) == "c", "but may be compared with, its zone left out"


def test_values_in_other_forms(three: list[str]) -> None:
	frappe.db.set_value(THING, three[0], {"moment": "2024-01-02T10:00:00", "size": "12", "done": False, "title": 5})
	assert frappe.db.get_value(THING, three[0], "moment") == datetime.datetime(2024, 1, 2, 10)
	assert tuple(frappe.db.get_value(THING, three[0], ["size", "done", "title"])) == (12, 0, "5")
	assert thing(note=b"bytes", title=5, size=True).insert().db_get("note") == "bytes"
	assert titles({"title": 5}) == "55"
	assert titles({"note": ("in", ["bytes", None])}) == "5c", "None stands for what is empty"
	assert titles({"note": ("not in", ["bytes", "under_score", None])}) == "5"


def test_a_doctype_that_is_not_there() -> None:
	assert frappe.db.get_value("No Such DocType", "x") is None
	assert not frappe.db.exists("No Such DocType", "x")
	with pytest.raises(Exception):
		frappe.get_all("No Such DocType")
	with pytest.raises(Exception):
		frappe.db.count("No Such DocType")


@pytest.mark.embedded
def test_two_writers_take_turns(site: Any) -> None:
	"""The second one waits for the first one's commit instead of failing."""
	thing(title="a").insert()
	import subprocess
	import sys

	code = (
		f"import frappe\nfrappe.init({site.name!r}, sites_path={str(site.sites_path)!r})\nfrappe.connect()\nprint('ready', flush=True)\n"
		f"frappe.get_doc({{'doctype': {THING!r}, 'title': 'b'}}).insert()\nfrappe.db.commit()\n"
	)
	other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
	assert other.stdout and other.stdout.readline() == "ready\n"
	assert other.poll() is None
	frappe.db.commit()
	assert other.wait(30) == 0
	assert frappe.db.count(THING) == 2


@pytest.mark.embedded
def test_a_writer_that_waits_tries_again_at_once(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
	"""Its pauses stay short, so that two who write all the time take turns; after BUSY_SECONDS it gives up."""
	from frappe.database import connection

	pauses: list[float] = []

	def pause(seconds: float) -> None:
		pauses.append(seconds)
		if len(pauses) == 50:
			other.execute("ROLLBACK")

	monkeypatch.setattr(connection, "sleep", pause)
	other = connection.open_connection(frappe.db.path)
	other.execute("BEGIN IMMEDIATE")
	thing(title="a").insert()
	frappe.db.commit()
	assert len(pauses) == 50
	assert max(pauses) <= connection.LONGEST_PAUSE <= 0.01
	other.execute("BEGIN IMMEDIATE")
	monkeypatch.setattr(connection, "BUSY_SECONDS", 0)
	with pytest.raises(sqlite3.OperationalError, match="locked"):
		thing(title="b").insert()
	frappe.db.rollback()
	other.execute("ROLLBACK")
	other.close()
	assert frappe.get_all(THING, pluck="title") == ["a"]


@pytest.mark.embedded
def test_a_commit_is_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
	"""It is synced before `commit` returns, and other writers do not wait for the disk."""
	from frappe.database import connection

	assert frappe.db._conn.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
	log = frappe.db.path + "-wal"
	other = connection.open_connection(frappe.db.path)
	synced: list[bool] = []

	def sync(descriptor: int) -> None:
		other.execute("PRAGMA busy_timeout=0")
		other.execute("BEGIN IMMEDIATE")
		other.execute("ROLLBACK")
		synced.append(os.path.samestat(os.fstat(descriptor), os.stat(log)))

	monkeypatch.setattr(os, "fdatasync" if hasattr(os, "fdatasync") else "fsync", sync)
	thing(title="a").insert()
	assert synced == []
	frappe.db.commit()
	assert synced == [True]
	assert frappe.get_all(THING, pluck="title") == ["a"]
	frappe.db.commit()
	assert synced == [True]
	other.close()


@pytest.mark.embedded
def test_what_a_transaction_changed_counts_for_others_once_it_is_committed() -> None:
	"""However often it changes the same, and though a part of it is undone."""
	from frappe.database.database import Database

	other = Database(frappe.local.site_path)
	topic = f"doc:{THING}"
	doc = thing(title="a").insert()
	frappe.db.commit()
	other.epochs.refresh()
	before = other.epochs.tokens.get(topic)
	frappe.db.set_value(THING, doc.name, "title", "b")
	frappe.db.savepoint("here")
	frappe.db.set_value(THING, doc.name, "title", "c")
	frappe.db.rollback(save_point="here")
	other.epochs.reload()
	assert other.epochs.tokens.get(topic) == before
	frappe.db.commit()
	other.epochs.refresh()
	assert other.epochs.tokens[topic] == frappe.db.epochs.tokens[topic] != before
	kept = other.epochs.tokens[topic]
	frappe.db.set_value(THING, doc.name, "title", "d")
	frappe.db.rollback()
	frappe.db.commit()
	other.epochs.reload()
	assert other.epochs.tokens[topic] == frappe.db.epochs.tokens[topic] == kept
	other.close()
