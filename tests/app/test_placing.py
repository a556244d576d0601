"""Where mail goes on a host: threads, junk, senders, conditions, subjects, parents that failed."""

from __future__ import annotations

import json
from collections.abc import Callable

import frappe
import pytest

from dokos_mail.inbound import store
from dokos_mail.inbound.known import passes_for_colleague
from dokos_mail.jobs import process_again
from tests.app.test_pull import communication, journal, pull
from tests.mailbox import Mailbox, raw

SERVER = "mx.masociete.test"
FAIL = f"{SERVER}; dmarc=fail header.from=client.test"
PASS = f"{SERVER}; dmarc=pass header.from=client.test"


def last(mailbox: Mailbox) -> frappe._dict:
	return journal(mailbox)[-1]


def received(mailbox: Mailbox, *messages: bytes, folder: str = "INBOX") -> frappe._dict:
	"""Put messages and pull; the last one's row."""
	for message in messages:
		mailbox.put(message, folder=folder)
	pull(mailbox)
	return last(mailbox)


def signed(message: bytes, results: str) -> bytes:
	"""A message as the receiving server hands it over."""
	return f"Authentication-Results: {results}\r\n".encode() + message


# Threads with what the host sent


@pytest.fixture
def opportunity(site: object) -> frappe._dict:
	return frappe.get_doc({"doctype": "Opportunity", "title": "Toiture", "contact_email": "elodie@client.test"}).insert()


def test_an_answer_to_what_the_host_sent_joins_it(mailbox: Mailbox, opportunity: frappe._dict) -> None:
	"""The host's own Communication, made before or beside this app; also one that a notification made."""
	for kind in ("Communication", "Automated Message"):
		sent = frappe.get_doc(
			{
				"doctype": "Communication",
				"communication_type": kind,
				"communication_medium": "Email",
				"sent_or_received": "Sent",
				"subject": "Toiture",
				"recipients": "elodie@client.test",
				"message_id": f"{frappe.generate_hash(length=12)}@site.test",
				"reference_doctype": "Opportunity",
				"reference_name": opportunity.name,
			}
		).insert()
		row = received(mailbox, raw("Re: Toiture", In_Reply_To=f"<{sent.message_id}>"))
		assert (row.rule, row.reference_name) == ("in_reply_to", opportunity.name)
		assert communication(row).in_reply_to == sent.name


def test_an_answer_to_a_queued_mail_without_communication_joins_its_document(mailbox: Mailbox, opportunity: frappe._dict) -> None:
	message_id = f"{frappe.generate_hash(length=12)}@site.test"
	frappe.get_doc(
		{
			"doctype": "Email Queue",
			"message_id": message_id,
			"sender": "a@masociete.test",
			"message": "x",
			"status": "Sent",
			"reference_doctype": "Opportunity",
			"reference_name": opportunity.name,
			"recipients": [{"recipient": "elodie@client.test"}],
		}
	).insert()
	row = received(mailbox, raw("Re: avis", References=f"<autre@x.test> <{message_id}>"))
	assert (row.rule, row.reference_name) == ("references", opportunity.name)


def test_the_name_of_a_communication_is_a_message_id_for_its_recipients_alone(
	mailbox: Mailbox, opportunity: frappe._dict
) -> None:
	sent = frappe.get_doc(
		{
			"doctype": "Communication",
			"communication_type": "Communication",
			"communication_medium": "Email",
			"sent_or_received": "Sent",
			"subject": "Toiture",
			"recipients": "Élodie <elodie@client.test>",
			"reference_doctype": "Opportunity",
			"reference_name": opportunity.name,
		}
	).insert()
	named = {"In_Reply_To": f"<{sent.name}@{frappe.local.site}>"}
	stranger = received(mailbox, raw("Re: Toiture", sender="inconnu@ailleurs.test", **named))
	assert stranger.reference_name != opportunity.name
	elsewhere = received(mailbox, raw("Autre", In_Reply_To=f"<{sent.name}@ailleurs.test>"))
	assert elsewhere.reference_name != opportunity.name
	row = received(mailbox, raw("Re: Toiture", **named))
	assert (row.rule, row.reference_name) == ("in_reply_to", opportunity.name)


