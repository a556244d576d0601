"""What became of a mail is told in the language of whoever reads it, as far as it is ours; what a server said is quoted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from html import unescape

import frappe
import pytest
from frappe.utils import now_datetime

from dokos_mail import jobs
from dokos_mail.outbound import outcome, queue
from mail_servers.smtp_faults import AFTER_END, RESET, FaultySmtp, SmtpFaults
from tests.app.test_health import language
from tests.app.test_reasons import site_language
from tests.host.conftest import user

__all__ = ["language", "site_language", "user"]

Smtp = Callable[..., FaultySmtp]
Make = Callable[..., object]
UNKNOWN = {
	"en": "Nobody knows whether it was sent: 127.0.0.1 ended",
	"fr": "Personne ne sait s'il est parti : 127.0.0.1 a mis fin",
}


@pytest.fixture
def lost(site_language: str, smtp: Smtp, make_account: Make, queued: Make, user: Make) -> frappe._dict:
	"""A mail that a French user wrote, and of which nobody knows whether it was sent."""
	account = make_account(smtp(SmtpFaults(instead={AFTER_END: RESET})), uncertain_delivery="Hold")
	marie = user(language="fr")
	sent = {"communication_medium": "Email", "sent_or_received": "Sent", "subject": "Devis", "content": "x", "user": marie}
	mail = frappe.get_doc({"doctype": "Communication", **sent}).insert(ignore_permissions=True)
	row = queued(account, "b@there.test", communication=mail.name)
	jobs.send_account_mail(account.name)
	return frappe._dict(row=row.name, mail=mail.name, writer=marie)


def on_the_form(name: str) -> str:
	"""What the form says above its fields; these say the same, each of its recipient."""
	doc = frappe.get_doc("Email Queue", name)
	doc.run_method("onload")
	assert doc.delivery_reason == doc.get("__onload")["why"]
	assert doc.delivery_reason.split("\n") == [f"{row.recipient}: {row.server_reply}" for row in doc.recipients]
	return doc.get("__onload")["why"]


def test_a_reason_is_told_wherever_it_is_read(lost: frappe._dict, site_language: str, language: Callable[[str], None]) -> None:
	stored = frappe.db.get_value("Email Queue", lost.row, "delivery_reason")
	assert stored.startswith(f"b@there.test: {UNKNOWN[site_language]}"), "what lists of the host's own show"
	for reader, words in UNKNOWN.items():
		language(reader)
		assert on_the_form(lost.row).startswith(f"b@there.test: {words}")
		assert queue.whys([lost.row])[lost.row].startswith(words)
		assert queue.timeline(lost.mail)[-1]["words"].startswith(words)
		assert queue.troubles([lost.mail])[lost.mail][0]["words"].startswith(words)


def test_the_notice_is_in_the_language_of_whom_it_tells(lost: frappe._dict) -> None:
	content = frappe.db.get_value("Notification Log", {"for_user": lost.writer}, "email_content")
	assert unescape(content).startswith(f"b@there.test: {UNKNOWN['fr']}")


def test_what_others_wrote_and_what_a_server_said_stays(
	lost: frappe._dict, smtp: Smtp, make_account: Make, queued: Make, language: Callable[[str], None]
) -> None:
	refused = queued(make_account(smtp(SmtpFaults({"RCPT": b"550 5.1.1 no such user"}))), "b@there.test")
	jobs.send_account_mail(refused.email_account)
	language("fr")
	assert on_the_form(refused.name) == "b@there.test: 550 5.1.1 no such user"
	# a row of before, whose log holds words alone
	(recipient,) = outcome.recipients_of(lost.row)
	log = [{name: one[name] for name in ("on", "state", "words", "code")} for one in frappe.parse_json(recipient.delivery_log)]
	frappe.db.set_value("Email Queue Recipient", recipient.name, "delivery_log", frappe.as_json(log))
	assert on_the_form(lost.row) == frappe.db.get_value("Email Queue", lost.row, "delivery_reason")
	assert queue.timeline(lost.mail)[-1]["words"] == recipient.server_reply
	# a later version's, whose texts have other holes
	log[-1]["source"] = {"text": "Given up after {0} tries: {1}", "values": ["3"]}
	frappe.db.set_value("Email Queue Recipient", recipient.name, "delivery_log", frappe.as_json(log))
	assert queue.timeline(lost.mail)[-1]["words"] == recipient.server_reply


def test_of_several_recipients_each_has_a_line(
	site_language: str, smtp: Smtp, make_account: Make, queued: Make, language: Callable[[str], None]
) -> None:
	"""One whose server was asked for two days in vain, and one that it knows not: ours is told anew, the server's is quoted."""
	faults = {"RCPT b@there.test": b"450 4.2.1 busy", "RCPT c@there.test": b"550 5.1.1 no such user"}
	row = queued(make_account(smtp(SmtpFaults(faults))), "b@there.test", "c@there.test")
	frappe.db.set_value("Email Queue", row.name, "first_try", now_datetime() - timedelta(days=3))
	frappe.db.set_value("Email Queue Recipient", {"parent": row.name}, "attempts", 9)
	frappe.db.commit()
	jobs.send_account_mail(row.email_account)
	for reader, words in (("en", "Given up after 10 tries: 450"), ("fr", "Abandonné après 10 essais : 450")):
		language(reader)
		first, second = on_the_form(row.name).split("\n")
		assert first.startswith(f"b@there.test: {words}") and second == "c@there.test: 550 5.1.1 no such user"
		# also where the host alone wrote of it, and no log
		frappe.db.set_value("Email Queue Recipient", {"parent": row.name, "recipient": "c@there.test"}, "delivery_log", None)


def test_what_somebody_did_to_it(lost: frappe._dict, language: Callable[[str], None]) -> None:
	queue.try_again([lost.row])
	queue.cancel([lost.row])
	for reader, words in (("en", "Cancelled by Administrator"), ("fr", "Annulé par Administrator")):
		language(reader)
		assert queue.whys([lost.row]) == {lost.row: words}
		assert queue.in_words(lost.row).endswith(words)
