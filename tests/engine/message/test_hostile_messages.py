"""Messages made to break a reader: bounded time and memory, and nothing lost."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from dokos_mail.engine.message.fields import MAX_FIELDS
from dokos_mail.engine.message.html import text_to_html
from dokos_mail.engine.message.model import Message
from dokos_mail.engine.message.parse import parse
from dokos_mail.engine.message.reply import split_reply
from dokos_mail.engine.message.structure import MAX_PARTS

pytestmark = pytest.mark.timeout(60)

MB = 1024 * 1024
HEAD = b"From: a@b.c\nTo: d@e.f\nSubject: x\nDate: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID: <a@b>\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n"


def read(raw: bytes) -> Message:
	message = parse(raw)
	assert not any("could not be read" in defect for defect in message.defects), message.defects
	return message


def test_ten_thousand_parts() -> None:
	raw = MIXED + b"".join(b"--b\nContent-Type: application/x-n\n\npart %d\n" % n for n in range(10_000)) + b"--b--\n"
	assert [file.content for file in read(raw).attachments] == [b"part %d" % n for n in range(10_000)]


def test_more_parts_than_are_read() -> None:
	raw = MIXED + b"".join(b"--b\nContent-Type: application/x-n\n\npart %d\n" % n for n in range(MAX_PARTS + 500)) + b"--b--\n"
	message = read(raw)
	assert len(message.attachments) < MAX_PARTS
	assert b"part %d" % (MAX_PARTS + 499) in message.attachments[-1].content
	assert any("the rest is kept as one" in defect for defect in message.defects)


@pytest.mark.parametrize("levels", [1_000, 15_000])
def test_levels(levels: int) -> None:
	opened = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(levels))
	closed = b"".join(b"\n--b%d--" % n for n in reversed(range(levels)))
	message = read(HEAD + opened + b"Content-Type: text/plain\n\ndeep" + closed)
	assert message.text == "deep"


def test_levels_with_one_boundary() -> None:
	message = read(HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" * 5_000 + b"\ndeep" + b"\n--b--" * 5_000)
	assert message.text == "deep"


def test_a_header_of_a_megabyte() -> None:
	message = read(b"X-Long: " + b"a" * MB + b"\n" + HEAD + b"\nbody")
	assert (message.subject, message.text, len(message.header("x-long"))) == ("x", "body", MB)


def test_a_hundred_thousand_fields() -> None:
	message = read(b"".join(b"X-%d: y\n" % n for n in range(100_000)) + HEAD + b"\nbody")
	assert (message.subject, message.text) == ("x", "body")
	assert MAX_FIELDS <= len(message.headers) < MAX_FIELDS + 100
	assert any("header fields" in defect for defect in message.defects)


def test_many_fields_of_every_length() -> None:
	fields = b"".join(b"X-%d: %s\n y\n" % (n, b"to: x " * (n % 50)) for n in range(12_000)) + b"X-Last: " + b"z" * 200_000 + b"\n"
	message = read(fields + HEAD + b"\nbody")
	assert (message.subject, message.to[0].address, message.text) == ("x", "d@e.f", "body")
	assert len(message.to) == 1


N = 300_000
HEADER_BOMBS = {
	"words": b"=?utf-8?q?=C3=A9_x?= " * (N // 21),
	"words_unclosed": b"=?a?q?x " * (N // 8),
	"words_closed_late": b"=?a?q?x " * (N // 8) + b"?=",
	"starts": b"=?" * (N // 2),
	"question_marks": b"=?utf-8?q?" + b"?=41" * (N // 4),
	"parentheses": b"(" * N,
	"quotes": b'"' * N,
	"one_quote": b'"' + b"\\" * N,
	"angles": b"<" * N,
	"colons": b"a:" * (N // 2),
	"groups": b"a:b;" * (N // 4),
	"ats": b"a @ " * (N // 4),
	"names": b"a," * (N // 2),
	"addresses": b"a@b.c," * (N // 6),
	"comments": b"(a)" * (N // 3),
	"spaces": b"a" + b" " * N + b"b",
	"semicolons": b";" * N,
	"equals": b"a=b; " * (N // 5),
	"quoted_parameters": b'text/plain; a="' + b'" ' * (N // 2),
}


@pytest.mark.parametrize(
	"name",
	["To", "Subject", "References", "Date", "Content-Type", "Content-Disposition", "Message-ID", "Content-Transfer-Encoding"],
)
@pytest.mark.parametrize("bomb", HEADER_BOMBS)
def test_header_bombs(name: str, bomb: str) -> None:
	message = read(f"{name}: ".encode() + HEADER_BOMBS[bomb] + b"\n" + HEAD + b"\nbody")
	assert message.header("from") == "a@b.c"


BODY_BOMBS = {
	"one_line": b"\n" + b"x" * (50 * MB),
	"base64_line": b"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n" + b"QUJD" * (6 * MB),
	"base64_padding": b"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n" + b"Q=" * MB,
	"quoted_spaces": b"Content-Transfer-Encoding: quoted-printable\n\n" + b"= " * (4 * MB),
	"dashes": b"Content-Type: multipart/mixed; boundary=zz\n\n" + b"--\n" * MB,
	"delimiters": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * MB,
	"empty_parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * MB,
	"parts_without_blank_line": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: text/plain\n" * 100_000,
	"no_boundary": b"Content-Type: multipart/mixed\n\n" + b"--abc\nContent-Type: text/plain\n\nx\n" * 100_000,
	"strays": b"junk line here\nX-A: b\n" * 100_000 + b"\nb",
	"continuations": b"X-A: a\n" + b" \n" * (2 * MB) + b"\nb",
	"flowed": b"Content-Type: text/plain; format=flowed\n\n" + b"a \n" * (2 * MB),
	"not_utf_8": b"Content-Type: text/plain; charset=utf-8\n\n" + b"\xe9\xe8" * (4 * MB),
	"utf_7": b"Content-Type: text/plain; charset=utf-7\n\n" + b"+AOk-" * MB,
	"nuls": b"\n" + b"\0" * (8 * MB),
	"uuencode": b"Content-Transfer-Encoding: uuencode\n\nbegin 644 x\n" + b"zzz\n" * 500_000,
	"html": b"Content-Type: text/html\n\n" + b"<div>" * MB,
	"content_ids": b"Content-Type: text/html\n\n" + b"cid:a " * MB,
}


@pytest.mark.parametrize("bomb", BODY_BOMBS)
def test_body_bombs(bomb: str) -> None:
	raw = HEAD + BODY_BOMBS[bomb]
	message = parse(raw, full_up_to=100 * MB)
	assert not any("could not be read" in defect for defect in message.defects), message.defects
	assert message.subject == "x"


@pytest.mark.parametrize("octet", [b"\0", b"\xff", b"\r", b"\n", b"\r\n", b":", b" ", b"-", b"From ", b"a\n", b"\x1b"])
def test_one_octet_over_and_over(octet: bytes) -> None:
	read(octet * MB)


@pytest.mark.parametrize("kind", ["base64", "text", "utf8"])
def test_memory_in_full(kind: str) -> None:
	"""Of the message's own size: the message, what is decoded of it, and not much more."""
	body = {
		"base64": b"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n" + (b"QUJD" * 19 + b"\n") * 130_000,
		"text": b"\n" + b"some plain text of a mail, line by line\n" * 250_000,
		"utf8": b"Content-Type: text/plain; charset=utf-8\n\n" + "texte accentué, été\n".encode() * 450_000,
	}[kind]
	raw = HEAD + body
	parse(HEAD + b"\nx")
	tracemalloc.start()
	message = parse(raw)
	peak = tracemalloc.get_traced_memory()[1]
	tracemalloc.stop()
	assert message.text or message.attachments
	assert peak < 4.5 * len(raw)


