"""What the way out needs to know of an Email Account: which one sends, whether it rests, how fast it may go."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import parseaddr

import frappe
from frappe import _
from frappe.utils import cint, format_datetime, get_datetime, now_datetime

from dokos_mail import health, host
from dokos_mail.engine.connect.login import kind_of_refusal
from dokos_mail.engine.errors import CommandRefused, MailError, QuotaReached, ServerRefuses, Throttled
from dokos_mail.engine.kept import recall
from dokos_mail.engine.send import pace
from dokos_mail.engine.send.courier import Courier
from dokos_mail.engine.send.retry import LONGEST_PAUSE_IF_LASTING, pause
from dokos_mail.engine.send.verdict import Verdict

STATUS = health.STATUS
WINDOWS = tuple(pace.WINDOWS)


def sending_account(row: frappe._dict) -> frappe._dict | None:
	"""The account that sends a queue row, or None: the row's own, the sender's, the default one, the host's own."""
	name = row.email_account
	if name and cint(frappe.db.get_value("Email Account", name, "enable_outgoing")):
		return frappe.get_cached_doc("Email Account", name)
	address = parseaddr(row.sender or "")[1]
	for filters in ({"email_id": address}, {"default_outgoing": 1}):
		if found := frappe.db.get_value("Email Account", filters | {"enable_outgoing": 1}, "name"):
			return frappe.get_cached_doc("Email Account", found)
	return row.account_of_host()


def resting(account: frappe._dict) -> str | None:
	"""Why the account sends nothing now and what to do about it, in words, or None."""
	next_attempt = frappe.db.get_value(STATUS, {"email_account": account.name}, "outgoing_next_attempt")
	if not next_attempt:
		return None
	until, now = get_datetime(next_attempt), now_datetime()
	# A time further off than any rest was written by a clock that went wrong since, or in summer time.
	if not now < until <= now + 2 * LONGEST_PAUSE_IF_LASTING:
		return None
	return _("{0} rests until {1}. {2}").format(account.name, format_datetime(until), failure(account))


def failure(account: frappe._dict) -> str:
	"""What the account's last try to send met, and on a line of its own what to do about it; empty where it sends.

	In the language of whoever asks, as far as it is still known what was met.
	"""
	columns = ["outgoing_error", "outgoing_remedy", "outgoing_detail"]
	error, remedy, detail = frappe.db.get_value(STATUS, {"email_account": account.name}, columns) or (None, None, None)
	if known := recall(detail) if error else None:
		error, remedy = known.message(_), known.advice(_)
	return "\n".join(filter(None, (error, remedy)))


def paced(account: frappe._dict) -> str | None:
	"""Until when the account's pace lets nothing leave, in words, or None."""
	free = free_at(account)
	if free is None:
		return None
	words = _("{0} has sent as many emails as it may. The next one leaves at {1}.")
	return words.format(account.name, format_datetime(free))


def free_at(account: frappe._dict) -> datetime | None:
	"""When the account's pace lets the next message leave, or None for now."""
	allowed = limits(account)
	return (
		pace.free_at(now_datetime(), allowed, lambda count, since: _nth_latest(account.name, count, since)) if allowed else None
	)


def limits(account: frappe._dict) -> dict[str, int]:
	"""How many recipients the account may send to, by window; empty where nobody has said."""
	declared = {window: cint(account.get(f"send_limit_{window}")) for window in WINDOWS}
	if all(declared.values()):
		return declared
	told = frappe.db.get_value(STATUS, {"email_account": account.name}, "told_limits")
	return pace.limits(declared, json.loads(told or "{}"))


def _nth_latest(account: str, count: int, since: datetime) -> datetime | None:
	queue, recipient = frappe.qb.DocType("Email Queue"), frappe.qb.DocType("Email Queue Recipient")
	found = (
		frappe.qb.from_(recipient)
		.join(queue)
		.on(queue.name == recipient.parent)
		.select(recipient.accepted_on)
		.where((queue.email_account == account) & (recipient.accepted_on > since))
		.orderby(recipient.accepted_on, order=frappe.qb.desc)
		.limit(1)
		.offset(count - 1)
	).run()
	return get_datetime(found[0][0]) if found else None


