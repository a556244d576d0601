"""The desk of a bench's site in a browser. Collected only when a site and its address are named:

pytest --host=bench --site SITE --url http://SITE:8000 tests/browser/real_desk [--pictures FOLDER]

The site must be served at that address, and a worker must run. ``custom app`` tests use the example app `crm`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.mail_fixtures import dovecot, unused_tcp_port

__all__ = ["dovecot", "unused_tcp_port"]

PASSWORD = "correct-horse-battery"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
	"""Without a desk to look at there is nothing here."""
	return None if config.getoption("--host") == "bench" and config.getoption("--url") else True


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
	from playwright.sync_api import sync_playwright

	program = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
	with sync_playwright() as playwright:
		started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
		yield started
		started.close()


@pytest.fixture
def make_user(site: Any) -> Iterator[Callable[..., str]]:
	"""Make a user of the site; gone when the test is over."""
	import frappe

	made: list[str] = []

	def make(language: str = "fr", roles: tuple[str, ...] = ("System Manager",), email: str = "") -> str:
		email = email or f"u{uuid4().hex[:8]}@masociete.test"
		values = {"doctype": "User", "email": email, "first_name": "Marie", "last_name": "Dupond", "language": language}
		user = frappe.get_doc(
			{**values, "send_welcome_email": 0, "new_password": PASSWORD, "roles": [{"role": r} for r in roles]}
		)
		user.flags.ignore_password_policy = True
		user.insert(ignore_permissions=True)
		frappe.db.commit()
		made.append(user.name)
		return user.name

	yield make
	frappe.db.rollback()
	for name in made:
		frappe.db.set_value("User", name, "enabled", 0)
	frappe.db.commit()


@pytest.fixture
def enter(request: pytest.FixtureRequest, browser: Any) -> Iterator[Callable[..., Any]]:
	"""Log somebody in at the login page; a script error on any of their pages fails the test."""
	from playwright.sync_api import expect

	from tests.browser.real_desk.desk import PATIENCE, Desk

	base = request.config.getoption("--url").rstrip("/")
	pictures = request.config.getoption("--pictures")
	contexts, errors = [], []

	def log_in(user: str, password: str = PASSWORD, route: str | None = None) -> Desk:
		context = browser.new_context(viewport={"width": 1300, "height": 1000}, base_url=base)
		context.set_default_timeout(PATIENCE)
		contexts.append(context)
		page = context.new_page()
		page.on("pageerror", lambda error: errors.append(error.stack))
		page.goto("/login")
		page.locator("#login_email").fill(user)
		page.locator("#login_password").fill(password)
		page.locator(".form-login .btn-login").first.click()
		page.wait_for_url("**/app**", wait_until="commit")
		desk = Desk(page, base, Path(pictures) if pictures else None)
		if route:
			desk.open(route)
		return desk

	expect.set_options(timeout=PATIENCE)
	yield log_in
	for context in contexts:
		context.close()
	assert errors == []


@pytest.fixture
def forget(site: Any) -> Iterator[list[tuple[str, str]]]:
	"""Documents to delete when the test is over, in this order: (DocType, name)."""
	import frappe

	documents: list[tuple[str, str]] = []
	yield documents
	frappe.db.rollback()
	frappe.set_user("Administrator")
	# Mail is cut off from a document that is gone: now, since a job would come upon what the next test makes under its name.
	frappe.flags.in_test = True
	for doctype, name in documents:
		if not frappe.db.exists(doctype, name):
			continue
		try:
			frappe.delete_doc(doctype, name, force=True, ignore_permissions=True)
		except frappe.TimestampMismatchError:  # the worker was at the same user or contact
			frappe.db.rollback()
			frappe.delete_doc(doctype, name, force=True, ignore_permissions=True)
	frappe.flags.in_test = False
	frappe.db.commit()
