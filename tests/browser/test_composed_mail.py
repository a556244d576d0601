"""A mail written on the embedded host's desk, as it arrives: looked at raw, drawn by a browser, read by a spam filter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import frappe
import pytest
from playwright.sync_api import Page, expect

from dokos_mail import jobs
from mail_servers.smtp_faults import FaultySmtp
from tests.browser.composed import SIGNS, SITES_FOOTER, SUBJECT, WRITTEN, assert_whole, dressed_account
from tests.browser.conftest import PASSWORD
from tests.browser.test_desk import field
from tests.outbound.conftest import make_account, smtp

__all__ = ["make_account", "smtp"]

pytestmark = pytest.mark.embedded

MARIE = "marie@masociete.test"


@pytest.mark.parametrize("signs_in_the_text", [False, True])
def test_a_mail_written_in_the_desk(
	logged_in: Callable[..., Page],
	request: pytest.FixtureRequest,
	browser: Any,
	smtp: Callable[..., FaultySmtp],
	make_account: Callable[..., Any],
	tmp_path: Path,
	signs_in_the_text: bool,
) -> None:
	server = smtp()
	account, _logo = dressed_account(make_account, server)
	frappe.db.set_default("email_footer_address", SITES_FOOTER)
	frappe.db.set_single_value("System Settings", "language", "fr")
	her = {"email": MARIE, "first_name": "Marie", "last_name": "Dupond", "language": "fr", "new_password": PASSWORD}
	signs = {"email_signature": f"<p>{SIGNS}</p>", "roles": [{"role": "System Manager"}]}
	frappe.get_doc({"doctype": "User", **her, **signs}).insert()
	contact = frappe.get_doc({"doctype": "Contact", "first_name": "Paul"}).insert()
	frappe.db.commit()
	page = logged_in(f"/app/contact/{contact.name}", user=MARIE)
	dialog = page.get_by_role("dialog")
	page.get_by_role("button", name="Nouvel email").click()
	field(page, "recipients").fill("Paul Martin <paul@client.example>")
	field(page, "subject").fill(SUBJECT)
	dialog.get_by_role("textbox", name="Message").click()
	page.keyboard.type(WRITTEN)
	if signs_in_the_text:
		page.keyboard.press("Enter")
		page.keyboard.type(SIGNS)
	dialog.get_by_role("button", name="Envoyer").click()
	expect(dialog).to_be_hidden()
	frappe.db.rollback()
	jobs.send_account_mail(account.name)
	(accepted,) = server.accepted
	pictures = request.config.getoption("--pictures")
	picture = Path(pictures, "fr", "3-8-composed-mail.png").resolve() if pictures and not signs_in_the_text else None
	assert_whole(browser, accepted, account, (MARIE, "Paul Martin <paul@client.example>"), tmp_path, picture)
