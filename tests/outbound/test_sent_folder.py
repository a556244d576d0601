"""The copy in the Sent folder, in a real mailbox: the right folder, once, and what a provider files by itself."""

from __future__ import annotations

from collections.abc import Callable

import frappe
import pytest

from dokos_mail import jobs
from dokos_mail.engine.connect.imap import open_imap
from dokos_mail.engine.send.filing import files_by_itself, has_message, sent_folder
from dokos_mail.outbound import account as accounts
from dokos_mail.outbound.render import for_recipient, for_sent_folder
from mail_servers.dovecot import Dovecot
from mail_servers.smtp_faults import AFTER_END, RESET, FaultySmtp, SmtpFaults
from tests.mailbox import PASSWORD, new_user

Smtp = Callable[..., FaultySmtp]
Make = Callable[..., object]


@pytest.fixture
def account(smtp: Smtp, make_account: Make, dovecot: Dovecot) -> object:
	server = smtp()
	user = new_user(dovecot)
	made = make_account(
		server,
		email_id=user,
		enable_incoming=1,
		use_imap=1,
		email_server=dovecot.host,
		incoming_port=str(dovecot.ports["imap"]),
		password=PASSWORD,
		append_emails_to_sent_folder=1,
	)
	made.server = server
	return made


def sent_copies(dovecot: Dovecot, account: object, folder: str) -> list[bytes]:
	return [dovecot.raw(account.email_id, uid, folder) for uid in dovecot.uids(account.email_id, folder)]


def copy_state(row: object) -> str:
	return frappe.db.get_value("Email Queue", row.name, "sent_copy")


