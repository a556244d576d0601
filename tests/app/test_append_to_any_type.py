"""Mail becomes documents of any type: one like an Issue, one that is named by a series, one that wants more than mail has."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import frappe
import pytest

from dokos_mail.append_to import append_to_doctypes, hooked_fields
from dokos_mail.jobs import process_again
from tests.app.test_placing import FAIL, SERVER, received, signed
from tests.app.test_pull import communication, journal
from tests.conftest import Site
from tests.mailbox import Mailbox, raw

STATUS = {"fieldname": "status", "fieldtype": "Select", "label": "Status", "options": "Open\nReplied\nClosed", "default": "Open"}


def field(fieldname: str, fieldtype: str = "Data", **properties: object) -> dict[str, object]:
	return {"fieldname": fieldname, "fieldtype": fieldtype, "label": fieldname.replace("_", " ").title(), **properties}


TYPES = {
	"Mail Issue": {
		"fields": [field("subject", reqd=1), STATUS, field("raised_by", options="Email"), field("via", default="Mail")],
		"email_append_to": 1,
		"subject_field": "subject",
		"sender_field": "raised_by",
		"autoname": "hash",
	},
	"Mail Series": {
		"fields": [field("naming_series", "Select", options="MS-.####", default="MS-.####"), field("about"), field("who")],
		"autoname": "naming_series:",
	},
	"Mail Mandatory": {
		"fields": [field("title"), field("customer", reqd=1), field("rows", "Small Text")],
		"autoname": "hash",
	},
	# as ERPNext has its Opportunity: a series of which the first is meant, a party that its own code finds by the address
	"Mail Enquiry": {
		"fields": [
			field("naming_series", "Select", options="MQ-.YYYY.-.####\nOLD-.####", reqd=1),
			field("enquiry_from", "Link", options="DocType", reqd=1),
			field("party_name", "Dynamic Link", options="enquiry_from", reqd=1),
			field("title", default="{party_name}"),
			field("contact_email", options="Email", read_only=1),
			field("day", "Date", default="Today", reqd=1),
			STATUS,
		],
		"autoname": "naming_series:",
		"email_append_to": 1,
		"subject_field": "title",
		"sender_field": "contact_email",
	},
	"Mail Topic": {"fields": [field("topic", unique=1), field("email", options="Email")], "autoname": "field:topic"},
}


@pytest.fixture
def types(site: object) -> Iterator[None]:
	for name, properties in TYPES.items():
		if not frappe.db.exists("DocType", name):
			permissions = [{"role": "System Manager", "read": 1, "write": 1, "create": 1, "delete": 1}]
			doc = {"doctype": "DocType", "name": name, "module": "Core", "custom": 1, "permissions": permissions, **properties}
			frappe.get_doc(doc).insert()
	frappe.db.commit()
	yield
	frappe.db.rollback()
	frappe.db.delete("Property Setter", {"doc_type": ("in", list(TYPES))})
	for name in TYPES:
		frappe.db.delete(name)
		frappe.delete_doc("DocType", name, force=True)
	frappe.db.commit()


@pytest.fixture
def hooked(types: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
	"""Let installed apps name these in ``email_append_to``."""
	ask = frappe.get_hooks

	def name(*entries: object) -> None:
		def get_hooks(hook: str | None = None, *args: object, **kwargs: object) -> object:
			return list(entries) if hook == "email_append_to" else ask(hook, *args, **kwargs)

		monkeypatch.setattr(frappe, "get_hooks", get_hooks)

	name("Mail Series", "Mail Mandatory", "Mail Topic")
	return name


def test_a_type_with_settings_of_its_own(make_mailbox: Callable[..., Mailbox], types: None) -> None:
	mailbox = make_mailbox(append_to="Mail Issue")
	row = received(mailbox, raw("Panne", message_id="panne@client.test"))
	issue = frappe.get_doc("Mail Issue", row.reference_name)
	assert (issue.subject, issue.raised_by, issue.status, issue.via) == ("Panne", "elodie@client.test", "Open", "Mail")
	assert received(mailbox, raw("Re: Panne", In_Reply_To="<panne@client.test>")).reference_name == issue.name
	assert received(mailbox, raw("Re: Panne")).reference_name == issue.name


def test_a_type_without_settings_takes_the_fields_that_an_apps_hook_names(
	make_mailbox: Callable[..., Mailbox], hooked: Callable[..., None]
) -> None:
	hooked("Mail Topic", {"doctype": "Mail Series", "subject_field": "about", "sender_field": "who"})
	assert {"Mail Series", "Mail Topic"} <= set(append_to_doctypes())
	assert hooked_fields("Mail Series")["sender_field"] == "who"
	assert hooked_fields("Mail Topic") == {"doctype": "Mail Topic"}
	row = received(make_mailbox(append_to="Mail Series"), raw("Toiture"))
	doc = frappe.get_doc("Mail Series", row.reference_name)
	assert row.reference_name.startswith("MS-")
	assert (doc.about, doc.who) == ("Toiture", "elodie@client.test")


def test_the_settings_of_a_type_come_before_an_apps_hook(
	make_mailbox: Callable[..., Mailbox], hooked: Callable[..., None]
) -> None:
	hooked({"doctype": "Mail Issue", "subject_field": "via", "sender_field": "via", "sender_name_field": "via"})
	row = received(make_mailbox(append_to="Mail Issue"), raw("Panne"))
	issue = frappe.get_doc("Mail Issue", row.reference_name)
	assert (issue.subject, issue.raised_by, issue.via) == ("Panne", "elodie@client.test", "Élodie Martin")


def test_entries_of_a_hook_that_mean_nothing(hooked: Callable[..., None]) -> None:
	hooked(None, 7, {}, {"subject_field": "x"}, ["Mail Series"], "Mail Topic")
	assert "Mail Topic" in append_to_doctypes()
	assert hooked_fields("Mail Series") == {}


def test_a_mandatory_field_is_named_and_the_mail_is_processed_once_it_can_be(
	site: Site, make_mailbox: Callable[..., Mailbox], hooked: Callable[..., None]
) -> None:
	mailbox = make_mailbox(append_to="Mail Mandatory")
	before = frappe.db.count("Mail Mandatory")
	row = received(mailbox, raw("Commande"))
	assert (row.state, row.communication, row.subject) == ("Failed", None, "Commande")
	assert "Customer" in row.reason
	assert frappe.db.count("Mail Mandatory") == before
	setter = {"doc_type": "Mail Mandatory", "field_name": "customer", "property": "default", "property_type": "Text"}
	frappe.get_doc({"doctype": "Property Setter", "doctype_or_field": "DocField", "value": "À voir", **setter}).insert()
	frappe.db.commit()
	frappe.clear_cache(doctype="Mail Mandatory")
	site.connect()  # the host keeps what new documents look like for as long as a request takes
	process_again([row.name])
	(row,) = journal(mailbox)
	assert (row.state, row.reason) == ("Processed", None)
	assert frappe.db.get_value("Mail Mandatory", row.reference_name, ["title", "customer"]) == ("Commande", "À voir")


def test_mandatory_fields_that_the_types_own_code_fills(
	make_mailbox: Callable[..., Mailbox], types: None, monkeypatch: pytest.MonkeyPatch
) -> None:
	"""Its code runs before they are looked for, as for a document that somebody types."""
	mailbox = make_mailbox(append_to="Mail Enquiry")
	assert received(mailbox, raw("Devis")).state == "Failed"
	new_doc = frappe.new_doc

	def with_code(doctype: str, *args: object, **kwargs: object) -> object:
		doc = new_doc(doctype, *args, **kwargs)

		def validate() -> None:
			doc.update({"enquiry_from": "User", "party_name": "Administrator"})

		if doctype == "Mail Enquiry":
			doc.validate = validate
		return doc

	monkeypatch.setattr(frappe, "new_doc", with_code)
	process_again([journal(mailbox)[-1].name])
	row = journal(mailbox)[-1]
	assert (row.state, row.reason) == ("Processed", None)
	assert row.reference_name.startswith("MQ-2")
	enquiry = frappe.get_doc("Mail Enquiry", row.reference_name)
	assert (enquiry.title, enquiry.contact_email, enquiry.party_name) == ("Devis", "elodie@client.test", "Administrator")
	assert received(mailbox, raw("Re: Devis")).reference_name == enquiry.name


def test_a_subject_that_no_text_field_takes(make_mailbox: Callable[..., Mailbox], hooked: Callable[..., None]) -> None:
	hooked({"doctype": "Mail Mandatory", "subject_field": "rows"})
	frappe.db.set_value("DocField", {"parent": "Mail Mandatory", "fieldname": "customer"}, "reqd", 0)
	frappe.db.commit()
	frappe.clear_cache(doctype="Mail Mandatory")
	row = received(make_mailbox(append_to="Mail Mandatory"), raw("mot " * 25_000))
	assert (row.state, row.reason) == ("Processed", None)
	assert frappe.db.get_value("Mail Mandatory", row.reference_name, "rows").startswith("mot mot")


def test_a_name_that_is_taken_fails_and_is_kept(make_mailbox: Callable[..., Mailbox], hooked: Callable[..., None]) -> None:
	"""Whoever writes the same subject again is not put on the first one's document."""
	mailbox = make_mailbox(append_to="Mail Topic")
	subject = frappe.generate_hash(length=12)
	first = received(mailbox, raw(subject))
	assert first.reference_name == subject
	second = received(mailbox, raw(subject, sender="autre@ailleurs.test"))
	assert (second.state, second.communication) == ("Failed", None)
	assert second.reason


