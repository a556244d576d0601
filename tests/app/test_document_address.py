"""Every document has its own address, and a mail to it is on the document: who may use which form of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import frappe
import pytest

from dokos_mail import timeline
from dokos_mail.document_address import TABLE, address_of, document_of
from dokos_mail.inbound.contacts import link_contacts
from dokos_mail.inbound.known import passes_for_colleague
from dokos_mail.jobs import pull_account
from tests.app.test_placing import FAIL, PASS, SERVER, signed
from tests.app.test_pull import communication, journal, pull
from tests.mailbox import Mailbox, raw


@pytest.fixture
def linking(make_mailbox: Callable[..., Mailbox]) -> Mailbox:
	return make_mailbox(append_to="Opportunity", enable_automatic_linking=1)


@pytest.fixture
def document(linking: Mailbox) -> Iterator[frappe._dict]:
	"""A document that nothing but its address leads to."""
	doc = frappe.get_doc({"doctype": "Opportunity", "title": "Rénovation", "contact_email": "anna@client.test"}).insert()
	frappe.db.commit()
	yield doc
	for token in frappe.get_all(TABLE, filters={"reference_name": doc.name}, pluck="name"):
		frappe.delete_doc(TABLE, token, force=True)
	frappe.db.commit()


def links(row: frappe._dict) -> set[tuple[str, str]]:
	rows = frappe.get_all("Communication Link", filters={"parent": row.communication}, fields=["link_doctype", "link_name"])
	return {(one.link_doctype, one.link_name) for one in rows if one.link_doctype != "Contact"}


def unsigned(mailbox: Mailbox, document: frappe._dict) -> str:
	local, _at, domain = mailbox.user.rpartition("@")
	return f"{local}+Opportunity={document.name}@{domain}"


def test_a_mail_to_its_address_is_on_the_document(linking: Mailbox, document: frappe._dict) -> None:
	address = address_of("Opportunity", document.name)
	assert address == address_of("Opportunity", document.name)
	linking.put(raw("Bonjour", sender="stranger@elsewhere.test", to=address.upper()))
	pull(linking)
	(row,) = journal(linking)
	assert (row.rule, row.reference_doctype, row.reference_name) == ("address", "Opportunity", document.name)
	assert communication(row).reference_name == document.name


def test_a_blind_copy(linking: Mailbox, document: frappe._dict) -> None:
	linking.put(raw("Bonjour", to="autre@client.test", Delivered_To=address_of("Opportunity", document.name)))
	pull(linking)
	(row,) = journal(linking)
	assert (row.rule, row.reference_name) == ("address", document.name)


def test_the_thread_keeps_the_first_place(linking: Mailbox, document: frappe._dict) -> None:
	linking.put(raw("Devis", message_id="root@client.test"))
	pull(linking)
	address = address_of("Opportunity", document.name)
	linking.put(raw("Re: Devis", message_id="reply@client.test", In_Reply_To="<root@client.test>", Cc=address))
	pull(linking)
	root, reply = journal(linking)
	assert (reply.rule, reply.reference_name) == ("in_reply_to", root.reference_name)
	assert ("Opportunity", document.name) in links(reply)


def test_a_stranger_cannot_guess(linking: Mailbox, document: frappe._dict) -> None:
	linking.put(raw("Bonjour", sender="stranger@elsewhere.test", to=unsigned(linking, document)))
	pull(linking)
	(row,) = journal(linking)
	assert row.reference_name != document.name
	assert ("Opportunity", document.name) not in links(row)
	assert "address_of_a_stranger" in row.trace


def test_a_correspondent_may_use_the_old_form(linking: Mailbox, document: frappe._dict) -> None:
	linking.put(raw("Un", sender="anna@client.test", message_id="one@client.test", to=address_of("Opportunity", document.name)))
	pull(linking)
	linking.put(raw("Deux", sender="Anna@client.test", message_id="two@client.test", to=unsigned(linking, document)))
	pull(linking)
	_one, two = journal(linking)
	assert (two.rule, two.reference_name) == ("address", document.name)


def test_whom_we_wrote_to_may_use_the_old_form(linking: Mailbox, document: frappe._dict) -> None:
	sent = {"communication_type": "Communication", "communication_medium": "Email", "sent_or_received": "Sent"}
	about = {"reference_doctype": "Opportunity", "reference_name": document.name}
	frappe.get_doc(
		{"doctype": "Communication", "subject": "x", "recipients": '"Marc" <marc@client.test>', **sent, **about}
	).insert()
	linking.put(
		raw("Un", sender="marc@client.test", message_id="one@client.test", to=unsigned(linking, document)),
		raw("Deux", sender="arc@client.test", message_id="two@client.test", to=unsigned(linking, document)),
	)
	pull(linking)
	one, two = journal(linking)
	assert one.reference_name == document.name
	assert two.reference_name != document.name


def test_the_administrator_may_accept_it_from_everybody(linking: Mailbox, document: frappe._dict) -> None:
	frappe.db.set_value("Email Account", linking.account, "accept_unsigned_addresses", 1)
	linking.put(raw("Bonjour", sender="stranger@elsewhere.test", to=unsigned(linking, document)))
	pull(linking)
	(row,) = journal(linking)
	assert row.reference_name == document.name


def test_without_the_option_there_is_none(mailbox: Mailbox) -> None:
	doc = frappe.get_doc({"doctype": "Opportunity", "title": "x"}).insert()
	assert address_of("Opportunity", doc.name) is None


def test_a_later_document_of_the_same_name_is_another(linking: Mailbox, document: frappe._dict) -> None:
	address = address_of("Opportunity", document.name)
	token = address.partition("+")[2].partition("@")[0]
	assert document_of(token) == ("Opportunity", document.name, True)
	frappe.db.set_value("Opportunity", document.name, "creation", "2020-01-01 00:00:00", update_modified=False)
	assert document_of(token) == ("Opportunity", document.name, False)
	assert address_of("Opportunity", document.name) != address
	linking.put(raw("Bonjour", to=address))
	pull(linking)
	(row,) = journal(linking)
	assert row.reference_name != document.name
	assert "address_deleted" in row.trace


def test_the_timeline_shows_it(linking: Mailbox, document: frappe._dict) -> None:
	for method in (timeline.getdoc, timeline.get_docinfo):
		frappe.local.form_dict = frappe._dict(doctype="Opportunity", name=document.name)
		frappe.local.response = frappe._dict(docs=[])
		method()
		assert frappe.local.response["docinfo"]["document_email"] == address_of("Opportunity", document.name)


def test_the_desk_asks_ours(site: object) -> None:
	asked = frappe.get_hooks("override_whitelisted_methods")
	for method in ("load.getdoc", "load.get_docinfo", "save.savedocs", "save.cancel"):
		assert asked[f"frappe.desk.form.{method}"][-1].startswith("dokos_mail.timeline.")


def test_an_address_of_nobodys(linking: Mailbox) -> None:
	local, _at, domain = linking.user.rpartition("@")
	linking.put(raw("Bonjour", to=f"{local}+{'a' * 16}@{domain}"))
	assert pull_account(linking.account).error is None
	(row,) = journal(linking)
	assert row.rule == "append_to"
	assert "address_unknown" in row.trace


def test_a_user_whose_program_writes_his_address_in_capitals(linking: Mailbox, document: frappe._dict) -> None:
	linking.put(raw("Bonjour", sender="Administrateur@Masociete.test", to=unsigned(linking, document)))
	before = frappe.db.get_value("User", "Administrator", "email")
	frappe.db.set_value("User", "Administrator", "email", "administrateur@masociete.test")
	pull(linking)
	frappe.db.set_value("User", "Administrator", "email", before)
	frappe.db.commit()
	(row,) = journal(linking)
	assert (row.rule, row.reference_name) == ("address", document.name)


def lookalike(address: str) -> str:
	"""Another address, which the hosts' databases take for this one."""
	return address.replace("e", "é", 1) if "e" in address.partition("@")[0] else address.replace("a", "à", 1)


