"""A line that a stranger wrote, in the fields of a host: read as it was written, never drawn, never taken for nothing."""

from __future__ import annotations

from collections.abc import Callable

import frappe
import pytest

from dokos_mail.patches import words_of_strangers
from dokos_mail.plain import plain
from tests.app.test_placing import received
from tests.app.test_reactions import sender
from tests.mailbox import Mailbox, raw


@pytest.mark.parametrize(
	("text", "kept"),
	[
		("<urgent>", "‹urgent›"),
		("Re: <projet toiture> A & B", "Re: ‹projet toiture› A & B"),
		("Mail to <anna@client.test> failed", "Mail to ‹anna@client.test› failed"),
		("<3>", "‹3›"),
		(" < > ", " ‹ › "),
		("<img src=x onerror=alert(1) ", "‹img src=x onerror=alert(1) "),
		("<!-- x", "‹!-- x"),
		('"<script>x()</script>"', '"‹script›x()‹/script›"'),
		("a < b et c > d", "a < b et c > d"),
		("I <3 you -> here & there", "I <3 you -> here & there"),
		("", ""),
	],
)
def test_only_what_is_taken_for_html_changes(text: str, kept: str) -> None:
	assert plain(text) == kept
	assert plain(kept) == kept


@pytest.mark.parametrize("subject", ["<urgent>", "Re: <projet toiture> A & B", "<>", '"<b>x</b>"', "a < b & c > d"])
def test_such_a_mail_becomes_a_document_that_says_it(make_mailbox: Callable[..., Mailbox], subject: str) -> None:
	mailbox = make_mailbox(append_to="Opportunity", create_contact=1)
	jeanne = sender()
	row = received(mailbox, raw(subject, sender=f'"<Jeanne>" <{jeanne}>'))
	assert (row.state, row.reference_doctype) == ("Processed", "Opportunity"), row.reason
	kept = plain(subject)
	assert frappe.db.get_value("Incoming Email", row.name, "subject") == kept
	mail = frappe.db.get_value("Communication", row.communication, ["subject", "sender_full_name"], as_dict=True)
	assert mail == {"subject": kept, "sender_full_name": "‹Jeanne›"}
	document = frappe.db.get_value("Opportunity", row.reference_name, "*", as_dict=True)
	assert kept in document.values() and "‹Jeanne›" in document.values()
	contact = frappe.db.get_value("Contact Email", {"email_id": jeanne}, "parent")
	assert frappe.db.get_value("Contact", contact, "first_name") == "‹Jeanne›"


def test_an_answer_finds_its_document_by_such_a_subject(make_mailbox: Callable[..., Mailbox]) -> None:
	"""However whoever answers writes the brackets, and as a host keeps one that somebody typed."""
	mailbox, anna = make_mailbox(append_to="Opportunity"), sender()
	first = received(mailbox, raw("Devis <toiture> & cave", sender=anna))
	for subject in ("Re: Devis <toiture> & cave", "RE: Devis ‹toiture› & cave"):
		assert received(mailbox, raw(subject, sender=anna)).reference_name == first.reference_name
	field = next(
		name for name, value in frappe.get_doc("Opportunity", first.reference_name).as_dict().items() if "toiture" in str(value)
	)
	frappe.db.set_value("Opportunity", first.reference_name, field, "Devis &lt;toiture&gt; &amp; cave")
	assert received(mailbox, raw("Re: Devis <toiture> & cave", sender=anna)).reference_name == first.reference_name


def test_rows_of_before_are_kept_so_too(mailbox: Mailbox) -> None:
	row = received(mailbox, raw("Devis"))
	before = {"subject": "<img src=x onerror=alert(1)>", "authentication_reason": "a < b", "imap_flags": "\\Seen"}
	frappe.db.set_value("Incoming Email", row.name, before, update_modified=False)
	frappe.db.set_value("Email Folder", {"email_account": mailbox.account}, "error", "<b>NO</b> such folder")
	modified = frappe.db.get_value("Incoming Email", row.name, "modified")
	for _again in range(2):
		words_of_strangers.execute()
		now = frappe.db.get_value("Incoming Email", row.name, [*before, "modified"], as_dict=True)
		assert now == before | {"subject": "‹img src=x onerror=alert(1)›", "modified": modified}
		assert frappe.db.get_value("Email Folder", {"email_account": mailbox.account}, "error") == "‹b›NO‹/b› such folder"
