"""The queue as a whole: sending what waits, seeing to what was left behind, and what people ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, now_datetime

from dokos_mail import host
from dokos_mail.engine.errors import N_
from dokos_mail.engine.send import row as states
from dokos_mail.outbound import account as accounts
from dokos_mail.outbound import long_wait, outcome
from dokos_mail.outbound.claim import QUEUE, WAITING, claim, left_behind, take_over
from dokos_mail.outbound.deliver import Rests, deliver, resolve
from dokos_mail.outbound.reported import RECEIPTS
from dokos_mail.reasons import because, told

#: States of a delivery, of which only the last one counts; what else a log says stays true.
_DELIVERY = frozenset((*states.OPEN, *states.DONE, states.REFUSED, states.UNCERTAIN, states.CANCELLED))
#: Rows looked at in one go.
BATCH = 200


def is_suspended() -> bool:
	"""Whether somebody suspended sending on this site, or its e-mails are muted."""
	muted = cint(frappe.flags.mute_emails) or cint(frappe.conf.get("mute_emails"))
	return bool(muted) or was_suspended()


def was_suspended() -> bool:
	"""Whether somebody suspended it, who can resume it; what the site's configuration mutes, only that can."""
	return cint(frappe.db.get_default("suspend_email_queue")) == 1


def accounts_with_mail() -> list[str]:
	"""Names of the accounts for which mail is due; an empty name where rows name none. What the host's service sends is its."""
	table = frappe.qb.DocType(QUEUE)
	found = _due(table).select(table.email_account).distinct().run()
	return sorted(name for name in {name or "" for (name,) in found} if not _is_hosts(name))


def _is_hosts(account: str) -> bool:
	return bool(frappe.db.exists("Email Account", account)) and frappe.get_cached_doc("Email Account", account).is_hosts_service()


def _due(table: Any) -> Any:
	"""Rows whose time has come. Not by ``get_all``: its "not set" compares a moment with "", which PostgreSQL refuses."""
	due = table.send_after.isnull() | (table.send_after <= now_datetime())
	return frappe.qb.from_(table).where(table.status.isin(WAITING) & due)


def send_waiting(account: str, time_is_up: object = lambda: False) -> int:
	"""Send what is due for one account over one session; how many messages were seen to. Commits.

	Order: priority, then the fewest tries, then age. Ends when nothing is left, the account rests, sending is suspended, or the
	time is up.
	"""
	seen: set[str] = set()
	with accounts.couriers():
		while True:
			names = [name for name in _next(account, len(seen)) if name not in seen]
			if not names:
				break
			for name in names:
				if time_is_up() or is_suspended():
					return len(seen)
				seen.add(name)
				try:
					deliver(name)
				except Rests:
					if account:
						return len(seen)
				except Exception as error:
					frappe.db.rollback()
					if isinstance(error, host.job_timeouts()):
						raise
					frappe.log_error(title=_("Email {0} could not be sent").format(name))
	return len(seen)


def _next(account: str, seen: int) -> list[str]:
	"""The rows that are due, those that were seen to in this run included: they may wait for others to end."""
	frappe.db.commit()
	table = frappe.qb.DocType(QUEUE)
	of_account = table.email_account == account if account else table.email_account.isnull() | (table.email_account == "")
	rows = _due(table).where(of_account).select(table.name).orderby(table.priority, order=frappe.qb.desc)
	return [name for (name,) in rows.orderby(table.retry).orderby(table.creation).limit(BATCH + min(seen, BATCH)).run()]


def see_to_what_was_left() -> int:
	"""Rows whose sender died: what is known stays, what was in flight is uncertain. How many there were. Commits."""
	count = 0
	for name, old_token in left_behind():
		token = take_over(name, old_token)
		if token:
			resolve(name, token, hosts=not old_token)
			count += 1
	return count


# What people ask


def is_ones_own(row: frappe._dict) -> bool:
	"""Whether the user may send it, try it again or cancel it: a System Manager, and whoever wrote the mail."""
	return "System Manager" in frappe.get_roles() or row.owner == frappe.session.user


def may_act(row: frappe._dict) -> None:
	"""Raises PermissionError for whom it is no affair of."""
	if not is_ones_own(row):
		raise frappe.PermissionError(_("Only a System Manager, or whoever wrote the email, may do that."))


