"""A mail stays where it was filed, whoever saves its Communication.

The host guesses at every save: documents from addresses such as ``x+DocType=Name@``, which anybody can write into the
From that a user then answers, and contacts from every address. Its class may be another app's, so the guessing is taken
away from the one document that is being saved (doc_events), not from the class.
"""

from __future__ import annotations

import frappe

from dokos_mail.inbound.contacts import link_correspondents

#: Methods of the host's Communication that guess.
GUESSES = ("parse_email_for_timeline_links", "set_timeline_links")


def before_validate(communication: frappe._dict, method: str | None = None) -> None:
	"""Runs before the host's own validation. A mail that we did not place gets its correspondents' contacts, once."""
	if communication.get("communication_medium") != "Email":
		return
	for name in GUESSES:
		communication.__dict__[name] = _nothing
	if communication.is_new() and not communication.get("incoming_email"):
		link_correspondents(communication)


def validate(communication: frappe._dict, method: str | None = None) -> None:
	"""Runs after the host's own validation."""
	for name in GUESSES:
		communication.__dict__.pop(name, None)


def _nothing() -> None:
	"""It has been decided."""
