"""The queue of a bench's site, as whoever looks after it uses it: what waits and why, what failed, and what is done about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
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
		"Yes": "Oui", "Queued": "Mis en file d'attente", "Delivery": "Acheminement", "Why": "Pourquoi",
		"Suspend Sending": re.compile("Suspendre"), "Resume Sending": re.compile("Reprendre"), "suspended": "L'envoi est suspendu sur ce site.",
	},
	"en": {
		"Waiting": "Waiting", "Refused": "Refused", "Sent": "Sent", "Cancelled": "Cancelled", "busy": "asks to try again later", "rests": "rests until",
		"Send Now": "Send Now", "Try Again": "Try Again", "Cancel": "Cancel", "What Waits and Why": "What Waits and Why",
		"Yes": "Yes", "Queued": "Queued", "Delivery": "Delivery", "Why": "Why",
		"Suspend Sending": "Suspend Sending", "Resume Sending": "Resume Sending", "suspended": "Sending is suspended on this site.",
	},
}  # fmt: skip
REFUSES = SmtpFaults({"RCPT": b"550 5.1.1 <paul@client.test>: no such user"})
BUSY = SmtpFaults({"greeting": b"421 4.7.0 too many connections"})


class Queue:
	"""Mails of one run, each with a subject of its own."""

	def __init__(self, forget: list[tuple[str, str]]) -> None:
		self.run, self.forget = uuid4().hex[:6], forget

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
def queue(forget: list[tuple[str, str]]) -> Queue:
	return Queue(forget)


@pytest.fixture
def servers(smtp: Callable[..., FaultySmtp]) -> Iterator[tuple[FaultySmtp, FaultySmtp]]:
	"""One that refuses recipients, one that takes nothing now."""
	yield smtp(REFUSES), smtp(BUSY)


def row_of(desk: Any, subject: str) -> Locator:
	return desk.page.locator(".page-container:visible .list-row", has_text=subject)


def pill(desk: Any) -> Locator:
	"""The state beside a form's title."""
	return desk.page.locator(".page-container:visible .page-head .indicator-pill:visible")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_waits_and_what_failed_is_seen_and_mended(
	servers: tuple[FaultySmtp, FaultySmtp],
	make_account: Callable[..., Any],
	queue: Queue,
	make_user: Callable[..., str],
	enter: Callable[..., Any],
	language: str,
) -> None:
	word = WORDS[language]
	refusing, busy = make_account(servers[0]), make_account(servers[1])
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
	desk.page.goto(
		f"{desk.base}/app/email-queue?mail_subject={queue.run}&mail_subject=%5B%22like%22%2C%22%25{queue.run}%25%22%5D"
	)
	desk.settle()
	refused, waits = row_of(desk, queue.subject("Refusé")), row_of(desk, queue.subject("Attend"))
	expect(desk.page.locator(".page-container:visible .list-row-head")).to_contain_text(word["Why"])
	expect(refused).to_contain_text("paul@client.test")
	expect(refused.get_by_text(word["Refused"], exact=True)).to_be_visible()
	expect(refused).to_contain_text("no such user")
	# what keeps it is its account's affair, and is said on each mail all the same
	expect(waits.get_by_text(word["Waiting"], exact=True)).to_be_visible()
	expect(waits).to_contain_text(word["busy"])
	desk.picture(f"file-1-liste-{language}")

	desk.press(word["What Waits and Why"])
	told = desk.dialog.locator("tr", has_text=busy.name)
	expect(told).to_contain_text(word["rests"])
	expect(told).to_contain_text("too many connections")
	expect(told.locator("td").nth(1)).to_have_text("2")
	desk.picture(f"file-2-ce-qui-attend-{language}")
	desk.close_dialog()

	waits.get_by_role("link", name=queue.subject("Attend")).click()
	expect(pill(desk)).to_have_text(word["Waiting"])
	expect(desk.headline).to_contain_text("too many connections")
	desk.picture(f"file-3-en-attente-{language}")
	desk.press(word["Send Now"])
	expect(desk.page.locator(".desk-alert, .alert-message").filter(visible=True).first).to_contain_text("too many connections")
	servers[1].faults = SmtpFaults()
	desk.press(word["Send Now"])
	expect(pill(desk)).to_have_text(word["Sent"])
	desk.picture(f"file-4-envoye-{language}")

	servers[1].faults = BUSY
	desk.page.go_back()
	row_of(desk, queue.subject("De trop")).get_by_role("link", name=queue.subject("De trop")).click()
	desk.press(word["Cancel"])
	desk.dialog.get_by_role("button", name=word["Yes"]).click()
	expect(pill(desk)).to_have_text(word["Cancelled"])
	desk.picture(f"file-5-annule-{language}")

	desk.page.go_back()
	row_of(desk, queue.subject("Refusé")).get_by_role("link", name=queue.subject("Refusé")).click()
	expect(desk.headline).to_contain_text("550 5.1.1 <paul@client.test>: no such user")
	desk.picture(f"file-6-refuse-{language}")
	servers[0].faults = SmtpFaults()
	desk.press(word["Try Again"])
	expect(pill(desk)).to_have_text(word["Waiting"])
	desk.press(word["Send Now"])
	expect(pill(desk)).to_have_text(word["Sent"])
	assert [len(server.accepted) for server in servers] == [1, 1]


