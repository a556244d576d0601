"""Who may call what: the raw text of a mail, a pull, a second processing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import frappe
import pytest

from dokos_mail import api
from dokos_mail.inbound.account import raw_store
from dokos_mail.jobs import pull_account
from tests.mailbox import PASSWORD, Mailbox, raw

STRANGER = "etranger@masociete.test"


@pytest.fixture
def stranger(site: object) -> Iterator[str]:
	"""A user of the desk without any role that has to do with mail."""
	if not frappe.db.exists("User", STRANGER):
		values = {"doctype": "User", "email": STRANGER, "first_name": "Étranger", "send_welcome_email": 0}
		frappe.get_doc(values).insert()
	frappe.db.commit()
	yield STRANGER
	frappe.set_user("Administrator")


@pytest.fixture
def row(mailbox: Mailbox) -> str:
	mailbox.put(raw("confidentiel"))
	pull_account(mailbox.account)
	return frappe.db.get_value("Incoming Email", {"email_account": mailbox.account}, "name")


def test_an_administrator_downloads_the_original(row: str) -> None:
	api.download_original(row)
	raw_path = frappe.db.get_value("Incoming Email", row, "raw_path")
	assert frappe.local.response.filecontent == raw_store().read(raw_path)
	assert frappe.local.response.type == "download"
	assert frappe.local.response.filename.endswith(".eml")


@pytest.mark.parametrize("user", [STRANGER, "Guest"])
@pytest.mark.parametrize(
	"call",
	[
		lambda row, account: api.download_original(row),
		lambda row, account: api.process_again(row),
		lambda row, account: api.pull_now(account),
		lambda row, account: api.account_status(account),
	],
	ids=["download_original", "process_again", "pull_now", "account_status"],
)
def test_others_may_do_nothing(call: Callable[[str, str], object], user: str, row: str, stranger: str, mailbox: Mailbox) -> None:
	frappe.set_user(user)
	with pytest.raises(frappe.PermissionError):
		call(row, mailbox.account)


def test_a_row_that_is_not_there_tells_a_stranger_nothing(stranger: str) -> None:
	frappe.set_user(stranger)
	with pytest.raises(frappe.PermissionError):
		api.download_original("0" * 40)


def test_no_answer_holds_the_password(mailbox: Mailbox) -> None:
	password = mailbox.server.users[mailbox.user]
	assert password not in frappe.as_json(frappe.get_doc("Email Account", mailbox.account).as_dict())
	assert password not in frappe.as_json(api.account_status(mailbox.account))
	assert password not in repr(frappe.get_doc("Email Account", mailbox.account).incoming_settings())


def test_a_failed_message_is_processed_again_by_its_button(row: str, stranger: str, monkeypatch: pytest.MonkeyPatch) -> None:
	asked = []
	monkeypatch.setattr(frappe, "enqueue", lambda method, **arguments: asked.append((method, arguments)))
	frappe.db.set_value("Incoming Email", row, {"state": "Failed", "reason": "disk full"})
	frappe.db.commit()
	frappe.set_user(stranger)
	with pytest.raises(frappe.PermissionError):
		api.process_again(row)
	frappe.set_user("Administrator")
	doc = frappe.get_doc("Incoming Email", row)
	doc.run_method("onload")
	assert doc.original.endswith(row)
	assert doc.explanation
	api.process_again(row)
	assert asked == [("dokos_mail.jobs.process_again", {"names": [row]})]


def test_a_password_that_nobody_waits_for_is_not_set_anew(mailbox: Mailbox) -> None:
	"""The window may be open twice; the second one must not overwrite what the first one set."""
	before = frappe.get_doc("Email Account", mailbox.account).get_password("password")
	assert api.set_email_password(mailbox.account, "another one") is True
	assert frappe.get_doc("Email Account", mailbox.account).get_password("password") == before


def test_a_password_is_tried_before_it_is_stored(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(password=None, awaiting_password=1)
	frappe.clear_messages()
	assert api.set_email_password(mailbox.account, "not this one") is False
	said = str(list(frappe.local.message_log))
	assert "refuses the login" in said and "app password" in said, "what happened, and what to do"
	frappe.db.rollback()
	account = frappe.get_doc("Email Account", mailbox.account)
	assert (account.awaiting_password, account.get_password("password", raise_exception=False)) == (1, None)
	assert api.set_email_password(mailbox.account, PASSWORD) is True
	account = frappe.get_doc("Email Account", mailbox.account)
	assert (account.awaiting_password, account.get_password("password")) == (0, PASSWORD)
