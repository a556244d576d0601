"""Which messages are answered automatically, to whom, and why the others are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dokos_mail.engine.message.answering import (
	LONGEST_ADDRESS,
	MOST_ANSWERS,
	REASONS,
	Answer,
	Circumstances,
	answer_to,
	within_limits,
)
from dokos_mail.engine.message.authentication import FAIL
from dokos_mail.engine.message.parse import parse

NOW = datetime(2026, 11, 22, 12, 0)
KNOWN = Circumstances(
	now=NOW, received_on=NOW - timedelta(minutes=1), own_address="Contact@masociete.test", our_addresses=["jean@masociete.test"]
)


def decided(*fields: str, body: str = "Bonjour", known: Circumstances = KNOWN) -> Answer:
	given = {field.partition(":")[0] for field in fields}
	usual = [
		one
		for one in ("From: anna@client.test", "To: contact@masociete.test", "Subject: x")
		if one.partition(":")[0] not in given
	]
	return answer_to(parse("\n".join([*usual, *fields, "", body]).encode()), known)


@pytest.mark.parametrize(
	("fields", "to"),
	[
		([], "anna@client.test"),
		(["Return-Path: <retour@client.test>"], "retour@client.test"),
		(["Reply-To: autre@client.test"], "anna@client.test"),
		(["Sender: secretaire@client.test"], "secretaire@client.test"),
		(["To: autre@x.test", "Cc: Contact+devis@MASOCIETE.test"], "anna@client.test"),
		(["To: info@masociete.test", "X-Original-To: info@masociete.test"], "anna@client.test"),
	],
)
def test_a_person_is_answered(fields: list[str], to: str) -> None:
	assert decided(*fields) == Answer(to=to)


@pytest.mark.parametrize(
	("fields", "reason"),
	[
		(["Return-Path: <>"], "machine"),
		(["Auto-Submitted: auto-replied"], "report"),
		(["Auto-Submitted: auto-generated"], "machine"),
		(["Precedence: bulk"], "machine"),
		(["List-Id: <liste.client.test>"], "machine"),
		(["List-Unsubscribe: <https://x.test>"], "machine"),
		(["X-Auto-Response-Suppress: OOF"], "machine"),
		(["From: no-reply@client.test"], "nobody"),
		(["From: MAILER-DAEMON@client.test"], "nobody"),
		(["Return-Path: <bounces+1@client.test>"], "nobody"),
		(["From: contact@MASOCIETE.test"], "ourselves"),
		(["From: jean@masociete.test"], "ourselves"),
		(["To: autre@masociete.test"], "not_named"),
		(["To: undisclosed-recipients:;"], "not_named"),
		(["From: "], "no_return_path"),
	],
)
def test_others_are_not(fields: list[str], reason: str) -> None:
	answer = decided(*fields)
	assert (answer.to, answer.reason) == ("", reason)
	assert REASONS[reason].format(detail=answer.detail)


@pytest.mark.parametrize(
	("known", "reason"),
	[
		({"first_sync": True}, "first_sync"),
		({"junk": True}, "junk"),
		({"authentication": FAIL}, "refuted"),
		({"received_on": NOW - timedelta(days=1, minutes=1)}, "old"),
		({"sent_on": NOW - timedelta(days=2)}, "old"),
	],
)
def test_circumstances(known: dict[str, object], reason: str) -> None:
	assert decided(known=replace(KNOWN, **known)).reason == reason


def test_a_report_is_not_answered() -> None:
	raw = b"From: MAILER-DAEMON@x.test\nTo: contact@masociete.test\nSubject: Undelivered Mail Returned to Sender\nX-Failed-Recipients: a@b.test\n\na@b.test\n"
	assert answer_to(parse(raw), KNOWN).reason == "report"


def test_once_in_a_conversation_and_three_a_day() -> None:
	answers: list[tuple[str, str]] = []
	for subject in range(10):
		if within_limits("Anna@client.test", f"c{subject}", answers).to:
			answers.append(("anna@client.test", f"c{subject}"))
	assert len(answers) == MOST_ANSWERS
	assert within_limits("anna@client.test", "c0", answers[:1]).reason == "answered"
	assert within_limits("Anna+devis@client.test", "c9", answers * 3).reason == "enough"
	assert within_limits("autre@client.test", "c0", answers).to == "autre@client.test"


def test_an_address_that_would_be_cut_is_not_answered() -> None:
	"""A host keeps the first 140 characters, which may be somebody else's address."""
	longest = f"{'a' * 40}@{'b' * 60}.{'c' * 33}.test"
	assert len(longest) == LONGEST_ADDRESS
	assert decided(f"Return-Path: <{longest}>").to == longest
	assert decided(f"Return-Path: <{longest}x>") == Answer(reason="no_return_path")
