"""Reading an IMAP server's responses, with the text of messages streamed past memory (RFC 3501 sections 4 and 7).

A response is a line, or several joined by literals. The literal that is a message's text goes straight to a sink;
every other one is short and kept. Nothing here decides anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from dokos_mail.engine.connect.wire import Wire
from dokos_mail.engine.errors import MailError
from dokos_mail.engine.receive.rawstore import RawWriter

_LITERAL = re.compile(rb"~?\{(\d{1,20})\+?\}$")
_NUMBERED = re.compile(rb"(\d{1,20}) ([A-Z]+) ?", re.IGNORECASE)
_NAMED = re.compile(rb"([A-Z0-9-]+) ?", re.IGNORECASE)
_CODE = re.compile(rb"\[([A-Z0-9-]+)(?: ([^\]]*))?\]", re.IGNORECASE)
_TEXT_ITEM = re.compile(rb"(?:BODY\[\](?:<\d+>)?|RFC822) $", re.IGNORECASE)
_TOKEN = re.compile(rb'[ ]*(?:([()])|"((?:[^"\\]|\\.)*)"|((?:[^\s()"\[\]]|\[[^\]]*\])+))', re.DOTALL)
_UID = re.compile(rb"\bUID (\d{1,20})", re.IGNORECASE)
# The form in which nearly every server gives nearly every message: these items in any order, the text as a literal at the end.
_USUAL = re.compile(
	rb'\* (\d{1,20}) FETCH (\((?:(?:UID (\d{1,20})|FLAGS \(([^()"\[\]]*)\)|'
	rb'INTERNALDATE "([^"\\]*)"|RFC822\.SIZE (\d{1,20}))(?: (?!\))|(?=\))))+(?:BODY\[\] (?=\{)|(?=\))))'
	rb"(?:\{(\d{1,20})\}|\))\r?\n",
	re.IGNORECASE,
)
_DATE = re.compile(r"\s*(\d{1,2})-([A-Z][a-z]{2})-(\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})")
_MONTHS = {name: 1 + number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())}
_STATUS = {"OK", "NO", "BAD", "BYE", "PREAUTH"}


@dataclass
class Response:
	"""One response: ``tag`` is ``*`` for an untagged one, ``+`` for a continuation.

	``parts`` is what follows the name: octets as sent, with each literal as a :class:`Literal` between them. A FETCH
	response in the usual form has its ``items`` instead.
	"""

	tag: bytes
	name: str
	number: int | None = None
	parts: list[bytes | Literal] = field(default_factory=list)
	items: FetchItems | None = None

	@property
	def text(self) -> bytes:
		"""What follows the name, for a response without literals."""
		return b"".join(part if isinstance(part, bytes) else part.data for part in self.parts)

	@property
	def code(self) -> tuple[str, bytes]:
		"""The response code of a status response and its argument, such as ``("UIDNEXT", b"17")``; empty without one."""
		found = _CODE.match(self.text)
		return (found[1].decode("ascii").upper(), found[2] or b"") if found else ("", b"")


@dataclass
class Literal:
	"""A literal: its ``data``, or for the text of a message the ``writer`` that took it."""

	data: bytes = b""
	writer: RawWriter | None = None


@dataclass
class FetchItems:
	"""What a FETCH response says of one message. Items that it does not have are None.

	``text`` is the message's: a writer when it came as a literal, octets when it came as a string, None when it is NIL
	or not in the response.
	"""

	uid: int | None = None
	flags: frozenset[str] | None = None
	internal_date: datetime | None = None
	size: int | None = None
	text: RawWriter | bytes | None = None


def read_response(wire: Wire, open_sink: Callable[[], RawWriter] | None) -> Response:
	"""The next response. ``open_sink`` gives a sink when the text of a message comes as a literal; None drops it.

	When the connection breaks within a text, the error's ``uid`` parameter says whose, if the server said so before it.
	"""
	line = wire.readline()
	if usual := _USUAL.fullmatch(line):
		response, said, octets = _usual_response(usual)
		if octets is None:
			return response
		literal = _read_text(wire, int(octets), response, open_sink)
		line = wire.readline()
		if line in (b")\r\n", b")\n"):
			response.items.text = literal.writer
			return response
		response.items, response.parts, piece = None, [said, literal], line.rstrip(b"\r\n")
	else:
		response, piece = begin_response(line.rstrip(b"\r\n"))
	while announced := literal_in(response, piece):
		before = piece[: announced.start()]
		response.parts.append(before)
		if response.name == "FETCH" and _TEXT_ITEM.search(before):
			response.parts.append(_read_text(wire, int(announced[1]), response, open_sink))
		else:
			response.parts.append(Literal(wire.read(int(announced[1]))))
		piece = wire.readline().rstrip(b"\r\n")
	response.parts.append(piece)
	return response


def _usual_response(found: re.Match[bytes]) -> tuple[Response, bytes, bytes | None]:
	"""The response, what was said of the message so far, and how many octets of its text follow."""
	count, said, uid, flags, date, size, octets = found.groups()
	items = FetchItems(
		int(uid) if uid else None,
		None if flags is None else _flags(flags),
		None if date is None else internal_date(date.decode("utf-8", "replace")),
		int(size) if size else None,
	)
	return Response(b"*", "FETCH", int(count), [], items), said, octets


@lru_cache(maxsize=256)
def _flags(words: bytes) -> frozenset[str]:
	return frozenset(words.decode("utf-8", "replace").split())


def begin_response(line: bytes) -> tuple[Response, bytes]:
	"""The response that a line without its end begins, still without parts, and what follows its name."""
	if line.startswith(b"+"):
		return Response(b"+", ""), line[1:].lstrip()
	tag, _, rest = line.partition(b" ")
	number = None
	found = _NUMBERED.match(rest) if tag == b"*" else None
	if found:
		number, name = int(found[1]), found[2].decode("ascii").upper()
	else:
		found = _NAMED.match(rest)
		name = found[1].decode("ascii").upper() if found else ""
	return Response(tag, name, number), rest[found.end() :] if found else rest


def literal_in(response: Response, piece: bytes) -> re.Match[bytes] | None:
	"""The announcement of a literal at the end of ``piece``; its first group is the literal's size in octets."""
	# The human-readable text of a status may end in anything, "{5}" too: no literal ever follows it.
	return None if not piece.endswith(b"}") or response.tag == b"+" or response.name in _STATUS else _LITERAL.search(piece)


