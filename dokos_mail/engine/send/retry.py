"""When a delivery that failed for now is tried again: soon at first, ever later, for two days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

#: After the first failure; each further one doubles it, up to LONGEST.
FIRST = timedelta(minutes=2)
LONGEST = timedelta(hours=4)
#: For this long after the first try, deliveries are tried again.
FOR = timedelta(days=2)
#: Each wait is this part longer or shorter, so that what failed together is not tried together.
JITTER = 0.2

#: A paused account: the first pause and the longest. One that somebody has to mend is asked less often.
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=30)
LONGEST_PAUSE_IF_LASTING = timedelta(hours=2)


def next_try(attempts: int, first_try: datetime, now: datetime, least_tries: int, random: Callable[[], float]) -> datetime | None:
	"""When to try again after ``attempts`` failures, or None when enough was tried.

	The last try is two days after the first one, or after ``least_tries`` tries, whichever is later.
	:param random: gives numbers from 0 up to 1.
	"""
	end = first_try + FOR
	wait = _grown(FIRST, LONGEST, attempts) * _spread(random)
	if now + wait <= end or attempts < least_tries:
		return now + wait
	return end if now < end - FIRST else None


def pause(failures: int, lasting: bool, random: Callable[[], float]) -> timedelta:
	"""How long an account rests after so many failures in a row. ``lasting``: somebody has to change something."""
	return _grown(FIRST_PAUSE, LONGEST_PAUSE_IF_LASTING if lasting else LONGEST_PAUSE, failures) * _spread(random)


def _grown(first: timedelta, longest: timedelta, count: int) -> timedelta:
	return min(first * 2 ** min(max(count, 1) - 1, 30), longest)


def _spread(random: Callable[[], float]) -> float:
	return 1 - JITTER + 2 * JITTER * random()
