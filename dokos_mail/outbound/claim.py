"""One sender per message at a time, on any number of machines: a claim on the Email Queue row.

A claim is taken by a conditional UPDATE and has an end; what was in flight when its holder died is uncertain, and only
that. The host's own flush and ours may run side by side: whoever claims a row sends it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from dokos_mail.holder import died_here, new_token

QUEUE, RECIPIENT = "Email Queue", "Email Queue Recipient"
#: Longer than any single transaction with a server takes; renewed before each.
DURATION = timedelta(minutes=30)
#: A row that the host itself began to send, before this app was there, and did not end.
HOSTS_PATIENCE = timedelta(minutes=30)
WAITING = ("Not Sent", "Partially Sent")


class ClaimLost(Exception):
	"""The claim ran out and another process has the row: record nothing more."""


def claim(name: str, statuses: Iterable[str] = WAITING, *, due_only: bool = True) -> str | None:
	"""Take the row, committing. Returns our token, or None when somebody else has it or it is not to be sent now."""
	now, token = now_datetime(), new_token()
	table = frappe.qb.DocType(QUEUE)
	condition = (table.name == name) & table.status.isin(list(statuses))
	if due_only:
		condition = condition & (table.send_after.isnull() | (table.send_after <= now))
	frappe.db.commit()
	(
		frappe.qb.update(table)
		.set(table.status, "Sending")
		.set(table.delivery_state, "Sending")
		.set(table.claim_token, token)
		.set(table.claim_until, now + DURATION)
		.set(table.modified, now)
		.where(condition)
	).run()
	taken = frappe.db.get_value(QUEUE, name, "claim_token") == token
	frappe.db.commit()
	return token if taken else None


def renew(name: str, token: str) -> None:
	"""Move the claim's end, in the caller's transaction. Raises ClaimLost when the row is no longer ours."""
	table = frappe.qb.DocType(QUEUE)
	(
		frappe.qb.update(table)
		.set(table.claim_until, now_datetime() + DURATION)
		.where((table.name == name) & (table.claim_token == token) & (table.status == "Sending"))
	).run()
	if frappe.db.get_value(QUEUE, name, "claim_token") != token:
		frappe.db.rollback()
		raise ClaimLost(name)


def left_behind() -> list[tuple[str, str | None]]:
	"""Rows in Sending that nobody sends any more, each with the token of whoever did."""
	now = now_datetime()
	fields = ["name", "claim_token", "claim_until", "modified"]
	found = []
	for row in frappe.get_all(QUEUE, filters={"status": "Sending"}, fields=fields, order_by="creation asc"):
		if not row.claim_token:
			over = row.modified < now - HOSTS_PATIENCE
		else:
			over = died_here(row.claim_token) or not row.claim_until or row.claim_until < now
			# An end further off than any claim lasts was written by a clock that has been put back since.
			over = over or row.claim_until > now + 2 * DURATION
		if over:
			found.append((row.name, row.claim_token))
	return found


def take_over(name: str, old_token: str | None) -> str | None:
	"""Take a row that was left behind; None when another process did so first."""
	token = new_token()
	table = frappe.qb.DocType(QUEUE)
	held = table.claim_token == old_token if old_token else (table.claim_token.isnull() | (table.claim_token == ""))
	(
		frappe.qb.update(table)
		.set(table.claim_token, token)
		.set(table.claim_until, now_datetime() + DURATION)
		.where((table.name == name) & (table.status == "Sending") & held)
	).run()
	taken = frappe.db.get_value(QUEUE, name, "claim_token") == token
	frappe.db.commit()
	return token if taken else None
