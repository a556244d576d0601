"""The app's folder is removed from the bench without an uninstallation, and comes back later."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mail_servers.dovecot import Dovecot
from tests.bench.quiet import Bench
from tests.mailbox import Mailbox, account_values, new_user, raw

APP = "dokos_mail"


@pytest.fixture(params=["ALL", "UNSEEN"])
def mailbox(request: pytest.FixtureRequest, bench: Bench, dovecot: Dovecot) -> Iterator[Mailbox]:
	user = new_user(dovecot)
	mailbox = Mailbox(dovecot, user, user.partition("@")[0])
	# the host's class needs a row for the folder, and a password in ASCII
	dovecot.add_user(user, "ascii")
	folder = {"imap_folder": [{"folder_name": "INBOX"}], "email_sync_option": request.param}
	values = account_values(dovecot, user, password="ascii", **folder)
	bench.python(f"frappe.get_doc({values!r}).insert()")
	yield mailbox
	if APP not in bench.apps():
		bench.bring_back(APP)
	bench.python(f"frappe.db.set_value('Email Account', {mailbox.account!r}, 'enable_incoming', 0)")


def subjects(bench: Bench, account: str) -> list[str]:
	filters = {"email_account": account, "sent_or_received": "Received"}
	found = f"frappe.get_all('Communication', {filters!r}, pluck='subject', order_by='creation')"
	return json.loads(bench.python(f"print(__import__('json').dumps({found}))").strip().splitlines()[-1])


def receive_by_the_hosts_class(bench: Bench, account: str) -> None:
	bench.python(
		f"doc = frappe.get_doc('Email Account', {account!r})\n"
		"assert type(doc).__module__.startswith('frappe.'), type(doc)\n"
		"doc.receive()"
	)


def test_mail_goes_on_without_the_app_and_with_it_again(bench: Bench, mailbox: Mailbox) -> None:
	mailbox.put(raw("un"), raw("deux"))
	bench.run("mail-pull", "--account", mailbox.account)
	bench.remove(APP)
	mailbox.put(raw("trois"))
	for _each in range(2):
		receive_by_the_hosts_class(bench, mailbox.account)
		assert subjects(bench, mailbox.account) == ["un", "deux", "trois"]
	mailbox.put(raw("quatre"))
	receive_by_the_hosts_class(bench, mailbox.account)
	bench.bring_back(APP)
	mailbox.put(raw("cinq"))
	for _each in range(2):
		bench.run("mail-pull", "--account", mailbox.account)
		assert subjects(bench, mailbox.account) == ["un", "deux", "trois", "quatre", "cinq"]
	bench.run("migrate")
	code = "print(frappe.db.count('Scheduled Job Type', {'method': ('like', 'dokos_mail.%')}))"
	assert int(bench.python(code).strip().splitlines()[-1]) >= 3
