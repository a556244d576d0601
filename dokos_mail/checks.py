"""Trying an account's connections, without reading or sending anything."""

from __future__ import annotations

import frappe

from dokos_mail.engine.errors import LoginRefused, MailError
from dokos_mail.engine.send.smtp import open_smtp
from dokos_mail.inbound.pull import open_mailbox


def try_incoming(settings: frappe._dict) -> MailError | None:
	"""Log in to the mailbox and look for the account's folders. Returns what went wrong."""
	try:
		with open_mailbox(settings) as session:
			for folder, _append_to in settings.folders() if settings.use_imap else ():
				session.select(folder)
	except MailError as error:
		return error
	return None


def try_outgoing(settings: frappe._dict) -> MailError | None:
	"""Connect to the server that sends, and log in where the account has a login. Returns what went wrong."""
	try:
		open_smtp(settings.outgoing_settings()).quit()
	except MailError as error:
		return error
	return None


def refused(settings: frappe._dict) -> MailError | None:
	"""What a server says when it refuses the account's password; whatever else is amiss is no reason to ask again."""
	tries = ((settings.receives_here(), try_incoming), (settings.sends_here(), try_outgoing))
	errors = (attempt(settings) for used, attempt in tries if used)
	return next((error for error in errors if isinstance(error, LoginRefused)), None)
