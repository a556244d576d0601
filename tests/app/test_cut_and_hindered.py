"""Pulls that are cut, hindered by one message or one folder, or overtaken by what happens to their account."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from uuid import uuid4

import frappe
import pytest
from click import ClickException
from frappe.utils import now_datetime

from dokos_mail import jobs
from dokos_mail.engine.errors import CommandRefused, ConnectionLost
from dokos_mail.engine.receive.imap import ImapSession
from dokos_mail.inbound import account as accounts
from dokos_mail.inbound import pull as pulling
from dokos_mail.inbound.lease import hold
from tests.app.test_pull import journal, pull
from tests.mailbox import Mailbox, raw


@pytest.fixture
def break_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
	"""``break_at(uid)``: the connection breaks while that message of INBOX is read, or any (``uid`` None); 0 mends it."""
	broken: list[int | None] = [0]
	fetch = ImapSession.fetch

	def fetch_or_break(self: ImapSession, uids: list[int], *args: object, **kwargs: object) -> Iterator[object]:
		at = broken[0]
		if at != 0 and self.selected == "INBOX" and (at is None or at in uids):
			yield from fetch(self, [uid for uid in uids if at and uid < at], *args, **kwargs)
			self.wire.close()
			raise ConnectionLost(host="imap.masociete.test", port=143, detail="", **({"uid": at} if at else {}))
		yield from fetch(self, uids, *args, **kwargs)

	monkeypatch.setattr(ImapSession, "fetch", fetch_or_break)

	def at(uid: int | None) -> None:
		broken[0] = uid

	return at


def subjects(mailbox: Mailbox, **filters: object) -> list[str]:
	return [row.subject for row in journal(mailbox, **filters)]


def test_a_first_synchronisation_of_unread_mail_that_is_cut_takes_no_more(
	make_mailbox: Callable[..., Mailbox], break_at: Callable[..., None]
) -> None:
	mailbox = make_mailbox(email_sync_option="UNSEEN")
	mailbox.put(raw("non lu 1"))
	mailbox.put(*(raw(f"lu {n}") for n in range(3)), flags=("\\Seen",))
	mailbox.put(raw("non lu 2"))
	break_at(None)
	assert jobs.pull_account(mailbox.account).error.kind == "connection_lost"
	break_at(0)
	mailbox.put(raw("nouveau"), flags=("\\Seen",))
	pull(mailbox)
	assert subjects(mailbox) == ["non lu 1", "non lu 2", "nouveau"]


def test_a_resynchronisation_that_is_cut_brings_no_old_mail(
	make_mailbox: Callable[..., Mailbox], break_at: Callable[..., None]
) -> None:
	mailbox = make_mailbox(email_sync_option="UNSEEN")
	mailbox.put(*(raw(f"ancien {n}", date="Mon, 02 Nov 2015 09:30:00 +0100") for n in range(3)), flags=("\\Seen",))
	mailbox.put(raw("non lu"))
	pull(mailbox)
	mailbox.server.change_uidvalidity(mailbox.user, 424242)
	break_at(None)
	jobs.pull_account(mailbox.account)
	break_at(0)
	mailbox.put(raw("nouveau"))
	pull(mailbox)
	assert subjects(mailbox, state="Processed") == ["non lu", "nouveau"]


def test_a_message_that_breaks_the_connection_holds_back_no_other_folder(
	make_mailbox: Callable[..., Mailbox], break_at: Callable[..., None]
) -> None:
	mailbox = make_mailbox(imap_folder=[{"folder_name": "INBOX"}, {"folder_name": "Archives"}])
	mailbox.server.create_folder(mailbox.user, "Archives")
	_first, poison, _last = mailbox.put(raw("avant"), raw("poison"), raw("après"))
	break_at(poison)
	for _attempt in range(3):
		jobs.pull_account(mailbox.account)
	for number in range(4):
		mailbox.put(raw(f"ailleurs {number}"), folder="Archives")
		mailbox.put(raw(f"ici {number}"))
		pull(mailbox)
		assert {f"ailleurs {number}", f"ici {number}"} <= set(subjects(mailbox, state="Processed"))
	assert len(journal(mailbox, state="Unfetched")) == 1
	break_at(0)
	pull(mailbox)
	assert "poison" in subjects(mailbox, state="Processed")


def test_a_folder_in_which_the_server_refuses_a_command_holds_back_no_other(
	make_mailbox: Callable[..., Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
	mailbox = make_mailbox(imap_folder=[{"folder_name": "Partagé"}, {"folder_name": "INBOX"}])
	mailbox.server.create_folder(mailbox.user, "Partagé")
	mailbox.put(raw("là"), folder="Partagé")
	mailbox.put(raw("arrivé"))
	search = ImapSession.search_many

	def refuse(self: ImapSession, criteria: str) -> Sequence[int]:
		if self.selected == "Partagé":
			raise CommandRefused(host="imap.masociete.test", detail="NO Permission denied")
		return search(self, criteria)

	monkeypatch.setattr(ImapSession, "search_many", refuse)
	assert jobs.pull_account(mailbox.account).error.kind == "command_refused"
	assert subjects(mailbox) == ["arrivé"]


def test_a_missing_folder_slows_down_no_other(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(imap_folder=[{"folder_name": "Nulle part"}, {"folder_name": "INBOX"}])
	for _attempt in range(6):
		jobs.pull_account(mailbox.account)
	assert accounts.is_due(mailbox.account)
	assert frappe.db.get_value(accounts.STATUS, {"email_account": mailbox.account}, "state") == "Failing"


def test_a_pull_that_has_had_its_time_goes_on_at_the_next(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(pulling, "BATCH_COUNT", 1)
	mailbox.put(raw("un"), raw("deux"), raw("trois"))
	for _attempt in range(5):
		result = jobs.pull_account(mailbox.account, seconds=0)
		assert result.error is None
	assert [row.attempts for row in journal(mailbox, state="Journalled")] == [0, 0, 0]
	pull(mailbox)
	assert subjects(mailbox, state="Processed") == ["un", "deux", "trois"]


def test_an_account_renamed_while_it_is_pulled_loses_nothing(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	mailbox.put(raw("un"), raw("deux"))
	fetch = ImapSession.fetch
	old, new = mailbox.account, f"{mailbox.account} bis"

	def fetch_and_rename(self: ImapSession, *args: object, **kwargs: object) -> Iterator[object]:
		for batch in fetch(self, *args, **kwargs):
			if frappe.db.exists("Email Account", old):
				mailbox.account = frappe.rename_doc("Email Account", old, new)
				frappe.db.commit()
			yield batch

	monkeypatch.setattr(ImapSession, "fetch", fetch_and_rename)
	assert jobs.pull_account(old) is None
	pull(mailbox)
	assert subjects(mailbox, state="Processed") == ["un", "deux"]
	assert not frappe.db.exists(accounts.STATUS, {"email_account": old})


def test_mail_that_waits_for_a_deleted_account_is_kept_and_hinders_no_other(make_mailbox: Callable[..., Mailbox]) -> None:
	gone, there = make_mailbox(email_account_name=f"a {uuid4()}"), make_mailbox(email_account_name=f"b {uuid4()}")
	for mailbox in (gone, there):
		mailbox.put(raw("attend"))
		jobs.pull_account(mailbox.account, seconds=0)
		assert subjects(mailbox, state="Journalled")
	frappe.db.set_value("Incoming Email", {"state": "Journalled"}, "creation", now_datetime() - timedelta(hours=2))
	frappe.delete_doc("Email Account", gone.account, force=True)
	frappe.db.commit()
	jobs.sweep_journal()
	assert [row.state for row in journal(there)] == ["Processed"]
	(row,) = journal(gone)
	assert row.state == "Failed"
	assert gone.account in row.reason
	assert accounts.raw_store().read(row.raw_path)
	jobs.process_again([row.name])
	assert [row.state for row in journal(gone)] == ["Failed"]


def test_an_account_disabled_after_its_pull_was_enqueued_is_not_read(mailbox: Mailbox) -> None:
	mailbox.put(raw("un"))
	frappe.db.set_value("Email Account", mailbox.account, "enable_incoming", 0)
	frappe.db.commit()
	assert jobs.pull_account(mailbox.account) is None
	assert not journal(mailbox)


def test_a_clock_that_was_in_the_future_keeps_no_account_from_being_read(mailbox: Mailbox) -> None:
	mailbox.put(raw("un"))
	status = accounts.status_of(mailbox.account)
	future = now_datetime() + timedelta(days=400)
	values = {"lease_token": "another machine:1:2:x", "lease_until": future, "next_attempt": future}
	frappe.db.set_value(accounts.STATUS, status, values)
	frappe.db.commit()
	assert accounts.is_due(mailbox.account)
	pull(mailbox)
	assert subjects(mailbox) == ["un"]
	with hold(status):
		pass


def test_mailboxes_that_are_not_to_be_marked_are_not_looked_through(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	"""Each pull would look through all the rows of the folder, however many there are by then."""
	mailbox.put(raw("un"))
	pull(mailbox)
	monkeypatch.setattr(pulling, "acknowledge", lambda *_args: pytest.fail("the journal was looked through"))
	pull(mailbox)


def test_what_was_hard_to_fetch_has_its_own_date(mailbox: Mailbox, break_at: Callable[..., None]) -> None:
	(uid,) = mailbox.put(raw("poison"), flags=("\\Flagged",))
	break_at(uid)
	for _attempt in range(3):
		jobs.pull_account(mailbox.account)
	row = journal(mailbox)[0]
	frappe.db.set_value("Incoming Email", row.name, "received_on", "2030-01-01 00:00:00")
	break_at(0)
	pull(mailbox)
	(row,) = journal(mailbox)
	assert row.state == "Processed"
	assert row.received_on < now_datetime() + timedelta(days=1)
	assert "\\Flagged" in row.imap_flags


def test_the_command_says_that_an_account_does_not_receive(mailbox: Mailbox) -> None:
	from dokos_mail.commands import _pull_all

	frappe.db.set_value("Email Account", mailbox.account, "enable_incoming", 0)
	frappe.db.commit()
	with pytest.raises(ClickException) as refused:
		_pull_all(mailbox.account)
	assert mailbox.account in refused.value.message
