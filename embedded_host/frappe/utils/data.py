"""Numbers, moments and texts. Moments are naive and in the site's time zone (System Settings), unless a name says otherwise."""

from __future__ import annotations

import datetime
import html
import operator
import re
import secrets
import string
from collections.abc import Callable
from email.utils import parseaddr
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urljoin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil import parser
from dateutil.relativedelta import relativedelta

import frappe.exceptions as errors
from frappe.host.context import local

DATE_FORMAT = "%Y-%m-%d"
TIME_FORMAT = "%H:%M:%S.%f"
DATETIME_FORMAT = f"{DATE_FORMAT} {TIME_FORMAT}"
_LETTERS = string.ascii_letters + string.digits
_EMAIL = re.compile(
	r"^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
	r"@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$",
	re.IGNORECASE,
)
#: What nearly every address is, and what needs no further look: a part of what _EMAIL takes.
_PLAIN_EMAIL = re.compile(
	r"[A-Za-z0-9_]+(?:[.+-][A-Za-z0-9_]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z0-9]+",
)
_ADDRESS_SEPARATOR = re.compile(r'[,\n](?=(?:[^"]|"[^"]*")*$)')
_TAGS = re.compile(r"<[^>]*>")


# -- numbers and texts ------------------------------------------------------------------------------


def cint(s: Any, default: int = 0) -> int:
	if type(s) is int:
		return s
	try:
		return int(float(s))
	except (TypeError, ValueError, OverflowError):
		return default


def flt(s: Any, precision: int | None = None, rounding_method: str | None = None) -> float:
	try:
		number = float(s.replace(",", "") if isinstance(s, str) else s)
	except (TypeError, ValueError):
		return 0.0
	return number if precision is None else round(number, precision)


def cstr(s: Any, encoding: str = "utf-8") -> str:
	if isinstance(s, str):
		return s
	if s is None:
		return ""
	return s.decode(encoding) if isinstance(s, bytes) else str(s)


def random_string(length: int) -> str:
	# 64 bits more than there are letters in: none is likelier than another.
	number, letters = secrets.randbits(6 * length + 64), []
	for _ in range(length):
		number, at = divmod(number, len(_LETTERS))
		letters.append(_LETTERS[at])
	return "".join(letters)


def generate_hash(txt: str | None = None, length: int = 56) -> str:
	"""Random hexadecimal digits."""
	return secrets.token_hex(length // 2 + 1)[:length]


def strip(val: str, chars: str | None = None) -> str:
	return (val or "").replace("\ufeff", "").replace("\u200b", "").strip(chars)


def strip_html(text: str) -> str:
	return _TAGS.sub("", text)


def escape_html(text: Any) -> Any:
	return html.escape(text, quote=True) if isinstance(text, str) else text


def cast(fieldtype: str, value: Any = None) -> Any:
	"""A value as the Python type of the fieldtype; nothing becomes the least value of that type."""
	if fieldtype in ("Currency", "Float", "Percent"):
		return flt(value)
	if fieldtype in ("Int", "Check"):
		return 1 if value is True or str(value).lower() == "true" else cint(value)
	if fieldtype == "Date":
		return getdate(value) if value else datetime.date(1, 1, 1)
	if fieldtype == "Datetime":
		return get_datetime(value) if value else datetime.datetime(1, 1, 1)
	if fieldtype == "Time":
		return to_timedelta(value)
	if fieldtype in ("Data", "Text", "Small Text", "Long Text", "Text Editor", "Select", "Link", "Dynamic Link"):
		return cstr(value)
	return value


_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
	"=": operator.eq,
	"!=": operator.ne,
	">": operator.gt,
	"<": operator.lt,
	">=": operator.ge,
	"<=": operator.le,
	"in": lambda a, b: a in b,
	"not in": lambda a, b: a not in b,
	"^": lambda a, b: cstr(a).startswith(b),
	"not None": lambda a, _b: a is not None,
	"None": lambda a, _b: a is None,
	"like": lambda a, b: bool(re.fullmatch(re.escape(cstr(b)).replace("%", ".*"), cstr(a), re.IGNORECASE | re.DOTALL)),
}


def compare(val1: Any, condition: str, val2: Any, fieldtype: str | None = None) -> bool:
	if fieldtype:
		val1, val2 = cast(fieldtype, val1), cast(fieldtype, val2)
	return bool(_COMPARISONS[condition](val1, val2)) if condition in _COMPARISONS else False


