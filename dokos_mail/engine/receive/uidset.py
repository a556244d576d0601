"""Sets of UIDs as commands name them (RFC 3501 section 9, sequence-set)."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

#: Servers need not take command lines over about 8,000 octets (RFC 7162 section 4).
LONGEST_SET = 7000


def compact(uids: Iterable[int] = ()) -> array:
	"""``uids`` in eight octets each, where a list takes forty: a folder may have a million."""
	return array("Q", uids)


def ascending(uids: Sequence[int]) -> Sequence[int]:
	"""``uids`` in ascending order, each once. The same object when they are so already."""
	return uids if all(one < next_ for one, next_ in pairwise(uids)) else sorted(set(uids))


def uid_sets(uids: Iterable[int], most: int) -> Iterator[bytes]:
	"""``uids`` as sets with runs folded (``1:5,8``), each of at most ``most`` UIDs and LONGEST_SET octets.

	The order is kept: a run is folded where UIDs follow one another in it.
	"""
	pieces: list[bytes] = []
	length = count = 0
	for low, high in _runs(uids, most):
		piece = b"%d" % low if low == high else b"%d:%d" % (low, high)
		size = high - low + 1
		if pieces and (count + size > most or length + len(piece) + 1 > LONGEST_SET):
			yield b",".join(pieces)
			pieces, length, count = [], 0, 0
		pieces.append(piece)
		length += len(piece) + 1
		count += size
	if pieces:
		yield b",".join(pieces)


def uid_set(uids: Iterable[int]) -> bytes:
	"""``uids`` as one set, however long."""
	return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in _runs(uids, 1 << 32))


def _runs(uids: Iterable[int], most: int) -> Iterator[tuple[int, int]]:
	low = high = None
	for uid in uids:
		if low is not None and uid == high + 1 and uid - low < most:
			high = uid
			continue
		if low is not None:
			yield low, high
		low = high = uid
	if low is not None:
		yield low, high
