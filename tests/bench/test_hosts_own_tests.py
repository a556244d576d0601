"""The host's own tests of receiving mail, with a real server where they put a stand-in for the host's IMAP client.

That client is what this app has one of its own for: what the stand-in would hand over is put into a mailbox, and pulled
from there. All else in those tests is the host's. They empty the Email Queue of the site.
"""

from __future__ import annotations

import inspect
import io
import json
import unittest
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import frappe
import pytest

from dokos_mail import jobs
from mail_servers.dovecot import Dovecot
from tests.bench.test_ways_to_send import default
from tests.mailbox import account_values, new_user
from tests.outbound.conftest import make_account, smtp

__all__ = ["default", "make_account", "smtp"]

SENDER = "test_sender@example.com"

#: Tests that hold the host to what is wrong with it, so that they have to fail here.
WRONG = {
	"test_auto_reply": "it answers a mail of 2014, at the first pull of a mailbox, that names another address",
	"test_incoming_attached_email_from_outlook_layers": "the text of an attached mail is made part of the mail it comes with",
	"test_incoming_attached_email_from_outlook_plain_text_only": "the same",
}


@pytest.fixture
def theirs(site: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
	"""The module of the host's tests, and the documents it wants, which its runner makes once for each site."""
	monkeypatch.setattr(frappe.local.flags, "in_test", True, raising=False)
	for hook in frappe.get_hooks("before_job"):
		frappe.get_attr(hook)()
	module = import_module("frappe.email.doctype.email_account.test_email_account")
	for values in json.loads((Path(module.__file__).parent / "test_records.json").read_text()):
		if not frappe.db.exists(values["doctype"], values.get("email_account_name", {"description": values.get("description")})):
			# of a domain that the runner makes as well; the server comes with each test
			values.pop("domain", None)
			frappe.get_doc(values | {"enable_incoming": 0, "enable_outgoing": 0}).insert()
	frappe.db.commit()
	# Frappe 16 loads the module anew when it makes the documents that a class wants: what is patched is patched after it
	module.TestEmailAccount.setUpClass()
	cleanup = module.cleanup
	# theirs, told no sender, deletes every Communication of the site
	monkeypatch.setattr(module, "cleanup", lambda sender=SENDER: cleanup(sender))
	yield module
	frappe.db.rollback()
	frappe.db.set_value("Email Account", {"name": ("like", "_Test Email Account%")}, {"enable_incoming": 0, "enable_outgoing": 0})
	frappe.db.commit()


def through(dovecot: Dovecot) -> Any:
	"""In the place of their stand-in: the messages of each folder, as a new mailbox has them, pulled by the account."""

	def receive(account: Any, messages: dict[str, dict[str, Any]]) -> None:
		user = new_user(dovecot)
		for row in account.imap_folder:
			if row.folder_name != "INBOX":
				dovecot.create_folder(user, row.folder_name)
		for quoted, held in messages.items():
			folder = quoted.strip('"')
			for text in held["latest_messages"]:
				dovecot.append(user, text.encode(), folder)
		values = account_values(dovecot, user)
		for each in ("doctype", "email_account_name", "email_id"):
			values.pop(each, None)
		account.update(values | {"login_id_is_different": 1, "login_id": user, "domain": None})
		account.save()
		# the same messages come with every test
		frappe.db.delete("Incoming Email", {"email_account": account.name})
		frappe.db.commit()
		result = jobs.pull_account(account.name)
		held = sum(len(held["latest_messages"]) for held in messages.values())
		assert result and (result.error, result.journalled) == (None, held), result
		jobs.react()

	return staticmethod(receive)


@pytest.mark.usefixtures("default")
def test_mail_is_received_as_the_host_tests_it(theirs: ModuleType, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
	case = theirs.TestEmailAccount
	monkeypatch.setattr(case, "mocked_email_receive", through(dovecot))
	names = [
		name
		for name in unittest.TestLoader().getTestCaseNames(case)
		if "mocked_email_receive" in inspect.getsource(getattr(case, name))
	]
	assert set(WRONG) < set(names)
	said = io.StringIO()
	result = unittest.TextTestRunner(stream=said, verbosity=2).run(unittest.TestSuite(map(case, names)))
	failed = {each.id().rpartition(".")[2] for each, _why in (*result.failures, *result.errors)}
	assert (result.testsRun, failed) == (len(names), set(WRONG)), said.getvalue()
