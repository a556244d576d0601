"""The queue of a bench's site, as whoever looks after it uses it: what waits and why, what failed, and what is done about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import frappe
import pytest
from playwright.sync_api import Locator, expect

from dokos_mail import jobs
from dokos_mail.outbound import account as accounts
from mail_servers.smtp_faults import FaultySmtp, SmtpFaults
from tests.outbound.conftest import make_account, smtp

__all__ = ["make_account", "smtp"]

WORDS = {
	"fr": {
		"Waiting": "En attente", "Refused": "Refusé", "Sent": "Envoyé", "Cancelled": "Annulé", "busy": "demande de réessayer plus tard", "rests": "est en pause jusqu'au",
		"Send Now": "Envoyer maintenant", "Try Again": "Réessayer", "Cancel": "Annuler", "What Waits and Why": "Ce qui attend, et pourquoi",
		"Queued": "Mis en file d'attente", "Delivery": "Acheminement", "Why": "Pourquoi",
		"Suspend Sending": "Suspendre l'envoi", "Resume Sending": "Reprendre l'envoi", "suspended": "L'envoi est suspendu sur ce site.",
		"told": "Cet email n'a pas pu être envoyé :",
	},
	"en": {
		"Waiting": "Waiting", "Refused": "Refused", "Sent": "Sent", "Cancelled": "Cancelled", "busy": "asks to try again later", "rests": "rests until",
		"Send Now": "Send Now", "Try Again": "Try Again", "Cancel": "Cancel", "What Waits and Why": "What Waits and Why",
		"Queued": "Queued", "Delivery": "Delivery", "Why": "Why",
		"Suspend Sending": "Suspend Sending", "Resume Sending": "Resume Sending", "suspended": "Sending is suspended on this site.",
		"told": "This email could not be sent:",
	},
}  # fmt: skip
REFUSES = SmtpFaults({"RCPT": b"550 5.1.1 <paul@client.test>: no such user"})
BUSY = SmtpFaults({"greeting": b"421 4.7.0 too many connections"})


class Queue:
	"""Mails of one run, each with a subject of its own, and the servers they leave through: one that refuses recipients, one
	that takes nothing now.
	"""

	def __init__(self, smtp: Callable[..., FaultySmtp], make_account: Callable[..., Any], forget: list[tuple[str, str]]) -> None:
		self.run, self.make_account, self.forget = uuid4().hex[:6], make_account, forget
		self.refusing, self.busy = smtp(REFUSES), smtp(BUSY)

	def put(self, account: Any, what: str, **values: Any) -> str:
		"""Queue a mail through an account, as code does; the name of its row."""
		subject = self.subject(what)
		frappe.sendmail(
			recipients=["paul@client.test"], sender=account.email_id, subject=subject, message="<p>Voici.</p>", **values
		)
		[name] = frappe.get_all("Email Queue", filters={"mail_subject": subject}, pluck="name")
		frappe.db.commit()
		self.forget.append(("Email Queue", name))
		return name

	def subject(self, what: str) -> str:
		return f"{what} {self.run}"


@pytest.fixture
def queue(smtp: Callable[..., FaultySmtp], make_account: Callable[..., Any], forget: list[tuple[str, str]]) -> Queue:
	return Queue(smtp, make_account, forget)


def row_of(desk: Any, subject: str) -> Locator:
	return desk.page.locator(".page-container:visible .list-row", has_text=subject)


def state_in(row: Locator, state: str) -> Locator:
	"""Where a row of the list says that this is its state; hosts draw it once more for narrow screens, and hide that."""
	return row.get_by_text(state, exact=True).filter(visible=True)


def pill(desk: Any) -> Locator:
	"""The state beside a form's title."""
	return desk.page.locator(".page-container:visible .page-head .indicator-pill:visible")


