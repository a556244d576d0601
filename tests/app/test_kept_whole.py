"""What a mail carries is kept: files up to the account's limit, every kind of part; contacts of people alone."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import frappe
import pytest

from dokos_mail.files import octets
from dokos_mail.inbound import store
from dokos_mail.inbound.account import raw_store
from dokos_mail.inbound.journal import site_time
from tests.app.test_placing import received
from tests.app.test_pull import communication, pull
from tests.app.test_what_strangers_write import HOSTS_PATTERN
from tests.mailbox import Mailbox, raw

MEGABYTE = 1024 * 1024
#: One grey pixel.
JPEG = base64.b64decode(
	"/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/"
	"wAALCAABAAEBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEI"
	"I0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ip"
	"qrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/ACv/2Q=="
)


def with_files(*files: tuple[str, int]) -> bytes:
	mail = EmailMessage()
	mail["From"], mail["Subject"], mail["Message-ID"] = "a@client.test", "plans", f"<{frappe.generate_hash(length=12)}@c.test>"
	mail.set_content("voir les plans")
	for name, size in files:
		mail.add_attachment(name.encode() * (size // len(name.encode()) + 1), "application", "octet-stream", filename=name)
	return mail.as_bytes()


def files_of(row: frappe._dict) -> list[str]:
	return sorted(frappe.get_all("File", filters={"attached_to_name": row.communication}, pluck="file_name"))


# The limit of an account (D4)


def test_a_larger_attachment_is_not_made_a_file_and_the_message_says_so(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(attachment_limit=1, enforce_attachment_limit=1)
	row = received(mailbox, with_files(("petit.bin", 1000), ("très grand.bin", MEGABYTE + 1)))
	(kept,) = files_of(row)
	assert kept.startswith("petit")
	content = communication(row).content
	assert "très grand.bin" in content
	assert "1.0 MB" in content
	assert "très grand.bin" in row.reason
	assert "très grand.bin" not in content.partition("voir les plans")[2]
	(link,) = re.findall(r'href="([^"]+)"', content)
	assert link == f"/api/method/dokos_mail.api.download_original?name={row.name}"
	assert len(raw_store().read(row.raw_path)) > MEGABYTE
	assert communication(row).has_attachment


@pytest.mark.parametrize("settings", [{"attachment_limit": 1}, {"enforce_attachment_limit": 1, "attachment_limit": 0}])
def test_no_limit_unless_it_is_asked_for(make_mailbox: Callable[..., Mailbox], settings: dict[str, int]) -> None:
	row = received(make_mailbox(**settings), with_files(("grand.bin", MEGABYTE + 1)))
	assert len(files_of(row)) == 1
	assert not row.reason


def test_an_attachment_that_the_host_refuses_is_said(mailbox: Mailbox, site_config: Callable[..., None]) -> None:
	"""The site's own limit, over which the hosts drop it without a word."""
	site_config(max_file_size=MEGABYTE)
	row = received(mailbox, with_files(("petit.bin", 1000), ("très grand.bin", MEGABYTE + 1)))
	assert row.state == "Processed"
	(kept,) = files_of(row)
	assert kept.startswith("petit")
	for said in (row.reason, communication(row).content):
		assert "très grand.bin" in said
		assert "1.0 MB" in said
	assert "download_original" in communication(row).content


def test_a_photograph_is_kept_as_it_came(mailbox: Mailbox) -> None:
	"""The hosts draw what is called .jpg anew, which fails for the HEIC that iPhones call so."""
	photograph, heic = JPEG + b"from the camera", b"\0\0\0\x18ftypheic\xff" + b"x" * 1000
	mail = message_from_bytes(with_files(("note.bin", 10)), policy=policy.default)
	mail.add_attachment(photograph, "image", "jpeg", filename="photo.jpg")
	mail.add_attachment(heic, "image", "jpeg", filename="IMG_0001.JPG")
	row = received(mailbox, mail.as_bytes())
	assert (row.state, row.reason or "") == ("Processed", "")
	kept = [
		frappe.get_doc("File", name) for name in frappe.get_all("File", {"attached_to_name": row.communication}, pluck="name")
	]
	contents = [octets(file) for file in kept]
	assert photograph in contents and heic in contents


