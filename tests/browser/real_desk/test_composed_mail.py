"""A mail written in the composer of a bench's desk, as it arrives: looked at raw, drawn by a browser, read by a spam filter."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import frappe
import pytest
from playwright.sync_api import expect

from dokos_mail import jobs
from mail_servers.smtp_faults import FaultySmtp
from tests.app.test_spam_rules import complaints_about_the_build
from tests.browser.composed import assert_in_order, read
from tests.outbound.conftest import make_account, smtp

__all__ = ["make_account", "smtp"]

LOGO = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
SIGNS = "Marie Dupond, ventes"
IN_ORDER = ("Voici notre devis.", SIGNS, "Ma Société de Test", "SARL au capital", "12 rue des Lilas", "Se désinscrire")


@pytest.fixture
def site_says(site: Any) -> Iterator[None]:
	"""The site's own footer, and its language, as they were when the test is over."""
	before = {name: frappe.db.get_default(name) for name in ("email_footer_address", "disable_standard_email_footer")}
	language = frappe.db.get_single_value("System Settings", "language")
	frappe.db.set_default("email_footer_address", "12 rue des Lilas\n75000 Paris")
	frappe.db.set_default("disable_standard_email_footer", 1)
	frappe.db.set_single_value("System Settings", "language", "fr")
	frappe.clear_cache()
	frappe.db.commit()
	yield
	frappe.db.rollback()
	for name, value in before.items():
		frappe.db.set_default(name, value or "")
	frappe.db.set_single_value("System Settings", "language", language)
	frappe.clear_cache()
	frappe.db.commit()


def test_a_mail_written_in_the_desk(
	site_says: None,
	smtp: Callable[..., FaultySmtp],
	make_account: Callable[..., Any],
	make_user: Callable[..., str],
	enter: Callable[..., Any],
	browser: Any,
	forget: list[tuple[str, str]],
	tmp_path: Path,
) -> None:
	logo = frappe.get_doc({"doctype": "File", "file_name": f"{uuid4().hex}.png", "content": LOGO, "is_private": 0}).insert()
	server = smtp()
	account = make_account(
		server,
		default_outgoing=1,
		add_signature=1,
		signature="<p>Ma Société de Test</p>",
		footer="<p>SARL au capital de 10 000 euros</p>",
		send_unsubscribe_message=1,
		track_email_status=1,
		brand_logo=logo.file_url,
	)
	marie = make_user("fr")
	frappe.db.set_value("User", marie, "email_signature", f"<p>{SIGNS}</p>")
	contact = frappe.get_doc({"doctype": "Contact", "first_name": f"Paul {uuid4().hex[:6]}"}).insert()
	frappe.db.commit()
	forget.extend([("Contact", contact.name), ("File", logo.name)])
	desk = enter(marie)
	desk.open(f"contact/{contact.name}")
	desk.page.locator(".page-container:visible .timeline-actions button, .page-container:visible .action-btn").filter(
		has_text="mail"
	).first.click()
	composer = desk.page.locator(".modal.show")
	recipients = composer.locator(".frappe-control[data-fieldname=recipients] input")
	expect(recipients).to_be_focused()
	recipients.fill("paul@client.test")
	recipients.press("Tab")
	composer.locator(".frappe-control[data-fieldname=subject] input").fill("Devis n° 12 — été 2026")
	editor = composer.locator(".ql-editor").first
	editor.press("Control+Home")
	editor.press_sequentially("Voici notre devis.")
	desk.picture("composer-1-fenetre")
	composer.locator(".standard-actions .btn-primary").click()
	expect(composer).to_have_count(0)
	desk.settle()
	frappe.db.rollback()
	jobs.send_account_mail(account.name)
	[accepted] = [each for each in server.accepted if each.recipients == ("paul@client.test",)]
	mail = read(accepted.raw)
	assert (mail["Subject"], mail["To"]) == ("Devis n° 12 — été 2026", "paul@client.test")
	assert mail["From"] == f"Marie Dupond <{marie}>" and accepted.sender == account.email_id
	assert mail.get_content_type() == "multipart/mixed" and mail["Auto-Submitted"] is None
	picture = desk.pictures / "composer-2-recu.png" if desk.pictures else None
	assert_in_order(browser, accepted.raw, IN_ORDER, picture)
	assert complaints_about_the_build(accepted.raw, tmp_path) == set()
