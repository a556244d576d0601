"""What a report says of a mail of ours, written on its recipients and its Communication (row O10)."""

from __future__ import annotations

from dataclasses import dataclass

import frappe
from frappe.utils import cint, now_datetime

from dokos_mail.engine.errors import N_
from dokos_mail.engine.message.model import Report
from dokos_mail.engine.send import row as states
from dokos_mail.outbound import outcome
from dokos_mail.outbound.claim import QUEUE, RECIPIENT
from dokos_mail.reasons import because, joined

ADDRESS = "Undeliverable Address"
BOUNCED, COMPLAINED = "Bounced", "Complained"

#: What the log of a recipient says, by the kind of report; of a receipt, by what it says was done with the mail.
WORDS = {
	"bounce": BOUNCED,
	"delay": N_("Delayed"),
	"complaint": N_("Complaint"),
	"receipt": N_("Receipt"),
	"auto-reply": N_("Answered Automatically"),
}
RECEIPTS = {
	"displayed": N_("Read Receipt"),
	"deleted": N_("Deleted Unread"),
	"delivered": N_("Delivered"),
	"relayed": N_("Passed On"),
	"expanded": N_("Passed On"),
}
#: States of a recipient whose copy a server has, or may have.
_HANDED_OVER = (states.SENT, states.BOUNCED, states.UNCERTAIN, states.IN_FLIGHT)
_NO_MARKUP = {ord("<"): None, ord(">"): None}
#: A report is about at most this many recipients that are looked at.
MOST_RECIPIENTS = 200
#: Of so many it is said in words what a report says of them.
MOST_SAID = 20
#: The host's words for a Communication, the weightier first: a later report that says less changes nothing.
_WEIGHT = ("Bounced", "Marked As Spam", "Read", "Soft-Bounced", "Delayed")


@dataclass(frozen=True)
class Original:
	"""The mail of ours that a report is about: its queue row, as long as that is kept, and its Communication, if it has one."""

	queue: str | None
	communication: str | None


def apply(report: Report, original: Original, by: str) -> str:
	"""Write down what ``report`` says, within the caller's transaction; returns it in words.

	Only of recipients that the mail had: nobody is made undeliverable by a report that was made up. ``by`` names what
	writes it down: done again by the same, after it was cut halfway, nothing is counted or said twice.
	"""
	said = []
	made_up = False
	for told in report.recipients[:MOST_RECIPIENTS] or [{"address": None, "action": None, "status": None, "diagnostic": None}]:
		recipient = _recipient(original, told.get("address"), len(report.recipients))
		if recipient is None:
			continue
		if recipient.name and not _was_handed_over(original, recipient):
			made_up = True
			continue
		words = _said(told)
		said.append(because("{0}: {1}", recipient.recipient, words[:200] or because(_state(report, told))))
		_write(report, told, recipient, words, original, by)
	if original.communication and not (made_up and not said) and (status := _status(report)):
		_tell(original.communication, status)
	return joined(said[:MOST_SAID])


def _said(told: dict[str, str | None]) -> str:
	"""The server's own words, with the status where they do not name it."""
	# hosts take an address between angle brackets for markup, where they write a new row and where they show one
	status, diagnostic = told.get("status") or "", (told.get("diagnostic") or "").translate(_NO_MARKUP)
	return diagnostic if status in diagnostic else f"{status} {diagnostic}".strip()


def _state(report: Report, told: dict[str, str | None]) -> str:
	"""What the log of a recipient calls it."""
	action = told.get("action") or ""
	if report.kind == "receipt" or action in ("delivered", "relayed", "expanded"):
		return RECEIPTS.get(action, WORDS["receipt"])
	return WORDS["delay" if action == "delayed" else report.kind]


def _was_handed_over(original: Original, recipient: frappe._dict) -> bool:
	"""Whether a server may have had the copy of ``recipient``: no report of one that still waits is true, and none may end it."""
	row = next((one for one in outcome.recipients_of(original.queue) if one.name == recipient.name), None)
	return row is not None and (row.state in _HANDED_OVER or bool(cint(row.maybe_accepted)))


