"""The automatic answer of an account (rows R1 and R2)."""

from __future__ import annotations

from html import escape

import frappe
from frappe import _
from frappe.utils import add_to_date, cint, get_datetime, now_datetime

from dokos_mail.engine.errors import N_
from dokos_mail.engine.message.answering import (
	OLDEST,
	REASONS,
	SPAN,
	Answer,
	Circumstances,
	answer_to,
	base_address,
	within_limits,
)
from dokos_mail.host import job_timeouts
from dokos_mail.inbound.decide import Decision
from dokos_mail.inbound.journal import site_time
from dokos_mail.inbound.reactions import (
	AUTO_REPLY,
	DONE,
	DROPPED,
	REACTION,
	WAITING,
	Drop,
	communication_of,
	conversation_of,
	note,
	queue_mail,
)
from dokos_mail.reasons import because

#: Tells whoever composes the mail that it answers one by itself (RFC 3834 section 3): see ``outbound.compose``.
FLAG = "mail_answers_by_itself"


def concerns(decision: Decision, settings: frappe._dict) -> bool:
	"""Whether there are automatic answers to mail such as this."""
	return bool(cint(settings.enable_auto_reply)) and not decision.mail.sent


def consider(row: frappe._dict, decision: Decision, settings: frappe._dict, communication: str) -> None:
	"""Note the automatic answer that a mail gets, or why it gets none; within the caller's transaction."""
	if not concerns(decision, settings):
		return
	known = Circumstances(
		now=now_datetime(),
		received_on=get_datetime(row.received_on) if row.received_on else now_datetime(),
		sent_on=site_time(decision.mail.message.date),
		own_address=settings.email_id or "",
		our_addresses=frappe.get_all("Email Account", filters={"email_id": ("is", "set")}, pluck="email_id"),
		first_sync=bool(row.first_sync or row.resync),
		junk=bool(decision.mail.junk),
		authentication=decision.verdict.verdict,
	)
	answer = answer_to(decision.mail.message, known)
	conversation = conversation_of(_facts(communication))
	if answer.to:
		answer = within_limits(answer.to, conversation, _answers(answer.to))
	note(
		AUTO_REPLY,
		row.name,
		state=WAITING if answer.to else DROPPED,
		reason=None if answer.to else in_words(answer),
		email_account=row.email_account,
		incoming_email=row.name,
		communication=communication,
		correspondent=answer.to.lower(),
		conversation=conversation,
	)


def in_words(answer: Answer) -> str:
	"""Why there is no answer, for the administrator."""
	return because(REASONS[answer.reason], detail=answer.detail)


def _facts(communication: str) -> frappe._dict:
	fields = ["name", "reference_doctype", "reference_name", "in_reply_to"]
	return frappe.db.get_value("Communication", communication, fields, as_dict=True)


def _answers(to: str) -> list[tuple[str, str]]:
	"""The answers that a correspondent got within SPAN, or is about to get."""
	recent = {"kind": AUTO_REPLY, "state": ("in", [WAITING, DONE])}
	recent["creation"] = (">", add_to_date(now_datetime(), seconds=-int(SPAN.total_seconds())))
	base = base_address(to)
	# of what LIKE has a meaning for, any character will do: who is meant is looked at again
	local, _at, domain = base.translate(str.maketrans("\\%", "__")).rpartition("@")
	same = [["correspondent", "=", base], ["correspondent", "like", f"{local}+%@{domain}"]]
	return [
		(one.correspondent, one.conversation)
		for one in frappe.get_all(REACTION, filters=recent, or_filters=same, fields=["correspondent", "conversation"])
	]


def send(row: frappe._dict) -> str:
	"""Queue the answer; within the caller's transaction. Returns what the administrator should know."""
	account = frappe.get_doc("Email Account", row.email_account) if frappe.db.exists("Email Account", row.email_account) else None
	if not account or not cint(account.enable_auto_reply):
		raise Drop(N_("Automatic answers were switched off."))
	if now_datetime() - get_datetime(row.creation) > OLDEST:
		raise Drop(REASONS["old"])
	communication = communication_of(row)
	html, remark = _text(account, communication)
	frappe.flags[FLAG] = True
	try:
		queue_mail(
			row,
			[row.correspondent],
			sender=account.email_id,
			subject=_answering(communication.subject or ""),
			message=html,
			reference_doctype=communication.reference_doctype,
			reference_name=communication.reference_name,
			in_reply_to=communication.message_id or None,
		)
	finally:
		frappe.flags[FLAG] = False
	return remark


def _answering(subject: str) -> str:
	return subject if subject[:3].lower() == "re:" else f"Re: {subject}"


def _text(account: frappe._dict, communication: frappe._dict) -> tuple[str, str]:
	"""The answer's HTML; where the account's own text cannot be rendered, the usual one, with what is wrong."""
	usual = f"<p>{escape(_('Thank you for your message. We have received it and will answer as soon as we can.'))}</p>"
	template = (account.auto_reply_message or "").strip()
	if not frappe.utils.strip_html(template).strip():
		return usual, ""
	if "<" not in template:
		template = f"<p>{template}</p>"  # hosts take a line that ends in .html for the path of a file
	try:
		return frappe.render_template(template, context(communication)), ""
	except Exception as error:
		if isinstance(error, job_timeouts()):
			raise
		words = because(
			N_("The automatic answer of {0} cannot be rendered, so the usual text was sent: {1}"), account.name, error
		)
		frappe.clear_messages()
		frappe.log_error(title=_("Automatic answer of {0}").format(account.name)[:140], message=words)
		return usual, words


def context(communication: frappe._dict) -> dict[str, object]:
	"""What a template sees: the Communication's fields, by their names and under ``doc``.

	What a stranger wrote is text in it, never markup; the body is sanitised HTML.
	"""
	values = {
		key: escape(value) if isinstance(value, str) and key != "content" else value
		for key, value in communication.as_dict().items()
	}
	return {**values, "doc": frappe._dict(values)}
