"""A mail's bytes from plain data: bodies, images, attachments, header fields. Knows no host.

The shape is ``mixed(alternative(plain, html | related(html, images)), attachments)``. Text that is a placeholder of the
queue (``<!--recipient-->`` and the like, see :mod:`placeholders`) goes through unharmed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from email.utils import format_datetime

from . import headers, mime
from .addresses import Mailbox
from .files import File, file_part

#: Address fields whose text comes from the queue, see :mod:`placeholders`.
RECIPIENT = "<!--recipient-->"

#: Identifiers kept in References: the first, which began the conversation, and the latest (RFC 5322 section 3.6.4).
MAX_REFERENCES = 30


@dataclass(frozen=True)
class Draft:
	"""All that a mail is made of. ``date`` has a time zone; identifiers are without angle brackets.

	Without ``to`` and ``cc`` the field To is a placeholder, which each recipient's copy replaces. There is no Bcc:
	blind recipients are in the envelope only.
	"""

	from_: Mailbox
	subject: str
	html: str
	text: str
	date: datetime
	message_id: str
	to: Sequence[Mailbox] = ()
	cc: Sequence[Mailbox] = ()
	reply_to: Sequence[Mailbox] = ()
	in_reply_to: str = ""
	references: Sequence[str] = ()
	images: Sequence[File] = ()
	attachments: Sequence[File] = ()
	extra: Sequence[tuple[str, str]] = field(default_factory=tuple)


def compose(draft: Draft) -> bytes:
	"""The message, lines ending in CRLF."""
	message = body(draft.text, draft.html, draft.images)
	for file in draft.attachments:
		message.attach(file_part(file))
	set_addresses(message, draft)
	mime.set_field(message, "Subject", headers.unstructured("Subject", draft.subject))
	mime.set_field(message, "Date", format_datetime(draft.date))
	mime.set_field(message, "Message-ID", headers.message_ids("Message-ID", [draft.message_id]))
	set_thread(message, draft.in_reply_to, draft.references)
	for name, value in draft.extra:
		mime.set_field(message, name, headers.unstructured(name, value))
	mime.set_field(message, "MIME-Version", "1.0")
	return mime.serialise(message)


def body(text: str, html: str, images: Sequence[File] = ()) -> Message:
	"""The bodies of a mail, as the first part of a ``multipart/mixed``."""
	rich = mime.text_part(html, "html")
	if images:
		rich = mime.multipart("related", rich, *(file_part(image) for image in images))
	return mime.multipart("mixed", mime.multipart("alternative", mime.text_part(text), rich))


def set_addresses(message: Message, draft: Draft) -> None:
	"""From, To, Cc and Reply-To."""
	mime.set_field(message, "From", headers.addresses("From", [draft.from_]))
	shown = bool(draft.to or draft.cc)
	mime.set_field(message, "To", (headers.addresses("To", draft.to) or None) if shown else RECIPIENT)
	mime.set_field(message, "Cc", headers.addresses("Cc", draft.cc) or None)
	mime.set_field(message, "Reply-To", headers.addresses("Reply-To", draft.reply_to) or None)


def set_thread(message: Message, in_reply_to: str, references: Sequence[str]) -> None:
	"""In-Reply-To and References, the oldest identifier first; the one that is answered is the last."""
	if not in_reply_to:
		return
	chain = [each for each in dict.fromkeys(references) if each and each != in_reply_to]
	if len(chain) >= MAX_REFERENCES:
		chain = [chain[0], *chain[2 - MAX_REFERENCES :]]
	mime.set_field(message, "In-Reply-To", headers.message_ids("In-Reply-To", [in_reply_to]))
	mime.set_field(message, "References", headers.message_ids("References", [*chain, in_reply_to]))