def open_from_list(desk: Any, subject: str, state: str) -> None:
	"""Follow a row's link, and wait for its form: until it is drawn, the buttons are those of the mail before."""
	row_of(desk, subject).get_by_role("link", name=subject).click()
	expect(desk.page.locator(".page-container:visible .page-head .title-text:visible")).to_have_text(subject)
	expect(pill(desk)).to_have_text(state)
	desk.settle()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_waits_and_what_failed_is_seen_and_mended(
	queue: Queue, make_user: Callable[..., str], enter: Callable[..., Any], language: str
) -> None:
	word = WORDS[language]
	refusing, busy = queue.make_account(queue.refusing), queue.make_account(queue.busy)
	queue.put(refusing, "Refusé")
	queue.put(busy, "Attend")
	queue.put(busy, "De trop")
	for account in (refusing, busy):
		jobs.send_account_mail(account.name)
	# it rests for longer than a desk may take to load
	later = frappe.utils.add_to_date(frappe.utils.now_datetime(), hours=1)
	frappe.db.set_value("Email Account Status", {"email_account": busy.name}, "outgoing_next_attempt", later)
	frappe.db.commit()
	desk = enter(make_user(language))
	desk.page.goto(f"{desk.base}/app/email-queue?mail_subject=%5B%22like%22%2C%22%25{queue.run}%25%22%5D")
	desk.settle()
	refused, waits = row_of(desk, queue.subject("Refusé")), row_of(desk, queue.subject("Attend"))
	expect(desk.page.locator(".page-container:visible .list-row-head")).to_contain_text(word["Why"])
	expect(refused).to_contain_text("paul@client.test")
	expect(state_in(refused, word["Refused"])).to_have_count(1)
	expect(refused).to_contain_text("no such user")
	# what keeps it is its account's affair, and is said on each mail all the same
	expect(state_in(waits, word["Waiting"])).to_have_count(1)
	expect(waits).to_contain_text(word["busy"])
	desk.picture(f"file-1-liste-{language}")

	desk.press(word["What Waits and Why"])
	told = desk.dialog.locator("tr", has_text=busy.name)
	expect(told).to_contain_text(word["rests"])
	expect(told).to_contain_text("too many connections")
	expect(told.locator("td").nth(1)).to_have_text("2")
	desk.arrived()
	desk.picture(f"file-2-ce-qui-attend-{language}")
	desk.close_dialog()

	open_from_list(desk, queue.subject("Attend"), word["Waiting"])
	expect(desk.headline).to_contain_text("too many connections")
	desk.picture(f"file-3-en-attente-{language}")
	desk.press(word["Send Now"])
	expect(desk.page.locator(".desk-alert, .alert-message").filter(visible=True).first).to_contain_text("too many connections")
	queue.busy.faults = SmtpFaults()
	desk.press(word["Send Now"])
	expect(pill(desk)).to_have_text(word["Sent"])
	desk.picture(f"file-4-envoye-{language}")

	queue.busy.faults = BUSY
	desk.page.go_back()
	open_from_list(desk, queue.subject("De trop"), word["Waiting"])
	desk.press(word["Cancel"])
	desk.answer(True)
	expect(pill(desk)).to_have_text(word["Cancelled"])
	desk.picture(f"file-5-annule-{language}")

	desk.page.go_back()
	open_from_list(desk, queue.subject("Refusé"), word["Refused"])
	expect(desk.headline).to_contain_text("550 5.1.1 <paul@client.test>: no such user")
	# each word of it also in the fields below, which the host draws
	for field in ("delivery_reason", "recipients"):
		expect(desk.field(field)).to_contain_text("550 5.1.1 <paul@client.test>: no such user")
	desk.picture(f"file-6-refuse-{language}")
	queue.refusing.faults = SmtpFaults()
	desk.press(word["Try Again"])
	expect(pill(desk)).to_have_text(word["Waiting"])
	desk.press(word["Send Now"])
	expect(pill(desk)).to_have_text(word["Sent"])
	assert [len(server.accepted) for server in (queue.refusing, queue.busy)] == [1, 1]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_sending_is_suspended_and_resumed(
	queue: Queue, make_user: Callable[..., str], enter: Callable[..., Any], language: str
) -> None:
	word = WORDS[language]
	server = queue.refusing
	server.faults = SmtpFaults()
	account = queue.make_account(server)
	queue.put(account, "Attend")
	desk = enter(make_user(language))
	desk.open_list("email-queue")
	row = row_of(desk, queue.subject("Attend"))
	try:
		desk.press(word["Suspend Sending"])
		expect(row).to_contain_text(word["suspended"])
		desk.picture(f"file-9-suspendu-{language}")
		frappe.db.rollback()
		frappe.clear_cache()
		jobs.send_account_mail(account.name)
		assert server.count == 0
		desk.press(word["Resume Sending"])
		expect(
			desk.page.locator(".page-container:visible .page-actions button", has_text=word["Suspend Sending"])
		).to_be_visible()
		expect(row).not_to_contain_text(word["suspended"])
		desk.picture(f"file-10-repris-{language}")
	finally:
		frappe.db.set_default("suspend_email_queue", 0)
		frappe.db.commit()
	frappe.clear_cache()
	jobs.send_account_mail(account.name)
	assert server.count == 1


