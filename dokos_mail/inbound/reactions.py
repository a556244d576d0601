"""What a mail that came sets off: rows written with what it became, each carried out once, by a job.

A row is claimed by a conditional UPDATE with an end, so that a worker that died holds nothing up. That it was done is
written last, in the same transaction as what it did. Another app's hook may commit in the middle of that, so the
transaction is not the guarantee: the mail that a row sends names the row, in a unique column of the queue
(:func:`queue_mail`), and what a row writes down says by which row. Done again from wherever it was cut, nothing is done
twice, and nothing is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import frappe
from frappe.utils import now_datetime

from dokos_mail.engine.errors import N_, Words
from dokos_mail.holder import died_here, new_token
from dokos_mail.host import job_timeouts, new_message_id
from dokos_mail.inbound import surroundings
from dokos_mail.inbound.journal import identity
from dokos_mail.reasons import because, columns

REACTION = "Email Reaction"
WAITING, DONE, DROPPED, FAILED = "Waiting", "Done", "Dropped", "Failed"
AUTO_REPLY, NOTICE, UNREPLIED, REPORT = "Auto Reply", "Notice", "Unreplied", "Report"

#: Longer than any one of them takes.
CLAIM = timedelta(minutes=10)
#: So often one that ends in an error is tried.
MOST_TRIES = 5
_FIELDS = (
	"name",
	"kind",
	"state",
	"email_account",
	"incoming_email",
	"communication",
	"correspondent",
	"conversation",
	"attempts",
	"creation",
)


_ASIDE = "mail_aside"
#: What is being queued for which reaction, while it is.
QUEUING = "mail_of_reaction"
QUEUE, POINTER = "Email Queue", "email_reaction"
#: Hosts queue mail to more recipients than this one by one, some in a job of its own, which is another transaction.
MOST_IN_ONE = 20


class Drop(Exception):
	"""Nothing is to be done after all; says why, in a text of ours."""

	def __init__(self, why: str) -> None:
		super().__init__(why)
		self.why = because(why)


class NotYet(Exception):
	"""It is not due; says when it will be."""

	def __init__(self, due_on: datetime) -> None:
		super().__init__(str(due_on))
		self.due_on = due_on


def note(
	kind: str,
	about: str,
	*,
	state: str = WAITING,
	due_on: datetime | None = None,
	reason: str | None = None,
	**values: object,
) -> None:
	"""Write a reaction down, within the caller's transaction. The same one written twice is one."""
	known_by = identity(kind, about)
	if frappe.db.exists(REACTION, {"identity": known_by}):
		return
	row = {"doctype": REACTION, "kind": kind, "state": state, "identity": known_by, "due_on": due_on or now_datetime()}
	frappe.get_doc(row | columns(reason) | values).insert(ignore_permissions=True)


def aside(kind: str, write: Callable[[], None]) -> str | None:
	"""Do what is no part of the mail itself, within the caller's transaction; returns what is to be said when it fails.

	Then it alone is undone, and reported. Raises what is more than this one's failure (``surroundings``).
	"""
	frappe.db.savepoint(_ASIDE)
	try:
		write()
	except Exception as error:
		if surroundings.have_failed(error):
			raise
		_undo()
		frappe.log_error(title=f"{kind}: {type(error).__name__}"[:140])
		return because(N_("{0} could not be noted: {1}"), Words(kind), f"{type(error).__name__}: {error}"[:300])
	return None


def each_aside(ways: Sequence[tuple[str, Callable[[], None]]]) -> list[str]:
	"""Do several such things, each of a kind, which may be done twice; returns what is to be said of those that fail.

	Nearly always none fails: one savepoint is enough for all then.
	"""
	frappe.db.savepoint(_ASIDE)
	try:
		for _kind, write in ways:
			write()
	except Exception as error:
		if surroundings.have_failed(error):
			raise
		_undo()
		return [remark for kind, write in ways if (remark := aside(kind, write))]
	return []


def _undo() -> None:
	"""Back to where ``aside`` began. Where another app committed since, all that was written before is safe."""
	try:
		frappe.db.rollback(save_point=_ASIDE)
	except Exception:
		frappe.db.rollback()


def conversation_of(communication: frappe._dict) -> str:
	"""What conversation a Communication belongs to: its document's, or the thread that its first message began."""
	if communication.reference_doctype and communication.reference_name:
		return identity("document", communication.reference_doctype, communication.reference_name)
	return identity("thread", first_of(communication))


def first_of(communication: frappe._dict) -> str:
	"""The name of the Communication with which the thread of one began."""
	seen = [communication.name]
	parent = communication.in_reply_to
	while parent and parent not in seen and len(seen) < 50:
		seen.append(parent)
		parent = frappe.db.get_value("Communication", parent, "in_reply_to")
	return seen[-1]


def are_due() -> bool:
	"""Whether anything waits to be carried out now."""
	return bool(frappe.db.exists(REACTION, {"state": WAITING, "due_on": ("<=", now_datetime())}))


