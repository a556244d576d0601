"""An account that waits for its password: its user is asked at the next login, and nobody else (row A3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe
from playwright.sync_api import expect

from mail_servers.dovecot import Dovecot
from tests.browser.real_desk.conftest import PASSWORD as LOGIN
from tests.mailbox import PASSWORD, account_values, new_user


def test_its_user_is_asked_until_the_server_agrees(
	make_user: Callable[..., str], enter: Callable[..., Any], dovecot: Dovecot, forget: list[tuple[str, str]]
) -> None:
	address = new_user(dovecot)
	values = account_values(dovecot, address) | {"password": None, "awaiting_password": 1}
	user = make_user("fr", ("Inbox User",), address)
	other = make_user("fr", ("Inbox User",))
	account = frappe.get_doc(values).insert().name
	frappe.db.commit()
	forget.append(("Email Account", account))

	stranger = enter(other)
	stranger.settle()
	expect(stranger.page.locator(".modal.show")).to_have_count(0)
	token = stranger.page.evaluate("frappe.csrf_token")
	method = "frappe.email.doctype.email_account.email_account.set_email_password"
	refused = stranger.page.request.post(
		f"{stranger.base}/api/method/{method}",
		form={"email_account": account, "password": PASSWORD},
		headers={"X-Frappe-CSRF-Token": token},
	)
	assert refused.status == 403

	desk = enter(user)
	entry = desk.page.locator(".modal.show input[type=password]")
	entry.fill("not the password")
	desk.picture("mot-de-passe-demande")
	desk.page.locator(".modal.show .btn-modal-primary").click()
	expect(desk.page.locator(".modal.show [data-fieldname=password] .text-danger")).to_contain_text("refuse")
	desk.picture("mot-de-passe-refuse")
	frappe.db.rollback()
	assert not frappe.get_doc("Email Account", account).get_password(raise_exception=False)

	entry = desk.page.locator(".modal.show:visible input[type=password]")
	entry.fill(PASSWORD)
	desk.page.locator(".modal.show:visible .btn-modal-primary").click()
	expect(desk.page.locator(".modal.show")).to_have_count(0)
	desk.settle()
	frappe.db.rollback()
	doc = frappe.get_doc("Email Account", account)
	assert (doc.awaiting_password, doc.get_password()) == (0, PASSWORD)

	again = enter(user, LOGIN)
	again.settle()
	expect(again.page.locator(".modal.show")).to_have_count(0)