def send_now(name: str) -> str:
	"""Send a row now, whatever it waits for. Returns what became of it, in words. Commits."""
	row = frappe.get_doc(QUEUE, name)
	may_act(row)
	if is_suspended():
		return _("Sending is suspended on this site.")
	try:
		with accounts.couriers():
			state = deliver(name, by_hand=True)
	except Rests as reason:
		return str(reason)
	return in_words(name) if state is not None else _("It is being sent, or has been already.")


def try_again(names: Iterable[str]) -> int:
	"""Begin anew what failed, is uncertain, or was cancelled; what was sent stays sent. How many rows. Commits."""
	count = 0
	for name in names:
		row = frappe.get_doc(QUEUE, name)
		may_act(row)
		if _change(row, ("Error", "Expired", *WAITING), states.AGAIN, states.WAITING, because(N_("To be tried again."))):
			count += 1
			if row.email_account:
				accounts.wake(row.email_account)
			frappe.db.commit()
	return count


def cancel(names: Iterable[str]) -> int:
	"""Do not send to whom it was not sent yet. How many rows. Commits."""
	count = 0
	for name in names:
		row = frappe.get_doc(QUEUE, name)
		may_act(row)
		words = because(N_("Cancelled by {0}"), frappe.session.user)
		count += _change(row, WAITING, (*states.OPEN, states.UNCERTAIN), states.CANCELLED, words)
	return count


def what_can_be_done(communication: str) -> dict[str, object]:
	"""Of the rows of a mail that was sent: those that ``wait``, those that ``failed``, as far as the user may act on them, and
	``why``, for readers.
	"""
	fields = ["name", "owner", "status"]
	rows = frappe.get_all(QUEUE, filters={"communication": communication}, fields=fields, order_by="creation asc")
	waiting = [row.name for row in rows if row.status in WAITING]
	own = {row.name for row in rows if is_ones_own(row)}
	return {
		"wait": [name for name in waiting if name in own],
		"failed": [row.name for row in rows if row.status in ("Error", "Expired") and row.name in own],
		"why": "\n".join(dict.fromkeys(why(frappe.get_doc(QUEUE, name)) for name in waiting)),
	}


def _change(row: frappe._dict, statuses: Sequence[str], before: Sequence[str], after: str, words: str) -> bool:
	waited = row.status in WAITING
	token = claim(row.name, statuses, due_only=False)
	if token is None:
		return False
	recipients = outcome.recipients_of(row.name)
	for each in recipients:
		if each.state in before:
			outcome.write(each, after, words, attempts=0, next_try=None)
	# Its two days begin anew; whoever knows that it waits is not told so again.
	values = {"first_try": now_datetime() if after == states.WAITING else None} | ({} if waited else {"notified": 0})
	frappe.db.set_value(QUEUE, row.name, values, update_modified=False)
	row.update(values)
	outcome.finish(row, recipients, token)
	frappe.db.commit()
	return True


# In words


def in_words(name: str) -> str:
	"""A row's state and what it waits for, for readers."""
	row = frappe.get_doc(QUEUE, name)
	return " ".join(filter(None, [_(row.delivery_state or row.status), why(row)]))


def why(row: frappe._dict, *, in_short: bool = False, own: str | None = None) -> str:
	"""Why a row is in its state: its own reason, or what all mail of its account waits for (``in_short``: what that met).

	``own`` is that own reason in the reader's language, where it is known already.
	"""
	own = outcome.reasons_of([row]).get(row.name, "") if own is None else own
	if row.status not in WAITING:
		return own
	if is_suspended():
		return _("Sending is suspended on this site.")
	account = accounts.sending_account(row)
	if account is None:
		return long_wait.no_account()
	if reason := accounts.resting(account):
		return (in_short and accounts.failure(account).partition("\n")[0]) or reason
	if row.send_after and row.send_after > now_datetime():
		when = _("It is sent after {0}.").format(frappe.utils.format_datetime(row.send_after))
		return " ".join(filter(None, [when, own]))
	if reason := accounts.paced(account):
		return reason
	return own or _("It is sent within a minute or two.")


def whys(names: Sequence[str]) -> dict[str, str]:
	"""For each of these rows, as far as the user may see it, why it is in its state, in a line. No message is loaded."""
	fields = ["name", "status", "delivery_reason", "send_after", "email_account", "sender", "sent_to"]
	rows = frappe.get_list(QUEUE, filters={"name": ("in", list(names) or [""])}, fields=fields, limit_page_length=len(names))
	own = outcome.reasons_of(rows)
	said: dict[tuple, str] = {}
	found: dict[str, str] = {}
	for row in rows:
		to = f"{row.pop('sent_to')}: "
		# what waits for one account, and for nothing else, waits for the same
		alike = tuple(value for field, value in row.items() if field != "name")
		if alike not in said:
			row.account_of_host = lambda name=row.name: frappe.get_doc(QUEUE, name).account_of_host()
			said[alike] = why(row, in_short=True, own=own.get(row.name, ""))
		# the only recipient stands beside it
		found[row.name] = " ".join(said[alike].removeprefix(to).split("\n"))
	return found


