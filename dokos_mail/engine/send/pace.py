"""How many messages an account may send in a minute, an hour, a day: as declared, or as its server let us know."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

MINUTE, HOUR, DAY = "minute", "hour", "day"
WINDOWS: dict[str, timedelta] = {MINUTE: timedelta(minutes=1), HOUR: timedelta(hours=1), DAY: timedelta(days=1)}

_UNITS = {
	"minute": MINUTE, "min": MINUTE, "minutes": MINUTE, "1m": MINUTE,
	"hour": HOUR, "hr": HOUR, "h": HOUR, "hours": HOUR, "heure": HOUR, "hourly": HOUR, "60 minutes": HOUR,
	"day": DAY, "d": DAY, "days": DAY, "jour": DAY, "daily": DAY, "24h": DAY, "24 hours": DAY, "24 hour": DAY,
}  # fmt: skip
_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_SAID = (
	# "300 messages per hour", "limit of 500/day", "max 20 emails in 1 minute"
	re.compile(
		rf"(\d[\d,. ]{{0,8}}\d|\d)\s*(?:[a-zé-]+\s+){{0,3}}(?:/|per|par|every|each|an|in|within)\s*(?:(?:1|one|any|a)\s+)?({_UNIT})\b",
		re.IGNORECASE,
	),
	# "hourly limit of 300", "daily sending quota (2000)"
	re.compile(
		r"\b(hourly|daily)\s+(?:[a-z]+\s+){0,3}(?:limit|quota|maximum)\w*\W+(?:of\s+|is\s+|:\s*)?(\d[\d,.]*)", re.IGNORECASE
	),
)


def learnt(text: str) -> dict[str, int]:
	"""The limits that a server's words name, by window; empty when they name none."""
	found: dict[str, int] = {}
	for pattern in _SAID:
		for match in pattern.finditer(text):
			number, unit = match.groups() if match[1][0].isdigit() else (match[2], match[1])
			count = int(re.sub(r"\D", "", number))
			window = _UNITS[unit.lower()]
			if 0 < count < 10_000_000:
				found[window] = min(count, found.get(window, count))
	return found


def limits(declared: Mapping[str, int | None], told: Mapping[str, int | None]) -> dict[str, int]:
	"""The limits in force: the declared one where there is one, else what the server told."""
	both = {window: declared.get(window) or told.get(window) or 0 for window in WINDOWS}
	return {window: count for window, count in both.items() if count > 0}


def free_at(now: datetime, allowed: Mapping[str, int], nth_latest: Callable[[int, datetime], datetime | None]) -> datetime | None:
	"""When the next message may leave, or None for now.

	:param nth_latest: the moment of the n-th latest message sent since the given time, or None when there are fewer.
	A window slides: no span of an hour has more messages than the hour's limit.
	"""
	latest: datetime | None = None
	for window, count in allowed.items():
		moment = nth_latest(count, now - WINDOWS[window])
		if moment is not None and moment + WINDOWS[window] > now:
			free = moment + WINDOWS[window]
			latest = max(latest, free) if latest else free
	return latest
