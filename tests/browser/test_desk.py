"""The embedded host's desk: who comes in, what lists and forms do, on any DocType."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import frappe
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, go

pytestmark = pytest.mark.embedded
LogIn = Callable[..., Page]


def field(page: Page, name: str, tag: str = "input") -> Any:
	return page.locator(f".layout [data-fieldname={name}] {tag}").first


def contacts(count: int, **values: Any) -> None:
	for number in range(count):
		email = [{"email_id": f"person{number}@example.com", "is_primary": 1}]
		frappe.get_doc({"doctype": "Contact", "first_name": f"Person {number:02}", "email_ids": email, **values}).insert()
	frappe.db.commit()


def saved(page: Page) -> None:
	"""The form says that it was saved, and that it holds nothing else."""
	expect(page.locator(".toast.green").last).to_contain_text("Enregistré")
	expect(page.locator(".head").get_by_text("Non enregistré")).to_be_hidden()


# ---- who comes in


def test_a_wrong_password_is_said_and_the_right_one_leads_where_one_wanted_to_go(visit: LogIn, desk: str) -> None:
	page = visit()
	page.goto("/app/contact")
	expect(page.get_by_role("heading")).to_have_text("Connexion")
	page.locator("[name=usr]").fill("marie@example.com")
	page.get_by_label("Mot de passe").fill("wrong")
	page.get_by_role("button").click()
	expect(page.get_by_role("alert")).to_have_text("Identifiants de connexion invalides")
	page.get_by_label("Mot de passe").fill(PASSWORD)
	page.keyboard.press("Enter")
	page.wait_for_url(f"{desk}/app/contact")
	expect(page.get_by_role("heading", name="Contact")).to_be_visible()
	page.get_by_label("Marie", exact=True).click()
	page.get_by_role("menuitem", name="Se déconnecter").click()
	page.wait_for_url("**/login")
	page.goto("/app")
	page.wait_for_url("**/login?**")


def test_a_guest_is_spoken_to_as_the_browser_asks_and_a_user_in_the_own_language(visit: LogIn) -> None:
	page = visit(locale="en-US")
	page.goto("/login")
	expect(page.get_by_role("heading")).to_have_text("Login")
	page.locator("[name=usr]").fill("marie@example.com")
	page.get_by_label("Password").fill(PASSWORD)
	page.get_by_role("button").click()
	expect(page.get_by_placeholder("Rechercher ou aller à")).to_be_visible()


def test_a_session_that_ends_loses_nothing_that_was_typed(logged_in: LogIn) -> None:
	contacts(1)
	page = logged_in("/app/contact/Person 00")
	field(page, "last_name").fill("Typed before")
	frappe.db.sql("delete from `tabSessions`")
	frappe.db.commit()
	page.get_by_role("button", name="Enregistrer", exact=True).click()
	dialog = page.get_by_role("dialog")
	expect(dialog).to_contain_text("Session expirée")
	dialog.get_by_label("Mot de passe").fill("wrong")
	dialog.get_by_role("button", name="Connexion").click()
	expect(dialog.get_by_role("alert")).to_have_text("Identifiants de connexion invalides")
	dialog.get_by_label("Mot de passe").fill(PASSWORD)
	dialog.get_by_role("button", name="Connexion").click()
	saved(page)
	frappe.db.rollback()
	assert frappe.db.get_value("Contact", "Person 00", "last_name") == "Typed before"

	frappe.db.sql("delete from `tabSessions`")
	frappe.db.commit()
	page.reload()
	expect(page.locator(".login")).to_contain_text("Votre session a expiré")


# ---- lists


def test_a_list_is_searched_filtered_sorted_and_paged(logged_in: LogIn) -> None:
	contacts(25)
	frappe.db.set_value("Contact", "Person 07", "status", "Open")
	frappe.db.commit()
	page = logged_in("/app/contact")
	rows = page.locator(".result tbody tr")
	expect(rows).to_have_count(20)
	expect(page.locator(".count")).to_have_text("20 sur 25")
	page.get_by_role("button", name="Afficher la suite").click()
	expect(rows).to_have_count(25)

	page.get_by_label("Trier par").select_option("name")
	page.get_by_role("button", name="Ordre de tri").click()
	expect(rows.first).to_contain_text("Person 00")

	page.get_by_role("searchbox").fill("son 1")
	expect(rows).to_have_count(10)
	page.get_by_role("searchbox").fill("%")
	expect(page.locator(".empty")).to_be_visible()
	page.get_by_role("button", name="Effacer les filtres").click()
	expect(rows).to_have_count(20)

	page.locator("summary", has_text="Filtrer").click()
	form = page.locator(".filter-form")
	form.get_by_label("Champ").select_option("status")
	form.get_by_label("Valeur").select_option("Open")
	form.get_by_role("button", name="Appliquer").click()
	expect(rows).to_have_count(1)
	expect(rows.locator(".pill")).to_have_text("Ouvert")
	page.reload()
	expect(rows).to_have_count(1)
	page.locator(".chip").click()
	expect(rows).to_have_count(20)

	page.get_by_label("Person 00", exact=True).check()
	page.locator("summary", has_text="Actions").click()
	page.get_by_role("menuitem", name="Supprimer").click()
	page.get_by_role("dialog").get_by_role("button", name="Supprimer").click()
	expect(page.locator(".count")).to_have_text("20 sur 24")
	frappe.db.rollback()
	assert not frappe.db.exists("Contact", "Person 00")


def test_an_empty_list_offers_the_first_document(logged_in: LogIn) -> None:
	page = logged_in("/app/contact")
	page.get_by_role("button", name="Créer le premier : Contact").click()
	page.wait_for_url("**/app/contact/new")
	expect(field(page, "first_name")).to_be_focused()


# ---- forms


def test_a_document_is_made_with_rows_saved_by_a_key_and_deleted(logged_in: LogIn) -> None:
	page = logged_in("/app/contact/new")
	field(page, "first_name").fill("Ada")
	table = page.locator("[data-fieldname=email_ids]").first
	for address in ("ada@example.com", "wrong@example.com"):
		table.get_by_role("button", name="Ajouter une ligne").click()
		page.keyboard.type(address)
	table.get_by_role("button", name="Supprimer").last.click()
	expect(table.locator("tbody tr")).to_have_count(1)
	page.get_by_role("button", name="Enregistrer", exact=True).click()
	page.wait_for_url(re.compile(r"/app/contact/(?!new)"))

	field(page, "last_name").fill("Lovelace")
	expect(page.locator(".head").get_by_text("Non enregistré")).to_be_visible()
	page.keyboard.press("Control+s")
	saved(page)
	page.reload()
	expect(field(page, "last_name")).to_have_value("Lovelace")
	expect(table.locator("tbody input").first).to_have_value("ada@example.com")

	page.get_by_label("Menu").click()
	page.get_by_role("menuitem", name="Supprimer").click()
	page.get_by_role("dialog").get_by_role("button", name="Supprimer").click()
	page.wait_for_url("**/app/contact")
	expect(page.locator(".empty")).to_be_visible()
	frappe.db.rollback()
	assert not frappe.db.exists("Contact", {"last_name": "Lovelace"})


def test_what_was_not_saved_is_not_left_behind_unasked(logged_in: LogIn) -> None:
	contacts(1)
	page = logged_in("/app/contact")
	page.get_by_role("link", name="Person 00").click()
	field(page, "last_name").fill("Unsaved")
	for leave in (lambda: page.locator(".crumbs a").first.click(), page.go_back):
		leave()
		page.get_by_role("dialog").get_by_role("button", name="Non").click()
		expect(field(page, "last_name")).to_have_value("Unsaved")
		assert page.url.endswith("/app/contact/Person%2000")
	page.locator(".crumbs a").first.click()
	page.get_by_role("dialog").get_by_role("button", name="Quitter sans enregistrer").click()
	page.wait_for_url("**/app/contact")
	frappe.db.rollback()
	assert not frappe.db.get_value("Contact", "Person 00", "last_name")

	# a new document in which nothing was typed is nothing to ask about
	page.get_by_role("button", name="Ajouter Contact").click()
	page.wait_for_url("**/app/contact/new")
	page.locator(".crumbs a").first.click()
	page.wait_for_url("**/app/contact")


def test_errors_stand_beside_their_field(logged_in: LogIn) -> None:
	page = logged_in("/app/role/new")
	page.get_by_role("button", name="Enregistrer", exact=True).click()
	expect(page.locator("[data-fieldname=role_name] .error")).to_have_text("Ce champ est obligatoire.")
	expect(field(page, "role_name")).to_be_focused()
	field(page, "role_name").fill("Lecteur")
	expect(page.locator("[data-fieldname=role_name] .error")).to_be_hidden()
	page.keyboard.press("Control+s")
	page.wait_for_url("**/app/role/Lecteur")


def test_a_refusal_of_the_server_is_told_in_its_words_and_nothing_is_lost(logged_in: LogIn) -> None:
	page = logged_in("/app/user/new")
	field(page, "email").fill("not an address")
	field(page, "first_name").fill("Ada")
	page.keyboard.press("Control+s")
	expect(page.get_by_role("dialog")).to_contain_text("not an address n'est pas une adresse email valide")
	page.keyboard.press("Escape")
	expect(page.locator(".layout [data-fieldname=email] .error")).to_contain_text("n'est pas une adresse email valide")
	expect(field(page, "email")).to_be_focused()
	expect(field(page, "first_name")).to_have_value("Ada")


def test_text_is_written_pasted_and_left_as_it_was(logged_in: LogIn) -> None:
	before = '<table style="width: 50%"><tbody><tr><td><b>Marie</b> <img src="https://elsewhere.example/logo.png"></td></tr></tbody></table>'
	frappe.db.set_value("User", "marie@example.com", "email_signature", before)
	frappe.db.commit()
	page = logged_in("/app/user/marie@example.com")
	field(page, "last_name").fill("Curie")
	page.keyboard.press("Control+s")
	saved(page)
	frappe.db.rollback()
	assert frappe.db.get_value("User", "marie@example.com", "email_signature") == before

	text = page.get_by_role("textbox", name="Signature d'email")
	text.click()
	page.keyboard.press("Control+a")
	page.keyboard.type("Bien à vous, ")
	page.get_by_role("button", name="Gras").click()
	page.keyboard.type("Marie")
	pasted = "<p onclick=alert(1)>Physics<script>alert(1)</script><iframe src=x></iframe></p>"
	page.evaluate(
		"""html => {
			const clipboardData = new DataTransfer();
			clipboardData.setData("text/html", html);
			document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
		}""",
		pasted,
	)
	expect(text).to_contain_text("Physics")
	assert text.locator("script, iframe, [onclick]").count() == 0
	page.keyboard.press("Control+s")
	saved(page)
	frappe.db.rollback()
	stored = frappe.db.get_value("User", "marie@example.com", "email_signature")
	assert "<b>Marie" in stored and "Physics" in stored
	assert not any(each in stored for each in ("script", "onclick", "iframe"))


def test_a_row_has_a_window_for_the_fields_that_its_table_does_not_show(logged_in: LogIn) -> None:
	page = logged_in("/app/contact/new")
	table = page.locator("[data-fieldname=phone_nos]").first
	table.get_by_role("button", name="Ajouter une ligne").click()
	table.get_by_role("button", name="Modifier").click()
	dialog = page.get_by_role("dialog")
	dialog.get_by_label("Téléphone", exact=True).fill("+33 1 23 45 67 89")
	dialog.get_by_label("Mobile principal").check()
	dialog.get_by_role("button", name="OK").click()
	expect(dialog).to_be_hidden()
	expect(table.locator("tbody input").first).to_have_value("+33 1 23 45 67 89")
	assert page.evaluate("cur_frm.doc.phone_nos[0].is_primary_mobile_no") == 1


def test_somebody_else_saved_in_between(logged_in: LogIn) -> None:
	contacts(1)
	page = logged_in("/app/contact/Person 00")
	doc = frappe.get_doc("Contact", "Person 00")
	doc.designation = "Captain"
	doc.save()
	frappe.db.commit()
	field(page, "last_name").fill("Mine")
	page.keyboard.press("Control+s")
	dialog = page.get_by_role("dialog")
	expect(dialog).to_contain_text("Modifié entre-temps")
	dialog.get_by_role("button", name="Recharger").click()
	expect(field(page, "last_name")).to_have_value("")
	expect(field(page, "designation")).to_have_value("Captain")


def test_a_link_proposes_takes_and_refuses(logged_in: LogIn) -> None:
	page = logged_in("/app/todo/new")
	field(page, "assigned_by").click()
	page.keyboard.type("mari")
	option = page.get_by_role("option", name="marie@example.com")
	expect(option).to_have_attribute("aria-selected", "true")
	page.keyboard.press("Enter")
	expect(field(page, "assigned_by")).to_have_value("marie@example.com")
	field(page, "assigned_by").fill("nobody@example.com")
	page.keyboard.press("Tab")
	expect(page.locator("[data-fieldname=assigned_by] .error")).to_have_text("Utilisateur nobody@example.com introuvable")


def test_narrow_screens(logged_in: LogIn) -> None:
	contacts(3)
	page = logged_in("/app/contact", width=375)
	for path in ("/app/contact", "/app/contact/Person 00", "/app", "/app/email-account/new"):
		go(page, path)
		assert page.evaluate("document.documentElement.scrollWidth") <= 375, path
	expect(page.get_by_role("button", name="Enregistrer", exact=True)).to_be_in_viewport()

	# two columns stand one under the other here, and side by side where there is room
	def at(name: str) -> Any:
		return page.locator(f".layout [data-fieldname={name}]").bounding_box()

	assert at("provider_help")["y"] > at("email_account_name")["y"]
	page.set_viewport_size({"width": 1300, "height": 900})
	left, right = at("email_account_name"), at("provider_help")
	assert right["x"] >= left["x"] + left["width"] and right["y"] == left["y"]


# ---- what scripts are offered


def test_scripts_are_offered_what_is_listed_and_a_name_that_is_not_is_an_error(logged_in: LogIn) -> None:
	listed = (
		(Path(frappe.__file__).parents[1] / "API.md").read_text(encoding="utf-8").split("## In the browser")[1].split("\n## ")[0]
	)
	everywhere, form = listed.split("A form (`frm`): ")
	names = [name for name in re.findall(r"`([\w.]+)`", everywhere.split("says which")[1]) if "/" not in name]
	names += [f"cur_frm.{name}" for name in re.findall(r"`([\w.]+)`", form.split(" A list: ")[0])]
	assert len(names) > 50
	page = logged_in("/app/contact/new")
	absent = "names => names.filter(name => { try { return eval(name) === undefined } catch { return true } })"
	assert page.evaluate(absent, names) == []
	said = "name => { try { return String(eval(name)) } catch (error) { return error.message } }"
	for name in (
		"frappe.nonsense",
		"frappe.ui.nonsense",
		"frappe.ui.form.nonsense",
		"frappe.db.nonsense",
		"frappe.utils.nonsense",
	):
		assert page.evaluate(said, name) == f"{name} is not offered by this desk"


SCRIPT = """
frappe.ui.form.on("Contact", {
	refresh(frm) {
		frm.add_custom_button("Alone", () => frm.set_value({ designation: "Captain", last_name: "Set" }));
		frm.add_custom_button("Spoken", () => frappe.msgprint({ title: "Title", message: "<b>Hello</b>", indicator: "green" }));
		frm.set_intro("Intro <b>here</b>", "orange");
		frm.dashboard.set_headline_alert("Headline", "red");
		frm.set_df_property("middle_name", "hidden", 1);
		frm.set_df_property("company_name", "description", "Described");
	},
	async designation(frm) {
		const { message } = await frappe.call("frappe.client.get_count", { doctype: "User" });
		frm.set_value("salutation", `of ${message}`);
	},
	last_name() { frappe.not_there(); },
	validate(frm) { if (frm.doc.last_name === "Refused") { frappe.throw(__("Not this one")); } },
});
frappe.ui.form.on("Contact Email", {
	email_id(frm, cdt, cdn) { frappe.model.set_value(cdt, cdn, "is_primary", locals[cdt][cdn].email_id.includes("first") ? 1 : 0); },
	email_ids_remove(frm) { frm.set_value("last_name", "Row gone"); },
});
frappe.ui.form.on("Contact Email", "email_ids_add", (frm) => frm.set_value("company_name", `${frm.doc.email_ids.length} rows`));
"""


def test_form_scripts_of_apps_run(logged_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
	from frappe.desk.form import load

	real = load.scripts_of
	monkeypatch.setattr(
		load,
		"scripts_of",
		lambda meta, suffix, hook: [SCRIPT] if (meta.name, suffix) == ("Contact", "") else real(meta, suffix, hook),
	)
	contacts(1)
	page = logged_in("/app/contact/Person 00")
	expect(page.locator(".notice.orange")).to_have_text("Intro here")
	expect(page.locator(".notice.red")).to_have_text("Headline")
	expect(field(page, "middle_name")).to_be_hidden()
	expect(page.locator("[data-fieldname=company_name] .help")).to_have_text("Described")
	page.get_by_role("button", name="Alone").click()
	expect(page.locator(".toast.red")).to_contain_text("frappe.not_there is not offered by this desk")
	expect(field(page, "salutation")).to_have_value(f"of {frappe.db.count('User')}")
	page.get_by_role("button", name="Spoken").click()
	expect(page.get_by_role("dialog")).to_contain_text("Hello")
	page.keyboard.press("Escape")

	table = page.locator("[data-fieldname=email_ids]").first
	table.get_by_role("button", name="Ajouter une ligne").click()
	expect(field(page, "company_name")).to_have_value("2 rows")
	table.locator("tbody tr").last.locator("input").first.fill("first@example.com")
	page.keyboard.press("Tab")
	expect(table.locator("tbody tr").last.get_by_role("checkbox")).to_be_checked()
	field(page, "last_name").fill("Refused")
	page.keyboard.press("Control+s")
	expect(page.get_by_role("dialog")).to_contain_text("Not this one")
	frappe.db.rollback()
	assert frappe.db.get_value("Contact", "Person 00", "last_name") != "Refused"


# ---- what a page costs


def weigh(page: Page, path: str) -> tuple[int, int]:
	"""Requests and bytes of a page that is opened with nothing in the browser's cache."""
	seen: list[int] = []
	page.context.new_cdp_session(page).send("Network.clearBrowserCache")
	page.on("response", lambda response: seen.append(len(response.body()) if response.status == 200 else 0))
	go(page, path)
	page.wait_for_load_state("networkidle")
	return len(seen), sum(seen)


