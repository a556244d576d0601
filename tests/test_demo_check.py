"""The demo's verdict is only worth something if it can be bad: each thing it looks at, changed, is found out."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from email import message_from_bytes

import pytest

from demo.check import problems
from demo.expectations import ALONE, DUPLICATE, EXPECTED, NEW, Expected, Found
from demo.messages import MESSAGES
from demo.table import lines, widths

BY_KEY = {expected.key: expected for expected in reversed(EXPECTED)}


def document_of(expected: Expected) -> tuple[str | None, str | None]:
	if expected.outcome == ALONE:
		return None, None
	root = expected.like if expected.like else expected.key
	return BY_KEY[root].doctype, f"DOC-{root}"


def as_expected(expected: Expected) -> Found:
	"""What the site would hold if all were well."""
	doctype, name = document_of(expected)
	duplicate = expected.outcome == DUPLICATE
	row = {
		"state": "Duplicate" if duplicate else "Processed",
		"folder": expected.folder,
		"rule": expected.rule,
		"possible_duplicate": int(expected.possible_duplicate),
		"reference_doctype": doctype,
		"reference_name": name,
		"communication": f"COM-{expected.like if duplicate else expected.key}",
	}
	mail = {
		"name": row["communication"],
		"subject": expected.subject,
		"sender": expected.sender,
		"sender_full_name": expected.sender_name,
		"sent_or_received": "Received",
		"reference_doctype": doctype,
		"reference_name": name,
		"in_reply_to": f"COM-{expected.answers}" if expected.answers else None,
		"text_content": " ".join(expected.text),
		"content": " ".join([*expected.text, *expected.shown]),
	}
	return Found(
		row,
		expected.account,
		communication=mail,
		files={name: content or b"something" for name, content in expected.files},
		document=dict(expected.document),
		other_account=expected.also_in,
		raw_is_whole=True,
	)


FIRSTS = {key: as_expected(expected) for key, expected in BY_KEY.items()}


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda e: f"{e.key}-{e.account.partition('@')[0]}")
def test_all_is_well_when_all_is_well(expected: Expected) -> None:
	assert problems(expected, as_expected(expected), FIRSTS) == []


def change(where: str, name: str, value: object) -> Callable[[Found], None]:
	def apply(found: Found) -> None:
		getattr(found, where)[name] = value

	return apply


def lose_raw(found: Found) -> None:
	found.raw_is_whole = False


def lose_files(found: Found) -> None:
	found.files.clear()


def spoil_files(found: Found) -> None:
	found.files = {name: content + b"." for name, content in found.files.items()}


def forget_other(found: Found) -> None:
	found.other_account = ""


CHANGES = {
	"failed": (change("row", "state", "Failed"), lambda e: True),
	"folder": (change("row", "folder", "Sent"), lambda e: True),
	"rule": (change("row", "rule", "subject"), lambda e: True),
	"raw": (lose_raw, lambda e: True),
	"not alone": (change("row", "reference_name", "DOC-other"), lambda e: e.outcome == ALONE),
	"wrong type": (change("row", "reference_doctype", "Issue"), lambda e: e.outcome == NEW),
	"wrong thread": (change("row", "reference_name", "DOC-other"), lambda e: bool(e.like) and e.outcome != DUPLICATE),
	"second Communication": (change("row", "communication", "COM-2"), lambda e: e.outcome == DUPLICATE),
	"subject": (change("communication", "subject", "=?UTF-8?B?RGVt?="), lambda e: e.outcome != DUPLICATE),
	"sender": (change("communication", "sender", "x@y.test"), lambda e: e.outcome != DUPLICATE),
	"sender's name": (change("communication", "sender_full_name", "ZoÃ©"), lambda e: e.outcome != DUPLICATE),
	"text": (change("communication", "text_content", "Ã©tÃ©"), lambda e: bool(e.text)),
	"body": (change("communication", "content", "<p></p>"), lambda e: bool(e.text)),
	"parent": (change("communication", "in_reply_to", None), lambda e: bool(e.answers)),
	"script": (change("communication", "content", "<script>document.location"), lambda e: bool(e.hidden)),
	"files lost": (lose_files, lambda e: bool(e.files)),
	"files spoilt": (spoil_files, lambda e: any(content for _name, content in e.files)),
	"document's title": (change("document", "title", "?"), lambda e: "title" in e.document),
	"document's party": (change("document", "party_name", "?"), lambda e: "party_name" in e.document),
	"other account": (forget_other, lambda e: bool(e.also_in)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_found(name: str) -> None:
	apply, concerns = CHANGES[name]
	concerned = [expected for expected in EXPECTED if concerns(expected)]
	assert concerned
	for expected in concerned:
		found = deepcopy(as_expected(expected))
		apply(found)
		assert problems(expected, found, FIRSTS), expected.key


def test_a_message_that_is_nowhere_is_found() -> None:
	assert problems(EXPECTED[0], None, FIRSTS) == ["it is not in the journal"]


def test_two_first_mails_on_one_document_are_found() -> None:
	found = as_expected(BY_KEY["newsletter"])
	found.row["reference_name"] = found.communication["reference_name"] = "DOC-quote-request"
	assert problems(BY_KEY["newsletter"], found, FIRSTS)


def test_every_message_is_expected_once_for_each_of_its_accounts() -> None:
	sent = sorted((sent.key, recipient) for sent in MESSAGES for recipient in sent.recipients)
	assert sorted((expected.key, expected.account) for expected in EXPECTED) == sent


def test_the_messages_have_the_faults_they_are_there_for() -> None:
	raw = {sent.key: sent.raw() for sent in MESSAGES}
	assert raw["quote-request"].count(b"=?UTF-8?B?") >= 3
	assert message_from_bytes(raw["web-form"])["Message-ID"] is None
	assert message_from_bytes(raw["broken"]).defects
	assert raw["sent-twice"] == raw["quote-request"]
	assert len(raw["photos"]) > 4_000_000
	assert "In-Reply-To" not in message_from_bytes(raw["references"])


def test_the_table_keeps_to_its_width() -> None:
	room = widths(100)
	assert sum(room) + 2 * (len(room) - 1) <= 100
	cells = (" 1 ✔", "une très longue phrase " * 8, "support", "Opportunity OPP-2026-00001", "because " * 30)
	assert all(len(line) <= 100 for line in lines(cells, room))
