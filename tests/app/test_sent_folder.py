"""The Sent folder: mail sent from a phone shows on its document; what was sent from here is recognised (row I16)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import frappe
import pytest
from time_machine import Traveller

from dokos_mail.jobs import pull_account, react
from tests.app.test_placing import received
from tests.app.test_pull import communication, journal, pull
from tests.mailbox import Mailbox, raw

SENT = "Éléments envoyés"


@pytest.fixture
def watched(make_mailbox: Callable[..., Mailbox]) -> Mailbox:
	"""A mailbox whose Sent folder is watched; its server calls it as programs do."""
	mailbox = make_mailbox(append_to="Opportunity", watch_sent_folder=1, create_contact=1)
	mailbox.server.create_folder(mailbox.user, SENT)
	return mailbox


def from_the_phone(mailbox: Mailbox, subject: str = "Re: Devis", **headers: str) -> bytes:
	return raw(subject, sender=f"Moi <{mailbox.user}>", to="elodie@client.test", **headers)


def test_mail_sent_from_a_phone_shows_on_its_document(watched: Mailbox) -> None:
	first = received(watched, raw("Devis", message_id=f"{watched.user}.fil"))
	row = received(watched, from_the_phone(watched, In_Reply_To=f"<{watched.user}.fil>"), folder=SENT)
	assert (row.state, row.folder, row.rule, row.reference_name) == ("Processed", SENT, "in_reply_to", first.reference_name)
	mail = communication(row)
	assert (mail.sent_or_received, mail.status, mail.seen) == ("Sent", "Linked", 1)
	assert (mail.sender, mail.recipients, mail.in_reply_to) == (watched.user, "elodie@client.test", first.communication)
	assert not frappe.db.exists("Contact Email", {"email_id": watched.user})
	# the answer to it joins as well
	answer = received(watched, raw("Re: Devis", In_Reply_To=f"<{mail.message_id}>"))
	assert answer.reference_name == first.reference_name


def test_an_answer_from_a_phone_is_an_answer(watched: Mailbox, clock: Traveller) -> None:
	"""Nobody is told that a mail waits for one (row N1)."""
	boss = f"chef-{frappe.generate_hash(length=8)}@masociete.test"
	values = {"notify_if_unreplied": 1, "unreplied_for_mins": 30, "send_notification_to": boss}
	frappe.db.set_value("Email Account", watched.account, values)
	frappe.clear_document_cache("Email Account", watched.account)
	pull(watched)
	told = []
	for answered in (True, False):
		message_id = f"{frappe.generate_hash(length=8)}@client.test"
		received(watched, raw("Devis", message_id=message_id, to=watched.user))
		if answered:
			received(watched, from_the_phone(watched, In_Reply_To=f"<{message_id}>"), folder=SENT)
		clock.shift(timedelta(hours=1))
		react()
		told.append(frappe.db.count("Email Queue Recipient", {"recipient": boss}))
	assert told == [0, 1]


def test_what_is_sent_makes_no_document(watched: Mailbox) -> None:
	opportunities = frappe.db.count("Opportunity")
	subject = frappe.generate_hash(length=12)
	row = received(watched, from_the_phone(watched, subject), folder=SENT)
	assert (row.state, row.rule, row.reference_name) == ("Processed", "sent", None)
	assert communication(row).sent_or_received == "Sent"
	assert frappe.db.count("Opportunity") == opportunities
	# and the answer to it begins one
	answer = received(watched, raw(f"Re: {subject}", In_Reply_To=f"<{row.message_id}>"))
	assert (answer.rule, communication(answer).in_reply_to) == ("append_to", row.communication)


def test_a_copy_of_what_was_sent_from_here_is_recognised_by_its_message_id(watched: Mailbox) -> None:
	sent = frappe.get_doc(
		{
			"doctype": "Communication",
			"communication_type": "Communication",
			"communication_medium": "Email",
			"sent_or_received": "Sent",
			"subject": "Devis",
			"email_account": watched.account,
			"sender": "collegue@masociete.test",
			"recipients": "elodie@client.test",
			"message_id": f"{frappe.generate_hash(length=12)}@site.test",
		}
	).insert()
	frappe.db.commit()
	row = received(watched, from_the_phone(watched, "Devis", message_id=sent.message_id), folder=SENT)
	assert (row.state, row.communication) == ("Duplicate", sent.name)
	other = received(watched, from_the_phone(watched, "Devis"), folder=SENT)
	assert other.state == "Processed"


@pytest.mark.parametrize("with_communication", [True, False])
def test_a_copy_of_what_another_account_or_a_notification_sent(watched: Mailbox, with_communication: bool) -> None:
	message_id = f"{frappe.generate_hash(length=12)}@site.test"
	if with_communication:
		values = {"doctype": "Communication", "communication_medium": "Email", "sent_or_received": "Sent", "subject": "x"}
	else:
		values = {"doctype": "Email Queue", "sender": watched.user, "message": "x", "status": "Sent"}
	made = frappe.get_doc(values | {"message_id": message_id}).insert()
	frappe.db.commit()
	row = received(watched, from_the_phone(watched, message_id=message_id), folder=SENT)
	assert (row.state, row.communication) == ("Duplicate", made.name if with_communication else None)
	# in the inbox, only what this very account sent
	assert received(watched, from_the_phone(watched, "autre", message_id=message_id)).state == "Processed"


def test_who_answers_under_our_message_id_is_heard(watched: Mailbox) -> None:
	"""Whoever got our mail knows its Message-ID, and some programs answer under it."""
	message_id = f"{frappe.generate_hash(length=12)}@site.test"
	values = {"doctype": "Communication", "communication_medium": "Email", "sent_or_received": "Sent", "subject": "Devis"}
	frappe.get_doc(values | {"email_account": watched.account, "sender": watched.user, "message_id": message_id}).insert()
	frappe.db.commit()
	row = received(watched, raw("Re: Devis", message_id=message_id))
	assert (row.state, communication(row).sent_or_received) == ("Processed", "Received")
	ours = raw("Devis", sender=watched.user.upper(), to="elodie@client.test", message_id=message_id)
	assert received(watched, ours).state == "Duplicate"
	# in whatever letters the account has its address (flaw 22)
	frappe.db.set_value("Communication", {"message_id": message_id, "sent_or_received": "Sent"}, "sender", None)
	frappe.db.set_value("Email Account", watched.account, {"login_id_is_different": 1, "login_id": watched.user})
	frappe.db.set_value("Email Account", watched.account, "email_id", watched.user.title())
	frappe.clear_document_cache("Email Account", watched.account)
	assert received(watched, ours.replace(b"Devis", b"Copie")).state == "Duplicate"


def test_another_folder_that_the_server_calls_sent_mail(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(append_to="Opportunity", imap_folder=[{"folder_name": "INBOX"}, {"folder_name": "Divers"}])
	mailbox.server.create_folder(mailbox.user, "Divers")
	pull(mailbox)
	status = frappe.db.get_value("Email Account Status", {"email_account": mailbox.account}, ["name", "special_folders"])
	known = json.loads(status[1]) | {"folders": {"Divers": ["\\sent"]}}
	frappe.db.set_value("Email Account Status", status[0], "special_folders", json.dumps(known))
	frappe.db.commit()
	assert communication(received(mailbox, from_the_phone(mailbox), folder="Divers")).sent_or_received == "Sent"


def test_the_servers_own_word_and_the_administrators(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(watch_sent_folder=1, sent_folder_name="Chez moi")
	for name in ("Chez moi", "Sent"):
		mailbox.server.create_folder(mailbox.user, name)
	row = received(mailbox, from_the_phone(mailbox), folder="Chez moi")
	assert communication(row).sent_or_received == "Sent"
	mailbox.put(from_the_phone(mailbox), folder="Sent")
	pull(mailbox)
	assert len(journal(mailbox)) == 1


def test_a_sent_folder_that_is_not_there_is_said_and_holds_nothing_back(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(watch_sent_folder=1)
	mailbox.put(raw("arrivé"))
	result = pull_account(mailbox.account)
	assert result.error.kind == "folder_missing"
	assert [row.state for row in journal(mailbox)] == ["Processed"]


def test_the_server_is_asked_once_a_day(watched: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	from dokos_mail.engine.receive.imap import ImapSession

	asked = []
	folders = ImapSession.folders

	def counted(self: ImapSession) -> object:
		asked.append(1)
		return folders(self)

	monkeypatch.setattr(ImapSession, "folders", counted)
	for _time in range(3):
		pull(watched)
	assert len(asked) == 1
	status = {"email_account": watched.account}
	known = json.loads(frappe.db.get_value("Email Account Status", status, "special_folders"))
	frappe.db.set_value("Email Account Status", status, "special_folders", json.dumps(known | {"at": "2020-01-01 00:00:00"}))
	pull(watched)
	assert len(asked) == 2


def test_not_watched_not_read(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox()
	mailbox.server.create_folder(mailbox.user, "Sent")
	mailbox.put(from_the_phone(mailbox), folder="Sent")
	pull(mailbox)
	assert journal(mailbox) == []


def test_a_sent_folder_in_a_row_of_its_own_holds_sent_mail(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(append_to="Opportunity", imap_folder=[{"folder_name": "INBOX"}, {"folder_name": "Sent"}])
	mailbox.server.create_folder(mailbox.user, "Sent")
	row = received(mailbox, from_the_phone(mailbox), folder="Sent")
	assert (row.rule, communication(row).sent_or_received) == ("sent", "Sent")
