from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.send.retry import FIRST, FOR, JITTER, LONGEST, LONGEST_PAUSE, LONGEST_PAUSE_IF_LASTING, next_try, pause

START = datetime(2026, 11, 22, 9, 0)
randoms = st.floats(0, 1, exclude_max=True)


def tries(least: int, random: float, start: datetime = START) -> list[datetime]:
	"""The moments of all tries, each made as soon as it may be."""
	moments = [start]
	while (following := next_try(len(moments), start, moments[-1], least, lambda: random)) is not None:
		moments.append(following)
		assert len(moments) < 1000
	return moments


@given(least=st.integers(0, 30), random=randoms)
def test_tries_go_on_for_two_days_and_at_least_so_often(least: int, random: float) -> None:
	moments = tries(least, random)
	waits = [later - earlier for earlier, later in pairwise(moments)]
	assert all(wait > timedelta(0) for wait in waits)
	assert len(moments) >= least
	assert moments[-1] - START >= timedelta(days=2) - FIRST
	if len(moments) > max(least, 1):
		assert moments[-1] - START <= timedelta(days=2)
	assert all(wait <= LONGEST * (1 + JITTER) for wait in waits)
	assert waits[0] <= FIRST * (1 + JITTER)


@given(random=randoms)
def test_waits_double(random: float) -> None:
	moments = tries(3, random)
	waits = [later - earlier for earlier, later in pairwise(moments)]
	for shorter, longer in pairwise(waits[:6]):
		assert timedelta(seconds=1) > abs(longer - 2 * shorter)


def test_what_failed_together_is_not_tried_together() -> None:
	assert len({next_try(3, START, START, 3, iter([part / 10]).__next__) for part in range(10)}) == 10


@given(attempts=st.integers(1, 10**6), age=st.timedeltas(timedelta(0), timedelta(days=400)), random=randoms)
def test_nothing_is_tried_for_ever(attempts: int, age: timedelta, random: float) -> None:
	following = next_try(attempts, START, START + age, 3, lambda: random)
	if age > FOR and attempts >= 3:
		assert following is None
	if following is not None:
		assert following > START + age


@given(failures=st.integers(0, 10**6), random=randoms)
def test_an_account_rests_ever_longer_up_to_a_limit(failures: int, random: float) -> None:
	for lasting, longest in ((False, LONGEST_PAUSE), (True, LONGEST_PAUSE_IF_LASTING)):
		rest = pause(failures, lasting, lambda: random)
		assert timedelta(seconds=30) < rest <= longest * (1 + JITTER)
		assert pause(failures + 1, lasting, lambda: random) >= rest
	for rests in range(1, 5):
		longer, shorter = (pause(each, False, lambda: random) for each in (rests + 1, rests))
		assert abs(longer - 2 * shorter) < timedelta(seconds=1)
