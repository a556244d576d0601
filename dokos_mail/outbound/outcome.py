"""What became of a message, written down: each recipient's state with the server's words, then the message's own.

Nothing here commits; whoever delivers does, after each answer of the server.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from datetime import datetime

import frappe
from frappe.utils import cint, now_datetime

from dokos_mail.engine.errors import N_, MailError
from dokos_mail.engine.send import row as states
from dokos_mail.engine.send.retry import LONGEST, next_try
from dokos_mail.engine.send.smtp import Delivery
from dokos_mail.engine.send.verdict import Verdict
from dokos_mail.outbound import notice
from dokos_mail.outbound.claim import QUEUE, RECIPIENT
from dokos_mail.reasons import Reason, advice_of, because, joined, of_error, told

#: Entries kept of what happened to a recipient: the first and the last ones.
LOG_LENGTH = 30
_TROUBLES = (states.REFUSED, states.UNCERTAIN, states.DEFERRED, states.BOUNCED, states.CANCELLED)
#: So often a recipient may have got a message before a person is asked.
MOST_COPIES = 3
FIELDS = (
	"name",
	"recipient",
	"status",
	"delivery_state",
	"attempts",
	"next_try",
	"accepted_on",
	"maybe_accepted",
	"server_reply",
	"delivery_log",
)


def recipients_of(row: str) -> list[frappe._dict]:
	"""The row's recipients as they are stored now, each with its ``state``."""
	found = frappe.get_all(RECIPIENT, filters={"parent": row, "parenttype": QUEUE}, fields=list(FIELDS), order_by="idx asc")
	for each in found:
		each.state = states.state_of(each.status, each.delivery_state)
	return found


def least_tries() -> int:
	"""How often a message is tried at least (System Settings)."""
	return cint(frappe.db.get_single_value("System Settings", "email_retry_limit")) or 3


def write(recipient: frappe._dict, state: str, words: str = "", *, by: str = "", **values: object) -> None:
	"""Set a recipient's state, keep what happened in its log, and leave the host's own column as the host expects it.

	``by`` names what tells of it, where that may be done again: one entry of the log is kept of it.
	"""
	recipient.state = state
	values = {
		"delivery_state": state,
		"status": "Sent" if state in states.DONE else "Not Sent",
		"server_reply": str(words),
		"error": str(words) if state in (states.REFUSED, states.UNCERTAIN, states.DEFERRED) else None,
	} | values
	if state != states.IN_FLIGHT:
		values["delivery_log"] = _logged(recipient.name, state, words, str(values.get("status_code") or ""), by)
	recipient.update(values)
	frappe.db.set_value(RECIPIENT, recipient.name, values)


def log(recipient: str, what: str, words: str = "", code: str = "", by: str = "") -> None:
	"""Add to the log of a recipient (by the name of its row) what is no state of its delivery: a delay, a reading, a complaint."""
	frappe.db.set_value(RECIPIENT, recipient, "delivery_log", _logged(recipient, what, words, code, by), update_modified=False)


def _logged(recipient: str, what: str, words: str, code: str, by: str) -> str:
	"""The log of a recipient with one entry more, unless ``by`` wrote its own already."""
	entries = json.loads(frappe.db.get_value(RECIPIENT, recipient, "delivery_log") or "[]")
	if not by or all(entry.get("by") != by for entry in entries):
		entry = {"on": str(now_datetime()), "state": what, "words": words, "code": code}
		if isinstance(words, Reason):
			entry["source"] = words.source
		entries.append(entry | {"by": by} if by else entry)
	return json.dumps(entries[:1] + entries[1:][-(LOG_LENGTH - 1) :], ensure_ascii=False)


def in_flight(recipients: Iterable[frappe._dict]) -> None:
	"""These are about to be handed over: should nothing more be written, nobody knows whether they were."""
	for each in recipients:
		each.state = states.IN_FLIGHT
		frappe.db.set_value(RECIPIENT, each.name, "delivery_state", states.IN_FLIGHT)


