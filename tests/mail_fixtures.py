"""A real Dovecot, and mailboxes on it with their Email Accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone

import pytest
import time_machine

from mail_servers.dovecot import Dovecot
from mail_servers.server import free_port
from tests.mailbox import Mailbox, account_values, new_user


@pytest.fixture(scope="session")
def dovecot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dovecot]:
	with Dovecot(tmp_path_factory.mktemp("dovecot")) as server:
		yield server


@pytest.fixture
def make_mailbox(site: object, dovecot: Dovecot) -> Iterator[Callable[..., Mailbox]]:
	"""Make a mailbox and its Email Account; the account is disabled when the test is over."""
	import frappe

	made: list[str] = []

	def make(**settings: object) -> Mailbox:
		user = new_user(dovecot)
		account = frappe.get_doc(account_values(dovecot, user, **settings)).insert().name
		frappe.db.commit()
		made.append(account)
		return Mailbox(dovecot, user, account)

	yield make
	frappe.db.rollback()
	for account in made:
		frappe.db.set_value("Email Account", account, {"enable_incoming": 0, "enable_outgoing": 0})
	frappe.db.commit()


@pytest.fixture
def mailbox(make_mailbox: Callable[..., Mailbox]) -> Mailbox:
	"""A mailbox whose mail becomes Opportunities."""
	return make_mailbox(append_to="Opportunity")


@pytest.fixture
def site_config(site: object) -> Iterator[Callable[..., None]]:
	"""Set keys of the site's configuration for this process, until the test is over."""
	import frappe

	before: dict[str, object] = {}

	def set_keys(**values: object) -> None:
		for key, value in values.items():
			before.setdefault(key, frappe.local.conf.get(key))
			frappe.local.conf[key] = value

	yield set_keys
	frappe.local.conf.update(before)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
	"""The clock of this process, which goes on, and which a test sets."""
	with time_machine.travel(datetime.now(timezone.utc), tick=True) as travelling:
		yield travelling


@pytest.fixture
def unused_tcp_port() -> int:
	"""A port of loopback nobody listens on."""
	return free_port()
