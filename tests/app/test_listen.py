"""``mail-listen`` as a process of its own, on a real server: mail comes in by itself, whatever goes away meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import frappe

from dokos_mail.inbound.account import STATUS, status_of
from tests.mailbox import Mailbox, raw

SECONDS = 15


class Running:
	"""A listener that runs, and what it said so far."""

	def __init__(self, process: subprocess.Popen[str]) -> None:
		self.process = process
		self.said: list[str] = []
		self._more = threading.Condition()
		self._reader = threading.Thread(target=self._read, daemon=True)
		self._reader.start()

	def _read(self) -> None:
		assert self.process.stderr
		for line in self.process.stderr:
			with self._more:
				self.said.append(line.rstrip())
				self._more.notify_all()

	def wait_for(self, words: str, after: int = 0) -> None:
		"""Wait until it has said ``words``, leaving the first ``after`` lines out."""
		with self._more:
			assert self._more.wait_for(lambda: any(words in line for line in self.said[after:]), SECONDS), self.said

	def end(self) -> int:
		"""SIGTERM, and its exit status."""
		self.process.terminate()
		code = self.process.wait(SECONDS)
		self._reader.join(SECONDS)
		return code


@contextmanager
def listener(site: object, *options: str) -> Iterator[Running]:
	"""A listener that runs until the block ends."""
	frappe.db.commit()
	words = [sys.executable, "-m", "frappe"] if site.host == "embedded" else ["bench"]
	command = [*words, "--site", site.name, "mail-listen", *options]
	process = subprocess.Popen(
		command, cwd=site.sites_path, env=os.environ | site.env, stderr=subprocess.PIPE, text=True, start_new_session=True
	)
	running = Running(process)
	try:
		yield running
	finally:
		print("\n".join(running.said))
		if process.poll() is None:
			os.killpg(process.pid, signal.SIGKILL)
			process.wait()


def rows(mailbox: Mailbox) -> list[frappe._dict]:
	frappe.db.rollback()
	return frappe.get_all(
		"Incoming Email",
		filters={"email_account": mailbox.account},
		fields=["subject", "state", "uid", "communication"],
		order_by="received_on asc, creation asc, idx asc",
	)


def wait_until(condition: Callable[[], bool], seconds: float = SECONDS) -> float:
	"""Wait for what another process does; returns the seconds it took."""
	began, pause = monotonic(), threading.Event()
	while not condition():
		assert monotonic() - began < seconds, "it did not happen"
		pause.wait(0.05)
	return monotonic() - began


def test_mail_is_a_document_soon_after_it_arrives(site: object, mailbox: Mailbox) -> None:
	with listener(site) as running:
		running.wait_for(f"{mailbox.account}: waiting for mail")
		assert rows(mailbox) == []
		mailbox.put(raw("arrivé tout seul"))
		took = wait_until(lambda: [row.state for row in rows(mailbox)] == ["Processed"])
		assert took < 20
		mailbox.put(raw("un autre"))
		wait_until(lambda: [row.state for row in rows(mailbox)] == ["Processed", "Processed"])
		assert running.end() == 0
	frappe.db.rollback()
	assert not frappe.db.get_value(STATUS, status_of(mailbox.account), "listener")