@pytest.mark.parametrize("folder", ["Sent", "Éléments envoyés", "INBOX/Envoyés"])
def test_a_copy_is_filed_once(
	account: object, dovecot: Dovecot, queued: Make, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
	logins: list[object] = []
	monkeypatch.setattr("dokos_mail.outbound.sent.open_imap", lambda settings: logins.append(settings) or open_imap(settings))
	dovecot.create_folder(account.email_id, folder)
	rows = [queued(account, f"r{number}@there.test") for number in range(3)]
	jobs.send_account_mail(account.name)
	assert [copy_state(row) for row in rows] == ["Wanted"] * 3
	assert jobs.file_sent_copies(account.name) == 3
	assert len(logins) == 1, "one login for all of them (flaw 43)"
	assert [copy_state(row) for row in rows] == ["Filed"] * 3
	copies = sent_copies(dovecot, account, folder)
	assert sorted(row.message_id in raw.decode() for row in rows for raw in copies) == [False] * 6 + [True] * 3
	assert set(dovecot.flags(account.email_id, folder).values()) == {frozenset({"\\Seen"})}
	# Whoever died before that was written down finds it there.
	frappe.db.set_value("Email Queue", rows[0].name, "sent_copy", "Wanted")
	frappe.db.commit()
	jobs.file_sent_copies(account.name)
	assert (len(sent_copies(dovecot, account, folder)), copy_state(rows[0])) == (3, "Filed")


def test_the_folder_that_is_named_comes_first(account: object, dovecot: Dovecot, queued: Make) -> None:
	for folder in ("Sent", "Partis"):
		dovecot.create_folder(account.email_id, folder)
	frappe.db.set_value("Email Account", account.name, "sent_folder_name", "Partis")
	frappe.db.commit()
	frappe.clear_document_cache("Email Account", account.name)
	queued(account, "b@there.test")
	jobs.send_account_mail(account.name)
	jobs.file_sent_copies(account.name)
	assert len(sent_copies(dovecot, account, "Partis")) == 1
	assert sent_copies(dovecot, account, "Sent") == []


def test_no_folder_is_said_and_costs_no_mail(account: object, queued: Make) -> None:
	row = queued(account, "b@there.test")
	jobs.send_account_mail(account.name)
	jobs.file_sent_copies(account.name)
	assert (copy_state(row), frappe.db.get_value("Email Queue", row.name, "status")) == ("Not Possible", "Sent")


def test_a_provider_that_files_gives_a_proof_and_gets_no_second_copy(
	account: object, dovecot: Dovecot, queued: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr("dokos_mail.outbound.sent.files_by_itself", lambda _host: True)
	dovecot.create_folder(account.email_id, "Sent")
	account.server.faults = SmtpFaults(instead={AFTER_END: RESET}, once=True)
	taken, lost = queued(account, "taken@there.test"), queued(account, "lost@there.test")
	jobs.send_account_mail(account.name)
	account.server.faults = SmtpFaults(instead={".": RESET}, once=True)
	accounts.wake(account.name)
	frappe.db.commit()
	jobs.send_account_mail(account.name)
	# The provider filed the one that it took.
	dovecot.append(account.email_id, account.server.accepted[0].raw, folder="Sent")
	for row in (taken, lost):
		frappe.db.set_value("Email Queue", row.name, "send_after", None)
		frappe.db.set_value("Email Queue Recipient", {"parent": row.name}, "next_try", None)
	accounts.wake(account.name)
	frappe.db.commit()
	jobs.send_account_mail(account.name)
	sent = [each.recipients[0] for each in account.server.accepted]
	assert sorted(sent) == ["lost@there.test", "taken@there.test"]
	assert [frappe.db.get_value("Email Queue", row.name, "status") for row in (taken, lost)] == ["Sent", "Sent"]
	jobs.file_sent_copies(account.name)
	assert len(sent_copies(dovecot, account, "Sent")) == 1


def test_a_copy_of_another_recipient_is_no_proof(
	account: object, dovecot: Dovecot, queued: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
	"""All copies of a mail have one Message-ID: one of them in the folder says nothing of the others."""
	monkeypatch.setattr("dokos_mail.outbound.sent.files_by_itself", lambda _host: True)
	dovecot.create_folder(account.email_id, "Sent")
	row = queued(account, "first@there.test", "second@there.test", shown=False)
	account.server.faults = SmtpFaults(instead={".": RESET}, once=True, after_messages=1)
	jobs.send_account_mail(account.name)
	dovecot.append(account.email_id, account.server.accepted[0].raw, folder="Sent")
	frappe.db.set_value("Email Queue", row.name, "send_after", None)
	frappe.db.set_value("Email Queue Recipient", {"parent": row.name}, "next_try", None)
	accounts.wake(account.name)
	frappe.db.commit()
	jobs.send_account_mail(account.name)
	sent = sorted(each.recipients[0] for each in account.server.accepted)
	assert sent == ["first@there.test", "second@there.test"]


def test_only_a_provider_that_files_is_asked(account: object, dovecot: Dovecot, queued: Make) -> None:
	"""Elsewhere the folder holds what this app put there, or some mail program: no proof of what the server took."""
	dovecot.create_folder(account.email_id, "Sent")
	account.server.faults = SmtpFaults(instead={".": RESET}, once=True)
	row = queued(account, "b@there.test")
	jobs.send_account_mail(account.name)
	dovecot.append(account.email_id, f"Message-ID: <{row.message_id}>\r\n\r\nx\r\n".encode(), folder="Sent")
	frappe.db.set_value("Email Queue", row.name, "send_after", None)
	frappe.db.set_value("Email Queue Recipient", {"parent": row.name}, "next_try", None)
	accounts.wake(account.name)
	frappe.db.commit()
	jobs.send_account_mail(account.name)
	assert [each.recipients for each in account.server.accepted] == [("b@there.test",)]


def test_a_run_of_the_scheduler_has_the_copies_filed(account: object, queued: Make, monkeypatch: pytest.MonkeyPatch) -> None:
	queued(account, "b@there.test")
	jobs.send_account_mail(account.name)
	asked: list[tuple[str, str]] = []
	monkeypatch.setattr(frappe, "enqueue", lambda method, **values: asked.append((method, values.get("account"))))
	jobs.send_waiting_mail()
	assert ("dokos_mail.jobs.file_sent_copies", account.name) in asked


def test_no_copy_without_the_box(smtp: Smtp, make_account: Make, queued: Make) -> None:
	row = queued(make_account(smtp()), "b@there.test")
	jobs.send_account_mail(row.email_account)
	assert not copy_state(row)


def test_looking_in_a_folder(account: object, dovecot: Dovecot) -> None:
	dovecot.create_folder(account.email_id, "Sent")
	dovecot.append(account.email_id, b"Message-ID: <a+b@x.test>\r\n\r\nx\r\n", folder="Sent")
	with open_imap(account.incoming_settings()) as session:
		folder = sent_folder(session)
		assert has_message(session, folder, "<a+b@x.test>")
		assert not has_message(session, folder, "c@x.test")
		assert not has_message(session, folder, 'x" OR ALL "')


@pytest.mark.parametrize(
	("host", "files"),
	[
		("smtp.gmail.com", True),
		("SMTP.Office365.com.", True),
		("smtp-mail.outlook.com", True),
		("smtp.notgmail.com", False),
		("", False),
	],
)
def test_providers_that_file(host: str, files: bool) -> None:
	assert files_by_itself(host) == files


def test_the_copy_names_everybody_and_holds_nobodys_links(account: object, queued: Make) -> None:
	body = "<a href='<!--unsubscribe_url-->'>x</a><!--email_open_check-->"
	row = queued(account, "anna@there.test", "paul@there.test", shown=False)
	message = f"To: <!--recipient-->\r\nX-Dokos-Mail-Offer: 1\r\nContent-Type: text/html\r\n\r\n{body}\r\n"
	values = {"message": message, "communication": "anything"}
	frappe.db.set_value("Email Queue", row.name, values)
	blind = {"parent": row.name, "recipient": "paul@there.test"}
	frappe.db.set_value("Email Queue Recipient", blind, "is_bcc", 1)
	frappe.db.set_value("Email Account", account.name, "track_email_status", 1)
	made = frappe.get_doc("Email Queue", row.name)
	assert b"token=" in for_recipient(made, "anna@there.test")
	copy = for_sent_folder(made)
	assert b"anna@there.test" in copy and b"paul@there.test" not in copy
	assert b"<img" in for_recipient(made, "anna@there.test") and b"<img" not in copy
	assert b"token=" not in copy and b"X-Dokos-Mail-Offer" not in copy and b"<!--" not in copy
	frappe.db.rollback()
