"""What a queued mail is made of, on every host: who sends, signatures, footers, link, fields of the thread, pictures."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import frappe
import pytest
from frappe.utils import get_url, now_datetime

from dokos_mail import host
from dokos_mail.api import account_status
from dokos_mail.engine.message.model import Message as Read
from dokos_mail.engine.message.parse import parse
from dokos_mail.engine.send.extents import Extents, bare
from dokos_mail.outbound import host_body, links
from dokos_mail.outbound.compose import complete
from dokos_mail.outbound.render import for_recipient
from dokos_mail.outbound.sender import domains_that_fail, envelope_sender
from tests.conftest import Site

pytestmark = pytest.mark.usefixtures("ground")

PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
JEAN = "jean.dupond@masociete.test"
USERS = "<div class='ql-editor read-mode'><p>Jean Dupond</p><p>Ventes</p></div>"
ACCOUNTS = "<p>Ma Société de Test</p>"


@pytest.fixture
def ground(site: Site) -> Iterator[None]:
	"""A user who signs, and no account that sends but those of the test. Undone by the rollback after it."""
	for hook in frappe.get_hooks("before_job"):
		frappe.get_attr(hook)()
	for name in frappe.get_all("Email Account", pluck="name"):
		frappe.db.set_value("Email Account", name, {"enable_outgoing": 0, "enable_incoming": 0})
	frappe.get_doc(
		{
			"doctype": "User",
			"email": JEAN,
			"first_name": "Jérôme",
			"last_name": "Dupond",
			"send_welcome_email": 0,
			"email_signature": USERS,
			"roles": [{"role": "System Manager"}],
		}
	).insert(ignore_permissions=True)
	frappe.db.set_default("email_footer_address", "12 rue des Lilas\n75000 Paris")
	frappe.local.outgoing_email_account = {}
	yield
	frappe.set_user("Administrator")
	frappe.db.rollback()


def account(address: str = "contact@masociete.test", **values: object) -> frappe._dict:
	given = {
		"doctype": "Email Account",
		"email_id": address,
		"email_account_name": address.partition("@")[0].title(),
		"enable_outgoing": 1,
		"smtp_server": "localhost",
		"no_smtp_authentication": 1,
		"default_outgoing": 1,
		"send_unsubscribe_message": 0,
		"track_email_status": 0,
		"password": "secret",
	}
	if values.get("enable_incoming"):
		given |= {"use_imap": 1, "email_server": "localhost"}
	return frappe.get_doc(given | values).insert()


def last() -> frappe._dict:
	name = frappe.get_all("Email Queue", pluck="name", order_by="creation desc", limit=1)[0]
	return frappe.get_doc("Email Queue", name)


def queued(**values: object) -> frappe._dict:
	"""The row of a mail sent by code."""
	before = set(frappe.get_all("Email Queue", pluck="name"))
	given = {"recipients": ["client@x.test"], "subject": "Avis", "message": "<p>Bonjour</p>"}
	frappe.sendmail(**(given | values))
	(name,) = set(frappe.get_all("Email Queue", pluck="name")) - before
	return frappe.get_doc("Email Queue", name)


@pytest.fixture
def todo() -> frappe._dict:
	return frappe.get_doc({"doctype": "ToDo", "description": "x"}).insert()


def composed(todo: frappe._dict, content: str = "<p>Bonjour</p>", **values: object) -> frappe._dict:
	"""The row of a mail that a user wrote, as the desk's composer sends it."""
	reply_to = values.pop("reply_to", None)
	given = {
		"doctype": "Communication",
		"communication_type": "Communication",
		"communication_medium": "Email",
		"sent_or_received": "Sent",
		"subject": "Devis",
		"content": content,
		"sender": JEAN,
		"sender_full_name": "Jérôme Dupond",
		"recipients": "Client É <client@x.test>",
		"reference_doctype": "ToDo",
		"reference_name": todo.name,
		"user": JEAN,
		"message_id": frappe.generate_hash(length=10) + "@masociete.test",
	}
	found = frappe.get_doc(given | values).insert(ignore_permissions=True)
	return queued(
		sender=f"{found.sender_full_name} <{found.sender}>",
		recipients=found.recipients,
		cc=found.cc or None,
		bcc=found.bcc or None,
		reply_to=reply_to,
		subject=found.subject,
		content=found.content,
		message=None,
		reference_doctype="ToDo",
		reference_name=todo.name,
		communication=found.name,
		message_id=found.message_id,
		expose_recipients="header",
	)


