"""One puller per account at a time; a holder that died is recognised, one that is alive is not disturbed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import timedelta

import frappe
import pytest
from frappe.utils import now_datetime

from dokos_mail.inbound.account import STATUS, status_of
from dokos_mail.inbound.lease import Lease, LeaseHeld, LeaseLost, hold
from dokos_mail.jobs import pull_account, pull_if_due, pull_mailboxes
from tests.mailbox import Mailbox, raw

_fork = multiprocessing.get_context("fork")


def token(status: str) -> str | None:
	return frappe.db.get_value(STATUS, status, "lease_token")


def test_it_is_given_back(mailbox: Mailbox) -> None:
	status = status_of(mailbox.account)
	with hold(status):
		assert token(status)
	assert not token(status)


def test_a_living_holder_keeps_it(mailbox: Mailbox) -> None:
	status = status_of(mailbox.account)
	with hold(status) as lease:
		with pytest.raises(LeaseHeld), hold(status):
			pass
		assert token(status) == lease.token
		mailbox.put(raw())
		assert pull_account(mailbox.account) is None


def test_one_that_ran_out_is_taken_and_its_holder_stopped(mailbox: Mailbox) -> None:
	status = status_of(mailbox.account)
	with hold(status) as first:
		frappe.db.set_value(STATUS, status, "lease_until", now_datetime() - timedelta(seconds=1))
		frappe.db.commit()
		with hold(status) as second:
			assert second.token != first.token
			with pytest.raises(LeaseLost):
				first.fence()
			second.fence()


def test_what_a_lost_holder_wrote_is_not_kept(mailbox: Mailbox) -> None:
	status = status_of(mailbox.account)
	stale = Lease(status, "somebody:else:altogether", now_datetime())
	with hold(status):
		frappe.db.set_value(STATUS, status, "failures", 7)
		with pytest.raises(LeaseLost):
			stale.fence()
		assert frappe.db.get_value(STATUS, status, "failures") == 0


def test_a_holder_killed_on_this_machine_is_recognised_at_once(mailbox: Mailbox) -> None:
	status = status_of(mailbox.account)
	site, sites_path = frappe.local.site, frappe.local.sites_path
	frappe.db.commit()
	frappe.destroy()

	def hold_and_die() -> None:
		frappe.init(site=site, sites_path=sites_path)
		frappe.connect()
		with hold(status):
			os.kill(os.getpid(), signal.SIGKILL)

	child = _fork.Process(target=hold_and_die)
	child.start()
	child.join(30)
	assert child.exitcode == -signal.SIGKILL
	frappe.init(site=site, sites_path=sites_path)
	frappe.connect()
	frappe.set_user("Administrator")
	assert token(status)
	with hold(status):
		pass


def test_a_pull_that_waits_is_not_enqueued_again(make_mailbox: Callable[..., Mailbox], monkeypatch: pytest.MonkeyPatch) -> None:
	"""One job an account: the host makes none of an id that waits or runs (its own tests hold that)."""
	asked: list[dict[str, object]] = []
	monkeypatch.setattr(frappe, "enqueue", lambda _method, **given: asked.append(given))
	first, second = make_mailbox(), make_mailbox()
	del asked[:]
	for mailbox in (first, first, second):
		pull_if_due(mailbox.account)
	assert [job["account"] for job in asked] == [first.account, first.account, second.account]
	assert all(job["deduplicate"] for job in asked)
	assert asked[0]["job_id"] == asked[1]["job_id"] != asked[2]["job_id"]
	del asked[:]
	pull_mailboxes()
	assert {first.account, second.account} <= {job.get("account") for job in asked}
