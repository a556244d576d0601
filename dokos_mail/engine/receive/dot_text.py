"""Texts that end with a line of one dot (RFC 1939 section 3), taken apart as they come."""

from __future__ import annotations

import re

_END = re.compile(rb"\n\.\r\n")
_END_BARE = re.compile(rb"\n\.\r?\n")
#: What may be the beginning of an end, or of a dot to be removed.
_TAIL = re.compile(rb"\n(?:\.\r?)?\Z")


class DotText:
	"""One text: ``feed`` it what comes, until ``ended``; then ``rest`` is what came after it.

	A line that begins with two dots loses one; every other octet stays as it came. ``bare_lines`` says that the server
	ends its lines with LF alone, so that a dot between two LF ends the text. From any other server that is a line of
	the message, whose own line ends are as odd.
	"""

	def __init__(self, *, bare_lines: bool = False) -> None:
		self.ended = False
		self.rest = b""
		self._end = _END_BARE if bare_lines else _END
		# The text begins as if after a line end, which is not part of it.
		self._held, self._before = b"\n", 1

	def feed(self, data: bytes) -> bytes:
		"""The next octets of the text. May be empty while it goes on."""
		data = self._held + data
		if end := self._end.search(data):
			self.ended, self.rest, self._held = True, data[end.end() :], b""
			return self._without_dots(data[: end.start() + 1])
		tail = _TAIL.search(data)
		start = tail.start() if tail else len(data)
		self._held = data[start:]
		return self._without_dots(data[:start])

	def _without_dots(self, data: bytes) -> bytes:
		if not data:
			return data
		before, self._before = self._before, 0
		return data.replace(b"\n..", b"\n.")[before:]