def sent(recipient: frappe._dict, words: str, code: str = "") -> None:
	write(recipient, states.SENT, words, status_code=code, accepted_on=now_datetime(), next_try=None, maybe_accepted=0)


def deferred(
	recipient: frappe._dict, first_try: datetime, words: str, code: str = "", *, ends: bool = True, least: int | None = None
) -> None:
	"""It failed for now: try again later, or give up when that was done long enough.

	``ends`` False never gives up: it is not the recipient's fault, nor the message's.
	"""
	now, attempts = now_datetime(), cint(recipient.attempts) + 1
	following = next_try(attempts, first_try, now, least_tries() if least is None else least, random.random)
	if following is None and ends:
		refused(recipient, because(N_("Given up after {0} tries: {1}"), attempts, words), code)
		return
	write(recipient, states.DEFERRED, words, status_code=code, attempts=attempts, next_try=following or now + LONGEST)


def refused(recipient: frappe._dict, words: str, code: str = "") -> None:
	write(recipient, states.REFUSED, words, status_code=code, attempts=cint(recipient.attempts) + 1, next_try=None)


def uncertain(recipient: frappe._dict, account: frappe._dict, first_try: datetime, words: str) -> None:
	"""The server may have it. The account says whether it is sent again, with the same Message-ID, or held.

	It is held in any case once it was tried MOST_COPIES times, twice with this end: that server takes it and cannot say so.
	"""
	again = bool(cint(recipient.maybe_accepted)) and cint(recipient.attempts) + 1 >= MOST_COPIES
	recipient.maybe_accepted = 1
	frappe.db.set_value(RECIPIENT, recipient.name, "maybe_accepted", 1)
	if account.get("uncertain_delivery") == "Hold" or again:
		words = because(N_("Nobody knows whether it was sent: {0}"), words)
		write(recipient, states.UNCERTAIN, words, attempts=cint(recipient.attempts) + 1, next_try=None)
	else:
		deferred(recipient, first_try, because(N_("It may have been sent already, and is sent again: {0}"), words))


def said(delivery: Delivery) -> str:
	"""What is shown of a delivery: the server's own words with its code, or what happened instead."""
	if delivery.error is not None:
		return of_error(delivery.error)
	return " ".join(filter(None, [str(delivery.code or ""), delivery.enhanced, delivery.text]))


def by_verdict(recipient: frappe._dict, found: Verdict, first_try: datetime, delivery: Delivery, *, ends: bool) -> None:
	"""Write down a refusal. ``ends``: even one that reads like the account's is given up after two days."""
	words, code = said(delivery), delivery.enhanced or str(delivery.code)
	if found.scope == "account":
		# Not its fault. Yet it waits longer than the others, so that a message that upsets the server holds none of them up.
		deferred(recipient, first_try, words, code, ends=ends)
	elif found.permanent:
		refused(recipient, words, code)
	else:
		deferred(recipient, first_try, words, code)


def finish(row: frappe._dict, recipients: Sequence[frappe._dict], token: str | None, *, reason: str = "") -> states.RowState:
	"""Give the row the state that follows from its recipients', and let the claim go."""
	found = states.row_state([(each.state, each.next_try) for each in recipients])
	if not reason:
		reason = _troubles(recipients)
	values: dict[str, object] = {
		"status": found.status,
		"delivery_state": found.state,
		"delivery_reason": reason[:1000] or None,
		"error": str(reason) if found.status == "Error" else None,
		"claim_token": None,
		"claim_until": None,
		"retry": max((cint(each.attempts) for each in recipients), default=0),
		"modified": now_datetime(),
	}
	if found.status in ("Not Sent", "Partially Sent"):
		values["send_after"] = found.send_after
	frappe.db.set_value(QUEUE, row.name, values, update_modified=False)
	row.update(values)
	if row.communication:
		_tell_communication(row.communication)
	if found.state in (states.REFUSED, states.PARTLY_REFUSED, states.UNCERTAIN):
		# Also where its writer was told before that it waits. A row that is over is not delivered again.
		notice.tell(row, found.state, reason)
	return found


