"""Mail programs at work in one mailbox, several at a time, each doing what comes to its mind (as ImapTest does).

What they did is kept, moment by moment: which message lay where from when until when.
"""

from __future__ import annotations

import imaplib
import random
import re
import threading
from dataclasses import dataclass, field
from time import monotonic

from mail_servers.dovecot import Dovecot
from mail_servers.server import encode_folder
from tests.mailbox import raw

#: The folders that the account reads, and one that it does not.
READ = ("INBOX", "Clients")
UNREAD = "Ailleurs"


@dataclass
class Stay:
	"""A message in one folder that is read: surely there from ``since`` until ``until``."""

	since: float
	until: float | None = None

	def covers(self, since: float, until: float) -> bool:
		return self.since < since and (self.until is None or self.until > until)


@dataclass
class Ledger:
	"""Every message that was ever put into the mailbox, by its Message-ID, and where it surely lay when."""

	stays: dict[str, list[tuple[str, Stay]]] = field(default_factory=dict)
	left: dict[tuple[str, str], float] = field(default_factory=dict)
	counts: dict[str, int] = field(default_factory=dict)
	lock: threading.Lock = field(default_factory=threading.Lock)

	def arrives(self, message_id: str, folder: str, began: float) -> None:
		"""It was put there by a command sent at ``began``. It counts as there, unless somebody took it since."""
		with self.lock:
			stays = self.stays.setdefault(message_id, [])
			if folder in READ and self.left.get((message_id, folder), 0) < began:
				stays.append((folder, Stay(monotonic())))

	def leaves(self, message_id: str, folder: str) -> None:
		"""Somebody is about to take it away; whether that succeeds, it does not count as there from now on."""
		with self.lock:
			self.left[message_id, folder] = monotonic()
			for where, stay in self.stays.get(message_id, ()):
				if where == folder and stay.until is None:
					stay.until = monotonic()

	def count(self, what: str) -> None:
		with self.lock:
			self.counts[what] = self.counts.get(what, 0) + 1

	def seen_by(self, pulls: list[tuple[float, float]]) -> set[str]:
		"""The messages that lay in one folder during the whole of some pull."""
		with self.lock:
			return {
				message_id
				for message_id, stays in self.stays.items()
				if any(stay.covers(*pull) for _folder, stay in stays for pull in pulls)
			}


class Clients:
	"""``count`` mail programs in the mailbox of ``user``, until the context is left. An error of theirs is raised there."""

	def __init__(self, server: Dovecot, user: str, count: int, seed: int) -> None:
		self.server, self.user, self.ledger = server, user, Ledger()
		self._stop = threading.Event()
		self._errors: list[BaseException] = []
		self._threads = [threading.Thread(target=self._run, args=(seed * 100 + number, number)) for number in range(count)]

	def __enter__(self) -> Clients:
		for folder in (*READ[1:], UNREAD):
			self.server.create_folder(self.user, folder)
		for thread in self._threads:
			thread.start()
		return self

	def __exit__(self, *exc_info: object) -> None:
		self.stop()

	def stop(self) -> None:
		"""Let all of them finish. Raises what went wrong in one of them."""
		self._stop.set()
		for thread in self._threads:
			thread.join(60)
		if self._errors:
			raise self._errors[0]

	def _run(self, seed: int, number: int) -> None:
		try:
			with self.server.client(self.user) as connection:
				_Client(connection, random.Random(seed), self.ledger, number).work(self._stop)
		except BaseException as error:
			self._errors.append(error)


class _Client:
	def __init__(self, connection: imaplib.IMAP4, chance: random.Random, ledger: Ledger, number: int) -> None:
		self.connection, self.chance, self.ledger, self.number = connection, chance, ledger, number
		self.made = 0

	def work(self, stop: threading.Event) -> None:
		actions = (self.append, self.append, self.expunge, self.move, self.move, self.flag, self.flag)
		while not stop.is_set():
			action = self.chance.choice(actions)
			action(self.chance.choice((*READ, *READ, UNREAD)))
			self.ledger.count(action.__name__)
			stop.wait(self.chance.uniform(0, 0.15))

	def append(self, folder: str) -> None:
		self.made += 1
		message_id = f"client-{self.number}-{self.made}-{self.chance.getrandbits(48):x}@client.test"
		message = raw(f"{self.number}/{self.made}", message_id=message_id).replace(b"\n", b"\r\n")
		began = monotonic()
		status, answer = self.connection.append(encode_folder(folder), None, None, message)
		assert status == "OK", answer
		self.ledger.arrives(message_id, folder, began)

	def expunge(self, folder: str) -> None:
		uid, message_id = self._any(folder)
		if uid:
			self.ledger.leaves(message_id, folder)
			self.connection.uid("STORE", uid, "+FLAGS.SILENT", "(\\Deleted)")
			self.connection.uid("EXPUNGE", uid)

	def move(self, folder: str) -> None:
		uid, message_id = self._any(folder)
		to = self.chance.choice([other for other in (*READ, UNREAD) if other != folder])
		if not uid:
			return
		self.ledger.leaves(message_id, folder)
		began = monotonic()
		self.connection.untagged_responses.pop("COPYUID", None)
		self.connection.uid("MOVE", uid, encode_folder(to))
		if self.connection.untagged_responses.pop("COPYUID", None):
			self.ledger.arrives(message_id, to, began)

	def flag(self, folder: str) -> None:
		uid, _message_id = self._any(folder)
		if uid:
			sign, flag = self.chance.choice("+-"), self.chance.choice(("\\Seen", "\\Flagged", "\\Answered"))
			self.connection.uid("STORE", uid, f"{sign}FLAGS.SILENT", f"({flag})")

	def _any(self, folder: str) -> tuple[str, str]:
		"""UID and Message-ID of one message of the folder, which is opened; empty when there is none."""
		self.connection.select(encode_folder(folder))
		uids = self.connection.uid("SEARCH", "ALL")[1][0].split()
		if not uids:
			return "", ""
		uid = self.chance.choice(uids).decode()
		for part in self.connection.uid("FETCH", uid, "(UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]:
			if isinstance(part, tuple) and f"UID {uid} " in part[0].decode():
				found = re.search(rb"<([^>]+)>", part[1])
				return (uid, found[1].decode()) if found else ("", "")
		return "", ""
