"""Junk: what a filter on the way has said of a message, and folders where a server or a reader puts it.

Only what a filter says plainly counts. A sender who writes such a field into his own message harms himself alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from .model import Message

#: From this Spam Confidence Level on Exchange puts mail with the junk.
JUNK_SCL = 5

_YES = re.compile(r"\s*(?:yes|true|spam|1)\b", re.I)
_SCL = re.compile(r"(?:^|[;\s])SCL:\s*(-?\d{1,3})", re.I)


def _says_yes(value: str) -> bool:
	return bool(_YES.match(value))


def _level(value: str) -> bool:
	value = value.strip()
	return bool(re.fullmatch(r"\d{1,3}", value)) and int(value) >= JUNK_SCL


def _report(value: str) -> bool:
	return any(int(level) >= JUNK_SCL for level in _SCL.findall(value))


def _contains(word: str) -> Callable[[str], bool]:
	return lambda value: word in value.lower()


#: Fields that filters write, and what in them means junk. Of several of one name the topmost counts, the last added.
_FIELDS: dict[str, Callable[[str], bool]] = {
	"x-spam-flag": _says_yes,
	"x-spam-status": _says_yes,
	"x-spam": _says_yes,
	"x-spam-reported": _says_yes,
	"x-bogosity": lambda value: value.strip().lower().startswith(("spam", "yes")),
	"x-dspam-result": lambda value: value.strip().lower().startswith("spam"),
	"x-ms-exchange-organization-scl": _level,
	"x-forefront-antispam-report": _report,
	"x-microsoft-antispam": _report,
	"x-vr-spamstate": lambda value: value.strip().lower().startswith("spam"),
	"x-ovh-spam-reason": _contains("vr: spam"),
	"x-proxad-sc": _contains("state=spam"),
	"x-gm-spam": _says_yes,
}

#: Leaves of folder names that hold junk where a server does not say so itself (RFC 6154).
_FOLDERS = frozenset(
	(
		"junk",
		"junk e-mail",
		"junk email",
		"junk mail",
		"junkmail",
		"spam",
		"spams",
		"spambox",
		"bulk",
		"bulk mail",
		"bulk email",
		"pourriel",
		"pourriels",
		"indésirable",
		"indésirables",
		"indesirables",
		"courrier indésirable",
		"courriers indésirables",
		"courrier indesirable",
		"messages indésirables",
		"unerwünscht",
		"junk-e-mail",
		"correo no deseado",
		"posta indesiderata",
		"ongewenste e-mail",
		"quarantaine",
		"quarantine",
	)
)


def junk_reason(message: Message) -> str | None:
	"""The field by which a filter calls the message junk, as ``Name: value``; None when none does."""
	seen: set[str] = set()
	for name, value in message.headers:
		key = name.lower()
		if key in _FIELDS and key not in seen:
			seen.add(key)
			if _FIELDS[key](value):
				return f"{name}: {value}"[:200]
	return None


def is_junk_folder(name: str, special_use: str | Iterable[str] = "") -> bool:
	"""Whether a folder holds junk: the server says so (RFC 6154), or says nothing and the name does.

	``special_use`` are the attributes of the folder, as a list or separated by white space.
	"""
	given = special_use.split() if isinstance(special_use, str) else special_use
	attributes = {attribute.lower() for attribute in given}
	if "\\junk" in attributes:
		return True
	if attributes & {"\\all", "\\archive", "\\drafts", "\\flagged", "\\sent", "\\trash"}:
		return False
	leaf = re.split(r"[/.\\]", name.strip())[-1]
	return leaf.strip().casefold() in _FOLDERS or name.strip().casefold() in _FOLDERS
