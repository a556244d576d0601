"""The queue on the embedded host's desk: what waits and why, what failed, and what is done about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe
import pytest
from playwright.sync_api import expect

from dokos_mail import jobs
from mail_servers.smtp_faults import FaultySmtp, SmtpFaults
from tests.browser.conftest import go
from tests.browser.walker import Walker
from tests.outbound.conftest import make_account, smtp

__all__ = ["make_account", "smtp"]

pytestmark = pytest.mark.embedded

REFUSES = SmtpFaults({"RCPT": b"550 5.1.1 <paul@client.test>: no such user"})
BUSY = SmtpFaults({"greeting": b"421 4.7.0 too many connections"})


def put(account: Any, subject: str, **values: Any) -> str:
	frappe.sendmail(recipients=["paul@client.test"], sender=account.email_id, subject=subject, message="<p>Voici.</p>", **values)
	frappe.db.commit()
	return frappe.get_all("Email Queue", filters={"mail_subject": subject}, pluck="name")[0]


def test_what_waits_and_what_failed_is_seen_and_mended(
	walk: Callable[..., Walker], smtp: Callable[..., FaultySmtp], make_account: Callable[..., Any]
) -> None:
	refusing, busy = smtp(REFUSES), smtp(BUSY)
	accounts = make_account(refusing), make_account(busy)
	failed, waits, too_much = put(accounts[0], "Refusé"), put(accounts[1], "Attend"), put(accounts[1], "De trop")
	for account in accounts:
		jobs.send_account_mail(account.name)
	later = frappe.utils.add_to_date(frappe.utils.now_datetime(), hours=1)
	frappe.db.set_value("Email Account Status", {"email_account": accounts[1].name}, "outgoing_next_attempt", later)
	marie = walk("fr", "/app/email-queue")
	page = marie.page
	row = page.locator(".result tbody tr")
	for subject, state, why in (
		("Refusé", "Refusé", "550 5.1.1 <paul@client.test>: no such user"),
		("Attend", "En attente", "demande de réessayer plus tard : 421 4.7.0 too many connections"),
	):
		shown = row.filter(has=page.get_by_role("link", name=subject, exact=True))
		for text in ("paul@client.test", state, why):
			expect(shown).to_contain_text(text)

	marie.button("Ce qui attend, et pourquoi").click()
	told = page.get_by_role("dialog").locator("tr", has_text=accounts[1].name)
	expect(told.get_by_role("cell").nth(1)).to_have_text("2")
	expect(told).to_contain_text("est en pause jusqu'au")
	page.keyboard.press("Escape")

	marie.button("Suspendre l'envoi").click()
	expect(row.filter(has_text="L'envoi est suspendu sur ce site.")).to_have_count(2)
	marie.button("Reprendre l'envoi").click()
	expect(marie.button("Suspendre l'envoi")).to_be_visible()
	expect(row.filter(has_text="suspendu")).to_have_count(0)

	pill = page.locator(".title-area .pill")
	go(page, f"/app/email-queue/{waits}")
	expect(pill).to_have_text("En attente")
	expect(page.locator(".notice")).to_contain_text("too many connections")
	busy.faults = SmtpFaults()
	marie.button("Envoyer maintenant").click()
	expect(page.locator(".toast")).to_contain_text("Envoyé")
	expect(pill).to_have_text("Envoyé")
	expect(marie.button("Envoyer maintenant")).to_have_count(0)

	go(page, f"/app/email-queue/{too_much}")
	marie.button("Annuler").click()
	marie.button("Oui", page.get_by_role("dialog")).click()
	expect(pill).to_have_text("Annulé")

	go(page, f"/app/email-queue/{failed}")
	expect(page.locator(".notice")).to_contain_text("550 5.1.1 <paul@client.test>: no such user")
	refusing.faults = SmtpFaults()
	marie.button("Réessayer").click()
	expect(pill).to_have_text("En attente")
	marie.button("Envoyer maintenant").click()
	expect(pill).to_have_text("Envoyé")
	assert [each.count for each in (refusing, busy)] == [1, 1]


def test_its_writer_follows_a_mail_and_tries_it_again(
	walk: Callable[..., Walker], smtp: Callable[..., FaultySmtp], make_account: Callable[..., Any]
) -> None:
	server = smtp(REFUSES)
	account = make_account(server)
	people = {"user": "marie@example.com", "recipients": "paul@client.test", "subject": "Devis", "content": "x"}
	sent = {"communication_medium": "Email", "sent_or_received": "Sent", "communication_type": "Communication"}
	mail = frappe.get_doc({"doctype": "Communication", **sent, **people}).insert()
	put(account, "Devis", communication=mail.name)
	jobs.send_account_mail(account.name)
	marie = walk("fr", f"/app/communication/{mail.name}")
	lines = marie.page.locator(".dokos-mail-delivery tr")
	expect(lines).to_have_count(3)
	expect(lines.nth(1)).to_contain_text("Mis en file d'attente")
	expect(lines.nth(2)).to_contain_text("550 5.1.1 <paul@client.test>: no such user")
	server.faults = SmtpFaults()
	marie.button("Réessayer").click()
	marie.button("Envoyer maintenant").click()
	expect(lines.last).to_contain_text("250 2.0.0 taken as number 1")
	assert server.count == 1