def received(todo: frappe._dict, to: str, **values: object) -> frappe._dict:
	given = {
		"doctype": "Communication",
		"communication_type": "Communication",
		"communication_medium": "Email",
		"sent_or_received": "Received",
		"subject": "Devis",
		"content": "x",
		"sender": "client@x.test",
		"recipients": to,
		"reference_doctype": "ToDo",
		"reference_name": todo.name,
		"message_id": frappe.generate_hash(length=10) + "@x.test",
		"communication_date": now_datetime() - timedelta(hours=1),
	}
	return frappe.get_doc(given | values).insert(ignore_permissions=True)


def copy_for(row: frappe._dict, recipient: str = "client@x.test") -> tuple[Read, bytes]:
	raw = for_recipient(row, recipient)
	assert b"\n" not in raw.replace(b"\r\n", b"") and max(map(len, raw.split(b"\r\n"))) <= 998
	message = parse(raw)
	assert message.defects == []
	return message, raw


def from_(row: frappe._dict) -> tuple[str, str]:
	found = copy_for(row)[0].from_[0]
	return found.name, found.address


def in_order(html: str, *texts: str) -> bool:
	found = [Extents(html).words.find(bare(text)) for text in texts]
	return -1 not in found and found == sorted(found) and all(Extents(html).words.count(bare(text)) == 1 for text in texts)


def as_words(text: str) -> str:
	return text.replace("&", "&amp;").replace("<", "&lt;")


# Who sends


@pytest.mark.parametrize(
	("address_box", "name_box", "expected"),
	[
		(0, 0, ("Jérôme Dupond", JEAN)),
		(1, 0, ("contact@masociete.test", "contact@masociete.test")),
		(0, 1, ("Contact", JEAN)),
		(1, 1, ("Contact", "contact@masociete.test")),
	],
)
def test_the_two_boxes(todo: frappe._dict, address_box: int, name_box: int, expected: tuple[str, str]) -> None:
	account(always_use_account_email_id_as_sender=address_box, always_use_account_name_as_sender_name=name_box)
	row = composed(todo)
	assert from_(row) == expected
	assert b"X-Original-From" not in copy_for(row)[1], "nor is the sender that a box hides shown by a field of the host's"
	assert envelope_sender(row) == row.envelope_sender == "contact@masociete.test"


def test_a_user_sends_through_the_own_account(todo: frappe._dict) -> None:
	account()
	assert composed(todo).email_account == "Contact"
	account(JEAN, default_outgoing=0, email_account_name="Jean")
	assert composed(todo).email_account == "Jean"
	assert queued().email_account == "Contact", "automatic mail"
	frappe.db.set_value("Email Account", "Jean", "awaiting_password", 1)
	assert composed(todo).email_account == "Contact", "an account that waits for its password sends nothing"
	frappe.db.set_value("Email Account", "Jean", {"awaiting_password": 0, "enable_outgoing": 0})
	assert composed(todo).email_account == "Contact", "nor does one that only receives"


def test_an_account_of_the_users_inbox_is_the_users_own(todo: frappe._dict) -> None:
	account()
	account("ventes@masociete.test", default_outgoing=0)
	assert composed(todo).email_account == "Contact"
	inbox = {"doctype": "User Email", "parent": JEAN, "parenttype": "User", "parentfield": "user_emails", "idx": 1}
	frappe.get_doc({**inbox, "email_account": "Ventes", "email_id": "ventes@masociete.test"}).db_insert()
	assert composed(todo).email_account == "Ventes"


def test_mail_about_a_document_leaves_where_answers_to_it_come_in(todo: frappe._dict) -> None:
	"""Also where a folder of the account, and not the account, feeds the document's type."""
	account()
	folders = [{"folder_name": "INBOX"}, {"folder_name": "Demandes", "append_to": "Opportunity"}]
	account("ventes@masociete.test", default_outgoing=0, enable_incoming=1, imap_folder=folders)
	about = frappe.get_doc({"doctype": "Opportunity", "title": "Rénovation"}).insert()
	assert queued(reference_doctype="Opportunity", reference_name=about.name).email_account == "Ventes"
	assert queued(reference_doctype="ToDo", reference_name=todo.name).email_account == "Contact"


