"""Whether the server keeps what follows the + of an address: seen from mail that came, or tried with a test email."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import frappe
import pytest
from time_machine import Traveller

from dokos_mail.api import account_status, try_document_addresses
from dokos_mail.detail_kept import PATIENCE, STATUS
from dokos_mail.document_address import TABLE, address_of
from dokos_mail.jobs import send_account_mail
from mail_servers.smtp_faults import FaultySmtp, SmtpFaults
from tests.app.test_pull import journal, pull
from tests.mailbox import Mailbox, raw


@pytest.fixture
def linking(make_mailbox: Callable[..., Mailbox]) -> Iterator[Mailbox]:
	mailbox = make_mailbox(append_to="Opportunity", enable_automatic_linking=1)
	pull(mailbox)
	yield mailbox
	frappe.db.rollback()
	frappe.db.delete(TABLE, {"reference_name": mailbox.account})
	frappe.db.commit()


def sends_by(mailbox: Mailbox, server: FaultySmtp) -> None:
	values = {"enable_outgoing": 1, "smtp_server": "127.0.0.1", "smtp_port": str(server.port), "no_smtp_authentication": 1}
	frappe.db.set_value("Email Account", mailbox.account, values)
	frappe.clear_document_cache("Email Account", mailbox.account)
	frappe.db.commit()


def told(mailbox: Mailbox) -> tuple[str, str]:
	frappe.db.rollback()
	lines = account_status(mailbox.account)["lines"]
	return next((line["state"], line["text"]) for line in lines if line["title"] == "Addresses of documents")


def test_it_is_not_known_until_mail_came(linking: Mailbox) -> None:
	assert told(linking)[0] == "Unknown"
	linking.put(raw("Devis", to=linking.user))
	pull(linking)
	assert told(linking)[0] == "Unknown"


@pytest.mark.parametrize("recorded", [False, True])
def test_a_mail_to_an_address_with_a_plus_shows_it(linking: Mailbox, recorded: bool) -> None:
	address = address_of("Email Account", linking.account, linking.user)
	where = {"Delivered_To": address} if recorded else {"Delivered_To": linking.user}
	linking.put(raw("Devis", to="autre@client.test" if recorded else address, **where))
	pull(linking)
	state, text = told(linking)
	assert (state, "blind copies" in text) == ("Working", recorded)
	linking.put(raw("Devis", to=address))
	pull(linking)
	assert told(linking) == (state, text), "what was seen once is so"


def test_without_linking_nothing_is_said(mailbox: Mailbox) -> None:
	pull(mailbox)
	assert [line["title"] for line in account_status(mailbox.account)["lines"] if "document" in line["title"]] == []


def test_a_test_email_comes_back(linking: Mailbox) -> None:
	before = frappe.db.count("Opportunity")
	with FaultySmtp() as server:
		sends_by(linking, server)
		address = try_document_addresses(linking.account)
		assert address.startswith(linking.user.partition("@")[0] + "+")
		frappe.db.commit()
		assert told(linking)[0] == "Checking"
		send_account_mail(linking.account)
	linking.put(server.accepted[-1].raw)  # as the server delivers it that keeps what follows the +
	pull(linking)
	assert told(linking)[0] == "Working"
	row = journal(linking)[-1]
	assert (row.state, row.reference_doctype, row.reference_name) == ("Processed", "Email Account", linking.account)
	assert frappe.db.count("Opportunity") == before


def test_a_test_email_that_is_refused(linking: Mailbox) -> None:
	with FaultySmtp(SmtpFaults(answers={"RCPT": b"550 5.1.1 no such user"})) as server:
		sends_by(linking, server)
		try_document_addresses(linking.account)
		frappe.db.commit()
		send_account_mail(linking.account)
	state, text = told(linking)
	assert state == "Failing" and "no such user" in text


def test_a_test_email_that_never_comes(linking: Mailbox, clock: Traveller) -> None:
	with FaultySmtp() as server:
		sends_by(linking, server)
	try_document_addresses(linking.account)
	frappe.db.commit()
	clock.shift(PATIENCE + timedelta(minutes=1))
	assert told(linking)[0] == "Failing"
	assert frappe.db.get_value(STATUS, {"email_account": linking.account}, "detail_kept") in (None, "")
