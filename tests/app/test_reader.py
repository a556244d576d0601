"""What whoever reads a received mail may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import frappe
import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from dokos_mail import reader
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
