"""Where the first pull starts in a folder that the host read before: decided by what the server finds."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from dokos_mail.engine.receive.model import FolderStatus
from dokos_mail.inbound.takeover import HostsMail, Takeover, message_id_criteria, plan

LAST = datetime(2026, 3, 2, 1, 0)


def server(messages: dict[int, str], since: set[int] = frozenset(), unseen: set[int] = frozenset()) -> Callable[[str], list[int]]:
	"""A SEARCH over messages known by UID and Message-ID."""

	def search(criteria: str) -> list[int]:
		if criteria.startswith("SINCE"):
			assert criteria == "SINCE 28-Feb-2026"
			return sorted(since)
		if criteria == "UNSEEN":
			return sorted(unseen)
		asked = re.findall(r'HEADER Message-ID "([^"]*)"', criteria)
		assert criteria.count("OR ") == len(asked) - 1
		return [uid for uid, message_id in messages.items() if message_id in asked]

	return search


def decide(search: Callable[[str], list[int]], ids: tuple[str, ...], *, unseen_only: bool, uidnext: int | None = 20) -> Takeover:
	return plan(HostsMail(LAST, ids), FolderStatus(7, uidnext, 12), unseen_only, search)


def test_what_lies_above_the_newest_mail_of_the_host_is_new() -> None:
	search = server({3: "a@x", 9: "b@x", 15: "new@x"}, since={15})
	assert decide(search, ("b@x", "a@x", "gone@x"), unseen_only=False) == Takeover((), 9)


def test_old_mail_moved_back_into_the_folder_hides_nothing() -> None:
	"""12 and 13 came while the host was down; then its last mail was moved away and back, and is now 14."""
	search = server({9: "a@x", 12: "p@x", 13: "q@x", 14: "b@x"}, since={12, 13, 14})
	assert decide(search, ("b@x", "a@x"), unseen_only=False) == Takeover((12, 13), 14)


def test_unread_mail_is_waited_for_where_the_host_read_unread_mail() -> None:
	search = server({9: "a@x"}, unseen={4, 9, 11})
	assert decide(search, ("a@x",), unseen_only=True) == Takeover((4,), 9)
	assert decide(search, ("a@x",), unseen_only=False) == Takeover((), 9)


def test_without_a_trace_of_the_host_the_date_decides() -> None:
	search = server({}, since={17, 18}, unseen={2})
	assert decide(search, ("gone@x",), unseen_only=False) == Takeover((17, 18), 19)
	assert decide(search, (), unseen_only=True) == Takeover((2, 17, 18), 19)
	assert decide(search, (), unseen_only=False, uidnext=None) == Takeover((17, 18), 18)


def test_an_empty_folder_starts_at_its_end() -> None:
	assert plan(HostsMail(LAST, ("a@x",)), FolderStatus(7, 20, 0), True, server({})) == Takeover((), 19)


def test_criteria_are_short_enough_and_cannot_be_broken_out_of() -> None:
	criteria = message_id_criteria([f"{number}@x" for number in range(50)])
	assert [line.count("HEADER") for line in criteria] == [20, 20, 10]
	assert message_id_criteria(['a"b\\c@x']) == ['HEADER Message-ID "a\\"b\\\\c@x"']
	assert message_id_criteria(["é@x", "a\r\nb@x", "y" * 300]) == []
