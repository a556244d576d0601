"""Text of header values: RFC 2047 encoded words as they are found, raw 8-bit bytes, and what is neither.

Better than the letter of the standard where senders are worse: words without white space around them, inside quotes or
next to text; a character cut in two by two words; base64 cut anywhere; 8-bit bytes inside and outside of words; unknown
charsets; a word that never ends. Linear in the length of the value.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .charset import clean, codec_for, decode, in_utf_8

#: Over this many characters encoded words are left as they are: no header is that long, and each word costs memory.
MAX_LENGTH = 1_100_000

_START = re.compile(r"=\?([!-~]{1,80}?)\?([bBqQ])\?")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_HEX_AFTER = re.compile(r"[0-9A-Fa-f]{2}[^\s?]*\?=")
_WHITE = re.compile(r"\s")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


def to_str(raw: bytes) -> str:
	"""Raw header octets as text in which octets above 127 are lone surrogates (the standard library's convention)."""
	return raw.decode("ascii", "surrogateescape")


def decode_header(raw: bytes | str, hint: str | None = None) -> str:
	"""The text of an unstructured value (octets, or :func:`to_str` of them), unfolded, without control characters.

	``hint`` is the charset of the message's body: the best guess for raw 8-bit octets that are not UTF-8.
	"""
	if isinstance(raw, bytes):
		raw = in_utf_8(raw)
		if raw.isascii() and b"=?" not in raw:
			return _plain(raw.decode("ascii"))
		raw = to_str(raw)
	return _plain(decode_words(raw, hint))


def _plain(text: str) -> str:
	return _CONTROLS.sub(" ", text).strip() if not text.isprintable() else text.strip()


@dataclass
class Word:
	"""One encoded word found in [``start``, ``end``): ``content`` still encoded."""

	start: int
	end: int
	charset: str
	encoding: str
	content: bytes


def words(text: str) -> Iterator[Word]:
	"""The encoded words of ``text``, in order, broken ones too."""
	at = 0
	end = 0  # of the first "?=" at or after the content looked at last; it is searched for once
	while (found := _START.search(text, at)) is not None:
		charset = found.group(1).partition("*")[0]  # RFC 2231 section 5: a language after a star
		if "?" in charset or "=" in charset:
			at = found.start() + 2
			continue
		first, encoding = found.end(), found.group(2).lower()
		if 0 <= end < first:
			end = text.find("?=", first)
		inner = _START.search(text, first, end + 2 if end >= 0 else min(len(text), first + 10_000))
		if end < 0 or inner is not None:
			# The word is never closed: it is what comes up to the next white space, or the next word.
			stop = inner.start() if inner is not None else _space(text, first)
			yield Word(found.start(), stop, charset, encoding, _octets(text[first:stop].rstrip()))
			at = stop
			continue
		stop = end
		if encoding == "q":
			for _ in range(50):
				# "?=3F": a raw question mark before an encoded octet, not the end
				if not _HEX_AFTER.match(text[stop + 2 : stop + 120]):
					break
				stop = text.index("?=", stop + 2)
		yield Word(found.start(), stop + 2, charset, encoding, _octets(text[first:stop]))
		at = stop + 2


def _space(text: str, at: int) -> int:
	found = _WHITE.search(text, at)
	return found.start() if found else len(text)


def _octets(text: str) -> bytes:
	return text.encode("utf-8", "surrogateescape")


def decode_words(text: str, hint: str | None = None) -> str:
	"""Replace encoded words and raw 8-bit octets in ``text``; white space between two encoded words is dropped."""
	if "=?" not in text or len(text) > MAX_LENGTH:
		return raw_text(text, hint)
	out: list[str] = []
	group: list[Word] = []
	at = 0
	for word in words(text):
		between = text[at : word.start]
		if group and between.strip():
			out.append(_group(group))
			group = []
		if between.strip() or not group:
			out.append(raw_text(between, hint))
		if group and not _alike(group[-1], word):
			out.append(_group(group))
			group = []
		group.append(word)
		at = word.end
	if group:
		out.append(_group(group))
	out.append(raw_text(text[at:], hint))
	return "".join(out)


def _alike(one: Word, other: Word) -> bool:
	return one.encoding == other.encoding and one.charset.lower() == other.charset.lower()


def _group(group: list[Word]) -> str:
	"""Adjacent words of one charset and encoding. Alone if each is whole, else joined: some senders cut anywhere."""
	charset = group[0].charset
	octets = [_decoded(word) for word in group]
	if len(group) == 1:
		return decode(octets[0], charset)
	codec = codec_for(charset)
	if codec is not None:
		each = [_exactly(piece, codec) for piece in octets]
		if None not in each and not _cut(group) and not _escaped(octets, codec):
			return clean("".join(piece or "" for piece in each))
		for whole in _joined(group, octets):
			if (text := _exactly(whole, codec)) is not None:
				return clean(text)
	if (text := _exactly(b"".join(octets), "utf-8")) is not None:
		return clean(text)
	return "".join(decode(piece, charset) for piece in octets)


def _cut(group: list[Word]) -> bool:
	"""Whether some base64 word but the last does not end where a word may end."""
	return group[0].encoding == "b" and any(len(_NOT_BASE64.sub(b"", word.content)) % 4 == 1 for word in group[:-1])


def _escaped(octets: list[bytes], codec: str) -> bool:
	"""Whether some word but the last leaves ASCII and does not come back (ISO-2022-JP), as if the next went on."""
	if not codec.startswith("iso2022"):
		return False
	return any(b"\x1b$" in piece and b"\x1b(" not in piece[piece.rindex(b"\x1b$") :] for piece in octets[:-1])


def _joined(group: list[Word], octets: list[bytes]) -> Iterator[bytes]:
	"""The octets of the words together, the likeliest way first: each was encoded by itself, or all were and then cut."""
	whole = b"".join(word.content for word in group)
	cut = group[0].encoding == "b" and b"=" not in whole.rstrip(b"=")
	if cut and any(map(_has_spare_bits, group[:-1])):
		yield _base64(whole)
	yield b"".join(octets)
	if cut:
		yield _base64(whole)


def _has_spare_bits(word: Word) -> bool:
	"""Whether a base64 word ends in bits that are no octet's, and say something: what was encoded went on."""
	run = _NOT_BASE64.sub(b"", word.content)
	if (over := len(run) % 4) < 2:
		return over == 1
	return bool(_VALUES.index(run[-1]) & (0b1111 if over == 2 else 0b11))


_VALUES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _exactly(octets: bytes, codec: str) -> str | None:
	try:
		return octets.decode(codec)
	except (UnicodeError, LookupError):
		return None


def _decoded(word: Word) -> bytes:
	if word.encoding == "q":
		return _HEX.sub(lambda found: bytes([int(found.group(1), 16)]), word.content.replace(b"_", b" "))
	if not word.content.isascii():
		return word.content  # raw text labelled base64
	return _base64(word.content)


def _base64(content: bytes) -> bytes:
	"""As much as base64 gives: padding and rubbish do not matter, each run before padding counts."""
	out = []
	for run in content.split(b"="):
		run = _NOT_BASE64.sub(b"", run.replace(b"-", b"+").replace(b"_", b"/"))
		if len(run) % 4 == 1:
			run = run[:-1]
		out.append(binascii.a2b_base64(run + b"=" * (-len(run) % 4)))
	return b"".join(out)


def raw_text(text: str, hint: str | None = None) -> str:
	"""Text outside of encoded words: its octets above 127 are UTF-8, else the charset of the body, else a guess."""
	if text.isascii():
		return text
	octets = _octets(text)
	if (exact := _exactly(octets, "utf-8")) is not None:
		return clean(exact)
	codec = codec_for(hint) if hint else None
	return decode(octets, hint if codec and codec not in ("ascii", "utf_8", "utf-8") else None)
