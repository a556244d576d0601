"""What strangers write, as a host can keep and show it: the hosts read some of it as an instruction, or draw it as HTML."""

from __future__ import annotations

import re

#: What the hosts read as the name of a file of the server to enclose, anywhere in a text that goes out again.
_ENCLOSES_A_FILE = re.compile(r"""embed=(?=["'])""")
#: An invisible character that allows no line break: the text looks the same, and an editor keeps it.
_WORD_JOINER = "\u2060"
#: What begins a tag, a comment or a declaration; and what stands for its brackets, which looks the same.
_MARKUP, _BRACKETS = re.compile("<[A-Za-z/!?]"), str.maketrans("<>", "‹›")


def defused(text: str) -> str:
	"""``text`` without what the hosts take for a file to be enclosed, when it goes out again in a notification or a reply."""
	return _ENCLOSES_A_FILE.sub(f"embed{_WORD_JOINER}=", text) if "embed=" in text else text


def plain(text: str) -> str:
	"""A line of text as a host's field keeps it and shows it: nothing in it that is taken for a file to be enclosed, or for HTML.

	Hosts write what stands between angle brackets as entities, draw it, or take a field of nothing else for empty.
	"""
	text = defused(text)
	bare = text.strip()
	for_html = _MARKUP.search(text) or (bare.startswith("<") and bare.endswith(">"))
	return text.translate(_BRACKETS) if for_html else text