def test_a_document_that_is_gone_is_answered_by_a_new_one(mailbox: Mailbox, who: str) -> None:
	"""However it went: the host takes its mail off it only when it deletes it itself."""
	first = received(mailbox, raw("Devis", message_id=f"{frappe.generate_hash(length=12)}@client.test"))
	frappe.db.delete("Opportunity", {"name": first.reference_name})
	frappe.db.commit()
	row = received(mailbox, raw("Re: Devis", In_Reply_To=f"<{first.message_id}>", sender=who))
	assert (row.rule, row.reference_doctype) == ("append_to", "Opportunity")
	assert row.reference_name and row.reference_name != first.reference_name
	assert communication(row).in_reply_to == first.communication
	assert json.loads(row.trace)[0]["finding"] == "deleted"


# Subjects


@pytest.fixture
def who(site: object) -> str:
	"""A correspondent whom no other test knows."""
	return f"{frappe.generate_hash(length=8)}@client.test"


def test_an_answer_without_headers_joins_by_subject_for_the_same_correspondent(mailbox: Mailbox, who: str) -> None:
	first = received(mailbox, raw("Devis café", sender=f"Élodie <{who.capitalize()}>"))
	again = received(mailbox, raw("RE : devis  café", sender=who.upper()))
	assert (again.rule, again.reference_name) == ("subject", first.reference_name)


def test_a_folders_own_type_is_answered_by_subject_too(make_mailbox: Callable[..., Mailbox], who: str) -> None:
	"""Flaw 17: the hosts look at the account's type alone, which they hide for IMAP."""
	mailbox = make_mailbox(imap_folder=[{"folder_name": "INBOX", "append_to": "Opportunity"}])
	first = received(mailbox, raw("Devis café", sender=who))
	assert first.reference_doctype == "Opportunity"
	again = received(mailbox, raw("Re: Devis café", sender=who))
	assert (again.rule, again.reference_name) == ("subject", first.reference_name)


@pytest.mark.parametrize(
	("subject", "headers"),
	[
		("Devis café", {}),
		("Re: Devis", {}),
		("Re: %", {}),
		("Re:", {}),
		("Re: Devis café", {"sender": "autre-{0}"}),
		("Re: Devis café", {"sender": "autre-{0}", "Reply_To": "{0}"}),
		("Re: Devis café", {"sender": "autre-{0}", "X_Original_From": "{0}"}),
		("Re: Devis café", {"Precedence": "bulk"}),
	],
	ids=["no answer", "other subject", "wildcard", "no subject", "other sender", "reply-to", "x-original-from", "robot"],
)
def test_nobody_else_and_nothing_else_joins_by_subject(mailbox: Mailbox, who: str, subject: str, headers: dict[str, str]) -> None:
	first = received(mailbox, raw("Devis café", sender=who))
	other = received(mailbox, raw(subject, **{"sender": who} | {name: value.format(who) for name, value in headers.items()}))
	assert other.rule == "append_to"
	assert other.reference_name != first.reference_name


def test_who_looks_like_the_correspondent_joins_nothing_by_subject(mailbox: Mailbox, who: str) -> None:
	"""To the hosts' databases an accent is no difference."""
	first = received(mailbox, raw("Devis café", sender=f"e{who}"))
	false = f"From: é{who}\r\nSubject: =?utf-8?q?Re=3A_Devis_caf=C3=A9?=\r\n\r\nx\r\n".encode()
	assert received(mailbox, false).reference_name != first.reference_name
	assert received(mailbox, raw("Re: Devis café", sender=f"e{who}")).reference_name == first.reference_name


def test_a_subject_that_did_not_fit_its_field(mailbox: Mailbox, who: str) -> None:
	long = "Un sujet bien long " * 12
	first = received(mailbox, raw(long, sender=who))
	assert received(mailbox, raw(f"Re: {long}", sender=who)).reference_name == first.reference_name


def test_the_newest_of_several_documents_is_answered(mailbox: Mailbox, who: str) -> None:
	received(mailbox, raw("Commande", sender=who))
	second = received(mailbox, raw("Commande", sender=who))
	assert received(mailbox, raw("Re: Commande", sender=who)).reference_name == second.reference_name


def test_a_user_of_the_site_has_no_more_rights_by_subject(mailbox: Mailbox, who: str) -> None:
	"""Flaw 17: the host drops the check of the sender for its users' addresses, which anybody can write."""
	first = received(mailbox, raw("Un sujet assez long pour cela", sender=who))
	user = frappe.db.get_value("User", "Administrator", "email")
	other = received(mailbox, raw("Re: Un sujet assez long pour cela", sender=user))
	assert other.reference_name != first.reference_name


