"""The digest that tells one message from another, whatever way it came."""

from __future__ import annotations

from pathlib import Path

import pytest

from dokos_mail.engine.message.identity import content_hash

RAW = b"From: a@x\nTo: b@y\nSubject: Bonjour\nDate: Tue, 14 May 2024 09:30:00 +0200\nMessage-ID: <m@x>\n\nLine one\nLine two\n"


@pytest.mark.parametrize(
	"other",
	[
		RAW.replace(b"\n", b"\r\n"),
		RAW.replace(b"\n", b"\r"),
		b"Received: from x by y; Tue\n" + RAW,
		b"Return-Path: <a@x>\nDelivered-To: b@y\nX-Spam-Status: No\nAuthentication-Results: y; spf=pass\n" + RAW,
		RAW.replace(b"\n\n", b"\nStatus: RO\nX-UID: 12\nX-Mozilla-Keys: \n\n"),
		RAW + b"\n\n",
		RAW[:-1],
		RAW.replace(b"Subject: Bonjour", b"subject:   Bonjour "),
		RAW.replace(b"09:30:00 +0200", b"09:30:00\n +0200"),
		RAW.replace(b"To: b@y\n", b"").replace(b"Subject", b"To: b@y\nSubject"),
		b"From jean Tue May 14 09:30:00 2024\n" + RAW,
		RAW.replace(b"To: b@y\n", b"To: b@y\nBcc: c@z\n"),
	],
	ids=range(12),
)
def test_delivery_changes_nothing(other: bytes) -> None:
	assert content_hash(other) == content_hash(RAW)


@pytest.mark.parametrize(
	"other",
	[
		RAW.replace(b"Bonjour", b"[liste] Bonjour"),
		RAW.replace(b"Line two", b"Line 2"),
		RAW.replace(b"Line one\n", b"Line one\n\n"),
		RAW.replace(b"<m@x>", b"<n@x>"),
		RAW.replace(b"To: b@y", b"To: c@y"),
		RAW.replace(b"\n\n", b"\nContent-Type: text/html\n\n"),
		RAW.replace(b"a@x\n", b"a@y\n"),
		b"",
	],
	ids=range(8),
)
def test_other_content_is_another_message(other: bytes) -> None:
	assert content_hash(other) != content_hash(RAW)


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_a_file_in_pieces_as_in_memory(tmp_path: Path, ends: bytes) -> None:
	raw = RAW.replace(b"\n", ends) + (b"x" * 77 + ends) * 20_000 + ends * 300_000 + b"end" + ends * 3
	path = tmp_path / "message.eml"
	path.write_bytes(raw)
	assert content_hash(path) == content_hash(raw) == content_hash(raw.replace(b"\r\n", b"\n"))


def test_empty() -> None:
	assert len(content_hash(b"")) == 64
