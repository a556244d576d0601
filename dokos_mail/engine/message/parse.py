"""A raw message, read. Whatever its octets, the result is a :class:`Message` whose ``defects`` say what was broken."""

from __future__ import annotations

from pathlib import Path

from .addresses import parse_addresses
from .body import Reader
from .charset import codec_for
from .dates import parse_date
from .fields import Fields
from .headers import decode_header
from .ids import message_id, message_ids
from .model import Address, Attachment, Message
from .protection import protection
from .report import read_report
from .robots import robot_reason
from .source import MemorySource, Source, as_octets, first_offset, open_source
from .structure import Part, read_structure

#: Up to this size, in octets, bodies and attachments are read; over it only headers and structure.
FULL_UP_TO = 25 * 1024 * 1024
_MAX_DEFECTS = 50
_MAX_ADDRESS_OCTETS = 2_000_000
_ADDRESS_FIELDS = {
	b"from": "from_",
	b"sender": "sender",
	b"to": "to",
	b"cc": "cc",
	b"bcc": "bcc",
	b"reply-to": "reply_to",
}
#: Fields that say nothing when they come twice: the first counts, the others stay in ``headers``.
_ONCE = frozenset((b"from", b"sender", b"reply-to", b"subject", b"date", b"message-id", b"in-reply-to", b"references"))


def parse(raw: bytes | Path, *, full_up_to: int = FULL_UP_TO) -> Message:
	"""Read a message from memory or from a file.

	Never raises because of the content; OSError when the file cannot be read. Over ``full_up_to`` octets, bodies are not
	kept: ``structure_only`` is True, ``text`` and ``html`` are None, attachments have name, type, size and digest but no
	content, and a file is read in pieces. Otherwise the peak is about four times the message.
	"""
	if not isinstance(raw, Path):
		return _guarded(raw, len(raw) <= full_up_to)
	if raw.stat().st_size <= full_up_to:
		return _guarded(raw.read_bytes(), True)
	source, file = open_source(raw)
	with file:
		return _guarded(source, False)


def _guarded(raw: bytes | Source, full: bool) -> Message:
	"""Read; should the reader itself fail, the message is kept whole as its own only attachment, and that is said."""
	utf16: str | None = None
	if isinstance(raw, bytes):
		raw, utf16 = as_octets(raw)
		source: Source = MemorySource(raw)
	else:
		source = raw
	try:
		message = _read(source, full)
	except (MemoryError, KeyboardInterrupt, OSError):
		raise
	except Exception as error:
		message = Message(defects=[f"the message could not be read: {type(error).__name__}: {error}"[:300]])
		message.attachments.append(_whole(source, full))
	if utf16:
		message.defects.insert(0, utf16)
	return message


def _whole(source: Source, full: bool) -> Attachment:
	content = source.original(0, source.size) if full else None
	return Attachment("message.eml", "message/rfc822", source.size, "", content=content)


def _read(source: Source, full: bool) -> Message:
	message = Message(structure_only=not full)
	if source.size == 0:
		message.defects.append("the message is empty")
		return message
	defects: list[str] = []
	root, fields = read_structure(source, first_offset(source), defects)
	_headers(message, fields, _hint(root), defects)
	body = Reader(source, defects, full=full).read(root)
	message.text, message.html, message.attachments = body.text, body.html, body.attachments
	message.protection = protection(root, message.text)
	message.auto_submitted = robot_reason(message) is not None
	message.report = read_report(message, root, source)
	message.defects = _once(defects)
	return message


def _hint(root: Part) -> str | None:
	"""The first charset that a part declares: what raw 8-bit headers are most likely in."""
	for number, part in enumerate(root.leaves()):
		charset = part.content_type.get("charset")
		if charset and codec_for(charset):
			return charset
		if number > 10:
			break
	return None


def _headers(message: Message, fields: Fields, hint: str | None, defects: list[str]) -> None:
	seen: set[bytes] = set()
	room = _MAX_ADDRESS_OCTETS
	for name, raw in fields.items:
		key = name.lower()
		value = decode_header(raw, hint)
		message.headers.append((name.decode("ascii"), value))
		if key in _ONCE and key in seen:
			defects.append(f"more than one {name.decode('ascii')} field: the first counts")
			continue
		seen.add(key)
		if key in _ADDRESS_FIELDS:
			found: list[Address] = getattr(message, _ADDRESS_FIELDS[key])
			if (room := room - len(raw)) > 0 or len(raw) < 1000:
				found.extend(parse_addresses(raw, defects, hint))
			else:
				defects.append("too many addresses: the rest is in the original only")
		elif key == b"subject":
			message.subject = value
		elif key == b"date":
			message.date = parse_date(value, defects)
		elif key == b"message-id":
			message.message_id = message_id(value)
		elif key == b"in-reply-to":
			message.in_reply_to = next(iter(message_ids(value)), None)
		elif key == b"references":
			message.references = message_ids(value)
	message.from_.sort(key=lambda one: not one.address)  # whoever asks for the sender asks for an address
	for key in (b"from", b"date", b"message-id"):
		if key not in seen:
			defects.append(f"no {_SPELT[key]} field")


_SPELT = {b"from": "From", b"date": "Date", b"message-id": "Message-ID"}


def _once(defects: list[str]) -> list[str]:
	"""Each defect once, the first fifty, and how many there were."""
	unique = list(dict.fromkeys(defects))
	if len(unique) > _MAX_DEFECTS:
		return [*unique[:_MAX_DEFECTS], f"and {len(unique) - _MAX_DEFECTS} more"]
	return unique
