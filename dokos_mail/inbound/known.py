"""What the host holds that bears on a message: its ancestors, and other copies of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import frappe

from dokos_mail.inbound.journal import DUPLICATE, FAILED, IGNORED, JOURNAL, JOURNALLED, PROCESSED
from dokos_mail.inbound.place import Ancestor, Reference

#: Message-IDs that differ in nothing but case and accents, of which we look at no more.
MOST_ALIKE = 20


def find_ancestors(message_ids: Sequence[str], account: str) -> dict[str, Ancestor]:
	"""Those of the messages that the host knows, by Message-ID.

	Where several Communications carry one Message-ID (mail to several of our accounts), the one of ``account`` is
	taken, and among equals one that is on a document.
	"""
	wanted = list(message_ids)
	if not wanted:
		return {}
	rows = frappe.get_all(
		"Communication",
		filters={"message_id": ("in", wanted), "communication_type": "Communication"},
		fields=["name", "message_id", "reference_doctype", "reference_name", "email_account"],
		order_by="creation asc",
	)
	rows.sort(key=lambda row: (row.email_account != account, not row.reference_name))
	found: dict[str, Ancestor] = {}
	for row in rows:
		if row.message_id in wanted and row.message_id not in found:
			found[row.message_id] = _ancestor(row.name, row.reference_doctype, row.reference_name)
	for message_id in wanted:
		if message_id not in found and (queued := _queued(message_id)):
			found[message_id] = queued
	return found


def _queued(message_id: str) -> Ancestor | None:
	"""A message that left through the host's queue without a Communication of that Message-ID."""
	row = frappe.db.get_value(
		"Email Queue",
		{"message_id": message_id},
		["communication", "reference_doctype", "reference_name"],
		as_dict=True,
	)
	return _ancestor(row.communication, row.reference_doctype, row.reference_name) if row else None


def _ancestor(communication: str | None, doctype: str | None, name: str | None) -> Ancestor:
	if not (doctype and name):
		return Ancestor(communication)
	exists = bool(frappe.db.exists("DocType", doctype) and frappe.db.exists(doctype, name))
	return Ancestor(communication, Reference(doctype, name), exists)


@dataclass(frozen=True)
class Copies:
	"""Other records of a message.

	``same`` is the row of the same account with the same content; ``elsewhere`` one of another account;
	``clash`` is True when the account has the Message-ID with other content. ``legacy`` is a Communication of the
	account with this Message-ID that the host received before we did.
	"""

	same: str | None = None
	elsewhere: str | None = None
	clash: bool = False
	legacy: str | None = None


def find_copies(row: frappe._dict, message_id: str | None, content_hash: str) -> Copies:
	"""Other records of the message of a journal row. Looks at few rows, however many there are of it."""
	done = {"state": ("in", [PROCESSED, DUPLICATE, IGNORED])}
	# One that failed after its Communication was made is there all the same.
	half_done = {"state": ("in", [JOURNALLED, FAILED]), "communication": ("is", "set")}
	ours, content = {"email_account": row.email_account}, {"content_hash": content_hash}
	same = _first(row, ours | content | done) or _first(row, ours | content | half_done)
	elsewhere = _first(row, content | {"email_account": ("!=", row.email_account), "state": PROCESSED})
	clash = legacy = None
	if message_id and not same:
		clash = _first(row, ours | {"message_id": message_id} | done, message_id)
		legacy = None if clash else _legacy(row.email_account, message_id)
	return Copies(same, elsewhere, bool(clash), legacy)


def _first(row: frappe._dict, filters: dict[str, object], message_id: str | None = None) -> str | None:
	"""The first other row; with exactly this ``message_id``, which the database compares without regard to case."""
	found = frappe.get_all(
		JOURNAL,
		filters=filters | {"name": ("!=", row.name)},
		fields=["name", "message_id"],
		order_by="creation asc",
		limit=1 if message_id is None else MOST_ALIKE,
	)
	return next((other.name for other in found if message_id in (None, other.message_id)), None)


def _legacy(account: str, message_id: str) -> str | None:
	"""A received Communication of this account and Message-ID that has no journal row: the host's own."""
	return _without_journal({"message_id": message_id, "email_account": account})


def find_legacy_without_id(account: str, senders: Sequence[str], sent_on: datetime | None) -> str | None:
	"""The host's own Communication of a message without a Message-ID: the same sender at the same second."""
	if not senders or sent_on is None:
		return None
	filters = {"email_account": account, "communication_date": sent_on.replace(microsecond=0), "message_id": ("is", "not set")}
	return _without_journal(filters | {"sender": ("in", [sender.lower() for sender in senders])})


def _without_journal(filters: dict[str, object]) -> str | None:
	rows = frappe.get_all(
		"Communication",
		filters=filters | {"sent_or_received": "Received"},
		fields=["name", "incoming_email"],
		order_by="creation asc",
		limit=MOST_ALIKE,
	)
	# Uninstalling drops the journal, and leaves the pointers into it.
	return next((row.name for row in rows if not (row.incoming_email and frappe.db.exists(JOURNAL, row.incoming_email))), None)
