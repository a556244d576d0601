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
from mail_servers.faults import FaultyImap
from tests.browser.company import COMMERCIAL, PASSWORD, PAUL, WORKING, Mail
from tests.browser.conftest import PASSWORD as LOGIN
from tests.browser.conftest import go
from tests.browser.refusals import REFUSALS
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


#: The head of the line, and what it says of a wrong port, of another server's certificate and of a wrong password.
FAILURES = {
	"fr": ("Réception", "port", "certificat", "la plupart des fournisseurs veulent un mot de passe d'application"),
	"en": ("Receiving", "port", "certificate", "most providers want an app password"),
}
SINCE = {
	"fr": r"En échec depuis le \d\d? \S+ \d{4},? \S* ?\d\d:\d\d\.",
	"en": r"Failing since \S+ \d\d?, \d{4},? \d\d?:\d\d\s[AP]M\.",
}


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_fails_is_said_with_its_remedy_until_it_is_green(
	walk: Callable[..., Walker], account: Callable[..., str], mail: Mail, worker: None, tmp_path: Path, language: str
) -> None:
	"""The check follows each save by itself: a wrong port, another server's certificate, a wrong password, and none of these."""
	account(incoming_port=str(mail.relay.port), password="faux")
	marie = walk(language, "/app/email-account/Commercial")
	page = marie.page
	notice = page.locator(".notice.red")
	head, wrong_port, wrong_certificate, wrong_password = FAILURES[language]
	expect(notice).to_contain_text(head)
	expect(notice).to_contain_text(wrong_port)
	# a date as the reader's language writes it
	expect(notice).to_contain_text(re.compile(SINCE[language]))
	with Dovecot(tmp_path / "autre", certificates=mail.server.certificates, certificate="other_name") as stranger:
		for port, said in ((stranger.ports["imaps"], wrong_certificate), (mail.server.ports["imaps"], wrong_password)):
			marie.start()
			marie.fill("Serveur email", "localhost")
			marie.fill("Port", str(port))
			marie.saved()
			expect(notice).to_contain_text(said)
	page.evaluate("scrollTo(0, 0)")
	marie.picture("2-9-failing")
	expect(page.locator(".title-area .pill")).to_have_text(marie.say("En échec"))
	marie.start()
	marie.fill("Mot de passe", PASSWORD)
	marie.saved()
	expect(page.locator(".notice.green")).to_contain_text(marie.say(WORKING))
	expect(page.locator(".title-area .pill")).to_have_text(marie.say("Fonctionne"))


def test_what_a_provider_wants_is_said_until_it_is_done(
	walk: Callable[..., Walker], account: Callable[..., str], worker: None
) -> None:
	"""IMAP switched off, an app password needed: in the provider's words, with what to do about it."""
	with FaultyImap() as provider:
		account(email_server=provider.host, incoming_port=str(provider.port), use_ssl=0, password="celui du site")
		marie = walk(path="/app/email-account/Commercial")
		notice = marie.page.locator(".notice")
		for number, (command, words, said, remedy) in enumerate(REFUSALS):
			provider.faults.answers = {command: words}
			marie.start()
			marie.fill("Mot de passe", f"essai {number}")
			marie.saved()
			expect(notice).to_contain_text(said)
			expect(notice).to_contain_text(remedy)
		provider.faults.answers = {}
		marie.start()
		marie.fill("Mot de passe", "le bon")
		marie.saved()
		expect(notice).to_contain_text(WORKING)


