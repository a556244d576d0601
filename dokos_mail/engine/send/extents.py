"""Where elements and words stand in HTML, by offsets, so that text can be put in without rewriting what is around it.

Forgiving, as browsers are: what is not closed ends with its parent. Linear.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser

VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
#: Elements that hold no text of their own: what stands there is shown elsewhere.
_NO_PLACE = frozenset("table thead tbody tfoot tr ul ol dl colgroup".split())
_SPACE = re.compile(r"\s+")
_UNSEEN = re.compile("[\u200b-\u200d\u2060\ufeff\u00ad]")


@dataclass
class Element:
	"""``start`` and ``end`` are those of the whole element, ``inner_start`` and ``inner_end`` of what is in it."""

	tag: str
	attributes: Mapping[str, str]
	start: int
	inner_start: int
	inner_end: int = -1
	end: int = -1
	parent: Element | None = field(default=None, repr=False)


class Extents(HTMLParser):
	"""All elements of a piece of HTML, and its words: ``words`` is the text without white space, in lower case."""

	def __init__(self, html: str) -> None:
		super().__init__(convert_charrefs=False)
		self.html = html
		self.elements: list[Element] = []
		self.words = ""
		self._pieces: list[str] = []
		#: for each run of text: where its words begin in ``words``, its offsets in the HTML, and what it is in
		self.runs: list[tuple[int, int, int, Element | None]] = []
		self._count = 0
		self._open: list[Element] = []
		self._opened: Counter[str] = Counter()
		self._line_starts = [0, *(found.end() for found in re.finditer("\n", html))]
		self.feed(html)
		self.close()
		self._close_to(0, len(html), len(html))
		self.words = "".join(self._pieces)

	def _at(self) -> int:
		line, column = self.getpos()
		return self._line_starts[line - 1] + column

	def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
		at = self._at()
		inside = at + len(self.get_starttag_text() or "")
		element = Element(
			tag, {key: value or "" for key, value in attrs}, at, inside, parent=self._open[-1] if self._open else None
		)
		self.elements.append(element)
		if tag in VOID:
			element.inner_end = element.end = inside
		else:
			self._open.append(element)
			self._opened[tag] += 1

	def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
		self.handle_starttag(tag, attrs)

	def handle_endtag(self, tag: str) -> None:
		if not self._opened[tag]:
			return
		at = self._at()
		for number in range(len(self._open) - 1, -1, -1):
			if self._open[number].tag == tag:
				end = self.html.find(">", at) + 1 or len(self.html)
				self._close_to(number, at, end)
				return

	def _close_to(self, number: int, inner_end: int, end: int) -> None:
		while len(self._open) > number:
			element = self._open.pop()
			self._opened[element.tag] -= 1
			element.inner_end = inner_end
			element.end = end if len(self._open) == number and end != inner_end else inner_end

	def handle_data(self, data: str) -> None:
		self._text(data, len(data))

	def handle_entityref(self, name: str) -> None:
		self._reference(f"&{name}")

	def handle_charref(self, name: str) -> None:
		self._reference(f"&#{name}")

	def _reference(self, raw: str) -> None:
		at = self._at()
		closed = self.html[at + len(raw) : at + len(raw) + 1] == ";"
		self._text(unescape(raw + ";"), len(raw) + closed)

	def _text(self, text: str, length: int) -> None:
		inside = self._open[-1] if self._open else None
		if inside and inside.tag in ("style", "script", "title"):
			return
		words = bare(text)
		if words:
			at = self._at()
			self.runs.append((self._count, at, at + length, inside))
			self._pieces.append(words)
			self._count += len(words)

	def first(self, wanted: Callable[[Element], bool]) -> Element | None:
		"""The first element that is wanted, in the order of the text."""
		return next((element for element in self.elements if wanted(element)), None)

	def words_before(self, offset: int) -> str:
		"""The words of the text that begins before an offset."""
		return self.words[: next((count for count, at, _end, _in in self.runs if at >= offset), len(self.words))]

	def find(self, words: str, before: int | None = None) -> tuple[int, int] | None:
		"""Offsets of the blocks that hold ``words`` (as :func:`bare` gives them), the last ones that end before an offset."""
		upto = len(self.words if before is None else self.words_before(before))
		at = self.words.rfind(words, 0, upto) if words else -1
		if at < 0:
			return None
		touched = [run for number, run in enumerate(self.runs) if run[0] < at + len(words) and self._run_end(number) > at]
		start, end = touched[0][1], touched[-1][2]
		common = _common([run[3] for run in touched])
		while common and common.tag not in ("body", "html") and (common.tag in _NO_PLACE or self._words_in(common) <= len(words)):
			start, end = common.start, common.end
			common = common.parent
		# whole children of what holds them all
		for element in self.elements:
			if element.parent is common and element.start < end and element.end > start:
				start, end = min(start, element.start), max(end, element.end)
		return start, end

	def _run_end(self, number: int) -> int:
		return self.runs[number + 1][0] if number + 1 < len(self.runs) else len(self.words)

	def _words_in(self, element: Element) -> int:
		return sum(
			self._run_end(number) - run[0] for number, run in enumerate(self.runs) if element.start <= run[1] < element.end
		)


def _common(elements: list[Element | None]) -> Element | None:
	"""The innermost element that holds all of these."""
	first, *others = elements
	chain: list[Element] = []
	while first:
		chain.append(first)
		first = first.parent
	for other in others:
		above = set()
		while other:
			above.add(id(other))
			other = other.parent
		chain = [element for element in chain if id(element) in above]
	return chain[0] if chain else None


def bare(text: str) -> str:
	"""What is left of a text to compare: no white space, no invisible characters, lower case."""
	return _UNSEEN.sub("", _SPACE.sub("", text)).lower()


def has_class(element: Element, name: str) -> bool:
	"""Whether an element is of a class."""
	return name in element.attributes.get("class", "").split()
