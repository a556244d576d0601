"""Who is told of a mail: owner and assignees of its document, and whom an account names where nobody answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import frappe
import pytest
from time_machine import Traveller

from dokos_mail.jobs import react
from tests.app.test_pull import journal, pull
from tests.app.test_reactions import answer, boss_of, nothing_waits, person, queued, rows, sender, watched
from tests.mailbox import Mailbox, raw

__all__ = ["nothing_waits", "person", "watched"]


@pytest.fixture
def document(mailbox: Mailbox) -> str:
	"""A document that a mail made, which is Administrator's."""
	pull(mailbox)
	mailbox.put(raw("Devis", to=mailbox.user, message_id=f"{mailbox.user}.fil"))
	pull(mailbox)
	return journal(mailbox)[-1].reference_name


def owned_by(document: str, person: str) -> None:
	frappe.db.set_value("Opportunity", document, "owner", person, update_modified=False)
	frappe.db.commit()


def assigned_to(document: str, person: str, status: str = "Open") -> None:
	task = {"reference_type": "Opportunity", "reference_name": document, "allocated_to": person, "status": status}
	frappe.get_doc({"doctype": "ToDo", "description": "x", **task}).insert(ignore_permissions=True)
	frappe.db.commit()


def copies(mailbox: Mailbox, person: str, headers: bytes = b"", **values: str) -> int:
	"""How many mails a person gets when the correspondent writes again."""
	before = len(queued(person))
	mailbox.put(headers + raw("Re: Devis", to=mailbox.user, In_Reply_To=f"<{mailbox.user}.fil>", **values))
	pull(mailbox)
	react()
	return len(queued(person)) - before


def test_the_owner(mailbox: Mailbox, document: str, person: str) -> None:
	owned_by(document, person)
	assert copies(mailbox, person) == 1


def test_an_assignee(mailbox: Mailbox, document: str, person: str) -> None:
	assigned_to(document, person)
	assert copies(mailbox, person) == 1


def test_whose_task_is_done_is_told_no_more(mailbox: Mailbox, document: str, person: str) -> None:
	assigned_to(document, person, "Closed")
	assert copies(mailbox, person) == 0


def test_an_assignee_who_wants_none(mailbox: Mailbox, document: str, person: str) -> None:
	assigned_to(document, person)
	settings, setting = "Notification Settings", "enable_email_threads_on_assigned_document"
	if not frappe.db.exists("DocType", settings) or not frappe.get_meta(settings).has_field(setting):
		assert copies(mailbox, person) == 1, "a host where nobody chooses"
		return
	if not frappe.db.exists("Notification Settings", person):
		frappe.get_doc({"doctype": "Notification Settings", "name": person, "user": person}).insert(ignore_permissions=True)
	wants = {"enabled": 1, "enable_email_notifications": 1}
	frappe.db.set_value("Notification Settings", person, wants | {setting: 0})
	frappe.db.commit()
	assert copies(mailbox, person) == 0
	frappe.db.set_value("Notification Settings", person, setting, 1)
	frappe.db.commit()
	assert copies(mailbox, person) == 1


def test_an_owner_who_wants_none_or_left(mailbox: Mailbox, document: str, person: str) -> None:
	owned_by(document, person)
	for values in ({"thread_notify": 0, "enabled": 1}, {"thread_notify": 1, "enabled": 0}):
		frappe.db.set_value("User", person, values)
		frappe.db.commit()
		assert copies(mailbox, person) == 0


def test_not_of_junk_nor_of_whom_the_server_denies(mailbox: Mailbox, document: str, person: str) -> None:
	owned_by(document, person)
	frappe.db.set_value("Email Account", mailbox.account, "authserv_id", "mx.masociete.test")
	frappe.clear_document_cache("Email Account", mailbox.account)
	spammer = sender()
	frappe.get_doc({"doctype": "Email Rule", "email_id": spammer, "is_spam": 1}).insert(ignore_permissions=True)
	frappe.db.commit()
	denied = b"Authentication-Results: mx.masociete.test; dmarc=fail header.from=client.test\r\n"
	assert copies(mailbox, person, denied) == 0
	assert copies(mailbox, person, sender=spammer) == 0
	assert copies(mailbox, person) == 1


def test_not_of_what_the_first_synchronisation_brings(mailbox: Mailbox, document: str, person: str) -> None:
	owned_by(document, person)
	frappe.db.delete("Email Folder", {"email_account": mailbox.account})
	frappe.db.commit()
	assert copies(mailbox, person) == 0


