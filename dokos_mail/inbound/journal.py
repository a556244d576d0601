"""The journal: every message a server hands over is one Incoming Email row and one raw file before anything else.

Raw bytes are synced to disk first; then one transaction holds the rows of a batch and the folder's new position. If
everything dies before it, nothing was stored and the next pull reads the messages again; after it, the rows are
there to be processed and the position says not to fetch them again. The row's identity is a digest (never the plain
values: a database's collation takes ``INBOX`` and ``inbox`` for one), unique in the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

import frappe
from frappe.utils import convert_utc_to_system_timezone, now_datetime

from dokos_mail.engine.errors import N_
from dokos_mail.engine.receive.model import Fetched, Position
from dokos_mail.engine.receive.uidset import compact
from dokos_mail.plain import plain
from dokos_mail.reasons import Reason, because, columns

JOURNAL = "Incoming Email"
FOLDER = "Email Folder"

#: States a row can end in; ``Journalled`` is the only one that waits for processing by itself.
JOURNALLED, PROCESSED, DUPLICATE, IGNORED, FAILED, UNFETCHED = (
	"Journalled",
	"Processed",
	"Duplicate",
	"Ignored",
	"Failed",
	"Unfetched",
)

#: Why such a message is given up.
NEVER_GIVEN = N_("The server listed it, never gave it, and lists it no longer.")
#: How often a message that the server does not give is asked for again.
MOST_TRIES = 5
#: A message at which the connection broke this often in a row is set aside.
MOST_BREAKS = 3

_COLUMNS = (
	"name",
	"identity",
	"owner",
	"modified_by",
	"creation",
	"modified",
	"idx",
	"email_account",
	"folder",
	"uidvalidity",
	"uid",
	"state",
	"reason",
	"reason_detail",
	"imap_flags",
	"seen_on_server",
	"size",
	"raw_path",
	"received_on",
	"first_sync",
	"resync",
	"acknowledged",
	"pop3_key",
)


def identity(*parts: object) -> str:
	"""A digest that tells keys apart exactly, 40 hex digits."""
	return hashlib.sha256("\0".join(str(part) for part in parts).encode()).hexdigest()[:40]


def mailbox_of(server: str, login: str) -> str:
	"""What tells mailboxes apart: the server and the login, as digests; what is after the colon is the login's."""
	return f"{identity(server.strip().lower())[:12]}:{identity(login)[:12]}"


