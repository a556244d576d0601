"""Conditions on a message: what they may say, and what they may not reach."""

from __future__ import annotations

import pytest

from dokos_mail.engine.message.condition import MOST_CHARACTERS, ConditionBroken, check, facts, holds
from dokos_mail.engine.message.parse import parse

MAIL = parse(
	b"From: Elodie <Elodie@client.test>\r\nTo: commercial@masociete.test\r\nSubject: Demande de Devis\r\nX-Priority: 1\r\n"
	b"List-Id: <liste.test>\r\n\r\nBonjour, un devis svp\r\n"
)
VALUES = facts(MAIL, "pass", "INBOX")


@pytest.mark.parametrize(
	("expression", "met"),
	[
		('"devis" in subject | lower', True),
		('"facture" in subject | lower', False),
		('domain == "client.test"', True),
		('sender.endswith("@autre.test")', False),
		('"commercial@masociete.test" in to', True),
		("is_robot", True),
		("is_list and not attachments", True),
		('headers["x-priority"] == "1"', True),
		('headers.get("x-absent") is none', True),
		('authentication == "pass" and folder == "INBOX"', True),
		('"svp" in text', True),
		("sender_name", True),
		('headers["x-priority"] | int * 2 < 3', True),
		("text | length % 2 == 0 or true", True),
		("cc", False),
	],
)
def test_what_a_condition_may_say(expression: str, met: bool) -> None:
	assert holds(expression, VALUES) is met


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
	"expression",
	[
		'"devis" in subjet',
		'"devis" in subject and nosuch',
		"1 / 0",
		"subject.nosuch()",
		"subject >",
		"{{ subject }}",
		"",
		"(" * 1000,
		"x" * (MOST_CHARACTERS + 1),
		'"".__class__.__mro__',
		"subject.__class__",
		'to.append("x")',
		'"{0.__class__}".format(subject)',
		"2 ** 10 ** 10 > 1",
		"10 ** 20 ** 2 ** 3 > 1",
		'"a" * 10000000000 == subject',
		"[1] * 10000000000 == to",
		'"%2000000000d" % 1 == subject',
		"999999 * 999999 > 1",
	],
)
def test_a_condition_that_means_nothing_says_so(expression: str) -> None:
	with pytest.raises(ConditionBroken):
		holds(expression, VALUES)


def test_checking_a_condition_before_there_is_mail() -> None:
	check('"devis" in subject | lower and not is_robot')
	with pytest.raises(ConditionBroken):
		check('"devis" in subjet')
