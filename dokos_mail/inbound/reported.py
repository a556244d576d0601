"""Reports of machines about mail of ours: found out, and noted to be written down. They become no Communication.

An automatic answer of a person's mailbox is filed in its thread like any other, and makes no document.
"""

from __future__ import annotations

from dataclasses import dataclass

import frappe

from dokos_mail.engine.errors import N_
from dokos_mail.engine.message.model import Message, Report
from dokos_mail.inbound.reactions import REPORT, note

QUEUE = "Email Queue"
#: What an address of which a bounce told is called once its owner writes.
REACHABLE = N_("Reachable Again")
#: Kinds that nobody needs to read besides what they say of the mail they are about.
_OF_MACHINES = frozenset(("bounce", "delay", "complaint", "receipt"))


@dataclass(frozen=True)
class About:
	"""The mail of ours that a report is about: its queue row, as long as that is kept, its Communication, its document."""

	queue: str | None
	communication: str | None
	reference_doctype: str | None
	reference_name: str | None


def is_of_machines(message: Message) -> bool:
	"""Whether the message is nothing but a report on the way of another."""
	return message.report is not None and message.report.kind in _OF_MACHINES


def find_original(report: Report) -> About | None:
	"""The mail of ours that a report is about, by what the server returned of it; None when it is none that we know."""
	fields = ["name", "communication", "reference_doctype", "reference_name"]
	row = None
	if report.envelope_id:
		row = frappe.db.get_value(QUEUE, report.envelope_id, fields, as_dict=True)
	if row is None and report.original_message_id:
		row = frappe.db.get_value(QUEUE, {"message_id": report.original_message_id}, fields, as_dict=True)
	if row:
		return About(row.name, row.communication, row.reference_doctype, row.reference_name)
	if not report.original_message_id:
		return None
	sent = {"message_id": report.original_message_id, "sent_or_received": "Sent"}
	mail = frappe.db.get_value("Communication", sent, ["name", "reference_doctype", "reference_name"], as_dict=True)
	return About(None, mail.name, mail.reference_doctype, mail.reference_name) if mail else None


def consider(row: frappe._dict, about: About) -> None:
	"""Note that what a report says is to be written down; within the caller's transaction."""
	note(
		REPORT,
		row.name,
		email_account=row.email_account,
		incoming_email=row.name,
		communication=about.communication,
	)


def reachable_again(message: Message) -> None:
	"""Forget that mail to an address fails once a person writes from it; within the caller's transaction."""
	sender = message.from_[0].address.lower() if message.from_ else ""
	failing = {"address": sender, "kind": "Bounced"}
	if sender and not message.auto_submitted and frappe.db.exists("Undeliverable Address", failing):
		frappe.db.delete("Undeliverable Address", failing)
