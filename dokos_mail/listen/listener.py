"""The listener of a site: watches the accounts it holds, has them pulled when something happens, and says how it goes.

Everything happens in one thread, but for logins and pulls. The database is asked now and then, on a connection of that
moment: one that is away is a line in the log, and tried again.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from time import monotonic

import frappe
from frappe.utils import now_datetime

from dokos_mail.engine.errors import MailError
from dokos_mail.engine.receive.idle import News
from dokos_mail.engine.receive.watch import Watch
from dokos_mail.holder import new_token
from dokos_mail.inbound import account as accounts
from dokos_mail.listen import holds
from dokos_mail.listen.mailboxes import Mailboxes, Watched
from dokos_mail.listen.pullers import Pullers

#: How often accounts are read and holds renewed: a new account is watched within this time.
REFRESH_SECONDS = 15.0
#: An outage is said on the account when it lasts; a restarted server is back before.
WORTH_SAYING = 30.0
#: Changes of flags come in bursts: an account is pulled for them once in this time.
FLAGS_SECONDS = 3.0
#: What a process that pulls has to come to an end when the listener is told to stop.
GRACE_SECONDS = 15.0

log = logging.getLogger("dokos_mail.listen")


class Listener:
	"""Runs until :meth:`stop`; see the module."""

	def __init__(self, site: str, sites_path: str, *, pullers: int = 2, refresh: float = REFRESH_SECONDS) -> None:
		self.site, self.sites_path, self.refresh_seconds = site, sites_path, refresh
		self.token = new_token_of(site, sites_path)
		self.watch = Watch(self._news, self._watching, self._failed)
		self.pullers = Pullers(self.watch, site, sites_path, self._account_of, log.warning, most=pullers)
		self._mailboxes = Mailboxes()
		self._watched: dict[str, Watched] = {}
		self._held_until = 0.0
		self._failures: list[tuple[str, MailError]] = []
		self._refused: dict[str, datetime] = {}
		self._trouble = ""
		self._stopping = threading.Event()

	def stop(self, *_signal: object) -> None:
		"""Come to an end, soon. For signal handlers and other threads."""
		self._stopping.set()
		self.watch.wake()

	def run(self) -> None:
		"""Listen until told to stop."""
		self.pullers.start()
		next_refresh = monotonic()
		try:
			while not self._stopping.is_set():
				now = monotonic()
				if now >= next_refresh:
					self._refresh()
					next_refresh = monotonic() + self.refresh_seconds
				due = self.pullers.turn()
				longest = max(next_refresh - monotonic(), 0)
				self.watch.turn(longest if due is None else min(longest, due))
		finally:
			self._end()

	# the watch calls

	def _news(self, key: str, news: News) -> None:
		if news is News.MAIL:
			self.pullers.offer(key)
		elif key in self._watched and self._watched[key].keeps_flags:
			self.pullers.offer(key, FLAGS_SECONDS)

	def _watching(self, key: str) -> None:
		self._refused.pop(key, None)
		log.info("%s: waiting for mail", self._account_of(key))
		# What came before this moment, nobody was told of.
		self.pullers.offer(key)

	def _failed(self, key: str, error: MailError, seconds: float) -> None:
		log.warning("%s: %s Next attempt in %.0f s.", self._account_of(key), error.message(), seconds)
		if seconds >= WORTH_SAYING:
			self._failures.append((key, error))

	def _account_of(self, key: str) -> str | None:
		return self._watched[key].account if key in self._watched else None

	# the database

	def _refresh(self) -> None:
		"""Read the accounts, renew the holds, write down what failed. Without a database all goes on as it is."""
		try:
			with connected(self.site, self.sites_path):
				self._write_failures()
				found = self._mailboxes.read(set(self._refused))
				held = holds.hold(self.token, list(found))
		except Exception as error:
			# Whatever it is, it is said, and tried again: this process has nobody else to see to it.
			self._say_trouble(f"The site could not be read, which is tried again: {type(error).__name__}: {error}")
			return
		self._say_trouble("")
		self._watched = {key: watched for key, watched in found.items() if key in held}
		self.watch.aim({key: watched.target for key, watched in self._watched.items()})
		for key, since in list(self._refused.items()):
			watched = self._watched.get(key)
			if watched is None:
				del self._refused[key]
			elif watched.last_success and watched.last_success > since:
				# Somebody else was let in since: so will we be.
				del self._refused[key]
				self.watch.hurry(key)

	def _write_failures(self) -> None:
		failures, self._failures = self._failures, []
		for key, error in failures:
			if account := self._account_of(key):
				accounts.record_failure(account, error)
				if not error.retry:
					self._refused[key] = now_datetime()

	def _say_trouble(self, words: str) -> None:
		if words and words != self._trouble:
			log.error("%s", words)
		elif self._trouble and not words:
			log.info("The site can be read again.")
		self._trouble = words

	def _end(self) -> None:
		self.watch.aim({})
		self.pullers.close(GRACE_SECONDS)
		self.watch.close()
		try:
			with connected(self.site, self.sites_path):
				holds.release(self.token)
		except Exception as error:
			# The holds end by themselves.
			log.warning("%s: %s", type(error).__name__, error)


@contextmanager
def connected(site: str, sites_path: str) -> Iterator[None]:
	"""The site's database on a connection of this moment; nothing of it stays."""
	frappe.init(site, sites_path=sites_path)
	try:
		frappe.connect()
		yield
		frappe.db.commit()
	finally:
		frappe.destroy()


def new_token_of(site: str, sites_path: str) -> str:
	"""A token for this process."""
	frappe.init(site, sites_path=sites_path)
	try:
		return new_token()
	finally:
		frappe.destroy()


def listen(site: str, sites_path: str, pullers: int, refresh: float = REFRESH_SECONDS) -> None:
	"""What ``mail-listen`` does: listen, until SIGTERM or SIGINT, and say on stderr what happens."""
	logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
	log.setLevel(logging.INFO)
	listener = Listener(site, sites_path, pullers=pullers, refresh=refresh)
	for number in (signal.SIGTERM, signal.SIGINT):
		signal.signal(number, listener.stop)
	log.info("%s: listening for new mail", site)
	listener.run()
	log.info("%s: the listener ends", site)