def _troubles(recipients: Sequence[frappe._dict]) -> str:
	"""Who did not get it and why, a line each."""
	troubled = [each for each in recipients if each.state in _TROUBLES]
	return joined(because("{0} {1}", f"{each.recipient}:", words_of(each) or because(each.state)) for each in troubled[:20])


def words_of(recipient: frappe._dict) -> str:
	"""What was said last of a recipient, in the language of whoever asks, as far as it is ours."""
	said = recipient.server_reply or ""
	for entry in reversed(json.loads(recipient.delivery_log or "[]")):
		if said and entry.get("words") == said:
			return told(said, entry.get("source"))
	return said


def reasons_of(rows: Iterable[frappe._dict]) -> dict[str, str]:
	"""Why rows are in their states, by name, in the language of whoever asks, as far as it is ours; their own words otherwise."""
	found = {row.name: row.delivery_reason for row in rows if row.delivery_reason}
	troubled: dict[str, list[frappe._dict]] = {}
	filters = {"parent": ("in", list(found) or [""]), "parenttype": QUEUE, "delivery_state": ("in", _TROUBLES)}
	fields = ["parent", "recipient", "delivery_state as state", "server_reply", "delivery_log"]
	for each in frappe.get_all(RECIPIENT, filters=filters, fields=fields, order_by="idx asc") if found else ():
		troubled.setdefault(each.parent, []).append(each)
	# where nothing of ours is in it, it stays as it was written
	ours = (name for name, some in troubled.items() if any('"source"' in (each.delivery_log or "") for each in some))
	return found | {name: _troubles(troubled[name]) for name in ours}


def look_again(row: str) -> None:
	"""Give a row that is over the state and the reason that follow from its recipients', of whom a report told something."""
	recipients = recipients_of(row)
	found = states.row_state([(each.state, each.next_try) for each in recipients])
	if found.status in ("Sent", "Error"):
		values = {"delivery_state": found.state, "delivery_reason": _troubles(recipients)[:1000] or None}
		frappe.db.set_value(QUEUE, row, values, update_modified=False)


def as_the_host_left_it(name: str) -> str:
	"""Write down, in our words, what the host's own sending made of a row. Commits."""
	row = frappe.get_doc(QUEUE, name)
	recipients = recipients_of(name)
	failed = row.status == "Error"
	reason = ((row.error or "").strip().splitlines() or [""])[-1]
	for each in recipients:
		if each.status == "Sent" and each.delivery_state != states.SENT:
			sent(each, because(N_("Sent by the host")))
		elif failed and each.status != "Sent":
			write(each, states.REFUSED, reason)
	found = states.row_state([(each.state, each.next_try) for each in recipients])
	values = {"delivery_state": found.state, "delivery_reason": None if found.state == states.SENT else reason[:1000] or None}
	frappe.db.set_value(QUEUE, name, values, update_modified=False)
	frappe.db.commit()
	return found.state


#: What is known of a Communication only after it was sent: the rest of its queue says less.
_LATER = ("Read", "Opened", "Clicked", "Bounced", "Marked As Spam")


def _tell_communication(name: str) -> None:
	"""As the host does it: a Communication is Sending, Error or Sent as its queue rows are; what readers did stays."""
	if not frappe.db.exists("Communication", name):
		return
	communication = frappe.get_doc("Communication", name)
	if communication.delivery_status in _LATER:
		return
	of_host = getattr(communication, "set_delivery_status", None)
	if of_host:
		of_host()
		return
	found = set(frappe.get_all(QUEUE, filters={"communication": name}, pluck="status"))
	ways = (
		({"Not Sent", "Sending", "Partially Sent"}, "Sending"),
		({"Error"}, "Error"),
		({"Expired"}, "Expired"),
		({"Sent"}, "Sent"),
	)
	status = next((word for statuses, word in ways if statuses & found), None)
	if status and communication.sent_or_received == "Sent":
		communication.db_set("delivery_status", status)


def fault_of(error: MailError) -> str:
	"""What to say of an error: what happened and, on a line of its own, what to do."""
	return joined((of_error(error), advice_of(error)))
