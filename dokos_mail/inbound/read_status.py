"""Read and unread, kept in step between a mailbox and the desk, for accounts that ask for it.

What a user reads or marks here becomes a row of the host's *Email Flag Queue*, which nothing of the host's own reads; it
is carried to every copy of the message that the account has. What changes in the mailbox is learned from the server,
and noticed against what the journal knows of it: where both sides changed, the desk's word stands. All of it can be cut
anywhere and repeated: a flag that is set twice is set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta

import frappe
from frappe.utils import get_datetime, now_datetime

from dokos_mail import host
from dokos_mail.engine.errors import CommandRefused, FolderMissing
from dokos_mail.engine.receive.imap import ImapSession
from dokos_mail.engine.receive.model import FolderStatus
from dokos_mail.inbound.journal import DUPLICATE, FOLDER, JOURNAL, PROCESSED, FolderJournal
from dokos_mail.inbound.lease import Lease

QUEUE = "Email Flag Queue"
#: Requests of users that one pull carries to the server.
MOST_WISHES = 2000
#: The most recent messages of a folder whose flags are followed.
FOLLOWED = 1000
#: How often the flags are read on servers that keep no count of their changes.
WITHOUT_COUNT = timedelta(minutes=5)
_CHUNK = 500


def keep_in_step(session: ImapSession, journals: Sequence[FolderJournal], lease: Lease) -> None:
	"""Carry what users did to the server, then what was done there to the desk. Commits under ``lease``.

	Raises children of MailError for the connection's end; a folder that takes no flags holds back no other.
	"""
	if not journals:
		return
	wishes = _wishes(journals[0].account)
	if wishes:
		for journal in journals:
			try:
				_tell(session, journal, wishes, lease)
			except (CommandRefused, FolderMissing) as error:
				# A mailbox that is shared read-only, say: nothing that the next attempt would mend.
				frappe.logger("dokos_mail").warning(f"{journal.account}: {error.message()}")
		_are_done(wishes, lease)
	for journal in journals:
		try:
			_hear(session, journal, lease)
		except (CommandRefused, FolderMissing) as error:
			frappe.logger("dokos_mail").warning(f"{journal.account}: {error.message()}")


def opened(communication: frappe._dict, method: str | None = None) -> None:
	"""A user opens a received mail in the desk: it is read. Hosts with mail of their own see to it themselves."""
	if host.owns_mail() or communication.get("seen") or not communication.get("incoming_email"):
		return
	set_read(communication.name, communication.email_account, communication.uid, read=True)
	communication.seen = 1
	frappe.db.commit()


def set_read(communication: str, email_account: str | None, uid: int | None, *, read: bool) -> None:
	"""Mark a mail as read, or unread, in the desk, and have it carried to the server where the account asks for it.

	The caller commits.
	"""
	frappe.db.delete(QUEUE, {"communication": communication, "is_completed": 0})
	_mark([communication], read)
	if read:
		_add_reader(communication)
	if not email_account or not frappe.db.get_value("Email Account", email_account, "keep_read_status"):
		return
	frappe.get_doc(
		{
			"doctype": QUEUE,
			"action": "Read" if read else "Unread",
			"communication": communication,
			"email_account": email_account,
			"uid": uid,
		}
	).insert(ignore_permissions=True)


class _Wish:
	"""What users want of one mail, the last of them: ``rows`` of the queue that say so."""

	def __init__(self) -> None:
		self.rows: list[str] = []
		self.read = False


def _wishes(account: str) -> dict[str, _Wish]:
	waiting = frappe.get_all(
		QUEUE,
		filters={"email_account": account, "is_completed": 0},
		fields=["name", "communication", "action"],
		order_by="creation asc",
		limit=MOST_WISHES,
	)
	wishes: dict[str, _Wish] = {}
	for row in waiting:
		wish = wishes.setdefault(row.communication, _Wish())
		wish.rows.append(row.name)
		wish.read = row.action == "Read"
	return wishes


def _tell(session: ImapSession, journal: FolderJournal, wishes: dict[str, _Wish], lease: Lease) -> None:
	"""Set or remove \\Seen on this folder's copies of the mails that users read or marked."""
	wanted: dict[bool, list[frappe._dict]] = {True: [], False: []}
	for names in _chunks(list(wishes)):
		for row in _copies(journal, {"communication": ("in", names)}):
			wanted[wishes[row.communication].read].append(row)
	if not wanted[True] and not wanted[False]:
		return
	if session.select(journal.folder, readonly=False).uidvalidity != journal.position.uidvalidity:
		return
	for read, rows in wanted.items():
		if rows:
			session.mark_seen(sorted(int(row.uid) for row in rows), read)
			lease.fence()
			_note([row.name for row in rows], read)
			frappe.db.commit()


def _are_done(wishes: dict[str, _Wish], lease: Lease) -> None:
	lease.fence()
	for read in (True, False):
		# Frappe 15 and 16 queue the opening of a mail and leave its own mark as it is.
		_mark([name for name, wish in wishes.items() if wish.read is read], read)
	for names in _chunks([name for wish in wishes.values() for name in wish.rows]):
		frappe.db.delete(QUEUE, {"name": ("in", names)})
	frappe.db.commit()


