"""Logging in and out, sessions, the CSRF token, and too many wrong passwords."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from importlib import import_module

import frappe
import pytest
import time_machine

from tests.host.visitor import PASSWORD, Visitor

WHO = "frappe.auth.get_logged_user"


def test_login_makes_a_session(visitor: Callable[[], Visitor], user: Callable[..., str]) -> None:
	ada, email = visitor(), user()
	answer = ada.login(email, PASSWORD)
	assert answer.status_code == 200
	assert answer.json()["message"] == "Logged In"
	assert answer.json()["full_name"] == "Web"
	assert ada.get(f"/api/method/{WHO}").json() == {"message": email}


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(
	visitor: Callable[[], Visitor], user: Callable[..., str]
) -> None:
	answer = visitor().login(user(), PASSWORD)
	(cookie,) = [value for value in answer.raw.headers.getlist("Set-Cookie") if value.startswith("sid=")]
	assert "httponly" in cookie.lower()
	assert "samesite=lax" in cookie.lower()


def test_login_by_form(visitor: Callable[[], Visitor], user: Callable[..., str]) -> None:
	ada, email = visitor(), user()
	answer = ada.request("POST", "/api/method/login", data={"usr": email, "pwd": PASSWORD})
	assert answer.status_code == 200
	assert ada.get(f"/api/method/{WHO}").json() == {"message": email}


def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(
	visitor: Callable[[], Visitor], user: Callable[..., str]
) -> None:
	wrong = visitor().login(user(), "not the password")
	unknown = visitor().login("nobody-at-all@example.com", "not the password")
	assert wrong.status_code == unknown.status_code == 401
	assert wrong.json()["message"] == unknown.json()["message"]
	assert not wrong.cookies.get("sid") or wrong.cookies["sid"] == "Guest"


def test_login_without_a_password_is_refused(visitor: Callable[[], Visitor], user: Callable[..., str]) -> None:
	assert visitor().login(user(), "").status_code == 401


def test_a_disabled_user_cannot_log_in(visitor: Callable[[], Visitor], user: Callable[..., str]) -> None:
	assert visitor().login(user(enabled=0), PASSWORD).status_code == 401


def test_a_guest_is_refused_what_is_not_for_guests(visitor: Callable[[], Visitor]) -> None:
	answer = visitor().get(f"/api/method/{WHO}")
	assert answer.status_code == 403
	assert answer.json()["exc_type"] == "PermissionError"


def test_logout_ends_the_session(logged_in: Callable[..., Visitor], visitor: Callable[[], Visitor]) -> None:
	ada = logged_in()
	thief = visitor()
	thief.http.cookies.set("sid", ada.http.cookies["sid"])
	assert ada.call("logout").status_code == 200
	assert thief.get(f"/api/method/{WHO}").status_code in (401, 403)
	assert ada.get(f"/api/method/{WHO}").status_code in (401, 403)


def test_an_invented_session_is_nobody(visitor: Callable[[], Visitor]) -> None:
	ada = visitor()
	ada.http.cookies.set("sid", "0123456789abcdef" * 3)
	answer = ada.get(f"/api/method/{WHO}")
	assert answer.status_code in (401, 403)
	assert answer.json()["session_expired"] == 1


def test_a_session_left_alone_too_long_is_over(logged_in: Callable[..., Visitor]) -> None:
	ada = logged_in()
	frappe.db.sql("update `tabSessions` set lastupdate=%s where user=%s", ("2001-01-01 00:00:00", ada.user))
	frappe.db.commit()
	frappe.cache().hdel("session", ada.http.cookies["sid"])
	assert ada.get(f"/api/method/{WHO}").status_code in (401, 403)


def test_once_the_desk_was_opened_changes_need_its_token(logged_in: Callable[..., Visitor]) -> None:
	ada = logged_in("System Manager")
	token = ada.open_desk()
	refused = ada.call("frappe.client.get_count", doctype="User")
	assert refused.status_code == 400
	assert refused.json()["exc_type"] == "CSRFTokenError"
	assert "message" not in refused.json()
	for headers in (
		{"X-Frappe-CSRF-Token": "0" * len(token)},
		{"X-Frappe-CSRF-Token": ""},
		{"X-Frappe-CSRF-Token": "é".encode()},
	):
		assert ada.request("POST", f"/api/method/{WHO}", json={}, headers=headers).status_code == 400
	with_token = ada.request("POST", f"/api/method/{WHO}", json={}, headers={"X-Frappe-CSRF-Token": token})
	assert with_token.json() == {"message": ada.user}
	in_the_form = ada.request("POST", f"/api/method/{WHO}", data={"csrf_token": token})
	assert in_the_form.json() == {"message": ada.user}
	assert ada.get(f"/api/method/{WHO}").status_code == 200


def test_the_token_of_one_session_is_not_good_for_another(logged_in: Callable[..., Visitor]) -> None:
	ada, eve = logged_in(), logged_in()
	token = eve.open_desk()
	ada.open_desk()
	assert ada.request("POST", f"/api/method/{WHO}", json={}, headers={"X-Frappe-CSRF-Token": token}).status_code == 400


@pytest.fixture
def few_attempts(site: object) -> Iterator[int]:
	"""Three wrong passwords lock for ten minutes; after the test everything is as it was."""
	fields = {"allow_consecutive_login_attempts": 3, "allow_login_after_fail": 600}
	before = {field: frappe.db.get_single_value("System Settings", field) for field in fields}

	def apply(values: dict) -> None:
		settings = frappe.get_doc("System Settings")
		for field, value in values.items():
			settings.db_set(field, value)
		frappe.db.commit()
		frappe.clear_cache(doctype="System Settings")
		for key in ("login_failed", "login_failed_count", "login_failed_time"):
			frappe.cache().delete_value(key)

	apply(fields)
	yield 3
	apply(before)


def test_too_many_wrong_passwords_lock_even_the_right_one_out_for_a_time(
	visitor: Callable[[], Visitor], user: Callable[..., str], few_attempts: int
) -> None:
	email = user()
	# the real hosts let one more through
	statuses = [visitor().login(email, "wrong").status_code for _attempt in range(few_attempts + 2)]
	assert statuses[:few_attempts] == [401] * few_attempts
	assert statuses[-1] != 401
	locked = visitor().login(email, PASSWORD)
	assert locked.status_code == statuses[-1]
	assert locked.json()["exc_type"] == "SecurityException"
	assert "600" in locked.text
	with time_machine.travel(datetime.now(timezone.utc) + timedelta(seconds=601), tick=True):
		assert visitor().login(email, PASSWORD).status_code == 200


def test_a_success_forgets_the_failures_before_it(
	visitor: Callable[[], Visitor], user: Callable[..., str], few_attempts: int
) -> None:
	email = user()
	for _round in range(3):
		for _attempt in range(few_attempts - 1):
			assert visitor().login(email, "wrong").status_code == 401
		assert visitor().login(email, PASSWORD).status_code == 200


def test_a_guest_is_spoken_to_as_the_browser_asks(visitor: Callable[[], Visitor], probe: Callable[..., str]) -> None:
	"""Frappe 15 and 16 put the site's language in its place once a guest has been there; what the browser asks for is known still."""

	def spoken() -> list[str]:
		asked = getattr(import_module("frappe.translate"), "get_language", lambda: frappe.local.lang)
		return [frappe.local.lang, asked()]

	name, guest = probe(spoken, allow_guest=True), visitor()
	visits = [guest.get(f"/api/method/{name}", headers={"Accept-Language": "fr"}).json()["message"] for _visit in range(2)]
	of_the_site = frappe.get_system_settings("language") or "en"
	assert visits[-1] == [of_the_site if frappe.__version__.startswith(("15.", "16.")) else "fr", "fr"]
