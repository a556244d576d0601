"""The two forms as an administrator meets them on a bench's French desk (seed page, sections 1 and 2)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import frappe
import pytest
from playwright.sync_api import expect

from mail_servers.dovecot import Dovecot
from mail_servers.faults import FaultyImap
from tests.browser.refusals import REFUSALS
from tests.browser.relevance import OF_THE_DOMAIN, STEPS
from tests.mailbox import PASSWORD, account_values, new_user
from tests.test_seed_page import PAGES


@pytest.fixture
def desk(make_user: Callable[..., str], enter: Callable[..., Any]) -> Any:
	return enter(make_user("fr"))


def test_labels_are_the_pages(desk: Any) -> None:
	"""Every label of the French desk, as the browser has it, in the order of the seed page."""
	for doctype, page in (("Email Domain", PAGES["email_domain"]), ("Email Account", PAGES["email_account"])):
		desk.open(f"{doctype.lower().replace(' ', '-')}/new")
		labels = desk.page.evaluate("cur_frm.meta.fields.map(df => [df.fieldname, __(df.label || '', null, df.parent)])")
		wanted = [each for chapter in page.values() for each in chapter]
		shown = dict(labels)
		assert [(name, shown[name].removesuffix(" (Mo)")) for name, _label in wanted] == wanted
		names = [name for name, _label in labels if name in {name for name, _label in wanted}]
		if not desk.page.evaluate("cur_frm.meta.fields.some(df => df.fieldtype == 'Tab Break')"):
			assert names == [name for name, _label in wanted]


ON_THE_FORM = """() => Object.entries(cur_frm.fields_dict)
	.filter(([_name, { df, section }]) => !df.hidden && !df.hidden_due_to_dependency && !section?.df.hidden_due_to_dependency)
	.map(([name]) => name)"""


def test_fields_appear_as_they_become_relevant(desk: Any, forget: list[tuple[str, str]]) -> None:
	servers = {"email_server": "imap.masociete.test", "smtp_server": "smtp.masociete.test", "use_imap": 1, "use_ssl": 1}
	domain = frappe.get_doc({"doctype": "Email Domain", "domain_name": f"d{uuid4().hex[:8]}.test", **servers}).insert()
	frappe.db.commit()
	forget.append(("Email Domain", domain.name))
	desk.open("email-account/new")
	desk.picture("compte-nouveau")
	# a host may have fields of its own; what is in a folded section counts as shown
	ours = {*OF_THE_DOMAIN, *(name for _choice, come, go in STEPS for name in come | go)}
	seen = set(desk.page.evaluate(ON_THE_FORM)) & ours
	for choice, come, go in (*STEPS, ({"domain": domain.name}, set(), OF_THE_DOMAIN)):
		desk.page.evaluate("async (choice) => { await cur_frm.set_value(choice); cur_frm.refresh_fields(); }", choice)
		desk.settle()
		now = set(desk.page.evaluate(ON_THE_FORM)) & ours
		assert (now - seen, seen - now) == (come, go), choice
		seen = now


def test_minutes_may_be_calculated(desk: Any) -> None:
	desk.open("email-account/new")
	desk.tick("enable_incoming")
	desk.tab(1)
	desk.tick("notify_if_unreplied")
	desk.fill("unreplied_for_mins", "60*24*2")
	assert desk.page.evaluate("cur_frm.doc.unreplied_for_mins") == 2880
	# written with the separators that the site has chosen
	assert re.sub(r"\D", "", desk.value("unreplied_for_mins")) == "2880"


def test_a_known_providers_settings_are_one_click_away(desk: Any) -> None:
	desk.open("email-account/new")
	desk.fill("email_id", "jean.dupond@gmail.com")
	expect(desk.headline).to_contain_text("imap.gmail.com")
	expect(desk.headline).to_contain_text("mot de passe d'application")
	desk.picture("compte-proposition")
	desk.press("Utiliser les paramètres de GMail")
	desk.page.wait_for_function("cur_frm.doc.email_server === 'imap.gmail.com' && cur_frm.doc.smtp_server === 'smtp.gmail.com'")
	assert desk.page.evaluate("cur_frm.doc.service") == "GMail"
	help = desk.field("provider_help")
	expect(help.get_by_role("link").first).to_have_attribute("href", "https://support.google.com/mail/answer/7126229")
	expect(help).to_contain_text("IMAP doit être activé")


def test_a_domain_is_named_by_its_example(desk: Any, forget: list[tuple[str, str]]) -> None:
	name = f"d{uuid4().hex[:8]}.test"
	desk.open("email-domain/new")
	desk.fill("email_id", f"hello@{name}")
	assert desk.value("domain_name") == name
	desk.press("Paramètres d'un fournisseur")
	desk.dialog.locator("select").select_option("OVH")
	desk.picture("domaine-fournisseur")
	desk.dialog.get_by_role("button", name="Utiliser ces paramètres").click()
	desk.page.wait_for_function("cur_frm.doc.email_server === 'ssl0.ovh.net'")
	desk.settle()
	desk.save()
	forget.append(("Email Domain", name))
	desk.picture("domaine")
	assert frappe.db.get_value("Email Domain", name, ["smtp_server", "use_imap", "use_ssl"]) == ("ssl0.ovh.net", 1, 1)


@pytest.fixture
def account(desk: Any, dovecot: Dovecot, forget: list[tuple[str, str]]) -> tuple[str, str]:
	"""An account made on the form; returns its name and its user on the mail server."""
	user = new_user(dovecot)
	make_account(desk, dovecot, user, PASSWORD)
	name = desk.page.evaluate("cur_frm.docname")
	forget.append(("Email Account", name))
	return name, user


def make_account(desk: Any, server: Any, user: str, password: str, *boxes: str, port: int | None = None) -> None:
	desk.open("email-account/new")
	desk.fill("email_id", user)
	desk.fill("password", password)
	desk.fill("email_account_name", user.partition("@")[0])
	desk.tick("enable_incoming")
	desk.tab(1)
	desk.tick("use_imap")
	desk.fill("email_server", server.host)
	desk.fill("incoming_port", str(port or (server.ports["imap"] if hasattr(server, "ports") else server.port)))
	for box in boxes:
		desk.tick(box)
	desk.save()


def save_with_password(desk: Any, password: str) -> None:
	desk.tab(0)
	desk.fill("password", password)
	desk.save()


def test_the_check_follows_the_save(desk: Any, account: tuple[str, str]) -> None:
	expect(desk.headline).to_contain_text("La connexion fonctionne.")
	desk.picture("compte-fonctionne")


def test_a_wrong_password_says_so_by_itself_and_so_does_its_cure(
	desk: Any, dovecot: Dovecot, forget: list[tuple[str, str]]
) -> None:
	user = new_user(dovecot)
	make_account(desk, dovecot, user, "wrong")
	forget.append(("Email Account", desk.page.evaluate("cur_frm.docname")))
	expect(desk.headline).to_contain_text("refus")
	desk.picture("compte-echec")
	save_with_password(desk, PASSWORD)
	expect(desk.headline).to_contain_text("La connexion fonctionne.")


def test_what_a_provider_wants_is_said_until_it_is_done(desk: Any, forget: list[tuple[str, str]]) -> None:
	"""IMAP switched off, an app password needed: in the provider's words, with what to do about it."""
	with FaultyImap() as provider:
		for number, (command, words, said, remedy) in enumerate(REFUSALS):
			provider.faults.answers = {command: words}
			if not number:
				make_account(desk, provider, f"jean-{uuid4().hex[:6]}@masociete.test", "celui du site")
				forget.append(("Email Account", desk.page.evaluate("cur_frm.docname")))
			else:
				save_with_password(desk, f"essai {number}")
			expect(desk.headline).to_contain_text(said)
			expect(desk.headline).to_contain_text(remedy)
			desk.picture(f"compte-fournisseur-{number}")
		provider.faults.answers = {}
		save_with_password(desk, "le bon")
		expect(desk.headline).to_contain_text("La connexion fonctionne.")


