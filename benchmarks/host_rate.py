"""Processing on a bench's own database, against core's own ``receive()`` and against the bare cost of the same ``insert()`` calls.

In the bench's ``sites`` folder, with the bench's Python, on a site made for it (its mail stays there):

    PYTHONPATH=REPOSITORY ../env/bin/python -m benchmarks.host_rate --site SITE [--messages 600] [--append-to DOCTYPE]

A real Dovecot, accounts with default settings, in turns of at most 50 messages of the same sizes, each message with a
sender, a content and files of its own. The bare calls are those that a message took here: the same classes, flags and
sizes, values of their own, one commit for each message. The seconds of processors are those of this process and, on a
database of the same machine, of its thread for this connection: they say more than a clock when others are at work.

The host asks gravatar.com for a picture of each new contact; ``--gravatar 0.2`` lets that take 0.2 seconds, as on a
machine that reaches it. Without it, the question is asked, and answered as this machine can.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from unittest.mock import patch

import frappe

from benchmarks import corpus
from dokos_mail.hooks import doc_events
from dokos_mail.inbound import pull as pulling
from dokos_mail.inbound.contacts import contact_class
from dokos_mail.inbound.journal import JOURNAL
from dokos_mail.inbound.store import received_communication_class
from mail_servers.dovecot import Dovecot

#: Core's class takes no more than 100 messages of a folder at a time.
TURN = 50
#: Messages of each way that are not counted: what is imported and cached once.
WARM_UP = 10
PASSWORD = "secret"


class Mail:
	"""Messages of the same sizes for each way, with addresses, contents and files that no other way and no other run has."""

	def __init__(self, way: int) -> None:
		self._sizes = random.Random(1)
		self._words = random.Random(time.time_ns())
		self._number = (int(time.time()) * 10 + way) * 1_000_000

	def take(self, count: int) -> Iterator[bytes]:
		for _each in range(count):
			self._number += 1
			size = int(self._sizes.lognormvariate(8.5, 0.7))
			yield corpus.message(self._words, self._number, size).replace(b"\n", b"\r\n")


def make_account(server: Dovecot, user: str, append_to: str | None) -> str:
	"""An account as an administrator makes one who names nothing but the server."""
	account = frappe.get_doc(
		{
			"doctype": "Email Account",
			"email_id": user,
			"email_account_name": user.partition("@")[0],
			"password": PASSWORD,
			"enable_incoming": 1,
			"use_imap": 1,
			"email_server": server.host,
			"incoming_port": str(server.ports["imap"]),
			"append_to": append_to,
			"imap_folder": [{"folder_name": "INBOX", "append_to": append_to}],
		}
	).insert()
	frappe.db.commit()
	return account.name


def by_core(account: str) -> None:
	"""Core's own class, whatever class the site's hooks name, and without what this app does when a Communication is saved."""
	from frappe.email.doctype.email_account.email_account import EmailAccount

	with ExitStack() as stack:
		events = doc_events["Communication"].values()
		for event in chain.from_iterable([given] if isinstance(given, str) else given for given in events):
			stack.enter_context(patch(event, lambda *_given: None))
		EmailAccount("Email Account", account).receive()


def by_us(account: str) -> None:
	"""A whole pull: journalled, then processed."""
	error = pulling.pull(account).error
	if error:
		raise error


class Spent:
	"""Seconds that pieces of work took: by the clock, of this process's processor, and of the database's."""

	def __init__(self) -> None:
		self.clock = self.ours = self.database = 0.0

	def on(self, work: Callable[[], object]) -> None:
		"""Do it, and count it."""
		thread = _thread_of_database()
		database, ours, clock = _of_database(thread), time.process_time(), time.perf_counter()
		work()
		self.clock += time.perf_counter() - clock
		self.ours += time.process_time() - ours
		self.database += _of_database(thread) - database

	@property
	def processors(self) -> float:
		return self.ours + self.database


def _thread_of_database() -> Path | None:
	"""Where Linux says how long this connection's thread of MariaDB was at work, if it runs on this machine."""
	if frappe.db.db_type != "mariadb":
		return None
	thread = frappe.db.sql("select TID from information_schema.processlist where id = connection_id()")[0][0]
	return next(Path("/proc").glob(f"[0-9]*/task/{thread}/schedstat"), None)