class FolderJournal:
	"""The journal of one folder of one account: its position, and the rows of what it handed over."""

	#: What the identity of a folder's row begins with.
	KIND = "folder"

	def __init__(self, account: str, key: str, folder: str, mailbox: str = "") -> None:
		self.account = account
		self.key = key
		self.folder = folder
		#: See :func:`mailbox_of`.
		self.mailbox = mailbox
		self._row_identity = identity(self.KIND, key, folder)
		row = frappe.db.get_value(
			FOLDER,
			{"identity": self._row_identity},
			[
				"name",
				"uidvalidity",
				"last_uid",
				"first_sync_uid",
				"resync_uid",
				"took_all",
				"first_pull",
				"generation",
				"mailbox",
				"broke_at_uid",
				"broke_times",
			],
			as_dict=True,
		)
		self.name: str | None = row.name if row else None
		self.position = Position(int(row.uidvalidity), int(row.last_uid or 0)) if row and row.uidvalidity else Position()
		# Messages up to these UIDs came with a first synchronisation, or were there when the folder was renumbered.
		self.first_sync_uid = int(row.first_sync_uid or 0) if row else 0
		self.resync_uid = int(row.resync_uid or 0) if row else 0
		# Nothing was left out then, so that whatever is not known is new, when the folder is renumbered too.
		self.took_all = bool(row and row.took_all)
		self.first_pull: datetime | None = row.first_pull if row else None
		self.generation = int(row.generation or 0) if row else 0
		self._read_in = (row.mailbox if row else "") or mailbox
		self._broke = (row.broke_at_uid or "", int(row.broke_times or 0)) if row else ("", 0)

	def message_identity(self, uidvalidity: int, uid: int) -> str:
		"""The identity of one message of this folder."""
		return identity("imap", self.key, self.folder, uidvalidity, self.generation, uid)

	@property
	def has_moved(self) -> bool:
		"""Whether it was read from another server, or by another login."""
		return self._read_in != self.mailbox

	@property
	def other_login(self) -> bool:
		"""Whether it was read by another login."""
		return self._read_in.partition(":")[2] != self.mailbox.partition(":")[2]

	def start_over(self) -> None:
		"""The server counts UIDs anew under an unchanged UIDVALIDITY: the same numbers now mean other messages.

		Nothing more is asked of it, or told it, about those of before; the caller commits.
		"""
		self.generation += 1
		of_before = {"email_account": self.account, "folder": self.folder, "uidvalidity": str(self.position.uidvalidity)}
		frappe.db.set_value(JOURNAL, of_before | {"acknowledged": 0}, "acknowledged", 1, update_modified=False)
		frappe.db.set_value(JOURNAL, of_before | {"state": UNFETCHED}, {"state": IGNORED} | columns(because(NEVER_GIVEN)))

	def begin(self) -> None:
		"""It is another mailbox now, which was never read; the caller commits."""
		self.start_over()
		self.first_pull = now_datetime()
		self._keep({"first_pull": self.first_pull})

	def is_under_way(self, uidvalidity: int) -> bool:
		"""Whether a first synchronisation or a re-synchronisation was begun and cut."""
		return self.position.uidvalidity == uidvalidity and self.position.last_uid < max(self.first_sync_uid, self.resync_uid)

	def unknown(self, uidvalidity: int, uids: Sequence[int]) -> Sequence[int]:
		"""Those of ``uids`` that have no row yet, in order. Rows in state Unfetched count as known."""
		wanted = compact()
		for start in range(0, len(uids), 500):
			slice_ = uids[start : start + 500]
			by_identity = {self.message_identity(uidvalidity, uid): uid for uid in slice_}
			known = set(frappe.get_all(JOURNAL, filters={"identity": ("in", list(by_identity))}, pluck="identity"))
			wanted.extend(uid for key, uid in by_identity.items() if key not in known)
		return wanted

	def unfetched(self, uidvalidity: int, limit: int) -> list[int]:
		"""UIDs of messages the server listed and could not give, that are worth asking for again."""
		rows = frappe.get_all(
			JOURNAL,
			filters={
				"email_account": self.account,
				"folder": self.folder,
				"uidvalidity": str(uidvalidity),
				"state": UNFETCHED,
				"attempts": ("<", MOST_TRIES),
			},
			pluck="uid",
			order_by="attempts asc, creation asc, idx asc",
			limit=limit,
		)
		return sorted(int(uid) for uid in rows)

	def count_tries(self, uidvalidity: int, uids: Sequence[int]) -> None:
		"""Count one more try for messages about to be asked for again; the caller commits."""
		table = frappe.qb.DocType(JOURNAL)
		identities = [self.message_identity(uidvalidity, uid) for uid in uids]
		frappe.qb.update(table).set(table.attempts, table.attempts + 1).where(table.identity.isin(identities)).run()

	def gone(self, uidvalidity: int, uids: Sequence[int]) -> None:
		"""Messages that could not be had, and that the server no longer lists; the caller commits."""
		for uid in uids:
			values = {"state": IGNORED} | columns(because(NEVER_GIVEN))
			frappe.db.set_value(JOURNAL, self.message_identity(uidvalidity, uid), values)

	def broke_at(self, uidvalidity: int, uid: int, reason: str) -> None:
		"""The connection broke while this message was being read; the caller commits.

		The third time in a row it is set aside as Unfetched, so that it holds back no other message.
		"""
		mark = self._mark(uid)
		times = self._broke[1] + 1 if self._broke[0] == mark else 1
		self._broke = (mark, times)
		self._keep({"broke_at_uid": mark, "broke_times": times})
		if times >= MOST_BREAKS and self.unknown(uidvalidity, [uid]):
			self.write([Fetched(uid, reason=reason)], uidvalidity)

	def _mark(self, uid: int) -> str:
		return str(uid)

	def record(self, batch: Iterable[Fetched], position: Position, *, acknowledged: bool = True) -> int:
		"""Write the rows of a batch and the folder's position; the caller commits. Returns how many rows are new."""
		new = self.write(batch, position.uidvalidity or 0, acknowledged=acknowledged)
		self.move(position)
		return new

	def write(self, batch: Iterable[Fetched], uidvalidity: int, *, acknowledged: bool = True) -> int:
		"""Write the rows of a batch; the caller commits. Returns how many rows with a text are new.

		The raw files of the batch must be on disk, synced, under their final names. Messages that have a row already
		are left alone, except that one in state Unfetched takes the raw file it lacked.
		"""
		messages = {self.message_identity(uidvalidity, message.uid): message for message in batch}
		known = {
			row.identity: row.state
			for row in frappe.get_all(JOURNAL, filters={"identity": ("in", list(messages))}, fields=["identity", "state"])
		}
		now = now_datetime()
		new = {key: message for key, message in messages.items() if key not in known}
		if new:
			rows = [
				self._row(key, message, index, now, uidvalidity, acknowledged) for index, (key, message) in enumerate(new.items())
			]
			frappe.db.bulk_insert(JOURNAL, list(_COLUMNS), rows)
		for key, message in messages.items():
			if known.get(key) == UNFETCHED:
				self._second_try(key, message, now)
		return sum(1 for message in new.values() if message.raw)

	def move(
		self,
		position: Position,
		*,
		first_sync_uid: int | None = None,
		resync_uid: int | None = None,
		took_all: bool | None = None,
	) -> None:
		"""Keep the folder's position; the caller commits. A new numbering makes the marks of the old one void.

		``took_all`` is whether the first synchronisation wants every message that is there.
		"""
		now = now_datetime()
		values: dict[str, object] = {
			"uidvalidity": str(position.uidvalidity),
			"last_uid": str(position.last_uid),
			"generation": self.generation,
			"mailbox": self.mailbox,
			"last_pull": now,
			"error": None,
		}
		if first_sync_uid is not None or resync_uid is not None:
			self.first_sync_uid, self.resync_uid = first_sync_uid or 0, resync_uid or 0
			values |= {"first_sync_uid": str(self.first_sync_uid), "resync_uid": str(self.resync_uid)}
		if took_all is not None:
			self.took_all = took_all
			values["took_all"] = int(took_all)
		self._keep(values)
		self.position, self._read_in = position, self.mailbox

	def _keep(self, values: dict[str, object]) -> None:
		"""Write on the folder's row, which is made with the first of it."""
		if self.name:
			frappe.db.set_value(FOLDER, self.name, values)
			return
		now = now_datetime()
		doc = frappe.get_doc(
			{"doctype": FOLDER, "email_account": self.account, "folder": self.folder, "identity": self._row_identity}
			| values
			| {"first_pull": now}
		).insert(ignore_permissions=True)
		self.name, self.first_pull = doc.name, now

	def record_error(self, text: str) -> None:
		"""Say on the folder's row why it could not be read; the caller commits."""
		if self.name:
			frappe.db.set_value(FOLDER, self.name, {"error": plain(text), "last_pull": now_datetime()})

	def _row(
		self,
		key: str,
		message: Fetched,
		index: int,
		now: datetime,
		uidvalidity: int,
		acknowledged: bool,
	) -> tuple[object, ...]:
		raw = message.raw
		values = {
			"name": key,
			"identity": key,
			"owner": "Administrator",
			"modified_by": "Administrator",
			"creation": now,
			"modified": now,
			"idx": index,
			"email_account": self.account,
			"folder": self.folder,
			"state": JOURNALLED if raw else UNFETCHED,
			"imap_flags": plain(" ".join(sorted(message.flags))),
			"seen_on_server": int("\\Seen" in message.flags),
			"size": raw.size if raw else 0,
			"raw_path": raw.path if raw else None,
			"received_on": site_time(message.internal_date) or now,
			"acknowledged": int(acknowledged),
		}
		values |= _not_given(message) | self._known_by(message, uidvalidity)
		return tuple(values[column] for column in _COLUMNS)

	def _known_by(self, message: Fetched, uidvalidity: int) -> dict[str, object]:
		"""The columns that say which message of the server's it is."""
		return {
			"uidvalidity": str(uidvalidity),
			"uid": str(message.uid),
			"first_sync": int(message.uid <= self.first_sync_uid),
			"resync": int(message.uid <= self.resync_uid and not self.took_all),
			"pop3_key": None,
		}

	def _second_try(self, key: str, message: Fetched, now: datetime) -> None:
		values: dict[str, object] = _not_given(message) | {"modified": now}
		if message.raw:
			values |= columns() | {"state": JOURNALLED, "attempts": 0, "raw_path": message.raw.path, "size": message.raw.size}
			values |= {
				"imap_flags": plain(" ".join(sorted(message.flags))),
				"received_on": site_time(message.internal_date) or now,
			}
			values["seen_on_server"] = int("\\Seen" in message.flags)
		frappe.db.set_value(JOURNAL, key, values, update_modified=False)


def _not_given(message: Fetched) -> dict[str, str | None]:
	"""Why the server did not give a message: a text of ours, or its own words."""
	reason = message.reason
	return columns(reason if isinstance(reason, Reason) or not reason else because(reason))


def site_time(moment: datetime | None) -> datetime | None:
	"""An aware moment in the site's time zone, naive, as the host keeps its Datetime fields."""
	if moment is None:
		return None
	if moment.tzinfo is None:
		return moment
	try:
		utc = moment.astimezone(timezone.utc).replace(tzinfo=None)
	except (OverflowError, ValueError):
		# A date at the very edge of the calendar cannot be moved to another zone.
		return None
	return convert_utc_to_system_timezone(utc).replace(tzinfo=None)
