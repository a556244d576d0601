"""What strangers write, in a mail or as a mail server, is text on every form and list: never the desk's own HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import frappe
import pytest
from playwright.sync_api import expect

from dokos_mail.jobs import pull_account
from dokos_mail.patches import words_of_strangers
from mail_servers.dovecot import Dovecot
from tests.browser.real_desk.test_reading import account

__all__ = ["account"]

#: Drawn as HTML it is a picture, and runs what it likes.
HOSTILE = '<img src="x-owned" onerror="alert(1)">'
#: Where strangers' words are shown: fields of a form, as its DocType has them.
SHOWN = {
	"Incoming Email": ("subject", "reason", "authentication_reason", "imap_flags"),
	"Email Account Status": ("error", "remedy", "outgoing_error", "outgoing_remedy", "told_limits"),
	"Email Folder": ("error",),
	"Email Reaction": ("reason",),
	"Undeliverable Address": ("reason",),
}


def hostile(to: str) -> bytes:
	mail = EmailMessage()
	mail["From"], mail["To"], mail["Subject"] = Address(HOSTILE, addr_spec="anna@client.test"), to, HOSTILE
	mail["Message-ID"] = f"<{uuid4().hex}@client.test>"
	mail.set_content(f"Bonjour {HOSTILE}")
	mail.add_attachment(b"x", maintype="application", subtype="pdf", filename=f"{HOSTILE}.pdf")
	return mail.as_bytes()


@pytest.fixture
def harmless_again(site: object) -> Iterator[None]:
	"""What is written as rows of before may have it does not stay on the site."""
	yield
	frappe.db.rollback()
	words_of_strangers.execute()
	frappe.db.commit()


@pytest.mark.usefixtures("harmless_again")
def test_words_of_strangers_are_text(
	make_user: Callable[..., str],
	enter: Callable[..., Any],
	account: tuple[str, str],
	dovecot: Dovecot,
	forget: list[tuple[str, str]],
) -> None:
	name, user = account
	dovecot.append(user, [hostile(user)])
	assert pull_account(name).processed == {"Processed": 1}
	row = frappe.db.get_value(
		"Incoming Email", {"email_account": name}, ["name", "communication", "reference_name"], as_dict=True
	)
	forget.insert(0, ("Opportunity", row.reference_name))
	# lists of mail have it pulled, which would say that all is well again
	frappe.db.set_value("Email Account", name, "enable_incoming", 0)
	frappe.db.commit()
	desk = enter(make_user("en"))
	drawn = desk.page.locator("img[src='x-owned']")
	shown = HOSTILE.translate({ord("<"): "‹", ord(">"): "›"})

	# what it became, wherever it is seen
	for route, where in (
		("incoming-email/view/list", ".list-row"),
		("incoming-email/view/report", ".dt-cell"),
		("communication/view/list?status=Linked", ".list-row"),
		("opportunity/view/list", ".list-row"),
		("opportunity/view/report", ".dt-cell"),
	):
		desk.open_list(route)
		expect(desk.page.locator(f"{where}:visible", has_text=shown).first).to_be_visible()
		expect(drawn).to_have_count(0)
	for route in (f"opportunity/{row.reference_name}", f"communication/{row.communication}"):
		desk.open(route)
		expect(drawn).to_have_count(0)

	# as rows of before may have it, and words of mail servers
	reaction = {"doctype": "Email Reaction", "kind": "Notice", "state": "Done", "email_account": name, "identity": uuid4().hex}
	address = {"doctype": "Undeliverable Address", "address": f"{uuid4().hex[:8]}@client.test", "kind": "Bounced"}
	names = {
		"Incoming Email": row.name,
		"Email Account Status": frappe.db.get_value("Email Account Status", {"email_account": name}),
		"Email Folder": frappe.db.get_value("Email Folder", {"email_account": name}),
		"Email Reaction": frappe.get_doc(reaction).insert(ignore_permissions=True).name,
		"Undeliverable Address": frappe.get_doc(address).insert(ignore_permissions=True).name,
	}
	forget += [(doctype, names[doctype]) for doctype in ("Email Reaction", "Undeliverable Address")]
	for doctype, fields in SHOWN.items():
		frappe.db.set_value(doctype, names[doctype], dict.fromkeys(fields, HOSTILE))
	frappe.db.commit()
	for doctype, fields in SHOWN.items():
		route = doctype.lower().replace(" ", "-")
		desk.open_list(f"{route}/view/list")
		expect(desk.page.locator(".list-row:visible").first).to_be_visible()
		expect(drawn).to_have_count(0)
		desk.open(f"{route}/{names[doctype]}")
		for field in fields:
			expect(desk.field(field)).to_contain_text(HOSTILE)
		expect(drawn).to_have_count(0)
	desk.open(f"email-account/{name}")
	expect(drawn).to_have_count(0)
