"""Bounces of the servers that follow no standard, as flufl.bounce knows them: GNU Mailman's collection of twenty years.

It reads a message with Python's own parser, so that only what looks like a machine's failure notice is given to it,
and only its first octets: a bounce says what it has to say at its beginning.
"""

from __future__ import annotations

import email
import logging

from flufl.bounce import all_failures

from .source import Source

# What one of its readers stumbles over is nothing that it knows; it would say so with a traceback for every such mail.
logging.getLogger("flufl.bounce").addHandler(logging.NullHandler())

_MAX_OCTETS = 128 * 1024


def failures(source: Source) -> tuple[list[str], list[str]]:
	"""The addresses to which delivery is delayed, and those to which it failed; both empty where nothing is known.

	Never raises on content: what its parser cannot read is nothing that it knows.
	"""
	message = email.message_from_bytes(source.read(0, min(source.size, _MAX_OCTETS)))
	try:
		delayed, failed = all_failures(message)
	except (LookupError, ValueError, AttributeError, TypeError, AssertionError):
		return [], []
	return _addresses(delayed - failed), _addresses(failed)


def _addresses(found: set[bytes]) -> list[str]:
	texts = (address.decode("utf-8", "replace").strip(" <>\"'").removeprefix("SMTP:") for address in found)
	return sorted(text for text in texts if "@" in text and len(text) <= 320)
