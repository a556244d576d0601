"""The embedded host's desk, in a browser."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import frappe
import pytest
from playwright.sync_api import Page, expect, sync_playwright
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

pytestmark = pytest.mark.embedded

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
PASSWORD = "correct horse battery"


def serve(application: Any) -> Iterator[str]:
	"""Serve in a thread until the generator is closed."""
	server = make_server("127.0.0.1", 0, application, threaded=True)
	thread = threading.Thread(target=server.serve_forever, daemon=True)
	thread.start()
	yield f"http://127.0.0.1:{server.server_port}"
	server.shutdown()
	thread.join()
	server.server_close()


@pytest.fixture
def desk(site: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
	import frappe.app

	monkeypatch.setattr(frappe.app, "_site", frappe.local.site)
	monkeypatch.setattr(frappe.app, "_sites_path", frappe.local.sites_path)
	values = {"email": "marie@example.com", "first_name": "Marie", "language": "fr", "new_password": PASSWORD}
	frappe.get_doc({"doctype": "User", **values, "roles": [{"role": "System Manager"}]}).insert()
	frappe.db.commit()
	yield from serve(frappe.app.application)


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
	"""Another origin, and what was asked of it."""
	asked: list[str] = []

	@Request.application
	def note(request: Request) -> Response:
		asked.append(request.path)
		return Response("")

	for url in serve(note):
		yield url, asked


@pytest.fixture
def page(desk: str) -> Iterator[Page]:
	"""A page on which somebody has logged in; a script error fails the test."""
	with sync_playwright() as playwright:
		browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
		page = browser.new_context(base_url=desk, locale="fr-FR").new_page()
		errors: list[Any] = []
		page.on("pageerror", lambda error: errors.append(error))
		page.goto("/app/contact")
		expect(page.get_by_role("heading")).to_have_text("Connexion")
		page.get_by_label("E-mail").fill("marie@example.com")
		page.get_by_label("Mot de passe").fill("wrong")
		page.get_by_role("button").click()
		expect(page.get_by_role("alert")).to_have_text("Identifiants de connexion invalides")
		page.get_by_label("Mot de passe").fill(PASSWORD)
		page.get_by_role("button").click()
		page.wait_for_url(f"{desk}/app/contact")
		yield page
		assert errors == []
		browser.close()


def test_a_document_is_made_changed_found_and_deleted(page: Page) -> None:
	page.on("dialog", lambda dialog: dialog.accept())
	page.get_by_role("link", name="Nouveau").click()
	page.locator("[data-fieldname=first_name] input").fill("Ada")
	page.get_by_role("button", name="Ajouter une ligne").first.click()
	page.locator("[data-fieldname=email_ids] tbody input").first.fill("ada@example.com")
	page.get_by_role("button", name="Enregistrer").click()
	page.wait_for_url(re.compile(r"/app/contact/(?!new)"))

	page.locator("[data-fieldname=last_name] input").fill("Lovelace")
	expect(page.get_by_text("Non enregistré")).to_be_visible()
	page.keyboard.press("Control+s")
	expect(page.get_by_role("status")).to_have_text("Enregistré")
	expect(page.get_by_text("Non enregistré")).to_be_hidden()
	page.reload()
	expect(page.locator("[data-fieldname=last_name] input")).to_have_value("Lovelace")
	expect(page.locator("[data-fieldname=email_ids] tbody input").first).to_have_value("ada@example.com")

	page.get_by_role("button", name="Supprimer").first.click()
	page.wait_for_url("**/app/contact")
	expect(page.locator(".empty")).to_be_visible()
	frappe.db.rollback()
	assert not frappe.db.exists("Contact", {"last_name": "Lovelace"})


def test_a_refusal_is_said_and_nothing_is_lost(page: Page) -> None:
	page.goto("/app/role/new")
	page.get_by_role("button", name="Enregistrer").click()
	expect(page.locator(".toast.red")).to_be_visible()
	page.locator("[data-fieldname=role_name] input").fill("Lecteur")
	page.get_by_role("button", name="Enregistrer").click()
	page.wait_for_url("**/app/role/Lecteur")


def test_what_a_stranger_wrote_runs_nothing_and_asks_nobody(page: Page, elsewhere: tuple[str, list[str]]) -> None:
	url, asked = elsewhere
	contact = frappe.get_doc({"doctype": "Contact", "first_name": "Eve"}).insert()
	content = f"""<p>Hello</p><img src="{url}/pixel"><img src=x onerror="parent.document.title='owned'">
		<script>parent.document.title = "owned"</script><link rel=stylesheet href="{url}/style">
		<style>@import url({url}/import); p {{ background: url({url}/background) }}</style><iframe src="{url}/frame"></iframe>
		<form action="{url}/form"><button>Go</button></form>"""
	subject = "<img src=x onerror=alert(1)>"
	values = {"subject": subject, "sender": "eve@example.com", "content": content}
	reference = {"reference_doctype": "Contact", "reference_name": contact.name, "sent_or_received": "Received"}
	message = frappe.get_doc({"doctype": "Communication", "communication_type": "Communication", **values, **reference})
	message.insert()
	# as it came, whatever the host made of it
	frappe.db.set_value("Communication", message.name, {"subject": subject, "content": content})
	frappe.db.commit()
	page.goto(f"/app/contact/{contact.name}")
	expect(page.frame_locator(".message iframe").get_by_text("Hello")).to_be_visible()
	expect(page.locator(".message header")).to_contain_text(subject)
	page.wait_for_load_state("networkidle")
	assert "owned" not in page.title()
	assert asked == []
