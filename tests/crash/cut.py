"""A process that is killed at its n-th step: every write seam of the way in counts as two steps, before and after.

Nothing of the app is faked: the seams are wrapped in the process that is about to die, and at step ``n`` that process
gets SIGKILL, as from a power cut as far as the process is concerned.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from functools import wraps

from dokos_mail.engine.connect.wire import Wire


class Steps:
	"""Counts steps; at number ``cut_at`` the process kills itself. With ``cut_at`` 0 it only counts."""

	def __init__(self, cut_at: int) -> None:
		self.cut_at = cut_at
		self.names: list[str] = []
		# Files are synced in threads, side by side.
		self._lock = threading.Lock()

	def step(self, name: str) -> None:
		with self._lock:
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
	"""Wrap every write seam of this process: files, transactions, documents, and all that is said to the mail server."""
	import frappe
	from frappe.model.document import Document

	for name in ("fsync", "replace", "rename", "unlink", "mkdir"):
		setattr(os, name, steps.around(name, getattr(os, name)))
	frappe.db.commit = steps.around("commit", frappe.db.commit)
	frappe.db.bulk_insert = steps.around("bulk insert", frappe.db.bulk_insert)
	Document.insert = steps.around("insert", Document.insert)
	send = Wire.send

	def send_in_steps(self: Wire, data: bytes) -> None:
		words = data.split(b"\r\n", 1)[0].decode("latin-1")[:40]
		steps.around(words, send)(self, data)

	Wire.send = send_in_steps
