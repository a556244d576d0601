"""What whoever reads a received mail may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import frappe
import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from dokos_mail import reader
from dokos_mail.api import download_original
from tests.app.test_pull import journal, pull
from tests.mailbox import Mailbox, raw


@pytest.fixture(autouse=True)
def asked_by_a_browser(site: object, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(
		frappe.local, "request", Request(EnvironBuilder("/", base_url="https://erp.masociete.test").get_environ()), raising=False
	)


@pytest.fixture
def mail(mailbox: Mailbox) -> Iterator[frappe._dict]:
	"""A received mail with a picture from elsewhere."""
	html = '<p>Bonjour</p><script>x()</script><img src="https://elsewhere.test/pixel.png">'
	message = raw("Images", body="x").replace(b"Content-Type: text/plain", b"Content-Type: text/html")
	mailbox.put(message.replace(b"\nx\n", b"\n" + html.encode() + b"\n"))
	pull(mailbox)
	(row,) = journal(mailbox)
	yield frappe._dict(row=row, communication=row.communication)
	frappe.set_user("Administrator")
	frappe.db.delete(reader.ALLOWED)
	frappe.db.commit()


def test_images_only_when_asked_for(mail: frappe._dict) -> None:
	kept = frappe.db.get_value("Communication", mail.communication, "content")
	assert ' src="https://elsewhere.test' not in kept
	answer = reader.with_images(mail.communication)
	page = answer.get_data(as_text=True)
	assert ' src="https://elsewhere.test/pixel.png"' in page
	assert "<script" not in page
	policy = answer.headers["Content-Security-Policy"]
	assert "default-src 'none'" in policy and "allow-scripts" not in policy and "sandbox" in policy


@pytest.mark.parametrize(
	"address", ["https://erp.masociete.test/api/method/logout", "https://ERP.masociete.test:443/x", "https://[x/y", "//"]
)
def test_an_address_of_the_site_is_no_picture(mail: frappe._dict, address: str) -> None:
	"""The reader's browser would call it with his cookies."""
	frappe.db.set_value("Communication", mail.communication, "content", f'<img data-remote-src="{address}">')
	assert ' src="' not in reader.with_images(mail.communication).get_data(as_text=True)


def test_a_sender_is_remembered_for_whoever_asked(mail: frappe._dict) -> None:
	assert reader.senders_allowed() == []
	assert reader.allow_sender(mail.communication) == "elodie@client.test"
	reader.allow_sender(mail.communication)
	assert reader.senders_allowed() == ["elodie@client.test"]
	frappe.set_user("Guest")
	assert reader.senders_allowed() == []


def test_why_it_is_here(mail: frappe._dict) -> None:
	told = reader.about(mail.communication)
	assert told["row"] == mail.row.name
	assert told["why"].startswith("It starts a conversation")
	assert mail.row.name in told["original"]


def test_a_mail_that_another_way_brought(site: object) -> None:
	doc = frappe.get_doc({"doctype": "Communication", "subject": "x", "content": "x"}).insert()
	assert reader.about(doc.name) == {}
	frappe.db.rollback()


@pytest.mark.parametrize("method", [reader.with_images, reader.allow_sender, reader.about])
def test_not_for_whoever_may_not_read_it(mail: frappe._dict, method: object) -> None:
	frappe.set_user("Guest")
	with pytest.raises(frappe.PermissionError):
		method(mail.communication)


@pytest.fixture
def colleague(site: object) -> Iterator[str]:
	"""Somebody whose role reads Communications, and who has no account here."""
	address = f"collegue-{uuid4().hex[:8]}@masociete.test"
	user = {"doctype": "User", "email": address, "first_name": "Collègue", "enabled": 1, "send_welcome_email": 0}
	frappe.get_doc({**user, "roles": [{"role": "Inbox User"}]}).insert()
	frappe.db.commit()
	yield address
	frappe.set_user("Administrator")
	frappe.db.rollback()
	frappe.db.delete("User Email", {"parent": address})
	frappe.db.set_value("User", address, "enabled", 0)
	frappe.db.commit()


def test_anothers_mail_is_not_read_by_its_name(mail: frappe._dict, colleague: str) -> None:
	"""The host's lists show users the mail of their own accounts; by name it shows them all."""
	no_document = {"reference_doctype": None, "reference_name": None}
	frappe.db.set_value("Communication", mail.communication, no_document)
	frappe.db.delete("Communication Link", {"parent": mail.communication})
	frappe.db.commit()
	frappe.set_user(colleague)
	for method in (reader.about, reader.with_images, reader.allow_sender):
		with pytest.raises(frappe.PermissionError):
			method(mail.communication)
	with pytest.raises(frappe.PermissionError):
		download_original(mail.row.name)
	frappe.set_user("Administrator")
	own = {"parent": colleague, "parenttype": "User", "parentfield": "user_emails", "email_account": mail.row.email_account}
	frappe.get_doc({"doctype": "User Email", **own}).db_insert()
	frappe.db.commit()
	frappe.set_user(colleague)
	if frappe.has_permission("Communication", "read", doc=mail.communication):
		assert reader.about(mail.communication)["row"] == mail.row.name
