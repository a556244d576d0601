"""Reports of machines about mail of ours: found out, and noted to be written down. They become no Communication.

An automatic answer of a person's mailbox is filed in its thread like any other, and makes no document.

Anybody can write a report. One counts that names what a stranger cannot know: the identifier that only the servers on
the way were given, or the Message-ID of the mail (RFC 3464 section 4.2 leaves no more to go by). Who got the mail
knows its Message-ID too, so that it may neither come under a name that the receiving server denies, nor from the
domain of one recipient about another. What does not count is filed like any mail, and its row says why.
"""

from __future__ import annotations

from dataclasses import dataclass

import frappe

from dokos_mail.engine.errors import N_
from dokos_mail.engine.message.authentication import FAIL, from_domain
from dokos_mail.engine.message.model import Message, Report
from dokos_mail.inbound.absent import Absent
from dokos_mail.inbound.reactions import REPORT, note
from dokos_mail.reasons import because

QUEUE = "Email Queue"
#: What an address of which a bounce told is called once its owner writes.
REACHABLE = N_("Reachable Again")
#: Kinds that nobody needs to read besides what they say of the mail they are about.
_OF_MACHINES = frozenset(("bounce", "delay", "complaint", "receipt"))
#: Kinds that somebody says of another.
_OF_OTHERS = frozenset(("bounce", "delay", "complaint"))


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


def doubt(message: Message, about: About, verdict: str) -> str | None:
	"""Why a report about a mail of ours does not count, in words; None when it does."""
	report = message.report
	if report.envelope_id and report.envelope_id == about.queue:
		return None
	if verdict == FAIL:
		return because(
			N_(
				"It was not taken for a report on our email: the receiving server says that its sender is not who it claims to be."
			)
		)
	domain = from_domain(message)
	told = {_domain(one.get("address") or "") for one in report.recipients} - {""}
	speaks_for = told | _domains_of_ours()
	if report.kind in _OF_OTHERS and told and not _is_under(domain, speaks_for) and _is_under(domain, _domains_of(about)):
		return because(
			N_("It was not taken for a report on our email: one recipient's server does not speak for another recipient.")
		)
	return None


def _domain(address: str) -> str:
	return address.rpartition("@")[2].strip(" >").lower()


def _is_under(domain: str, domains: set[str]) -> bool:
	return any(domain == one or domain.endswith(f".{one}") for one in domains)


def _domains_of_ours() -> set[str]:
	return {_domain(one) for one in frappe.get_all("Email Account", filters={"email_id": ("is", "set")}, pluck="email_id")} - {""}


def _domains_of(about: About) -> set[str]:
	"""The domains of those to whom a mail of ours went."""
	if about.queue:
		had = frappe.get_all("Email Queue Recipient", filters={"parent": about.queue}, pluck="recipient")
		return {_domain(one) for one in had} - {""}
	written = frappe.db.get_value("Communication", about.communication, ["recipients", "cc", "bcc"])
	return {_domain(one) for field in written or () if field for one in frappe.utils.split_emails(field)} - {""}


def consider(row: frappe._dict, about: About) -> None:
	"""Note that what a report says is to be written down; within the caller's transaction."""
	note(
		REPORT,
		row.name,
		email_account=row.email_account,
		incoming_email=row.name,
		communication=about.communication,
	)


def may_be_reachable_again(message: Message, verdict: str, absent: Absent) -> bool:
	"""Whether a person writes from an address that mail may have failed to reach."""
	sender = message.from_[0].address.strip() if message.from_ else ""
	if not sender or message.auto_submitted or verdict == FAIL:
		return False
	return not absent.holds("Undeliverable Address", "address", sender)


def reachable_again(message: Message) -> None:
	"""Forget that mail to an address fails once a person writes from it; within the caller's transaction."""
	failing = {"address": message.from_[0].address.lower(), "kind": "Bounced"}
	if frappe.db.exists("Undeliverable Address", failing):
		frappe.db.delete("Undeliverable Address", failing)
