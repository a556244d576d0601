"""MIME trees whose header fields are kept as they are written (see :mod:`headers`), and their bytes.

Lines end in CRLF and are shorter than 998 octets; nothing depends on what the host did to Python's own charset registry.
"""

from __future__ import annotations

import hashlib
import re
from base64 import encodebytes
from collections.abc import Iterator
from email import message_from_bytes
from email._policybase import Compat32
from email.generator import BytesGenerator
from email.message import Message
from io import BytesIO
from quopri import encodestring

_LINE_END = re.compile(r"\r\n|\r|\n")
_ASCII = bytes(range(127))
_ENDINGS = re.compile(rb"\r\n|\r|\n")


class Verbatim(Compat32):
	"""A policy under which a field's text is neither decoded nor folded again."""

	def fold(self, name: str, value: str) -> str:
		return f"{name}: {_LINE_END.sub(self.linesep, str(value))}{self.linesep}"

	def fold_binary(self, name: str, value: str) -> bytes:
		return self.fold(name, value).encode("utf-8", "surrogateescape")


POLICY = Verbatim(linesep="\r\n", max_line_length=None, cte_type="8bit", mangle_from_=False)


def parse(raw: bytes | str) -> Message:
	"""A message that was composed here or by the host, as a tree. Not for mail of strangers."""
	octets = raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else raw
	return message_from_bytes(octets, policy=POLICY)


def serialise(message: Message) -> bytes:
	"""The bytes of a tree, every line ending in CRLF."""
	out = BytesIO()
	BytesGenerator(out, mangle_from_=False, policy=POLICY).flatten(message, linesep="\r\n")
	return _ENDINGS.sub(b"\r\n", out.getvalue())


def field(message: Message, name: str) -> str:
	"""The raw text of a header field, folding included; "" when there is none."""
	return next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")


def set_field(message: Message, name: str, value: str | None) -> None:
	"""Put a field, which is encoded and folded already, in the place of all of that name; None removes them."""
	if value is None:
		del message[name]
	elif name in message:
		message.replace_header(name, value)
	else:
		message[name] = value


def multipart(subtype: str, *parts: Message) -> Message:
	"""A multipart of parts. Its boundary cannot occur in a part: those here are in base64 or quoted-printable."""
	made = Message(policy=POLICY)
	made["Content-Type"] = f"multipart/{subtype}"
	made.set_payload(list(parts))
	seed = hashlib.sha256()
	for part in parts:
		payload = part.get_payload()
		seed.update((payload if isinstance(payload, str) else str(part.get_boundary())).encode("utf-8", "surrogateescape"))
	boundary = f"=_{subtype[:3]}_{seed.hexdigest()[:32]}"
	made.replace_header("Content-Type", f'multipart/{subtype};\r\n boundary="{boundary}"')
	return made


def text_part(text: str, subtype: str = "plain") -> Message:
	"""A part of text in UTF-8."""
	part = Message(policy=POLICY)
	part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
	part["Content-Transfer-Encoding"] = "7bit"
	set_text(part, text)
	return part


def set_text(part: Message, text: str) -> None:
	"""Put ``text`` into a text part: plain where that can be, otherwise in whichever encoding is shorter."""
	text = _LINE_END.sub("\n", text.replace("\0", ""))
	octets = text.encode("utf-8", "replace")
	subtype = part.get_content_subtype()
	if octets.isascii() and all(len(line) <= 76 and not line.startswith("From ") for line in text.split("\n")):
		encoding, payload = "7bit", text
	elif len(octets.translate(None, _ASCII)) * 3 > len(octets):
		encoding, payload = "base64", encodebytes(octets).decode("ascii")
	else:
		encoding, payload = "quoted-printable", _quoted_printable(text)
	set_field(part, "Content-Type", f'text/{subtype}; charset="utf-8"')
	set_field(part, "Content-Transfer-Encoding", encoding)
	part.set_payload(payload)


def _quoted_printable(text: str) -> str:
	lines = encodestring(text.encode("utf-8", "replace")).decode("ascii").split("\n")
	# "From " at the beginning of a line is altered by some mail stores
	return "\n".join("=46" + line[1:] if line.startswith("From ") else line for line in lines)


def get_text(part: Message) -> str:
	"""The text of a text part, decoded, lines ending in LF."""
	octets = part.get_payload(decode=True) or b""
	try:
		text = octets.decode(part.get_content_charset() or "utf-8", "replace")
	except LookupError:
		text = octets.decode("utf-8", "replace")
	return _LINE_END.sub("\n", text)


def text_parts(message: Message) -> Iterator[Message]:
	"""The bodies: text parts that are not attachments, messages inside the message left alone."""
	if message.get_content_maintype() == "multipart":
		for part in message.get_payload():
			if isinstance(part, Message):
				yield from text_parts(part)
	elif message.get_content_type() in ("text/plain", "text/html") and not field(
		message, "Content-Disposition"
	).lower().startswith("attachment"):
		yield message