# -- moments ----------------------------------------------------------------------------------------


def get_system_timezone() -> str:
	"""The name of the site's time zone."""
	if getattr(local, "db", None) is None or local.flags.in_install_db:
		return "Etc/UTC"
	from frappe.host.documents import get_system_settings

	return get_system_settings("time_zone") or "Etc/UTC"


@lru_cache(maxsize=64)
def _zone(name: str) -> datetime.tzinfo:
	try:
		return ZoneInfo(name)
	except (ZoneInfoNotFoundError, ValueError):
		return datetime.timezone.utc


def convert_utc_to_timezone(utc_timestamp: datetime.datetime, time_zone: str) -> datetime.datetime:
	"""A naive moment in UTC as one that knows its zone."""
	return utc_timestamp.replace(tzinfo=datetime.timezone.utc).astimezone(_zone(time_zone))


def convert_utc_to_system_timezone(utc_timestamp: datetime.datetime) -> datetime.datetime:
	return convert_utc_to_timezone(utc_timestamp, get_system_timezone())


def now_datetime() -> datetime.datetime:
	"""Now, in the site's time zone, naive."""
	return datetime.datetime.now(_zone(get_system_timezone())).replace(tzinfo=None)


def now() -> str:
	moment = local.flags.current_date
	if moment:
		return f"{getdate(moment).strftime(DATE_FORMAT)} {now_datetime().strftime(TIME_FORMAT)}"
	return now_datetime().strftime(DATETIME_FORMAT)


def nowdate() -> str:
	return now_datetime().strftime(DATE_FORMAT)


today = nowdate


def nowtime() -> str:
	return now_datetime().strftime(TIME_FORMAT)


def get_datetime(datetime_str: Any = None) -> Any:
	if datetime_str is None:
		return now_datetime()
	if isinstance(datetime_str, datetime.datetime | datetime.timedelta):
		return datetime_str
	if isinstance(datetime_str, datetime.date):
		return datetime.datetime.combine(datetime_str, datetime.time())
	if not datetime_str or str(datetime_str).startswith(("0000-00-00", "0001-01-01")):
		return None
	if len(datetime_str) == 26 and datetime_str[10] == " ":
		try:
			return datetime.datetime.fromisoformat(datetime_str)
		except ValueError:
			return parser.parse(datetime_str)
	return parser.parse(datetime_str)


def getdate(string_date: Any = None, parse_day_first: bool = False) -> Any:
	if not string_date:
		return get_datetime().date()
	if isinstance(string_date, datetime.datetime):
		return string_date.date()
	if isinstance(string_date, datetime.date):
		return string_date
	if str(string_date).startswith(("0000-00-00", "0001-01-01")):
		return None
	try:
		return parser.parse(string_date, dayfirst=parse_day_first).date()
	except (parser.ParserError, OverflowError) as error:
		raise errors.ValidationError(f"{string_date} is not a valid date string.") from error


def get_time(time_str: Any) -> datetime.time:
	if isinstance(time_str, datetime.datetime):
		return time_str.time()
	if isinstance(time_str, datetime.time):
		return time_str
	if isinstance(time_str, datetime.timedelta):
		return (datetime.datetime.min + time_str).time()
	return parser.parse(time_str).time()


def to_timedelta(value: Any) -> datetime.timedelta | None:
	if value is None or isinstance(value, datetime.timedelta):
		return value
	time = get_time(value)
	return datetime.timedelta(hours=time.hour, minutes=time.minute, seconds=time.second, microseconds=time.microsecond)


def add_to_date(
	date: Any,
	years: int = 0,
	months: int = 0,
	weeks: int = 0,
	days: int = 0,
	hours: int = 0,
	minutes: int = 0,
	seconds: int = 0,
	as_string: bool = False,
	as_datetime: bool = False,
) -> Any:
	"""The moment later (or earlier) by that much, in the type it was given in unless asked otherwise. None means now."""
	if date is None:
		date = now_datetime()
	if isinstance(date, str):
		as_string = True
		as_datetime = as_datetime or " " in date
		date = get_datetime(date)
	if hours or minutes or seconds:
		as_datetime = True
		date = get_datetime(date)
	moment = date + relativedelta(
		years=years, months=months, weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds
	)
	if as_string:
		return moment.strftime(DATETIME_FORMAT if as_datetime else DATE_FORMAT)
	return moment


