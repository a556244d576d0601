"""Which messages of a POP3 mailbox are new, decided from what is known and what is listed: pure functions.

POP3 has no position to keep: a message is known by its UIDL, for as long as it is listed. One that is gone and comes
back is new mail. Where a server gives no UIDL, or the same to several messages, the content stands in for it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

#: As many as there are.
ALL = 1 << 62


@dataclass(frozen=True)
class Listed:
	"""A message of the mailbox: its number in this session, its size in octets as the server counts them, its UIDL.

	``uidl`` is empty when the server tells none, or one that other messages of the listing have as well.
	"""

	number: int
	size: int
	uidl: str = ""


@dataclass(frozen=True)
class Plan:
	"""What to do about a listing.

	``fetch`` are new messages and ``by_content`` those that only their content can tell, both by number, ascending.
	``passed_over`` are keys of messages that the first synchronisation does not want, as long as they are listed.
	"""

	fetch: tuple[Listed, ...]
	by_content: tuple[Listed, ...]
	passed_over: frozenset[str]


def listed(sizes: Mapping[int, int], ids: Mapping[int, bytes]) -> list[Listed]:
	"""The listing, from the answers to LIST and to UIDL. A UIDL may be of any length and have any octets in it."""
	times = Counter(uidl for uidl in ids.values() if uidl)
	return [
		Listed(number, sizes.get(number, 0), ids[number].decode("latin-1") if times[ids.get(number, b"")] == 1 else "")
		for number in sorted({*sizes, *ids})
	]


def key(message: Listed) -> str:
	"""What a message with an UIDL of its own is known by."""
	return f"u:{_digest(message.uidl)}"


def content_key(sha256: str, copy: int) -> str:
	"""What a message without is known by: its octets, and which copy of them in the listing it is, from 0."""
	return f"c:{_digest(sha256, str(copy))}"


def place_key(message: Listed) -> str:
	"""What stands in when there is neither UIDL nor content to be had."""
	return f"p:{_digest(str(message.number), str(message.size))}"


def has_uidl(own: str) -> bool:
	"""Whether a key is one by UIDL."""
	return own.startswith("u:")


def plan(messages: Sequence[Listed], known: Collection[str], passed_over: Collection[str], first_count: int | None) -> Plan:
	"""``known`` are the keys of journalled messages that were listed so far; ``first_count`` is None but at the first pull.

	The first synchronisation takes the ``first_count`` last ones of those that can be told apart, and all others.
	"""
	by_key = {key(message): message for message in messages if message.uidl}
	new = [own for own in by_key if own not in known and own not in passed_over]
	over = {own for own in passed_over if own in by_key}
	if first_count is not None and first_count < len(new):
		over.update(new[: len(new) - first_count])
		new = new[len(new) - first_count :]
	by_content = tuple(message for message in messages if not message.uidl)
	return Plan(tuple(by_key[own] for own in new), by_content, frozenset(over))


def gone(messages: Sequence[Listed], known: Iterable[str], read_by_content: Collection[str] | None) -> list[str]:
	"""Those of ``known`` that are listed no longer. ``read_by_content``: keys of all messages without UIDL, if all were read.

	As long as one of them could not be read, none of them is taken for gone.
	"""
	here = {key(message) for message in messages if message.uidl}
	if read_by_content is None:
		return [own for own in known if has_uidl(own) and own not in here]
	here.update(read_by_content)
	return [own for own in known if own not in here]


def fingerprint(messages: Iterable[Listed]) -> str:
	"""Tells listings of messages without UIDL apart: they are read again only when it changes. Empty for none."""
	lines = [f"{message.number} {message.size}" for message in messages]
	return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32] if lines else ""


def _digest(*parts: str) -> str:
	return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
