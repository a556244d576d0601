"""Mail becomes documents of any type: one like an Issue, one that is named by a series, one that wants more than mail has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import frappe
import pytest

from dokos_mail.append_to import append_to_doctypes, hooked_fields
from dokos_mail.inbound.documents import Field, MailFields, choose_fields, mail_fields
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
	# as ERPNext has its Lead and its Issue: one of an address, and a name that its own code fills
	"Mail Lead": {
		"fields": [field("title"), field("email", options="Email"), field("customer_name", read_only=1)],
		"autoname": "hash",
		"email_append_to": 1,
		"subject_field": "title",
		"sender_field": "email",
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


@pytest.fixture
def code(types: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[frappe._dict], None]], None]:
	"""Give a document type a ``validate`` of its own."""
	new_doc = frappe.new_doc

	def give(doctype: str, validate: Callable[[frappe._dict], None]) -> None:
		def with_code(made: str, *args: object, **kwargs: object) -> object:
			doc = new_doc(made, *args, **kwargs)
			if made == doctype:
				doc.validate = lambda: validate(doc)
			return doc

		monkeypatch.setattr(frappe, "new_doc", with_code)

	return give


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


def test_the_types_own_field_for_the_name_comes_before_an_apps_hook(
	hooked: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
	"""Frappe 16 has that setting; older hosts have not."""
	hooked({"doctype": "Mail Issue", "sender_name_field": "subject"})
	meta = frappe._dict(fields=frappe.get_meta("Mail Issue").fields, subject_field="subject", sender_field="raised_by")
	monkeypatch.setattr(frappe, "get_meta", lambda doctype: meta)
	assert mail_fields("Mail Issue").sender_name == "subject"
	meta.sender_name_field = "via"
	assert mail_fields("Mail Issue") == MailFields("subject", "raised_by", "via")


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


def test_mandatory_fields_that_the_types_own_code_fills(make_mailbox: Callable[..., Mailbox], code: Callable[..., None]) -> None:
	"""Its code runs before they are looked for, as for a document that somebody types."""
	mailbox = make_mailbox(append_to="Mail Enquiry")
	assert received(mailbox, raw("Devis")).state == "Failed"
	code("Mail Enquiry", lambda doc: doc.update({"enquiry_from": "User", "party_name": "Administrator"}))
	process_again([journal(mailbox)[-1].name])
	row = journal(mailbox)[-1]
	assert (row.state, row.reason) == ("Processed", None)
	assert row.reference_name.startswith("MQ-2")
	enquiry = frappe.get_doc("Mail Enquiry", row.reference_name)
	assert (enquiry.title, enquiry.contact_email, enquiry.party_name) == ("Devis", "elodie@client.test", "Administrator")
	assert received(mailbox, raw("Re: Devis")).reference_name == enquiry.name


def one_of_an_address(doc: frappe._dict) -> None:
	"""As ERPNext's Lead does it."""
	if frappe.db.exists(doc.doctype, {"email": doc.email, "name": ("!=", doc.name or "")}):
		frappe.get_doc({"doctype": "Contact", "first_name": f"Reste de {doc.email}"}).insert()
		frappe.throw("Email Address must be unique", frappe.DuplicateEntryError)


def test_whoever_can_have_one_document_writes_to_that(make_mailbox: Callable[..., Mailbox], code: Callable[..., None]) -> None:
	code("Mail Lead", one_of_an_address)
	mailbox = make_mailbox(append_to="Mail Lead", authserv_id=SERVER)
	first = received(mailbox, raw("Premier contact"))
	again = received(mailbox, raw("Tout autre chose", sender="ELODIE@client.test"))
	assert (again.state, again.rule, again.reason) == ("Processed", "taken", None)
	assert (again.reference_doctype, again.reference_name) == ("Mail Lead", first.reference_name)
	assert communication(again).reference_name == first.reference_name
	assert [step["finding"] for step in json.loads(again.trace)][-2:] == ["decided", "taken"]
	assert not frappe.db.exists("Contact", {"first_name": ("like", "Reste de %")})
	assert not any("unique" in str(message) for message in frappe.message_log)
	# nobody else, nor who only says that he is he
	assert received(mailbox, raw("Autre", sender="bob@client.test")).rule == "append_to"
	false = received(mailbox, signed(raw("Faux"), FAIL))
	assert (false.state, false.communication) == ("Failed", None)
	assert "unique" in false.reason


def test_who_looks_like_the_correspondent_is_not_put_on_his_document(
	make_mailbox: Callable[..., Mailbox], code: Callable[..., None]
) -> None:
	"""MariaDB takes an accent for no difference, and refuses the second address."""
	code("Mail Lead", one_of_an_address)
	mailbox = make_mailbox(append_to="Mail Lead")
	first = received(mailbox, raw("Premier contact"))
	frappe.db.set_value("Mail Lead", first.reference_name, "email", "élodie@client.test")
	frappe.db.commit()
	assert received(mailbox, raw("Autre")).reference_name != first.reference_name


def test_a_name_that_the_types_own_code_fills_is_left_to_it(make_mailbox: Callable[..., Mailbox], types: None) -> None:
	row = received(make_mailbox(append_to="Mail Lead"), raw("Panne"))
	assert frappe.db.get_value("Mail Lead", row.reference_name, ["title", "email", "customer_name"]) == (
		"Panne",
		"elodie@client.test",
		None,
	)


def test_a_contact_that_the_types_own_code_makes_is_the_senders(
	make_mailbox: Callable[..., Mailbox], code: Callable[..., None]
) -> None:
	address = f"{frappe.generate_hash(length=8)}@client.test"

	def with_contact(doc: frappe._dict) -> None:
		values = {"doctype": "Contact", "first_name": "Fiche", "email_ids": [{"email_id": address, "is_primary": 1}]}
		frappe.get_doc(values).insert()

	code("Mail Lead", with_contact)
	row = received(make_mailbox(append_to="Mail Lead", create_contact=1), raw("Panne", sender=f"Paul <{address}>"))
	(contact,) = frappe.get_all("Contact Email", filters={"email_id": address}, pluck="parent")
	assert frappe.get_all("Communication Link", filters={"parent": row.communication}, pluck="link_name") == [contact]


DATA = Field("x", "Data")


@pytest.mark.parametrize(
	("fields", "title_field", "found"),
	[
		([], None, MailFields()),
		([replace(DATA, fieldname="subject")], None, MailFields("subject")),
		([replace(DATA, fieldname="title"), replace(DATA, fieldname="subject")], "title", MailFields("title")),
		(
			[replace(DATA, fieldname="subject"), replace(DATA, fieldname="mail", options="Email")],
			None,
			MailFields("subject", "mail"),
		),
		([replace(DATA, fieldname="contact_name", read_only=True)], None, MailFields()),
		([replace(DATA, fieldname="subject", read_only=True)], None, MailFields()),
		([replace(DATA, fieldname="who", options="Name")], None, MailFields(sender_name="who")),
		([replace(DATA, fieldname="lead_name")], "lead_name", MailFields(sender_name="lead_name")),
		([replace(DATA, fieldname="subject", fieldtype="Link", options="Topic")], None, MailFields()),
	],
)
def test_the_likeliest_fields(fields: list[Field], title_field: str | None, found: MailFields) -> None:
	assert choose_fields(fields, title_field=title_field) == found


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