_FORMATS = (("yyyy", "%Y"), ("MM", "%m"), ("mm", "%m"), ("dd", "%d"), ("HH", "%H"), ("ss", "%S"))


def format_date(string_date: Any = None, format_string: str | None = None, parse_day_first: bool = False) -> str:
	"""A date in the site's format (dd-mm-yyyy unless System Settings say otherwise)."""
	if not string_date:
		return ""
	pattern = format_string or _setting("date_format") or "yyyy-mm-dd"
	for word, code in _FORMATS:
		pattern = pattern.replace(word, code)
	return getdate(string_date).strftime(pattern)


formatdate = format_date


def format_datetime(datetime_string: Any, format_string: str | None = None, lang: str | None = None) -> str | None:
	if not datetime_string:
		return None
	if format_string:
		day, _space, time = format_string.partition(" ")
		pattern = day
		for word, code in _FORMATS:
			pattern = pattern.replace(word, code)
		pattern += " " + time.replace("HH", "%H").replace("mm", "%M").replace("ss", "%S") if time else ""
		return get_datetime(datetime_string).strftime(pattern)
	return f"{format_date(datetime_string)} {get_datetime(datetime_string):%H:%M:%S}"


def _setting(fieldname: str) -> Any:
	from frappe.host.documents import get_system_settings

	return get_system_settings(fieldname)


# -- addresses and links ----------------------------------------------------------------------------


def extract_email_id(email: str) -> str:
	"""The bare address of `Name <address>`."""
	return (parseaddr(email or "")[1] or "").strip()


def validate_email_address(email_str: str, throw: bool = False) -> str | None:
	"""The valid addresses of a comma separated list, joined by ", "; with `throw` InvalidEmailAddressError at the first bad one."""
	found = []
	for part in (email_str or "").strip().split(","):
		part = part.strip()
		if _PLAIN_EMAIL.fullmatch(part):
			found.append(part)
			continue
		if "undisclosed-recipient" in part:
			continue
		address = "" if " " in part and "<" not in part else extract_email_id(part)
		if address and _EMAIL.match(address):
			found.append(address)
		elif throw:
			from frappe.host.messages import throw as throw_error
			from frappe.translate import _

			throw_error(_("{0} is not a valid Email Address").format(escape_html(part)), errors.InvalidEmailAddressError)
	return ", ".join(found)


def split_emails(txt: Any) -> list[str]:
	"""The parts of a list separated by commas or line ends; a comma between quotes separates nothing."""
	text = re.sub(r"[\t\n\r]", " ", cstr(txt))
	return [part.strip() for part in _ADDRESS_SEPARATOR.split(text) if part.strip()]


def validate_url(txt: str, throw: bool = False, valid_schemes: Any = None) -> bool:
	from urllib.parse import urlparse

	parsed = urlparse(cstr(txt))
	schemes = [valid_schemes] if isinstance(valid_schemes, str) else valid_schemes
	valid = bool(parsed.netloc and parsed.scheme) and (not schemes or parsed.scheme in schemes)
	if not valid and throw:
		raise errors.ValidationError(f"'{txt}' is not a valid URL")
	return valid


def get_url(uri: str | None = None, full_address: bool = False) -> str:
	"""An address of the site: `host_name` of its configuration, else the request's host, else http://<site>:<port>."""
	if uri and uri.startswith(("http://", "https://")):
		return uri
	host = local.conf.host_name or local.conf.hostname
	request = getattr(local, "request", None)
	if not host and request is not None:
		host = f"{request.scheme}://{request.host}"
	host = host or f"http://{local.site}"
	if not host.startswith(("http://", "https://")):
		host = "http://" + host
	port = local.conf.http_port or local.conf.webserver_port
	if port and not re.search(r":\d+$", host):
		host = f"{host}:{port}"
	return urljoin(host, uri) if uri else host


def slug(name: str) -> str:
	return name.lower().replace(" ", "-")


def get_url_to_form(doctype: str, name: str) -> str:
	return get_url(uri=f"/app/{quote(slug(doctype), safe='')}/{quote(cstr(name), safe='')}")


def get_link_to_form(doctype: str, name: str, label: str | None = None) -> str:
	return f'<a href="{get_url_to_form(doctype, name)}">{label or name}</a>'
