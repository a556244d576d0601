"""Who wants no more mail, and who wants it again."""

from __future__ import annotations

import frappe

from dokos_mail.outbound.links import Ticket

DOCTYPE = "Email Unsubscribe"


def about(ticket: Ticket, everything: bool) -> dict[str, object]:
	"""What is unsubscribed from: the document that the mail is about, or all mail of the site.

	A mail that is about no document, or about one that is gone, has but the second.
	"""
	if everything or not _is_there(ticket.doctype, ticket.docname):
		return {"email": ticket.recipient, "global_unsubscribe": 1}
	return {"email": ticket.recipient, "reference_doctype": ticket.doctype, "reference_name": ticket.docname}


def _is_there(doctype: str, name: str) -> bool:
	return bool(doctype and name and frappe.db.exists("DocType", doctype) and frappe.db.exists(doctype, name))


def unsubscribe(ticket: Ticket, everything: bool = False) -> None:
	"""Send the recipient no more of it. Doing so twice is doing it once. The caller commits."""
	wanted = about(ticket, everything)
	if not frappe.db.exists(DOCTYPE, wanted):
		frappe.get_doc({"doctype": DOCTYPE, **wanted}).insert(ignore_permissions=True)


def subscribe_again(ticket: Ticket) -> None:
	"""Undo what the recipient unsubscribed from through this mail, be it the document or all mail. The caller commits."""
	for everything in (False, True):
		for name in frappe.get_all(DOCTYPE, filters=about(ticket, everything), pluck="name"):
			frappe.delete_doc(DOCTYPE, name, ignore_permissions=True, force=True)


def is_unsubscribed(ticket: Ticket) -> bool:
	"""Whether the recipient gets no more mail about what this one is about."""
	return any(frappe.db.exists(DOCTYPE, about(ticket, everything)) for everything in (False, True))


def gone_since(queue_row: frappe._dict, recipients: list[frappe._dict]) -> list[frappe._dict]:
	"""Those of ``recipients`` who unsubscribed, from the row's document or from all mail, after the row was queued."""
	if not recipients:
		return []
	rows = frappe.get_all(
		DOCTYPE,
		filters={"email": ("in", [each.recipient for each in recipients]), "creation": (">", queue_row.creation)},
		fields=["email", "reference_doctype", "reference_name", "global_unsubscribe"],
	)
	document = (queue_row.reference_doctype, queue_row.reference_name)
	gone = {
		row.email.lower() for row in rows if row.global_unsubscribe or (row.reference_doctype, row.reference_name) == document
	}
	return [each for each in recipients if each.recipient.lower() in gone]
