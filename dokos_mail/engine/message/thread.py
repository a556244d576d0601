"""Which messages a message names, read from its header alone; and messages in such an order that none is before its parent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .fields import read_fields
from .headers import decode_header
from .ids import message_id, message_ids
from .source import MemorySource, first_offset

#: Octets of a message among which its header is looked for.
HEAD = 32 * 1024


@dataclass(frozen=True)
class Link:
	"""A message in a thread: its own Message-ID, and those it says it follows."""

	message_id: str | None = None
	follows: frozenset[str] = frozenset()


def read_link(path: Path) -> Link:
	"""The link of a raw message on disk; nothing is read but the beginning of its header. OSError when the file cannot be."""
	with path.open("rb") as file:
		source = MemorySource(file.read(HEAD))
	fields = read_fields(source, first_offset(source), top=True)
	own = fields.get(b"message-id")
	named = (fields.get(name) for name in (b"in-reply-to", b"references"))
	follows = (one for value in named if value for one in message_ids(decode_header(value)))
	return Link(message_id(decode_header(own)) if own else None, frozenset(follows))


def parents_first(links: Sequence[Link]) -> list[int]:
	"""The numbers of the messages in an order in which none comes before one that it follows.

	Otherwise their order is kept; messages that follow each other in a circle keep theirs.
	"""
	first: dict[str, int] = {}
	for number, link in enumerate(links):
		if link.message_id:
			first.setdefault(link.message_id, number)
	parents = [
		sorted(first[one] for one in link.follows if first.get(one, number) != number) for number, link in enumerate(links)
	]
	order: list[int] = []
	state = [0] * len(links)  # 1: its parents are being put before it, 2: it has its place
	for number in range(len(links)):
		stack = [number]
		while stack:
			top = stack[-1]
			waiting = [parent for parent in parents[top] if state[parent] == 0] if state[top] == 0 else []
			if state[top] == 0:
				state[top] = 1
				stack.extend(reversed(waiting))
				if waiting:
					continue
			stack.pop()
			if state[top] == 1:
				state[top] = 2
				order.append(top)
	return order
