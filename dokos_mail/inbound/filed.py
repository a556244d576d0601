"""A mail that we filed stays where placing put it, whoever saves its Communication afterwards.

The host guesses anew at every save: documents from addresses such as ``x+DocType=Name@``, which anybody can write, and
contacts from every address. Its class may be another app's, so the guessing is taken away from the one document that
is being saved (doc_events), not from the class.
"""

from __future__ import annotations

import frappe

#: Methods of the host's Communication that guess.
GUESSES = ("parse_email_for_timeline_links", "set_timeline_links")


def before_validate(communication: frappe._dict, method: str | None = None) -> None:
	"""Runs before the host's own validation."""
	if communication.get("incoming_email"):
		for name in GUESSES:
			communication.__dict__[name] = _nothing


def validate(communication: frappe._dict, method: str | None = None) -> None:
	"""Runs after the host's own validation."""
	for name in GUESSES:
		communication.__dict__.pop(name, None)


def _nothing() -> None:
	"""Placing has decided."""
