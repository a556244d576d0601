"""What an administrator of mail does beside setting it up, on the French desk, with a real mail server and a worker."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import frappe
import pytest
from playwright.sync_api import Page, expect

from mail_servers.dovecot import Dovecot
from tests.browser.company import COMMERCIAL, PASSWORD, PAUL, WORKING, Mail
from tests.browser.conftest import PASSWORD as LOGIN
from tests.browser.conftest import go
from tests.browser.walker import Walker
from tests.mailbox import account_values

pytestmark = pytest.mark.embedded
LogIn = Callable[..., Page]


@pytest.fixture
def account(mail: Mail, site: Any) -> Callable[..., str]:
	"""Make the account Commercial, of other settings than right ones where they are given."""

	def make(**values: Any) -> str:
		server = {"use_ssl": 1, "incoming_port": str(mail.server.ports["imaps"]), "password": PASSWORD}
		made = account_values(mail.server, COMMERCIAL) | {"email_account_name": "Commercial", **server, **values}
		name = frappe.get_doc(made).insert().name
		frappe.db.commit()
		return name

	return make


def test_what_fails_is_said_with_its_remedy_until_it_is_green(
	walk: Callable[..., Walker], account: Callable[..., str], mail: Mail, worker: None, tmp_path: Path
) -> None:
	"""The check follows each save by itself: a wrong port, another server's certificate, a wrong password, and none of these."""
	account(incoming_port=str(mail.relay.port), password="faux")
	marie = walk(path="/app/email-account/Commercial")
	page = marie.page
	notice = page.locator(".notice.red")
	expect(notice).to_contain_text("Réception")
	expect(notice).to_contain_text("port")
	# a date as the reader's language writes it
	expect(notice).to_contain_text(re.compile(r"En échec depuis le \d\d? \S+ \d{4},? \S* ?\d\d:\d\d\."))
	with Dovecot(tmp_path / "autre", certificates=mail.server.certificates, certificate="other_name") as stranger:
		for port, said in (
			(stranger.ports["imaps"], "certificat"),
			(mail.server.ports["imaps"], "la plupart des fournisseurs veulent un mot de passe d'application"),
		):
			marie.start()
			marie.fill("Serveur email", "localhost")
			marie.fill("Port", str(port))
			marie.saved()
			expect(notice).to_contain_text(said)
	page.evaluate("scrollTo(0, 0)")
	marie.picture("2-9-failing")
	expect(page.locator(".title-area .pill")).to_have_text("En échec")
	marie.start()
	marie.fill("Mot de passe", PASSWORD)
	marie.saved()
	expect(page.locator(".notice.green")).to_contain_text(WORKING)
	expect(page.locator(".title-area .pill")).to_have_text("Fonctionne")


def test_a_password_that_is_waited_for_is_asked_of_its_user_and_of_nobody_else(
	walk: Callable[..., Walker], logged_in: LogIn, account: Callable[..., str], mail: Mail, worker: None
) -> None:
	values = {"email": PAUL, "first_name": "Paul", "language": "fr", "new_password": LOGIN}
	frappe.get_doc({"doctype": "User", **values, "roles": [{"role": "Inbox User"}]}).insert()
	name = account(email_id=PAUL, email_account_name="Paul", awaiting_password=1, password=None)
	marie = walk(path="/app/contact")
	expect(marie.page.get_by_role("dialog")).to_have_count(0)

	page = logged_in("/app", user=PAUL, width=1200)
	paul = Walker(page, "fr", marie.pictures)
	dialog = page.get_by_role("dialog")
	expect(dialog).to_contain_text(f"Mot de passe de {PAUL}")
	paul.picture("2-1-awaiting")
	page.keyboard.type("faux")
	page.keyboard.press("Enter")
	expect(page.locator(".toast.red")).to_contain_text("refuse")
	expect(dialog).to_be_visible()
	dialog.get_by_role("textbox").fill(PASSWORD)
	page.keyboard.press("Enter")
	expect(dialog).to_be_hidden()
	frappe.db.rollback()
	doc = frappe.get_doc("Email Account", name)
	assert (doc.awaiting_password, doc.get_password("password")) == (0, PASSWORD)

	again = logged_in("/app", user=PAUL)
	again.wait_for_load_state("networkidle")
	expect(again.get_by_role("dialog")).to_have_count(0)


