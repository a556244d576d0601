"""What the host's scheduler and workers run. Each job is safe to run twice and to be killed anywhere."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import now_datetime

from dokos_mail import certificates, checks, health, other_classes, reports
from dokos_mail.engine.errors import N_
from dokos_mail.host import in_site_language, job_timeouts
from dokos_mail.inbound import account as accounts
from dokos_mail.inbound import auto_reply, notices, reactions, unreplied
from dokos_mail.inbound.journal import FAILED, IGNORED, JOURNAL, JOURNALLED, identity
from dokos_mail.inbound.lease import LeaseHeld, LeaseLost, hold
from dokos_mail.inbound.process import process_pending, tell_apps_again
from dokos_mail.inbound.pull import Progress, PullResult, no_progress, pull
from dokos_mail.inbound.time_limit import TimeLimit
from dokos_mail.outbound import long_wait, queue
from dokos_mail.outbound.sent import accounts_with_copies, file_copies
from dokos_mail.reasons import because, columns

#: Seconds a pull may take before the host's worker ends it; it begins nothing new after PULL_SECONDS.
PULL_TIMEOUT = 30 * 60
PULL_SECONDS = 20 * 60
#: Seconds for which other jobs, which get five minutes, begin to process messages.
PROCESS_SECONDS = 3 * 60
#: After this time a raw file that never got its final name is a leftover.
LEFTOVER_AGE = timedelta(days=1)


def accounts_to_pull() -> list[str]:
	"""Names of the accounts that receive mail and have what it takes to log in; none while another app's class has them."""
	if not other_classes.is_ours():
		return []
	return frappe.get_all(
		"Email Account", filters={"enable_incoming": 1, "awaiting_password": 0}, pluck="name", order_by="name asc"
	)


def pull_mailboxes() -> None:
	"""Enqueue a pull of every account that is due (scheduler, each minute). The host's job sees to those left to it."""
	for account in accounts_to_pull():
		if not frappe.get_cached_doc("Email Account", account).is_left_to_host():
			pull_if_due(account)


def pull_if_due(account: str) -> None:
	"""Enqueue a pull of one account, unless it rests after a failure."""
	if accounts.is_due(account):
		enqueue_pull(account)


def carry_read_status(row: frappe._dict, method: str | None = None) -> None:
	"""A user read a mail, or marked it: the account's next pull carries that to the server, and it is made at once."""
	account = row.email_account
	if not account or not other_classes.is_ours():
		return
	asked = {"name": account, "enable_incoming": 1, "use_imap": 1, "keep_read_status": 1}
	if frappe.db.exists("Email Account", asked) and accounts.is_due(account):
		enqueue_pull(account, enqueue_after_commit=True)


def is_hosts_pull() -> bool:
	"""Whether this process runs the host's own scheduled pull."""
	job = getattr(frappe.local, "job", None)
	return bool(job) and str(job.get("method")).endswith("pull_from_email_account")


def enqueue_pull(account: str, *, enqueue_after_commit: bool = False) -> None:
	"""Enqueue a pull of one account, unless one waits already."""
	frappe.enqueue(
		"dokos_mail.jobs.pull_account",
		queue="long",
		timeout=PULL_TIMEOUT,
		job_id=f"pull-{identity(account)}",  # some hosts refuse a colon in it
		deduplicate=True,
		enqueue_after_commit=enqueue_after_commit,
		account=account,
		seconds=PULL_SECONDS,
	)


@in_site_language
def pull_account(account: str, progress: Progress = no_progress, seconds: float | None = None) -> PullResult | None:
	"""Pull one account. None when it is being pulled by another process, is gone, or does not receive mail any more.

	After ``seconds`` the rest is left to the next pull.
	"""
	if not frappe.db.exists("Email Account", account) or not other_classes.is_ours():
		return None
	settings = frappe.get_doc("Email Account", account)
	if not settings.enable_incoming or settings.awaiting_password:
		return None
	if settings.is_left_to_host():
		settings.receive()
		return PullResult()
	try:
		result = pull(account, progress, seconds)
		if reactions.are_due():
			frappe.enqueue("dokos_mail.jobs.react", job_id="react", deduplicate=True)
		return result
	except LeaseHeld:
		return None
	except LeaseLost:
		frappe.logger("dokos_mail").warning(f"pull of {account}: another process took over, or it was renamed")
		return None


def check_account(account: str) -> None:
	"""Try an account's connections after its settings changed, and say on the account how it went."""
	if not frappe.db.exists("Email Account", account) or not other_classes.is_ours():
		return
	settings = frappe.get_doc("Email Account", account)
	if settings.awaiting_password:
		return
	if settings.receives_here():
		accounts.record_checking(account)
		if error := checks.try_incoming(settings):
			accounts.record_failure(account, error)
		else:
			accounts.record_success(account, pulled=False)
	if settings.sends_here():
		health.record_outgoing(accounts.status_of(account), checks.try_outgoing(settings))
		health.announce(account)