def _of_database(thread: Path | None) -> float:
	return int(thread.read_text().split()[0]) / 1e9 if thread else 0.0


class Gravatar:
	"""How often and how long the host waited for gravatar.com; ``takes`` seconds each time, when given."""

	def __init__(self, takes: float | None) -> None:
		from frappe.contacts.doctype.contact import contact

		self.seconds, self.times, self._ask, self._takes = 0.0, 0, contact.has_gravatar, takes
		contact.has_gravatar = self

	def __call__(self, address: str) -> str:
		began = time.perf_counter()
		if self._takes is None:
			answer = self._ask(address)
		else:
			Event().wait(self._takes)
			answer = ""
		self.seconds += time.perf_counter() - began
		self.times += 1
		return answer


Insert = Callable[[], None]


def same_inserts(account: str) -> list[Insert]:
	"""For each message that ``account`` received: the ``insert()`` calls that it took, of copies with addresses of their own."""
	rows = frappe.get_all(JOURNAL, filters={"email_account": account, "state": "Processed"}, pluck="communication")
	return [_inserts_of(frappe.get_doc("Communication", name)) for name in rows]


def _inserts_of(mail: frappe._dict) -> Insert:
	values = {
		key: value
		for key, value in mail.as_dict(no_default_fields=True).items()
		if value is not None and not isinstance(value, list)
	}
	values |= {"doctype": "Communication", "sender": f"bare.{mail.sender}", "message_id": f"bare.{mail.message_id}"}
	for unique in ("incoming_email", "reference_doctype", "reference_name"):
		values.pop(unique, None)
	document = frappe.copy_doc(frappe.get_doc(mail.reference_doctype, mail.reference_name)) if mail.reference_name else None
	linked = [link.link_name for link in mail.timeline_links if link.link_doctype == "Contact"]
	contacts = [_as_new(frappe.get_doc("Contact", name)) for name in linked]
	on_it = {"attached_to_doctype": "Communication", "attached_to_name": mail.name}
	files = [
		{"file_name": file.file_name, "content": file.get_content()[::-1], "is_private": 1, "doctype": "File"}
		for file in (frappe.get_doc("File", name) for name in frappe.get_all("File", filters=on_it, pluck="name"))
	]

	def insert() -> None:
		bare = received_communication_class()(values)
		if document:
			document.insert(ignore_permissions=True)
			bare.update({"reference_doctype": document.doctype, "reference_name": document.name})
		for written in contacts:
			contact = contact_class()(written)
			contact.insert(ignore_permissions=True)
			bare.append("timeline_links", {"link_doctype": "Contact", "link_name": contact.name})
		bare.flags.update({"in_receive": True, "concerns_document": True, "skip_add_signature": True, "sanitised": bare.content})
		bare.insert(ignore_permissions=True)
		for file in files:
			about = {"attached_to_doctype": "Communication", "attached_to_name": bare.name}
			frappe.get_doc(file | about).insert(ignore_permissions=True)
		frappe.db.commit()

	return insert


def _as_new(contact: frappe._dict) -> dict[str, object]:
	"""What a contact that was made of a mail was made of, of somebody else."""
	return {
		"doctype": "Contact",
		"first_name": contact.first_name,
		"last_name": f"{contact.last_name} bare",
		"email_ids": [{"email_id": f"bare.{contact.email_id}", "is_primary": 1}],
	}