ODD_BODIES = {
	"guessed": "お見積もりの件につきまして\n".encode("cp932") * 200_000,
	"undeclared": b"\xe9t\xe9 " * 1_250_000,
	"escapes": b"\x1b$B-!\x1b(B\n" * 600_000,
	"lines": b"\n" * 5_000_000,
	"quoted_lines": b"> > x\n" * 800_000,
	"form_feeds": b"\f" * 5_000_000,
}


@pytest.mark.parametrize("kind", ODD_BODIES)
def test_memory_of_what_is_read_and_shown(kind: str) -> None:
	"""Less than ten times the message, whatever is in it, its history set apart included."""
	raw = (
		HEAD + b"Content-Type: text/plain" + (b"; charset=iso-2022-jp" if kind == "escapes" else b"") + b"\n\n" + ODD_BODIES[kind]
	)
	parse(HEAD + b"\n\xe9t\xe9 \xe0")
	tracemalloc.start()
	message = parse(raw)
	reply, quoted = split_reply(message.text)
	text_to_html(reply)
	peak = tracemalloc.get_traced_memory()[1]
	tracemalloc.stop()
	assert len(reply) + len(quoted) == len(message.text)
	assert peak < 10 * len(raw)


def test_memory_of_structure_only(tmp_path: Path) -> None:
	path = tmp_path / "large.eml"
	line = b"QUJD" * 19 + b"\n"
	with path.open("wb") as file:
		file.write(
			MIXED + b"--b\n\nSee the file.\n--b\nContent-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\n"
		)
		for _ in range(450):
			file.write(line * 1000)
		file.write(b"--b\nContent-Type: application/pdf; name=b.pdf\n\nsmall\n--b--\n")
	tracemalloc.start()
	message = parse(path)
	peak = tracemalloc.get_traced_memory()[1]
	tracemalloc.stop()
	assert path.stat().st_size > 30 * MB
	assert message.structure_only and message.text is None
	assert [(file.name, file.size, file.content) for file in message.attachments] == [
		("a.zip", 450 * 1000 * 57, None),
		("b.pdf", 5, None),
	]
	assert peak < 4 * MB


def test_structure_only_of_one_line(tmp_path: Path) -> None:
	path = tmp_path / "line.eml"
	path.write_bytes(
		HEAD + b"Content-Type: application/pdf\nContent-Transfer-Encoding: quoted-printable\n\n" + b"=41" * (10 * MB)
	)
	tracemalloc.start()
	message = parse(path, full_up_to=1000)
	peak = tracemalloc.get_traced_memory()[1]
	tracemalloc.stop()
	assert message.attachments[0].size == 10 * MB
	assert peak < 10 * MB
