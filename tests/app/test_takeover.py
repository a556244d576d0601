"""An account that the host itself has read for years goes on: nothing twice, and what came in between is not lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import frappe
import pytest

from dokos_mail.inbound.journal import site_time
from dokos_mail.jobs import pull_account
from tests.app.test_pull import journal, pull
from tests.mailbox import Mailbox, raw

DAY = 24 * 3600
SENT = datetime(2026, 11, 20, 8, 30, tzinfo=timezone.utc)


def received_by_host(mailbox: Mailbox, message_id: str | None, days_ago: int, **values: object) -> str:
	"""A Communication as the host left it when it received the message."""
	doc = frappe.get_doc(
		{
			"doctype": "Communication",
			"communication_type": "Communication",
			"communication_medium": "Email",
			"sent_or_received": "Received",
			"subject": "Reçu par l'hôte",
			"sender": "elodie@client.test",
			"email_account": mailbox.account,
			"message_id": message_id,
			"uid": -1,
		}
		| values
	).insert(ignore_permissions=True)
	stored = frappe.utils.now_datetime() - timedelta(days=days_ago)
	frappe.db.set_value("Communication", doc.name, "creation", stored, update_modified=False)
	frappe.db.commit()
	return doc.name


def put(mailbox: Mailbox, *ids: str, days_ago: int, flags: tuple[str, ...] = (), folder: str = "INBOX") -> None:
	messages = [raw(message_id, message_id=message_id) for message_id in ids]
	mailbox.server.append(mailbox.user, messages, folder=folder, flags=flags, received=time.time() - days_ago * DAY)


@pytest.mark.parametrize("option", ["ALL", "UNSEEN"])
def test_only_what_came_in_between_is_imported(make_mailbox: Callable[..., Mailbox], option: str) -> None:
	mailbox = make_mailbox(email_sync_option=option, initial_sync_count="100")
	old = [f"old{number}@client.test" for number in range(3)]
	put(mailbox, *old, days_ago=100, flags=("\\Seen",))
	put(mailbox, "never.wanted@client.test", days_ago=90, flags=("\\Seen",))
	put(mailbox, "last@client.test", days_ago=40, flags=("\\Seen",))
	for message_id in (*old, "last@client.test"):
		received_by_host(mailbox, message_id, days_ago=40)
	between = [f"between{number}@client.test" for number in range(120)]
	put(mailbox, *between[:60], days_ago=30, flags=("\\Seen",))
	put(mailbox, *between[60:], days_ago=20)
	pull(mailbox)
	pull(mailbox)
	assert [row.subject for row in journal(mailbox, state="Processed")] == between
	assert journal(mailbox, state="Duplicate") == []
	put(mailbox, "now@client.test", days_ago=0)
	pull(mailbox)
	assert len(journal(mailbox)) == 121


def test_a_long_takeover_goes_on_where_it_ran_out_of_time(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	"""Moved back below what the host received last, and more than one pull has time for."""
	monkeypatch.setattr("dokos_mail.inbound.pull.BATCH_COUNT", 4)
	missed = [f"missed{number}@client.test" for number in range(10)]
	put(mailbox, "older.and.never.wanted@client.test", days_ago=90, flags=("\\Seen",))
	put(mailbox, *missed, days_ago=10)
	put(mailbox, "last@client.test", days_ago=10)
	received_by_host(mailbox, "last@client.test", days_ago=20)
	counts = []
	for _pull in range(4):
		pull_account(mailbox.account, seconds=0)
		counts.append(len(journal(mailbox)))
	assert counts == [4, 8, 10, 10]
	pull(mailbox)
	assert {row.subject: row.state for row in journal(mailbox)} == dict.fromkeys(missed, "Processed")


def test_mail_of_the_last_day_is_recognised(mailbox: Mailbox) -> None:
	put(mailbox, "known@client.test", "missed@client.test", "last@client.test", days_ago=0)
	known = received_by_host(mailbox, "known@client.test", days_ago=0)
	received_by_host(mailbox, "last@client.test", days_ago=0)
	pull(mailbox)
	states = {row.subject: (row.state, row.communication) for row in journal(mailbox)}
	assert states["missed@client.test"][0] == "Processed"
	assert states.get("known@client.test", ("Duplicate", known)) == ("Duplicate", known)
	assert frappe.db.count("Communication", {"email_account": mailbox.account}) == 3


def test_mail_without_a_message_id_is_recognised(mailbox: Mailbox) -> None:
	"""A scanner: same sender, same second."""
	sent = site_time(SENT)
	mailbox.put(raw("numérisation", message_id=None, date="Fri, 20 Nov 2026 09:30:00 +0100"))
	mailbox.put(raw("numérisation", message_id=None, date="Fri, 20 Nov 2026 09:30:01 +0100"))
	known = received_by_host(mailbox, None, days_ago=0, communication_date=sent)
	pull(mailbox)
	assert [(row.state, row.communication == known) for row in journal(mailbox)] == [("Duplicate", True), ("Processed", False)]


def test_a_folder_added_later_is_new(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(imap_folder=[{"folder_name": "INBOX"}], initial_sync_count="100")
	put(mailbox, "last@client.test", days_ago=300, flags=("\\Seen",))
	received_by_host(mailbox, "last@client.test", days_ago=300)
	pull(mailbox)
	mailbox.server.create_folder(mailbox.user, "Archives")
	put(mailbox, *(f"archive{number}@client.test" for number in range(110)), days_ago=200, folder="Archives")
	account = frappe.get_doc("Email Account", mailbox.account)
	account.append("imap_folder", {"folder_name": "Archives"})
	account.save()
	frappe.db.commit()
	pull(mailbox)
	assert len(journal(mailbox, folder="Archives")) == 100


def test_a_journal_that_was_dropped_is_taken_over(mailbox: Mailbox) -> None:
	"""Uninstalled and installed again: Communications point at rows that are no more."""
	put(mailbox, "one@client.test", "two@client.test", days_ago=10)
	pull(mailbox)
	for doctype in ("Incoming Email", "Email Folder", "Email Account Status"):
		frappe.db.delete(doctype, {"email_account": mailbox.account})
	frappe.db.commit()
	put(mailbox, "three@client.test", days_ago=5)
	assert pull_account(mailbox.account).error is None
	assert frappe.db.count("Communication", {"email_account": mailbox.account}) == 3
