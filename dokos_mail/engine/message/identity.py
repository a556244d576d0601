"""What makes two raw messages the same message: a digest that delivery does not change.

Counted: the fields the author wrote (``COUNTED``), unfolded, in the order of that list; and the body, line ends as LF,
without empty lines at its end. Not counted, because a way through servers adds or changes them: Received, Return-Path,
Delivered-To, X-Original-To, Authentication-Results, DKIM and ARC fields, List-*, Status, every X-* field, Bcc (only the
sender's copy has it), and all others. A message fetched over IMAP and POP3, from two folders, or delivered to two
accounts has one digest; one whose subject or body a list or a scanner changed has another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from .fields import Fields, read_fields
from .source import MemorySource, Source, first_offset, open_source, pieces

COUNTED = (
	b"message-id",
	b"date",
	b"from",
	b"sender",
	b"reply-to",
	b"to",
	b"cc",
	b"subject",
	b"in-reply-to",
	b"references",
	b"mime-version",
	b"content-type",
	b"content-transfer-encoding",
)


def content_hash(raw: bytes | Path) -> str:
	"""SHA-256 in hex of what the author wrote. A file is read in pieces. Never raises because of the content."""
	if not isinstance(raw, Path):
		return _digest(MemorySource(raw))
	source, file = open_source(raw)
	with file:
		return _digest(source)


def _digest(source: Source) -> str:
	fields = read_fields(source, first_offset(source), top=True) if source.size else Fields()
	digest = hashlib.sha256()
	for name in COUNTED:
		for key, value in fields.items:
			if key.lower() == name:
				digest.update(name + b":" + b" ".join(value.split()) + b"\n")
	digest.update(b"\n")
	_body(source, fields.end, digest.update)
	return digest.hexdigest()


def _body(source: Source, start: int, update: Callable[[bytes], None]) -> None:
	"""Feed the body with LF line ends. Line ends at the very end wait for text after them, and are left out if none comes."""
	carry = b""  # a CR at the end of a piece: its LF may follow
	waiting = 0
	for piece in pieces(source.original, start, source.size):
		piece = carry + piece
		carry = b"\r" if piece.endswith(b"\r") else b""
		if carry:
			piece = piece[:-1]
		piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
		stripped = piece.rstrip(b"\n")
		if stripped:
			if waiting:
				_line_ends(waiting, update)
			update(stripped)
			waiting = 0
		waiting += len(piece) - len(stripped)


def _line_ends(count: int, update: Callable[[bytes], None]) -> None:
	while count > 0:
		update(b"\n" * min(count, 65536))
		count -= 65536
