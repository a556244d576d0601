"""What a SEARCH found, however the server says it, and what to ask a server that cannot search."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dokos_mail.engine.receive.responses import FetchItems, Response

#: An answer that names more UIDs than this has gone out of its mind.
MOST_FOUND = 10_000_000
_WORD = re.compile(rb"\S+")
_IN_SET = re.compile(rb"(\d{1,10})(?::(\d{1,10}))?$")
_TAG = re.compile(rb'\s*\(TAG (?:"[^"]*"|[^)]*)\)\s*', re.IGNORECASE)
_ALL = re.compile(rb"\bALL ([\d:,]+)", re.IGNORECASE)
_UIDS = re.compile(r"UID ([\d:*,]+)(?: (ALL|UNSEEN|SINCE \S+))?$")
_NUMBERS = re.compile(r"(?:\d+:)?\*$")


def found_in(response: Response) -> Iterator[int]:
	"""The UIDs in a SEARCH response, or in the ESEARCH response (RFC 4731) by which some servers answer unasked.

	Raises ValueError for one that names more than MOST_FOUND.
	"""
	if response.name == "ESEARCH":
		# ``(TAG "D4") UID COUNT 3 ALL 2,10:11``: without UID they are numbers of messages, which nobody asked for.
		items = _TAG.sub(b"", response.text)
		listed = _ALL.search(items) if items[:4].upper() == b"UID " else None
		for piece in listed[1].split(b",") if listed else ():
			if ends := _IN_SET.match(piece):
				low, high = sorted((int(ends[1]), int(ends[2] or ends[1])))
				if high - low >= MOST_FOUND:
					raise ValueError(piece)
				yield from range(low, high + 1)
	elif response.name == "SEARCH":
		# CONDSTORE servers may end the line with (MODSEQ n); it is not a UID. One word at a time: there may be a million.
		for word in _WORD.finditer(response.text.partition(b"(")[0]):
			if word[0].isdigit() and len(word[0]) <= 10:
				yield int(word[0])


@dataclass(frozen=True)
class AsFetch:
	"""A FETCH of UIDs and flags in a SEARCH's place: its ``command``, and whether read messages are left out."""

	command: bytes
	unseen: bool = False

	def finds(self, items: FetchItems) -> bool:
		return items.uid is not None and not (self.unseen and "\\Seen" in (items.flags or ()))


def as_fetch(criteria: str) -> AsFetch | None:
	"""What to ask a server that refuses ``criteria``; None when no FETCH says the same.

	It may find more than was searched for (dates are left to whoever asks), never less.
	"""
	items = " (UID FLAGS)"
	if criteria in ("ALL", "UNSEEN") or criteria.startswith("SINCE "):
		return AsFetch(f"UID FETCH 1:*{items}".encode("ascii"), criteria == "UNSEEN")
	if found := _UIDS.match(criteria):
		return AsFetch(f"UID FETCH {found[1]}{items}".encode("ascii"), found[2] == "UNSEEN")
	if _NUMBERS.match(criteria):
		return AsFetch(f"FETCH {criteria}{items}".encode("ascii"))
	return None
