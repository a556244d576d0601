"""Processing on a bench's own database, against core's own ``receive()`` and against the bare cost of the same ``insert()`` calls.

In the bench's ``sites`` folder, with the bench's Python, on a site made for it (its mail stays there):

    PYTHONPATH=REPOSITORY ../env/bin/python -m benchmarks.host_rate --site SITE [--messages 600] [--append-to DOCTYPE]

A real Dovecot, three accounts with default settings, in turns of at most 100 messages (core takes no more at a time) of
the same sizes, each message with a sender, a content and files of its own.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import frappe

from benchmarks import corpus
from dokos_mail.inbound.journal import JOURNAL
from dokos_mail.inbound.pull import pull
from dokos_mail.inbound.store import received_communication_class
from mail_servers.dovecot import Dovecot

#: Core's class takes no more messages of a folder at a time.
TURN = 100
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
	"""Core's own class, whatever class the site's hooks name."""
	from frappe.email.doctype.email_account.email_account import EmailAccount

	EmailAccount("Email Account", account).receive()


def by_us(account: str) -> None:
	"""A whole pull: journalled, then processed."""
	error = pull(account).error
	if error:
		raise error


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
	contacts = [frappe.copy_doc(frappe.get_doc("Contact", name)) for name in linked]
	for contact in contacts:
		contact.first_name = f"{contact.first_name} (bare)"
		for address in contact.email_ids:
			address.email_id = f"bare.{address.email_id}"
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
		for contact in contacts:
			contact.insert(ignore_permissions=True)
			bare.append("timeline_links", {"link_doctype": "Contact", "link_name": contact.name})
		bare.flags.in_receive = bare.flags.concerns_document = True
		bare.insert(ignore_permissions=True)
		for file in files:
			about = {"attached_to_doctype": "Communication", "attached_to_name": bare.name}
			frappe.get_doc(file | about).insert(ignore_permissions=True)
		frappe.db.commit()

	return insert


def seconds_of(work: Callable[[], object]) -> float:
	frappe.db.commit()
	began = time.perf_counter()
	work()
	return time.perf_counter() - began


def measure(server: Dovecot, count: int, append_to: str | None) -> dict[str, float]:
	"""Seconds that each way took for ``count`` messages, in turns."""
	users = {way: f"{way}-{time.time_ns()}@masociete.test" for way in ("core", "ours")}
	for user in users.values():
		server.add_user(user, PASSWORD)
	accounts = {way: make_account(server, user, append_to) for way, user in users.items()}
	mail = {way: Mail(number) for number, way in enumerate(users)}
	took = dict.fromkeys(("core", "ours", "bare"), 0.0)
	sizes = [WARM_UP, *([TURN] * (count // TURN)), *([count % TURN] if count % TURN else [])]
	seen = 0
	for turn, size in enumerate(sizes):
		for way, receive in (("core", by_core), ("ours", by_us)):
			server.append(users[way], mail[way].take(size))
			seconds = seconds_of(lambda: receive(accounts[way]))  # noqa: B023 - called at once
			took[way] += seconds if turn else 0
			server.expunge(users[way], server.uids(users[way]))
		inserts = same_inserts(accounts["ours"])[seen:]
		seconds = seconds_of(lambda: [insert() for insert in inserts])  # noqa: B023 - called at once
		took["bare"] += seconds if turn else 0
		seen += len(inserts)
		for way in users:
			there = frappe.db.count("Communication", {"email_account": accounts[way], "message_id": ("not like", "bare.%")})
			if there != sum(sizes[: turn + 1]):
				raise RuntimeError(f"{way} made {there} Communications of {sum(sizes[: turn + 1])} messages")
	for account in accounts.values():
		frappe.db.set_value("Email Account", account, "enable_incoming", 0)
	frappe.db.commit()
	return took


def main() -> None:
	arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
	arguments.add_argument("--site", required=True, help="a site of this bench with the app, made for this")
	arguments.add_argument("--messages", type=int, default=600, help="how many are counted (default %(default)s)")
	arguments.add_argument("--append-to", help="a document type that each becomes (default: none, as an account's)")
	chosen = arguments.parse_args()
	frappe.init(chosen.site, sites_path=os.getcwd())
	frappe.connect()
	frappe.set_user("Administrator")
	with TemporaryDirectory(prefix="dokos-mail-bench-") as folder, Dovecot(Path(folder)) as server:
		took = measure(server, chosen.messages, chosen.append_to)
	rate = {way: chosen.messages / seconds for way, seconds in took.items()}
	print(
		f"{rate['ours'] / rate['core']:.1f} times core's receive() (goal 6): {rate['ours']:.1f} messages/s against {rate['core']:.1f}/s"
	)
	print(f"{rate['ours'] / rate['bare']:.2f} of the bare insert() calls (goal 0.8), which do {rate['bare']:.1f}/s")
	print(
		f"{os.getloadavg()[0]:.1f} load at the end, {os.cpu_count()} processors; {chosen.messages} messages, to {chosen.append_to or 'no document'}"
	)
	frappe.destroy()


if __name__ == "__main__":
	main()