def _read_text(wire: Wire, size: int, response: Response, open_sink: Callable[[], RawWriter] | None) -> Literal:
	if open_sink is None:
		wire.read_into(size, lambda _piece: None)
		return Literal()
	writer = open_sink()
	try:
		wire.read_into(size, writer.write)
	except BaseException as error:
		writer.discard()
		if isinstance(error, MailError) and (uid := _uid_so_far(response)):
			error.params["uid"] = uid
		raise
	return Literal(writer=writer)


def _uid_so_far(response: Response) -> int | None:
	if response.items:
		return response.items.uid
	found = _UID.search(response.text)
	return int(found[1]) if found else None


def fetch_items(response: Response) -> FetchItems:
	"""The items of a FETCH response, in whatever order they came. What makes no sense is left out."""
	if response.items:
		return response.items
	tokens = _tokens(response.parts)
	items = FetchItems()
	content = _nested(tokens)
	pairs = content[0] if content and isinstance(content[0], list) else []
	for name, value in zip(pairs[::2], pairs[1::2], strict=False):
		if isinstance(name, bytes):
			_take(items, name.upper(), value)
	return items


def writers_in(response: Response) -> list[RawWriter]:
	"""Every writer that the response filled."""
	if response.items:
		text = response.items.text
		return [] if text is None or isinstance(text, bytes) else [text]
	return [part.writer for part in response.parts if isinstance(part, Literal) and part.writer]


