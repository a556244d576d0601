"""Date fields: the instant they name, with the offset they name."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.message.dates import parse_date

DATES = [
	("Mon, 20 Nov 1995 19:12:08 -0500", "1995-11-20T19:12:08-05:00"),
	("20 Nov 95 19:12 GMT", "1995-11-20T19:12:00+00:00"),
	("Fri, 21 Nov 97 09(comment):   55  :  06 -0600", "1997-11-21T09:55:06-06:00"),
	("Thu, 13 Feb 1969 23:32 -0330 (Newfoundland Time)", "1969-02-13T23:32:00-03:30"),
	("Sat, 01 Jan 2000 00:00:00 -0000", "2000-01-01T00:00:00+00:00"),
	("Tue, 2 janv. 2024 10:00:00 +0100", "2024-01-02T10:00:00+01:00"),
	("Jeu, 3 août 2023 08:15:00 +0200", "2023-08-03T08:15:00+02:00"),
	("Do, 14 Dez 2023 08:15:00 +0100", "2023-12-14T08:15:00+01:00"),
	("2024-01-02T03:04:05+01:00", "2024-01-02T03:04:05+01:00"),
	("2024-01-02T03:04:05Z", "2024-01-02T03:04:05+00:00"),
	("2024-01-02 03:04:05.123456 +0100", "2024-01-02T03:04:05+01:00"),
	("Tue Jan  2 10:00:00 2024", "2024-01-02T10:00:00+00:00"),
	("Tue Jan  2 10:00:00 CET 2024", "2024-01-02T10:00:00+01:00"),
	("Mon, 1 Jan 2024 10.30.00 GMT+0200", "2024-01-01T10:30:00+02:00"),
	("1 Jan 2024 10:00 PM", "2024-01-01T22:00:00+00:00"),
	("1 Jan 2024 12:05 AM +0100", "2024-01-01T00:05:00+01:00"),
	("Mon,  1-Jan-24 10:00:00 EST", "2024-01-01T10:00:00-05:00"),
	("20 Nov 2023 19:12:08", "2023-11-20T19:12:08+00:00"),
	("Mon, 20 Nov 2023 19:12:08 +9900", "2023-11-20T19:12:08+00:00"),
	("Mon, 20 Nov 2023 19:12:08 +02:00", "2023-11-20T19:12:08+02:00"),
	("Tue, 14 November 2023 8:05:01 -700", "2023-11-14T08:05:01-07:00"),
	("Wed, 1 Apr 2020 24:00:00 +0000", "2020-04-02T00:00:00+00:00"),
	("Sat, 31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00+00:00"),
	("Mon, 1 Jan 0024 10:00:00 +0100", "2024-01-01T10:00:00+01:00"),
	("Mon,  2 Apr 101 04:20:10 CST", "2001-04-02T04:20:10-06:00"),
	("Wednesday, April 03, 2002 5:56 AM", "2002-04-03T05:56:00+00:00"),
	("Mon, 31 Feb 2024 10:00:00 +0000", None),
	("Mon, 20 Nov 2023 25:12:08 +0000", None),
	("12/11/2023 10:00", None),
	("garbage", None),
	("", None),
	("Mon, 1 Jan 9999 23:59:59 -1400", "9999-01-01T23:59:59-14:00"),
]


@pytest.mark.parametrize(("value", "expected"), DATES, ids=range(len(DATES)))
def test_date(value: str, expected: str | None) -> None:
	found = parse_date(value)
	assert (found.isoformat() if found else None) == expected


@given(
	st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
	st.integers(-12 * 60, 14 * 60),
)
def test_what_python_writes_is_read(moment: datetime, offset: int) -> None:
	aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
	found = parse_date(format_datetime(aware))
	assert found == aware
	assert found.utcoffset() == aware.utcoffset()


@given(st.text(max_size=80))
def test_never_raises_and_never_naive(text: str) -> None:
	found = parse_date(text)
	assert found is None or found.tzinfo is not None


def test_a_missing_zone_is_said() -> None:
	defects: list[str] = []
	parse_date("20 Nov 2023 19:12:08", defects)
	assert defects == ["Date without a zone: UTC is taken"]
