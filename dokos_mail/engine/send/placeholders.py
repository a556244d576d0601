"""What differs between the copies of one queued mail: placeholders in its stored text, filled for each recipient.

The names are the host's, so that a queue written by one is understood by the other. The host replaces them in the
encoded text, where a line break of quoted-printable may cut one in two (``<!--unsubscribe_=``); here a part is decoded,
filled and encoded again.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.message import Message
from html import escape

from . import headers, mime
from .addresses import mailboxes

RECIPIENT = "<!--recipient-->"
UNSUBSCRIBE = "<!--unsubscribe_url-->"
PIXEL = "<!--email_open_check-->"
COPIES = "<!--cc_message-->"
ALL = (RECIPIENT, UNSUBSCRIBE, PIXEL, COPIES)


def fill(message: Message, *, recipient: str, unsubscribe_url: str = "", pixel_url: str = "", copies: str = "") -> None:
	"""Fill the placeholders of a parsed message, in place. A part without any keeps its very octets.

	``recipient`` may have a name. ``copies`` is plain text that says who else got the mail.
	"""
	_fill_header(message, recipient)
	image = f'<img src="{escape(pixel_url)}" width="1" height="1" alt="" style="display:block;border:0">' if pixel_url else ""
	plain = {RECIPIENT: recipient, UNSUBSCRIBE: unsubscribe_url, PIXEL: "", COPIES: copies}
	rich = {RECIPIENT: escape(recipient), UNSUBSCRIBE: escape(unsubscribe_url), PIXEL: image, COPIES: escape(copies)}
	for part in mime.text_parts(message):
		text = mime.get_text(part)
		filled = replaced(text, rich if part.get_content_subtype() == "html" else plain)
		if filled != text:
			mime.set_text(part, filled)


def replaced(text: str, values: Mapping[str, str]) -> str:
	"""``text`` with each placeholder replaced; a value that looks like one is not looked at again."""
	if "<!--" not in text:
		return text
	pieces = [text]
	for placeholder, value in values.items():
		cut: list[str] = []
		for number, piece in enumerate(pieces):
			# the pieces with odd numbers are values
			if number % 2 or placeholder not in piece:
				cut.append(piece)
				continue
			first, *rest = piece.split(placeholder)
			cut.append(first)
			for each in rest:
				cut += [value, each]
		pieces = cut
	return "".join(pieces)


def _fill_header(message: Message, recipient: str) -> None:
	for name in ("To", "Cc"):
		raw = mime.field(message, name)
		if RECIPIENT in raw:
			mime.set_field(message, name, headers.addresses(name, mailboxes(recipient)) or None)