def suspend(suspended: bool) -> None:
	"""Suspend sending on this site, or resume it: the host's own switch. The caller commits."""
	frappe.db.set_default("suspend_email_queue", int(suspended))


def waiting_by_account() -> list[dict[str, object]]:
	"""For each account with mail that is not sent: how many wait, since when, and why."""
	rows = frappe.get_all(
		QUEUE,
		filters={"status": ("in", [*WAITING, "Sending"])},
		fields=["name", "email_account", "creation"],
		order_by="creation asc",
	)
	found: dict[str, dict[str, object]] = {}
	for row in rows:
		each = found.setdefault(
			row.email_account or "", {"account": row.email_account, "count": 0, "since": row.creation, "row": row.name}
		)
		each["count"] += 1
	return [each | {"why": why(frappe.get_doc(QUEUE, each.pop("row")))} for each in found.values()]


def troubles(communications: Sequence[str]) -> dict[str, list[dict[str, str]]]:
	"""What is to be known of each of these mails besides that it was sent: for each recipient, what came last of each kind."""
	rows = frappe.get_all(
		QUEUE, filters={"communication": ("in", list(communications) or [""])}, fields=["name", "communication"]
	)
	about = {row.name: row.communication for row in rows}
	logged = {"parent": ("in", list(about) or [""]), "delivery_log": ("is", "set")}
	found: dict[str, list[dict[str, str]]] = {}
	fields = ["parent", "recipient", "delivery_state", "delivery_log"]
	for each in frappe.get_all("Email Queue Recipient", filters=logged, fields=fields, order_by="idx asc"):
		over = _DELIVERY - ({each.delivery_state} - {states.SENT})
		log = [one for one in frappe.parse_json(each.delivery_log) if one["state"] not in over]
		last = {one["state"]: told(one["words"], one.get("source")) for one in log}
		lines = [{"recipient": each.recipient, "state": state, "words": words} for state, words in last.items()]
		found.setdefault(about[each.parent], []).extend(lines)
	return {name: lines for name, lines in found.items() if lines}


def timeline(communication: str) -> list[dict[str, object]]:
	"""What happened to a mail, in order (row O11): queued, sent with the server's words, deferred, refused, bounced, read, answered."""
	events: list[dict[str, object]] = []
	for row in frappe.get_all(
		QUEUE, filters={"communication": communication}, fields=["name", "creation"], order_by="creation asc"
	):
		fields = ["recipient", "delivery_log", "status", "delivery_state", "server_reply", "modified", "read_on"]
		for each in frappe.get_all("Email Queue Recipient", filters={"parent": row.name}, fields=fields, order_by="idx asc"):
			log = [{"on": str(row.creation), "state": N_("Queued")}, *_log_of(each)]
			events += [{"recipient": each.recipient, "words": "", "queue": row.name} | one for one in log]
	answers = {"in_reply_to": communication, "sent_or_received": "Received", "communication_medium": "Email"}
	for answer in frappe.get_all("Communication", filters=answers, fields=["sender", "communication_date"]):
		events.append({"on": str(answer.communication_date), "recipient": answer.sender, "state": N_("Answered"), "words": ""})
	return sorted(events, key=lambda event: str(event["on"]))


def _log_of(recipient: frappe._dict) -> list[dict[str, str]]:
	"""What happened to a recipient's copy, also where only the host wrote anything, and when its picture was first loaded."""
	log = frappe.parse_json(recipient.delivery_log or "[]")
	if not log and recipient.status == "Sent":
		log = [{"on": str(recipient.modified), "state": states.SENT}]
	if recipient.read_on and all(one["state"] != RECEIPTS["displayed"] for one in log):
		log.append({"on": str(recipient.read_on), "state": N_("Probably Read"), "words": _("The picture in it was loaded.")})
	said = [one | {"words": told(one["words"], one.get("source"))} if one.get("words") else one for one in log]
	return [{name: one[name] for name in ("on", "state", "words") if name in one} for one in said]
