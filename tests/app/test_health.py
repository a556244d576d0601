"""What an account says of its connections, to whom and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import frappe
import pytest
from frappe.utils import now_datetime

from dokos_mail import api, checks, jobs
from dokos_mail.engine.errors import LoginRefused
from dokos_mail.health import STATUS
from dokos_mail.inbound import pull
from mail_servers.relay import Relay
from tests.mailbox import Mailbox, raw


@pytest.fixture
def language() -> Iterator[Callable[[str], None]]:
	before = frappe.local.lang

	def speak(language: str) -> None:
		frappe.local.lang = language

	yield speak
	frappe.local.lang = before


def told(account: str) -> dict[str, Any]:
	frappe.db.rollback()
	return api.account_status(account)


def test_a_save_says_checking_and_the_check_says_how_it_went(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox()
	first = told(mailbox.account)
	assert (first["checking"], first["state"], first["colour"]) == (True, "Checking", "blue")
	assert frappe.db.get_value("Email Account", mailbox.account, "connection_state") == "Checking"
	jobs.check_account(mailbox.account)
	after = told(mailbox.account)
	assert (after["checking"], after["state"], after["colour"]) == (False, "Working", "green")
	assert frappe.db.get_value("Email Account", mailbox.account, "connection_state") == "Working"


def test_a_failure_is_told_in_the_readers_language(make_mailbox: Callable[..., Mailbox], language: Callable[[str], None]) -> None:
	mailbox = make_mailbox(password="wrong")
	jobs.check_account(mailbox.account)
	language("en")
	(english,) = told(mailbox.account)["lines"]
	language("fr")
	(french,) = told(mailbox.account)["lines"]
	assert "refuses the login" in english["text"] and english["remedy"]
	assert "refuse l'identifiant" in french["text"] and french["title"] == "Réception"
	assert (english["colour"], french["colour"]) == ("red", "red")


def test_sending_is_checked_too(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox()
	with Relay(mailbox.server) as relay:
		account = frappe.get_doc("Email Account", mailbox.account)
		account.update(
			{"enable_outgoing": 1, "smtp_server": relay.host, "smtp_port": str(relay.port), "no_smtp_authentication": 1}
		)
		account.save()
		frappe.db.commit()
		jobs.check_account(mailbox.account)
		assert [line["state"] for line in told(mailbox.account)["lines"]] == ["Working", "Working"]
		assert relay.accepted == []
	jobs.check_account(mailbox.account)
	answer = told(mailbox.account)
	assert [line["state"] for line in answer["lines"]] == ["Working", "Failing"]
	assert (answer["state"], answer["colour"]) == ("Failing", "red")


def test_a_check_that_nobody_begins_is_said_to_wait(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox()
	frappe.db.set_value(STATUS, {"email_account": mailbox.account}, "checking_since", now_datetime() - timedelta(minutes=5))
	frappe.db.commit()
	(line,) = told(mailbox.account)["lines"]
	assert line["state"] == "Waiting" and line["remedy"]


def test_who_is_asked_for_a_password_is_said(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(password=None, awaiting_password=1)
	(line,) = told(mailbox.account)["lines"]
	assert line["state"] == "Awaiting" and line["remedy"], "nobody has the inbox"
	values = {"doctype": "User", "email": f"x.{mailbox.user}", "first_name": "Jean", "send_welcome_email": 0}
	user = frappe.get_doc(values).insert()
	row = {"email_account": mailbox.account, "email_id": mailbox.user, "awaiting_password": 1}
	user.append("user_emails", row)
	user.save()
	(line,) = api.account_status(mailbox.account)["lines"]
	assert user.name in line["text"]
	frappe.db.rollback()


@pytest.mark.parametrize(
	("settings", "unsafe"),
	[
		({"use_ssl": 1}, 0),
		({"use_ssl": 1, "validate_ssl_certificate": 0}, 1),
		({"use_ssl": 0}, 1),
		({"use_ssl": 0, "email_server": "127.0.0.1"}, 0),
	],
)
def test_what_is_not_safe_is_said(make_mailbox: Callable[..., Mailbox], settings: dict[str, Any], unsafe: int) -> None:
	mailbox = make_mailbox(**({"email_server": "imap.nowhere.invalid"} | settings))
	states = [line["state"] for line in told(mailbox.account)["lines"]]
	assert states.count("Unsafe") == unsafe


def test_only_a_refused_login_asks_for_the_password_again(make_mailbox: Callable[..., Mailbox], unused_tcp_port: int) -> None:
	mailbox = make_mailbox(password="wrong")
	account = frappe.get_doc("Email Account", mailbox.account)
	assert isinstance(checks.refused(account), LoginRefused)
	account.incoming_port = str(unused_tcp_port)
	assert checks.refused(account) is None


def test_a_pull_that_was_asked_for_is_followed_to_its_end(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(frappe, "enqueue", lambda *args, **kwargs: None)
	mailbox.put(raw("Première"), raw("Deuxième"))
	since = api.pull_now(mailbox.account)
	assert api.pull_progress(mailbox.account, since)["state"] == "waiting"
	jobs.pull_account(mailbox.account)
	end = api.pull_progress(mailbox.account, since)
	assert (end["state"], end["received"], end["left"], end["error"]) == ("done", 2, 0, "")
	assert {mail["subject"] for mail in end["mails"]} == {"Première", "Deuxième"}
	assert all(mail["document"] for mail in end["mails"])
	later = api.pull_now(mailbox.account)
	jobs.pull_account(mailbox.account)
	assert api.pull_progress(mailbox.account, later)["received"] == 0


def test_a_pull_that_ends_first_is_not_taken_for_the_one_that_was_asked_for(
	mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(frappe, "enqueue", lambda *args, **kwargs: None)
	since = api.pull_now(mailbox.account)
	jobs.pull_account(mailbox.account)
	mailbox.put(raw("Pendant ce temps"))
	told: list[str] = []
	process_pending = pull.process_pending

	def told_meanwhile(*args: object, **kwargs: object) -> object:
		told.append(api.pull_progress(mailbox.account, since)["state"])
		return process_pending(*args, **kwargs)

	monkeypatch.setattr(pull, "process_pending", told_meanwhile)
	jobs.pull_account(mailbox.account)
	assert told and set(told) == {"fetching"}
	assert api.pull_progress(mailbox.account, since)["state"] == "done"


def test_a_pull_that_nobody_begins_is_given_up(mailbox: Mailbox) -> None:
	end = api.pull_progress(mailbox.account, str(now_datetime() - timedelta(minutes=5)))
	assert end["state"] == "done" and end["error"] and end["remedy"]
