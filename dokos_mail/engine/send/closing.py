"""What stands below the text of a mail: two levels of signature, three of footer, the link to unsubscribe (rows S1, S2, O4).

All of it once each, in HTML; the plain text is made from that (see :mod:`dokos_mail.engine.send.plain`). The two
signatures go under what the sender wrote, above the history of an answer; a signature that the sender's composer put
there already is recognised by its words, whatever became of its markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from .extents import Element, Extents, has_class
from .placeholders import COPIES, PIXEL, UNSUBSCRIBE

_MARKUP = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>]*|/)?>|<!--")
_HISTORY_INTRODUCTION = re.compile(
	r"(?:<(?P<rule>div|p)\b[^<>]*>\s*-{2,}\s*(?:<br\s*/?>)?\s*</(?P=rule)>\s*)?"
	r"(?:<(?P<says>div|p)\b[^<>]*>(?:[^<]|<(?!/?(?P=says)\b)[^<>]*>){1,400}?[:\uff1a]\s*(?:<br\s*/?>)?\s*</(?P=says)>\s*)?$"
)
#: What mail programs call the quotation of what is answered.
_QUOTE_CLASSES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote")
#: A signature of fewer characters, spaces not counted, may stand in a text without being the signature.
_TELLING = 20
_MUTED = "color:#687178;font-size:12px"


@dataclass(frozen=True)
class Footers:
	"""The three levels, from the nearest to the text to the farthest: HTML, lines of text, HTML."""

	account: str = ""
	site: str = ""
	standard: Sequence[str] = ()


def as_html(text: str) -> str:
	"""A signature or footer as HTML, whether it was typed with an editor or as plain lines."""
	text = text.strip()
	return text if _MARKUP.search(text) else "<br>".join(escape(line, quote=False) for line in text.splitlines())


def is_empty(html: str) -> bool:
	"""Whether there is nothing to see: an editor leaves ``<div><p><br></p></div>`` where everything was deleted."""
	found = Extents(html)
	return not found.words and not any(element.tag in ("img", "hr") for element in found.elements)


def sign(html: str, users: str = "", accounts: str = "") -> str:
	"""A body with the user's signature and, under it, the account's: each once, in this order, above the history."""
	for kind, signature, others in (("user", users, ""), ("account", accounts, users)):
		signature = as_html(signature)
		if is_empty(signature):
			continue
		body = Extents(html)
		end_of_text = _history(body)
		if _is_there(body, signature, end_of_text, as_html(accounts) if kind == "user" else ""):
			continue
		at = _place(body, kind, end_of_text, as_html(others), as_html(accounts))
		html = f'{html[:at]}<div class="email-signature" data-signature="{kind}">{signature}</div>{html[at:]}'
	return html


def _is_there(body: Extents, signature: str, end_of_text: int, below: str) -> bool:
	found = Extents(signature)
	if found.words:
		where = body.find(found.words, end_of_text)
		if where is None or len(found.words) >= _TELLING:
			return where is not None
		# a first name alone may well be in the text: it counts at the end of it only
		written = body.words_before(end_of_text)
		return written.endswith((found.words, found.words + Extents(below).words))
	images = {_file(element) for element in found.elements if element.tag == "img"}
	return images <= {_file(element) for element in body.elements if element.tag == "img" and element.start < end_of_text}


def _file(image: Element) -> str:
	return image.attributes.get("src", "").split("?")[0].rsplit("/", 1)[-1]


def _place(body: Extents, kind: str, end_of_text: int, users: str, accounts: str) -> int:
	"""Under the user's signature for the account's, above the account's for the user's, otherwise under the text."""
	neighbour = users if kind == "account" else accounts
	where = body.find(Extents(neighbour).words, end_of_text) if neighbour else None
	if where:
		return where[1] if kind == "account" else where[0]
	if kind == "account" and (element := body.first(lambda each: each.attributes.get("data-signature") == "user")):
		return element.end
	return end_of_text


def _history(body: Extents) -> int:
	"""Where the text that the sender wrote ends: before the history that a mail program put under it."""
	quotes = [element for element in body.elements if _is_quote(element) and not _quoted(element.parent)]
	if not quotes:
		return _end(body)
	last = quotes[-1]
	if any(at >= last.end for _count, at, _end_, _in in body.runs):
		return _end(body)
	before = body.html[: last.start]
	introduction = _HISTORY_INTRODUCTION.search(before, max(0, len(before) - 2000))
	start = introduction.start() if introduction else last.start
	parent = last.parent
	if parent and parent.inner_start > start:
		# the introduction is outside of what holds the quotation: nothing to put between
		return last.start
	return start


def _is_quote(element: Element) -> bool:
	return element.tag == "blockquote" or any(has_class(element, name) for name in _QUOTE_CLASSES)


def _quoted(element: Element | None) -> bool:
	while element:
		if _is_quote(element):
			return True
		element = element.parent
	return False


def _end(body: Extents) -> int:
	"""The end of the text, inside of what only wraps it."""
	page = body.first(lambda element: element.tag == "body")
	return page.inner_end if page else len(body.html)


def footer(footers: Footers, *, unsubscribe: str = "", copies: bool = False, pixel: bool = False) -> str:
	"""The foot of a mail. ``unsubscribe`` is the text of the link, "" for none; ``copies`` says who else got the mail."""
	blocks: list[str] = []
	account = as_html(footers.account)
	if not is_empty(account):
		blocks.append(f'<div class="email-account-footer">{account}</div>')
	if footers.site.strip():
		lines = "".join(f"<div>{as_html(line) or '&nbsp;'}</div>" for line in footers.site.strip().splitlines())
		blocks.append(f'<div class="sender-address">{lines}</div>')
	standard = "".join(f"<div>{line}</div>" for line in footers.standard if line and not is_empty(line))
	if standard:
		blocks.append(f'<div class="default-mail-footer">{standard}</div>')
	if copies:
		blocks.append(f'<div class="email-copies">{COPIES}</div>')
	if unsubscribe:
		link = f'<a href="{UNSUBSCRIBE}" target="_blank" style="color:#687178">{escape(unsubscribe)}</a>'
		blocks.append(f'<div class="email-unsubscribe">{link}</div>')
	if pixel:
		blocks.append(f'<div class="email-pixel">{PIXEL}</div>')
	if not blocks:
		return ""
	return f'<div class="email-footer-container text-muted" style="{_MUTED}">{"".join(blocks)}</div>'