def _write(report: Report, told: dict[str, str | None], recipient: frappe._dict, words: str, original: Original, by: str) -> None:
	code = told.get("status") or ""
	action = told.get("action")
	if report.kind == "bounce" and action in (None, "failed"):
		if recipient.name:
			row = next((one for one in outcome.recipients_of(original.queue) if one.name == recipient.name), None)
			if row:
				outcome.write(row, states.BOUNCED, words, by=by, status_code=code, next_try=None)
				outcome.look_again(original.queue)
		if not code.startswith("4"):
			remember(recipient.recipient, BOUNCED, words, code, original.communication, by)
		return
	if recipient.name:
		outcome.log(recipient.name, _state(report, told), words, code, by)
	if report.kind == "complaint":
		remember(recipient.recipient, COMPLAINED, words, code, original.communication, by)
	elif report.kind == "receipt" and action == "displayed":
		now = now_datetime()
		if recipient.name and not frappe.db.get_value(RECIPIENT, recipient.name, "read_on"):
			frappe.db.set_value(RECIPIENT, recipient.name, "read_on", now, update_modified=False)
		if original.communication and not cint(frappe.db.get_value("Communication", original.communication, "read_by_recipient")):
			read = {"read_by_recipient": 1, "read_by_recipient_on": now}
			frappe.db.set_value("Communication", original.communication, read, update_modified=False)


def _recipient(original: Original, address: str | None, told: int) -> frappe._dict | None:
	"""Which recipient is meant: the one of that address, or the only one there is, whom a forwarding server names otherwise."""
	had = []
	if original.queue:
		had = frappe.get_all(RECIPIENT, filters={"parent": original.queue, "parenttype": QUEUE}, fields=["name", "recipient"])
	if not had and original.communication:
		written = frappe.db.get_value("Communication", original.communication, ["recipients", "cc", "bcc"])
		found = [one for field in written if field for one in frappe.utils.split_emails(field)]
		had = [frappe._dict(name=None, recipient=_bare(one)) for one in found]
	wanted = (address or "").lower()
	for one in had:
		if one.recipient.lower() == wanted:
			return one
	return had[0] if len(had) == 1 and told <= 1 else None


def _bare(written: str) -> str:
	return written.rpartition("<")[2].rstrip("> ").strip()


def _status(report: Report) -> str | None:
	"""The host's word for what happened to the mail."""
	if report.kind == "bounce":
		codes = [one.get("status") or "5" for one in report.recipients]
		return "Soft-Bounced" if codes and all(code.startswith("4") for code in codes) else "Bounced"
	if report.kind == "receipt":
		return "Read" if any(one.get("action") == "displayed" for one in report.recipients) else None
	return {"delay": "Delayed", "complaint": "Marked As Spam"}.get(report.kind)


def _tell(communication: str, status: str) -> None:
	before = frappe.db.get_value("Communication", communication, "delivery_status")
	if before in _WEIGHT and _WEIGHT.index(before) < _WEIGHT.index(status):
		return
	frappe.db.set_value("Communication", communication, "delivery_status", status, update_modified=False)


def remember(address: str, kind: str, reason: str, code: str, communication: str | None, by: str) -> None:
	"""Remember that mail to an address fails, or is not wanted, so that it is said before the next one."""
	now = now_datetime()
	values = {
		"kind": kind,
		"reason": reason[:1000],
		"status_code": code,
		"last_on": now,
		"communication": communication,
	}
	values["email_reaction"] = by
	known = frappe.db.get_value(ADDRESS, {"address": address.lower()}, ["name", "kind", "times", "email_reaction"], as_dict=True)
	if known:
		if known.kind == COMPLAINED:
			values["kind"] = COMPLAINED  # a server that fails takes back nothing that a person asked for
		if known.email_reaction != by:
			frappe.db.set_value(ADDRESS, known.name, values | {"times": cint(known.times) + 1})
		return
	made = {"doctype": ADDRESS, "address": address.lower(), "first_on": now, "times": 1}
	frappe.get_doc(made | values).insert(ignore_permissions=True)


def undeliverable(addresses: list[str]) -> list[frappe._dict]:
	"""What is remembered of these addresses."""
	wanted = [_bare(one).lower() for one in addresses if one]
	fields = ["address", "kind", "reason", "last_on", "times"]
	return frappe.get_all(ADDRESS, filters={"address": ("in", wanted or [""])}, fields=fields, order_by="last_on desc")
