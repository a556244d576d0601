"""What a stranger writes in a mail reads no file of ours, reaches nobody else's mail, and takes no more than its share."""

from __future__ import annotations

import json
import re
from email.message import EmailMessage

import frappe
import pytest
from werkzeug.exceptions import Forbidden

from dokos_mail.inbound.place import MOST_ANCESTORS
from tests.app.test_pull import communication, journal, pull
from tests.mailbox import Mailbox, raw

#: What the hosts take for a file to be enclosed when such a text goes out again in a reply or a notification.
HOSTS_PATTERN = re.compile("""embed=["'](.*?)["']""")
STRANGER = "curieux@masociete.test"


def with_html(html: str) -> bytes:
	mail = EmailMessage()
	mail["From"], mail["Subject"] = "a@client.test", "piège"
	mail.set_content("texte")
	mail.add_alternative(html, subtype="html")
	return mail.as_bytes()


@pytest.mark.parametrize(
	"message",
	[
		raw("piège", 'Voici : embed="site_config.json" merci\n> embed="../x"\n'),
		raw("piège", "Voici : embed='site_config.json' merci\n"),
		with_html("<p>embed=\"site_config.json\" <b>embed=</b>'x'</p>"),
		with_html("<p>embed=&quot;site_config.json&quot; embed&#61;&#39;x&#39;</p>"),
		with_html("""<a href="https://a.test/?embed='site_config.json'" title="embed='x'">lien</a>"""),
		with_html("""<img alt="embed='x'" src="https://a.test/embed='x'.png"><div data-embed="x" embed='x'>a</div>"""),
	],
	ids=["text", "text in single quotes", "html", "entities", "link", "attributes"],
)
def test_no_file_is_enclosed_when_the_text_goes_out_again(mailbox: Mailbox, message: bytes) -> None:
	mailbox.put(message)
	pull(mailbox)
	(row,) = journal(mailbox)
	assert not HOSTS_PATTERN.search(communication(row).content)


@pytest.mark.parametrize(
	"html",
	[
		'"<script>alert(1)</script><img src=x onerror=alert(1)><form action=https://evil.test>"',
		'{"a": "<script>alert(1)</script>", "b": "<p style=\'position:fixed\' onclick=alert(1)>"}',
	],
	ids=["a string", "an object"],
)
def test_html_that_the_hosts_take_for_json_is_sanitised(mailbox: Mailbox, html: str) -> None:
	"""Flaw 29: their own sanitiser gives such a text back untouched."""
	mailbox.put(b"From: a@client.test\r\nSubject: x\r\nContent-Type: text/html\r\n\r\n" + html.encode() + b"\r\n")
	pull(mailbox)
	(row,) = journal(mailbox)
	for content in (communication(row).content, frappe.get_doc("Communication", row.communication).save().content):
		assert not re.search(r"<script|onerror|onclick|<form|fixed", content), content


def test_ten_thousand_references_are_not_all_looked_for(mailbox: Mailbox) -> None:
	mailbox.put(raw("début", message_id="racine@client.test"))
	pull(mailbox)
	many = " ".join(f"<r{n}@client.test>" for n in range(10_000))
	mailbox.put(raw("Re: début", References=f"{many} <racine@client.test>"))
	mailbox.put(raw("autre", References=many))
	pull(mailbox)
	first, reply, other = journal(mailbox)
	assert reply.reference_name == first.reference_name
	assert other.reference_name != first.reference_name
	assert len(json.loads(other.trace)) <= MOST_ANCESTORS + 3


def test_originals_are_not_served_as_files(mailbox: Mailbox) -> None:
	from frappe.utils.response import download_private_file

	mailbox.put(raw("confidentiel"))
	pull(mailbox)
	(row,) = journal(mailbox)
	values = {"doctype": "User", "email": STRANGER, "first_name": "Curieux", "send_welcome_email": 0}
	if not frappe.db.exists("User", STRANGER):
		frappe.get_doc(values).insert()
	frappe.db.commit()
	for user in ("Guest", STRANGER):
		frappe.set_user(user)
		try:
			assert not frappe.has_permission("Incoming Email", "read")
			with pytest.raises((Forbidden, frappe.PermissionError)):
				download_private_file(f"/private/files/mail/{row.raw_path}")
		finally:
			frappe.set_user("Administrator")


@pytest.mark.parametrize(
	"sender", ["root@localhost", "Imprimante <scan@copieur>", f"{'é' * 300}@client.test", "personne", "<>", "a@b, c@d"]
)
def test_mail_from_an_address_that_no_field_takes_is_stored(mailbox: Mailbox, sender: str) -> None:
	mailbox.put(f"From: {sender}\r\nSubject: rapport\r\n\r\ntexte\r\n".encode())
	pull(mailbox)
	(row,) = journal(mailbox)
	assert (row.state, row.reason) == ("Processed", None)
	assert row.reference_doctype == "Opportunity"
	# what is shown can be saved again
	frappe.get_doc("Communication", row.communication).save()
	frappe.get_doc("Opportunity", row.reference_name).save()


def test_files_of_the_same_content_are_all_there(mailbox: Mailbox) -> None:
	mail = EmailMessage()
	mail["From"], mail["Subject"] = "a@client.test", "annexes"
	mail.set_content("texte")
	for name in ("annexe A.pdf", "annexe B.pdf"):
		mail.add_attachment(b"%PDF-1.4 vide", maintype="application", subtype="pdf", filename=name)
	mailbox.put(mail.as_bytes())
	pull(mailbox)
	(row,) = journal(mailbox)
	names = frappe.get_all("File", filters={"attached_to_name": row.communication}, pluck="file_name")
	assert sorted(name[:8] for name in names) == ["annexe A", "annexe B"]