def has_sent_since(account: frappe._dict, moment: datetime) -> bool:
	"""Whether a server took any message of the account after that moment."""
	return _nth_latest(account.name, 1, moment) is not None


def rest(account: frappe._dict, error: MailError, lasting: bool | None = None) -> None:
	"""The account's server does not take mail now: let it rest, longer each time, and say so. Commits."""
	name = _status_of(account)
	if not name:
		return
	failures = cint(frappe.db.get_value(STATUS, name, "outgoing_failures")) + 1
	wait = pause(failures, not error.retry if lasting is None else lasting, random.random)
	values = {"outgoing_next_attempt": now_datetime() + wait, "outgoing_failures": failures}
	if found := pace.learnt(str(error.params.get("detail", ""))):
		values["told_limits"] = json.dumps(found)
	frappe.db.set_value(STATUS, name, values)
	health.record_outgoing(name, error)


def works(account: frappe._dict) -> None:
	"""A message was taken: whatever rest or failure was noted is over, and no check is waited for. Commits when that is news."""
	row = frappe.db.get_value(
		STATUS,
		{"email_account": account.name},
		["name", "outgoing_next_attempt", "outgoing_failures", "outgoing_state"],
		as_dict=True,
	)
	if row and (row.outgoing_next_attempt or row.outgoing_failures or row.outgoing_state != "Working"):
		frappe.db.set_value(STATUS, row.name, {"outgoing_next_attempt": None, "outgoing_failures": 0})
		health.record_outgoing(row.name, None)


def wake(account: str) -> None:
	"""Somebody wants it tried now. The caller commits."""
	frappe.db.set_value(STATUS, {"email_account": account}, {"outgoing_next_attempt": None})


def _status_of(account: frappe._dict) -> str | None:
	"""The account's status row, made when missing; None for an account that is stored nowhere."""
	name = frappe.db.get_value(STATUS, {"email_account": account.name}, "name")
	if name or not account.is_exists_in_db():
		return name
	try:
		made = frappe.get_doc({"doctype": STATUS, "email_account": account.name, "state": "Unknown"})
		made.insert(ignore_permissions=True)
	except (frappe.DuplicateEntryError, frappe.UniqueValidationError):
		frappe.db.rollback()
		return frappe.db.get_value(STATUS, {"email_account": account.name}, "name")
	return made.name


def error_of(found: Verdict, settings: object, words: str) -> MailError:
	"""The error to note on an account for what its server answered to a message."""
	where = {"host": settings.host, "port": settings.effective_port, "login": settings.login, "detail": words}
	if found.reason == "login":
		return (kind_of_refusal(words) if found.permanent else Throttled)(**where)
	kinds: dict[str, type[MailError]] = {"quota": QuotaReached, "blocked": ServerRefuses, "protocol": CommandRefused}
	return kinds.get(found.reason, Throttled)(**where)


# Sessions


def courier_for(account: frappe._dict) -> Courier:
	"""The session of this account in this request or job: one for all its messages, opened when first needed.

	It is closed when the request or job is over, or by ``couriers``.
	"""
	settings = account.outgoing_settings()
	held = _held()
	if settings not in held:
		held[settings] = Courier(settings)
		if len(held) == 1 and not frappe.local.dokos_mail_closes:
			host.when_over(close_couriers)
	return held[settings]


def close_couriers() -> None:
	"""End this request's or job's sessions."""
	held = _held()
	for courier in held.values():
		courier.quit()
	held.clear()


@contextmanager
def couriers() -> Iterator[None]:
	"""Sessions that are opened within are closed at the end."""
	_held()
	before, frappe.local.dokos_mail_closes = frappe.local.dokos_mail_closes, True
	try:
		yield
	finally:
		frappe.local.dokos_mail_closes = before
		close_couriers()


def _held() -> dict[object, Courier]:
	if getattr(frappe.local, "dokos_mail_couriers", None) is None:
		frappe.local.dokos_mail_couriers = {}
		frappe.local.dokos_mail_closes = False
	return frappe.local.dokos_mail_couriers


def incoming_settings(account: frappe._dict) -> object | None:
	"""How to reach the account's folders, or None where there are none to reach."""
	if not (account.enable_incoming and account.use_imap) or account.is_left_to_host():
		return None
	return account.incoming_settings()