def test_a_page_takes_few_requests_and_little_room(logged_in: LogIn) -> None:
	contacts(25)
	domain = {"domain_name": "example.com", "email_server": "imap.example.com", "smtp_server": "smtp.example.com"}
	frappe.get_doc({"doctype": "Email Domain", **domain, "use_imap": 1}).insert()
	account = {"email_account_name": "Support", "email_id": "support@example.com", "domain": "example.com", "password": "x"}
	frappe.get_doc({"doctype": "Email Account", **account, "enable_incoming": 1}).insert()
	for number in range(3):
		about = {"reference_doctype": "Contact", "reference_name": "Person 00", "sent_or_received": "Received"}
		frappe.get_doc({"doctype": "Communication", "subject": f"Mail {number}", "content": "<p>Hello</p>", **about}).insert()
	for number in range(25):
		row = {"subject": f"Mail {number}", "sender": "paul@client.example", "state": "Failed", "reason": "No such type."}
		received = frappe.get_doc({"doctype": "Incoming Email", "email_account": "Support", "trace": "[]", **row})
		received.update({"name": f"{number:040x}"}).db_insert()
	frappe.db.commit()
	documents = ("/app/contact/Person 00", "/app/email-domain/example.com", "/app/email-account/Support")
	received = ("/app/incoming-email", f"/app/incoming-email/{received.name}")
	paths = ("/app", "/app/dokos-mail", "/app/contact", *documents, *received, "/app/email-queue", "/app/email-account/new")
	costs = {path: weigh(logged_in("/app/role"), path) for path in paths}
	assert all(requests <= 20 and size <= 400_000 for requests, size in costs.values()), json.dumps(costs)
