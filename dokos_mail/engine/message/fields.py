"""The header fields of a message or part: where they end, what their raw values are.

RFC 5322 section 2.2, read as tolerantly as mail needs: a line that is no field among fields is taken as the rest of the
field before it, a block without the blank line after it ends where the body visibly begins. Work is linear in the
length of the block.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .source import Source

#: Over this many fields only those of ``_ONE`` and ``_MANY`` are still kept; the original has them all.
MAX_FIELDS = 10_000
_MAX_KNOWN = 20_000

_ONE = frozenset(
	b"from sender reply-to to cc bcc subject date message-id in-reply-to references mime-version content-type "
	b"content-transfer-encoding content-disposition content-id content-description content-location auto-submitted "
	b"precedence return-path list-id".split()
)
_MANY = frozenset(b"received delivered-to x-original-to dkim-signature authentication-results".split())

_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_MATTERS = re.compile(rb"\n(?:(?:" + b"|".join(sorted(_ONE | _MANY)) + rb")[ \t]{0,9}:|[^!-9;-~ \t]|--)", re.I)
_END = re.compile(rb"\n(?![ \t])")
_WINDOW = 8 * 1024


@dataclass
class Fields:
	"""Raw fields in order: (name as written, value without its line breaks). ``end`` is where the body begins."""

	items: list[tuple[bytes, bytes]] = field(default_factory=list)
	end: int = 0
	defects: list[str] = field(default_factory=list)

	def get(self, name: bytes) -> bytes | None:
		"""The first value under that name (lower case)."""
		for key, value in self.items:
			if key.lower() == name:
				return value
		return None


def _unfold(value: bytes) -> bytes:
	"""RFC 5322 section 2.2.3; a CR on its own is a space."""
	return value.replace(b"\r\n", b"").replace(b"\n", b"").replace(b"\r", b" ").strip(b" \t")


def read_fields(
	source: Source, start: int, delimiters: frozenset[bytes] | dict[bytes, object] = frozenset(), *, top: bool
) -> Fields:
	"""Read the fields that begin at ``start``.

	A line found in ``delimiters`` (multipart boundaries, no white space at their end) ends the block without a body.
	``top`` is True for the message itself, where an mbox ``From `` line and stray lines before the fields are skipped.
	"""
	return _Reader(source, delimiters, top).run(start)


class _Reader:
	def __init__(self, source: Source, delimiters: frozenset[bytes] | dict[bytes, object], top: bool) -> None:
		self.source, self.delimiters, self.top = source, delimiters, top
		self.fields = Fields()
		self.seen: set[bytes] = set()
		self.known = 0

	def run(self, start: int) -> Fields:
		at = self._skip_leading(start) if self.top else start
		size = self.source.size
		while at < size:
			if len(self.fields.items) >= MAX_FIELDS:
				at = self._skip(at)
			line, following = self._field(at)
			if not line.strip(b"\r\n"):
				at = following
				break
			if line.startswith(b"--") and line.rstrip() in self.delimiters:
				break
			if not self._take(line):
				if not self._goes_on(following, line):
					self.fields.defects.append("no blank line between header and body")
					break
				self.fields.defects.append("a header line is neither a field nor the continuation of one")
				self._append(line)
			at = following
		self.fields.end = min(at, size)
		return self.fields

	def _field(self, at: int) -> tuple[bytes, int]:
		"""The field (or other line) at ``at`` with its continuations and line end, and where the next one begins."""
		length = _WINDOW
		while True:
			window = self.source.read(at, at + length)
			if window.startswith((b"\n", b"\r\n")):
				stop = 1 if window.startswith(b"\n") else 2
				return window[:stop], at + stop
			found = _END.search(window)
			whole = at + length >= self.source.size
			if found and (whole or found.end() < len(window)):
				return window[: found.end()], at + found.end()
			if whole:
				return window, at + len(window)
			length *= 4

	def _skip(self, at: int) -> int:
		"""The first line at or after ``at`` that matters once there are too many fields: a known one, or the end."""
		while at < self.source.size:
			window = b"\n" + self.source.read(at, at + 65536)
			if found := _MATTERS.search(window):
				return at + found.start()
			last = window.rfind(b"\n")
			at = at + last if last > 0 else self._line_end(at + len(window) - 1)
		return self.source.size

	def _take(self, line: bytes) -> bool:
		"""Keep ``line`` if it is a field; False if it is none."""
		found = _NAME.match(line)
		if found is None:
			return False
		name = found.group(1)
		key = name.lower()
		if found.end() - found.end(1) > 1 and key not in _ONE and key not in _MANY and b"-" not in key:
			return False  # "Note : see below" is prose
		self._keep(name, key, line[found.end() :])
		return True

	def _keep(self, name: bytes, key: bytes, value: bytes) -> None:
		if len(self.fields.items) >= MAX_FIELDS:
			if len(self.fields.items) == MAX_FIELDS and not self.known:
				self.fields.defects.append(f"more than {MAX_FIELDS} header fields: the rest is in the original only")
			if (key not in _ONE and key not in _MANY) or self.known >= _MAX_KNOWN:
				self.known = max(self.known, 1)
				return
			self.known += 1
		self.seen.add(key)
		self.fields.items.append((name, _unfold(value)))

	def _append(self, line: bytes) -> None:
		"""Add a stray line to the field before it."""
		if self.fields.items:
			name, value = self.fields.items[-1]
			if len(value) < 65536:
				self.fields.items[-1] = (name, value + b" " + _unfold(line))

	def _goes_on(self, at: int, stray: bytes) -> bool:
		"""Whether the header goes on after a stray line: a field that may still come, on one of the next two lines."""
		if not self.fields.items or len(stray) > 1000:
			return False
		for _ in range(2):
			line, at = self._field(at)
			found = _NAME.match(line)
			if found:
				key = found.group(1).lower()
				return key in _MANY or key.startswith((b"x-", b"arc-")) or (key in _ONE and key not in self.seen)
			if not line.strip() or line.startswith(b"--"):
				return False
		return False

	def _skip_leading(self, start: int) -> int:
		"""Past an mbox separator, and past stray lines before the first field of a header that is clearly there."""
		at = start
		line, following = self._field(at)
		if line.startswith((b"From ", b">From ")):
			at = self._line_end(at)
			if self.source.read(at, at + 6) == b">From ":
				at = self._line_end(at)
			return at
		probe = at
		for _ in range(10):
			if not line.strip() and probe != at:
				return start  # a blank line: what came before it was the body of a message without header
			found = _NAME.match(line)
			if found:
				if probe == start:
					return start
				key = found.group(1).lower()
				if key in _ONE or key in _MANY:
					self.fields.defects.append("lines before the header")
					return probe
				return start
			probe = following
			if probe >= self.source.size:
				return start
			line, following = self._field(probe)
		return start

	def _line_end(self, at: int) -> int:
		found = self.source.find(b"\n", at)
		return self.source.size if found < 0 else found + 1
