"""Where the embedded host is stricter than the real ones, and its own pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import frappe
import pytest
import time_machine

from tests.host.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.embedded

PAGE = {"Accept": "text/html"}


def test_another_origin_cannot_post_even_without_a_token(logged_in: Callable[..., Visitor], probe: Callable[..., str]) -> None:
	ada, name = logged_in(), probe(lambda: "done")
	foreign = ada.request("POST", f"/api/method/{name}", json={}, headers={"Origin": "https://evil.example"})
	assert (foreign.status_code, foreign.json()["exc_type"]) == (400, "CSRFTokenError")
	own = ada.request("POST", f"/api/method/{name}", json={}, headers={"Origin": ada.url})
	assert own.json() == {"message": "done"}


def test_another_origin_cannot_log_in_either(visitor: Callable[[], Visitor], user: Callable[..., str]) -> None:
	ada = visitor()
	answer = ada.request(
		"POST", "/api/method/login", json={"usr": user(), "pwd": PASSWORD}, headers={"Origin": "https://evil.example"}
	)
	assert answer.status_code == 400
	assert "sid" not in ada.http.cookies


def test_login_is_a_post(visitor: Callable[[], Visitor], user: Callable[..., str]) -> None:
	ada = visitor()
	assert ada.get("/api/method/login", params={"usr": user(), "pwd": PASSWORD}).status_code == 403
	assert "sid" not in ada.http.cookies


def test_the_database_does_not_hold_the_cookie(logged_in: Callable[..., Visitor]) -> None:
	sid = logged_in().http.cookies["sid"]
	rows = frappe.db.sql("select * from `tabSessions`")
	assert rows and sid not in str(rows)


def test_sessions_that_are_over_are_cleared_away(logged_in: Callable[..., Visitor]) -> None:
	ada, eve = logged_in(), logged_in()
	frappe.db.sql("update `tabSessions` set lastupdate=%s where user=%s", ("2001-01-01 00:00:00", ada.user))
	frappe.get_attr("frappe.sessions.clear_expired_sessions")()
	left = frappe.db.sql("select user from `tabSessions`", pluck=True)
	assert ada.user not in left and eve.user in left
	assert "frappe.sessions.clear_expired_sessions" in frappe.get_hooks("scheduler_events")["daily"]


def test_a_session_in_use_lives_on(logged_in: Callable[..., Visitor]) -> None:
	ada = logged_in()
	with time_machine.travel(datetime.now(timezone.utc) + timedelta(hours=5), tick=True):
		assert ada.get("/api/method/frappe.auth.get_logged_user").status_code == 200
	with time_machine.travel(datetime.now(timezone.utc) + timedelta(hours=10), tick=True):
		assert ada.get("/api/method/frappe.auth.get_logged_user").status_code == 200
	with time_machine.travel(datetime.now(timezone.utc) + timedelta(hours=17), tick=True):
		assert ada.get("/api/method/frappe.auth.get_logged_user").status_code == 403


def test_a_user_who_is_disabled_is_out_at_once(logged_in: Callable[..., Visitor]) -> None:
	ada = logged_in()
	frappe.db.set_value("User", ada.user, "enabled", 0)
	frappe.db.commit()
	assert ada.get("/api/method/frappe.auth.get_logged_user").status_code == 403


def test_a_header_does_not_change_the_address_that_is_locked_out(
	visitor: Callable[[], Visitor], user: Callable[..., str]
) -> None:
	frappe.db.set_single_value("System Settings", "allow_consecutive_login_attempts", 2)
	frappe.db.commit()
	answers = [
		visitor().request(
			"POST",
			"/api/method/login",
			json={"usr": f"nobody{each}@example.com", "pwd": "x"},
			headers={"X-Forwarded-For": f"10.0.0.{each}"},
		)
		for each in range(3)
	]
	assert [answer.status_code for answer in answers] == [401, 401, 403]


def test_only_a_system_manager_is_shown_a_traceback(
	visitor: Callable[[], Visitor], logged_in: Callable[..., Visitor], manager: Visitor, probe: Callable[..., str]
) -> None:
	def fail() -> None:
		raise RuntimeError("boom in the machine")

	name = probe(fail, allow_guest=True)
	for each in (visitor(), logged_in()):
		for headers in ({}, PAGE):
			answer = each.get(f"/api/method/{name}", headers=headers)
			assert answer.status_code == 500
			assert "boom" not in answer.text and "Traceback" not in answer.text
	assert "boom in the machine" in manager.call(name).json()["exception"]
	assert "Traceback" in manager.call(name).json()["exc"]
	frappe.db.rollback()
	errors = frappe.get_all("Error Log", filters={"method": f"/api/method/{name}"}, pluck="error")
	assert len(errors) == 6 and all("boom in the machine" in error for error in errors)


def test_a_body_that_is_no_json_or_no_object(visitor: Callable[[], Visitor]) -> None:
	for body in (b"{", b"[1]", b'"x"', b"\xff"):
		answer = visitor().request("POST", "/api/method/ping", data=body, headers={"Content-Type": "application/json"})
		assert answer.status_code == 400


def test_a_body_that_is_too_large(visitor: Callable[[], Visitor], monkeypatch: Any) -> None:
	import frappe.app

	monkeypatch.setattr(frappe.app, "MAX_BODY", 1000)
	answer = visitor().request("POST", "/api/method/ping", data=b"x" * 1001, headers={"Content-Type": "application/json"})
	assert answer.status_code == 413


def test_files_that_a_browser_would_run_are_downloaded(logged_in: Callable[..., Visitor]) -> None:
	ada = logged_in()
	for name, private in (("page.html", 1), ("picture.svg", 0)):
		doc = frappe.get_doc({"doctype": "File", "file_name": name, "content": b"<svg onload=alert(1)>", "is_private": private})
		doc.insert()
		frappe.db.set_value("File", doc.name, "owner", ada.user)
		frappe.db.commit()
		answer = ada.get(doc.file_url)
		assert answer.headers["Content-Disposition"].startswith("attachment")
		assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_every_answer_has_a_content_security_policy(visitor: Callable[[], Visitor], manager: Visitor) -> None:
	for each, path in ((visitor(), "/login"), (manager, "/app"), (manager, "/api/method/ping"), (visitor(), "/nowhere")):
		policy = each.get(path, headers=PAGE).headers["Content-Security-Policy"]
		assert "default-src 'self'" in policy and "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]


def test_a_guest_is_sent_to_the_login_page_and_back(visitor: Callable[[], Visitor]) -> None:
	answer = visitor().get("/app/contact?start=20", headers=PAGE)
	assert answer.status_code == 302
	assert answer.headers["Location"] == "/login?redirect-to=/app/contact%3Fstart%3D20"
	page = visitor().get("/login", headers=PAGE)
	assert page.status_code == 200 and 'name="pwd"' in page.text
	assert visitor().get("/", headers=PAGE).headers["Location"] == "/app"


def test_pages_say_what_is_wrong_without_detail(visitor: Callable[[], Visitor], manager: Visitor) -> None:
	assert visitor().get("/nowhere", headers=PAGE).status_code == 404
	assert manager.get("/private/files/none.txt", headers=PAGE).status_code == 403


def test_a_website_user_has_no_desk(logged_in: Callable[..., Visitor]) -> None:
	ada = logged_in(desk=False)
	assert ada.get("/app", headers=PAGE).status_code == 403


def test_the_desk_names_the_doctypes_that_one_may_read(manager: Visitor, logged_in: Callable[..., Visitor]) -> None:
	assert '"Error Log"' in manager.get("/app", headers=PAGE).text
	assert '"Error Log"' not in logged_in().get("/app", headers=PAGE).text


def test_the_desk_speaks_the_users_language(visitor: Callable[[], Visitor], logged_in: Callable[..., Visitor]) -> None:
	guest = visitor()
	assert "Mot de passe" in guest.get("/login", headers={**PAGE, "Accept-Language": "fr-FR,fr;q=0.9,en;q=0.5"}).text
	assert "Password" in guest.get("/login", headers={**PAGE, "Accept-Language": "de"}).text
	ada = logged_in(language="fr")
	page = ada.get("/app", headers={**PAGE, "Accept-Language": "en"}).text
	assert '<html lang="fr">' in page and "Accueil" in page


def test_assets_of_installed_apps_are_served(visitor: Callable[[], Visitor]) -> None:
	assert visitor().get("/assets/frappe/desk.css").headers["Content-Type"].startswith("text/css")
	assert visitor().get("/assets/frappe/no-such.css", headers=PAGE).status_code == 404
	assert visitor().get("/assets/os/path.py", headers=PAGE).status_code == 404
	assert visitor().get("/assets/frappe", headers=PAGE).status_code == 404


def test_upload_needs_the_right_to_write_what_it_is_attached_to(
	logged_in: Callable[..., Visitor], visitor: Callable[[], Visitor]
) -> None:
	values = {"doctype": "User", "docname": "Administrator", "is_private": "1"}
	for each in (logged_in(), visitor()):
		answer = each.request("POST", "/api/method/upload_file", data=values, files={"file": ("a.txt", b"a")})
		assert answer.status_code == 403, answer.text
	frappe.db.rollback()
	assert not frappe.get_all("File", {"attached_to_doctype": "User", "attached_to_name": "Administrator", "file_name": "a.txt"})