def test_what_a_program_sends_while_a_user_works_is_nobodys_own(todo: frappe._dict) -> None:
	account()
	account(JEAN, default_outgoing=0, email_account_name="Jean")
	frappe.set_user(JEAN)
	row = queued()
	assert (row.email_account, from_(row)) == ("Contact", ("Contact", "contact@masociete.test"))


def test_the_default_found_first_is_not_what_others_get(todo: frappe._dict) -> None:
	"""The host remembers the default account and then gives it whoever asks (flaw 38)."""
	account()
	account(JEAN, default_outgoing=0, email_account_name="Jean")
	assert [queued().email_account, composed(todo).email_account, queued(sender=JEAN).email_account] == [
		"Contact",
		"Jean",
		"Jean",
	]


def test_replies_go_to_the_default_incoming_account(todo: frappe._dict) -> None:
	"""And not to whichever account the host finds first (flaw 39)."""
	account()
	account("autre@masociete.test", enable_outgoing=0, enable_incoming=1, default_outgoing=0, smtp_server="")
	account(
		"reponses@masociete.test", enable_outgoing=0, enable_incoming=1, default_incoming=1, default_outgoing=0, smtp_server=""
	)
	for guess in ({}, {"reply_to": "autre@masociete.test"}):
		found = copy_for(composed(todo, **guess))[0].reply_to
		assert [each.address for each in found] == ["reponses@masociete.test"], (
			"what the host puts in for a composed mail is a guess"
		)
	assert [each.address for each in copy_for(queued(reply_to="moi@x.test"))[0].reply_to] == ["moi@x.test"]
	frappe.db.set_value("Email Account", "Contact", "enable_incoming", 1)
	assert copy_for(composed(todo))[0].reply_to == []


def test_an_answer_leaves_from_the_address_written_to(todo: frappe._dict) -> None:
	account()
	account("commercial@masociete.test", default_outgoing=0, enable_incoming=1)
	first = received(todo, "x@y.test", message_id="premier@x.test")
	asked = received(todo, "Commercial <commercial@masociete.test>", in_reply_to=first.name)
	row = composed(todo, subject="Re: Devis")
	message, _raw = copy_for(row)
	assert (row.email_account, from_(row)) == ("Commercial", ("Jérôme Dupond", "commercial@masociete.test"))
	assert (message.in_reply_to, message.references) == (asked.message_id, ["premier@x.test", asked.message_id])
	assert frappe.db.get_value("Communication", row.communication, ["email_account", "in_reply_to"]) == ("Commercial", asked.name)
	other = copy_for(composed(todo, subject="Facture"))[0]
	assert (other.in_reply_to, other.references) == (None, []), "another subject is no answer"


def test_an_answer_is_known_by_what_it_says_it_answers(todo: frappe._dict) -> None:
	"""By In-Reply-To, as code gives it, and by the Communication's own link, under whatever subject."""
	account()
	account("commercial@masociete.test", default_outgoing=0)
	asked = received(todo, "commercial@masociete.test", message_id="demande@x.test")
	by_code = queued(sender=JEAN, in_reply_to="demande@x.test", subject="Tout autre chose")
	by_link = composed(todo, in_reply_to=asked.name, subject="Encore autre chose")
	for row in (by_code, by_link):
		assert (row.email_account, copy_for(row)[0].in_reply_to) == ("Commercial", "demande@x.test")
	assert queued(sender=JEAN, subject="Tout autre chose").email_account == "Contact"


def test_an_answer_to_a_blind_copy_leaves_from_the_account_that_received_it(todo: frappe._dict) -> None:
	account()
	account("commercial@masociete.test", default_outgoing=0, enable_incoming=1)
	received(todo, "quelqu'un@ailleurs.test", email_account="Commercial")
	assert from_(composed(todo, subject="Re: Devis")) == ("Jérôme Dupond", "commercial@masociete.test")


def test_to_comes_before_cc(todo: frappe._dict) -> None:
	account()
	for name in ("achats", "ventes"):
		account(f"{name}@masociete.test", default_outgoing=0)
	received(todo, "ventes@masociete.test", cc="achats@masociete.test")
	assert composed(todo, subject="Re: Devis").email_account == "Ventes"


