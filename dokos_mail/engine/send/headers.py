"""Header fields as they go on the wire: encoded, folded, one CRLF and a space between lines (RFC 5322, 2047, 2231, 6532).

Python's ``EmailMessage`` loses a space when it folds some subjects that mix scripts, so fields are folded here and kept
as they are by :mod:`dokos_mail.engine.send.mime`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from email.header import Header
from urllib.parse import quote

from .addresses import Mailbox

#: Longest line aimed at, without CRLF; RFC 5322 asks for 78 and forbids more than 998.
WIDTH = 76
FOLD = "\r\n "

_SIMPLE = re.compile(r"[\x21-\x7e]{1,70}(?: [\x21-\x7e]{1,70})*")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


def one_line(text: str) -> str:
	"""``text`` without line breaks and control characters, so that it can add no header of its own."""
	return _CONTROLS.sub(" ", text).strip()


def unstructured(name: str, text: str) -> str:
	"""The value of a field of free text, such as Subject. Read back it is exactly ``one_line(text)``."""
	text = one_line(text)
	if _SIMPLE.fullmatch(text) and "=?" not in text:
		return fold(name, text.split(" "))
	return FOLD.join(_encoded_words(name, text)) if text else ""


def _encoded_words(name: str, text: str, width: int = WIDTH) -> list[str]:
	encoded = Header(text, "utf-8", header_name=name, maxlinelen=width).encode(linesep="\n")
	return encoded.split("\n ")


def fold(name: str, words: Iterable[str]) -> str:
	"""``words`` with a space between them, folded where a line would become longer than the width."""
	lines: list[str] = []
	line = ""
	room = WIDTH - len(name) - 2
	for word in words:
		if line and len(line) + 1 + len(word) > room:
			lines.append(line)
			line, room = word, WIDTH - 1
		else:
			line = f"{line} {word}" if line else word
	return FOLD.join([*lines, line])


def addresses(name: str, mailboxes: Sequence[Mailbox]) -> str:
	"""The value of an address field. A name is quoted or encoded, never mistaken for an address."""
	words: list[str] = []
	for number, mailbox in enumerate(mailboxes):
		comma = "," if number < len(mailboxes) - 1 else ""
		if display := one_line(mailbox.name):
			words += [*_phrase(name, display), f"<{mailbox.wire}>{comma}"]
		else:
			words.append(f"{mailbox.wire}{comma}")
	return fold(name, words)


def _phrase(field: str, display: str) -> list[str]:
	if display.isascii() and "=?" not in display and len(display) <= 60:
		if _ATOMS.fullmatch(display):
			return display.split(" ")
		escaped = display.replace("\\", "\\\\").replace('"', '\\"')
		return [f'"{escaped}"']
	return _phrase_safe(_encoded_words(field, display, 60))


def _phrase_safe(words: list[str]) -> list[str]:
	"""Within a phrase an encoded word in Q may hold fewer characters than elsewhere (RFC 2047 section 5, rule 3)."""
	return [
		re.sub(r"[\"(),.:;<>@\[\]\\$%&'#^`{|}~]", lambda found: f"={ord(found[0]):02X}", word) if "?q?" in word else word
		for word in words
	]


def message_ids(name: str, ids: Iterable[str]) -> str:
	"""The value of Message-ID, In-Reply-To or References: identifiers are given without angle brackets."""
	return fold(name, [f"<{one_line(each).replace(' ', '').strip('<>')}>" for each in ids])


def parameters(value: str, params: Iterable[tuple[str, str, bool]]) -> str:
	"""``value`` with parameters, one to a line: name, value, and whether RFC 2231 may be used for it.

	Where it may not, a value outside ASCII becomes an encoded word in quotes: against RFC 2047, but what clients read
	that know no RFC 2231.
	"""
	return f";{FOLD}".join([value, *(each for param in params for each in _parameter(*param))])


def _parameter(name: str, value: str, extended: bool) -> list[str]:
	value = one_line(value)
	if value.isascii() and (len(value) <= 60 or not extended):
		escaped = value.replace("\\", "\\\\").replace('"', '\\"')
		return [f'{name}="{escaped}"']
	if not extended:
		return [f'{name}="{FOLD.join(_encoded_words(name, value, 66))}"']
	pieces = re.findall(r"(?:%[0-9A-F]{2}|[^%]){1,18}", "utf-8''" + quote(value, safe=""))
	if len(pieces) == 1:
		return [f"{name}*={pieces[0]}"]
	return [f"{name}*{number}*={piece}" for number, piece in enumerate(pieces)]
