"""What this process remembers of the site (metas, documents, hooks), and how it learns that another process changed it.

Every remembered value carries the token that its topic had in the `__Epoch` table when it was built, and counts only
while the topic still has that token. Tokens are random, so a transaction that is rolled back leaves no token that could
come again with another content. A connection rereads the tokens when SQLite says that another connection committed.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
	from frappe.database.database import Database

META = "meta"
"""Topic of everything that DocTypes, customisations, hooks and translations are built from."""

_memory: dict[str, dict[tuple[str, str], tuple[str, Any]]] = {}
_lock = threading.Lock()
LIMIT = 5000


class Epochs:
	"""The tokens as one connection sees them, and the values of the process that match."""

	def __init__(self, db: Database) -> None:
		self.db = db
		self.version = -1
		self.tokens: dict[str, str] = {}
		self.unsure: set[tuple[str, str]] = set()
		self._touched: dict[str, str] = {}
		with _lock:
			self.values = _memory.setdefault(db.path, {})

	def refresh(self) -> None:
		"""Reread the tokens if another connection has committed since they were read."""
		version = self.db.data_version()
		if version != self.version:
			self.version = version
			self.reload()

	def reload(self) -> None:
		self.tokens = self.db.read_epochs() | self._touched

	def forget_unsure(self) -> None:
		"""After a rollback, be it to a savepoint: what was built in the transaction may never have been."""
		for key in self.unsure:
			self.values.pop(key, None)
		self.unsure.clear()
		self.reload()

	def forget_touched(self) -> None:
		"""After a rollback of the whole transaction: nothing was changed."""
		self._touched.clear()

	def touch(self, topic: str) -> None:
		"""What is remembered of this topic no longer counts, here now, elsewhere after the commit."""
		self.tokens[topic] = self._touched[topic] = secrets.token_hex(6)

	def write(self) -> None:
		"""Write the tokens of what was touched; within the transaction that is about to be committed."""
		for topic, token in self._touched.items():
			self.db.write_epoch(topic, token)
		self._touched.clear()

	def get(self, topic: str, kind: str, key: str, build: Callable[[], Any]) -> Any:
		"""The remembered value, or a new one from `build()`. It is shared: read it, never change it."""
		if not self.db.in_transaction:
			self.refresh()
		token = self.tokens.get(topic, "")
		known = self.values.get((kind, key))
		if known and known[0] == token:
			return known[1]
		value = build()
		if self.db.in_transaction:
			self.unsure.add((kind, key))
		if len(self.values) > LIMIT:
			self.values.clear()
		self.values[(kind, key)] = (token, value)
		return value
