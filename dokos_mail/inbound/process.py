"""From a journal row to what it becomes: parse, place, store, each message in a transaction of its own.

Another app's hook may commit in the middle of that transaction, so the transaction is not the guarantee: the
Communication carries a unique pointer to its row, the row is told of a new document in the same breath as the
document is written, and processing starts by looking both up and goes on from what it finds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import frappe
from frappe import _
from frappe.utils import cint, get_datetime

from dokos_mail.engine.errors import StorageFailed
from dokos_mail.engine.message.authentication import UNKNOWN, Verdict, authenticate
from dokos_mail.engine.message.identity import content_hash
from dokos_mail.engine.message.model import Message
from dokos_mail.engine.message.parse import parse
from dokos_mail.engine.message.thread import Link, parents_first, read_link
from dokos_mail.inbound import auto_reply, notices, reactions, reported, surroundings, unreplied
from dokos_mail.inbound.account import STATUS, raw_store
from dokos_mail.inbound.apps import ReceivedMail, tell
from dokos_mail.inbound.decide import Decision, decide
from dokos_mail.inbound.journal import (
	DUPLICATE,
	FAILED,
	FOLDER,
	IGNORED,
	JOURNAL,
	JOURNALLED,
	PROCESSED,
	site_time,
)
from dokos_mail.inbound.known import LONGEST_MESSAGE_ID, Copies, find_copies, find_legacy_without_id
from dokos_mail.inbound.lease import Lease, LeaseLost
from dokos_mail.inbound.place import Reference
from dokos_mail.inbound.rules import Rules
from dokos_mail.inbound.store import CannotProcess, StoredMail, find_communication, store
from dokos_mail.other_apps import AFTER_STORE, hooks

#: Up to this size in octets bodies and attachments are read; above it, only headers and structure.
READ_IN_FULL_UP_TO = 25 * 1024 * 1024
#: A message whose processing ended the whole process this often is set aside.
MOST_CUTS = 3
#: So often a message is tried when the database is busy, before all wait for the next pull.
TRIES_OF_A_BUSY_DATABASE = 3
#: How many rows are looked up at a time.
PAGE = 200
#: In a renumbered folder, unknown mail dated before the folder's first pull by more than this is old mail that was never
#: wanted. Longer than any mail travels: servers give up after five days.
OLD_MAIL_MARGIN = timedelta(days=7)

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
	_count_a_cut(lease)
	rows = _parents_first(_page(account))
	if rows:
		_note_next(lease, rows[0].name)
		frappe.db.commit()
	while rows:
		rules = Rules(account)
		for row, following in zip(rows, [*rows[1:], None], strict=True):
			if time_is_up():
				_note_next(lease, None)
				rules.remember()
				frappe.db.commit()
				return counts
			state = process(row, lease, rules, following.name if following else None)
			counts[state] = counts.get(state, 0) + 1
			done += 1
			if progress:
				progress("process", done, max(waiting, done))
		lease.fence()
		rules.remember()
		frappe.db.commit()
		rows = _parents_first(_page(account))
	return counts


def process(row: frappe._dict, lease: Lease, rules: Rules, following: str | None = None) -> str:
	"""Process one journal row and commit; returns the state it ended in.

	``following`` is noted as the next to be processed in the same commit, so that a message that ends the process
	is known by name afterwards, without a commit of its own. Raises what is not the message's own failure.
	"""
	if cint(row.attempts) >= MOST_CUTS:
		return _fail(
			row, lease, following, _("Processing it ended the whole process {0} times.").format(row.attempts), count=False
		)
	for tries_left in reversed(range(TRIES_OF_A_BUSY_DATABASE)):
		headers: dict[str, object] = {}
		try:
			values = _outcome(row, rules, headers)
			if row.awaited:
				_let_go_on(row.name)
			frappe.db.set_value(JOURNAL, row.name, values | {"reason": values.get("reason")})
			_note_next(lease, following)
			frappe.db.commit()
			break
		except LeaseLost:
			raise
		except Exception as error:
			frappe.db.rollback()
			if surroundings.database_is_busy(error) and tries_left:
				# Another app may have committed a part of it: go on from what is there.
				row.update(frappe.db.get_value(JOURNAL, row.name, ["reference_doctype", "reference_name"], as_dict=True))
				continue
			if surroundings.have_failed(error):
				# It waits, still noted as being processed, which counts against it should it be the message after all.
				if surroundings.are_full(error) or surroundings.database_is_busy(error):
					_note_next(lease, None)
					frappe.db.commit()
				raise
			frappe.log_error(title=f"Incoming Email {row.name}")
			return _fail(row, lease, following, _reason(error), headers)
	if values.get("hooks_due"):
		tell_apps(row.name, rules, row.seen_by_apps)
	return str(values["state"])


def tell_apps(name: str, rules: Rules, mail: ReceivedMail | None = None) -> None:
	"""Tell other apps of a mail that is stored; commits. Cut anywhere, the row says that they are still to be told.

	``mail`` is what they saw before it was placed; it is read anew where it is not at hand.
	"""
	told = hooks(AFTER_STORE)
	row = frappe.db.get_value(JOURNAL, name, [*_ROW_FIELDS, "state", "reason", "authentication", "junk"], as_dict=True)
	remarks: list[str] = []
	if told and row.state == PROCESSED and row.communication and frappe.db.exists("Communication", row.communication):
		remarks = tell(told, row.communication, mail or _seen_by_apps(row, rules))
	values: dict[str, object] = {"hooks_due": 0}
	if remarks:
		values["reason"] = "\n".join([*filter(None, [row.reason]), *remarks])
	frappe.db.set_value(JOURNAL, name, values, update_modified=False)
	frappe.db.commit()


def _seen_by_apps(row: frappe._dict, rules: Rules) -> ReceivedMail:
	message = parse(_raw_file(row), full_up_to=_full_up_to())
	sent = rules.holds_sent(row.folder)
	return ReceivedMail(row.email_account, row.folder, message, row.authentication or UNKNOWN, row.junk or "", sent, row=row.name)


def tell_apps_again(account: str, time_is_up: Callable[[], bool] = lambda: False) -> None:
	"""Tell other apps of what was stored when the process that was to tell them ended."""
	rules = Rules(account)
	for name in frappe.get_all(JOURNAL, filters={"email_account": account, "hooks_due": 1}, pluck="name"):
		if time_is_up():
			return
		tell_apps(name, rules)


def _let_go_on(name: str) -> None:
	"""What answers this message, and could not join it while it could not be processed, is placed anew."""
	waiting = {"waits_for": name, "state": PROCESSED}
	frappe.db.set_value(JOURNAL, waiting, {"state": JOURNALLED, "waits_for": None, "attempts": 0}, update_modified=False)


def _outcome(row: frappe._dict, rules: Rules, headers: dict[str, object]) -> dict[str, object]:
	"""Parse, place and store one message; returns what its row is to say.

	``headers`` takes what the row is to say of the message itself, whatever becomes of it.
	"""
	path = _raw_file(row)
	message = parse(path, full_up_to=_full_up_to())
	digest = content_hash(path)
	headers.update(_headers(message) | {"content_hash": digest})
	values = dict(headers)
	made_before = find_communication(row.name)
	copies = find_copies(row, message.message_id, digest, site_time(message.date))
	if made_before:
		return values | _processed(row, message, rules, copies, made_before)
	if copies.same:
		return values | _duplicate_of(copies.same)
	if legacy := copies.legacy or _legacy_without_id(row, message):
		return values | {
			"state": DUPLICATE,
			"communication": legacy,
			"reason": _("This account received it before the journal existed."),
		}
	if row.resync and _is_old(row, message):
		return values | {"state": IGNORED, "reason": _("It is older than the first synchronisation of its folder.")}
	if sent := _own_copy(row, message, rules.holds_sent(row.folder), copies.filed):
		return values | sent
	if reported.is_of_machines(message) and (about := reported.find_original(message.report)):
		verdict = authenticate(message, rules.trusted)
		if reported.doubt(message, about, verdict.verdict) is None:
			reported.consider(row, about)
			return values | _reported(about, verdict)
	return values | _processed(row, message, rules, copies, None)


def _reported(about: reported.About, verdict: Verdict) -> dict[str, object]:
	"""What the row of a report says: it is on the mail that it is about, and is no mail of its own."""
	return {
		"authentication": verdict.verdict,
		"authentication_reason": verdict.reason or None,
		"state": PROCESSED,
		"rule": "reported",
		"communication": about.communication,
		"reference_doctype": about.reference_doctype,
		"reference_name": about.reference_name,
	}


def _legacy_without_id(row: frappe._dict, message: Message) -> str | None:
	if message.message_id:
		return None
	senders = [address.address for address in (*message.from_, *message.reply_to)]
	return find_legacy_without_id(row.email_account, senders, site_time(message.date))


def _raw_file(row: frappe._dict) -> Path:
	store = raw_store()
	path = store.path(row.raw_path)
	if path.is_file():
		return path
	if not store.root.is_dir():
		raise StorageFailed(detail=_("the folder of original messages is missing"))
	raise CannotProcess(_("Its original ({0}) is missing from the site's private files.").format(f"mail/{row.raw_path}"))


def _processed(row: frappe._dict, message: Message, rules: Rules, copies: Copies, communication: str | None) -> dict[str, object]:
	decision = decide(message, row.folder, rules, row=row.name)
	placement = decision.placement
	row.seen_by_apps = decision.mail
	values: dict[str, object] = {
		"rule": placement.rule,
		"trace": frappe.as_json(placement.trace_as_data()),
		"authentication": decision.verdict.verdict,
		"authentication_reason": decision.verdict.reason or None,
		"junk": decision.mail.junk[:140] or None,
		"possible_duplicate": int(copies.clash),
		"waits_for": placement.waits_for,
	}
	if placement.refused is not None and not communication:
		reason = _("The app refused it: {0}").format(placement.refused)
		return values | {"state": IGNORED, "reason": "\n".join([reason, *decision.remarks])}
	if placement.waits_for:
		frappe.db.set_value(JOURNAL, placement.waits_for, "awaited", 1, update_modified=False)
	stored = store(row, _going_on(row, decision), rules, communication)
	remarks = [*decision.remarks, *_set_off(row, decision, rules, stored)]
	if not decision.mail.sent:
		rules.observe(message)
	if copies.elsewhere:
		frappe.db.set_value(JOURNAL, copies.elsewhere, "other_copy", row.name, update_modified=False)
	return values | {
		"state": PROCESSED,
		"communication": stored.communication,
		"reference_doctype": stored.reference.doctype if stored.reference else None,
		"reference_name": stored.reference.name if stored.reference else None,
		"reason": "\n".join([*stored.notes, *remarks]) or None,
		"other_copy": copies.elsewhere,
		"hooks_due": int(bool(hooks(AFTER_STORE))),
	}


def _set_off(row: frappe._dict, decision: Decision, rules: Rules, stored: StoredMail) -> list[str]:
	"""Write down what the mail sets off, each thing once; a job carries it out.

	Returns what is to be said of those that could not be written: they cost neither the mail nor the others.
	"""

	doubts: list[str] = []

	def report() -> None:
		message = decision.mail.message
		if not message.report or not (about := reported.find_original(message.report)):
			return
		if doubt := reported.doubt(message, about, decision.verdict.verdict):
			doubts.append(doubt)
		else:
			reported.consider(row, about)

	ways = (
		(reactions.AUTO_REPLY, lambda: auto_reply.consider(row, decision, rules.settings, stored.communication)),
		(reactions.UNREPLIED, lambda: unreplied.consider(row, decision, rules.settings, stored.communication)),
		(reactions.NOTICE, lambda: notices.consider(row, decision, stored)),
		(reactions.REPORT, report),
		(reported.REACHABLE, lambda: reported.reachable_again(decision.mail.message, decision.verdict.verdict)),
	)
	return [*reactions.each_aside(ways), *dict.fromkeys(doubts)]


def _going_on(row: frappe._dict, decision: Decision) -> Decision:
	"""The decision, going on from whatever an earlier, cut attempt left."""
	placement = decision.placement
	if row.reference_name and placement.create == row.reference_doctype and _is_its_own_document(row):
		# The document was made, and then everything was cut: go on with it.
		made = Reference(row.reference_doctype, row.reference_name)
		return replace(decision, placement=replace(placement, reference=made, create=None))
	return decision


def _is_its_own_document(row: frappe._dict) -> bool:
	"""Whether the document that a row names was made of its message: names of deleted documents are given again."""
	same_name = {"reference_doctype": row.reference_doctype, "reference_name": row.reference_name}
	others = same_name | {"rule": ("in", ["append_to", "app"]), "state": PROCESSED, "name": ("!=", row.name)}
	return bool(frappe.db.exists(row.reference_doctype, row.reference_name)) and not frappe.db.exists(JOURNAL, others)


def _headers(message: Message) -> dict[str, object]:
	sender = message.from_[0].address if message.from_ else ""
	return {
		"subject": message.subject[:1000],
		"sender": sender[:140],
		"sent_on": site_time(message.date),
		"message_id": (message.message_id or "")[:LONGEST_MESSAGE_ID] or None,
	}


def _duplicate_of(name: str) -> dict[str, object]:
	first = frappe.db.get_value(JOURNAL, name, ["communication", "reference_doctype", "reference_name", "folder"], as_dict=True)
	return {
		"state": DUPLICATE,
		"communication": first.communication,
		"reference_doctype": first.reference_doctype,
		"reference_name": first.reference_name,
		"other_copy": name,
		"reason": _("The same message was received before, in folder {0}.").format(first.folder),
	}


def _own_copy(row: frappe._dict, message: Message, in_sent_folder: bool, filed: bool) -> dict[str, object] | None:
	"""What the row of a copy says of the message sent from here that it is a copy of; None when it is none.

	In a Sent folder, where no stranger puts anything, the Message-ID suffices, whichever account sent it, also for mail
	without a Communication. Elsewhere it must be from us, by this very account: whoever got our message knows its
	Message-ID, and some programs answer under it. ``filed`` is whether any Communication has its Message-ID.
	"""
	if not message.message_id:
		return None
	named = {"message_id": message.message_id}
	ours = named | {"sent_or_received": "Sent"} | ({} if in_sent_folder else {"email_account": row.email_account})
	fields = ["name", "sender", "incoming_email", "reference_doctype", "reference_name"]
	sent = frappe.db.get_value("Communication", ours, fields, as_dict=True) if filed else None
	if sent and sent.incoming_email == row.name:
		return None
	if not sent and in_sent_folder:
		fields = ["communication as name", "reference_doctype", "reference_name"]
		sent = frappe.db.get_value("Email Queue", named, fields, as_dict=True)
	if not sent or not (in_sent_folder or _is_from(message, f"{sent.sender or ''} {_address_of(row.email_account)}")):
		return None
	return {
		"state": DUPLICATE,
		"communication": sent.name,
		"reference_doctype": sent.reference_doctype,
		"reference_name": sent.reference_name,
		"reason": _("It is the copy of a message sent from here."),
	}


def _is_from(message: Message, addresses: str) -> bool:
	return any(address.address.lower() in addresses.lower() for address in message.from_ if address.address)


def _address_of(account: str) -> str:
	return frappe.get_cached_value("Email Account", account, "email_id") or ""


def _is_old(row: frappe._dict, message: Message) -> bool:
	first_pull = frappe.db.get_value(FOLDER, {"email_account": row.email_account, "folder": row.folder}, "first_pull")
	sent = site_time(message.date)
	return bool(first_pull and sent and sent < get_datetime(first_pull) - OLD_MAIL_MARGIN)


def _full_up_to() -> int:
	return cint(frappe.conf.get("mail_read_in_full_up_to")) or READ_IN_FULL_UP_TO


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


def _count_a_cut(lease: Lease) -> None:
	"""A message still noted as being processed is one whose processing was cut: count that against it."""
	name = frappe.db.get_value(STATUS, lease.status, "processing")
	if not name:
		return
	row = frappe.db.get_value(JOURNAL, name, ["state", "attempts"], as_dict=True)
	if row and row.state == JOURNALLED:
		frappe.db.set_value(JOURNAL, name, "attempts", cint(row.attempts) + 1)
	frappe.db.set_value(STATUS, lease.status, "processing", None, update_modified=False)
	frappe.db.commit()


def _fail(
	row: frappe._dict,
	lease: Lease,
	following: str | None,
	reason: str,
	headers: dict[str, object] | None = None,
	count: bool = True,
) -> str:
	values = (headers or {}) | {"state": FAILED, "reason": reason, "communication": find_communication(row.name)}
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
	text = frappe.utils.strip_html(str(error)).strip()
	if isinstance(error, CannotProcess):
		return text
	if isinstance(error, frappe.MandatoryError):
		return _(
			"Mandatory fields of the new document could not be filled from the mail: {0}. Give them a default value, then process "
			"the mail again."
		).format(text)
	return f"{type(error).__name__}: {text}"[:1000]
