"""Whoever unsubscribes while a mail waits in the queue does not get it."""

from __future__ import annotations

from collections.abc import Callable

import frappe
import pytest

from dokos_mail import jobs
from dokos_mail.outbound import links
from dokos_mail.outbound.unsubscribe import is_unsubscribed, subscribe_again, unsubscribe
from mail_servers.smtp_faults import FaultySmtp
from tests.outbound.test_queue import states, stored


@pytest.mark.parametrize("again", [False, True])
def test_who_left_meanwhile(
	smtp: Callable[..., FaultySmtp], make_account: Callable[..., object], queued: Callable[..., object], again: bool
) -> None:
	server = smtp()
	row = queued(make_account(server), "anna@there.test", "paul@there.test")
	ticket = links.ticket_for(stored(row), "anna@there.test", "unsubscribe")
	unsubscribe(ticket, everything=True)
	if again:
		subscribe_again(ticket)
	frappe.db.commit()
	jobs.send_account_mail(row.email_account)
	wanted = ["anna@there.test", "paul@there.test"] if again else ["paul@there.test"]
	assert sorted(address for each in server.accepted for address in each.recipients) == wanted
	assert states(row) == {"anna@there.test": "Sent" if again else "Cancelled", "paul@there.test": "Sent"}
	subscribe_again(ticket)
	frappe.db.commit()


def test_of_a_document_that_is_gone(site: object) -> None:
	"""Whoever wants no more of it wants no more, be the document deleted since, or its type."""
	for doctype in ("Opportunity", "No Such Type"):
		ticket = links.Ticket("unsubscribe", "anna@there.test", "", "", doctype, "gone")
		unsubscribe(ticket)
		assert is_unsubscribed(ticket)
		kept = frappe.get_all("Email Unsubscribe", filters={"email": "anna@there.test"}, pluck="global_unsubscribe")
		assert kept == [1]
		subscribe_again(ticket)
		assert not is_unsubscribed(ticket)
	frappe.db.rollback()