def test_a_wrong_port_and_anothers_certificate_say_so(
	desk: Any, dovecot: Dovecot, authority: None, forget: list[tuple[str, str]], tmp_path: Path, unused_tcp_port: int
) -> None:
	user = new_user(dovecot)
	make_account(desk, dovecot, user, PASSWORD, port=unused_tcp_port)
	forget.append(("Email Account", desk.page.evaluate("cur_frm.docname")))
	expect(desk.headline).to_contain_text(f"refuse les connexions sur le port {unused_tcp_port}")
	expect(desk.headline).to_contain_text("Vérifiez le port")
	desk.picture("compte-port")
	with Dovecot(tmp_path / "autre", certificates=dovecot.certificates, certificate="other_name") as stranger:
		# the first of another protocol, then one whose certificate has another name
		for server, port, said, remedy in (
			(dovecot, dovecot.ports["pop3"], "c'est un serveur POP3.", "Vérifiez le port"),
			(
				stranger,
				stranger.ports["imaps"],
				"celui d'un autre nom",
				"Indiquez le serveur sous le nom que donne son fournisseur",
			),
		):
			desk.tab(1)
			desk.tick("use_ssl", server is stranger)
			desk.fill("incoming_port", str(port))
			desk.save()
			expect(desk.headline).to_contain_text(said)
			expect(desk.headline).to_contain_text(remedy)
			desk.picture(f"compte-{'certificat' if server is stranger else 'protocole'}")
	desk.tab(1)
	desk.fill("incoming_port", str(dovecot.ports["imaps"]))
	desk.save()
	expect(desk.headline).to_contain_text("La connexion fonctionne.")


