"""Why a mail is in its state: told in the language of whoever reads it, whatever language the job spoke."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import frappe
import pytest
from frappe.utils import now_datetime

from dokos_mail import api, reasons
from dokos_mail.engine.errors import N_, ConnectionLost, Words
from dokos_mail.inbound.reactions import REACTION
from dokos_mail.jobs import process_again, react
from tests.app.test_health import language
from tests.app.test_placing import last, mandatory, received
from tests.app.test_pull import pull
from tests.app.test_reactions import answering, nothing_waits, now_date, rows, sender
from tests.mailbox import Mailbox, raw

__all__ = ["answering", "language", "mandatory", "nothing_waits"]
Speak = Callable[[str], None]


@pytest.fixture(params=["en", "fr"])
def site_language(request: pytest.FixtureRequest, site: object) -> Iterator[str]:
	"""The language that the site's jobs speak."""
	before = frappe.db.get_single_value("System Settings", "language")
	frappe.db.set_single_value("System Settings", "language", request.param)
	frappe.db.commit()
	yield request.param
	frappe.db.set_single_value("System Settings", "language", before)
	frappe.db.commit()


def on_the_form(name: str) -> str:
	doc = frappe.get_doc("Incoming Email", name)
	doc.run_method("onload")
	return doc.reason or ""


def test_why_a_mail_failed_is_told_in_the_readers_language(
	site_language: str, mailbox: Mailbox, mandatory: Callable[[int], None], language: Speak
) -> None:
	mandatory(1)
	asked = str(now_datetime() - timedelta(seconds=1))
	row = received(mailbox, raw("Devis"))
	assert ("from the mail" in row.reason) == (site_language == "en")
	for reader, words in (("en", "could not be filled from the mail: Notes"), ("fr", "remplis à partir de l'email : Notes")):
		language(reader)
		assert words in on_the_form(row.name)
		(mail,) = api.pull_progress(mailbox.account, asked)["mails"]
		assert words in mail["reason"]
	assert last(mailbox).reason == row.reason, "what is told is not stored"

	# once it is processed, nothing is left of it
	mandatory(0)
	process_again([row.name])
	assert (last(mailbox).state, on_the_form(row.name)) == ("Processed", "")


def test_each_line_is_told_what_is_ours_and_what_is_not(
	site_language: str, make_mailbox: Callable[..., Mailbox], language: Speak
) -> None:
	"""An attachment that is over the limit, and a condition that breaks: two lines, names and values as they were."""
	limit = {"enforce_attachment_limit": 1, "attachment_limit": 1}
	mailbox = make_mailbox(append_to="Opportunity", append_condition='not subject or to[2] == "x"', **limit)
	message = raw("Plans").replace(b"Content-Type: text/plain", b"Content-Type: application/octet-stream; name=plan.bin")
	received(mailbox, message + b"x" * 1_100_000)
	row = last(mailbox)
	for reader, words in (
		("en", ("is larger than", "cannot be evaluated")),
		("fr", ("dépasse la taille", "ne peut pas être évaluée")),
	):
		language(reader)
		told = on_the_form(row.name)
		assert all(each in told for each in (*words, "plan.bin", "to[2]")), told


def test_what_became_of_a_reaction_is_told_in_the_readers_language(
	site_language: str, answering: Mailbox, language: Speak
) -> None:
	"""Not answered from the start; answered by the usual text; not answered after all."""
	answering.put(raw("Liste", sender=sender(), to=answering.user, date=now_date(), List_Id="<liste.client.test>"))
	pull(answering)
	frappe.db.set_value("Email Account", answering.account, "auto_reply_message", "{{ doc. }}")
	answering.put(raw("Devis", sender=sender(), to=answering.user, date=now_date()))
	pull(answering)
	react()
	answering.put(raw("Facture", sender=sender(), to=answering.user, date=now_date()))
	pull(answering)
	frappe.db.set_value("Email Account", answering.account, "enable_auto_reply", 0)
	react()
	were = rows(answering, "Auto Reply")
	assert [row.state for row in were] == ["Dropped", "Done", "Dropped"]
	assert ("mailing list" in were[0].reason) == ("switched off" in were[2].reason) == (site_language == "en")
	for reader, words in (
		("en", ("A machine or a mailing list sent it: List-", "the usual text was sent", "Automatic answers were switched off.")),
		(
			"fr",
			(
				"Une machine ou une liste de diffusion l'a envoyé",
				"le texte habituel",
				"Les réponses automatiques ont été désactivées.",
			),
		),
	):
		language(reader)
		for row, told in zip(were, words, strict=True):
			doc = frappe.get_doc(REACTION, row.name)
			doc.run_method("onload")
			assert told in doc.reason, (doc.reason, doc.reason_detail)
	assert [row.reason for row in rows(answering, "Auto Reply")] == [row.reason for row in were], "what is told is not stored"


def test_rows_of_before_and_reasons_of_others_read_as_they_were_written(mailbox: Mailbox, language: Speak) -> None:
	row = received(mailbox, raw("Devis"))
	language("fr")
	# as an earlier version left them: a text without values is ours to say anew
	for reason, told in (
		("Its original (mail/x) is missing.", "Its original (mail/x) is missing."),
		("It is the copy of a message sent from here.\n<b>", "C'est la copie d'un message envoyé d'ici.\n<b>"),
	):
		frappe.db.set_value("Incoming Email", row.name, "reason", reason)
		assert on_the_form(row.name) == told
	# another program wrote a new reason over ours
	ours = reasons.columns(reasons.because(N_("It is the copy of a message sent from here.")))
	frappe.db.set_value("Incoming Email", row.name, ours | {"reason": "disk full"})
	assert on_the_form(row.name) == "disk full"
	# or a later version of this app, whose texts have other holes
	text = '{"of": "full", "lines": [{"text": "The app refused it: {0}", "values": []}, {"words": 1}]}'
	frappe.db.set_value("Incoming Email", row.name, {"reason": "full", "reason_detail": text})
	assert on_the_form(row.name) == "full"
	frappe.db.rollback()


def test_what_a_reason_is_made_of_is_said_with_it(site: object, language: Speak) -> None:
	language("fr")
	lost = reasons.of_error(ConnectionLost(host="imap.client.test", detail=Words(N_("out of memory"))))
	written = reasons.columns(lost, "plainly {0}", None, reasons.listed(["Subject", "Reason"]))
	assert "mis fin" in written["reason"] and "Sujet, Raison" in written["reason"]
	language("en")
	assert reasons.in_words(written["reason"], written["reason_detail"]).split("\n") == [
		"imap.client.test ended the connection out of memory",
		"plainly {0}",
		"Subject, Reason",
	]
	assert reasons.columns() == reasons.columns(None, "") == {"reason": None, "reason_detail": None}
	assert reasons.in_words(None, None) == ""
