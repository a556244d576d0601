"""Bounds on HTML before any HTML parser sees it.

The parser behind ``nh3`` follows the HTML standard, and the standard's algorithms are quadratic in depth and multiply
formatting that is never closed: a megabyte of ``<div>`` takes minutes, of ``<b><p>`` gigabytes. No honest mail comes
near the bounds here. Linear.
"""

from __future__ import annotations

import re

#: Longest HTML (in characters) that is parsed; a longer one is shown as text.
MAX_HTML = 8_000_000
#: Elements open at once; what would open more is left out, its text stays.
MAX_DEPTH = 400
_MAX_REFERENCES = 400_000
#: Sum over all blocks of the formatting elements left open before them.
_MAX_REOPENED = 200_000

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,30})")
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
#: Never open for long: void elements, and those that the next of their kind closes.
_UNCOUNTED = frozenset(
	"area base basefont bgsound body br caption col colgroup dd dt embed frame head hr html img input keygen li link meta "
	"optgroup option p param rp rt source tbody td tfoot th thead tr track wbr".split()
)
_ANY_TAG = re.compile(r"<[^<>]*>?")


def bounded(html: str) -> str | None:
	"""``html``, or one that shows the same and costs little to parse; None when only its text can be had cheaply."""
	if len(html) > MAX_HTML or html.count("&") > _MAX_REFERENCES:
		return None
	if html.count("<") <= MAX_DEPTH:
		return html
	opened: dict[str, int] = {}
	depth = formatting = reopened = 0
	out: list[str] = []
	at = 0
	for tag in _TAG.finditer(html):
		name = tag.group(2).lower()
		if name in _FORMATTING:
			step = -1 if tag.group(1) else 1
			formatting += step if step > 0 or opened.get(name) else 0
		else:
			reopened += formatting
			if reopened > _MAX_REOPENED:
				return None
		if name in _UNCOUNTED:
			continue
		if tag.group(1):
			if opened.get(name):
				opened[name] -= 1
				depth -= 1
		elif depth >= MAX_DEPTH:
			# The tag becomes a comment, attributes and all.
			out.append(html[at : tag.start()])
			out.append("<!")
			at = tag.start() + 1
			formatting -= name in _FORMATTING
		else:
			opened[name] = opened.get(name, 0) + 1
			depth += 1
	return "".join(out) + html[at:] if out else html


def bare_text(html: str) -> str:
	"""``html`` without whatever looks like markup; character references stay as they are."""
	return _ANY_TAG.sub("", html)