def test_a_message_made_elsewhere_is_made_whole() -> None:
	account(add_signature=1, signature=ACCOUNTS)
	row = frappe.get_doc(
		{
			"doctype": "Email Queue",
			"message": "Subject: =?utf-8?q?=C3=89t=C3=A9?=\n\nBonjour",
			"recipients": [{"recipient": "client@x.test"}],
		}
	).insert(ignore_permissions=True)
	message, _raw = copy_for(row)
	assert message.from_[0].address == "contact@masociete.test" and message.message_id == row.message_id
	assert message.subject == "Été" and "<title>Été</title>" in message.html
	assert in_order(message.html, "Bonjour", "Ma Société de Test") and in_order(as_words(message.text), "Bonjour", "Ma Société")


def test_a_text_of_its_own_is_signed_as_well() -> None:
	"""An app's text that is not what its HTML says is kept; it gets what the HTML gets."""
	account(add_signature=1, signature=ACCOUNTS, footer="<p>Pied du compte</p>")
	both = MIMEMultipart("alternative")
	for kind, words in (("plain", "Écrit pour ceux qui lisent sans HTML."), ("html", "<p>Une offre</p>")):
		both.attach(MIMEText(words, kind, "utf-8"))
	row = frappe.get_doc(
		{"doctype": "Email Queue", "message": both.as_string(), "recipients": [{"recipient": "client@x.test"}]}
	).insert(ignore_permissions=True)
	message, _raw = copy_for(row)
	assert in_order(as_words(message.text), "Écrit pour ceux qui lisent sans HTML", "Ma Société de Test", "Pied du compte")
	assert in_order(message.html, "Une offre", "Ma Société de Test", "Pied du compte")


def test_users_are_shown_a_received_mail_by_us_not_by_its_writer(todo: frappe._dict) -> None:
	"""The host sends such notices under the writer's own address, which fails the DMARC of that address."""
	account(enable_incoming=1, add_signature=1, signature=ACCOUNTS)
	mail = received(todo, "contact@masociete.test", sender=JEAN, sender_full_name="Jean Client")
	row = queued(
		sender=f"Jean Client <{JEAN}>",
		recipients=["collegue@x.test"],
		communication=mail.name,
		message="<p>Bonjour</p>",
		subject="Devis",
	)
	message, _raw = copy_for(row, "collegue@x.test")
	assert from_(row) == ("Jean Client (Contact)", "contact@masociete.test")
	assert message.reply_to == [] and "Dupond" not in message.text and message.auto_submitted


def test_a_mail_that_cannot_be_dressed_goes_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
	account()

	def fails(*_args: object) -> str:
		raise RuntimeError("panne")

	monkeypatch.setattr("dokos_mail.engine.send.closing.sign", fails)
	logged = frappe.db.count("Error Log")
	message, _raw = copy_for(queued(message="<p>Bonjour</p>"))
	assert "Bonjour" in message.html and message.from_[0].address == "contact@masociete.test"
	assert frappe.db.count("Error Log") == logged + 1


def test_code_that_sends_in_passing_is_not_broken_where_no_account_sends() -> None:
	before = list(frappe.local.message_log)
	row = queued(message="<p>Bonjour</p>")
	assert (row.status, row.email_account) == ("Not Sent", None)
	assert list(frappe.local.message_log) == before
	account(footer="<p>Pied du compte</p>")
	complete(row)
	message, _raw = copy_for(row)
	assert message.from_[0].address == "contact@masociete.test" and "Pied du compte" in message.text
	assert row.email_account == "Contact"


# Signatures, footers, link


def test_signatures_and_footers_in_order_once_each(todo: frappe._dict) -> None:
	account(add_signature=1, signature=ACCOUNTS, footer="<p>Pied du compte</p>", send_unsubscribe_message=1)
	frappe.db.set_value("User", JEAN, "language", "fr")
	order = ["Bonjour", "Jean DupondVentes", "Ma Société de Test", "Pied du compte", "12 rue des Lilas75000 Paris"]
	for row in (composed(todo), composed(todo, f"<p>Bonjour</p><br>{USERS}"), queued(sender=f"Jérôme Dupond <{JEAN}>")):
		message, _raw = copy_for(row)
		assert in_order(message.html, *order)
		assert in_order(as_words(message.text), *order)
	automatic, _raw = copy_for(queued())
	assert in_order(automatic.html, "Bonjour", "Ma Société de Test", "Pied du compte") and "Dupond" not in automatic.text
	frappe.db.set_value("Email Account", "Contact", "add_signature", 0)
	assert "Ma Société de Test" not in copy_for(queued())[0].html, "only where the account's box says so"


