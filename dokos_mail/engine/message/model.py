"""A message, read: plain data, whatever the state of the raw text it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Address:
	"""A mailbox: display ``name`` decoded (may be empty), ``address`` as written, without its angle brackets."""

	name: str
	address: str


@dataclass
class Attachment:
	"""A part kept as a file. ``name`` has no path in it; ``content`` is decoded, or None when only the structure was read.

	``content_id`` and ``location`` are what an HTML body may call it by (RFC 2392, RFC 2557).
	"""

	name: str
	type: str
	size: int
	sha256: str
	inline: bool = False
	content_id: str | None = None
	content: bytes | None = field(default=None, repr=False)
	location: str | None = None


@dataclass
class Report:
	"""What a machine says of a message of ours: ``kind`` is bounce, delay, complaint, receipt or auto-reply.

	``envelope_id`` is what we gave the server with the message, where it returns that (RFC 3461 section 4.4).
	"""

	kind: str
	recipients: list[dict[str, str | None]] = field(default_factory=list)
	original_message_id: str | None = None
	envelope_id: str | None = None


@dataclass
class Message:
	"""All that the engine reads from a raw message.

	``headers`` keeps every header in order, decoded to Unicode, line breaks removed. ``message_id``, ``in_reply_to``
	and ``references`` are without angle brackets. ``date`` has a time zone. ``text`` and ``html`` are the bodies as
	sent (HTML unsanitised). ``structure_only`` is True when the message was over the size up to which bodies and
	attachments are read. ``protection`` is "", "S/MIME signed", "S/MIME encrypted", "S/MIME", "PGP signed", "PGP encrypted"
	or "PGP" (nothing is verified or decrypted). What was broken is said in ``defects``.
	"""

	message_id: str | None = None
	in_reply_to: str | None = None
	references: list[str] = field(default_factory=list)
	subject: str = ""
	from_: list[Address] = field(default_factory=list)
	sender: list[Address] = field(default_factory=list)
	to: list[Address] = field(default_factory=list)
	cc: list[Address] = field(default_factory=list)
	bcc: list[Address] = field(default_factory=list)
	reply_to: list[Address] = field(default_factory=list)
	date: datetime | None = None
	text: str | None = None
	html: str | None = None
	attachments: list[Attachment] = field(default_factory=list)
	auto_submitted: bool = False
	report: Report | None = None
	headers: list[tuple[str, str]] = field(default_factory=list)
	structure_only: bool = False
	protection: str = ""
	defects: list[str] = field(default_factory=list)

	def header(self, name: str) -> str | None:
		"""The first header of that name (case-insensitive), or None."""
		wanted = name.lower()
		return next((value for key, value in self.headers if key.lower() == wanted), None)

	def header_all(self, name: str) -> list[str]:
		"""Every header of that name (case-insensitive), in the order of the message."""
		wanted = name.lower()
		return [value for key, value in self.headers if key.lower() == wanted]