def test_pull_now_shows_how_far_it_is(walk: Callable[..., Walker], account: Callable[..., str], worker: None) -> None:
	"""A server that thinks it over: until it answers the window says what is waited for, then what became of it."""
	with FaultyImap({1: b"Subject: x\r\n\r\nx\r\n"}) as server:
		account(email_server=server.host, incoming_port=str(server.port), use_ssl=0)
		marie = walk(path="/app/email-account/Commercial")
		expect(marie.page.locator(".notice")).to_contain_text(WORKING)
		server.faults.silent_at = frozenset({"UID SEARCH"})
		marie.button("Relever maintenant").click()
		progress = marie.page.get_by_role("dialog", name="Relève de Commercial")
		expect(progress.get_by_role("progressbar")).to_be_visible()
		expect(progress).to_contain_text("Lecture de la boîte email")
	told = marie.page.get_by_role("dialog", name="Relever maintenant")
	expect(told).to_contain_text("a mis fin à la connexion")
	expect(progress).to_have_count(0)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_password_that_is_waited_for_is_asked_of_its_user_and_of_nobody_else(
	walk: Callable[..., Walker], logged_in: LogIn, account: Callable[..., str], mail: Mail, worker: None, language: str
) -> None:
	values = {"email": PAUL, "first_name": "Paul", "language": language, "new_password": LOGIN}
	frappe.get_doc({"doctype": "User", **values, "roles": [{"role": "Inbox User"}]}).insert()
	name = account(email_id=PAUL, email_account_name="Paul", awaiting_password=1, password=None)
	marie = walk(language, "/app/contact")
	expect(marie.page.get_by_role("dialog")).to_have_count(0)

	page = logged_in("/app", user=PAUL, width=1200)
	paul = Walker(page, language, marie.pictures)
	dialog = page.get_by_role("dialog")
	expect(dialog).to_contain_text(paul.say("Mot de passe de {0}").format(PAUL))
	paul.picture("2-1-awaiting")
	page.keyboard.type("faux")
	page.keyboard.press("Enter")
	# why, and what to do, stands beside the field until the next try
	said = dialog.locator("[data-fieldname=password] .text-danger")
	expect(said).to_contain_text("refuse")
	expect(said).to_contain_text(FAILURES[language][3])
	expect(page.locator(".toast")).to_have_count(0)
	frappe.db.rollback()
	assert not frappe.get_doc("Email Account", name).get_password("password", raise_exception=False)
	dialog.get_by_role("textbox").fill(PASSWORD)
	page.keyboard.press("Enter")
	expect(dialog).to_be_hidden()
	frappe.db.rollback()
	doc = frappe.get_doc("Email Account", name)
	assert (doc.awaiting_password, doc.get_password("password")) == (0, PASSWORD)

	again = logged_in("/app", user=PAUL)
	again.wait_for_load_state("networkidle")
	expect(again.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_mail_that_could_not_be_processed_is_read_and_processed_again(
	walk: Callable[..., Walker], account: Callable[..., str], mail: Mail, worker: None, language: str
) -> None:
	mandatory = {"doc_type": "Opportunity", "doctype_or_field": "DocField", "field_name": "notes", "property": "reqd"}
	setter = frappe.get_doc({"doctype": "Property Setter", **mandatory, "value": "1", "property_type": "Check"}).insert()
	account(append_to="Opportunity")
	mail.arrives("Demande de devis : véranda", "<p>Une véranda de 20 m².</p>")
	marie = walk(language, "/app/email-account/Commercial")
	page = marie.page
	marie.button("Relever maintenant").click()
	told = page.get_by_role("dialog", name=marie.say("Relever maintenant"))
	expect(told).to_contain_text(marie.say("Un n'a pas pu être traité."))
	page.keyboard.press("Escape")

	go(page, "/app/dokos-mail")
	shortcut = page.locator("a.shortcut", has_text=marie.say("Email entrant"))
	expect(shortcut.locator(".pill.red")).to_have_text(marie.say("{} en échec").format(1))
	shortcut.click()
	expect(page.locator(".result tbody tr")).to_have_count(1)
	page.get_by_role("link", name="Demande de devis : véranda").click()
	expect(page.locator(".title-area .pill")).to_have_text(marie.say("Échec"))
	reason = {"fr": "n'ont pas pu être remplis à partir de l'email : Notes", "en": "could not be filled from the mail: Notes"}
	expect(page.locator("[data-fieldname=reason]")).to_contain_text(reason[language])
	# a colleague of another language reads the same row
	for reader in ({"fr": "en", "en": "fr"}[language], language):
		frappe.db.set_value("User", "marie@example.com", "language", reader)
		frappe.db.commit()
		page.reload()
		expect(page.locator("[data-fieldname=reason]")).to_contain_text(reason[reader])
	marie.picture("3-7-failed")
	original = page.locator("[data-fieldname=original] a").get_attribute("href")
	assert "20 m" in page.request.get(original or "").text()

	frappe.delete_doc("Property Setter", setter.name)
	frappe.db.commit()
	marie.button("Traiter à nouveau").click()
	expect(page.locator(".title-area .pill")).to_have_text(marie.say("Traité"))
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