def test_what_was_written_is_kept_without_signatures(todo: frappe._dict) -> None:
	"""They are the mail's; a host that knows one of them would write it into the document, below what its editor made."""
	account(add_signature=1, signature=ACCOUNTS)
	written = '<div class="ql-editor read-mode"><p>Bonjour</p></div>'
	row = composed(todo, written)
	assert frappe.db.get_value("Communication", row.communication, "content") == written
	assert in_order(copy_for(row)[0].html, "Bonjour", "Ventes", "Ma Société de Test")


def test_the_hosts_standard_footer_is_the_last_of_three(todo: frappe._dict, monkeypatch: pytest.MonkeyPatch) -> None:
	account(footer="<p>Pied du compte</p>", send_unsubscribe_message=1)
	hooks = frappe.get_hooks

	def with_footer(hook: str | None = None, *args: object, **kwargs: object) -> object:
		return ["<b>Pied standard</b>"] if hook == "default_mail_footer" else hooks(hook, *args, **kwargs)

	monkeypatch.setattr(frappe, "get_hooks", with_footer)
	frappe.db.set_default("disable_standard_email_footer", 0)
	link = "Unsubscribe from these emails"
	assert in_order(copy_for(composed(todo))[0].html, "Pied du compte", "12 rue des Lilas", "Pied standard", link)
	frappe.db.set_default("disable_standard_email_footer", 1)
	assert "Pied standard" not in copy_for(composed(todo))[0].html


def test_the_link_is_in_every_mail_of_the_account_and_ones_own(todo: frappe._dict) -> None:
	account(send_unsubscribe_message=1)
	frappe.db.set_value("User", JEAN, "language", "fr")
	for row in (composed(todo), queued(), queued(reference_doctype="ToDo", reference_name=todo.name)):
		for recipient in ("client@x.test", "autre@x.test"):
			message, _raw = copy_for(row, recipient)
			(token,) = re.findall(r'href="[^"]*\?token=([^"]+)"[^>]*>Unsubscribe from these emails<', message.html)
			assert token in message.text
			ticket = links.verify(token, "unsubscribe")
			assert (ticket.recipient, ticket.queue, ticket.account) == (recipient, row.name, "Contact")
	french = queued(recipients=[JEAN])
	assert "Se désinscrire" in copy_for(french, JEAN)[0].text
	frappe.db.set_value("Email Account", "Contact", "send_unsubscribe_message", 0)
	assert "token=" not in copy_for(queued())[0].html


