"""From what the site holds to the table a person reads, and to the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from demo import table
from demo.check import problems
from demo.expectations import ALONE, DUPLICATE, EXPECTED, NEW, Expected, Found
from demo.found import match, read_journal
from demo.messages import MESSAGES


def judge(journal: list[Found]) -> tuple[list[tuple[Expected, Found | None, list[str]]], list[Found]]:
	"""Each expectation with what was found of it and what is wrong with that; then what nobody expected."""
	matched, others = match(EXPECTED, journal)
	firsts: dict[str, Found] = {}
	for expected, found in zip(EXPECTED, matched, strict=True):
		if found:
			firsts.setdefault(expected.key, found)
	judged = [(expected, found, problems(expected, found, firsts)) for expected, found in zip(EXPECTED, matched, strict=True)]
	return judged, others


def print_report() -> int:
	"""Print the table of the connected site; returns how many lines are wrong."""
	judged, others = judge(read_journal())
	says = {sent.key: sent.says for sent in MESSAGES}
	rows: list[tuple[Sequence[str], Sequence[str]]] = []
	for number, (expected, found, wrong) in enumerate(judged, 1):
		message = f"{table.shortened(expected.subject, table.message_width())}\n({says[expected.key]})"
		why = _why(found) if found else ""
		cells = (f"{number:>2} {'✘' if wrong else '✔'}", message, _mailbox(expected.account), _became(expected, found), why)
		rows.append((cells, wrong))
	for found in others:
		where = f"{found.row['reference_doctype']} {found.row['reference_name']}" if found.row["reference_name"] else ""
		cells = ("   ·", str(found.row["subject"]), _mailbox(found.account), where or str(found.row["state"]), _why(found))
		rows.append((cells, ()))
	table.show(rows)
	return sum(1 for _expected, _found, wrong in judged if wrong)


def _mailbox(address: str) -> str:
	return address.partition("@")[0]


def _became(expected: Expected, found: Found | None) -> str:
	if found is None:
		return "nothing"
	document = f"{found.row['reference_doctype']}\n{found.row['reference_name']}"
	kept = f", {len(found.files)} file{'s' if len(found.files) > 1 else ''}" if found.files else ""
	if found.row["state"] not in ("Processed", "Duplicate"):
		return str(found.row["state"])
	if expected.outcome == DUPLICATE:
		return "nothing new"
	if expected.outcome == ALONE or not found.row["reference_name"]:
		return "Communication" + kept
	return ("new " if expected.outcome == NEW else "on ") + document + kept


def _why(found: Found) -> str:
	"""The rule that decided, in the app's words, and what else is to be said of the message."""
	from dokos_mail.inbound.words import FINDINGS, RULES

	rule = str(found.row["rule"] or "")
	if not rule:
		return str(found.row["reason"] or "")
	before = [step["finding"] for step in found.trace if step["finding"] in ("no_document", "deleted")]
	why = RULES.get(rule, rule)
	if before:
		why = f"{FINDINGS[before[0]].capitalize()}."
	if found.other_account:
		why += f" {_mailbox(found.other_account).capitalize()} received it too, as a record of its own."
	if found.row["possible_duplicate"]:
		why += " Marked as a possible duplicate: an earlier mail has its Message-ID, with other content."
	return why
