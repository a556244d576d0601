"""Another app that brings a class of its own for Email Account, as Frappe Helpdesk does."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mail_servers.dovecot import Dovecot
from tests.bench.quiet import Bench
from tests.mailbox import Mailbox, account_values, new_user, raw

OTHER = "zz_helpdesk"
HOOKS = f"""
app_name = app_title = app_publisher = app_description = "{OTHER}"
app_email, app_license = "a@example.com", "MIT"
override_doctype_class = {{"Email Account": "{OTHER}.account.TheirAccount"}}
"""
CLASS = """
from {module} import EmailAccount

class TheirAccount(EmailAccount):
	theirs = True
"""
CORE = "frappe.email.doctype.email_account.email_account"
OURS = "dokos_mail.doctype.email_account.email_account"


@pytest.fixture
def mailbox(bench: Bench, dovecot: Dovecot) -> Iterator[Mailbox]:
	user = new_user(dovecot)
	mailbox = Mailbox(dovecot, user, user.partition("@")[0])
	# core's class needs a row for the folder, and a password in ASCII
	dovecot.add_user(user, "ascii")
	folder = {"imap_folder": [{"folder_name": "INBOX"}], "email_sync_option": "UNSEEN"}
	values = account_values(dovecot, user, password="ascii", **folder)
	bench.python(f"frappe.get_doc({values!r}).insert()")
	yield mailbox
	bench.python(f"frappe.db.set_value('Email Account', {mailbox.account!r}, 'enable_incoming', 0)")


@pytest.fixture
def other(bench: Bench) -> Iterator[None]:
	yield
	if OTHER in installed(bench):
		bench.run("uninstall-app", OTHER, "--yes", "--no-backup")
	bench.list_apps([name for name in bench.apps() if name != OTHER])


def answer(bench: Bench, code: str) -> object:
	"""What an expression is on the site."""
	return json.loads(bench.python(f"print(__import__('json').dumps({code}, default=str))").strip().splitlines()[-1])


def installed(bench: Bench) -> list[str]:
	return answer(bench, "frappe.get_installed_apps()")


def status(bench: Bench, account: str) -> dict[str, object]:
	code = f"frappe.get_attr('dokos_mail.api.account_status')({account!r})"
	return answer(bench, code)


def subjects(bench: Bench, account: str) -> list[str]:
	filters = {"email_account": account, "sent_or_received": "Received"}
	return answer(bench, f"frappe.get_all('Communication', {filters!r}, pluck='subject', order_by='creation')")


def test_another_apps_class_is_said_and_nothing_breaks(bench: Bench, mailbox: Mailbox, other: None) -> None:
	mailbox.put(raw("un"))
	bench.run("mail-pull", "--account", mailbox.account)
	bench.add(OTHER, {"hooks.py": HOOKS, "account.py": CLASS.format(module=CORE)})
	said = bench.run("install-app", OTHER)
	assert f"The app {OTHER} replaces the class of Email Account" in said and "Hooks Resolution Order" in said
	# the form says so, our jobs rest, and their class receives as it did
	told = status(bench, mailbox.account)
	assert told["colour"] == "red" and OTHER in told["lines"][0]["text"]
	bench.python("frappe.get_attr('dokos_mail.jobs.pull_mailboxes')(); frappe.get_attr('dokos_mail.jobs.sweep_journal')()")
	mailbox.put(raw("deux"))
	bench.python(f"doc = frappe.get_doc('Email Account', {mailbox.account!r}); assert doc.theirs; doc.receive()")
	assert subjects(bench, mailbox.account) == ["un", "deux"]
	# the other order: ours is used, and theirs is missed
	order = [name for name in installed(bench) if name not in (OTHER, "dokos_mail")] + [OTHER, "dokos_mail"]
	bench.python(f"frappe.db.set_global('installed_apps', {json.dumps(order)!r}); frappe.db.commit(); frappe.clear_cache()")
	assert f"takes the place of a class that the app {OTHER} brings for Email Account" in bench.run("migrate")
	told = status(bench, mailbox.account)
	assert told["colour"] != "red" and OTHER in told["lines"][-1]["text"]
	mailbox.put(raw("trois"))
	bench.run("mail-pull", "--account", mailbox.account)
	assert subjects(bench, mailbox.account) == ["un", "deux", "trois"]


def test_a_class_that_derives_from_ours_is_as_good(bench: Bench, mailbox: Mailbox, other: None) -> None:
	bench.add(OTHER, {"hooks.py": HOOKS, "account.py": CLASS.format(module=OURS)})
	assert "replaces the class" not in bench.run("install-app", OTHER)
	mailbox.put(raw("par une classe qui descend de la nôtre"))
	bench.python(f"assert frappe.get_doc('Email Account', {mailbox.account!r}).theirs")
	bench.run("mail-pull", "--account", mailbox.account)
	assert subjects(bench, mailbox.account) == ["par une classe qui descend de la nôtre"]
	assert all(line["state"] != "Replaced" for line in status(bench, mailbox.account)["lines"])
