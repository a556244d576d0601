"""The host's own scheduler and worker, and nobody who calls anything: a mail that arrives becomes a Communication."""

from __future__ import annotations

import json

import pytest

from mail_servers.dovecot import Dovecot
from tests.bench.quiet import Bench, running, wait_for
from tests.mailbox import Mailbox, account_values, new_user, raw

#: Seconds: a minute until the job is due, a tick, a pull, and a slow machine.
DEADLINE = 240


@pytest.fixture
def mailbox(bench: Bench, dovecot: Dovecot) -> Mailbox:
	"""A mailbox with mail in it, its account, and nothing queued for it."""
	user = new_user(dovecot)
	mailbox = Mailbox(dovecot, user, user.partition("@")[0])
	values = account_values(dovecot, user)
	bench.python(
		"from frappe.utils.scheduler import toggle_scheduler\n"
		"toggle_scheduler(True)\n"
		# A site on which nobody has logged in for days is dormant: the host runs its jobs once a day.
		"frappe.get_doc({'doctype': 'Activity Log', 'user': 'Administrator', 'status': 'Success', 'operation': 'Login',"
		" 'subject': 'Administrator logged in'}).insert(ignore_permissions=True)\n"
		f"frappe.get_doc({values!r}).insert()\n"
	)
	bench.run("purge-jobs")
	return mailbox


def received(bench: Bench, mailbox: Mailbox) -> list[str]:
	filters = {"email_account": mailbox.account, "sent_or_received": "Received"}
	code = f"print(__import__('json').dumps(frappe.get_all('Communication', {filters!r}, pluck='subject', order_by='creation')))"
	return json.loads(bench.python(code).strip().splitlines()[-1])


def test_mail_comes_by_itself(bench: Bench, mailbox: Mailbox) -> None:
	mailbox.put(raw("avant que tout commence"))
	with running(bench, "schedule") as schedule, running(bench, "worker", "--queue", "short,default,long") as worker:
		wait_for(lambda: schedule.poll() is not None or worker.poll() is not None or received(bench, mailbox), DEADLINE)
		assert schedule.poll() is None and worker.poll() is None
		mailbox.put(raw("pendant que tout tourne"))
		wait_for(lambda: len(received(bench, mailbox)) > 1, DEADLINE)
	bench.python(f"frappe.db.set_value('Email Account', {mailbox.account!r}, 'enable_incoming', 0)")
	assert received(bench, mailbox) == ["avant que tout commence", "pendant que tout tourne"]
