"""What recipients of our mail do over HTTP: unsubscribe, and read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from uuid import uuid4

import frappe
import pytest

from dokos_mail.outbound import links
from tests.host.visitor import Visitor

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
HTML = {"Accept": "text/html"}


@pytest.fixture
def mail(site: object) -> Iterator[frappe._dict]:
	"""A mail about a document, sent to one recipient an hour ago."""
	address = f"anna-{uuid4().hex[:8]}@client.test"
	document = frappe.get_doc({"doctype": "Opportunity", "title": "Rénovation"}).insert()
	about = {"reference_doctype": "Opportunity", "reference_name": document.name}
	sent = {"communication_medium": "Email", "sent_or_received": "Sent", "subject": "Devis", "delivery_status": "Sent"}
	communication = frappe.get_doc({"doctype": "Communication", "recipients": address, **sent, **about}).insert()
	frappe.db.set_value("Communication", communication.name, "delivery_status", "Sent")
	row = frappe.get_doc(
		{"doctype": "Email Queue", "message": "x", "status": "Sent", "communication": communication.name, **about}
	)
	hour_ago = frappe.utils.add_to_date(frappe.utils.now_datetime(), hours=-1)
	row.append("recipients", {"recipient": address, "status": "Sent", "accepted_on": hour_ago})
	row.db_insert()
	row.recipients[0].update({"parent": row.name, "parenttype": "Email Queue", "parentfield": "recipients"})
	row.recipients[0].db_insert()
	frappe.db.commit()
	yield frappe._dict(address=address, row=row, communication=communication.name, document=document.name)
	frappe.db.rollback()
	for name in frappe.get_all("Email Unsubscribe", filters={"email": address}, pluck="name"):
		frappe.delete_doc("Email Unsubscribe", name, force=True)
	frappe.db.delete("Email Queue Recipient", {"parent": row.name})
	frappe.db.delete("Email Queue", {"name": row.name})
	frappe.db.commit()


def path(url: str) -> str:
	return "/" + url.split("/", 3)[3]


def unsubscribed(mail: frappe._dict) -> list[frappe._dict]:
	frappe.db.rollback()
	fields = ["reference_doctype", "reference_name", "global_unsubscribe"]
	return frappe.get_all("Email Unsubscribe", filters={"email": mail.address}, fields=fields)


def test_a_link_that_is_only_looked_at_changes_nothing(mail: frappe._dict, visitor: Callable[[], Visitor]) -> None:
	link = path(links.unsubscribe_url(mail.row, mail.address))
	for headers in (HTML, HTML | {"User-Agent": "Googlebot"}, {"Accept": "*/*"}):
		answer = visitor().get(link, headers=headers)
		assert answer.status_code == 200
		assert mail.address in answer.text and mail.document in answer.text
	assert visitor().request("HEAD", link).status_code in (200, 403, 405)
	assert unsubscribed(mail) == []


def test_one_click_of_a_mail_program(mail: frappe._dict, visitor: Callable[[], Visitor]) -> None:
	"""RFC 8058 section 3.1: a POST without cookies, no redirect."""
	link = path(links.unsubscribe_url(mail.row, mail.address))
	for _again in range(2):
		answer = visitor().request("POST", link, data={"List-Unsubscribe": "One-Click"})
		assert answer.status_code == 200
	(row,) = unsubscribed(mail)
	assert (row.reference_doctype, row.reference_name, row.global_unsubscribe) == ("Opportunity", mail.document, 0)


def test_the_button_and_back(mail: frappe._dict, visitor: Callable[[], Visitor]) -> None:
	token = links.sign(links.ticket_for(mail.row, mail.address, "unsubscribe"))
	page = visitor().request("POST", links.UNSUBSCRIBE_PAGE, data={"token": token, "everything": "1"}, headers=HTML)
	assert page.status_code == 200
	assert [row.global_unsubscribe for row in unsubscribed(mail)] == [1]
	assert 'name="again"' in visitor().get(f"{links.UNSUBSCRIBE_PAGE}?token={token}").text
	visitor().request("POST", links.UNSUBSCRIBE_PAGE, data={"token": token, "again": "1"}, headers=HTML)
	assert unsubscribed(mail) == []


def test_in_the_readers_language(mail: frappe._dict, visitor: Callable[[], Visitor]) -> None:
	link = path(links.unsubscribe_url(mail.row, mail.address))
	answer = visitor().get(link, headers=HTML | {"Accept-Language": "fr-FR,fr;q=0.9"})
	assert "Se désinscrire" in answer.text


@pytest.mark.parametrize("token", ["", "x", "%00", "A" * 5000, "é", "pixel"])
def test_nobody_unsubscribes_another(mail: frappe._dict, visitor: Callable[[], Visitor], token: str) -> None:
	if token == "pixel":
		token = links.sign(links.ticket_for(mail.row, mail.address, "pixel"))
	for method in ("GET", "POST"):
		answer = visitor().request(method, f"{links.UNSUBSCRIBE_PAGE}?token={token}")
		assert answer.status_code == 400
	assert unsubscribed(mail) == []


def test_who_is_logged_in_can_use_the_button(mail: frappe._dict, logged_in: Callable[..., Visitor]) -> None:
	"""His session wants its token with every POST; the page has it."""
	person = logged_in("System Manager")
	person.open_desk()
	link = path(links.unsubscribe_url(mail.row, mail.address))
	page = person.get(link, headers=HTML).text
	fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
	person.http.headers.pop("X-Frappe-CSRF-Token", None)
	assert person.request("POST", links.UNSUBSCRIBE_PAGE, data=fields).status_code == 200
	assert len(unsubscribed(mail)) == 1


def state(mail: frappe._dict) -> tuple[int, str, bool]:
	frappe.db.rollback()
	row = frappe.db.get_value("Communication", mail.communication, ["read_by_recipient", "delivery_status"], as_dict=True)
	read_on = frappe.db.get_value("Email Queue Recipient", {"parent": mail.row.name}, "read_on")
	return row.read_by_recipient, row.delivery_status, bool(read_on)


def test_the_picture_tells_that_it_was_read(mail: frappe._dict, visitor: Callable[[], Visitor]) -> None:
	link = path(links.pixel_url(mail.row, mail.address))
	answer = visitor().get(link, headers={"User-Agent": FIREFOX})
	assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/gif")
	assert "no-store" in answer.headers["Cache-Control"]
	assert state(mail) == (1, "Read", True)
	assert frappe.db.get_value("Communication", mail.communication, "read_by_recipient_on")
	first = frappe.db.get_value("Email Queue Recipient", {"parent": mail.row.name}, ["read_on", "last_read_on"])
	visitor().get(link, headers={"User-Agent": FIREFOX})
	frappe.db.rollback()
	then = frappe.db.get_value("Email Queue Recipient", {"parent": mail.row.name}, ["read_on", "last_read_on"])
	assert then[0] == first[0] and then[1] >= first[1]


@pytest.mark.parametrize("agent", ["curl/8.5", "Slackbot 1.0", ""])
def test_machines_do_not_read(mail: frappe._dict, visitor: Callable[[], Visitor], agent: str) -> None:
	assert visitor().get(path(links.pixel_url(mail.row, mail.address)), headers={"User-Agent": agent}).status_code == 200
	assert state(mail) == (0, "Sent", False)


@pytest.mark.parametrize("known", ["Marked As Spam", "Bounced"])
def test_reading_takes_nothing_back_that_says_more(mail: frappe._dict, visitor: Callable[[], Visitor], known: str) -> None:
	frappe.db.set_value("Communication", mail.communication, "delivery_status", known)
	frappe.db.commit()
	visitor().get(path(links.pixel_url(mail.row, mail.address)), headers={"User-Agent": FIREFOX})
	assert state(mail) == (1, known, True)


def test_nobody_reads_a_mail_at_once(mail: frappe._dict, visitor: Callable[[], Visitor]) -> None:
	"""What loads the picture the moment a server has the mail is the server's scanner, whatever it calls itself."""
	taken = frappe.utils.add_to_date(frappe.utils.now_datetime(), minutes=1)
	frappe.db.set_value("Email Queue Recipient", {"parent": mail.row.name}, "accepted_on", taken)
	frappe.db.commit()
	visitor().get(path(links.pixel_url(mail.row, mail.address)), headers={"User-Agent": FIREFOX})
	assert state(mail) == (0, "Sent", False)


