"""Message identifiers (RFC 5322 section 3.6.4), without their angle brackets."""

from __future__ import annotations

import re

#: References kept: the first, which began the conversation, and the most recent ones.
MAX_REFERENCES = 1000

_BRACKETED = re.compile(r"<([^<>]*)>")
_SPACES = re.compile(r"\s+")


def message_ids(value: str) -> list[str]:
	"""The identifiers in the value of References, In-Reply-To or Message-ID, in order, each once.

	Without angle brackets in the value, every word with an ``@`` is taken.
	"""
	found = [_SPACES.sub("", text) for text in _BRACKETED.findall(value)]
	if not any(found):
		found = [word.strip("<>,;\"'") for word in value.split() if "@" in word]
	ids = list(dict.fromkeys(text for text in found if text))
	return ids if len(ids) <= MAX_REFERENCES else ids[:1] + ids[1 - MAX_REFERENCES :]


def message_id(value: str) -> str | None:
	"""The identifier of a Message-ID field, whatever it looks like; None when it is empty."""
	ids = message_ids(value)
	if ids:
		return ids[0]
	return _SPACES.sub(" ", value).strip(" <>") or None
