"""A mail written on the embedded host's desk, as it arrives: looked at raw, drawn by a browser, read by a spam filter."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import frappe
import pytest
from playwright.sync_api import Page, expect

from dokos_mail import jobs
from mail_servers.smtp_faults import FaultySmtp
from tests.app.test_spam_rules import complaints_about_the_build
from tests.browser.composed import assert_in_order, read
from tests.browser.conftest import PASSWORD
from tests.browser.test_desk import field
from tests.outbound.conftest import make_account, smtp

__all__ = ["make_account", "smtp"]

pytestmark = pytest.mark.embedded

MARIE = "marie@masociete.test"
#: A little square that a browser draws.
LOGO = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
IN_ORDER = (
	"Voici notre devis.",
	"Marie Dupond, ventes",
	"Ma Société de Test",
	"SARL au capital",
	"12 rue des Lilas",
	"Se désinscrire",
)


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
	logo = frappe.get_doc({"doctype": "File", "file_name": "logo.png", "content": LOGO, "is_private": 0}).insert()
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
	frappe.db.set_default("email_footer_address", "12 rue des Lilas\n75000 Paris")
	frappe.db.set_single_value("System Settings", "language", "fr")
	her = {"email": MARIE, "first_name": "Marie", "last_name": "Dupond", "language": "fr", "new_password": PASSWORD}
	signs = {"email_signature": "<p>Marie Dupond, ventes</p>", "roles": [{"role": "System Manager"}]}
	frappe.get_doc({"doctype": "User", **her, **signs}).insert()
	contact = frappe.get_doc({"doctype": "Contact", "first_name": "Paul"}).insert()
	frappe.db.commit()
	page = logged_in(f"/app/contact/{contact.name}", user=MARIE)
	dialog = page.get_by_role("dialog")
	page.get_by_role("button", name="Nouvel email").click()
	field(page, "recipients").fill("Paul Martin <paul@client.example>")
	field(page, "subject").fill("Devis n° 12 — été 2026")
	dialog.get_by_role("textbox", name="Message").click()
	page.keyboard.type("Voici notre devis.")
	if signs_in_the_text:
		page.keyboard.press("Enter")
		page.keyboard.type("Marie Dupond, ventes")
	dialog.get_by_role("button", name="Envoyer").click()
	expect(dialog).to_be_hidden()
	frappe.db.rollback()
	jobs.send_account_mail(account.name)
	(accepted,) = server.accepted
	mail = read(accepted.raw)
	assert (mail["Subject"], mail["To"]) == ("Devis n° 12 — été 2026", "Paul Martin <paul@client.example>")
	assert mail["From"] == f"Marie Dupond <{MARIE}>" and accepted.sender == account.email_id
	assert mail.get_content_type() == "multipart/mixed" and mail["Auto-Submitted"] is None
	pictures = request.config.getoption("--pictures")
	picture = Path(pictures, "fr", "3-8-composed-mail.png").resolve() if pictures and not signs_in_the_text else None
	assert_in_order(browser, accepted.raw, IN_ORDER, picture)
	assert complaints_about_the_build(accepted.raw, tmp_path) == set()
