"""The tree of a message's MIME parts (RFC 2046), as offsets into the source. Nothing is copied or decoded here.

One pass over the octets, no recursion, one dictionary look-up for each line that begins with ``--``: ten thousand parts
or a thousand levels cost what their octets cost. ``message/rfc822`` parts are leaves: a forwarded message is one thing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .fields import Fields, read_fields
from .params import Value, parse_value
from .source import Source

#: After this many parts the rest of the message is one last part.
MAX_PARTS = 20_000
_MAX_BOUNDARY = 1000
_MAX_GUESSES = 8


@dataclass(eq=False)
class Part:
	"""One part. The body is [``start``, ``end``) of the source; ``children`` is None for a leaf."""

	start: int
	end: int
	type: str = "text/plain"
	content_type: Value = field(default_factory=Value)
	disposition: Value = field(default_factory=Value)
	encoding: str = ""
	content_id: str | None = None
	location: bytes = b""
	description: bytes = b""
	parent: Part | None = None
	children: list[Part] | None = None

	@property
	def main(self) -> str:
		"""The type before the slash."""
		return self.type.partition("/")[0]

	def leaves(self) -> Iterator[Part]:
		"""The leaves below, in the order of the message."""
		stack = [self]
		while stack:
			part = stack.pop()
			if part.children is None:
				yield part
			else:
				stack.extend(reversed(part.children))


@dataclass
class _Open:
	"""A multipart being read."""

	part: Part
	boundary: bytes
	closed: bool = False
	#: where its closing delimiter ends
	after: int = 0
	#: what ``--boundary`` meant outside of this multipart
	shadowed: _Open | None = None


def read_structure(source: Source, start: int, defects: list[str]) -> tuple[Part, Fields]:
	"""The tree of the message that begins at ``start``, and the fields of its header."""
	return _Reader(source, defects).run(start)


class _Reader:
	def __init__(self, source: Source, defects: list[str]) -> None:
		self.source, self.defects = source, defects
		self.stack: list[_Open] = []
		self.delimiters: dict[bytes, _Open] = {}
		self.leaf: Part | None = None
		self.parts = 0
		self.guesses = 0

	def run(self, start: int) -> tuple[Part, Fields]:
		fields = read_fields(self.source, start, top=True)
		self.defects.extend(fields.defects)
		root = self._part(fields, None)
		self._walk(root, self.source.size)
		return root, fields

	def _walk(self, root: Part, end: int) -> None:
		"""Read what is below ``root``, whose body ends at ``end``; then what other multiparts turn out to hide."""
		again = [(root, end)]
		while again:
			part, end = again.pop()
			empty = self._scan(part, end)
			for multipart in empty:
				boundary = self._guess(multipart)
				if boundary:
					self.defects.append("multipart whose boundary is missing or wrong: the one found in its body is used")
					multipart.content_type.params["boundary"] = boundary
					multipart.children = []
					again.append((multipart, multipart.end))
				else:
					self.defects.append("multipart without parts: kept as text")
					multipart.type, multipart.children = "text/plain", None

	def _scan(self, root: Part, end: int) -> list[Part]:
		"""One pass over the body of ``root``. Returns the multiparts in which no part was found."""
		empty: list[Part] = []
		self.stack, self.delimiters = [], {}
		self._enter(root)
		at, size = root.start, end
		find, read = self.source.find, self.source.read
		line_start = True
		while self.stack and at < size:
			if not line_start or read(at, at + 2) != b"--":
				at = find(b"\n--", at)
				if at < 0 or at >= size:
					break
				at += 1
			stop = find(b"\n", at)
			stop = size if stop < 0 or stop > size else stop
			line = read(at, min(stop, at + _MAX_BOUNDARY + 6)).rstrip(b" \t\r")
			frame = self.delimiters.get(line)
			while frame is not None and frame.closed and frame.shadowed is not None:
				frame = frame.shadowed  # the same boundary at two levels, and the inner one is done
			if frame is None:
				at, line_start = stop, False
				continue
			if self.parts >= MAX_PARTS:
				self.defects.append(f"more than {MAX_PARTS} parts: the rest is kept as one")
				break
			self._leave_to(frame, self._before(at, root.start), empty)
			if line == b"--" + frame.boundary:
				if frame.closed:
					self.defects.append("a part after the end of its multipart")
					frame.closed = False
				fields = read_fields(self.source, min(stop + 1, size), self.delimiters, top=False)
				part = self._part(fields, frame.part)
				frame.part.children.append(part)
				at, line_start = part.start, True
				self._enter(part)
			else:
				frame.closed, frame.after = True, stop
				at, line_start = stop, False
		self._end_leaf(size)
		while self.stack:
			self._close(self.stack[-1], size, empty)
		return empty

	def _end_leaf(self, end: int) -> None:
		if self.leaf is not None:
			self.leaf.end = max(end, self.leaf.start)
			self.leaf = None

	def _enter(self, part: Part) -> None:
		if part.children is None:
			self.leaf = part
			return
		self.leaf = None
		boundary = _octets(part.content_type.params.get("boundary", ""))
		frame = _Open(part, boundary)
		if 0 < len(boundary) <= _MAX_BOUNDARY:
			frame.shadowed = self.delimiters.get(b"--" + boundary)
			self.delimiters[b"--" + boundary] = self.delimiters[b"--" + boundary + b"--"] = frame
		self.stack.append(frame)

	def _leave_to(self, frame: _Open, end: int, empty: list[Part]) -> None:
		"""Close what is open inside of ``frame``: it ends at ``end``."""
		self._end_leaf(end)
		while self.stack[-1] is not frame:
			self._close(self.stack[-1], end, empty)

	def _close(self, frame: _Open, end: int, empty: list[Part]) -> None:
		self.stack.pop()
		if frame.closed:
			if self.source.read(frame.after, min(end, frame.after + 4096)).strip():
				self.defects.append("text after the last part: it is in the original only")
		elif frame.part.children:
			self.defects.append("a multipart is cut off: its end is missing")
		frame.part.end = max(end, frame.part.start)
		if not frame.part.children:
			empty.append(frame.part)
		if frame.boundary:
			for line in (b"--" + frame.boundary, b"--" + frame.boundary + b"--"):
				if frame.shadowed is not None:
					self.delimiters[line] = frame.shadowed
				else:
					self.delimiters.pop(line, None)

	def _before(self, at: int, lowest: int) -> int:
		"""Where a body ends that the delimiter at ``at`` ends: the line break before it is the delimiter's."""
		tail = self.source.read(max(at - 2, lowest), at)
		return at - (2 if tail == b"\r\n" else 1 if tail.endswith(b"\n") else 0)

	def _part(self, fields: Fields, parent: Part | None) -> Part:
		self.parts += 1
		part = Part(fields.end, self.source.size, parent=parent)
		digest = parent is not None and parent.type == "multipart/digest"
		part.type = "message/rfc822" if digest else "text/plain"
		seen = set()
		for name, value in fields.items:
			key = name.lower()
			if key not in _MIME_FIELDS or key in seen:
				continue
			seen.add(key)
			if key == b"content-type":
				part.content_type = parse_value(value)
				part.type = _type(part.content_type.value) or (_FILE if part.content_type.get("name") else part.type)
			elif key == b"content-disposition":
				part.disposition = parse_value(value)
			elif key == b"content-transfer-encoding":
				part.encoding = _token(value)
			elif key == b"content-id":
				part.content_id = content_id(value)
			elif key == b"content-location":
				part.location = value[:2000]
			else:
				part.description = value[:2000]
		if part.main == "multipart":
			part.children = []
		return part

	def _guess(self, part: Part) -> str | None:
		"""The boundary that the body of a multipart without (or with a wrong) one uses, or None."""
		if self.guesses >= _MAX_GUESSES or part.end <= part.start:
			return None
		self.guesses += 1
		head = b"\n" + self.source.read(part.start, min(part.end, part.start + 65536)).replace(b"\r\n", b"\n")
		if first := _FIRST_LINE.match(head):
			return first.group(1).decode("latin-1")
		for found in itertools.islice(_DELIMITER.finditer(head), 5):
			line = found.group(1)
			if head.find(b"\n--" + line + b"\n", found.end()) >= 0 or self._closes(line, part):
				return line.decode("latin-1")
		return None

	def _closes(self, line: bytes, part: Part) -> bool:
		if len(line) > 58:
			line = line[:58]
		return 0 <= self.source.find(b"\n--" + line + b"--", part.start) < part.end