def from_raw(sender: str, to: str) -> bytes:
	return f"From: {sender}\r\nTo: {to}\r\nSubject: Bonjour\r\nMessage-ID: <{frappe.generate_hash()}@x>\r\n\r\nx\r\n".encode()


def test_who_looks_like_a_correspondent_is_none(linking: Mailbox, document: frappe._dict) -> None:
	"""The owner of clïent.test sends what his own server signs; MariaDB takes his address for that of client.test."""
	linking.put(raw("Un", sender="anna@client.test", to=address_of("Opportunity", document.name)))
	pull(linking)
	for sender in ("ànna@client.test", "anna@cliént.test", "ａnna@client.test"):
		linking.put(from_raw(sender, unsigned(linking, document)))
		pull(linking)
		row = journal(linking)[-1]
		assert row.rule == "append_to", sender
		assert row.reference_name != document.name
		assert "address_of_a_stranger" in row.trace


def test_who_looks_like_a_user_is_none(linking: Mailbox, document: frappe._dict) -> None:
	user = frappe.db.get_value("User", "Administrator", "email")
	assert lookalike(user) != user
	linking.put(from_raw(lookalike(user), unsigned(linking, document)), from_raw(user, unsigned(linking, document)))
	pull(linking)
	stranger, himself = journal(linking)
	assert stranger.reference_name != document.name
	assert himself.reference_name == document.name
	assert passes_for_colleague(user, "unknown")
	assert not passes_for_colleague(lookalike(user), "pass")


