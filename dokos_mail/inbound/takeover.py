"""The first pull of a folder that the host itself read before this app: go on where it stopped.

What the host says of its own position cannot be trusted: its UIDs are one number per account, overwritten by mail of
other accounts, and one host never kept UIDVALIDITY. So the question is put to the server: where in this folder is the
mail that the host received last? What lies above it is new. Below it, what came since the host last stored anything
is looked at again, and what it had not read yet where it read unread mail alone: mail moved back into the folder
stands above mail that never was read. Whatever of this the host has already is recognised when it is processed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import frappe
from frappe.utils import get_datetime

from dokos_mail.engine.receive.model import FolderStatus
from dokos_mail.inbound.account import STATUS
from dokos_mail.inbound.journal import JOURNAL

#: How many of the messages that the host received last are looked for in a folder.
LOOKED_FOR = 50
#: How many of them are asked for in one SEARCH: a command line of some 3,000 octets.
ASKED_AT_ONCE = 20
#: SINCE knows days in the server's time zone, which may be 26 hours from ours.
MARGIN = timedelta(hours=26)
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass(frozen=True)
class HostsMail:
	"""What the host received for an account: when it last stored a message, and the newest Message-IDs."""

	last_stored: datetime
	message_ids: tuple[str, ...]


@dataclass(frozen=True)
class Takeover:
	"""``missed``: UIDs to fetch that lie at or below ``frontier``; all above it is new and is left to the usual pull."""

	missed: tuple[int, ...]
	frontier: int


def plan(hosts: HostsMail, status: FolderStatus, unseen_only: bool, search: Callable[[str], Sequence[int]]) -> Takeover:
	"""Decide by what the host has and what the server finds. ``search`` is a UID SEARCH in the folder."""
	if not status.exists:
		return Takeover((), (status.uidnext or 1) - 1)
	known = [uid for criteria in message_id_criteria(hosts.message_ids) for uid in search(criteria)]
	since = set(search(f"SINCE {imap_day(hosts.last_stored - MARGIN)}"))
	if unseen_only:
		since.update(search("UNSEEN"))
	if known:
		frontier = max(known)
	elif status.uidnext is not None:
		frontier = status.uidnext - 1
	else:
		frontier = max(since, default=0)
	return Takeover(tuple(sorted(uid for uid in since if uid <= frontier and uid not in known)), frontier)


def message_id_criteria(message_ids: Iterable[str]) -> list[str]:
	"""SEARCH criteria that find messages by any of some Message-IDs (RFC 3501, 6.4.4); what cannot be asked is left out."""
	keys = []
	for message_id in message_ids:
		if message_id.isascii() and message_id.isprintable() and len(message_id) <= 200:
			escaped = message_id.replace("\\", "\\\\").replace('"', '\\"')
			keys.append(f'HEADER Message-ID "{escaped}"')
	slices = [keys[start : start + ASKED_AT_ONCE] for start in range(0, len(keys), ASKED_AT_ONCE)]
	return ["OR " * (len(some) - 1) + " ".join(some) for some in slices]


def imap_day(moment: datetime) -> str:
	"""A date as SEARCH takes it, whatever language the process speaks."""
	return f"{moment.day}-{_MONTHS[moment.month - 1]}-{moment.year}"


def hosts_mail(account: str, status: str) -> HostsMail | None:
	"""What the host received for this account before us, or None: then a folder's first pull is a first synchronisation.

	None also once every folder that the account had was taken over: what is added later is new. ``status`` is the name
	of the account's status row.
	"""
	if frappe.db.get_value(STATUS, status, "taken_over"):
		return None
	received = {"email_account": account, "communication_medium": "Email", "sent_or_received": "Received"}
	rows = [
		row
		for pointer in ("not set", "set")
		for row in frappe.get_all(
			"Communication",
			filters=received | {"incoming_email": ("is", pointer)},
			fields=["creation", "message_id", "incoming_email"],
			order_by="creation desc",
			limit=LOOKED_FOR,
		)
		# Uninstalling drops the journal, and leaves the pointers into it.
		if not (row.incoming_email and frappe.db.exists(JOURNAL, row.incoming_email))
	]
	rows = sorted(rows, key=lambda row: row.creation, reverse=True)[:LOOKED_FOR]
	if not rows:
		return None
	return HostsMail(get_datetime(rows[0].creation), tuple(row.message_id for row in rows if row.message_id))


def finished(status: str) -> None:
	"""Every folder of the account has been asked; the caller commits."""
	if not frappe.db.get_value(STATUS, status, "taken_over"):
		frappe.db.set_value(STATUS, status, "taken_over", 1, update_modified=False)
