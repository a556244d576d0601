"""`frappe.cache()`: values shared by the processes of a site, outside every transaction, kept in a SQLite file of their own."""

from __future__ import annotations

import os
import pickle
import sqlite3
import time
from collections.abc import Callable, Iterable
from typing import Any

from frappe.host.context import local


class CacheStore:
	"""Keys, and hashes of keys, with an optional life time in seconds. What is lost here must be possible to build again."""

	def __call__(self) -> CacheStore:
		return self

	@property
	def _connection(self) -> sqlite3.Connection:
		connection = getattr(local, "cache_connection", None)
		if connection is None:
			os.makedirs(os.path.join(local.site_path, "db"), exist_ok=True)
			connection = sqlite3.connect(
				os.path.join(local.site_path, "db", "cache.db"), timeout=30, isolation_level=None, check_same_thread=False
			)
			connection.execute("PRAGMA journal_mode=WAL")
			connection.execute("PRAGMA synchronous=OFF")
			connection.execute(
				"CREATE TABLE IF NOT EXISTS cache (key TEXT, field TEXT, value BLOB, expires REAL, PRIMARY KEY (key, field)) WITHOUT ROWID"
			)
			local.cache_connection = connection
		return connection

	@staticmethod
	def make_key(key: str, user: str | bool | None = None, shared: bool = False) -> str:
		if user:
			key = f"user:{local.session.user if user is True else user}:{key}"
		return key

	def _read(self, key: str, field: str) -> Any:
		row = self._connection.execute(
			"SELECT value FROM cache WHERE key=? AND field=? AND (expires IS NULL OR expires>?)", (key, field, time.time())
		).fetchone()
		return pickle.loads(row[0]) if row else None

	def _write(self, key: str, field: str, value: Any, seconds: float | None) -> None:
		self._connection.execute(
			"INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?)",
			(key, field, pickle.dumps(value), time.time() + seconds if seconds else None),
		)

	def get_value(
		self, key: str, generator: Callable[[], Any] | None = None, user: str | bool | None = None, expires: bool = False
	) -> Any:
		key = self.make_key(key, user)
		value = self._read(key, "")
		if value is None and generator:
			value = generator()
			self._write(key, "", value, None)
		return value

	def set_value(self, key: str, val: Any, user: str | bool | None = None, expires_in_sec: int | None = None) -> None:
		self._write(self.make_key(key, user), "", val, expires_in_sec)

	def delete_value(self, keys: str | Iterable[str], user: str | None = None) -> None:
		for key in [keys] if isinstance(keys, str) else keys:
			self._connection.execute("DELETE FROM cache WHERE key=?", (self.make_key(key, user),))

	def delete_key(self, *args: Any, **kwargs: Any) -> None:
		self.delete_value(*args, **kwargs)

	def exists(self, *names: str, user: str | None = None) -> int:
		return sum(self._read(self.make_key(name, user), "") is not None for name in names)

	def hset(self, name: str, key: str, value: Any, *args: Any, **kwargs: Any) -> None:
		self._write(self.make_key(name), str(key), value, None)

	def hget(self, name: str, key: str, generator: Callable[[], Any] | None = None) -> Any:
		value = self._read(self.make_key(name), str(key))
		if value is None and generator:
			value = generator()
			self.hset(name, key, value)
		return value

	def hdel(self, name: str, keys: str | Iterable[str]) -> None:
		for key in [keys] if isinstance(keys, str) else keys:
			self._connection.execute("DELETE FROM cache WHERE key=? AND field=?", (self.make_key(name), str(key)))

	def flushall(self) -> None:
		self._connection.execute("DELETE FROM cache")


cache = CacheStore()