def waiting(mailbox: Mailbox, clock: Traveller) -> int:
	"""A mail comes that nobody answers for an hour; how many notices there are then."""
	mailbox.put(raw("Devis", to=mailbox.user, message_id=f"{mailbox.user}.fil"))
	pull(mailbox)
	clock.shift(timedelta(hours=1))
	react()
	return len(queued(boss_of(mailbox)))


def test_two_days_are_two_days(watched: Callable[..., Mailbox], clock: Traveller) -> None:
	"""The time is the account's, as the form works it out: 60*24*2."""
	mailbox = watched(unreplied_for_mins=60 * 24 * 2)
	pull(mailbox)
	assert waiting(mailbox, clock) == 0
	clock.shift(timedelta(hours=46))
	react()
	assert queued(boss_of(mailbox)) == []
	clock.shift(timedelta(hours=2))
	react()
	assert len(queued(boss_of(mailbox))) == 1


def test_told_again_of_what_came_after_an_answer(watched: Callable[..., Mailbox], clock: Traveller) -> None:
	mailbox = watched(append_to="Opportunity")
	pull(mailbox)
	assert waiting(mailbox, clock) == 1
	answer(journal(mailbox)[-1].communication)
	clock.shift(timedelta(minutes=1))
	mailbox.put(raw("Re: Devis", to=mailbox.user, In_Reply_To=f"<{mailbox.user}.fil>"))
	pull(mailbox)
	clock.shift(timedelta(hours=1))
	react()
	assert len(queued(boss_of(mailbox))) == 2


@pytest.mark.parametrize("status", ["Closed", "En cours de route"])
def test_whatever_the_document_calls_its_states(watched: Callable[..., Mailbox], clock: Traveller, status: str) -> None:
	mailbox = watched(append_to="Opportunity")
	pull(mailbox)
	mailbox.put(raw("Devis", to=mailbox.user))
	pull(mailbox)
	frappe.db.set_value("Opportunity", journal(mailbox)[-1].reference_name, "status", status)
	frappe.db.commit()
	clock.shift(timedelta(hours=1))
	react()
	assert len(queued(boss_of(mailbox))) == 1


def test_a_correspondent_who_answered(watched: Callable[..., Mailbox], clock: Traveller) -> None:
	"""The other reading of the page: we wait for him."""
	mailbox = watched(append_to="Opportunity", unreplied_by="The Correspondent")
	pull(mailbox)
	mailbox.put(raw("Devis", to=mailbox.user, message_id=f"{mailbox.user}.fil"))
	pull(mailbox)
	values = {"email_account": mailbox.account, "recipients": "elodie@client.test", "sender": mailbox.user}
	answer(journal(mailbox)[-1].communication, **values)
	clock.shift(timedelta(minutes=1))
	mailbox.put(raw("Re: Devis", to=mailbox.user, In_Reply_To=f"<{mailbox.user}.fil>"))
	pull(mailbox)
	clock.shift(timedelta(hours=1))
	react()
	assert queued(boss_of(mailbox)) == []
	assert [row.state for row in rows(mailbox, "Unreplied")] == ["Dropped"]


def test_several_are_told_by_line_or_comma(watched: Callable[..., Mailbox], clock: Traveller) -> None:
	bosses = [sender() for _number in range(3)]
	mailbox = watched(send_notification_to=f"{bosses[0]}\n{bosses[1]}, {bosses[2]}")
	pull(mailbox)
	waiting(mailbox, clock)
	assert [len(queued(boss)) for boss in bosses] == [1, 1, 1]


def test_one_that_cannot_be_told_of_holds_up_no_other(
	watched: Callable[..., Mailbox], clock: Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
	first, second = watched(), watched()
	for mailbox in (first, second):
		pull(mailbox)
		mailbox.put(raw("Devis", to=mailbox.user))
		pull(mailbox)
	send = frappe.sendmail

	def refuse(**mail: object) -> object:
		if boss_of(first) in mail["recipients"]:
			raise ValueError("no such column: status")
		return send(**mail)

	monkeypatch.setattr(frappe, "sendmail", refuse)
	clock.shift(timedelta(hours=1))
	react()
	assert len(queued(boss_of(second))) == 1
	(row,) = rows(first, "Unreplied")
	assert row.state == "Waiting" and "no such column" in row.reason
