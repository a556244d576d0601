"""What anybody reaches over HTTP by the host's own names: our answer, on whichever host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import frappe
import pytest

from dokos_mail import host
from dokos_mail.document_address import TABLE, address_of
from tests.host.visitor import Visitor

ACCOUNT = "frappe.email.doctype.email_account.email_account"
FORM = "frappe.desk.form"
RIGHT = "le bon mot"


@pytest.fixture
def account(site: object) -> Iterator[str]:
	"""An account that links mail with documents, and waits for its password. No server is asked: it receives nothing yet."""
	name = f"host {uuid4().hex[:8]}"
	others = frappe.get_all("Email Account", filters={"enable_automatic_linking": 1}, pluck="name")
	values = {"email_id": f"{name.replace(' ', '.')}@masociete.test", "email_server": "imap.masociete.invalid", "use_imap": 1}
	doc = frappe.get_doc({"doctype": "Email Account", "email_account_name": name, "awaiting_password": 1, **values}).insert()
	frappe.db.set_value("Email Account", name, {"enable_incoming": 1, "enable_automatic_linking": 1})
	for other in others:
		frappe.db.set_value("Email Account", other, "enable_automatic_linking", 0)
	frappe.db.commit()
	yield doc.name
	frappe.db.rollback()
	frappe.db.delete("User Email", {"email_account": name})
	frappe.delete_doc("Email Account", name, force=True)
	for other in others:
		frappe.db.set_value("Email Account", other, "enable_automatic_linking", 1)
	frappe.db.commit()


@pytest.fixture
def document(account: str) -> Iterator[str]:
	name = frappe.get_doc({"doctype": "Opportunity", "title": "Rénovation"}).insert().name
	frappe.db.commit()
	yield name
	frappe.db.rollback()
	for token in frappe.get_all(TABLE, filters={"reference_name": name}, pluck="name"):
		frappe.delete_doc(TABLE, token, force=True)
	frappe.delete_doc("Opportunity", name, force=True)
	frappe.db.commit()


def method(name: str) -> str:
	return f"/api/method/{name}"


def test_the_address_that_a_timeline_shows_is_one_that_nobody_guesses(manager: Visitor, document: str) -> None:
	about = {"doctype": "Opportunity", "name": document}
	opened = manager.get(method(f"{FORM}.load.getdoc"), params=about)
	known = manager.get(method(f"{FORM}.load.get_docinfo"), params=about)
	saved = manager.call(f"{FORM}.save.savedocs", doc=frappe.as_json(opened.json()["docs"][0]), action="Save")
	frappe.db.rollback()
	for answer in (opened, known, saved):
		assert answer.status_code == 200, answer.text
		assert answer.json()["docinfo"]["document_email"] == address_of("Opportunity", document)
		assert "Opportunity=" not in answer.text and "Opportunity%3D" not in answer.text


def test_nobody_gives_anothers_account_its_password(manager: Visitor, logged_in: Callable[..., Visitor], account: str) -> None:
	user = logged_in()
	assert user.call(f"{ACCOUNT}.set_email_password", email_account=account, password=RIGHT).status_code == 403
	assert user.get(method("frappe.core.doctype.user.user.get_email_awaiting"), params={"user": manager.user}).status_code == 403
	frappe.db.rollback()
	assert frappe.db.get_value("Email Account", account, "awaiting_password") == 1
	assert frappe.get_doc("Email Account", account).get_password("password", raise_exception=False) != RIGHT


def test_append_to_offers_what_apps_name_in_their_hooks(manager: Visitor) -> None:
	asked = {"doctype": "DocType", "txt": "opportu", "searchfield": "name", "start": 0, "page_len": 20, "filters": "{}"}
	answer = manager.get(method(f"{ACCOUNT}.get_append_to"), params=asked)
	assert (answer.status_code, answer.json()["message"]) == (200, [["Opportunity"]])


def test_a_link_of_the_hosts_to_unsubscribe_only_leads_to_the_page(visitor: Callable[[], Visitor], document: str) -> None:
	address = f"anna-{uuid4().hex[:8]}@client.test"
	asked = {"doctype": "Opportunity", "name": document, "email": address}
	unsigned = visitor().get(method("frappe.email.queue.unsubscribe"), params=asked)
	assert unsigned.status_code == 400
	if host.owns_mail():
		from frappe.email.queue import get_unsubcribed_url

		url = get_unsubcribed_url("Opportunity", document, address, "/api/method/frappe.email.queue.unsubscribe", {})
		signed = visitor().get("/" + url.split("/", 3)[3])
		assert signed.status_code == 303, signed.text
		signed = visitor().get(signed.headers["Location"])
		assert address in signed.text, "asked, not done"
	frappe.db.rollback()
	assert not frappe.db.exists("Email Unsubscribe", {"email": address})


def test_nobody_marks_anothers_mail_as_read(visitor: Callable[[], Visitor], site: object) -> None:
	sent = {"communication_medium": "Email", "sent_or_received": "Sent", "read_receipt": 1, "recipients": "anna@client.test"}
	mail = frappe.get_doc({"doctype": "Communication", "subject": "Devis", **sent}).insert()
	frappe.db.set_value("Communication", mail.name, "delivery_status", "Sent")
	frappe.db.commit()
	answer = visitor().get(method("frappe.core.doctype.communication.email.mark_email_as_seen"), params={"name": mail.name})
	assert answer.headers["Content-Type"] == "image/gif"
	frappe.db.rollback()
	now = frappe.db.get_value("Communication", mail.name, ["delivery_status", "read_by_recipient"])
	frappe.delete_doc("Communication", mail.name, force=True)
	frappe.db.commit()
	assert tuple(now) == ("Sent", 0)
