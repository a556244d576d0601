"""A pull that is killed at its n-th step: every write seam of the way in counts as two steps, before and after.

Nothing of the app is faked: the seams are wrapped in the process that is about to die, and at step ``n`` that process
gets SIGKILL, as from a power cut as far as the process is concerned.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import wraps

from dokos_mail.engine.receive.imap import ImapSession


class Steps:
	"""Counts steps; at number ``cut_at`` the process kills itself. With ``cut_at`` 0 it only counts."""

	def __init__(self, cut_at: int) -> None:
		self.cut_at = cut_at
		self.names: list[str] = []

	def step(self, name: str) -> None:
		self.names.append(name)
		if len(self.names) == self.cut_at:
			os.kill(os.getpid(), signal.SIGKILL)

	def around(self, name: str, function: Callable[..., object]) -> Callable[..., object]:
		@wraps(function)
		def wrapped(*args: object, **kwargs: object) -> object:
			self.step(f"before {name}")
			result = function(*args, **kwargs)
			self.step(f"after {name}")
			return result

		return wrapped


def watch(steps: Steps) -> None:
	"""Wrap every write seam of this process: files, transactions, documents, commands to the mail server."""
	import frappe
	from frappe.model.document import Document

	os.fsync = steps.around("fsync", os.fsync)
	os.replace = steps.around("replace", os.replace)
	os.rename = steps.around("rename", os.rename)
	frappe.db.commit = steps.around("commit", frappe.db.commit)
	frappe.db.bulk_insert = steps.around("bulk insert", frappe.db.bulk_insert)
	Document.insert = steps.around("insert", Document.insert)
	for name in ("select", "search", "mark_seen"):
		setattr(ImapSession, name, steps.around(name, getattr(ImapSession, name)))
	fetch = ImapSession.fetch

	def fetch_in_steps(*args: object, **kwargs: object) -> object:
		for batch in fetch(*args, **kwargs):
			steps.step("batch on disk")
			yield batch

	ImapSession.fetch = fetch_in_steps