def test_ten_thousand_parts_are_not_as_many_files(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(store, "MOST_FILES", 3)
	head = b"From: a@client.test\r\nSubject: bombe\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntexte\r\n"
	parts = (b"--b\r\nContent-Type: image/png; name=%d.png\r\n\r\npart %d\r\n" % (n, n) for n in range(10_000))
	row = received(mailbox, head + b"".join(parts) + b"--b--\r\n")
	assert row.state == "Processed"
	assert len(files_of(row)) == 3
	assert "9997" in row.reason
	assert "9997" in communication(row).content
	assert b"part 9999" in raw_store().read(row.raw_path)


# Every kind of part (I13)


def test_calendars_forwarded_messages_and_winmail_are_files(mailbox: Mailbox) -> None:
	mail = EmailMessage()
	mail["From"], mail["Subject"] = "a@client.test", "invitation"
	mail.set_content("Venez")
	mail.add_alternative("BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n", subtype="calendar")
	forwarded = EmailMessage()
	forwarded["Subject"], forwarded["From"] = "Le premier message", "b@client.test"
	forwarded.set_content("texte du premier")
	mail.add_attachment(forwarded)
	mail.add_attachment(b"\x78\x9f\x3e\x22tnef", "application", "ms-tnef", filename="winmail.dat")
	row = received(mailbox, mail.as_bytes())
	names = " ".join(files_of(row))
	for expected in ("invite", "Le premier message", "winmail"):
		assert expected in names
	assert len(files_of(row)) == 3
	assert "texte du premier" not in communication(row).content


def test_a_picture_that_the_body_calls_by_its_location(mailbox: Mailbox) -> None:
	head = b"From: a@client.test\r\nSubject: image\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n"
	html = b'Content-Type: text/html\r\n\r\n<p>vu</p><img src="http://client.test/logo.png">\r\n--b\r\n'
	place = b"Content-Location: http://client.test/logo.png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n"
	row = received(mailbox, head + html + b"Content-Type: image/png\r\n" + place)
	(url,) = frappe.get_all("File", filters={"attached_to_name": row.communication}, pluck="file_url")
	assert f'src="{url}"' in communication(row).content


# The reply and what it quotes (I14)


def test_a_reply_is_shown_before_what_it_quotes_and_both_are_kept(mailbox: Mailbox) -> None:
	text = "D'accord <demain>.\n\nLe lun. 3 janv. 2024 à 10:00, Jean Dupont <j@x.example> a écrit :\n\n> Demain ?\n> Jean\n"
	mail = communication(received(mailbox, raw("Re: rendez-vous", text)))
	reply, sign, quoted = mail.content.partition('<blockquote class="mail-quoted">')
	assert sign
	assert "D'accord &lt;demain&gt;." in reply
	assert "Demain ?" not in reply
	assert "Jean Dupont" in quoted and "&gt; Demain ?" in quoted
	assert mail.text_content.strip() == text.strip()
	assert "mail-quoted" not in communication(received(mailbox, raw("rendez-vous", "Demain ?\n"))).content


# What the hosts take for a file of theirs, wherever it goes out again


def test_no_file_is_enclosed_by_what_else_is_stored(mailbox: Mailbox) -> None:
	trap = 'embed="site_config.json"'
	row = received(mailbox, raw(f"Devis {trap}", f"{trap}\n", sender=f"'{trap}' <piege@client.test>"))
	mail, opportunity = communication(row), frappe.get_doc("Opportunity", row.reference_name)
	for text in (mail.subject, mail.text_content, mail.content, mail.sender_full_name, opportunity.title, opportunity.party_name):
		assert "site_config" in text or text == mail.sender_full_name
		assert not HOSTS_PATTERN.search(text)
	# and the answer to it is still found
	again = received(mailbox, raw(f"Re: Devis {trap}", sender="piege@client.test"))
	assert (again.rule, again.reference_name) == ("subject", row.reference_name)


# Contacts (I15)


@pytest.fixture
def person() -> str:
	return f"{frappe.generate_hash(length=8)}.dupont@client.test"


@pytest.mark.parametrize("create", [0, 1])
def test_a_contact_of_whoever_writes_when_the_account_makes_them(
	make_mailbox: Callable[..., Mailbox], person: str, create: int
) -> None:
	mailbox = make_mailbox(create_contact=create)
	row = received(mailbox, raw("un", sender=f"Jeanne Dupont <{person}>", Cc=f"copie-{person}"))
	contact = frappe.db.get_value("Contact Email", {"email_id": person}, "parent")
	assert bool(contact) == bool(create)
	linked = frappe.get_all("Communication Link", filters={"parent": row.communication}, pluck="link_name")
	assert linked == ([contact] if create else [])
	assert not frappe.db.exists("Contact Email", {"email_id": f"copie-{person}"})
	received(mailbox, raw("deux", sender=f"Jeanne Dupont <{person.upper()}>"))
	assert frappe.db.count("Contact Email", {"email_id": person}) == create


@pytest.mark.parametrize(
	("sender", "headers"),
	[
		("{0}", {"Auto_Submitted": "auto-generated"}),
		("{0}", {"List_Id": "<liste.client.test>"}),
		("{0}", {"Precedence": "bulk"}),
		("{0}", {"X_Spam_Flag": "YES"}),
		("no-reply-{0}", {}),
		("noreply.{0}", {}),
		("ne-pas-repondre.{0}", {}),
		("bounces+{0}", {}),
	],
)
def test_no_contact_of_what_is_nobody(
	make_mailbox: Callable[..., Mailbox], person: str, sender: str, headers: dict[str, str]
) -> None:
	address = sender.format(person)
	row = received(make_mailbox(create_contact=1), raw("un", sender=f"Service <{address}>", **headers))
	assert row.state == "Processed"
	assert not frappe.db.exists("Contact Email", {"email_id": address})


def test_no_contact_of_the_account_itself(make_mailbox: Callable[..., Mailbox]) -> None:
	"""In whatever letters its address is written, here and there (flaw 22)."""
	mailbox = make_mailbox(create_contact=1)
	received(mailbox, raw("à moi", sender=mailbox.user.upper()))
	frappe.db.set_value("Email Account", mailbox.account, "email_id", mailbox.user.title())
	frappe.db.set_value("Email Account", mailbox.account, {"login_id_is_different": 1, "login_id": mailbox.user})
	frappe.clear_document_cache("Email Account", mailbox.account)
	assert received(mailbox, raw("encore à moi", sender=mailbox.user)).state == "Processed"
	assert not frappe.db.exists("Contact Email", {"email_id": ("in", [mailbox.user, mailbox.user.title()])})


def test_what_a_contact_is_linked_to_is_linked_to_its_mail(mailbox: Mailbox, person: str) -> None:
	opportunity = frappe.get_doc({"doctype": "Opportunity", "title": "x"}).insert().name
	values = {
		"email_ids": [{"email_id": person, "is_primary": 1}],
		"links": [{"link_doctype": "Opportunity", "link_name": opportunity}],
	}
	contact = frappe.get_doc({"doctype": "Contact", "first_name": "Jeanne", **values}).insert().name
	frappe.db.commit()
	row = received(mailbox, raw("un", sender=person.upper()))
	linked = frappe.get_all("Communication Link", filters={"parent": row.communication}, fields=["link_doctype", "link_name"])
	assert {tuple(link.values()) for link in linked} == {("Contact", contact), ("Opportunity", opportunity)}


# One message to several accounts, and what the host received before (I12)


def test_one_message_to_three_accounts(make_mailbox: Callable[..., Mailbox]) -> None:
	message = raw("à tous", message_id=f"{frappe.generate_hash(length=12)}@client.test")
	rows = [received(make_mailbox(), message) for _account in range(3)]
	known = {row.name: frappe.db.get_value("Incoming Email", row.name, "other_copy") for row in rows}
	assert len({row.communication for row in rows}) == 3
	assert all(known.values())
	assert set(known.values()) <= set(known)
	assert not any(row.possible_duplicate for row in rows)


def test_an_answer_joins_the_document_of_the_account_it_came_to(make_mailbox: Callable[..., Mailbox]) -> None:
	"""Each account made one of the message that was sent to both."""
	message_id = f"{frappe.generate_hash(length=12)}@client.test"
	boxes = [make_mailbox(append_to="Opportunity") for _account in range(3)]
	rows = [received(box, raw("à tous", message_id=message_id)) for box in boxes]
	assert len({row.reference_name for row in rows}) == 3
	for box, row in reversed(list(zip(boxes, rows, strict=True))):
		assert received(box, raw("Re: à tous", In_Reply_To=f"<{message_id}>")).reference_name == row.reference_name


def test_message_ids_that_differ_in_case_are_two(mailbox: Mailbox) -> None:
	"""To the hosts' databases they are one."""
	name = frappe.generate_hash(length=12)
	first = received(mailbox, raw("un", message_id=f"{name}a@client.test"))
	second = received(mailbox, raw("deux", message_id=f"{name}A@client.test"))
	assert (second.state, second.possible_duplicate) == ("Processed", 0)
	for row in (first, second):
		assert received(mailbox, raw("Re: x", In_Reply_To=f"<{row.message_id}>")).reference_name == row.reference_name


@pytest.fixture
def received_by_host(mailbox: Mailbox) -> Callable[..., frappe._dict]:
	"""Make a Communication as the host's own receiving does, of a message of ``raw``."""
	pull(mailbox)

	def make(**values: object) -> frappe._dict:
		doc = {
			"doctype": "Communication",
			"communication_type": "Communication",
			"communication_medium": "Email",
			"sent_or_received": "Received",
			"subject": "avant",
			"sender": "elodie@client.test",
			"email_account": mailbox.account,
			"communication_date": site_time(parsedate_to_datetime("Fri, 20 Nov 2026 09:30:00 +0100")),
		}
		made = frappe.get_doc({**doc, **values}).insert()
		frappe.db.commit()
		return made

	return make


@pytest.mark.parametrize("hours", [0, 2], ids=["now", "in another time zone"])
def test_what_the_host_received_before_is_not_received_twice(
	mailbox: Mailbox, received_by_host: Callable[..., frappe._dict], hours: int
) -> None:
	"""By its Message-ID and date: the host kept no content to compare."""
	message_id = f"{frappe.generate_hash(length=12)}@client.test"
	sent_on = site_time(parsedate_to_datetime("Fri, 20 Nov 2026 09:30:00 +0100")) - timedelta(hours=hours)
	theirs = received_by_host(message_id=message_id, communication_date=sent_on)
	row = received(mailbox, raw("avant", message_id=message_id))
	assert (row.state, row.communication) == ("Duplicate", theirs.name)


def test_what_another_account_received_before_is_received(
	mailbox: Mailbox, received_by_host: Callable[..., frappe._dict]
) -> None:
	message_id = f"{frappe.generate_hash(length=12)}@client.test"
	received_by_host(message_id=message_id, email_account=None)
	assert received(mailbox, raw("avant", message_id=message_id)).state == "Processed"


def test_a_scanner_that_the_host_knew_already(mailbox: Mailbox, received_by_host: Callable[..., frappe._dict]) -> None:
	"""All its messages have one Message-ID, and none is the one before."""
	message_id = f"{frappe.generate_hash(length=12)}@copieur.test"
	received_by_host(message_id=message_id)
	row = received(mailbox, raw("numérisation", message_id=message_id, date="Fri, 20 Nov 2026 10:41:17 +0100"))
	assert (row.state, row.possible_duplicate) == ("Processed", 1)
