"""Plain text of bodies: line ends, format=flowed (RFC 3676), and the text of an HTML body."""

from __future__ import annotations

import re
from html import unescape

import nh3

from .markup import bare_text, bounded


def lines_in_lf(text: str) -> str:
	"""Every line end as LF."""
	return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


#: A text of more lines stays as it is: nobody reads it, and lines cost memory.
_MAX_FLOWED_LINES = 200_000


def unflowed(text: str, delsp: bool) -> str:
	"""Paragraphs of format=flowed text as single lines; quoted lines stay as they are, since they are history.

	``delsp`` says that the space before a soft line break is not part of the text (RFC 3676 section 4.1).
	"""
	if text.count("\n") > _MAX_FLOWED_LINES:
		return text
	out: list[str] = []
	open_paragraph = False
	for line in text.split("\n"):
		if line.startswith(">"):
			out.append(line)
			open_paragraph = False
			continue
		line = line[1:] if line.startswith(" ") else line
		flows = line.endswith(" ") and line != "-- "
		if flows and delsp:
			line = line[:-1]
		if open_paragraph and line != "-- ":
			out.append("\0" + line)
		else:
			out.append(line)
		open_paragraph = flows
	return "\n".join(out).replace("\n\0", "")


_BLOCKS = frozenset(
	"p div tr li ul ol table blockquote pre h1 h2 h3 h4 h5 h6 hr section article header footer dl dt dd address center".split()
)
_APART = frozenset(("p", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6"))
_KEPT = frozenset((*_BLOCKS, "br", "td", "th", "a"))
_DROPPED = frozenset(("script", "style", "title", "head", "noscript", "template", "iframe", "object", "svg", "math"))
_TAG = re.compile(r"<(/?)([a-z0-9]+)((?:\s[^<>]*)?)>")
_HREF = re.compile(r'\shref="([^"]*)"')
_SPACES = re.compile(r"[ \t\r\n\f\xa0]+")
_EMPTY_LINES = re.compile(r"\n{3,}")


def html_to_text(html: str) -> str:
	"""The text a reader would see, line by line: blocks on lines of their own, quotes marked ``>``, links' targets shown."""
	# The sanitiser repairs the markup, so that what follows may trust every "<" to begin a tag.
	cheap = bounded(html)
	if cheap is None:
		return unescape(bare_text(html))
	markup = nh3.clean(
		cheap,
		tags=set(_KEPT),
		clean_content_tags=set(_DROPPED - {"head"}),
		attributes={"a": {"href"}},
		url_schemes={"http", "https", "mailto", "tel"},
		link_rel=None,
	)
	return _Text().run(markup)


class _Text:
	"""Walks over repaired markup once."""

	def __init__(self) -> None:
		self.lines: list[str] = []
		self.line: list[str] = []
		self.depth = 0
		self.pre = 0
		self.links: list[tuple[str, int]] = []

	def run(self, markup: str) -> str:
		at = 0
		for tag in _TAG.finditer(markup):
			self._text(markup[at : tag.start()])
			at = tag.end()
			self._tag(tag.group(2), bool(tag.group(1)), tag.group(3))
		self._text(markup[at:])
		self._break()
		return _EMPTY_LINES.sub("\n\n", "\n".join(self.lines)).strip("\n")

	def _text(self, raw: str) -> None:
		if not raw:
			return
		text = unescape(raw)
		if self.pre:
			first, *rest = text.split("\n")
			self.line.append(first)
			for line in rest:
				self._break()
				self.line.append(line)
		else:
			text = _SPACES.sub(" ", text)
			if text != " " or self.line:
				self.line.append(text)

	def _tag(self, name: str, closing: bool, attributes: str) -> None:
		if name == "br":
			self._break(keep_empty=True)
		elif name == "a":
			self._link(closing, attributes)
		elif name in ("td", "th"):
			if closing and self.line:
				self.line.append(" ")
		elif name == "hr":
			self._break()
			self.lines.append(self._mark() + "---")
		elif name in _BLOCKS:
			self._block(name, closing)

	def _block(self, name: str, closing: bool) -> None:
		self._break()
		if name == "blockquote":
			self.depth = max(0, self.depth - 1) if closing else min(20, self.depth + 1)
		if name in _APART and self.lines and self.lines[-1].strip("> "):
			# an empty line belongs to the outer of the two
			self.lines.append("> " * (self.depth - 1) if name == "blockquote" and not closing else self._mark().rstrip())
		if name == "pre":
			self.pre = max(0, self.pre - 1) if closing else self.pre + 1
		elif name == "li" and not closing:
			self.line.append("- ")

	def _link(self, closing: bool, attributes: str) -> None:
		if not closing:
			href = _HREF.search(attributes)
			self.links.append((unescape(href.group(1)) if href else "", len(self.line)))
		elif self.links:
			href, since = self.links.pop()
			shown = "".join(self.line[since:]).strip()
			bare = href.removeprefix("mailto:").removeprefix("tel:")
			if bare and shown and bare.rstrip("/") not in (shown, shown.rstrip("/"), "http://" + shown, "https://" + shown):
				self.line.append(f" <{bare}>")

	def _mark(self) -> str:
		return "> " * self.depth if self.depth else ""

	def _break(self, keep_empty: bool = False) -> None:
		text = "".join(self.line)
		text = text.rstrip() if self.pre else text.strip()
		self.line = []
		self.links = [(href, 0) for href, _ in self.links[-50:]]
		if text or keep_empty:
			self.lines.append((self._mark() + text).rstrip())
