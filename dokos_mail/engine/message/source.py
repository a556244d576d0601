"""Where the octets of a message come from: memory, or a file that is never held whole.

Lines end in LF for whoever reads through :meth:`read` and :meth:`find`: in a message whose lines end in CR alone, CR is
shown as LF, octet for octet, so that offsets are the same. ``original`` gives the octets as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

CHUNK = 256 * 1024
_FIRST_BLANK_LINE = re.compile(rb"\r\r(?!\r{0,3}\n)|\n")


class Source(Protocol):
	"""Octets ``0..size`` of one message."""

	size: int

	def read(self, start: int, end: int) -> bytes:
		"""The octets of [start, end), CR shown as LF where CR alone ends lines."""

	def original(self, start: int, end: int) -> bytes:
		"""The octets of [start, end) as they are."""

	def find(self, needle: bytes, start: int) -> int:
		"""Offset of the first ``needle`` (at most 64 octets) at or after ``start``, or -1."""


def cr_only(head: bytes) -> bool:
	"""Whether the lines of a message that starts so end in CR alone: no LF before the first blank line."""
	found = _FIRST_BLANK_LINE.search(head)
	return found.group() == b"\r\r" if found else b"\r" in head[:-1]


class MemorySource:
	"""A message in memory."""

	def __init__(self, data: bytes) -> None:
		self._data = data
		self._text = data.replace(b"\r", b"\n") if b"\r" in data[:CHUNK] and cr_only(data[:CHUNK]) else data
		self.size = len(data)

	def read(self, start: int, end: int) -> bytes:
		return self._text[start:end]

	def original(self, start: int, end: int) -> bytes:
		return self._data[start:end]

	def find(self, needle: bytes, start: int) -> int:
		return self._text.find(needle, start)


class FileSource:
	"""A message in an open file, read in pieces; one piece is remembered, since reading goes forward."""

	def __init__(self, file: BinaryIO) -> None:
		self._file = file
		self.size = file.seek(0, 2)
		self._at, self._piece = 0, b""
		self._cr = False
		self._cr = cr_only(self.original(0, CHUNK))

	def original(self, start: int, end: int) -> bytes:
		end = min(end, self.size)
		if start >= end:
			return b""
		if not self._at <= start <= end <= self._at + len(self._piece):
			self._file.seek(start)
			if end - start > CHUNK:
				return self._file.read(end - start)
			self._at, self._piece = start, self._file.read(CHUNK)
		return self._piece[start - self._at : end - self._at]

	def read(self, start: int, end: int) -> bytes:
		data = self.original(start, end)
		return data.replace(b"\r", b"\n") if self._cr else data

	def find(self, needle: bytes, start: int) -> int:
		overlap = len(needle) - 1
		while start < self.size:
			end = min(start + CHUNK // 2, self.size)
			if (found := self.read(start, min(end + overlap, self.size)).find(needle)) >= 0:
				return start + found
			start = end
		return -1


def pieces(read: Callable[[int, int], bytes], start: int, end: int, size: int = CHUNK) -> Iterator[bytes]:
	"""What ``read`` gives for [start, end), in pieces of at most ``size`` octets."""
	for at in range(start, end, size):
		yield read(at, min(at + size, end))


_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def as_octets(data: bytes) -> tuple[bytes, str | None]:
	"""A message saved as UTF-16 by a text editor, as UTF-8 again; others unchanged. And the defect, if it was so."""
	encoding = _UTF16.get(data[:2])
	if encoding is None and len(data) >= 16:
		even, odd = data[0:16:2], data[1:16:2]
		if not odd.strip(b"\0") and all(octet >= 32 for octet in even):
			encoding = "utf-16-le"
		elif not even.strip(b"\0") and all(octet >= 32 for octet in odd):
			encoding = "utf-16-be"
	if encoding is None:
		return data, None
	return data.decode(encoding, "replace").removeprefix("\ufeff").encode("utf-8", "replace"), "the message is in UTF-16"


def first_offset(source: Source) -> int:
	"""Where the message begins: after a byte order mark and blank lines."""
	head = source.read(0, 4096)
	start = 3 if head.startswith(b"\xef\xbb\xbf") else 0
	while start < len(head) and head[start : start + 1] in b"\r\n":
		start += 1
	return start if start < len(head) else 0


def open_source(path: Path) -> tuple[FileSource, BinaryIO]:
	"""A source on a file, and the file, which the caller closes."""
	file = path.open("rb")
	return FileSource(file), file
