"""Notices of mail that nobody answered in time (row N1, both readings)."""

from __future__ import annotations

from datetime import timedelta
from html import escape

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, get_link_to_form, now_datetime

from dokos_mail.engine.errors import N_
from dokos_mail.engine.message.robots import is_nobodys
from dokos_mail.inbound.decide import Decision
from dokos_mail.inbound.reactions import (
	DONE,
	REACTION,
	UNREPLIED,
	Drop,
	NotYet,
	aside,
	communication_of,
	conversation_of,
	first_of,
	note,
	queue_mail,
)
from dokos_mail.reasons import because

#: So many answers to answers are looked at in a thread that is on no document.
MOST_LEVELS = 50
#: Values of ``unreplied_by``.
BY_US, BY_THEM = "Us", "The Correspondent"


def concerns(row: frappe._dict, settings: frappe._dict) -> bool:
	"""Whether somebody wants to be told of mail such as this that we do not answer."""
	wanted = cint(settings.notify_if_unreplied) and (settings.get("unreplied_by") or BY_US) == BY_US
	return bool(wanted) and not (row.first_sync or row.resync)


def consider(row: frappe._dict, decision: Decision, settings: frappe._dict, communication: str) -> None:
	"""Note that a received mail waits for our answer, where its account wants to be told; within the caller's transaction."""
	if not concerns(row, settings):
		return
	message = decision.mail.message
	sender = message.from_[0].address if message.from_ else ""
	if decision.mail.sent or decision.mail.junk or message.auto_submitted or message.report or not sender or is_nobodys(sender):
		return
	_note(communication, settings, sender)


def consider_sent(communication: frappe._dict, method: str | None = None) -> None:
	"""Note that a mail of ours waits for its correspondent's answer, where its account wants to be told (doc event).

	Nobody's mail fails for it.
	"""
	if communication.sent_or_received == "Sent":
		aside(UNREPLIED, lambda: _consider_sent(communication))


def _consider_sent(communication: frappe._dict) -> None:
	if communication.communication_medium != "Email" or not communication.email_account:
		return
	if communication.communication_type != "Communication" or not communication.recipients:
		return
	settings = frappe.db.get_value(
		"Email Account",
		communication.email_account,
		["name", "notify_if_unreplied", "unreplied_by", "unreplied_for_mins"],
		as_dict=True,
	)
	if settings and cint(settings.notify_if_unreplied) and settings.unreplied_by == BY_THEM:
		_note(communication.name, settings, (communication.recipients or "")[:140])


def _note(communication: str, settings: frappe._dict, correspondent: str) -> None:
	facts = frappe.db.get_value(
		"Communication", communication, ["name", "reference_doctype", "reference_name", "in_reply_to"], as_dict=True
	)
	note(
		UNREPLIED,
		communication,
		due_on=now_datetime() + patience(settings),
		email_account=settings.name,
		communication=communication,
		correspondent=correspondent[:140],
		conversation=conversation_of(facts),
	)


def patience(settings: frappe._dict) -> timedelta:
	"""How long an answer may take."""
	return timedelta(minutes=cint(settings.unreplied_for_mins) or 30)


def send(row: frappe._dict) -> str:
	"""Tell those whom the account names, unless somebody answered or they were told of this conversation already."""
	if not frappe.db.exists("Email Account", row.email_account):
		raise Drop(N_("The Email Account is gone."))
	account = frappe.get_doc("Email Account", row.email_account)
	if not cint(account.notify_if_unreplied):
		raise Drop(N_("Notices were switched off."))
	mail = communication_of(row)
	began = get_datetime(mail.creation)
	if (due_on := began + patience(account)) > now_datetime():
		raise NotYet(due_on)
	answers = "Sent" if mail.sent_or_received == "Received" else "Received"
	if _latest(mail, row.conversation, answers, began):
		raise Drop(N_("It was answered."))
	if _was_told(row, mail, answers):
		raise Drop(N_("A notice of this conversation was sent before."))
	to = account.get_unreplied_notification_emails()
	if not to:
		raise Drop(N_("The account names nobody to be told."))
	frappe.db.set_value("Communication", mail.name, "unread_notification_sent", 1, update_modified=False)
	queue_mail(
		row,
		to,
		subject=_("No answer yet: {0}").format(mail.subject or _("No Subject")),
		message=_words(mail, account),
		reference_doctype=mail.reference_doctype,
		reference_name=mail.reference_name,
	)
	return because(N_("Told {0}."), ", ".join(to))


def _latest(mail: frappe._dict, conversation: str, kind: str, after: object) -> str | None:
	"""A mail of the same conversation in the other direction since then."""
	since = {
		"communication_medium": "Email",
		"communication_type": "Communication",
		"sent_or_received": kind,
		"creation": (">", after),
	}
	# an answer from the desk to a mail that is on no document is about the mail
	on_it = {"reference_doctype": "Communication", "reference_name": mail.name}
	if found := frappe.db.get_value("Communication", since | on_it, "name"):
		return found
	if mail.reference_doctype and mail.reference_name:
		about = {"reference_doctype": mail.reference_doctype, "reference_name": mail.reference_name}
		return frappe.db.get_value("Communication", since | about, "name")
	return _answer_in_thread(mail, since)


def _answer_in_thread(mail: frappe._dict, since: dict[str, object]) -> str | None:
	"""A mail like ``since`` among those that answer the thread's first message, or one that answers it.

	Goes down the thread level by level, so that it costs as much as the thread is long, whatever else was sent since.
	"""
	seen = level = {first_of(mail)}
	for _depth in range(MOST_LEVELS):
		answers = frappe.get_all("Communication", filters={"in_reply_to": ("in", sorted(level))}, pluck="name")
		level = set(answers) - seen
		if not level:
			return None
		if found := frappe.db.get_value("Communication", since | {"name": ("in", sorted(level))}, "name"):
			return found
		seen = seen | level
	return None


def _was_told(row: frappe._dict, mail: frappe._dict, answers: str) -> bool:
	"""Whether a notice of the conversation was sent since its last answer."""
	told = frappe.db.get_value(
		REACTION,
		{"kind": UNREPLIED, "conversation": row.conversation, "state": DONE, "name": ("!=", row.name)},
		["done_on", "name"],
		as_dict=True,
		order_by="done_on desc",
	)
	return bool(told) and not _latest(mail, row.conversation, answers, told.done_on)


def _words(mail: frappe._dict, account: frappe._dict) -> str:
	when = frappe.utils.format_datetime(mail.communication_date or mail.creation)
	if mail.sent_or_received == "Received":
		first = _("Nobody answered this email of {0}, received on {1} by {2}.").format(mail.sender or "", when, account.email_id)
	else:
		first = _("{0} did not answer this email, sent on {1} by {2}.").format(mail.recipients or "", when, mail.sender or "")
	doctype, name = (mail.reference_doctype, mail.reference_name) if mail.reference_name else ("Communication", mail.name)
	text = frappe.utils.strip_html(mail.content or "").strip()
	excerpt = text[:500] + ("…" if len(text) > 500 else "")
	return f"<p>{escape(first)}</p><p>{get_link_to_form(doctype, name)}</p><blockquote>{escape(excerpt)}</blockquote>"