def test_programs_mail_offers_unsubscribing_to_mail_programs(todo: frappe._dict, monkeypatch: pytest.MonkeyPatch) -> None:
	account(send_unsubscribe_message=1)
	message, _raw = copy_for(composed(todo))
	assert message.header("List-Unsubscribe") is None and message.header("Auto-Submitted") is None
	message, _raw = copy_for(queued())
	assert re.fullmatch(r"<http[^>]+token=[\w-]+>", message.header("List-Unsubscribe"))
	assert message.header("Auto-Submitted") == "auto-generated" and "OOF" in message.header("X-Auto-Response-Suppress")
	monkeypatch.setattr(links, "get_url", lambda path="": f"http://site.test{path}")
	message, _raw = copy_for(queued())
	assert message.header("List-Unsubscribe").startswith("<http://") and message.header("List-Unsubscribe-Post") is None
	monkeypatch.setattr(links, "get_url", lambda path="": f"https://site.test{path}")
	message, _raw = copy_for(queued())
	assert message.header("List-Unsubscribe").startswith("<https://site.test/")
	assert message.header("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
	row = queued()
	# a page of an app's own shows something at a POST as well, and does nothing
	row.unsubscribe_method = "/une-page-a-elle"
	message, _raw = copy_for(row)
	assert (message.header("List-Unsubscribe-Post") is None) == host.owns_mail()
	monkeypatch.setattr(links, "get_url", lambda path="": f"http://site.test{path}")
	message, _raw = copy_for(queued())
	assert message.header("List-Unsubscribe").startswith("<http://site.test/")
	assert message.header("List-Unsubscribe-Post") is None, "RFC 8058 section 3.1 asks for HTTPS"


def test_a_token_is_good_for_one_purpose_and_unchanged_only() -> None:
	account(send_unsubscribe_message=1)
	token = links.sign(links.ticket_for(queued(), "Client@x.test", "unsubscribe"))
	assert links.verify(token, "unsubscribe").recipient == "client@x.test"
	assert links.verify(token, "pixel") is None
	for number in range(len(token)):
		changed = token[:number] + ("A" if token[number] != "A" else "B") + token[number + 1 :]
		assert links.verify(changed, "unsubscribe") is None
	for junk in ("", "x", "é", "=" * 50, token[:-1], token + "A", None, ["x"], "A" * 5000):
		assert links.verify(junk, "unsubscribe") is None


def test_the_pixel_is_the_recipients_own_and_only_where_wanted(todo: frappe._dict) -> None:
	account(track_email_status=1)
	row = composed(todo)
	for recipient in ("client@x.test", "autre@x.test"):
		(token,) = re.findall(r"pixel\?token=([\w-]+)", copy_for(row, recipient)[0].html)
		ticket = links.verify(token, "pixel")
		assert (ticket.recipient, ticket.communication) == (recipient, row.communication)
	assert "pixel?" not in copy_for(queued())[0].html, "there is nothing to show it on"
	frappe.db.set_value("Email Account", "Contact", "track_email_status", 0)
	assert "pixel?" not in copy_for(composed(todo))[0].html


def test_the_brand_logo(todo: frappe._dict) -> None:
	account(brand_logo="https://masociete.test/logo.png")
	for row in (composed(todo), queued(with_container=True)):
		html = copy_for(row)[0].html
		assert html.count("https://masociete.test/logo.png") == 1
		assert html.index("logo.png") < html.index("Bonjour")


# Recipients


def test_blind_recipients_are_named_nowhere(todo: frappe._dict) -> None:
	"""Flaw 27: the host prints them where the recipients are shown in the footer."""
	account()
	people = {"recipients": ["a@x.test", "b@x.test"], "cc": ["c@x.test"], "bcc": ["cache@x.test"]}
	for row in (queued(expose_recipients="footer", **people), queued(expose_recipients="header", **people), queued(**people)):
		assert "cache@x.test" in [each.recipient for each in row.recipients]
		for recipient in ("a@x.test", "c@x.test"):
			_message, raw = copy_for(row, recipient)
			message = parse(raw)
			assert "cache" not in f"{message.headers}{message.text}{message.html}"
	shown = copy_for(queued(expose_recipients="footer", **people))[0]
	assert "This email was sent to" in shown.text and "a@x.test" in shown.text and "c@x.test" in shown.html


def test_a_mail_to_nobody_but_copies_has_a_to(todo: frappe._dict) -> None:
	"""Some filters take a message without that field for spam."""
	account()
	row = queued(recipients=[], cc=["c@x.test"], expose_recipients="header")
	message, _raw = copy_for(row, "c@x.test")
	assert message.header("To") == "undisclosed-recipients:;" and [each.address for each in message.cc] == ["c@x.test"]


def test_to_and_cc_as_the_sender_wrote_them(todo: frappe._dict) -> None:
	account()
	row = composed(todo, recipients="Zoé <z@x.test>, Client É <client@x.test>", cc="Ami <ami@x.test>", bcc="cache@x.test")
	message, raw = copy_for(row, "cache@x.test")
	assert [(each.name, each.address) for each in message.to] == [("Zoé", "z@x.test"), ("Client É", "client@x.test")]
	assert [(each.name, each.address) for each in message.cc] == [("Ami", "ami@x.test")]
	assert b"cache@x.test" not in raw and message.bcc == []


@pytest.mark.parametrize(
	"subject",
	[
		"Réunion du 12 — ordre du jour définitif pour l'assemblée générale des copropriétaires de l'immeuble",
		"日本語 " * 20 + "fin",
		"a" * 120,
	],
)
def test_subjects_come_out_as_they_went_in(todo: frappe._dict, subject: str) -> None:
	account()
	assert copy_for(queued(subject=subject))[0].subject == subject.strip()


def test_a_mail_for_later_bears_the_time_it_is_sent() -> None:
	account()
	later = (now_datetime() + timedelta(days=3)).replace(microsecond=0)
	row = queued(send_after=later)
	date = copy_for(row)[0].date
	# the days in between may have a change of summer time
	assert abs(date - datetime.now(timezone.utc) - timedelta(days=3)) < timedelta(minutes=65)
	assert copy_for(queued())[0].date.timestamp() < date.timestamp()


def test_links_to_the_site_lead_there_from_anywhere(todo: frappe._dict) -> None:
	account(footer="<p><a href='/conditions'>Conditions</a></p>")
	message, _raw = copy_for(composed(todo, "<p><a href='/app/todo'>x</a> <a href='https://x.test/y'>y</a></p>"))
	assert all(f'href="{each}"' in message.html for each in (get_url("/app/todo"), get_url("/conditions"), "https://x.test/y"))
	assert get_url("/conditions") in message.text


def test_a_mail_in_the_name_of_the_account_has_its_users_signature(todo: frappe._dict) -> None:
	"""The composer lets a user write from an address of a team: whoever wrote it signs."""
	account(add_signature=1, signature=ACCOUNTS)
	message, _raw = copy_for(composed(todo, sender="contact@masociete.test", sender_full_name="Contact"))
	assert in_order(message.html, "Bonjour", "Jean DupondVentes", "Ma Société de Test")


# Pictures, attachments, other apps


def test_pictures_of_the_site_travel_in_the_mail(todo: frappe._dict) -> None:
	account()
	urls = [
		frappe.get_doc(
			{"doctype": "File", "file_name": f"image{private}.png", "content": PNG + bytes([private]), "is_private": private}
		)
		.insert()
		.file_url
		for private in (0, 1)
	]
	others = f"https://ailleurs.test{urls[1]}"
	html = "".join(f'<p>x<img src="{each}"></p>' for each in [*urls, get_url(urls[1]), others])
	message, _raw = copy_for(composed(todo, html))
	assert sorted(each.content for each in message.attachments) == [PNG + b"\0", PNG + b"\1"]
	assert message.html.count("cid:") == 3 and others in message.html, "another site's picture is another one"
	bulk, _raw = copy_for(queued(message=html))
	assert [each.content for each in bulk.attachments] == [PNG + b"\1"], "what everybody may load stays a link in programs' mail"


def test_a_picture_that_the_sender_may_not_read_stays_out(todo: frappe._dict) -> None:
	account()
	secret = (
		frappe.get_doc({"doctype": "File", "file_name": "secret.png", "content": PNG + b"2", "is_private": 1}).insert().file_url
	)
	user = frappe.get_doc(
		{"doctype": "User", "email": "stagiaire@masociete.test", "first_name": "S", "send_welcome_email": 0}
	).insert(ignore_permissions=True)
	frappe.set_user(user.name)
	message, _raw = copy_for(queued(message=f'<p>x<img src="{secret}"></p>', sender="stagiaire@masociete.test"))
	assert message.attachments == []


def test_no_file_is_read_but_the_sites_own_pictures(site: Site, todo: frappe._dict) -> None:
	"""Flaw 23: the host puts in whatever ``embed=`` names, and loads what a ``<link>`` names."""
	account()
	outside = site.path / "private" / "dehors.png"
	outside.write_bytes(PNG)
	notes = frappe.get_doc(
		{"doctype": "File", "file_name": "notes.txt", "content": b"what is no picture", "is_private": 0}
	).insert()
	try:
		assert host_body.picture_of_site(notes.file_url) is None
		for path in (
			"site_config.json",
			f"{site.name}/site_config.json",
			"/etc/hostname",
			"private/files/../dehors.png",
			str(outside),
		):
			html = f'<p data-embed="{path}">a</p><img embed="{path}"><img src="/private/files/../dehors.png">'
			html += f'<img src="/files/../../private/dehors.png"><link rel="stylesheet" href="{outside.as_uri()}">'
			message, raw = copy_for(queued(message=html))
			assert message.attachments == [] and b"cid:" not in raw and b"<link" not in raw
			assert host_body.picture_of_site(path) is None
	finally:
		outside.unlink()


def test_a_process_that_runs_no_hook_reads_no_file_either(site: Site) -> None:
	"""`bench console` and `bench execute` are neither a request nor a job."""
	# the other process brings what it needs, and writes
	frappe.db.rollback()
	style, picture = site.path / "private" / "dehors.css", site.path / "private" / "dehors.png"
	style.write_text("p { color: #123456 }")
	picture.write_bytes(PNG)
	html = f'<link rel="stylesheet" href="{style.as_uri()}"><p>x</p><img embed="{picture}"><img embed="/etc/hostname">'
	code = f"""
frappe.set_user("Administrator")
frappe.get_doc({{"doctype": "Email Account", "email_id": "seul@masociete.test", "email_account_name": "Seul", "enable_outgoing": 1,
	"smtp_server": "localhost", "no_smtp_authentication": 1, "default_outgoing": 1}}).insert()
frappe.sendmail(recipients=["client@x.test"], subject="Sans crochet", message={html!r})
print(frappe.get_all("Email Queue", filters={{"message": ("like", "%Sans crochet%")}}, pluck="message", order_by="creation desc")[0])
"""
	try:
		made = site.python(code).stdout
	finally:
		style.unlink()
		picture.unlink()
	assert "Sans crochet" in made
	for never in ("#123456", "cid:", "Content-ID", "image/png", "<link"):
		assert never not in made


def test_attachments_are_read_when_the_mail_is_sent() -> None:
	account()
	file = frappe.get_doc({"doctype": "File", "file_name": "Relevé.bin", "content": b"\x00\xff1", "is_private": 1}).insert()
	row = queued(attachments=[{"fid": file.name}, {"fname": "été.txt", "fcontent": "contenu é"}])
	found = {each.name: each.content for each in copy_for(row)[0].attachments}
	assert found.pop("été.txt").decode() == "contenu é"
	((name, content),) = found.items()
	assert content == b"\x00\xff1" and name.startswith("Relevé")


def test_other_apps_take_part_and_harm_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
	account()
	hooks = frappe.get_hooks

	def raises(message: Message, *_rest: object) -> None:
		message["X-Half"] = "1"
		frappe.get_doc({"doctype": "ToDo", "description": "à moitié"}).insert()
		raise ValueError("panne")

	def takes_part(message: Message, queue: frappe._dict, recipient: str) -> None:
		message["X-Tag"] = f"{queue.doctype} {recipient}"

	functions = {"crm.raises": raises, "crm.takes_part": takes_part}
	attr = frappe.get_attr
	monkeypatch.setattr(
		frappe,
		"get_hooks",
		lambda hook=None, *args, **kwargs: list(functions) if hook == "mail_before_send" else hooks(hook, *args, **kwargs),
	)
	monkeypatch.setattr(frappe, "get_attr", lambda name: functions.get(name) or attr(name))
	logged = frappe.db.count("Error Log")
	message, _raw = copy_for(queued())
	assert message.header("X-Tag") == "Email Queue client@x.test" and message.header("X-Half") is None
	assert frappe.db.count("Error Log") == logged + 1
	assert not frappe.db.exists("ToDo", {"description": "à moitié"})
	errors = frappe.get_all("Error Log", filters={"method": ("like", "%crm.raises%")}, pluck="error")
	assert "panne" in errors[0]


def test_a_row_is_completed_once() -> None:
	account(add_signature=1, signature=ACCOUNTS)
	row = queued()
	before = row.message
	complete(row)
	assert row.message == before
	again = frappe.copy_doc(row).insert(ignore_permissions=True)
	assert copy_for(again)[0].text.count("Ma Société de Test") == 1


def test_domains_whose_mail_will_fail(todo: frappe._dict) -> None:
	made = account(JEAN.replace("masociete", "autre"))
	assert "masociete.test" in domains_that_fail(made)
	(line,) = [each for each in account_status(made.name)["lines"] if "DMARC" in each["text"]]
	assert "masociete.test" in line["text"]
	made.always_use_account_email_id_as_sender = 1
	assert domains_that_fail(made) == []
