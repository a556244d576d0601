"""MIME field values with parameters (RFC 2045 section 5.1, RFC 2183, RFC 2231), as they are found.

Understood besides the standard: encoded words in parameter values, raw 8-bit values, unquoted values with spaces,
missing semicolons and quotes, parts of a value in the wrong order or not all there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from .charset import decode
from .headers import decode_header

_MAX = 16 * 1024
_SEPARATORS = re.compile(r"[;\s,]*")
_NAME = re.compile(r"([^\s=;\"()<>,]{1,100})\s*=\s*")
_AFTER_QUOTE = re.compile(r"\s*(?:[;,]|$|[^\s=;\"()<>,]{1,100}\s*=)")
_COMMENT = re.compile(r"\([^()]{0,500}\)")
_UNQUOTED = re.compile(r"[^;\"]*")
_NEXT = re.compile(r"\s[A-Za-z][A-Za-z0-9*-]{1,30}\s?=")
_CONTINUED = re.compile(r"([^*]+)\*(\d{1,4})(\*?)")


@dataclass
class Value:
	"""``value`` in lower case, its parameters by name in lower case."""

	value: str = ""
	params: dict[str, str] = field(default_factory=dict)

	def get(self, name: str) -> str | None:
		"""A parameter, or None."""
		return self.params.get(name)


def parse_value(raw: bytes) -> Value:
	"""Read the value of a Content-Type or Content-Disposition field."""
	text = raw[:_MAX].decode("latin-1")
	head, found, rest = text.partition(";")
	if not found or "=" in head:
		# "text/plain charset=utf-8": the semicolon was forgotten
		head, _, rest = text.strip().partition(" ") if "=" in text.partition(" ")[2] else (head, "", rest)
		if "=" in head:
			head, rest = "", text
	value = Value(_COMMENT.sub("", head).strip().strip('"').lower()[:200])
	if rest.strip():
		value.params = _assemble(_pairs(rest))
	return value


def _pairs(text: str) -> list[tuple[str, str]]:
	"""(name in lower case, value as latin-1 text), quotes removed."""
	pairs: list[tuple[str, str]] = []
	at = 0
	while len(pairs) < 500:
		at = _SEPARATORS.match(text, at).end()
		found = _NAME.match(text, at)
		if found is None:
			at = text.find(";", at) + 1
			if at == 0:
				break
			continue
		at = found.end()
		if text[at : at + 1] == '"':
			value, at = _quoted(text, at + 1)
		else:
			value, at = _unquoted(text, at)
		pairs.append((found.group(1).lower(), value))
	return pairs


def _quoted(text: str, at: int) -> tuple[str, int]:
	"""A quoted string whose first character is at ``at``. Only ``\\"`` and ``\\\\`` are escapes: Windows paths stay whole."""
	out: list[str] = []
	start = at
	while at < len(text):
		char = text[at]
		if char == '"':
			if _AFTER_QUOTE.match(text, at + 1):
				return "".join(out) + text[start:at], at + 1
			# an unescaped quote inside of the value
		elif char == "\\" and text[at + 1 : at + 2] in ('"', "\\"):
			out.append(text[start:at])
			start = at + 1
			at += 1
		at += 1
	# No closing quote: up to the next semicolon.
	end = text.find(";", start)
	end = len(text) if end < 0 else end
	return ("".join(out) + text[start:end]).strip(), end


def _unquoted(text: str, at: int) -> tuple[str, int]:
	value = _UNQUOTED.match(text, at).group()
	if following := _NEXT.search(value):
		value = value[: following.start()]
	end = at + len(value)
	if not value.strip():
		# a quote in the middle: up to the semicolon
		end = text.find(";", at)
		end = len(text) if end < 0 else end
		return text[at:end].strip().strip('"'), end
	return (_COMMENT.sub("", value) if "(" in value and not value.startswith("=") else value).strip(), end


def _assemble(pairs: list[tuple[str, str]]) -> dict[str, str]:
	"""Parameters by name; RFC 2231's extended and continued forms win over the plain one, the first of equals wins."""
	plain: dict[str, str] = {}
	extended: dict[str, str] = {}
	continued: dict[str, dict[int, tuple[str, bool]]] = {}
	for name, value in pairs:
		if found := _CONTINUED.fullmatch(name):
			continued.setdefault(found.group(1), {}).setdefault(int(found.group(2)), (value, bool(found.group(3))))
		elif name.endswith("*"):
			extended.setdefault(name[:-1], _extended(value))
		else:
			plain.setdefault(name, _plain(value, name))
	joined = {name: _join(pieces) for name, pieces in continued.items()}
	return plain | joined | extended


def _plain(value: str, name: str) -> str:
	octets = value.encode("latin-1")
	if name == "boundary":
		return value
	return decode_header(octets) if b"=?" in octets or not octets.isascii() else value


def _extended(value: str) -> str:
	"""``charset'language'percent-encoded``."""
	charset, _, rest = value.partition("'")
	_, quote, encoded = rest.partition("'")
	if not quote:
		charset, encoded = "", value
	return decode(unquote_to_bytes(encoded.encode("latin-1")), charset or None)


def _join(pieces: dict[int, tuple[str, bool]]) -> str:
	"""The pieces of a continued value in order, as many as there are; the charset stands in the first."""
	numbers = sorted(pieces)
	charset: str | None = None
	octets: list[bytes] = []
	for number in numbers:
		value, encoded = pieces[number]
		if number == numbers[0] and encoded and value.count("'") >= 2:
			charset, _, value = value.split("'", 2)
		raw = value.encode("latin-1")
		octets.append(unquote_to_bytes(raw) if encoded else raw)
	whole = b"".join(octets)
	if charset is None and b"=?" in whole:
		return decode_header(whole)
	return decode(whole, charset or None)
