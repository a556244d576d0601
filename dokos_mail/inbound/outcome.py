"""What one message becomes: parsed, compared with what there is, placed, stored. Writes all but its own row; commits nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import frappe
from frappe.utils import get_datetime

from dokos_mail.engine.errors import N_
from dokos_mail.engine.message.authentication import Verdict, authenticate
from dokos_mail.engine.message.model import Message
from dokos_mail.inbound import auto_reply, notices, reactions, reported, unreplied
from dokos_mail.inbound.ahead import Read
from dokos_mail.inbound.decide import Decision, decide
from dokos_mail.inbound.journal import DUPLICATE, FOLDER, IGNORED, JOURNAL, PROCESSED, site_time
from dokos_mail.inbound.known import LONGEST_MESSAGE_ID, Copies, find_copies, find_legacy_without_id
from dokos_mail.inbound.place import Reference
from dokos_mail.inbound.rules import Rules
from dokos_mail.inbound.store import StoredMail, find_communication, store
from dokos_mail.other_apps import AFTER_STORE, hooks
from dokos_mail.plain import plain
from dokos_mail.reasons import because, columns

#: In a renumbered folder, unknown mail dated before the folder's first pull by more than this is old mail that was never
#: wanted. Longer than any mail travels: servers give up after five days.
OLD_MAIL_MARGIN = timedelta(days=7)


def become(row: frappe._dict, read: Read, rules: Rules, headers: dict[str, object]) -> dict[str, object]:
	"""Place and store the message of a journal row, going on from what an earlier attempt left; returns what the row is to say.

	``headers`` takes what the row is to say of the message itself, whatever becomes of it. On the row, ``made`` is then the
	Communication that was written, and ``seen_by_apps`` the mail as other apps saw it, each None where there is none.
	"""
	row.made = row.seen_by_apps = None
	message = read.message
	headers.update(_headers(message) | {"content_hash": read.content_hash})
	values = dict(headers)
	made_before = find_communication(row.name, rules.absent)
	copies = find_copies(row, message.message_id, read.content_hash, site_time(message.date), rules.absent)
	if made_before:
		return values | _processed(row, read, rules, copies, made_before)
	if copies.same:
		return values | _duplicate_of(copies.same)
	if legacy := copies.legacy or _legacy_without_id(row, message):
		reason = because(N_("This account received it before the journal existed."))
		return values | {"state": DUPLICATE, "communication": legacy} | columns(reason)
	if row.resync and _is_old(row, message):
		return values | {"state": IGNORED} | columns(because(N_("It is older than the first synchronisation of its folder.")))
	if sent := _own_copy(row, message, rules.holds_sent(row.folder), copies.filed):
		return values | sent
	if reported.is_of_machines(message) and (about := reported.find_original(message.report)):
		verdict = authenticate(message, rules.trusted)
		if reported.doubt(message, about, verdict.verdict) is None:
			reported.consider(row, about)
			return values | _reported(about, verdict)
	return values | _processed(row, read, rules, copies, None)


def _reported(about: reported.About, verdict: Verdict) -> dict[str, object]:
	"""What the row of a report says: it is on the mail that it is about, and is no mail of its own."""
	return {
		"authentication": verdict.verdict,
		"authentication_reason": plain(verdict.reason) or None,
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


def _processed(row: frappe._dict, read: Read, rules: Rules, copies: Copies, communication: str | None) -> dict[str, object]:
	decision = decide(read.message, row.folder, rules, row=row.name)
	placement = decision.placement
	row.seen_by_apps = decision.mail
	values: dict[str, object] = {
		"rule": placement.rule,
		"trace": frappe.as_json(placement.trace_as_data()),
		"authentication": decision.verdict.verdict,
		"authentication_reason": plain(decision.verdict.reason) or None,
		"junk": decision.mail.junk[:140] or None,
		"possible_duplicate": int(copies.clash),
		"waits_for": placement.waits_for,
	}
	if placement.refused is not None and not communication:
		reason = because(N_("The app refused it: {0}"), placement.refused)
		return values | {"state": IGNORED} | columns(reason, *decision.remarks)
	if placement.waits_for:
		frappe.db.set_value(JOURNAL, placement.waits_for, "awaited", 1, update_modified=False)
	stored = store(row, _going_on(row, decision), rules, communication, read.body)
	row.made = stored.communication
	if stored.taken:
		placement = placement.on_the_first()
		values |= {"rule": placement.rule, "trace": frappe.as_json(placement.trace_as_data())}
	remarks = [*decision.remarks, *_set_off(row, decision, rules, stored)]
	if copies.elsewhere:
		frappe.db.set_value(JOURNAL, copies.elsewhere, "other_copy", row.name, update_modified=False)
	values |= {
		"state": PROCESSED,
		"communication": stored.communication,
		"reference_doctype": stored.reference.doctype if stored.reference else None,
		"reference_name": stored.reference.name if stored.reference else None,
		"other_copy": copies.elsewhere,
		"hooks_due": int(bool(hooks(AFTER_STORE))),
	}
	return values | columns(*stored.notes, *remarks)


def _set_off(row: frappe._dict, decision: Decision, rules: Rules, stored: StoredMail) -> list[str]:
	"""Write down what the mail sets off, each thing once; a job carries it out.

	Returns what is to be said of those that could not be written: they cost neither the mail nor the others.
	"""

	message, settings = decision.mail.message, rules.settings

	doubts: list[str] = []

	def report() -> None:
		if not (about := reported.find_original(message.report)):
			return
		if doubt := reported.doubt(message, about, decision.verdict.verdict):
			doubts.append(doubt)
		else:
			reported.consider(row, about)

	ways = []
	if auto_reply.concerns(decision, settings):
		ways.append((reactions.AUTO_REPLY, lambda: auto_reply.consider(row, decision, settings, stored.communication)))
	if unreplied.concerns(row, settings):
		ways.append((reactions.UNREPLIED, lambda: unreplied.consider(row, decision, settings, stored.communication)))
	if stored.reference:
		ways.append((reactions.NOTICE, lambda: notices.consider(row, decision, stored)))
	if message.report:
		ways.append((reactions.REPORT, report))
	if reported.may_be_reachable_again(message, decision.verdict.verdict, rules.absent):
		ways.append((reported.REACHABLE, lambda: reported.reachable_again(message)))
	return [*reactions.each_aside(ways), *dict.fromkeys(doubts)] if ways else []


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
		"subject": plain(message.subject)[:1000],
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
	} | columns(because(N_("The same message was received before, in folder {0}."), first.folder))


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
	} | columns(because(N_("It is the copy of a message sent from here.")))


def _is_from(message: Message, addresses: str) -> bool:
	return any(address.address.lower() in addresses.lower() for address in message.from_ if address.address)


def _address_of(account: str) -> str:
	return frappe.get_cached_value("Email Account", account, "email_id") or ""


def _is_old(row: frappe._dict, message: Message) -> bool:
	first_pull = frappe.db.get_value(FOLDER, {"email_account": row.email_account, "folder": row.folder}, "first_pull")
	sent = site_time(message.date)
	return bool(first_pull and sent and sent < get_datetime(first_pull) - OLD_MAIL_MARGIN)
