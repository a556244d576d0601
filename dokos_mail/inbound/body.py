"""The body a reader sees: sanitised, with inline images in their places, and its text kept beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from frappe import _

from dokos_mail.engine.message.html import sanitise, text_to_html
from dokos_mail.engine.message.markup import MAX_HTML
from dokos_mail.engine.message.model import Message
from dokos_mail.engine.message.reply import split_reply
from dokos_mail.engine.message.text import html_to_text
from dokos_mail.plain import defused

#: MariaDB takes statements of 16 MB, unless it is told otherwise: so many octets of it may be the HTML, and so many characters
#: the text. A longer body is shown as text, cut, and said to be; the original has all of it.
MOST_HTML, MOST_TEXT = 11_000_000, 1_000_000
#: What takes two octets in a statement.
_ESCAPED = "'\"\\\n\r"


def body_html(message: Message, images: Mapping[str, str], notes: Sequence[str], original: str = "") -> str:
	"""The body as HTML that loads nothing remote and runs nothing, here or when it is quoted in a reply.

	``images`` are addresses by Content-ID or Content-Location. ``notes`` stand above the body, with a link to ``original``;
	so does it when the body is too large to be kept whole.
	"""
	whole = True
	if message.html is not None and message.html.strip():
		whole = len(message.html) <= MAX_HTML
		body = sanitise(message.html, images=images)
	else:
		body = _text_as_html(message.text or "")
	if not whole or _octets(body) > MOST_HTML:
		body = _text_as_html(body_text(message))
		notes = [*notes, _("The text of this message is too long to be shown here as a whole. The original can be downloaded.")]
	html = "".join(f"<p><em>{escape(note)}</em></p>" for note in notes)
	if notes and original:
		html += f'<p><a href="{escape(original)}">{escape(_("Download the original message"))}</a></p>'
	html += body
	return defused(html)


def body_text(message: Message) -> str:
	"""The body as text: the sender's own, or drawn from the HTML; at most MOST_TEXT characters of it."""
	if message.text and message.text.strip():
		return defused(message.text[:MOST_TEXT])
	return defused(html_to_text(message.html)[:MOST_TEXT]) if message.html else ""


def _octets(text: str) -> int:
	"""The length of a text in a statement of the database."""
	return len(text.encode()) + sum(map(text.count, _ESCAPED))


def _text_as_html(text: str) -> str:
	"""Plain text as HTML, the history it quotes set apart from what was written now."""
	reply, quoted = split_reply(text)
	html = text_to_html(reply.strip("\n"))
	if quoted.strip():
		html += f'<blockquote class="mail-quoted">{text_to_html(quoted.strip(chr(10)))}</blockquote>'
	return html
