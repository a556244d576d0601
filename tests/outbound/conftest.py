"""A server that sends, its account on the site, and mail in the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from uuid import uuid4

import pytest

from mail_servers.smtp_faults import FaultySmtp, SmtpFaults
from tests.mail_fixtures import clock, dovecot, site_config, unused_tcp_port

__all__ = ["clock", "dovecot", "site_config", "unused_tcp_port"]

_numbers = count(1)


@pytest.fixture(autouse=True)
def as_in_a_job(site: object) -> None:
	"""What the host calls before a job or a request: where no account is ever loaded, nothing else corrects its finders."""
	import frappe

	for hook in frappe.get_hooks("before_job"):
		frappe.get_attr(hook)()


@pytest.fixture
def smtp() -> Iterator[Callable[..., FaultySmtp]]:
	running: list[FaultySmtp] = []

	def start(faults: SmtpFaults | None = None, **options: object) -> FaultySmtp:
		server = FaultySmtp(faults, **options)
		running.append(server.__enter__())
		return server

	yield start
	for server in running:
		server.__exit__()


@pytest.fixture
def make_account(site: object) -> Iterator[Callable[..., object]]:
	"""Make an account that sends through a server; it sends no more, and its mail is gone, when the test is over."""
	import frappe

	made: list[str] = []

	def make(server: object | None = None, **values: object) -> object:
		name = f"envoi {next(_numbers)} {uuid4().hex[:6]}"
		account = frappe.get_doc(
			{
				"doctype": "Email Account",
				"email_id": f"{name.replace(' ', '.')}@masociete.test",
				"email_account_name": name,
				"enable_outgoing": 1,
				"smtp_server": "127.0.0.1",
				"smtp_port": str(server.port) if server else "9",
				"no_smtp_authentication": 1,
				"send_unsubscribe_message": 0,
				"track_email_status": 0,
			}
			| values
		).insert()
		frappe.db.commit()
		made.append(account.name)
		return account

	yield make
	frappe.db.rollback()
	for name in made:
		frappe.db.set_value("Email Account", name, {"enable_outgoing": 0, "default_outgoing": 0})
		for row in frappe.get_all("Email Queue", filters={"email_account": name}, pluck="name"):
			frappe.delete_doc("Email Queue", row, force=True, ignore_permissions=True)
	frappe.db.commit()


@pytest.fixture
def queued(site: object) -> Callable[..., object]:
	"""Queue a mail of an account, as the code of an app would; the row."""
	import frappe

	def queue(account: object, *recipients: str, shown: bool = True, **values: object) -> object:
		message_id = f"{uuid4().hex}@masociete.test"
		to = ", ".join(recipients) if shown else "<!--recipient-->"
		message = (
			f"From: <{account.email_id}>\r\nTo: {to}\r\nSubject: Bonjour\r\nMessage-ID: <{message_id}>\r\n"
			"Content-Type: text/plain; charset=utf-8\r\n\r\nUn message.\r\n"
		)
		row = frappe.get_doc(
			{
				"doctype": "Email Queue",
				"sender": account.email_id,
				"message": message,
				"message_id": message_id,
				"status": "Not Sent",
				"priority": 1,
				"email_account": account.name,
				"expose_recipients": "header" if shown else None,
				"recipients": [{"recipient": each, "status": "Not Sent"} for each in recipients],
			}
			| values
		)
		row.insert(ignore_permissions=True)
		frappe.db.commit()
		return row

	return queue
