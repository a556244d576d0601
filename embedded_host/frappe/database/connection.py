"""The SQLite connection: pragmas, how values are stored and compared, and the translation of statements."""

from __future__ import annotations

import datetime
import decimal
import os
import re
import sqlite3
import unicodedata
from functools import lru_cache
from time import monotonic, sleep
from typing import Any

BUSY_SECONDS = 60
"""How long a writer waits for another one before "database is locked" is raised."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.0001, 0.01
"""How many seconds it waits between two tries: a tenth of what it has waited so far, within these."""


def _datetime(value: datetime.datetime) -> str:
	if value.tzinfo:
		raise ValueError(f"Incorrect datetime value: {value} (moments in the database have no time zone)")
	return value.strftime("%Y-%m-%d %H:%M:%S.%f")


def _time(value: datetime.time) -> str:
	return value.strftime("%H:%M:%S.%f")


def _timedelta(value: datetime.timedelta) -> str:
	seconds = int(value.total_seconds())
	return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{value.microseconds:06}"


def _read_datetime(raw: bytes) -> datetime.datetime:
	return datetime.datetime.fromisoformat(raw.decode()).replace(tzinfo=None)


def _read_date(raw: bytes) -> datetime.date:
	return datetime.date.fromisoformat(raw.decode()[:10])


def _read_time(raw: bytes) -> datetime.timedelta:
	hours, minutes, seconds = raw.decode().split(":")
	return datetime.timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))


sqlite3.register_adapter(datetime.datetime, _datetime)
sqlite3.register_adapter(datetime.date, datetime.date.isoformat)
sqlite3.register_adapter(datetime.time, _time)
sqlite3.register_adapter(datetime.timedelta, _timedelta)
sqlite3.register_adapter(decimal.Decimal, float)
sqlite3.register_converter("DATETIME", _read_datetime)
sqlite3.register_converter("DATE", _read_date)
sqlite3.register_converter("TIME", _read_time)


@lru_cache(maxsize=2000)
def fold(text: str) -> str:
	"""The form in which two texts are equal for the database: case, accents and trailing spaces do not count, as on the real hosts."""
	text = text.rstrip(" ")
	if not text.isascii():
		text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
	return text.lower()


def _compare(a: str, b: str) -> int:
	if a == b:
		return 0
	if a.isascii() and b.isascii():
		a, b = a.rstrip(" ").lower(), b.rstrip(" ").lower()
	elif len(a) < 200 and len(b) < 200:
		a, b = fold(a), fold(b)
	else:
		a, b = fold.__wrapped__(a), fold.__wrapped__(b)
	return (a > b) - (a < b)


@lru_cache(maxsize=500)
def _like_pattern(pattern: str) -> re.Pattern[str]:
	parts = []
	escaped = False
	for char in fold.__wrapped__(pattern + "\0")[:-1]:
		if escaped:
			parts.append(re.escape(char))
			escaped = False
		elif char == "\\":
			escaped = True
		else:
			parts.append({"%": ".*", "_": "."}.get(char) or re.escape(char))
	return re.compile("".join(parts), re.DOTALL)


def _like(pattern: Any, value: Any, escape: Any = None) -> int | None:
	if pattern is None or value is None:
		return None
	text = str(value)
	text = fold.__wrapped__(text + "\0")[:-1] if len(text) > 200 else fold(text + "\0")[:-1]
	return int(_like_pattern(str(pattern)).fullmatch(text) is not None)


def _concat(*values: Any) -> str | None:
	return None if None in values else "".join(str(value) for value in values)


def _concat_ws(separator: str, *values: Any) -> str:
	return separator.join(str(value) for value in values if value is not None)


def _now() -> str:
	from frappe.utils import now

	return now()


def open_connection(path: str) -> sqlite3.Connection:
	"""A connection whose commits are whole or not at all, and on the disk once their `Log` was synced after them."""
	connection = sqlite3.connect(
		path,
		timeout=BUSY_SECONDS,
		isolation_level=None,
		detect_types=sqlite3.PARSE_DECLTYPES,
		check_same_thread=False,
		cached_statements=512,
	)
	connection.execute("PRAGMA journal_mode=WAL")
	connection.execute("PRAGMA synchronous=NORMAL")
	connection.execute("PRAGMA cache_size=-16000")
	connection.execute("PRAGMA temp_store=MEMORY")
	connection.create_collation("host", _compare)
	connection.create_function("like", 2, _like, deterministic=True)
	connection.create_function("like", 3, _like, deterministic=True)
	connection.create_function("concat", -1, _concat, deterministic=True)
	connection.create_function("concat_ws", -1, _concat_ws, deterministic=True)
	connection.create_function("now", 0, _now)
	connection.create_function("regexp", 2, lambda p, v: int(bool(re.search(p, v or "", re.IGNORECASE))), deterministic=True)
	return connection


class Log:
	"""The write-ahead log of a database, as far as its durability goes.

	With synchronous=FULL SQLite syncs it before it lets go of the write lock, so that every other writer waits for the disk
	as well. Synced right after the commit, what is committed is as safe when `Database.commit` returns, and the next writer
	is at work meanwhile; one sync covers all that was committed before it, by whomever.
	"""

	def __init__(self, path: str) -> None:
		self._path = path + "-wal"
		self._descriptor = -1

	def sync(self) -> None:
		"""Make durable what is committed. While a connection is open its log is never another file."""
		if self._descriptor < 0:
			self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
		(os.fdatasync if hasattr(os, "fdatasync") else os.fsync)(self._descriptor)

	def close(self) -> None:
		if self._descriptor >= 0:
			os.close(self._descriptor)
			self._descriptor = -1


def begin_write(connection: sqlite3.Connection) -> None:
	"""Take the write lock, waiting for whoever has it up to BUSY_SECONDS.

	SQLite by itself sleeps longer and longer between its tries, up to a tenth of a second, while a lock that others hold
	for a few milliseconds comes free again and again: two busy writers would do no more together than one of them.
	"""
	began = monotonic()
	connection.execute("PRAGMA busy_timeout=0")
	try:
		while True:
			try:
				connection.execute("BEGIN IMMEDIATE")
				return
			except sqlite3.OperationalError as error:
				waited = monotonic() - began
				if "locked" not in str(error) or waited > BUSY_SECONDS:
					raise
			sleep(min(max(waited / 10, SHORTEST_PAUSE), LONGEST_PAUSE))
	finally:
		connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")


_PLACE = re.compile(r"%(?:\((\w+)\)s|s|%)")
_LOCK = re.compile(r"\s+for\s+update(?:\s+(?:skip\s+locked|nowait))?\s*;?\s*$", re.IGNORECASE)
_IGNORE = re.compile(r"^\s*insert\s+ignore\b", re.IGNORECASE)


@lru_cache(maxsize=500)
def statement_kind(query: str) -> str:
	"""The first word of a statement, in lower case."""
	return query.lstrip("( \t\r\n").split(None, 1)[0].lower().rstrip(";")


@lru_cache(maxsize=500)
def _simplify(query: str) -> tuple[str, bool]:
	without_lock = _LOCK.sub("", query)
	return _IGNORE.sub("INSERT OR IGNORE", without_lock), without_lock != query


def translate(query: str, values: Any) -> tuple[str, list[Any], bool]:
	"""`%s` and `%(name)s` places become `?` (a list or tuple becomes `(?, ?, ...)`); says whether rows are to be locked."""
	query, lock = _simplify(query)
	if values is None or (not values and not isinstance(values, int | float | str)):
		return query, [], lock
	if not isinstance(values, dict | list | tuple):
		values = [values]
	out: list[Any] = []
	remaining = iter(values) if not isinstance(values, dict) else iter(())

	def place(match: re.Match[str]) -> str:
		if match.group(0) == "%%":
			return "%"
		value = values[match.group(1)] if match.group(1) else next(remaining)
		if isinstance(value, list | tuple | set):
			out.extend(value)
			return f"({', '.join('?' * len(value))})" if value else "(NULL)"
		out.append(value)
		return "?"

	return _PLACE.sub(place, query), out, lock