def measure(server: Dovecot, count: int, append_to: str | None) -> dict[str, Spent]:
	"""What each way took for ``count`` messages, in turns. ``processed`` is of "ours" what comes after the journal."""
	users = {way: f"{way}-{time.time_ns()}@masociete.test" for way in ("core", "ours")}
	for user in users.values():
		server.add_user(user, PASSWORD)
	accounts = {way: make_account(server, user, append_to) for way, user in users.items()}
	mail = {way: Mail(number) for number, way in enumerate(users)}
	took = {way: Spent() for way in ("core", "ours", "processed", "bare")}
	process_pending = pulling.process_pending
	sizes = [WARM_UP, *([TURN] * (count // TURN)), *([count % TURN] if count % TURN else [])]
	seen = 0
	for turn, size in enumerate(sizes):
		spent = took if turn else {way: Spent() for way in took}
		pulling.process_pending = partial(_timed, spent["processed"], process_pending)
		for way, receive in (("core", by_core), ("ours", by_us)):
			server.append(users[way], mail[way].take(size))
			frappe.db.commit()
			spent[way].on(partial(receive, accounts[way]))
			server.expunge(users[way], server.uids(users[way]))
		inserts = same_inserts(accounts["ours"])[seen:]
		frappe.db.commit()
		spent["bare"].on(partial(_all, inserts))
		seen += len(inserts)
		for way in users:
			there = frappe.db.count("Communication", {"email_account": accounts[way], "message_id": ("not like", "bare.%")})
			if there != sum(sizes[: turn + 1]):
				raise RuntimeError(f"{way} made {there} Communications of {sum(sizes[: turn + 1])} messages")
	pulling.process_pending = process_pending
	for account in accounts.values():
		frappe.db.set_value("Email Account", account, "enable_incoming", 0)
	frappe.db.commit()
	return took


def _all(inserts: list[Insert]) -> None:
	for insert in inserts:
		insert()


def _timed(spent: Spent, process: Callable[..., object], *given: object) -> object:
	answers: list[object] = []
	spent.on(lambda: answers.append(process(*given)))
	return answers[0]


def main() -> None:
	arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
	arguments.add_argument("--site", required=True, help="a site of this bench with the app, made for this")
	arguments.add_argument("--messages", type=int, default=600, help="how many are counted (default %(default)s)")
	arguments.add_argument("--append-to", help="a document type that each becomes (default: none, as an account's)")
	arguments.add_argument(
		"--gravatar", type=float, help="seconds that gravatar.com takes to know nobody (default: as it is here)"
	)
	chosen = arguments.parse_args()
	frappe.init(chosen.site, sites_path=os.getcwd())
	frappe.connect()
	frappe.set_user("Administrator")
	gravatar = Gravatar(chosen.gravatar)
	with TemporaryDirectory(prefix="dokos-mail-bench-") as folder, Dovecot(Path(folder)) as server:
		took = measure(server, chosen.messages, chosen.append_to)
	count = chosen.messages
	print(
		f"{count} messages, to {chosen.append_to or 'no document'}; seconds by the clock, of processors (this process, database), messages/s"
	)
	for way, spent in took.items():
		print(
			f"{way:10}{spent.clock:8.1f}{spent.processors:8.1f} ({spent.ours:.1f}, {spent.database:.1f}){count / spent.clock:8.1f}/s"
		)
	for what, one, other, goal in (
		("ours against core's receive()", "core", "ours", 6),
		("processing against the bare calls", "bare", "processed", 0.8),
	):
		by_clock, by_processors = took[one].clock / took[other].clock, took[one].processors / took[other].processors
		print(f"{what}: {by_clock:.2f} times (goal {goal}); {by_processors:.2f} by processors")
	print(f"waited {gravatar.seconds:.1f} s for gravatar.com, {gravatar.times} times: all for core and the warming up")
	print(f"{os.getloadavg()[0]:.1f} load at the end, {os.cpu_count()} processors")
	frappe.destroy()


if __name__ == "__main__":
	main()
