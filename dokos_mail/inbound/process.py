"""From a journal row to what it becomes, in transactions that are short: of several messages where nothing keeps them apart.

Another app's hook may commit in the middle of a transaction, so the transaction is not the guarantee: the Communication
carries a unique pointer to its row, the row is told of a new document in the same breath as the document is written, and
processing starts by looking both up and goes on from what it finds.

Messages that share a transaction are written together or, when one of them fails, none: each is then processed again in a
transaction of its own, which says of which it was. A message on a document ends its transaction, so that no other
process waits for that document, or for the next number of its series, longer than one message takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import frappe
from frappe.utils import cint

from dokos_mail.engine.errors import N_
from dokos_mail.engine.message.authentication import UNKNOWN
from dokos_mail.engine.message.thread import Link, parents_first, read_link
from dokos_mail.inbound import surroundings
from dokos_mail.inbound.absent import Absent
from dokos_mail.inbound.account import STATUS, raw_store
from dokos_mail.inbound.ahead import Ahead, read
from dokos_mail.inbound.apps import ReceivedMail, tell
from dokos_mail.inbound.contacts import pictures_later
from dokos_mail.inbound.journal import FAILED, JOURNAL, JOURNALLED, PROCESSED
from dokos_mail.inbound.known import introduce
from dokos_mail.inbound.lease import Lease, LeaseLost
from dokos_mail.inbound.outcome import become
from dokos_mail.inbound.rules import Rules
from dokos_mail.inbound.store import CannotProcess, find_communication, must_be_there
from dokos_mail.other_apps import AFTER_STORE, hooks
from dokos_mail.reasons import Reason, because, columns, lines_of

#: A message whose processing ended the whole process this often is set aside.
MOST_CUTS = 3
#: So often a message is tried when the database is busy, before all wait for the next pull.
TRIES_OF_A_BUSY_DATABASE = 3
#: How many rows are looked up at a time.
PAGE = 200
#: A transaction takes at most this many messages, of this many octets, and no other is begun in it after this many seconds.
TOGETHER = 20
OCTETS_TOGETHER = 2 * 1024 * 1024
SECONDS_TOGETHER = 0.1

_ROW_FIELDS = (
	"name",
	"email_account",
	"folder",
	"uidvalidity",
	"uid",
	"imap_flags",
	"raw_path",
	"size",
	"received_on",
	"first_sync",
	"resync",
	"attempts",
	"communication",
	"reference_doctype",
	"reference_name",
	"awaited",
)


def process_pending(
	account: str,
	lease: Lease,
	counts: dict[str, int] | None = None,
	progress: Callable[[str, int, int], None] | None = None,
	time_is_up: Callable[[], bool] = lambda: False,
) -> dict[str, int]:
	"""Process all that waits for an account, in the order in which the server received it.

	Never raises for a message: one that cannot be processed is kept with its reason. Returns how many rows ended in
	each state. Raises LeaseLost when another process took over. What is left when ``time_is_up`` waits for the next call.
	"""
	counts = {} if counts is None else counts
	waiting = frappe.db.count(JOURNAL, {"email_account": account, "state": JOURNALLED})
	done = 0
	one_by_one = _count_a_cut(lease)
	rows = _parents_first(_page(account))
	if rows:
		_note_next(lease, rows[0].name)
		frappe.db.commit()
	while rows:
		rules = Rules(account)
		ahead = Ahead(rules, one_by_one)
		while rows:
			if time_is_up():
				_introduce(rules)
				_note_next(lease, None)
				_end_of_page(rules)
				return counts
			for state in _process_some(rows, lease, rules, ahead):
				counts[state] = counts.get(state, 0) + 1
				done += 1
				if progress:
					progress("process", done, max(waiting, done))
			if len(rules.stored) >= TOGETHER or not rows:
				_introduce(rules)
		lease.fence()
		_end_of_page(rules)
		rows = _parents_first(_page(account))
	return counts


def _introduce(rules: Rules) -> None:
	if rules.stored and introduce(rules.stored, rules.account):
		frappe.db.commit()
	rules.stored.clear()


def _end_of_page(rules: Rules) -> None:
	_note_told(rules)
	rules.remember()
	frappe.db.commit()
	rules.told.clear()
	pictures_later(rules.new_contacts)


def _process_some(rows: list[frappe._dict], lease: Lease, rules: Rules, ahead: Ahead) -> Iterator[str]:
	"""Process the first of ``rows``, taking them off: as many as one transaction may have. Yields the state of each."""
	ahead.read_on(rows)
	together = _may_share(rows, ahead)
	if together == 1:
		yield process(rows.pop(0), lease, rules, ahead, rows[0].name if rows else None)
		return
	states, undone = _process_together(rows, together, lease, rules, ahead)
	yield from states
	for _each in range(undone):
		rules.absent = Absent()  # another app may have committed a part of them
		row, following = rows.pop(0), rows[0].name if rows else None
		yield process(row, lease, rules, ahead, following) if _go_on_from(row) else _done_before(row, rules)


def _may_share(rows: list[frappe._dict], ahead: Ahead) -> int:
	"""How many of the first rows may share a transaction: none with one whose processing failed or was cut before."""
	octets = 0
	for number, row in enumerate(rows[:TOGETHER]):
		octets += cint(row.size)
		if number and (octets > OCTETS_TOGETHER or cint(row.attempts) or not ahead.has(row)):
			return number
		if cint(row.attempts):
			return 1
	return min(len(rows), TOGETHER)


def _process_together(rows: list[frappe._dict], most: int, lease: Lease, rules: Rules, ahead: Ahead) -> tuple[list[str], int]:
	"""Process up to ``most`` of the first rows in one transaction and commit; their states.

	When one fails nothing was done, and the number is returned of those that are to be processed by themselves. One that
	is known to be at fault is not written a second time: ``failed`` on its row says why. Raises what is no message's failure.
	"""
	began = time.monotonic()
	written: list[tuple[frappe._dict, dict[str, object]]] = []
	headers: dict[str, object] = {}
	at_fault = None
	try:
		for at_fault in rows[:most]:
			headers = {}
			written.append((at_fault, _write(at_fault, rules, ahead, headers)))
			if written[-1][1].get("reference_name") or time.monotonic() - began > SECONDS_TOGETHER:
				break
		at_fault = None
		following = rows[len(written)].name if len(rows) > len(written) else None
		_commit([row for row, _values in written], lease, rules, following)
	except LeaseLost:
		raise
	except Exception as error:
		frappe.db.rollback()
		if surroundings.database_is_busy(error):
			return [], len(written) + bool(at_fault)
		if surroundings.have_failed(error):
			_blame(error, lease)
			raise
		if at_fault:
			frappe.log_error(title=f"Incoming Email {at_fault.name}")
			at_fault.failed = (_reason(error), headers)
		return [], len(written) + bool(at_fault)
	del rows[: len(written)]
	return [_committed(row, values, rules) for row, values in written], 0


def process(row: frappe._dict, lease: Lease, rules: Rules, ahead: Ahead, following: str | None = None) -> str:
	"""Process one journal row and commit; returns the state it ended in.

	``following`` is noted as the next to be processed in the same commit, so that a message that ends the process
	is known by name afterwards, without a commit of its own. Raises what is not the message's own failure.
	"""
	if cint(row.attempts) >= MOST_CUTS:
		return _fail(
			row, lease, following, because(N_("Processing it ended the whole process {0} times."), row.attempts), count=False
		)
	if row.failed:
		return _fail(row, lease, following, *row.failed)
	for tries_left in reversed(range(TRIES_OF_A_BUSY_DATABASE)):
		headers: dict[str, object] = {}
		try:
			values = _write(row, rules, ahead, headers)
			_commit([row], lease, rules, following)
			break
		except LeaseLost:
			raise
		except Exception as error:
			frappe.db.rollback()
			if surroundings.database_is_busy(error) and tries_left:
				_go_on_from(row)
				rules.absent = Absent()
				continue
			if surroundings.have_failed(error):
				_blame(error, lease)
				raise
			frappe.log_error(title=f"Incoming Email {row.name}")
			return _fail(row, lease, following, _reason(error), headers)
	return _committed(row, values, rules)


def _write(row: frappe._dict, rules: Rules, ahead: Ahead, headers: dict[str, object]) -> dict[str, object]:
	"""Write what a message becomes, and its row; returns what the row says."""
	message = ahead.take(row)
	values = become(row, message, rules, headers)
	if row.awaited:
		_let_go_on(row.name)
	frappe.db.set_value(JOURNAL, row.name, columns() | values)
	rules.absent.forget(message.values)
	return values


def _commit(rows: list[frappe._dict], lease: Lease, rules: Rules, following: str | None) -> None:
	must_be_there("Communication", [row.made for row in rows if row.made])
	_note_told(rules)
	_note_next(lease, following)
	frappe.db.commit()
	rules.told.clear()


def _committed(row: frappe._dict, values: dict[str, object], rules: Rules) -> str:
	"""What is done once it is certain what a message became; returns its state."""
	mail = row.seen_by_apps
	if row.made and not mail.sent:
		rules.observe(mail.message)
	if row.made and not values.get("other_copy"):
		rules.stored[str(values["content_hash"])] = row.name
	if values.get("hooks_due"):
		tell_apps(row.name, rules, mail)
	return str(values["state"])


def _go_on_from(row: frappe._dict) -> bool:
	"""Whether a message still waits after a transaction that failed. Another app may have committed a part of it: go on from there."""
	there = frappe.db.get_value(JOURNAL, row.name, ["state", "reference_doctype", "reference_name"], as_dict=True)
	row.update(there)
	return row.state == JOURNALLED


def _done_before(row: frappe._dict, rules: Rules) -> str:
	"""All of a message was committed by another app in the middle of a transaction that failed later."""
	if frappe.db.get_value(JOURNAL, row.name, "hooks_due"):
		tell_apps(row.name, rules)
	return row.state


def _blame(error: Exception, lease: Lease) -> None:
	"""The message waits, still noted as being processed, which counts against it should it be the message after all; unless
	the disk or the database is at fault."""
	if surroundings.are_full(error) or surroundings.database_is_busy(error):
		_note_next(lease, None)
		frappe.db.commit()


def tell_apps(name: str, rules: Rules, mail: ReceivedMail | None = None) -> None:
	"""Tell other apps of a mail that is stored; each commits. That they were told is written with the next commit.

	Not with one of its own, which would be as dear as the message's, unless one of them failed. Cut anywhere before that,
	the row says that they are still to be told, and they are told again. ``mail`` is what they saw before it was placed; it
	is read anew where it is not at hand.
	"""
	told = hooks(AFTER_STORE)
	said_of_it = ["state", "reason", "reason_detail", "authentication", "junk"]
	row = frappe.db.get_value(JOURNAL, name, [*_ROW_FIELDS, *said_of_it], as_dict=True)
	remarks: list[str] = []
	if told and row.state == PROCESSED and row.communication and frappe.db.exists("Communication", row.communication):
		remarks = tell(told, row.communication, mail or _seen_by_apps(row, rules))
	rules.told.append(name)
	if remarks:
		reason = columns(*lines_of(row.reason, row.reason_detail), *remarks)
		frappe.db.set_value(JOURNAL, name, reason, update_modified=False)
		_note_told(rules)
		frappe.db.commit()
		rules.told.clear()


def _note_told(rules: Rules) -> None:
	"""Write down of which mail other apps were told; the caller commits, and forgets it then."""
	if len(rules.told) == 1:
		frappe.db.set_value(JOURNAL, rules.told[0], "hooks_due", 0, update_modified=False)
	elif rules.told:
		frappe.db.set_value(JOURNAL, {"name": ("in", rules.told)}, "hooks_due", 0, update_modified=False)


def _seen_by_apps(row: frappe._dict, rules: Rules) -> ReceivedMail:
	message = read(row).message
	sent = rules.holds_sent(row.folder)
	return ReceivedMail(row.email_account, row.folder, message, row.authentication or UNKNOWN, row.junk or "", sent, row=row.name)


def tell_apps_again(account: str, time_is_up: Callable[[], bool] = lambda: False) -> None:
	"""Tell other apps of what was stored when the process that was to tell them ended."""
	rules = Rules(account)
	for name in frappe.get_all(JOURNAL, filters={"email_account": account, "hooks_due": 1}, pluck="name"):
		if time_is_up():
			return
		tell_apps(name, rules)
		_note_told(rules)
		frappe.db.commit()
		rules.told.clear()


def _let_go_on(name: str) -> None:
	"""What answers this message, and could not join it while it could not be processed, is placed anew."""
	waiting = {"waits_for": name, "state": PROCESSED}
	frappe.db.set_value(JOURNAL, waiting, {"state": JOURNALLED, "waits_for": None, "attempts": 0}, update_modified=False)


def _page(account: str) -> list[frappe._dict]:
	return frappe.get_all(
		JOURNAL,
		filters={"email_account": account, "state": JOURNALLED},
		fields=list(_ROW_FIELDS),
		order_by="received_on asc, creation asc, idx asc",
		limit=PAGE,
	)


def _parents_first(rows: list[frappe._dict]) -> list[frappe._dict]:
	"""Rows as the server received them, but none before the message it answers: copied mail may have any date of arrival."""
	if len(rows) < 2:
		return rows
	return [rows[number] for number in parents_first([_link(row) for row in rows])]


def _link(row: frappe._dict) -> Link:
	try:
		return read_link(raw_store().path(row.raw_path))
	except (OSError, ValueError):
		# What is wrong with its file is said when it is processed.
		return Link()


def _note_next(lease: Lease, following: str | None) -> None:
	lease.fence(processing=following)


def _count_a_cut(lease: Lease) -> bool:
	"""A message still noted as being processed is one whose processing was cut: count that against it; whether there is one.

	It may have been another of the same transaction: these messages are processed one by one now, and it will be known.
	"""
	name = frappe.db.get_value(STATUS, lease.status, "processing")
	if not name:
		return False
	row = frappe.db.get_value(JOURNAL, name, ["state", "attempts"], as_dict=True)
	if row and row.state == JOURNALLED:
		frappe.db.set_value(JOURNAL, name, "attempts", cint(row.attempts) + 1)
	frappe.db.set_value(STATUS, lease.status, "processing", None, update_modified=False)
	frappe.db.commit()
	return True


def _fail(
	row: frappe._dict,
	lease: Lease,
	following: str | None,
	reason: str,
	headers: dict[str, object] | None = None,
	count: bool = True,
) -> str:
	values = (headers or {}) | {"state": FAILED, "communication": find_communication(row.name)} | columns(reason)
	if count:
		values["attempts"] = cint(row.attempts) + 1
	doctype, name = frappe.db.get_value(JOURNAL, row.name, ["reference_doctype", "reference_name"])
	if doctype and name and not frappe.db.exists(doctype, name):
		values |= {"reference_doctype": None, "reference_name": None}
	frappe.db.set_value(JOURNAL, row.name, values)
	_note_next(lease, following)
	frappe.db.commit()
	return FAILED


def _reason(error: Exception) -> str:
	"""Why a message could not be processed, for whoever is to mend it."""
	told = error.args[0] if error.args else ""
	text = told if isinstance(told, Reason) else frappe.utils.strip_html(str(error)).strip()
	if isinstance(error, CannotProcess):
		return text
	if isinstance(error, frappe.MandatoryError):
		return because(
			N_(
				"Mandatory fields of the new document could not be filled from the mail: {0}. Give them a default value, then process "
				"the mail again."
			),
			text,
		)
	return f"{type(error).__name__}: {text}"[:1000]