def _hear(session: ImapSession, journal: FolderJournal, lease: Lease) -> None:
	"""Take over what was read, or marked unread, in the mailbox itself."""
	if not journal.name or journal.position.uidvalidity is None:
		return
	status = session.select(journal.folder, condstore=True)
	if status.uidvalidity != journal.position.uidvalidity:
		return
	kept = frappe.db.get_value(FOLDER, journal.name, ["flags_modseq", "flags_read_on"], as_dict=True)
	since = _since(kept.flags_modseq, status)
	if since is not None and since == status.highest_modseq:
		return
	if status.highest_modseq is None and kept.flags_read_on and _is_recent(kept.flags_read_on):
		return
	low = _lowest_followed(journal)
	if low is not None:
		_take_over(journal, session.flags(low, since), lease)
	lease.fence()
	values = {"flags_modseq": _kept(status), "flags_read_on": now_datetime()}
	frappe.db.set_value(FOLDER, journal.name, values, update_modified=False)
	frappe.db.commit()


def _kept(status: FolderStatus) -> str | None:
	"""The count of changes as it is kept: it means nothing under another UIDVALIDITY."""
	return f"{status.uidvalidity}:{status.highest_modseq}" if status.highest_modseq else None


def _since(kept: str | None, status: FolderStatus) -> int | None:
	uidvalidity, _, modseq = (kept or "").partition(":")
	if not status.highest_modseq or uidvalidity != str(status.uidvalidity) or int(modseq) > status.highest_modseq:
		return None
	return int(modseq)


def _is_recent(moment: object) -> bool:
	# One further off than any such time was written by a clock that went wrong since.
	return timedelta(0) <= now_datetime() - get_datetime(moment) < WITHOUT_COUNT


def _lowest_followed(journal: FolderJournal) -> int | None:
	rows = frappe.get_all(
		JOURNAL, filters=_in_folder(journal), pluck="uid", order_by="received_on desc, creation desc, idx desc", limit=FOLLOWED
	)
	return min((int(uid) for uid in rows if uid), default=None)


def _take_over(journal: FolderJournal, flags: dict[int, frozenset[str]], lease: Lease) -> None:
	"""Marks in the desk what changed in the mailbox since the journal knew of it, but for what a user marked meanwhile."""
	for uids in _chunks(sorted(flags)):
		identities = {journal.message_identity(journal.position.uidvalidity or 0, uid): "\\Seen" in flags[uid] for uid in uids}
		rows = _copies(journal, {"name": ("in", list(identities))})
		changed = [row for row in rows if bool(row.seen_on_server) != identities[row.name]]
		if not changed:
			continue
		names = [row.communication for row in changed]
		asked = set(frappe.get_all(QUEUE, filters={"communication": ("in", names), "is_completed": 0}, pluck="communication"))
		lease.fence()
		for read in (True, False):
			rows = [row for row in changed if identities[row.name] is read]
			_note([row.name for row in rows], read)
			_mark([row.communication for row in rows if row.communication not in asked], read)
		frappe.db.commit()


def _copies(journal: FolderJournal, which: dict[str, object]) -> list[frappe._dict]:
	"""Rows of this folder, as it is numbered now, whose message is a mail in the desk."""
	filters = _in_folder(journal) | {"state": ("in", [PROCESSED, DUPLICATE])} | which
	rows = frappe.get_all(JOURNAL, filters=filters, fields=["name", "uid", "communication", "seen_on_server"])
	return [row for row in rows if row.communication]


def _in_folder(journal: FolderJournal) -> dict[str, object]:
	return {"email_account": journal.account, "folder": journal.folder, "uidvalidity": str(journal.position.uidvalidity)}


def _note(rows: Sequence[str], read: bool) -> None:
	"""What the server holds now, in the journal."""
	for names in _chunks(rows):
		frappe.db.set_value(JOURNAL, {"name": ("in", names)}, "seen_on_server", int(read), update_modified=False)


def _mark(communications: Sequence[str], read: bool) -> None:
	"""Mark received mails in the desk. An unread one is so for every user: who opened it before is forgotten."""
	values: dict[str, object] = {"seen": int(read)}
	if not read and frappe.db.has_column("Communication", "_seen"):
		values["_seen"] = None
	for names in _chunks(communications):
		filters = {"name": ("in", names), "sent_or_received": "Received"}
		frappe.db.set_value("Communication", filters, values, update_modified=False)


def _add_reader(communication: str) -> None:
	"""The host's lists show by user what was read."""
	if not frappe.db.has_column("Communication", "_seen"):
		return
	readers = frappe.parse_json(frappe.db.get_value("Communication", communication, "_seen") or "[]")
	if frappe.session.user not in readers:
		value = json.dumps([*readers, frappe.session.user])
		frappe.db.set_value("Communication", communication, "_seen", value, update_modified=False)


def _chunks(names: Sequence) -> Iterator[list]:
	for start in range(0, len(names), _CHUNK):
		yield list(names[start : start + _CHUNK])