def carry_out(doers: dict[str, Callable[[frappe._dict], str]], time_is_up: Callable[[], bool] = lambda: False) -> int:
	"""Carry out what is due, the oldest first; how many were. ``doers`` say what each kind does, and answer a remark."""
	done = 0
	due = {"state": WAITING, "due_on": ("<=", now_datetime())}
	for name in frappe.get_all(REACTION, filters=due, pluck="name", order_by="due_on asc, creation asc"):
		if time_is_up():
			break
		if token := _claim(name):
			_carry_out(name, token, doers)
			done += 1
	return done


def _claim(name: str) -> str | None:
	"""Our token, or None when another process has the row or it was done meanwhile."""
	row = frappe.db.get_value(REACTION, name, ["claim_token", "claim_until"], as_dict=True)
	now, token = now_datetime(), new_token()
	held = row and row.claim_token and row.claim_until and now < row.claim_until <= now + 2 * CLAIM
	if row is None or (held and not died_here(row.claim_token)):
		return None
	table = frappe.qb.DocType(REACTION)
	before = table.claim_token == row.claim_token if row.claim_token else (table.claim_token.isnull() | (table.claim_token == ""))
	(
		frappe.qb.update(table)
		.set(table.claim_token, token)
		.set(table.claim_until, now + CLAIM)
		.set(table.attempts, table.attempts + 1)
		.where((table.name == name) & (table.state == WAITING) & before)
	).run()
	taken = frappe.db.get_value(REACTION, name, "claim_token") == token
	frappe.db.commit()
	return token if taken else None


def _carry_out(name: str, token: str, doers: dict[str, Callable[[frappe._dict], str]]) -> None:
	row = frappe.db.get_value(REACTION, name, list(_FIELDS), as_dict=True)
	values: dict[str, object]
	try:
		remark = doers[row.kind](row)
		values = {"state": DONE, "done_on": now_datetime(), **columns(remark)}
	except (NotYet, Drop) as other:
		frappe.db.rollback()
		if _queued_for(name):
			# It was cut after another app had committed its mail: whatever is so by now, that was sent.
			values = {"state": DONE, "done_on": now_datetime(), **columns()}
		elif isinstance(other, Drop):
			values = {"state": DROPPED, "done_on": now_datetime(), **columns(other.why)}
		else:
			values = {"due_on": other.due_on, "attempts": 0, "claim_token": None}
	except Exception as error:
		frappe.db.rollback()
		if isinstance(error, job_timeouts()):
			raise
		frappe.log_error(title=f"{row.kind}: {name}")
		values = {**columns(f"{type(error).__name__}: {error}"[:1000]), "claim_token": None}
		if row.attempts >= MOST_TRIES:
			values["state"] = FAILED
		else:
			values["due_on"] = now_datetime() + timedelta(minutes=2**row.attempts)
	if frappe.db.get_value(REACTION, name, "claim_token", for_update=True) == token:
		frappe.db.set_value(REACTION, name, values)
		frappe.db.commit()
	else:
		frappe.db.rollback()


def queue_mail(row: frappe._dict, to: Sequence[str], **mail: object) -> None:
	"""Queue the mail of a reaction, by the arguments of ``frappe.sendmail``; to those who do not have it yet.

	Each Email Queue row is written with the reaction that it is of, in one statement: should everything end right after,
	whoever committed meanwhile, the next try finds it, and two processes at once cannot both write it. Raises Drop where
	nobody is left to send it to.
	"""
	queued = _queued_for(row.name)
	had = frappe.get_all("Email Queue Recipient", filters={"parent": ("in", queued or [""])}, pluck="recipient")
	left = [address for address in to if address not in had]
	for first in range(0, len(left), MOST_IN_ONE):
		pointer, message_id = f"{row.name}-{len(queued)}", new_message_id()
		before = frappe.flags.get(QUEUING)
		frappe.flags[QUEUING] = (message_id, pointer)
		try:
			frappe.sendmail(
				recipients=left[first : first + MOST_IN_ONE], message_id=message_id, is_notification=True, delayed=True, **mail
			)
		finally:
			frappe.flags[QUEUING] = before
		queued += frappe.get_all(QUEUE, filters={POINTER: pointer}, pluck="name")
	if not queued:
		raise Drop(N_("No email was made: whoever it was for unsubscribed, or has no valid address."))


def _queued_for(name: str) -> list[str]:
	"""The Email Queue rows of a reaction that are there."""
	return frappe.get_all(QUEUE, filters={POINTER: ("like", f"{name}-%")}, pluck="name")


def reaction_of(queue_row: frappe._dict) -> str | None:
	"""What a queue row that is about to be written keeps of the reaction that it is of, if it is of one."""
	message_id, pointer = frappe.flags.get(QUEUING) or (None, None)
	return pointer if pointer and queue_row.message_id == message_id else None


def communication_of(row: frappe._dict) -> frappe._dict:
	"""The document of the mail that set a reaction off. Raises Drop when it is gone."""
	if not row.communication or not frappe.db.exists("Communication", row.communication):
		raise Drop(N_("The mail was deleted."))
	return frappe.get_doc("Communication", row.communication)
