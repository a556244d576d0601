"""A mail of ours was, probably, read: written on its recipient and on its Communication."""

from __future__ import annotations

import frappe
from frappe.utils import cint, get_datetime, now_datetime

from dokos_mail.engine.send.opens import who_opened
from dokos_mail.outbound.claim import RECIPIENT
from dokos_mail.outbound.links import Ticket

#: What a reading says more than: a mail that was answered, or that somebody complained of, stays that.
_BEFORE_READ = ("", None, "Sent", "Sending", "Delayed", "Opened", "Scheduled", "Clicked", "Error", "Expired")


def opened(ticket: Ticket, user_agent: str, is_own: bool) -> bool:
	"""Note that the picture in a recipient's copy was loaded; True when that counts as read. The caller commits.

	The first time and the last are kept. One recipient suffices for the message (seed 2.5).
	"""
	if ticket.account and not cint(frappe.db.get_value("Email Account", ticket.account, "track_email_status")):
		return False
	fields = ["name", "accepted_on", "read_on"]
	where = {"parent": ticket.queue, "recipient": ticket.recipient}
	recipient = frappe.db.get_value(RECIPIENT, where, fields, as_dict=True) if ticket.queue else None
	now = now_datetime()
	since = (now - get_datetime(recipient.accepted_on)).total_seconds() if recipient and recipient.accepted_on else None
	if who_opened(user_agent, since, is_own) != "reader":
		return False
	if recipient:
		values = {"last_read_on": now} | ({} if recipient.read_on else {"read_on": now})
		frappe.db.set_value(RECIPIENT, recipient.name, values, update_modified=False)
	if ticket.communication:
		_tell(ticket.communication, now)
	return True


def _tell(communication: str, now: object) -> None:
	row = frappe.db.get_value("Communication", communication, ["read_by_recipient", "delivery_status"], as_dict=True)
	if not row or row.read_by_recipient:
		return
	values = {"read_by_recipient": 1, "read_by_recipient_on": now}
	if row.delivery_status in _BEFORE_READ:
		values["delivery_status"] = "Read"
	frappe.db.set_value("Communication", communication, values, update_modified=False)
