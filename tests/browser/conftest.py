"""The embedded host's desk in Debian's Chromium: a site, a server in this process, a browser, people who are logged in."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from tests.browser.company import mail, walk, worker

__all__ = ["mail", "walk", "worker"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
PASSWORD = "correct horse battery"
# How long a busy machine may take for what takes a tenth of a second: only a test that fails waits so long.
expect.set_options(timeout=20_000)


def serve(application: Any) -> Iterator[str]:
	"""Serve in a thread until the generator is closed."""
	server = make_server("127.0.0.1", 0, application, threaded=True)
	thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
	thread.start()
	yield f"http://127.0.0.1:{server.server_port}"
	server.shutdown()
	thread.join()
	server.server_close()


def another_origin(content: bytes = b"", mimetype: str = "text/plain") -> Iterator[tuple[str, list[str]]]:
	"""An address that answers the same to everything, and the paths it was asked for, until the generator is closed."""
	asked: list[str] = []

	@Request.application
	def note(request: Request) -> Response:
		asked.append(request.path)
		return Response(content, mimetype=mimetype)

	for url in serve(note):
		yield url, asked


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
	with sync_playwright() as playwright:
		browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
		yield browser
		browser.close()


@pytest.fixture
def desk(site: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
	"""The address of a fresh site's desk, with Marie, who is a System Manager and French."""
	import frappe.app

	monkeypatch.setattr(frappe.app, "_site", frappe.local.site)
	monkeypatch.setattr(frappe.app, "_sites_path", frappe.local.sites_path)
	values = {"email": "marie@example.com", "first_name": "Marie", "language": "fr", "new_password": PASSWORD}
	frappe.get_doc({"doctype": "User", **values, "roles": [{"role": "System Manager"}]}).insert()
	frappe.db.commit()
	yield from serve(frappe.app.application)


@pytest.fixture
def visit(browser: Browser, desk: str) -> Iterator[Callable[..., Page]]:
	"""Makes pages of people of their own; an error in a script, or a request to anywhere else, fails the test."""
	errors: list[str] = []
	contexts = []

	def own(url: str) -> bool:
		return url.startswith((desk, "data:", "blob:"))

	def arrive(locale: str = "fr-FR", width: int = 1300) -> Page:
		context = browser.new_context(base_url=desk, locale=locale, viewport={"width": width, "height": 900})
		context.set_default_timeout(30_000)
		contexts.append(context)
		page = context.new_page()
		page.on("pageerror", lambda error: errors.append(str(error)))
		page.on("requestfinished", lambda request: own(request.url) or errors.append(request.url))
		page.on("requestfailed", lambda request: request.failure in ("csp", "net::ERR_ABORTED") or errors.append(request.url))
		return page

	yield arrive
	for context in contexts:
		context.close()
	assert errors == []


@pytest.fixture
def logged_in(visit: Callable[..., Page]) -> Callable[..., Page]:
	"""A page on which somebody is logged in, at an address of the desk."""

	def arrive(path: str, user: str = "marie@example.com", password: str = PASSWORD, **kwargs: Any) -> Page:
		page = visit(**kwargs)
		answer = page.context.request.post("/api/method/login", form={"usr": user, "pwd": password})
		assert answer.ok, answer.text()
		go(page, path)
		return page

	return arrive


def go(page: Page, path: str) -> None:
	"""Open an address of the desk, and wait until the page stands."""
	page.goto(path)
	page.wait_for_selector("body.ready")
