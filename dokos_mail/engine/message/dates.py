"""Dates of mail: RFC 5322 section 3.3, its obsolete forms, and what else is sent as a date."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_MONTHS = {
	name: number
	for number, names in enumerate(
		(
			"jan january janv janvier januar enero ene gennaio gen",
			"feb february fev fevr fevrier februar febrero febbraio",
			"mar march mars marz maerz marzo mrz",
			"apr april avr avril abril abr aprile",
			"may mai mayo maggio mag",
			"jun june juin juni junio giugno giu",
			"jul july juil juillet juli julio luglio lug",
			"aug august aout ago agosto",
			"sep sept september septembre septiembre settembre set",
			"oct october octobre oktober okt octubre ottobre ott",
			"nov november novembre noviembre",
			"dec december decembre dezember dez diciembre dic dicembre",
		),
		start=1,
	)
	for name in names.split()
}
#: RFC 5322 section 4.3 and the zones senders still name, in minutes east of UTC.
_ZONES = {
	"ut": 0, "utc": 0, "gmt": 0, "z": 0, "wet": 0, "west": 60, "bst": 60, "cet": 60, "met": 60, "cest": 120, "mest": 120,
	"eet": 120, "eest": 180, "msk": 180, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360,
	"pst": -480, "pdt": -420, "jst": 540, "hst": -600, "akst": -540, "akdt": -480, "aest": 600, "aedt": 660,
}  # fmt: skip
_ACCENTS = str.maketrans("éèêûùäáàô", "eeeuuaaao")
_COMMENT = re.compile(r"\([^()]{0,200}\)")
_TIME = re.compile(r"(?<!\d)(\d{1,2})\s?[:.h]\s?(\d{2})(?:\s?[:.]\s?(\d{2})(?:[.,]\d{1,9})?)?(?:\s?([ap])\.?m\b\.?)?", re.I)
_OFFSET = re.compile(r"(?:\b(?:utc|gmt)\s?)?([+-])\s?(\d{1,2}):?(\d{2})?(?!\d)", re.I)
_DAY_MONTH = re.compile(
	r"(?<!\d)(\d{1,2})(?:er|st|nd|rd|th)?\.?[\s,/-]{0,4}([a-z]{3,10})\.?[\s,/-]{0,4}(\d{2,4})(?!\d|\s?[:.h]\s?\d\d)"
)
_MONTH_DAY = re.compile(r"\b([a-z]{3,10})\.?\s{1,4}(\d{1,2})(?:st|nd|rd|th)?\b(?!\s?:)")
_YEAR = re.compile(r"(?<![\d:+-])(\d{4})(?!\d)")
_NUMERIC = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?=t|\D|$)")
_ZONE_WORD = re.compile(r"\b([a-z]{1,5})\b")


def parse_date(value: str, defects: list[str] | None = None) -> datetime | None:
	"""The instant a Date field names, with its offset; None when it names none.

	Without a zone, or with ``-0000``, UTC is taken. Years of two digits are read as RFC 5322 section 4.3 says.
	"""
	defects = [] if defects is None else defects
	text = " ".join(_COMMENT.sub(" ", value[:300].lower().translate(_ACCENTS)).split())
	if not text:
		return None
	try:
		found = _read(text, defects)
	except (ValueError, OverflowError):
		found = None
	if found is None:
		defects.append(f"Date {value[:80]!r} is none")
	return found


def _read(text: str, defects: list[str]) -> datetime | None:
	day = _day(text)
	if day is None:
		return None
	year, month, number, rest = day
	hour = minute = second = 0
	if clock := _TIME.search(rest):
		hour, minute, second = int(clock.group(1)), int(clock.group(2)), int(clock.group(3) or 0)
		if clock.group(4):
			hour = hour % 12 + (12 if clock.group(4) == "p" else 0)
		zone = rest[clock.end() :]
	else:
		defects.append("Date without a time")
		zone = ""
	extra = timedelta()
	if second == 60:
		second, extra = 59, timedelta(seconds=1)  # a leap second
	if (hour, minute, second) == (24, 0, 0):
		hour, extra = 0, timedelta(days=1)
	return datetime(year, month, number, hour, minute, second, tzinfo=_zone(zone, defects)) + extra


def _day(text: str) -> tuple[int, int, int, str] | None:
	"""Year, month, day, and the text without them."""
	if found := _NUMERIC.search(text):
		rest = text[found.end() :]
		return int(found.group(1)), int(found.group(2)), int(found.group(3)), rest.removeprefix("t")
	for found in _DAY_MONTH.finditer(text):
		month = _MONTHS.get(found.group(2))
		if month:
			return _full_year(found.group(3)), month, int(found.group(1)), text[: found.start()] + " " + text[found.end() :]
	for found in _MONTH_DAY.finditer(text):
		month = _MONTHS.get(found.group(1))
		year = _YEAR.search(text, found.end())
		if month and year:
			# "Tue Jan  2 10:00:00 2024", zone before or after the year
			return int(year.group(1)), month, int(found.group(2)), text[found.end() : year.start()] + " " + text[year.end() :]
	return None


def _full_year(digits: str) -> int:
	year = int(digits)
	if year < 100:  # "0024" too
		return year + (2000 if year < 50 else 1900)
	return year + 1900 if len(digits) == 3 else year


def _zone(text: str, defects: list[str]) -> timezone:
	if found := _OFFSET.search(text):
		hours, minutes = int(found.group(2)), int(found.group(3) or 0)
		if hours <= 14 and minutes < 60:
			offset = timedelta(hours=hours, minutes=minutes)
			return timezone(-offset if found.group(1) == "-" else offset)
		defects.append("Date with an impossible zone: UTC is taken")
		return timezone.utc
	for found in _ZONE_WORD.finditer(text):
		if found.group(1) in _ZONES:
			return timezone(timedelta(minutes=_ZONES[found.group(1)]))
	defects.append("Date without a zone: UTC is taken")
	return timezone.utc
