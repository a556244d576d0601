"""A folder of a mailbox that an account reads, and what its mail becomes."""

from __future__ import annotations

from dokos_mail import host


class IMAPFolder(host.base_class("IMAP Folder")):
	"""A row of Email Account. ``append_to`` empty means the account's.

	``uidvalidity`` and ``uidnext`` are the host's and stay as they are: the position we read from is kept apart, in
	Email Folder, because a form saved late would write old values back.
	"""