@pytest.mark.parametrize("language", ["fr", "en"])
def test_its_writer_follows_a_mail_and_tries_it_again(
	queue: Queue, make_user: Callable[..., str], enter: Callable[..., Any], language: str
) -> None:
	"""Who wrote it sees no queue: a notice leads to the mail itself, which says how it went, and what can be done."""
	word = WORDS[language]
	account = queue.make_account(queue.refusing)
	make_user()  # a site without a System Manager makes one of whoever comes next
	writer = make_user(language, roles=("Inbox User",))
	sent = {"communication_medium": "Email", "sent_or_received": "Sent", "communication_type": "Communication", "content": "x"}
	people = {"user": writer, "sender": writer, "recipients": "paul@client.test", "subject": queue.subject("Devis")}
	frappe.set_user(writer)
	mail = frappe.get_doc({"doctype": "Communication", **sent, **people}).insert(ignore_permissions=True)
	queue.put(account, "Devis", communication=mail.name)
	frappe.set_user("Administrator")
	queue.forget.append(("Communication", mail.name))
	jobs.send_account_mail(account.name)
	# not on a workspace: the hosts' own do not bear being left while they are drawn
	desk = enter(writer, route="communication")
	notice = desk.open_notices().filter(has_text=queue.subject("Devis"))
	expect(notice).to_have_count(1)
	expect(notice).to_contain_text(word["told"])
	desk.picture(f"file-6-avis-{language}")
	notice.click()
	desk.page.wait_for_url(re.compile("/app/(communication|notification-log)/"))
	if "notification-log" in desk.page.url:  # Dokos shows the whole notice first, which has the reason
		desk.settle()
		expect(desk.form()).to_contain_text("550 5.1.1")
		desk.picture(f"file-6-avis-entier-{language}")
		desk.field("open_reference_document").locator("button").click()
	desk.page.wait_for_url(f"**/app/communication/{mail.name}")
	desk.settle()
	delivery = desk.page.locator(".page-container:visible .dokos-mail-delivery")
	expect(delivery.locator("tr")).to_have_count(3)
	expect(delivery.locator("tr").nth(1)).to_contain_text(word["Queued"])
	expect(delivery.locator("tr").nth(2)).to_contain_text(word["Refused"])
	expect(delivery.locator("tr").nth(2)).to_contain_text("550 5.1.1 <paul@client.test>: no such user")
	desk.picture(f"file-7-acheminement-{language}")
	queue.refusing.faults = SmtpFaults()
	desk.press(word["Try Again"])
	desk.press(word["Send Now"])
	expect(delivery.locator("tr").last).to_contain_text(word["Sent"])
	expect(delivery.locator("tr").last).to_contain_text("250 2.0.0 taken as number 1")
	desk.picture(f"file-8-acheminement-{language}")
	assert len(queue.refusing.accepted) == 1
	accounts.wake(account.name)
