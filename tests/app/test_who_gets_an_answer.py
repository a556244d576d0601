"""Whom an account answers by itself, by what is known of a mail besides its text; and what its answer may be (rows R1 and R2)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import frappe
import pytest

from dokos_mail.jobs import react
from tests.app.test_pull import pull
from tests.app.test_reactions import answering, nothing_waits, now_date, queued, rows, sender
from tests.mailbox import Mailbox, raw

__all__ = ["answering", "nothing_waits"]


def changed(mailbox: Mailbox, **values: object) -> None:
	frappe.db.set_value("Email Account", mailbox.account, values)
	frappe.clear_document_cache("Email Account", mailbox.account)
	frappe.db.commit()


def refused(mailbox: Mailbox, message: bytes) -> str:
	"""Why a mail got no answer."""
	mailbox.put(message)
	pull(mailbox)
	react()
	row = rows(mailbox, "Auto Reply")[-1]
	assert row.state == "Dropped" and not row.correspondent
	return row.reason


def test_junk(answering: Mailbox) -> None:
	anna = sender()
	frappe.get_doc({"doctype": "Email Rule", "email_id": anna, "is_spam": 1}).insert(ignore_permissions=True)
	assert refused(answering, raw("Devis", sender=anna, to=answering.user, date=now_date())) == "It is junk."
	assert queued(anna) == []


def test_a_sender_whom_the_server_denies(answering: Mailbox) -> None:
	changed(answering, authserv_id="mx.masociete.test")
	results = b"Authentication-Results: mx.masociete.test; dmarc=fail header.from=client.test\r\n"
	message = results + raw("Devis", sender=sender(), to=answering.user, date=now_date())
	assert "not who it claims to be" in refused(answering, message)


def test_a_mail_of_last_week_that_came_today(answering: Mailbox) -> None:
	week_ago = format_datetime(datetime.now(timezone.utc) - timedelta(days=7))
	assert "older than a day" in refused(answering, raw("Devis", sender=sender(), to=answering.user, date=week_ago))


def test_what_the_first_synchronisation_brings(answering: Mailbox) -> None:
	answering.put(raw("Devis", sender=sender(), to=answering.user, date=now_date()))
	frappe.db.delete("Email Folder", {"email_account": answering.account})
	frappe.db.commit()
	pull(answering)
	react()
	assert "first synchronisation" in rows(answering, "Auto Reply")[-1].reason


def test_an_account_that_was_switched_off_meanwhile(answering: Mailbox) -> None:
	anna = sender()
	answering.put(raw("Devis", sender=anna, to=answering.user, date=now_date()))
	pull(answering)
	changed(answering, enable_auto_reply=0)
	react()
	assert queued(anna) == []
	assert "switched off" in rows(answering, "Auto Reply")[-1].reason


def answered(mailbox: Mailbox, template: str, subject: str = "Devis") -> tuple[str, str | None]:
	"""The answer to a mail by a template, and what is said of it."""
	changed(mailbox, auto_reply_message=template)
	anna = sender()
	mailbox.put(raw(subject, sender=f"Anna <{anna}>", to=mailbox.user, date=now_date()))
	pull(mailbox)
	react()
	((mail, _envelope),) = queued(anna)
	return mail.get_body(("html",)).get_content(), rows(mailbox, "Auto Reply")[-1].reason


@pytest.mark.parametrize(
	"template",
	["<p>{{ ''.__class__.__mro__ }}</p>", "<p>{{ doc.as_dict.__globals__ }}</p>", "<p>{{ frappe.conf.db_password.secret }}</p>"],
)
def test_a_template_reaches_nothing_but_its_mail(answering: Mailbox, template: str) -> None:
	html, remark = answered(answering, template)
	assert "Thank you for your message" in html
	assert "cannot be rendered" in remark


def test_what_a_stranger_wrote_is_no_markup_and_no_template(answering: Mailbox) -> None:
	html, remark = answered(answering, "<p>Reçu : {{ subject }}</p>", subject="<b>gras</b> R&eacute;D {{ doc.name }}")
	assert "‹b›gras‹/b› R&amp;eacute;D {{ doc.name }}" in html
	assert not remark


@pytest.mark.parametrize("text", ["Voir https://masociete.test/horaires.html", "www/login.html"])
def test_a_text_that_looks_like_a_file_is_a_text(answering: Mailbox, text: str) -> None:
	"""Hosts take a line that ends so for the path of a template."""
	html, remark = answered(answering, text)
	assert text in html
	assert not remark