def test_a_document_that_nobody_touched_for_long_is_not_found_by_subject(mailbox: Mailbox, who: str) -> None:
	first = received(mailbox, raw("Devis", sender=who))
	frappe.db.set_value("Opportunity", first.reference_name, "modified", "2020-01-01 00:00:00", update_modified=False)
	frappe.db.commit()
	assert received(mailbox, raw("Re: Devis", sender=who)).rule == "append_to"


# Senders


def test_what_the_receiving_server_says_is_on_the_row_and_in_the_trace(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(append_to="Opportunity", authserv_id=SERVER)
	row = received(mailbox, signed(raw("un"), PASS))
	assert (row.authentication, row.authentication_reason) == ("pass", "dmarc=pass header.from=client.test")
	assert json.loads(row.trace)[0]["finding"] == "sender_pass"
	row = received(mailbox, signed(raw("deux"), FAIL))
	assert row.authentication == "fail"
	row = received(mailbox, signed(raw("trois"), FAIL.replace(SERVER, "mx.ailleurs.test")))
	assert row.authentication == "unknown"


def test_a_sender_who_is_not_himself_joins_nothing_by_subject(make_mailbox: Callable[..., Mailbox], who: str) -> None:
	mailbox = make_mailbox(append_to="Opportunity", authserv_id=SERVER, create_contact=1)
	first = received(mailbox, raw("Devis", sender=who))
	assert received(mailbox, signed(raw("Re: Devis", sender=who), FAIL)).reference_name != first.reference_name
	# nor does he draw the answer of the real one to what he began
	assert received(mailbox, signed(raw("Re: Devis", sender=who), PASS)).reference_name == first.reference_name
	pretender = f"pretendu-{who}"
	received(mailbox, signed(raw("autre", sender=pretender), FAIL))
	assert not frappe.db.exists("Contact Email", {"email_id": pretender})


def test_a_user_of_the_site_is_one_unless_the_server_says_otherwise(site: object) -> None:
	user = frappe.db.get_value("User", {"user_type": "System User", "enabled": 1}, "email")
	assert passes_for_colleague(user, "pass")
	assert passes_for_colleague(user.upper(), "unknown")
	assert not passes_for_colleague(user, "fail")
	assert not passes_for_colleague("inconnu@ailleurs.test", "pass")
	assert not passes_for_colleague("", "pass")


def test_who_is_not_himself_starts_nothing_on_the_document(
	make_mailbox: Callable[..., Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
	"""The host's class tells the document of each mail, which may reopen it; it is not told of this one."""
	told = []

	class Host(store.get_controller("Communication")):
		def on_update(self) -> None:
			told.append((self.subject, self.reference_name))
			above = getattr(super(), "on_update", None)
			if above:
				above()

	monkeypatch.setattr(store, "get_controller", lambda doctype: Host)
	mailbox = make_mailbox(append_to="Opportunity", authserv_id=SERVER)
	thread = f"{frappe.generate_hash(length=12)}@client.test"
	first = received(mailbox, raw("Devis", message_id=thread))
	false = received(mailbox, signed(raw("Re: Devis faux", In_Reply_To=f"<{thread}>"), FAIL))
	assert communication(false).reference_name == first.reference_name
	assert told == [("Devis", first.reference_name), ("Re: Devis faux", None)]


def test_a_server_is_learnt_from_the_accounts_own_mail(mailbox: Mailbox) -> None:
	for number in range(20):
		message = raw(f"un {number}", sender=f"a@client{number % 6}.test")
		mailbox.put(signed(message, f"{SERVER}; dmarc=pass header.from=client{number % 6}.test"))
	pull(mailbox)
	status = {"email_account": mailbox.account}
	assert frappe.db.get_value("Email Account Status", status, "learnt_server") == SERVER
	assert received(mailbox, signed(raw("faux"), FAIL)).authentication == "fail"
	# one message that the server did not sign, and it is not certain any more
	received(mailbox, raw("nu"))
	assert frappe.db.get_value("Email Account Status", status, "learnt_server") is None
	assert received(mailbox, signed(raw("faux"), FAIL)).authentication == "unknown"


# Junk


@pytest.mark.parametrize("sign", ["flag", "folder", "special use", "rule"])
def test_junk_is_put_on_no_document(make_mailbox: Callable[..., Mailbox], sign: str) -> None:
	folders = [{"folder_name": "INBOX"}, {"folder_name": "Junk"}, {"folder_name": "Divers"}]
	mailbox = make_mailbox(append_to="Opportunity", imap_folder=folders, create_contact=1)
	for name in ("Junk", "Divers"):
		mailbox.server.create_folder(mailbox.user, name)
	sender = f"{frappe.generate_hash(length=8)}@pourriel.test"
	first = received(mailbox, raw("Devis", message_id=f"{sender}.fil"))
	headers = {"X_Spam_Flag": "YES"} if sign == "flag" else {}
	if sign == "rule":
		frappe.get_doc({"doctype": "Email Rule", "email_id": sender, "is_spam": 1}).insert()
	if sign == "special use":
		status = frappe.db.get_value("Email Account Status", {"email_account": mailbox.account}, ["name", "special_folders"])
		known = json.loads(status[1]) | {"folders": {"Divers": ["\\junk"]}}
		frappe.db.set_value("Email Account Status", status[0], "special_folders", json.dumps(known))
	frappe.db.commit()
	opportunities = frappe.db.count("Opportunity")
	folder = {"folder": "Junk", "special use": "Divers"}.get(sign, "INBOX")
	headers |= {"In_Reply_To": f"<{sender}.fil>"}
	row = received(mailbox, raw("gagnez", sender=sender, **headers), folder=folder)
	assert (row.state, row.rule, row.reference_name) == ("Processed", "junk", None)
	assert row.junk
	mail = communication(row)
	assert (mail.email_status, mail.reference_name, mail.in_reply_to) == ("Spam", None, None)
	assert frappe.db.count("Opportunity") == opportunities
	assert not frappe.db.exists("Contact Email", {"email_id": sender})
	assert first.reference_name


# Conditions


def test_a_condition_of_the_account_and_of_a_folder(make_mailbox: Callable[..., Mailbox]) -> None:
	folders = [{"folder_name": "INBOX"}, {"folder_name": "Ventes", "append_condition": '"commande" in subject'}]
	mailbox = make_mailbox(append_to="Opportunity", append_condition='"devis" in subject | lower', imap_folder=folders)
	mailbox.server.create_folder(mailbox.user, "Ventes")
	assert received(mailbox, raw("Un DEVIS", message_id="cond@client.test")).rule == "append_to"
	row = received(mailbox, raw("Une question"))
	assert (row.state, row.rule, row.reference_name) == ("Processed", "condition", None)
	assert frappe.db.exists("Communication", row.communication)
	assert received(mailbox, raw("Un devis"), folder="Ventes").rule == "condition"
	assert received(mailbox, raw("Une commande"), folder="Ventes").rule == "append_to"
	# what answers is on its document whatever the condition says
	assert received(mailbox, raw("Re: autre", In_Reply_To="<cond@client.test>")).rule == "in_reply_to"


@pytest.mark.parametrize("expression", ["subject >", '"x" in subjet', "1/0"])
def test_a_condition_that_means_nothing_is_refused(make_mailbox: Callable[..., Mailbox], expression: str) -> None:
	with pytest.raises(frappe.ValidationError, match="condition"):
		make_mailbox(append_to="Opportunity", append_condition=expression)
	with pytest.raises(frappe.ValidationError, match="INBOX"):
		make_mailbox(imap_folder=[{"folder_name": "INBOX", "append_condition": expression}])


def test_a_condition_that_breaks_on_a_message_keeps_it_from_nothing(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(append_to="Opportunity", append_condition='not subject or to[2] == "x"')
	row = received(mailbox, raw("Une question"))
	assert (row.rule, row.reference_doctype) == ("append_to", "Opportunity")
	assert "to[2]" in row.reason
	assert [step["finding"] for step in json.loads(row.trace)][-2:] == ["broken", "decided"]


# What could not be processed


@pytest.fixture
def mandatory(site: object) -> Callable[[int], None]:
	"""Make a field of Opportunity mandatory that mail does not fill, or no longer."""

	def set_mandatory(value: int) -> None:
		frappe.db.delete("Property Setter", {"doc_type": "Opportunity", "field_name": "notes", "property": "reqd"})
		if value:
			setter = {"doc_type": "Opportunity", "field_name": "notes", "property": "reqd", "property_type": "Check"}
			frappe.get_doc({"doctype": "Property Setter", "doctype_or_field": "DocField", "value": "1", **setter}).insert()
		frappe.db.commit()
		frappe.clear_cache(doctype="Opportunity")

	yield set_mandatory
	set_mandatory(0)


def test_a_mandatory_field_that_mail_cannot_fill(mailbox: Mailbox, mandatory: Callable[[int], None]) -> None:
	mandatory(1)
	row = received(mailbox, raw("Devis"))
	assert (row.state, row.communication, row.reference_name) == ("Failed", None, None)
	assert "Notes" in row.reason
	mandatory(0)
	process_again([row.name])
	assert (last(mailbox).state, last(mailbox).reference_doctype) == ("Processed", "Opportunity")


def test_an_answer_to_what_failed_waits_and_joins_it(mailbox: Mailbox, mandatory: Callable[[int], None]) -> None:
	mandatory(1)
	root, second = (f"{frappe.generate_hash(length=12)}@client.test" for _number in range(2))
	parent = received(mailbox, raw("Devis", message_id=root))
	mandatory(0)
	opportunities = frappe.db.count("Opportunity")
	reply = received(mailbox, raw("Re: Devis", message_id=second, In_Reply_To=f"<{root}>"))
	assert (reply.state, reply.rule, reply.waits_for) == ("Processed", "waits", parent.name)
	assert communication(reply).reference_name is None
	third = received(mailbox, raw("Re: Devis", References=f"<{root}> <{second}>"))
	assert third.waits_for == parent.name
	assert frappe.db.count("Opportunity") == opportunities
	process_again([parent.name])
	rows = journal(mailbox)
	assert [row.state for row in rows] == ["Processed"] * 3
	assert len({row.reference_name for row in rows}) == 1
	assert frappe.db.count("Opportunity") == opportunities + 1
	for row in rows:
		assert communication(row).reference_name == rows[0].reference_name
		assert communication(row).status == "Linked"
		assert not row.waits_for
	assert [row.communication for row in rows][1:] == [reply.communication, third.communication]
	assert communication(rows[1]).in_reply_to == rows[0].communication


def test_an_answer_that_lies_before_what_it_answers_waits_for_it(make_mailbox: Callable[..., Mailbox]) -> None:
	"""Mail that was moved or copied has any date of arrival, and comes from any folder."""
	folders = [{"folder_name": "INBOX"}, {"folder_name": "Archives"}]
	mailbox = make_mailbox(append_to="Opportunity", imap_folder=folders)
	mailbox.server.create_folder(mailbox.user, "Archives")
	end = f"{frappe.generate_hash(length=12)}@client.test"
	mailbox.put(raw("Re: Devis", message_id=f"c{end}", References=f"<a{end}> <b{end}>"))
	mailbox.put(raw("Re: Devis", message_id=f"b{end}", In_Reply_To=f"<a{end}>"), raw("autre"))
	mailbox.put(raw("Devis", message_id=f"a{end}"), folder="Archives")
	pull(mailbox)
	by_id = {row.message_id: row for row in journal(mailbox)}
	thread = [by_id[f"{name}{end}"] for name in "abc"]
	assert [row.rule for row in thread] == ["append_to", "in_reply_to", "references"]
	assert len({row.reference_name for row in thread}) == 1
	assert len({row.reference_name for row in by_id.values()}) == 2


def test_unrelated_mail_in_any_order_is_placed_alike(make_mailbox: Callable[..., Mailbox]) -> None:
	subjects = ["Devis", "Commande", "Re: Devis", "Facture", "Re: Commande"]
	outcomes = []
	for order in (subjects, ["Facture", "Commande", "Re: Commande", "Devis", "Re: Devis"]):
		mailbox = make_mailbox(append_to="Opportunity")
		sender = f"{frappe.generate_hash(length=8)}@client.test"
		for subject in order:
			received(mailbox, raw(subject, sender=sender))
		rows = {row.subject: row for row in journal(mailbox)}
		assert rows["Re: Devis"].reference_name == rows["Devis"].reference_name
		assert rows["Re: Commande"].reference_name == rows["Commande"].reference_name
		outcomes.append({subject: (row.rule, row.state, row.reference_doctype) for subject, row in rows.items()})
	assert outcomes[0] == outcomes[1]
