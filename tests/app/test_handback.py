"""What the host finds when this app goes: its own columns say where we stopped, and its own job was never stopped."""

from __future__ import annotations

from collections.abc import Callable

import frappe
import pytest

from dokos_mail import host, install
from dokos_mail.inbound.handback import hand_back
from tests.app.test_pull import pull
from tests.mailbox import Mailbox, raw


def uids(mailbox: Mailbox) -> list[int]:
	return frappe.get_all("Communication", filters={"email_account": mailbox.account}, pluck="uid", order_by="creation asc")


def folders(mailbox: Mailbox) -> list[frappe._dict]:
	fields = ["folder_name", "uidvalidity", "uidnext", "append_to"]
	return frappe.get_all("IMAP Folder", filters={"parent": mailbox.account}, fields=fields)


def test_the_hosts_columns_say_where_we_stopped(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(imap_folder=[{"folder_name": "INBOX"}])
	mailbox.server.change_uidvalidity(mailbox.user, 4711)
	mailbox.put(raw("un"), raw("deux"))
	pull(mailbox)
	older = frappe.db.get_value("Communication", {"email_account": mailbox.account, "subject": "un"}, "name")
	frappe.db.set_value("Communication", older, "uid", 90000)
	for _time in range(2):
		hand_back()
		assert uids(mailbox) == [-1, 2]
		assert [(row.uidvalidity, row.uidnext) for row in folders(mailbox)] == [("4711", "3")]
	frappe.db.commit()


def test_an_account_without_folders_gets_the_one_we_read(mailbox: Mailbox) -> None:
	mailbox.put(raw("un"))
	pull(mailbox)
	hand_back()
	assert [(row.folder_name, row.uidnext, row.append_to) for row in folders(mailbox)] == [("INBOX", "2", "Opportunity")]
	frappe.db.commit()


def test_the_hosts_job_hands_on_to_ours(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	asked: list[str] = []
	monkeypatch.setattr("dokos_mail.jobs.enqueue_pull", asked.append)
	monkeypatch.setattr(frappe.local, "job", frappe._dict(method="pull_from_email_account"), raising=False)
	frappe.get_doc("Email Account", mailbox.account).receive()
	assert asked == [mailbox.account]
	if host.owns_mail():
		stopped = frappe.get_all(
			"Scheduled Job Type", filters={"method": ("like", "frappe.email.doctype.email_account%")}, pluck="stopped"
		)
		assert stopped and not any(stopped)


@pytest.mark.parametrize("option", ["ALL", "UNSEEN"])
def test_the_hosts_own_class_imports_nothing_twice(make_mailbox: Callable[..., Mailbox], option: str) -> None:
	"""The class that is left once the app is gone, on the rows that it leaves."""
	if not host.owns_mail():
		assert host.base_class("Email Account").__name__ == "Document"
		return
	mailbox = make_mailbox(imap_folder=[{"folder_name": "INBOX"}], email_sync_option=option)
	mailbox.put(*(raw(f"avant {number}") for number in range(5)))
	pull(mailbox)
	hand_back()
	frappe.db.commit()
	mailbox.put(raw("après"))
	# The host's class can send no other letters when it logs in.
	mailbox.server.add_user(mailbox.user, "ascii")
	account = frappe.get_doc("Email Account", mailbox.account)
	account.password = "ascii"
	account.save()
	core = host.base_class("Email Account")("Email Account", mailbox.account)
	assert type(core).__module__.startswith("frappe.")
	for _time in range(2):
		core.reload()
		core.receive()
		frappe.db.commit()
	subjects = frappe.get_all("Communication", filters={"email_account": mailbox.account}, pluck="subject")
	assert sorted(subjects) == sorted([*(f"avant {number}" for number in range(5)), "après"])


def test_no_secret_of_ours_is_left_behind(site: object) -> None:
	fields = {"module": install.MODULE, "fieldtype": "Password"}
	assert frappe.get_all("Custom Field", filters=fields) == []


def test_the_hosts_folders_are_kept_up_at_every_pull(make_mailbox: Callable[..., Mailbox]) -> None:
	"""Should the app vanish without being uninstalled, the host's class finds them filled."""
	mailbox = make_mailbox(imap_folder=[{"folder_name": "INBOX"}])
	mailbox.server.change_uidvalidity(mailbox.user, 4711)
	mailbox.put(raw("un"))
	modified = frappe.db.get_value("Email Account", mailbox.account, "modified")
	pull(mailbox)
	assert [(row.uidvalidity, row.uidnext) for row in folders(mailbox)] == [("4711", "2")]
	mailbox.put(raw("deux"), raw("trois"))
	pull(mailbox)
	assert [(row.uidvalidity, row.uidnext) for row in folders(mailbox)] == [("4711", "4")]
	assert uids(mailbox) == [1, 2, 3]
	assert frappe.db.get_value("Email Account", mailbox.account, "modified") == modified
