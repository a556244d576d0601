"""Which messages a pull fetches: single cases first, then any mailbox over any sequence of events."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dokos_mail.engine.receive.model import FirstSync, FolderStatus, Position
from dokos_mail.engine.receive.plan import UIDS_WENT_BACK, UIDVALIDITY_CHANGED, fetch_plan, search_criteria

NEVER = Position()
ALL_10 = FirstSync(unseen_only=False, count=10)
UNSEEN_10 = FirstSync(unseen_only=True, count=10)


def status(uidnext: int | None, exists: int, uidvalidity: int = 7) -> FolderStatus:
	return FolderStatus(uidvalidity, uidnext, exists)


@pytest.mark.parametrize(
	("position", "folder", "first", "criteria"),
	[
		(NEVER, status(1, 0), ALL_10, None),
		(NEVER, status(11, 10), ALL_10, "ALL"),
		(NEVER, status(12, 11), ALL_10, "2:*"),
		(NEVER, status(90, 30), ALL_10, "21:*"),
		(NEVER, status(90, 30), UNSEEN_10, "UNSEEN"),
		(NEVER, status(90, 30), FirstSync(False, 0), None),
		(Position(7, 89), status(90, 30), ALL_10, "UID 90:*"),
		(Position(7, 89), status(90, 0), ALL_10, None),
		(Position(7, 0), status(None, 3), ALL_10, "UID 1:*"),
		(Position(6, 89), status(90, 30), UNSEEN_10, "ALL"),
		(Position(7, 90), status(90, 30), UNSEEN_10, "ALL"),
	],
)
def test_criteria(position: Position, folder: FolderStatus, first: FirstSync, criteria: str | None) -> None:
	assert search_criteria(position, folder, first) == criteria


def test_the_first_takes_the_most_recent_and_marks_the_rest_as_not_wanted() -> None:
	plan = fetch_plan(NEVER, status(100, 50), FirstSync(False, 3), [90, 5, 99, 40, 99, 7])
	assert tuple(plan.uids) == (40, 90, 99)
	assert plan.done == Position(7, 99)
	assert plan.first
	assert not plan.resync


def test_the_first_of_a_folder_without_unread_mail_still_knows_where_it_stands() -> None:
	assert fetch_plan(NEVER, status(100, 50), UNSEEN_10, []).done == Position(7, 99)
	assert fetch_plan(NEVER, status(1, 0), UNSEEN_10, []).done == Position(7, 0)


def test_what_arrives_while_the_first_looks_is_new_at_the_next_pull() -> None:
	"""UID 100 came already read, 101 unread: a search for unread mail finds only 101, and 100 must not be passed over."""
	plan = fetch_plan(NEVER, status(100, 50), UNSEEN_10, [98, 101])
	assert tuple(plan.uids) == (98,)
	assert plan.done == Position(7, 99)


def test_without_uidnext_the_highest_found_stands_in() -> None:
	assert fetch_plan(NEVER, status(None, 3), ALL_10, [4, 9]).done == Position(7, 9)
	assert fetch_plan(NEVER, status(None, 0), ALL_10, []).done == Position(7, 0)


def test_the_last_message_is_not_new_again() -> None:
	"""T5 and RFC 3501 section 6.4.8: `UID 90:*` finds 89 when it is the last."""
	plan = fetch_plan(Position(7, 89), status(90, 30), ALL_10, [89])
	assert tuple(plan.uids) == ()
	assert plan.done == Position(7, 89)


def test_new_ones_are_taken_whatever_their_number() -> None:
	plan = fetch_plan(Position(7, 89), status(190, 130), FirstSync(True, 1), range(89, 190))
	assert tuple(plan.uids) == tuple(range(90, 190))
	assert plan.done == Position(7, 189)
	assert not plan.first


def test_uidnext_alone_moves_no_position() -> None:
	"""A search may lag behind UIDNEXT: what it does not show yet must be found later."""
	assert fetch_plan(Position(7, 89), status(95, 30), ALL_10, [91]).done == Position(7, 91)


def test_another_uidvalidity_starts_over() -> None:
	plan = fetch_plan(Position(6, 900), status(4, 3), FirstSync(True, 1), [1, 2, 3])
	assert tuple(plan.uids) == (1, 2, 3)
	assert plan.done == Position(7, 3)
	assert plan.resync
	assert plan.notes == (UIDVALIDITY_CHANGED,)
	assert fetch_plan(Position(6, 900), status(4, 0), ALL_10, []).done == Position(7, 3)


def test_uids_that_went_back_are_noticed() -> None:
	plan = fetch_plan(Position(7, 900), status(4, 3), ALL_10, [1, 2, 3])
	assert (tuple(plan.uids), plan.resync, plan.notes) == ((1, 2, 3), True, (UIDS_WENT_BACK,))
	assert plan.done == Position(7, 3)


@dataclass
class Mailbox:
	"""A folder as a server keeps it, and SEARCH as RFC 3501 has it."""

	uidvalidity: int = 1
	uidnext: int = 1
	messages: dict[int, tuple[int, bool]] = field(default_factory=dict)

	def append(self, identity: int, seen: bool) -> None:
		self.messages[self.uidnext] = (identity, seen)
		self.uidnext += 1

	def status(self, tells_uidnext: bool) -> FolderStatus:
		if tells_uidnext:
			return FolderStatus(self.uidvalidity, self.uidnext, len(self.messages))
		stand_in = max(self.messages) + 1 if self.messages else None
		return FolderStatus(self.uidvalidity, stand_in, len(self.messages), uidnext_told=False)

	def search(self, criteria: str) -> list[int]:
		uids = sorted(self.messages)
		if criteria == "ALL":
			return uids
		if criteria == "UNSEEN":
			return [uid for uid in uids if not self.messages[uid][1]]
		if criteria.startswith("UID "):
			low = int(criteria[4:].partition(":")[0])
			return [uid for uid in uids if uid >= low] or uids[-1:]
		low = int(criteria.partition(":")[0])
		return uids[min(low, len(uids)) - 1 :]


class Pulls(RuleBasedStateMachine):
	"""Random appends, removals, reading and renumbering, with pulls in between: what each pull fetched is compared with
	what was in the folder at that pull."""

	@initialize(unseen_only=st.booleans(), count=st.integers(0, 6), tells_uidnext=st.booleans(), before=st.integers(0, 12))
	def begin(self, unseen_only: bool, count: int, tells_uidnext: bool, before: int) -> None:
		self.first = FirstSync(unseen_only, count)
		self.tells_uidnext = tells_uidnext
		self.mailbox = Mailbox()
		self.position = Position()
		self.identities = 0
		self.fetched: list[int] = []
		self.not_wanted: set[int] = set()
		for number in range(before):
			self.append(seen=number % 3 == 0)

	@rule(seen=st.booleans())
	def append(self, seen: bool) -> None:
		self.identities += 1
		self.mailbox.append(self.identities, seen)

	@rule(data=st.data())
	def expunge(self, data: st.DataObject) -> None:
		if self.mailbox.messages:
			del self.mailbox.messages[data.draw(st.sampled_from(sorted(self.mailbox.messages)))]

	@rule(data=st.data(), seen=st.booleans())
	def flag(self, data: st.DataObject, seen: bool) -> None:
		if self.mailbox.messages:
			uid = data.draw(st.sampled_from(sorted(self.mailbox.messages)))
			self.mailbox.messages[uid] = (self.mailbox.messages[uid][0], seen)

	@rule(gap=st.integers(1, 5))
	def renumber(self, gap: int) -> None:
		self.mailbox.uidvalidity += 1
		kept = list(self.mailbox.messages.values())
		self.mailbox.messages, self.mailbox.uidnext = {}, gap
		for identity, seen in kept:
			self.mailbox.append(identity, seen)

	@rule(arriving=st.lists(st.booleans(), max_size=3))
	def pull(self, arriving: list[bool]) -> None:
		folder = self.mailbox.status(self.tells_uidnext)
		there = {identity for identity, _seen in self.mailbox.messages.values()}
		if self.tells_uidnext:
			# Mail that comes between EXAMINE and SEARCH.
			for seen in arriving:
				self.append(seen)
		criteria = search_criteria(self.position, folder, self.first)
		plan = fetch_plan(self.position, folder, self.first, self.mailbox.search(criteria) if criteria else [])
		got = [self.mailbox.messages[uid][0] for uid in plan.uids]
		if plan.first:
			assert len(got) <= self.first.count
			self.not_wanted = there - set(got)
		elif plan.resync:
			assert self.position.uidvalidity != folder.uidvalidity
			# What is known, or was not wanted, is recognised by its content after the fetch.
			got = [identity for identity in got if identity not in self.fetched and identity not in self.not_wanted]
		self.fetched += got
		self.position = plan.done
		assert there - self.not_wanted <= set(self.fetched), "a message that was there is missing"

	@invariant()
	def each_once(self) -> None:
		if hasattr(self, "fetched"):
			assert len(self.fetched) == len(set(self.fetched))
			assert not self.not_wanted & set(self.fetched)


TestPulls = Pulls.TestCase
TestPulls.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
