"""What a message says beyond its JSON line: protection, trailing facts, and forms of the raw text."""

from __future__ import annotations

from pathlib import Path

import pytest

from dokos_mail.engine.message.parse import parse

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize(
	("name", "expected"),
	[
		("plain", ""),
		("smime_signed", "S/MIME signed"),
		("smime_opaque", "S/MIME signed"),
		("pgp_signed", "PGP signed"),
		("pgp_encrypted", "PGP encrypted"),
	],
)
def test_protection(name: str, expected: str) -> None:
	assert parse(CORPUS / f"{name}.eml").protection == expected


def test_pgp_in_the_text() -> None:
	assert parse(b"\n-----BEGIN PGP MESSAGE-----\nx\n-----END PGP MESSAGE-----\n").protection == "PGP encrypted"
	assert parse(b"\n-----BEGIN PGP SIGNED MESSAGE-----\nx\n").protection == "PGP signed"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_message_saved_as_utf_16(encoding: str) -> None:
	message = parse("From: René <r@x.example>\r\nSubject: Été\r\n\r\ncorps\r\n".encode(encoding))
	assert (message.subject, message.from_[0].name, message.text) == ("Été", "René", "corps\n")
	assert message.defects[0] == "the message is in UTF-16"


@pytest.mark.parametrize(
	"raw",
	[
		b"Content-Type: text/calendar; charset=utf-8; method=REQUEST\n\nBEGIN:VCALENDAR\n",
		b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\n--b--\n",
		b"Content-Type: multipart/alternative; boundary=b\n\n--b\n\nx\n--b\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\n--b--\n",
	],
	ids=["alone", "beside a text", "in place of it"],
)
def test_an_invitation_is_a_file(raw: bytes) -> None:
	message = parse(raw)
	assert [(file.name, file.type) for file in message.attachments] == [("invite.ics", "text/calendar")]
	assert message.html is None


def test_a_boundary_at_two_levels_ends_the_inner_one_first() -> None:
	"""What follows the inner multipart is beside it: a text of its own, not another form of the same."""
	text = b"--b\n\n%s\n"
	inner = b"--b\nContent-Type: multipart/alternative; boundary=b\n\n" + text % b"un" + b"--b--\n"
	message = parse(b"Content-Type: multipart/mixed; boundary=b\n\n" + inner + text % b"deux" + b"--b--\n")
	assert (message.text, message.attachments) == ("un\ndeux", [])


def test_every_header_is_kept_in_order() -> None:
	message = parse(b"Received: one\nReceived: two\n by x\nX-Odd: =?utf-8?q?=C3=A9?=\nreceived: three\n\nx")
	assert message.headers == [("Received", "one"), ("Received", "two by x"), ("X-Odd", "é"), ("received", "three")]
	assert message.header_all("RECEIVED") == ["one", "two by x", "three"]


def test_an_encoded_word_is_no_address() -> None:
	message = parse(b"From: <=?utf-8?q?boss=40masociete.example?=>\n\nx")
	assert message.from_[0].address == "=?utf-8?q?boss=40masociete.example?="


def test_text_after_the_last_part_is_said() -> None:
	message = parse(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\nscanned by y\n")
	assert "text after the last part: it is in the original only" in message.defects


def test_an_unreadable_file_is_the_callers_matter(tmp_path: Path) -> None:
	with pytest.raises(OSError):
		parse(tmp_path / "missing.eml")


def test_should_the_reader_fail_the_message_is_kept_whole(monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr("dokos_mail.engine.message.parse.read_structure", lambda *_: 1 / 0)
	message = parse(b"From: a@b\n\nx")
	assert message.attachments[0].content == b"From: a@b\n\nx"
	assert "could not be read: ZeroDivisionError" in message.defects[0]
