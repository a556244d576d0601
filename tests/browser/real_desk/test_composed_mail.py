"""A mail written in the composer of a bench's desk, as it arrives: looked at raw, drawn by a browser, read by a spam filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import frappe
import pytest
from playwright.sync_api import expect

from dokos_mail import jobs
from mail_servers.smtp_faults import FaultySmtp
from tests.browser.composed import SIGNS, SITES_FOOTER, SUBJECT, WRITTEN, assert_whole, dressed_account
from tests.outbound.conftest import make_account, smtp

__all__ = ["make_account", "smtp"]


@pytest.fixture
def site_says(site: Any) -> Iterator[None]:
	"""The site's own footer, and its language, as they were when the test is over."""
	before = {name: frappe.db.get_default(name) for name in ("email_footer_address", "disable_standard_email_footer")}
	language = frappe.db.get_single_value("System Settings", "language")
	frappe.db.set_default("email_footer_address", SITES_FOOTER)
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
	server = smtp()
	account, logo = dressed_account(make_account, server)
	marie = make_user("fr")
	frappe.db.set_value("User", marie, "email_signature", f"<p>{SIGNS}</p>")
	contact = frappe.get_doc({"doctype": "Contact", "first_name": f"Paul {uuid4().hex[:6]}"}).insert()
	frappe.db.commit()
	forget.extend([("Contact", contact.name), ("File", logo)])
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
	composer.locator(".frappe-control[data-fieldname=subject] input").fill(SUBJECT)
	editor = composer.locator(".ql-editor").first
	editor.press("Control+Home")
	editor.press_sequentially(WRITTEN)
	desk.picture("composer-1-fenetre")
	composer.locator(".standard-actions .btn-primary").click()
	expect(composer).to_have_count(0)
	desk.settle()
	frappe.db.rollback()
	jobs.send_account_mail(account.name)
	[accepted] = [each for each in server.accepted if each.recipients == ("paul@client.test",)]
	picture = desk.pictures / "composer-2-recu.png" if desk.pictures else None
	assert_whole(browser, accepted, account, (marie, "paul@client.test"), tmp_path, picture)
