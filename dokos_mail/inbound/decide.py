"""What is to become of a message: gathers what bears on it, and asks ``place``. Writes nothing.

Processing does what is decided here; ``mail-explain`` only says it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from dokos_mail.engine.message.authentication import FAIL, Verdict, authenticate
from dokos_mail.engine.message.condition import ConditionBroken, facts, holds
from dokos_mail.engine.message.junk import junk_reason
from dokos_mail.engine.message.model import Message
from dokos_mail.engine.message.subject import base_subject
from dokos_mail.inbound.addressed import addressed
from dokos_mail.inbound.apps import ReceivedMail, ask
from dokos_mail.inbound.known import find_alike, find_ancestors, find_unprocessed
from dokos_mail.inbound.place import BROKEN, MET, NOT_MET, Condition, Facts, Placement, World, ancestors, place
from dokos_mail.inbound.rules import Rules


@dataclass(frozen=True)
class Decision:
	"""Where a message goes, and what was found out on the way; ``remarks`` are for the administrator."""

	placement: Placement
	mail: ReceivedMail
	verdict: Verdict
	remarks: list[str] = field(default_factory=list)


def decide(message: Message, folder: str, rules: Rules, *, row: str | None = None, trial: bool = False) -> Decision:
	"""Decide about a message that was found in a folder of an account."""
	verdict = authenticate(message, rules.trusted)
	sent = rules.holds_sent(folder)
	junk = "" if sent else _junk(message, folder, rules)
	mail = ReceivedMail(rules.account, folder, message, verdict.verdict, junk, sent, trial, row)
	chosen, remarks = ask(rules.before_place, mail)
	sender = mail.sender
	named = [message_id for _rule, message_id in ancestors(message.in_reply_to, message.references)]
	known = {} if junk else find_ancestors(named, rules.account, sender, rules.absent)
	append_to = rules.append_to(folder)
	base, answers = base_subject(message.subject)
	placement = place(
		Facts(
			in_reply_to=message.in_reply_to,
			references=message.references,
			subject=base,
			answers=answers,
			robot=message.auto_submitted,
			report=message.report.kind if message.report else "",
			junk=junk,
			sent=sent,
			authentication=verdict.verdict,
			authentication_reason=verdict.reason,
		),
		World(
			known=known,
			unprocessed={} if junk else find_unprocessed([one for one in named if one not in known], row, rules.absent),
			addressed=[] if junk else addressed(message, sender, verdict.verdict == FAIL),
			chosen=chosen,
			append_to=append_to,
			alike=partial(find_alike, append_to, base, sender),
			condition=partial(_condition, message, folder, rules, verdict.verdict, remarks),
		),
	)
	return Decision(placement, mail, verdict, remarks)


def _junk(message: Message, folder: str, rules: Rules) -> str:
	if rules.holds_junk(folder):
		return folder
	if reason := junk_reason(message):
		return reason
	sender = message.from_[0].address.lower() if message.from_ else ""
	return sender if sender and sender in rules.junk_senders else ""


def _condition(message: Message, folder: str, rules: Rules, verdict: str, remarks: list[str]) -> Condition:
	"""Whether the message meets the condition. One that cannot be evaluated keeps no mail from its document."""
	expression = rules.condition(folder)
	if not expression:
		return Condition()
	try:
		met = holds(expression, facts(message, verdict, folder))
	except ConditionBroken as error:
		remarks.append(rules.condition_is_broken(expression, error))
		return Condition(BROKEN, f"{expression} ({error})")
	return Condition(MET if met else NOT_MET, expression)