def _take(items: FetchItems, name: bytes, value: object) -> None:
	if name == b"UID":
		items.uid = _number(value)
	elif name == b"RFC822.SIZE":
		items.size = _number(value)
	elif name == b"FLAGS" and isinstance(value, list):
		items.flags = frozenset(flag.decode("utf-8", "replace") for flag in value if isinstance(flag, bytes))
	elif name == b"INTERNALDATE":
		items.internal_date = internal_date(_string(value))
	elif _TEXT_ITEM.match(name + b" ") and items.text is None:
		if isinstance(value, Literal):
			items.text = value.writer
		elif isinstance(value, _Quoted):
			items.text = value.data


@dataclass
class _Quoted:
	data: bytes


def _tokens(parts: list[bytes | Literal]) -> list[object]:
	tokens: list[object] = []
	for part in parts:
		if isinstance(part, Literal):
			tokens.append(part)
			continue
		for bracket, string, atom in _TOKEN.findall(part):
			if bracket:
				tokens.append(bracket.decode())
			elif atom:
				tokens.append(atom)
			else:
				tokens.append(_Quoted(re.sub(rb"\\(.)", rb"\1", string, flags=re.DOTALL)))
	return tokens


def _nested(tokens: list[object]) -> list[object]:
	"""Lists for parentheses: atoms are bytes, strings _Quoted or Literal. Unbalanced ones end where they end."""
	top: list[object] = []
	stack = [top]
	for token in tokens:
		if token == "(":
			inner: list[object] = []
			stack[-1].append(inner)
			stack.append(inner)
		elif token == ")":
			if len(stack) > 1:
				stack.pop()
		else:
			stack[-1].append(token)
	return top


def list_items(response: Response) -> tuple[frozenset[str], str | None, bytes] | None:
	"""Flags, delimiter and raw name of a LIST response, or None when it is not one that can be read."""
	content = _nested(_tokens(response.parts))
	if len(content) < 3 or not isinstance(content[0], list):
		return None
	flags = frozenset(flag.decode("utf-8", "replace") for flag in content[0] if isinstance(flag, bytes))
	delimiter = None if content[1] == b"NIL" else _string(content[1])
	raw = content[2]
	name = raw if isinstance(raw, bytes) else raw.data if isinstance(raw, _Quoted | Literal) else None
	return (flags, delimiter or None, name) if name is not None else None


def status_items(response: Response) -> tuple[bytes, dict[str, int]] | None:
	"""Raw name and items of a STATUS response (RFC 3501 section 7.2.4), or None when it is not one that can be read."""
	content = _nested(_tokens(response.parts))
	if len(content) < 2 or not isinstance(content[-1], list):
		return None
	raw = content[0]
	name = raw if isinstance(raw, bytes) else raw.data if isinstance(raw, _Quoted | Literal) else None
	words = content[-1]
	items = {
		word.decode("ascii", "replace").upper(): _number(value) or 0
		for word, value in zip(words[::2], words[1::2], strict=False)
		if isinstance(word, bytes)
	}
	return (name, items) if name is not None else None


def internal_date(text: str) -> datetime | None:
	"""An INTERNALDATE (RFC 3501 section 9, date-time) with its time zone, or None when it is not one."""
	found = _DATE.match(text)
	if not found:
		return None
	day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
	if month not in _MONTHS:
		return None
	try:
		zone = _zone(sign, hours, minutes)
		return datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), min(int(second), 59), 0, zone)
	except ValueError:
		return None


@lru_cache(maxsize=64)
def _zone(sign: str, hours: str, minutes: str) -> timezone:
	offset = timedelta(hours=int(hours), minutes=int(minutes))
	return timezone(-offset if sign == "-" else offset)


def number(word: bytes) -> int | None:
	"""The number that a word is, or None. UIDs have ten digits at most, sizes twenty."""
	return int(word) if len(word) <= 20 and word.isdigit() else None


def _number(value: object) -> int | None:
	return number(value) if isinstance(value, bytes) else None


def _string(value: object) -> str:
	data = value if isinstance(value, bytes) else value.data if isinstance(value, _Quoted | Literal) else b""
	return data.decode("utf-8", "replace")
