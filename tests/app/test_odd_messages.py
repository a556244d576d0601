"""Messages as they are in the world, through a real server into documents: none fails, and each original comes back whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import frappe
import pytest

from dokos_mail.inbound.account import raw_store
from tests.app.test_pull import journal, pull
from tests.engine.message.conftest import load_other_peoples_messages
from tests.fuzz.mutations import mutations
from tests.mailbox import Mailbox

CORPUS = Path(__file__).resolve().parents[1] / "engine" / "message" / "corpus"
#: Every so many of other people's messages, and so many changed ones.
STEP, CHANGED = 10, 40


def sample() -> list[bytes]:
	"""Ours, some of other people's, and changed ones of both."""
	ours = [path.read_bytes() for path in sorted(CORPUS.glob("*.eml"))]
	theirs = [raw for _name, raw in sorted(load_other_peoples_messages().items())][::STEP]
	# An octet that no server takes (RFC 3501 section 4.3) never comes from one.
	return [raw for raw in (*ours, *theirs, *mutations(ours + theirs, CHANGED, seed=31)) if raw.strip() and b"\0" not in raw]


@pytest.mark.timeout(600)
def test_every_original_comes_back_byte_for_byte(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(append_to="Opportunity", create_contact=1)
	messages = sample()
	assert len(messages) > 100
	mailbox.put(*messages)
	pull(mailbox)
	rows = journal(mailbox)
	assert len(rows) == len(messages)
	assert [(row.uid, row.state, row.reason) for row in rows if row.state not in ("Processed", "Duplicate")] == []
	for row in rows:
		kept = raw_store().read(row.raw_path)
		assert kept == mailbox.server.raw(mailbox.user, int(row.uid)), row.uid
		assert len(kept) == row.size
		assert row.communication and json.loads(row.trace or "[]") is not None
	assert frappe.db.count("Communication", {"name": ("in", [row.communication for row in rows])}) > 100


LONG = 100_000


@pytest.mark.parametrize(
	"field",
	[
		b"Subject: " + b"mot " * (LONG // 4),
		b"Subject: =?utf-8?q?" + b"=C3=A9" * (LONG // 6) + b"?=",
		b"Message-ID: <" + b"x" * LONG + b"@client.test>",
		b"Message-ID: <" + b"y" * 700 + b"@client.test>",
		b"In-Reply-To: <" + b"z" * LONG + b"@client.test>",
		b"From: " + b"Nom " * (LONG // 4) + b"<a@client.test>",
		b"From: " + b"a" * LONG + b"@client.test",
		b"To: " + b", ".join(b"Quelqu'un <u%d@client.test>" % number for number in range(4000)),
		b"Reply-To: " + b"b" * LONG + b"@client.test",
		b"Date: " + b"1" * LONG,
		b"X-Spam-Status: Yes, " + b"c" * LONG,
		b'Content-Type: application/pdf; name="' + b"d" * LONG + b'.pdf"',
		b"Content-ID: <" + b"e" * LONG + b">",
	],
	ids=lambda field: field[:22].decode().strip("= <"),
)
def test_a_field_of_any_length_is_no_reason_to_fail(mailbox: Mailbox, field: bytes) -> None:
	name = field.partition(b":")[0]
	head = [b"From: a@client.test", b"Subject: long", b"Message-ID: <" + frappe.generate_hash().encode() + b"@client.test>"]
	lines = [field, *(line for line in head if not line.startswith(name + b":"))]
	mailbox.put(b"\r\n".join(lines) + b"\r\n\r\ntexte\r\n")
	pull(mailbox)
	(row,) = journal(mailbox)
	assert (row.state, row.reason) == ("Processed", None)
	assert frappe.db.exists("Communication", row.communication)
	# what is there can be saved again
	frappe.get_doc("Communication", row.communication).save()


BODIES = {
	"text": (b"text/plain; charset=utf-8", "é\n".encode() * 6_000_000),
	"html": (b"text/html", b"<p>bonjour</p>\n" * 1_300_000),
	"image in the html": (b"text/html", b'<p>bonjour</p><img src="data:image/png;base64,' + b"QUJD" * 4_700_000 + b'">'),
	"accents": (b"text/html; charset=utf-8", b"<p>" + "é".encode() * 7_900_000 + b"</p>"),
	"quotes": (b"text/html", b"<p>bonjour '" + b"'" * 7_900_000 + b"</p>"),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("body", BODIES)
def test_a_body_larger_than_a_statement_of_the_database(mailbox: Mailbox, body: str) -> None:
	"""MariaDB refuses one of more than 16 MB, and closes the connection."""
	type_, text = BODIES[body]
	mailbox.put(b"From: a@client.test\r\nSubject: grand\r\nContent-Type: " + type_ + b"\r\n\r\n" + text + b"\r\n")
	pull(mailbox)
	(row,) = journal(mailbox)
	assert (row.state, row.reason) == ("Processed", None)
	mail = frappe.get_doc("Communication", row.communication)
	assert len(frappe.db.escape(mail.content).encode()) < 12_000_000
	assert len(mail.text_content) <= 1_000_000
	assert "download_original" in mail.content
	assert row.name in mail.content
	assert len(raw_store().read(row.raw_path)) == row.size
