"""A copy of a mail that came for whoever looks after its document: the owner and those it is assigned to."""

from __future__ import annotations

from email.utils import parseaddr
from html import escape

import frappe
from frappe import _
from frappe.utils import cint, get_link_to_form

from dokos_mail.engine.errors import N_
from dokos_mail.engine.message.authentication import FAIL
from dokos_mail.inbound.decide import Decision
from dokos_mail.inbound.reactions import NOTICE, Drop, communication_of, note, queue_mail
from dokos_mail.inbound.store import StoredMail
from dokos_mail.reasons import because

#: Users that are nobody.
_NOBODY = frozenset(("Administrator", "Guest"))


def consider(row: frappe._dict, decision: Decision, stored: StoredMail) -> None:
	"""Note that somebody is to be told of a mail on a document; within the caller's transaction."""
	mail = decision.mail
	if not stored.reference or mail.sent or mail.junk or mail.message.report or row.first_sync or row.resync:
		return
	if decision.verdict.verdict == FAIL or not whom_to_tell(
		stored.reference.doctype, stored.reference.name, _has_it_already(mail.message)
	):
		return
	note(
		NOTICE,
		row.name,
		email_account=row.email_account,
		incoming_email=row.name,
		communication=stored.communication,
		correspondent=(mail.sender or "")[:140],
	)


def _has_it_already(message: object) -> set[str]:
	return {one.address.lower() for one in (*message.from_, *message.to, *message.cc)}


def whom_to_tell(doctype: str, name: str, besides: set[str]) -> list[str]:
	"""Addresses of a document's owner and assignees, as far as they want mail of its conversations and did not get it."""
	owner = frappe.db.get_value(doctype, name, "owner")
	open_tasks = {"reference_type": doctype, "reference_name": name, "status": "Open"}
	assignees = [user for user in frappe.get_all("ToDo", filters=open_tasks, pluck="allocated_to") if user and _wants(user)]
	told = {}
	for user in [owner, *assignees]:
		if not user or user in _NOBODY:
			continue
		who = frappe.db.get_value("User", {"name": user, "enabled": 1}, ["email", "thread_notify"], as_dict=True)
		if who and who.email and cint(who.thread_notify) and who.email.lower() not in besides:
			told[who.email.lower()] = who.email
	return list(told.values())


def _wants(user: str) -> bool:
	"""Whether an assignee wants mail of what he is assigned, where the host lets him choose."""
	setting = "enable_email_threads_on_assigned_document"
	if not frappe.db.exists("DocType", "Notification Settings") or not frappe.get_meta("Notification Settings").has_field(
		setting
	):
		return True
	row = frappe.db.get_value("Notification Settings", user, ["enabled", "enable_email_notifications", setting], as_dict=True)
	return row is None or bool(cint(row.enabled) and cint(row.enable_email_notifications) and cint(row[setting]))


def send(row: frappe._dict) -> str:
	"""Queue the copies; within the caller's transaction."""
	mail = communication_of(row)
	if not (mail.reference_doctype and mail.reference_name and frappe.db.exists(mail.reference_doctype, mail.reference_name)):
		raise Drop(N_("It is on no document any more."))
	had_it = {
		parseaddr(part)[1].lower() for field in (mail.recipients, mail.cc, mail.sender) for part in (field or "").split(",")
	}
	to = whom_to_tell(mail.reference_doctype, mail.reference_name, had_it)
	if not to:
		raise Drop(N_("There is nobody to be told any more."))
	sender = (
		f"{mail.sender_full_name} <{mail.sender}>"
		if mail.sender_full_name and mail.sender_full_name != mail.sender
		else mail.sender
	)
	about = f"{_(mail.reference_doctype)} {mail.reference_name}"
	first = _("{0} wrote on {1}:").format(sender or "", about)
	link = get_link_to_form(mail.reference_doctype, mail.reference_name)
	files = frappe.get_all("File", filters={"attached_to_doctype": "Communication", "attached_to_name": mail.name}, pluck="name")
	account = frappe.db.get_value("Email Account", {"name": row.email_account, "enable_outgoing": 1}, "email_id")
	queue_mail(
		row,
		to,
		sender=account,  # who answers writes to the account, and joins the conversation
		subject=mail.subject,
		message=f"<p>{escape(first)} {link}</p><hr>{mail.content or ''}",
		reference_doctype=mail.reference_doctype,
		reference_name=mail.reference_name,
		attachments=[{"fid": name} for name in files],
		in_reply_to=mail.message_id or None,
		add_unsubscribe_link=0,
	)
	return because(N_("Told {0}."), ", ".join(to))
