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
	assert len(json.loads(other.trace)) <= MOST_ANCESTORS + 2


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
