"""Where a message would go, in words, without storing anything (row C6)."""

from __future__ import annotations

from dataclasses import dataclass, field

import frappe
from frappe import _

from dokos_mail.engine.message.authentication import VERDICTS
from dokos_mail.engine.message.identity import content_hash
from dokos_mail.engine.message.parse import parse
from dokos_mail.inbound import reported
from dokos_mail.inbound.decide import Decision, decide
from dokos_mail.inbound.journal import site_time
from dokos_mail.inbound.known import find_copies
from dokos_mail.inbound.rules import Rules
from dokos_mail.inbound.words import in_words


@dataclass(frozen=True)
class Explanation:
	"""``rule`` and ``trace`` as a journal row keeps them, the document if there is one, and ``lines`` for a reader."""

	rule: str
	trace: list[dict[str, str]]
	reference_doctype: str | None = None
	reference_name: str | None = None
	lines: list[str] = field(default_factory=list)


def explain(raw: bytes, account: str, folder: str | None = None, row: str | None = None) -> Explanation:
	"""What would become of a message that came now to an account. Rolls back the caller's transaction.

	``row`` is the journal row of the message where it has one: it is then no copy of itself. Installed apps are asked
	as always, and told that it is a trial.
	"""
	rules = Rules(account)
	folder = folder or rules.settings.folders()[0][0]
	message = parse(raw)
	try:
		decision = decide(message, folder, rules, row=row, trial=True)
		journal = frappe._dict(name=row or "", email_account=account)
		about = reported.find_original(message.report) if reported.is_of_machines(message) else None
		copies = find_copies(journal, message.message_id, content_hash(raw), site_time(message.date))
	finally:
		frappe.db.rollback()
	lines = [_("From: {0}").format(decision.mail.sender or "–"), _("Subject: {0}").format(message.subject or "–")]
	lines.append(_(VERDICTS[decision.verdict.verdict]) + (f" ({decision.verdict.reason})" if decision.verdict.reason else ""))
	if copies.same or copies.legacy:
		lines.append(_("This account has received it already: it would not be stored again."))
	elif copies.clash:
		lines.append(_("This account has another message of this Message-ID: it would be marked as a possible duplicate."))
	if about:
		reports_on = about.reference_doctype, about.reference_name
		return Explanation("reported", [], *reports_on, [*lines, *in_words("reported", (), _).splitlines()])
	lines.append(_destination(decision))
	placement = decision.placement
	lines += in_words(placement.rule, placement.trace_as_data(), _).splitlines()
	lines += decision.remarks
	reference = placement.reference
	return Explanation(
		placement.rule,
		placement.trace_as_data(),
		reference.doctype if reference else placement.create,
		reference.name if reference else None,
		lines,
	)


def _destination(decision: Decision) -> str:
	placement = decision.placement
	if placement.refused is not None:
		return _("It would become nothing: {0}").format(placement.refused)
	if placement.reference:
		return _("It would go to {0} {1}.").format(_(placement.reference.doctype), placement.reference.name)
	if placement.create:
		return _("It would make a new document: {0}.").format(_(placement.create))
	return _("It would be a Communication on no document.")