def test_we_ourselves_do_not_count(mail: frappe._dict, logged_in: Callable[..., Visitor]) -> None:
	logged_in("System Manager").get(path(links.pixel_url(mail.row, mail.address)), headers={"User-Agent": FIREFOX})
	assert state(mail) == (0, "Sent", False)


@pytest.mark.parametrize("tracks", [0, 1])
def test_tracking_is_each_accounts_choice(mail: frappe._dict, visitor: Callable[[], Visitor], tracks: int) -> None:
	name = f"suivi {uuid4().hex[:8]}"
	values = {"email_id": f"{uuid4().hex[:8]}@masociete.test", "email_account_name": name, "track_email_status": tracks}
	mail.row.email_account = frappe.get_doc({"doctype": "Email Account", **values}).insert().name
	frappe.db.commit()
	visitor().get(path(links.pixel_url(mail.row, mail.address)), headers={"User-Agent": FIREFOX})
	assert state(mail) == ((1, "Read", True) if tracks else (0, "Sent", False))


def test_a_picture_that_nobody_signed(mail: frappe._dict, visitor: Callable[[], Visitor]) -> None:
	for token in ("", "x", links.sign(links.ticket_for(mail.row, mail.address, "unsubscribe"))):
		answer = visitor().get(f"{links.PIXEL_IMAGE}?token={token}", headers={"User-Agent": FIREFOX})
		assert answer.headers["Content-Type"] == "image/gif"
	hosts = f"/api/method/frappe.core.doctype.communication.email.mark_email_as_seen?name={mail.communication}"
	visitor().get(hosts, headers={"User-Agent": FIREFOX})
	assert state(mail) == (0, "Sent", False)