@pytest.mark.parametrize("status", ["Open", "Replied", "Closed"])
def test_the_status_of_a_document_follows_the_host(make_mailbox: Callable[..., Mailbox], types: None, status: str) -> None:
	"""What the host's own receiving makes of it, ours does; a sender who is not himself changes nothing."""
	mailbox = make_mailbox(append_to="Mail Issue", authserv_id=SERVER)
	ours = received(mailbox, raw("à nous", message_id=f"{status}@client.test")).reference_name
	theirs = frappe.get_doc({"doctype": "Mail Issue", "subject": "à l'hôte"}).insert().name
	for name in (ours, theirs):
		frappe.db.set_value("Mail Issue", name, "status", status)
	frappe.db.commit()
	received(mailbox, signed(raw("Re: à nous", In_Reply_To=f"<{status}@client.test>"), FAIL))
	assert frappe.db.get_value("Mail Issue", ours, "status") == status
	answer = received(mailbox, raw("Re: à nous", In_Reply_To=f"<{status}@client.test>"))
	assert communication(answer).reference_name == ours
	values = {"doctype": "Communication", "communication_medium": "Email", "sent_or_received": "Received", "subject": "x"}
	frappe.get_doc({**values, "reference_doctype": "Mail Issue", "reference_name": theirs}).insert()
	after = {name: frappe.db.get_value("Mail Issue", name, "status") for name in (ours, theirs)}
	assert after[ours] == after[theirs]