def process_again(names: list[str]) -> None:
	"""Process failed messages once more, after whatever was in their way has been mended; ignored ones as new mail."""
	again = {"name": ("in", names), "state": ("in", [FAILED, IGNORED])}
	rows = frappe.get_all(JOURNAL, filters=again | {"raw_path": ("is", "set")}, fields=["name", "email_account"])
	for row in rows:
		values = {"state": JOURNALLED, "attempts": 0, "resync": 0} | columns(because(N_("To be processed again.")))
		frappe.db.set_value(JOURNAL, row.name, values)
	frappe.db.commit()
	_process_waiting({row.email_account for row in rows})


@in_site_language
def react() -> int:
	"""Carry out what received mail set off: automatic answers, notices (after a pull; scheduler, each minute)."""
	doers = {reactions.AUTO_REPLY: auto_reply.send, reactions.UNREPLIED: unreplied.send, reactions.NOTICE: notices.send}
	doers[reactions.REPORT] = reports.write_down
	return reactions.carry_out(doers, TimeLimit(PROCESS_SECONDS).is_up)


def sweep_journal() -> None:
	"""Process what was journalled and then left, whatever became of its account's pull (scheduler, hourly)."""
	since = now_datetime() - timedelta(hours=1)
	left = {"state": JOURNALLED, "creation": ("<", since)}
	untold = {"hooks_due": 1, "modified": ("<", since)}
	waiting = (frappe.get_all(JOURNAL, filters=some, pluck="email_account", distinct=True) for some in (left, untold))
	_process_waiting({account for accounts_of in waiting for account in accounts_of})


def look_at_certificates() -> None:
	"""Enqueue a look at the certificates of connections from before this app, while there are any to look at (scheduler)."""
	if any(certificates.waiting(doctype) for doctype in certificates.DOCTYPES):
		frappe.enqueue(
			"dokos_mail.jobs.look_at_waiting_certificates",
			queue="long",
			timeout=PULL_TIMEOUT,
			job_id="look-at-certificates",
			deduplicate=True,
		)


def look_at_waiting_certificates() -> None:
	"""Look at the certificates of all that wait for it; a server that could not be reached is looked at next time."""
	limit, seen = TimeLimit(PULL_SECONDS), {}
	for doctype in certificates.DOCTYPES:
		for name in certificates.waiting(doctype):
			if not limit.is_up():
				certificates.look_at(doctype, name, seen)


@in_site_language
def send_waiting_mail() -> None:
	"""See to what dead senders left, and enqueue the sending of each account with mail that is due (each minute).

	Whoever wrote mail that its account has kept for days is told.
	"""
	queue.see_to_what_was_left()
	if not queue.is_suspended():
		for account in queue.accounts_with_mail():
			enqueue_sending(account)
	for account in accounts_with_copies():
		_enqueue_once("file_sent_copies", account)
	if not queue.is_suspended():
		long_wait.tell_writers()


def enqueue_sending(account: str) -> None:
	"""Enqueue the sending of one account's mail, unless that waits already; of mail without an account for an empty name."""
	_enqueue_once("send_account_mail", account)


def _enqueue_once(job: str, account: str) -> None:
	frappe.enqueue(
		f"dokos_mail.jobs.{job}",
		queue="long",
		timeout=PULL_TIMEOUT,
		job_id=f"{job}-{identity(account)}",
		deduplicate=True,
		account=account,
	)


@in_site_language
def send_account_mail(account: str) -> int:
	"""Send what is due for one account, over one session; how many messages were seen to."""
	return queue.send_waiting(account, TimeLimit(PULL_SECONDS).is_up)


def file_sent_copies(account: str) -> int:
	"""Put copies of what one account sent into its Sent folder; how many."""
	return file_copies(account) if frappe.db.exists("Email Account", account) else 0


def tidy_raw_files() -> None:
	"""Remove what cut pulls left of raw files that never became whole (scheduler, daily)."""
	accounts.raw_store().tidy(LEFTOVER_AGE, time.time())


@in_site_language
def _process_waiting(names: Iterable[str]) -> None:
	"""Process what waits for these accounts. What is in one's way holds back no other."""
	if not other_classes.is_ours():
		return
	limit = TimeLimit(PROCESS_SECONDS)
	for account in sorted(names):
		if not frappe.db.exists("Email Account", account):
			_give_up(account)
			continue
		try:
			with hold(accounts.status_of(account)) as lease:
				process_pending(account, lease, time_is_up=limit.is_up)
				tell_apps_again(account, limit.is_up)
		except (LeaseHeld, LeaseLost):
			# Whoever holds the lease processes what waits as well.
			continue
		except Exception as error:
			frappe.db.rollback()
			if isinstance(error, job_timeouts()):
				raise
			frappe.log_error(title=_("Waiting mail of {0}").format(account))


def _give_up(account: str) -> None:
	"""Mail of an account that is gone is kept, and said to be."""
	reason = because(N_("Its Email Account {0} no longer exists. Make one of that name to process it."), account)
	frappe.db.set_value(JOURNAL, {"email_account": account, "state": JOURNALLED}, {"state": FAILED} | columns(reason))
	frappe.db.commit()