def test_a_user_who_may_not_read_the_document_may_not_use_the_old_form(linking: Mailbox, document: frappe._dict) -> None:
	user = f"{frappe.generate_hash(length=8)}@masociete.test"
	values = {"doctype": "User", "email": user, "first_name": "Collègue", "send_welcome_email": 0, "user_type": "System User"}
	frappe.get_doc({**values, "roles": [{"role": "Inbox User"}]}).insert()
	frappe.db.commit()
	assert passes_for_colleague(user, "unknown")
	linking.put(raw("Bonjour", sender=user, to=unsigned(linking, document)))
	pull(linking)
	frappe.db.set_value("User", user, "enabled", 0)
	frappe.db.commit()
	(row,) = journal(linking)
	assert row.reference_name != document.name
	assert "address_of_a_stranger" in row.trace


def test_who_is_not_the_correspondent_he_says_he_is_may_not(make_mailbox: Callable[..., Mailbox], document: frappe._dict) -> None:
	linking = make_mailbox(append_to="Opportunity", enable_automatic_linking=1, authserv_id=SERVER)
	linking.put(raw("Un", sender="anna@client.test", to=address_of("Opportunity", document.name)))
	pull(linking)
	for results, accepted in ((FAIL, False), (PASS, True)):
		linking.put(signed(raw("Deux", sender="anna@client.test", to=unsigned(linking, document)), results))
		pull(linking)
		row = journal(linking)[-1]
		assert (row.reference_name == document.name) == accepted
		assert ("address_of_a_stranger" in row.trace) != accepted


def test_whose_mail_is_linked_to_the_document_is_a_correspondent(linking: Mailbox, document: frappe._dict) -> None:
	"""The mail itself is in another conversation."""
	thread = f"{frappe.generate_hash(length=12)}@client.test"
	linking.put(raw("Devis", message_id=thread, sender="paul@client.test"))
	pull(linking)
	linking.put(
		raw("Re: Devis", In_Reply_To=f"<{thread}>", sender="paul@client.test", Cc=address_of("Opportunity", document.name))
	)
	pull(linking)
	linking.put(raw("Autre", sender="paul@client.test", to=unsigned(linking, document)))
	pull(linking)
	devis, answer, other = journal(linking)
	assert answer.reference_name == devis.reference_name != document.name
	assert (other.rule, other.reference_name) == ("address", document.name)


