"""Where the desk leads to our lists, and what they show at a glance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import frappe
import pytest
from playwright.sync_api import expect

#: The host's own page of e-mail settings, by host.
SETTINGS = {"Settings": "settings", "Tools": "tools"}


@pytest.fixture
def two_accounts(site: Any, forget: list[tuple[str, str]]) -> tuple[str, str]:
	"""One account that waits for its password and one whose server does not answer as it should."""
	names = []
	for values in ({"awaiting_password": 1}, {"password": "x"}):
		address = f"a{uuid4().hex[:8]}@masociete.test"
		server = {"email_server": "imap.nowhere.invalid", "use_ssl": 1, "use_imap": 1, "enable_incoming": 1}
		doc = frappe.get_doc({"doctype": "Email Account", "email_id": address, **server, **values}).insert()
		names.append(doc.name)
		forget.append(("Email Account", doc.name))
	frappe.db.commit()
	return names[0], names[1]


@pytest.mark.parametrize(
	("language", "awaiting", "failing"),
	[("fr", "En attente du mot de passe", "En échec"), ("en", "Awaiting password", "Failing")],
)
def test_the_list_of_accounts_tells_who_works(
	two_accounts: tuple[str, str],
	make_user: Callable[..., str],
	enter: Callable[..., Any],
	language: str,
	awaiting: str,
	failing: str,
) -> None:
	from dokos_mail.jobs import check_account

	check_account(two_accounts[1])
	desk = enter(make_user(language))
	desk.open_list("email-account")
	rows = desk.page.locator(".page-container:visible .list-row")
	expect(rows.filter(has_text=two_accounts[0])).to_contain_text(awaiting)
	expect(rows.filter(has_text=two_accounts[1])).to_contain_text(failing)
	desk.picture(f"liste-comptes-{language}")


def test_the_workspace_and_the_hosts_settings_lead_to_what_was_received(
	make_user: Callable[..., str], enter: Callable[..., Any]
) -> None:
	desk = enter(make_user("fr"))
	desk.open_list("dokos-mail")
	page = desk.page.locator(".page-container:visible .layout-main")
	for text in ("Nom de domaine email", "Compte email", "Email entrant"):
		expect(page.get_by_text(text).first).to_be_visible()
	desk.picture("espace-dokos-mail")
	host = next(route for name, route in SETTINGS.items() if frappe.db.exists("Workspace", name))
	desk.open_list(host)
	for text in ("Nom de domaine email", "Compte email", "Email entrant"):
		expect(page.get_by_text(text).first).to_be_visible()
	desk.picture("parametres-de-l-hote")
	page.get_by_text("Nom de domaine email").first.click()
	desk.page.wait_for_function("frappe.get_route()[0] === 'List' && frappe.get_route()[1] === 'Email Domain'")


def test_the_queue_says_what_is_sent_and_to_whom(
	make_user: Callable[..., str], enter: Callable[..., Any], forget: list[tuple[str, str]]
) -> None:
	subject = f"Devis n° {uuid4().hex[:6]}"
	address = f"a{uuid4().hex[:8]}@masociete.test"
	server = {"smtp_server": "smtp.nowhere.invalid", "enable_outgoing": 1, "default_outgoing": 1, "password": "x"}
	account = frappe.get_doc({"doctype": "Email Account", "email_id": address, **server}).insert()
	tomorrow = frappe.utils.add_to_date(None, days=1, as_datetime=True)
	frappe.sendmail(recipients=["elodie@client.test"], subject=subject, message="<p>Voici.</p>", send_after=tomorrow)
	[name] = frappe.get_all("Email Queue", filters={"mail_subject": subject}, pluck="name")
	frappe.db.commit()
	forget.extend([("Email Queue", name), ("Email Account", account.name)])
	desk = enter(make_user("fr"))
	desk.open_list("email-queue")
	row = desk.page.locator(".page-container:visible .list-row", has_text=subject)
	expect(row).to_contain_text("elodie@client.test")
	expect(row.get_by_text("En attente", exact=True)).to_have_count(1)
	desk.picture("file-d-attente")
	row.get_by_role("link", name=subject).click()
	expect(desk.page.locator(".page-container:visible .title-text").first).to_contain_text(subject)
	desk.picture("file-d-attente-fiche")


def test_our_link_comes_once_and_goes_without_a_trace(site: Any) -> None:
	from dokos_mail import desk_links

	def rows(fields: tuple[str, ...] = ("parent", "idx", "type", "label", "link_to", "link_count")) -> list[tuple[Any, ...]]:
		host = frappe.get_all("Workspace", filters={"module": ("!=", "Dokos Mail")}, pluck="name")
		filters = {"parenttype": "Workspace", "parent": ("in", host)}
		return [
			tuple(row[each] for each in fields)
			for row in frappe.get_all("Workspace Link", filters, list(fields), order_by="parent, idx")
		]

	with_ours = rows()
	assert sum(row[4] == "Incoming Email" for row in with_ours) == 1
	assert len({row[:2] for row in with_ours}) == len(with_ours), "no two at one place"
	desk_links.remove_links()
	without = rows()
	assert [row[2:5] for row in without] == [row[2:5] for row in with_ours if row[4] != "Incoming Email"]
	desk_links.add_links()
	desk_links.add_links()
	assert [row[2:] for row in rows()] == [row[2:] for row in with_ours]
	frappe.db.rollback()