_MIME_FIELDS = frozenset(
	(
		b"content-type",
		b"content-disposition",
		b"content-transfer-encoding",
		b"content-id",
		b"content-location",
		b"content-description",
	)
)
_DELIMITER = re.compile(rb"\n--([!-~][ -~]{2,69})(?=\n[A-Za-z-]{2,40}:|\n\n)")
_FIRST_LINE = re.compile(rb"\n{1,9}--([!-~][ -~]{2,69})\n(?=content-[a-z-]{2,40}:)", re.I)
#: What has the name of a file, and a type that cannot be read.
_FILE = "application/octet-stream"
_TYPE = re.compile(r"([a-z0-9!#$&^_.+-]{1,100})/([a-z0-9!#$&^_.+-]{1,100})")


def _type(value: str) -> str | None:
	"""``main/sub`` in lower case, or None when the field names no type."""
	found = _TYPE.match(value.lower())
	if found:
		return found.group()
	return "text/plain" if value.lower().strip() == "text" else None


def _token(value: bytes) -> str:
	return re.split(rb"[;\s(]", value.strip().lower(), maxsplit=1)[0].strip(b"\"'").decode("latin-1")[:40]


def content_id(value: bytes) -> str | None:
	"""A Content-ID without its angle brackets."""
	text = value[:1000].decode("utf-8", "replace").strip()
	if "<" in text:
		text = text.partition("<")[2].partition(">")[0]
	return text.strip() or None


def _octets(boundary: str) -> bytes:
	return boundary.rstrip().encode("latin-1", "replace")