def test_who_looks_like_a_contact_is_none(linking: Mailbox) -> None:
	values = {"doctype": "Contact", "first_name": "Zoé", "email_ids": [{"email_id": "zoe@client.test", "is_primary": 1}]}
	contact = frappe.get_doc(values).insert()
	for sender, linked in (("Zoe@client.test", [contact.name]), ("zoé@client.test", []), ("zoe@clíent.test", [])):
		mail = frappe.get_doc({"doctype": "Communication", "sender": sender})
		link_contacts(mail, may_make=False)
		assert [link.link_name for link in mail.get("timeline_links") or []] == linked, sender


def test_an_address_survives_a_rename(linking: Mailbox, document: frappe._dict) -> None:
	address = address_of("Opportunity", document.name)
	renamed = frappe.rename_doc("Opportunity", document.name, f"{document.name}-bis", force=True)
	frappe.db.commit()
	assert address_of("Opportunity", renamed) == address
	linking.put(raw("Bonjour", sender="stranger@elsewhere.test", to=address))
	pull(linking)
	(row,) = journal(linking)
	frappe.db.delete(TABLE, {"reference_name": renamed})
	frappe.db.commit()
	assert (row.rule, row.reference_name) == ("address", renamed)


WAYS = {
	"subject": {"subject": "Re: {name}"},
	"subject with type": {"subject": "Re: Opportunity {name}"},
	"old address": {"to": "{local}+Opportunity={name}@{domain}"},
	"old address, other form": {"Cc": "{local}+Opportunity+{name}@{domain}"},
	"address elsewhere": {"to": "{local}+Opportunity={name}@elsewhere.test"},
	"blind": {"Delivered_To": "{local}+Opportunity={name}@{domain}"},
	"envelope": {"X_Original_To": "{local}+Opportunity={name}@{domain}", "Envelope_To": "{local}+Opportunity={name}@{domain}"},
	"token": {"to": "{local}+aaaaaaaaaaaaaaaa@{domain}"},
	"message-id of the document": {"In_Reply_To": "<{name}@{site}>", "References": "<Opportunity/{name}@{site}>"},
	"reply-to": {"Reply_To": "anna@client.test", "subject": "Re: Rénovation"},
	"sender": {"Sender": "anna@client.test", "subject": "Re: Rénovation"},
	"original from": {"X_Original_From": "anna@client.test", "subject": "Re: Rénovation"},
	"name": {"sender": '"anna@client.test" <{stranger}>', "subject": "Re: Rénovation"},
	"encoded": {"sender": "=?utf-8?q?anna=40client=2Etest?= <{stranger}>", "subject": "Re: Rénovation"},
	"comment": {"sender": "{stranger} (anna@client.test)", "subject": "Re: Rénovation"},
	"results": {"Authentication_Results": "mx.masociete.test; dmarc=pass header.from=client.test", "subject": "Re: Rénovation"},
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_a_stranger_leads_to_a_document(linking: Mailbox, document: frappe._dict, way: str) -> None:
	"""Whoever knows its name, its correspondent and its subject, and may write what he likes into any field but the sender's."""
	local, _at, domain = linking.user.rpartition("@")
	stranger = f"{frappe.generate_hash(length=8)}@elsewhere.test"  # who has no document of his own
	known = {"name": document.name, "local": local, "domain": domain, "site": frappe.local.site, "stranger": stranger}
	fields = {"sender": stranger} | {key: value.format(**known) for key, value in WAYS[way].items()}
	mail = raw(**{key: value for key, value in fields.items() if key in ("subject", "sender", "to")})
	others = {key: value for key, value in fields.items() if key not in ("subject", "sender", "to")}
	linking.put("".join(f"{key.replace('_', '-')}: {value}\r\n" for key, value in others.items()).encode() + mail)
	pull(linking)
	(row,) = journal(linking)
	assert (row.state, row.rule) == ("Processed", "append_to")
	assert row.reference_name != document.name
	assert ("Opportunity", document.name) not in links(row)