def test_a_mail_that_could_not_be_processed_is_read_and_processed_again(
	walk: Callable[..., Walker], account: Callable[..., str], mail: Mail, worker: None
) -> None:
	mandatory = {"doc_type": "Opportunity", "doctype_or_field": "DocField", "field_name": "notes", "property": "reqd"}
	setter = frappe.get_doc({"doctype": "Property Setter", **mandatory, "value": "1", "property_type": "Check"}).insert()
	account(append_to="Opportunity")
	mail.arrives("Demande de devis : véranda", "<p>Une véranda de 20 m².</p>")
	marie = walk(path="/app/email-account/Commercial")
	page = marie.page
	marie.button("Relever maintenant").click()
	told = page.get_by_role("dialog", name="Relever maintenant")
	expect(told).to_contain_text("Un n'a pas pu être traité.")
	page.keyboard.press("Escape")

	go(page, "/app/dokos-mail")
	shortcut = page.locator("a.shortcut", has_text="Email entrant")
	expect(shortcut.locator(".pill.red")).to_have_text("1 en échec")
	shortcut.click()
	expect(page.locator(".result tbody tr")).to_have_count(1)
	page.get_by_role("link", name="Demande de devis : véranda").click()
	expect(page.locator(".title-area .pill")).to_have_text("Échec")
	# the worker wrote it down, in the language of the site
	expect(page.locator("[data-fieldname=reason]")).to_contain_text("n'ont pas pu être remplis à partir de l'email : Notes")
	marie.picture("3-7-failed")
	original = page.locator("[data-fieldname=original] a").get_attribute("href")
	assert "20 m" in page.request.get(original or "").text()

	frappe.delete_doc("Property Setter", setter.name)
	frappe.db.commit()
	marie.button("Traiter à nouveau").click()
	expect(page.locator(".title-area .pill")).to_have_text("Traité")
	expect(page.locator("[data-fieldname=reference_doctype]")).to_contain_text("Opportunity")


def test_the_form_of_a_user_makes_an_account_that_waits_for_its_password(walk: Callable[..., Walker]) -> None:
	"""The host's own button brings the address; some hosts drop the boxes that it asks for (row H2)."""
	marie = walk(path="/app/user/marie@example.com")
	page = marie.page
	page.wait_for_selector("body.ready .layout")
	page.evaluate("frappe.new_doc('Email Account', { email_id: 'marie@example.com' })")
	page.wait_for_url("**/email-account/new")
	marie.start()
	expect(marie.field("Adresse email").locator("input")).to_have_value("marie@example.com")
	for box in ("En attente du mot de passe", "Recevoir les emails de ce compte"):
		expect(marie.field(box).get_by_role("checkbox")).to_be_checked()


def test_by_the_keyboard_alone(walk: Callable[..., Walker]) -> None:
	"""From the first page to a saved domain, without a mouse; what has the focus is seen to have it."""
	page = walk().page

	def tab_to(name: str) -> None:
		for _step in range(40):
			page.keyboard.press("Tab")
			focused = page.evaluate("document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent")
			if focused.strip() == name:
				seen = "getComputedStyle(document.activeElement)"
				assert page.evaluate(f"{seen}.outlineStyle !== 'none' || {seen}.boxShadow !== 'none'"), name
				return
		raise AssertionError(f"the tabulator does not reach {name}")

	page.keyboard.press("Control+g")
	page.keyboard.type("nom de dom")
	expect(page.get_by_role("option", name="Nom de domaine email")).to_be_visible()
	page.keyboard.press("Enter")
	page.wait_for_selector("body.ready .result")
	tab_to("Ajouter un Nouveau nom de domaine")
	page.keyboard.press("Enter")
	page.wait_for_selector("body.ready .layout")
	page.keyboard.type("hello@masociete.test")
	for label, value in (("Serveur email entrant", "imap.masociete.test"), ("Utiliser IMAP", " "), ("Utiliser SSL", " ")):
		tab_to(label)
		page.keyboard.type(value)
	tab_to("Serveur email sortant")
	page.keyboard.type("smtp.masociete.test")
	page.keyboard.press("Control+s")
	page.wait_for_url("**/app/email-domain/masociete.test")
	frappe.db.rollback()
	assert frappe.db.get_value("Email Domain", "masociete.test", ["use_imap", "use_ssl"]) == (1, 1)