@pytest.fixture
def authority(site: Any, dovecot: Dovecot) -> Iterator[None]:
	"""The site trusts the authority of the test's mail servers: its worker reads the configuration anew for each job."""
	config = site.path / "site_config.json"
	before = config.read_text()
	config.write_text(json.dumps(json.loads(before) | {"ssl_ca_file": str(dovecot.certificates.authority)}))
	yield
	config.write_text(before)


def test_pull_now_ends_with_what_came_in(desk: Any, account: tuple[str, str], dovecot: Dovecot) -> None:
	from tests.mailbox import raw

	_name, user = account
	dovecot.append(user, [raw("Une demande <b>de devis</b>"), raw("Une autre")])
	expect(desk.headline).to_contain_text("La connexion fonctionne.")
	desk.press("Relever maintenant")
	expect(desk.page.locator(".msgprint:visible")).to_contain_text("2 nouveaux emails.")
	expect(desk.page.locator(".msgprint:visible")).to_contain_text("Une demande <b>de devis</b>")
	expect(desk.page.locator(".progress:visible")).to_have_count(0)
	desk.arrived()
	desk.picture("compte-releve")
	desk.close_dialog()
	desk.press("Relever maintenant")
	expect(desk.page.locator("#alert-container")).to_contain_text("Aucun nouvel email.")


def test_pull_now_shows_how_far_it_is(desk: Any, forget: list[tuple[str, str]]) -> None:
	"""A server that thinks it over: until it answers the window says what is waited for, then what became of it."""
	with FaultyImap({1: b"Subject: x\r\n\r\nx\r\n"}) as server:
		make_account(desk, server, f"lent-{uuid4().hex[:6]}@masociete.test", PASSWORD)
		name = desk.page.evaluate("cur_frm.docname")
		forget.append(("Email Account", name))
		expect(desk.headline).to_contain_text("La connexion fonctionne.")
		server.faults.silent_at = frozenset({"UID SEARCH"})
		desk.press("Relever maintenant")
		expect(desk.dialog).to_contain_text(f"Relève de {name}")
		expect(desk.dialog.locator(".progress")).to_be_visible()
		expect(desk.dialog).to_contain_text("Lecture de la boîte email")
		desk.picture("compte-releve-en-cours")
	expect(desk.page.locator(".msgprint:visible")).to_contain_text("a mis fin à la connexion")
	expect(desk.page.locator(".progress:visible")).to_have_count(0)


def test_another_default_account_says_whose_place_it_takes(desk: Any, dovecot: Dovecot, forget: list[tuple[str, str]]) -> None:
	before = frappe.get_all("Email Account", filters={"default_incoming": 1}, pluck="name")
	first = frappe.get_doc(account_values(dovecot, new_user(dovecot), default_incoming=1)).insert().name
	frappe.db.commit()
	forget.append(("Email Account", first))
	make_account(desk, dovecot, new_user(dovecot), PASSWORD, "default_incoming")
	second = desk.page.evaluate("cur_frm.docname")
	forget.append(("Email Account", second))
	told = desk.page.locator(".msgprint:visible")
	expect(told).to_contain_text(first)
	expect(told).to_contain_text(second)
	desk.picture("compte-par-defaut")
	frappe.db.rollback()
	assert frappe.get_all("Email Account", filters={"default_incoming": 1}, pluck="name") == [second]
	for name in before:
		frappe.db.set_value("Email Account", name, "default_incoming", 1)
	frappe.db.commit()


def test_the_users_form_still_makes_an_account_that_waits_for_its_password(
	make_user: Callable[..., str], enter: Callable[..., Any], forget: list[tuple[str, str]]
) -> None:
	"""The host's own button, whose form brings its values with it (row H2)."""
	desk = enter(make_user("en"))
	owner = make_user("en", ("Inbox User",))
	desk.open(f"user/{owner}")
	desk.press("Create User Email")
	desk.page.wait_for_function("cur_frm.doctype === 'Email Account' && cur_frm.is_new()")
	desk.settle()
	assert desk.value("email_id") == owner
	for box in ("awaiting_password", "enable_incoming"):
		expect(desk.field(box).get_by_role("checkbox")).to_be_checked()
	desk.tab(1)
	desk.fill("email_server", "imap.nowhere.invalid")
	desk.save()
	account = desk.page.evaluate("cur_frm.docname")
	forget.append(("Email Account", account))
	expect(desk.headline).to_contain_text(owner)
	desk.picture("compte-en-attente")
	frappe.db.rollback()
	row = {"parent": owner, "email_account": account, "awaiting_password": 1}
	assert frappe.db.exists("User Email", row)