def test_sending_is_suspended_and_resumed(
	servers: tuple[FaultySmtp, FaultySmtp],
	make_account: Callable[..., Any],
	queue: Queue,
	make_user: Callable[..., str],
	enter: Callable[..., Any],
) -> None:
	servers[0].faults = SmtpFaults()
	account = make_account(servers[0])
	queue.put(account, "Attend")
	desk = enter(make_user("en"))
	desk.open_list("email-queue")
	row = row_of(desk, queue.subject("Attend"))
	try:
		desk.press("Suspend Sending")
		expect(row).to_contain_text("Sending is suspended on this site.")
		frappe.db.rollback()
		frappe.clear_cache()
		jobs.send_account_mail(account.name)
		assert servers[0].count == 0
		desk.press("Resume Sending")
		expect(desk.page.locator(".page-container:visible .page-actions button", has_text="Suspend Sending")).to_be_visible()
		expect(row).not_to_contain_text("suspended")
	finally:
		frappe.db.set_default("suspend_email_queue", 0)
		frappe.db.commit()
	frappe.clear_cache()
	jobs.send_account_mail(account.name)
	assert servers[0].count == 1


@pytest.mark.parametrize("language", ["fr", "en"])
def test_its_writer_follows_a_mail_and_tries_it_again(
	servers: tuple[FaultySmtp, FaultySmtp],
	make_account: Callable[..., Any],
	queue: Queue,
	make_user: Callable[..., str],
	enter: Callable[..., Any],
	forget: list[tuple[str, str]],
	language: str,
) -> None:
	"""Who wrote it sees no queue: the mail itself says how it went, and what can be done."""
	word = WORDS[language]
	account = make_account(servers[0])
	writer = make_user(language, roles=("Inbox User",))
	sent = {"communication_medium": "Email", "sent_or_received": "Sent", "communication_type": "Communication", "content": "x"}
	people = {"user": writer, "sender": writer, "recipients": "paul@client.test", "subject": queue.subject("Devis")}
	frappe.set_user(writer)
	mail = frappe.get_doc({"doctype": "Communication", **sent, **people}).insert(ignore_permissions=True)
	queue.put(account, "Devis", communication=mail.name)
	frappe.set_user("Administrator")
	forget.append(("Communication", mail.name))
	jobs.send_account_mail(account.name)
	desk = enter(writer)
	desk.open(f"communication/{mail.name}")
	delivery = desk.page.locator(".page-container:visible .dokos-mail-delivery")
	expect(delivery.locator("tr")).to_have_count(3)
	expect(delivery.locator("tr").nth(1)).to_contain_text(word["Queued"])
	expect(delivery.locator("tr").nth(2)).to_contain_text(word["Refused"])
	expect(delivery.locator("tr").nth(2)).to_contain_text("550 5.1.1 <paul@client.test>: no such user")
	desk.picture(f"file-7-acheminement-{language}")
	servers[0].faults = SmtpFaults()
	desk.press(word["Try Again"])
	desk.press(word["Send Now"])
	expect(delivery.locator("tr").last).to_contain_text(word["Sent"])
	expect(delivery.locator("tr").last).to_contain_text("250 2.0.0 taken as number 1")
	desk.picture(f"file-8-acheminement-{language}")
	assert len(servers[0].accepted) == 1
	accounts.wake(account.name)
