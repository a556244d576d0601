"""UIDs as sets in commands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.receive.uidset import LONGEST_SET, ascending, uid_set, uid_sets


def expand(text: bytes) -> list[int]:
	uids: list[int] = []
	for piece in text.split(b","):
		low, _, high = piece.partition(b":")
		uids += range(int(low), int(high or low) + 1)
	return uids


def test_runs_are_folded() -> None:
	assert uid_set([1, 2, 3, 5, 7, 8]) == b"1:3,5,7:8"
	assert uid_set([4294967295]) == b"4294967295"
	assert list(uid_sets([], 10)) == []


@given(st.lists(st.integers(1, 4294967295), unique=True).map(sorted), st.integers(1, 50))
def test_nothing_is_added_or_left_out(uids: list[int], most: int) -> None:
	sets = list(uid_sets(uids, most))
	assert [uid for one in sets for uid in expand(one)] == uids
	assert all(len(expand(one)) <= most for one in sets)
	assert not uids or expand(uid_set(uids)) == uids


def test_sets_stay_short_enough_for_a_command_line() -> None:
	sets = list(uid_sets(range(1, 4000000000, 1000003), 10000))
	assert len(sets) > 1
	assert max(map(len, sets)) <= LONGEST_SET


@given(st.lists(st.integers(1, 50)))
def test_ascending_and_each_once(uids: list[int]) -> None:
	ordered = ascending(uids)
	assert list(ordered) == sorted(set(uids))
	# A folder may have a million messages: what is in order already is not copied.
	assert ascending(ordered) is ordered
