"""Content-Transfer-Encoding (RFC 2045 section 6) undone, tolerantly: what can be decoded is, the rest is said.

:func:`decoded` gives a body whole; :func:`measured` gives only its size and digest, reading it in pieces.
"""

from __future__ import annotations

import binascii
import hashlib
import io
import re
from collections.abc import Iterable, Iterator

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_ALPHABET))
_RUBBISH = bytes(set(_NOT_BASE64) - set(b" \t\r\n"))
#: Encodings that encode nothing.
IDENTITY = frozenset(("", "7bit", "8bit", "binary", "7-bit", "8-bit", "7bits", "8bits", "none", "7", "8"))
_UU = frozenset(("x-uuencode", "uuencode", "x-uue", "uue", "x-uu"))
_UU_BEGIN = re.compile(rb"^begin ", re.M)
_LOOSE_SOFT_BREAK = re.compile(rb"=[ \t]+(?=\r?\n)")
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]{4,}={0,2}")


class Base64:
	"""Decodes base64 fed in pieces. Octets outside of the alphabet are skipped, each padded run is decoded by itself."""

	def __init__(self) -> None:
		self._left = b""
		self.rubbish = 0
		self.short = False

	def feed(self, piece: bytes) -> bytes:
		"""What the octets so far give."""
		if rubbish := len(piece) - len(piece.translate(None, _RUBBISH)):
			self.rubbish += rubbish
		clean = self._left + piece.translate(None, _NOT_BASE64)
		if b"=" not in clean:
			whole = len(clean) - len(clean) % 4
			self._left = clean[whole:]
			return binascii.a2b_base64(clean[:whole])
		runs = clean.split(b"=")
		self._left = b""
		out = [self._run(run) for run in runs[:-1]]
		out.append(self.feed(runs[-1]))
		return b"".join(out)

	def end(self) -> bytes:
		"""The octets of a last run without padding."""
		left, self._left = self._left, b""
		return self._run(left)

	def _run(self, run: bytes) -> bytes:
		if len(run) % 4 == 1:
			self.short = True  # six bits are no octet
			run = run[:-1]
		return binascii.a2b_base64(run + b"=" * (-len(run) % 4))


def decoded(body: bytes, encoding: str, defects: list[str], *, text: bool = False) -> bytes:
	"""The octets that ``body`` stands for. ``text`` is True for text parts, whose base64 may have plain text around it."""
	if encoding in IDENTITY:
		return body
	if encoding == "quoted-printable":
		return binascii.a2b_qp(_LOOSE_SOFT_BREAK.sub(b"=", body) if b"= " in body or b"=\t" in body else body)
	if encoding == "base64":
		return _from_base64(body, defects, text)
	if encoding in _UU:
		return _from_uu(body, defects)
	defects.append(f"unknown Content-Transfer-Encoding {encoding!r}: kept as it is")
	return body


def _from_base64(body: bytes, defects: list[str], text: bool) -> bytes:
	tail = b""
	if text:
		if not _looks_base64(body):
			if body.strip():
				defects.append("labelled base64 and is not: kept as it is")
			return body
		body, tail = _without_tail(body)
		if tail:
			defects.append("plain text after base64")
	decoder = Base64()
	if 0 <= body.find(b"=") < len(body.rstrip()) - 2:
		# Padding in the middle: many runs perhaps, and each is an object.
		out = b"".join(decoder.feed(body[at : at + 262144]) for at in range(0, len(body), 262144))
	else:
		out = decoder.feed(body)
	if left := decoder.end():
		out += left
	if decoder.rubbish:
		defects.append(f"base64 with {decoder.rubbish} octets that are none of it")
	if decoder.short:
		defects.append("base64 is cut off")
	return out + tail


def _looks_base64(body: bytes) -> bool:
	"""Whether the first line that says anything is made of the alphabet, or as good as, where no prose is so long a word."""
	first = body.lstrip()[:2000].split(b"\n", 1)[0].strip()
	return not first.translate(None, _ALPHABET) or (len(first) > 200 and _is_damaged(first))


def _without_tail(body: bytes) -> tuple[bytes, bytes]:
	"""Base64, and the plain text that a list server or a scanner put after it."""
	end = len(body.rstrip())
	if not body[:end].translate(None, bytes(set(range(256)) - set(_RUBBISH))):
		return body, b""
	at = 0
	while at < end:
		stop = body.find(b"\n", at)
		stop = end if stop < 0 else stop
		line = body[at:stop].strip()
		if line and line.translate(None, _ALPHABET):
			if not _is_damaged(line):
				return body[:at], b"\n" + body[at:]
		at = stop + 1
	return body, b""


#: What a server leaves where it breaks a line of more than 998 octets ("!"), and what bad lines leave; no sign of prose.
_DAMAGE = b"!#$%&*?^~\0\x7f"


def _is_damaged(line: bytes) -> bool:
	"""Whether a line that is not of the alphabet alone is base64 all the same, with a few octets in it that are not."""
	strays = line.translate(None, _ALPHABET)
	return len(strays) * 2 <= len(line) and not strays.translate(None, _DAMAGE)


def _from_uu(body: bytes, defects: list[str]) -> bytes:
	out = b"".join(_uu(io.BytesIO(body), defects))
	if not out and body.strip() and not _UU_BEGIN.search(body):
		defects.append("labelled uuencode and is not: kept as it is")
		return body
	return out


def _uu(lines: Iterable[bytes], defects: list[str]) -> Iterator[bytes]:
	"""What stands between ``begin`` and ``end``, line by line."""
	started = False
	for raw in lines:
		line = raw.rstrip(b"\r\n")
		if not started:
			started = line.startswith(b"begin ")
			continue
		if line.strip() in (b"end", b"`"):
			return
		try:
			yield binascii.a2b_uu(line)
		except binascii.Error:
			# Some encoders count wrongly: take as many octets as the line says, from a longer line.
			count = (((line[:1] or b" ")[0] - 32) & 63) * 4 + 5
			try:
				yield binascii.a2b_uu(line[: count // 3])
			except binascii.Error:
				defects.append("a uuencoded line is broken: left out")


def measured(pieces: Iterator[bytes], encoding: str) -> tuple[int, str]:
	"""Size in octets and SHA-256 of the decoded body, which is never in memory as a whole."""
	digest = hashlib.sha256()
	size = 0
	if encoding in _UU:
		pieces = _uu(_lines(pieces), [])
	for octets in _streamed(pieces, encoding):
		size += len(octets)
		digest.update(octets)
	return size, digest.hexdigest()


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
	left = b""
	for piece in pieces:
		*whole, left = (left + piece).split(b"\n")
		yield from whole
		if len(left) > 1_000_000:
			yield left
			left = b""
	yield left


def _streamed(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
	if encoding == "base64":
		decoder = Base64()
		for piece in pieces:
			yield decoder.feed(piece)
		yield decoder.end()
	elif encoding == "quoted-printable":
		# In pieces that end with a line, so that no escape is cut.
		left = b""
		for piece in pieces:
			left += piece
			cut = _qp_cut(left)
			yield decoded(left[:cut], encoding, [])
			left = left[cut:]
		yield decoded(left, encoding, [])
	else:
		yield from pieces


def _qp_cut(text: bytes) -> int:
	"""Up to where quoted-printable text can be decoded without knowing what follows: a line, or in an endless line an octet."""
	cut = text.rfind(b"\n") + 1
	if cut or len(text) < 1_000_000:
		return cut
	cut = text.rfind(b"=", len(text) - 4)
	return cut if cut > 0 else len(text)
