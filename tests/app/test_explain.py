"""Where a message would go, tried without storing anything (row C6)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import frappe
import pytest

from dokos_mail.api import explain_mail
from dokos_mail.inbound.explain import explain
from tests.app.test_placing import received
from tests.app.test_pull import journal
from tests.conftest import Site
from tests.mailbox import Mailbox, raw

TABLES = ("Incoming Email", "Communication", "Opportunity", "Contact", "File", "Email Account Status")


def counted() -> dict[str, int]:
	return {doctype: frappe.db.count(doctype) for doctype in TABLES}


def test_a_trial_says_what_then_happens(mailbox: Mailbox) -> None:
	received(mailbox, raw("Devis", message_id="essai@client.test"))
	for message in (raw("Re: Devis"), raw("autre"), raw("x", X_Spam_Flag="YES"), raw("y", References="<essai@client.test>")):
		before = counted()
		tried = explain(message, mailbox.account)
		assert counted() == before
		row = received(mailbox, message)
		assert (tried.rule, tried.trace, tried.reference_doctype) == (row.rule, json.loads(row.trace), row.reference_doctype)
		assert tried.reference_name in (None, row.reference_name)


def test_a_message_that_is_there_already(mailbox: Mailbox) -> None:
	message = raw("Devis", message_id="deja@client.test")
	received(mailbox, message)
	assert any("already" in line for line in explain(message, mailbox.account).lines)
	assert any("duplicate" in line for line in explain(message + b"autre\r\n", mailbox.account).lines)


def test_an_app_is_told_that_it_is_a_trial(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	from crm import mail as app

	def choose(mail: object) -> dict[str, object]:
		frappe.get_doc({"doctype": "Contact", "first_name": "Essai"}).insert()
		return {"doctype": None, "reason": f"trial {mail.trial} {mail.row}"}

	monkeypatch.setattr(app, "choose", choose)
	before = counted()
	assert any("trial True None" in line for line in explain(raw("un"), mailbox.account).lines)
	assert counted() == before


def test_the_desk_asks(mailbox: Mailbox) -> None:
	who = f"{frappe.generate_hash(length=8)}@client.test"
	row = received(mailbox, raw("Devis", sender=who))
	by_name = explain_mail(name=row.name)
	assert (by_name["rule"], by_name["reference_doctype"]) == ("append_to", "Opportunity")
	assert not any("already" in line for line in by_name["lines"])
	message = raw("Re: Devis", sender=who)
	as_text = explain_mail(account=mailbox.account, message=message.decode())
	as_octets = explain_mail(account=mailbox.account, message=base64.b64encode(message).decode())
	assert as_text == as_octets
	assert as_text["reference_name"] == row.reference_name


def test_the_button_of_a_row(mailbox: Mailbox) -> None:
	row = received(mailbox, raw("<b>Devis</b>"))
	frappe.clear_messages()
	frappe.get_doc("Incoming Email", row.name).try_placing()
	(shown,) = frappe.message_log
	text = shown if isinstance(shown, str) else shown["message"]
	assert "&lt;b&gt;Devis" in text
	assert journal(mailbox)[0].modified == row.modified


def test_not_for_everybody(mailbox: Mailbox) -> None:
	row = received(mailbox, raw("Devis"))
	frappe.set_user("Guest")
	try:
		for arguments in ({"name": row.name}, {"account": mailbox.account, "message": "x"}):
			with pytest.raises(frappe.PermissionError):
				explain_mail(**arguments)
	finally:
		frappe.set_user("Administrator")


def test_the_command(mailbox: Mailbox, site: Site, tmp_path: Path) -> None:
	file = tmp_path / "message.eml"
	file.write_bytes(raw("Devis"))
	said = site.bench("mail-explain", str(file), "--account", mailbox.account).stdout
	assert "Opportunity" in said
	assert "In-Reply-To" in said
	missing = site.bench("mail-explain", str(file), "--account", "personne", check=False)
	assert missing.returncode
	assert "personne" in missing.stderr
	assert journal(mailbox) == []


def test_the_command_speaks_the_language_of_the_site(mailbox: Mailbox, site: Site, tmp_path: Path) -> None:
	file = tmp_path / "message.eml"
	file.write_bytes(raw("Devis"))
	before = frappe.db.get_default("lang")
	frappe.db.set_default("lang", "fr")
	frappe.db.commit()
	try:
		said = site.bench("mail-explain", str(file), "--account", mailbox.account).stdout
	finally:
		frappe.db.set_default("lang", before)
		frappe.db.commit()
	assert "Objet : Devis" in said
	assert "Il créerait un nouveau document" in said


def test_a_folder_may_be_named(make_mailbox: Callable[..., Mailbox]) -> None:
	folders = [{"folder_name": "INBOX"}, {"folder_name": "Ventes", "append_to": "Opportunity"}]
	mailbox = make_mailbox(imap_folder=folders)
	assert explain(raw("un"), mailbox.account).rule == "unplaced"
	assert explain(raw("un"), mailbox.account, "Ventes").rule == "append_to"


def test_a_bounce_of_a_mail_of_ours(mailbox: Mailbox) -> None:
	message_id = f"{frappe.generate_hash(length=12)}@site.test"
	sent = {"doctype": "Communication", "communication_medium": "Email", "sent_or_received": "Sent", "subject": "Devis"}
	frappe.get_doc({**sent, "message_id": message_id}).insert()
	frappe.db.commit()
	bounce = (
		"From: MAILER-DAEMON@client.test\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
		'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
		"--b\r\n\r\nsorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
		"Final-Recipient: rfc822; a@client.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
		f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{message_id}>\r\n\r\n--b--\r\n"
	).encode()
	tried = explain(bounce, mailbox.account)
	assert tried.rule == "reported"
	assert received(mailbox, bounce).rule == "reported"
