from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.send.pace import WINDOWS, free_at, learnt, limits

START = datetime(2026, 11, 22, 9, 0)


@pytest.mark.parametrize(
	("text", "found"),
	[
		("You may send 300 messages per hour", {"hour": 300}),
		("limit of 2,000/day reached", {"day": 2000}),
		("max 20 emails in 1 minute", {"minute": 20}),
		("Daily sending quota: 500 exceeded", {"day": 500}),
		("hourly limit of 150 reached, 1000 mails per day", {"hour": 150, "day": 1000}),
		("limite de 200 messages par heure", {"hour": 200}),
		("Too many messages, slow down", {}),
		("4.7.0 try again in 5 minutes", {}),
		("Daily user sending limit exceeded. For more information visit 25 https://x.test/day", {}),
		("", {}),
	],
)
def test_limits_that_a_server_names(text: str, found: dict[str, int]) -> None:
	assert learnt(text) == found


@given(st.text(max_size=200))
def test_no_text_is_too_odd(text: str) -> None:
	assert all(count > 0 and window in WINDOWS for window, count in learnt(text).items())


def test_what_is_declared_comes_before_what_was_told() -> None:
	assert limits({"minute": 0, "hour": 10, "day": None}, {"hour": 50, "day": 200}) == {"hour": 10, "day": 200}


@given(
	allowed=st.dictionaries(st.sampled_from(list(WINDOWS)), st.integers(1, 12), max_size=3),
	wishes=st.lists(st.integers(0, 3000), max_size=60),
)
def test_no_window_ever_has_more_than_its_limit(allowed: dict[str, int], wishes: list[int]) -> None:
	"""Messages wished for at any moments: each leaves at once or when it may, and no sliding window has too many."""
	sent: list[datetime] = []
	now = START
	for wait in wishes:
		now += timedelta(seconds=wait)

		def nth_latest(count: int, since: datetime) -> datetime | None:
			latest = sorted((moment for moment in sent if moment > since), reverse=True)
			return latest[count - 1] if len(latest) >= count else None

		free = free_at(now, allowed, nth_latest)
		if free is not None:
			assert free > now
			now = free
			assert free_at(now, allowed, nth_latest) is None
		sent.append(now)
	for window, count in allowed.items():
		for first, last in zip(sent, sent[count:], strict=False):
			assert last - first >= WINDOWS[window]
