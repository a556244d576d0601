"""The plain text of a mail, beside its HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape

from dokos_mail.engine.message.text import html_to_text

from .extents import bare
from .placeholders import ALL

_WORD = re.compile(r"\w+")


def plain_text(html: str) -> str:
	"""The text of a piece of HTML, or of a laid out mail."""
	return html_to_text(html).strip()


def is_of_its_own(text: str, html: str) -> bool:
	"""Whether a text says other things than the HTML, so that somebody wrote it: one made from the HTML does not."""
	words = _WORD.findall(unescape(text).lower())
	known = set(_WORD.findall(unescape(html).lower()))
	return bool(words) and sum(word not in known for word in words) > len(words) / 10


def own_text(text: str, below: Sequence[str]) -> str:
	"""A text that somebody wrote, with what belongs below it, each once.

	What the host put under it with a placeholder, the link to unsubscribe, goes: it is in the footer.
	"""
	lines = [line for line in text.splitlines() if not any(each in line for each in ALL)]
	out = "\n".join(lines).strip()
	for each in below:
		if each and bare(each) not in bare(out):
			out = f"{out}\n\n{each}"
	return out
