"""A POP3 mailbox's way into the journal, and off the server when the account says so.

POP3 keeps no position and no flags: a message is known by its UIDL for as long as the server lists it. A row whose
UIDL is gone from the listing is retired, so that the same UIDL is new mail when it comes back. What is deleted on the
server was journalled and committed before, and its raw file is looked at once more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

import frappe
from frappe.utils import cint, get_datetime, now_datetime

from dokos_mail.engine.errors import MailError, StorageFailed
from dokos_mail.engine.receive import uidl
from dokos_mail.engine.receive.model import Fetched
from dokos_mail.engine.receive.pop3 import Pop3Session
from dokos_mail.engine.receive.uidl import Listed
from dokos_mail.inbound import account as accounts
from dokos_mail.inbound import takeover
from dokos_mail.inbound.journal import FOLDER, IGNORED, JOURNAL, MOST_TRIES, NEVER_GIVEN, UNFETCHED, FolderJournal, identity
from dokos_mail.inbound.work import BATCH_BYTES, BATCH_COUNT, RETRIED_UNFETCHED, Work
from dokos_mail.reasons import because, columns, of_error

#: What stands in the rows for a folder; POP3 has none.
MAILBOX = "POP3"
#: How many rows are changed by one statement.
SLICE = 500


class Pop3Journal(FolderJournal):
	"""The journal of one POP3 mailbox: a login on a server. Another server's UIDLs mean other messages."""

	KIND = "pop3"

	def __init__(self, account: str, key: str, server: str, login: str) -> None:
		# stands where an IMAP folder has its UIDVALIDITY: the numbering in which a UIDL means something
		mailbox = identity(server.strip().lower(), login)[:16]
		super().__init__(account, f"{key}\0{mailbox}", MAILBOX, mailbox)
		kept = frappe.db.get_value(FOLDER, self.name, ["passed_over", "listing"], as_dict=True) if self.name else None
		self.passed_over = frozenset((kept.passed_over or "").split()) if kept else frozenset()
		self.listing = (kept.listing or "") if kept else ""
		#: The row of each message that was listed so far, by the message's key.
		self.live = self._live()
		self._keys: dict[int, str] = {}
		self._uidls: dict[int, str] = {}
		self._names: dict[str, str] = {own: row.name for own, row in self.live.items()}

	def _live(self) -> dict[str, frappe._dict]:
		rows = frappe.get_all(
			JOURNAL,
			filters={"email_account": self.account, "folder": MAILBOX, "uidvalidity": self.mailbox, "retired": 0},
			fields=["name", "pop3_key", "state", "creation", "raw_path", "size", "attempts"],
		)
		return {row.pop3_key: row for row in rows if row.pop3_key}

	def begin(self, passed_over: Iterable[str], *, first: bool) -> None:
		"""Keep what the first synchronisation does not want; the caller commits."""
		self.passed_over = frozenset(passed_over)
		values: dict[str, object] = {"passed_over": " ".join(sorted(self.passed_over)) or None}
		if first:
			self.first_sync_uid = 1
			values |= {"first_sync_uid": "1", "last_pull": now_datetime()}
		self._keep(values)

	def finish(self, listing: str) -> None:
		"""All that is listed was journalled; the caller commits."""
		self.first_sync_uid, self.listing = 0, listing
		self._keep({"first_sync_uid": "0", "listing": listing or None, "last_pull": now_datetime(), "error": None})

	def know(self, keys: dict[int, str], uidls: dict[int, str]) -> None:
		"""Say by which key each numbered message of this session goes, and its UIDL."""
		self._keys.update(keys)
		self._uidls.update(uidls)
		self._name_all(keys.values())

	def _name_all(self, keys: Iterable[str]) -> None:
		"""Find each new key the first identity that no retired row has."""
		unnamed = {own: 0 for own in keys if own not in self._names}
		while unnamed:
			names = {identity("pop3", self.key, own, occurrence): own for own, occurrence in unnamed.items()}
			taken: set[str] = set()
			every = list(names)
			for start in range(0, len(every), SLICE):
				taken.update(frappe.get_all(JOURNAL, filters={"name": ("in", every[start : start + SLICE])}, pluck="name"))
			self._names.update({own: name for name, own in names.items() if name not in taken})
			unnamed = {names[name]: unnamed[names[name]] + 1 for name in taken}

	def message_identity(self, uidvalidity: int, uid: int) -> str:
		"""The identity of the message with this number in this session."""
		return self._names[self._keys[uid]]

	def _mark(self, uid: int) -> str:
		return self._keys[uid]

	def _known_by(self, message: Fetched, uidvalidity: int) -> dict[str, object]:
		return {
			"uidvalidity": self.mailbox,
			"uid": self._uidls.get(message.uid, "")[:140] or None,
			"first_sync": int(bool(self.first_sync_uid)),
			"resync": 0,
			"pop3_key": self._keys[message.uid],
		}

	def retire(self, keys: Sequence[str]) -> None:
		"""These are listed no longer: the same UIDL is another message from now on. The caller commits."""
		rows = [self.live.pop(own) for own in keys]
		for own in keys:
			self._names.pop(own, None)
		for start in range(0, len(rows), SLICE):
			names = [row.name for row in rows[start : start + SLICE]]
			# What is gone from the server needs no deletion any more, whoever made it.
			values = {"retired": 1, "acknowledged": 1}
			frappe.db.set_value(JOURNAL, {"name": ("in", names)}, values, update_modified=False)
		for row in rows:
			if row.state == UNFETCHED:
				frappe.db.set_value(JOURNAL, row.name, {"state": IGNORED} | columns(because(NEVER_GIVEN)))

	def count_unread(self, messages: Sequence[Listed]) -> bool:
		"""Count a try for messages without UIDL that were refused; the caller commits. Whether it is worth another."""
		if messages:
			self.count_tries(0, [message.number for message in messages])
		before = [self.live.get(uidl.place_key(message)) for message in messages]
		return any(not row or cint(row.attempts) < MOST_TRIES for row in before)

	def refused_before(self, messages: Iterable[Listed]) -> list[Listed]:
		"""Those of ``messages`` that the server listed before and did not give, and that are worth asking for again."""
		found = []
		for message in messages:
			row = self.live.get(uidl.key(message)) if message.uidl else None
			if row and row.state == UNFETCHED and cint(row.attempts) < MOST_TRIES:
				found.append((cint(row.attempts), message))
		found.sort(key=lambda pair: pair[0])
		return [message for _attempts, message in found[:RETRIED_UNFETCHED]]

	def to_delete(self, keys: dict[int, str], days: int) -> dict[int, str]:
		"""Numbers, with their rows, of the messages that have been here for ``days`` days, and are safe: asked of the database anew."""
		store, until = accounts.raw_store(), now_datetime() - timedelta(days=days)
		live = self._live()
		due = {}
		for number, own in keys.items():
			row = live.get(own)
			if not row or not row.raw_path or get_datetime(row.creation) > until:
				continue
			path = store.path(row.raw_path)
			if path.is_file() and path.stat().st_size == cint(row.size):
				due[number] = row.name
		return due


def journal_of(work: Work) -> Pop3Journal:
	"""The journal of the account's mailbox."""
	settings = work.settings.incoming_settings()
	return Pop3Journal(work.account, work.lease.status, settings.host, settings.login)


def read_mailbox(session: Pop3Session, journal: Pop3Journal, work: Work) -> None:
	"""Journal what is new, delete on the server what the account wants deleted, and end the session."""
	listing = session.listing(uidl_expected=any(uidl.has_uidl(own) for own in journal.live))
	keys = {message.number: uidl.key(message) for message in listing if message.uidl}
	uidls = {message.number: message.uidl for message in listing}
	if _fetch_new(session, journal, work, listing, keys, uidls):
		takeover.finished(work.lease.status)
		frappe.db.commit()
		work.result.reached = True
		_ask_again(session, journal, work, listing)
	if cint(work.settings.delete_from_server):
		_delete(session, journal, work, keys)
	else:
		session.quit()


def _fetch_new(
	session: Pop3Session,
	journal: Pop3Journal,
	work: Work,
	listing: Sequence[Listed],
	keys: dict[int, str],
	uidls: dict[int, str],
) -> bool:
	"""Journal all that is new, batch by batch. False when there was no time for all."""
	first = journal.name is None
	plan = uidl.plan(listing, journal.live, journal.passed_over, _first_count(work) if first else None)
	if first or plan.passed_over != journal.passed_over:
		work.lease.fence()
		journal.begin(plan.passed_over, first=first)
		frappe.db.commit()
	fingerprint = uidl.fingerprint(plan.by_content)
	unchanged = fingerprint == journal.listing and not _due_by_content(journal, work)
	again = () if unchanged else plan.by_content
	asked = sorted([*plan.fetch, *again], key=lambda message: message.number)
	by_number = {message.number: message for message in listing}
	journal.know({message.number: keys[message.number] for message in plan.fetch}, uidls)
	copies: Counter[str] = Counter()
	fetched = 0
	work.progress("fetch", 0, len(asked))
	for batch in _fetch(session, journal, work, asked):
		journal.know(_keys_by_content(batch, by_number, copies, keys), uidls)
		work.lease.fence()
		work.result.journalled += journal.write(batch, 0, acknowledged=not cint(work.settings.delete_from_server))
		frappe.db.commit()
		fetched += len(batch)
		work.progress("fetch", fetched, len(asked))
		if work.time.is_half_up() and fetched < len(asked):
			return False
	unread = [message for message in plan.by_content if message.number not in keys]
	here = None if unread else {keys[message.number] for message in plan.by_content}
	work.lease.fence()
	journal.retire(uidl.gone(listing, list(journal.live), here))
	journal.finish("" if again and journal.count_unread(unread) else fingerprint)
	frappe.db.commit()
	return True


def _due_by_content(journal: Pop3Journal, work: Work) -> bool:
	"""Whether a message is to be deleted that can be found again by its content only."""
	if not cint(work.settings.delete_from_server):
		return False
	until = now_datetime() - timedelta(days=cint(work.settings.leave_on_server_days))
	return any(
		row.raw_path and get_datetime(row.creation) <= until for own, row in journal.live.items() if not uidl.has_uidl(own)
	)


def _keys_by_content(
	batch: Iterable[Fetched], by_number: dict[int, Listed], copies: Counter[str], keys: dict[int, str]
) -> dict[int, str]:
	"""The keys of those messages of a batch that have no UIDL of their own; those with a text are added to ``keys``."""
	found = {}
	for message in batch:
		if by_number[message.uid].uidl:
			continue
		if message.raw:
			keys[message.uid] = found[message.uid] = uidl.content_key(message.raw.sha256, copies[message.raw.sha256])
			copies[message.raw.sha256] += 1
		else:
			found[message.uid] = uidl.place_key(by_number[message.uid])
	return found


def _first_count(work: Work) -> int:
	"""How many messages the first synchronisation takes: all that the host left, where the host read the mailbox before."""
	if takeover.hosts_mail(work.account, work.lease.status):
		return uidl.ALL
	return cint(work.settings.initial_sync_count) or 250


def _fetch(session: Pop3Session, journal: Pop3Journal, work: Work, messages: Sequence[Listed]) -> Iterable[list[Fetched]]:
	"""Batches of messages on disk. One whose text breaks the connection again and again is set aside."""
	try:
		yield from session.fetch(
			messages,
			accounts.raw_store(),
			max_batch_bytes=BATCH_BYTES,
			max_batch_count=BATCH_COUNT,
			tick=work.lease.renew,
		)
	except MailError as error:
		frappe.db.rollback()
		if number := error.params.get("uid"):
			message = next(message for message in messages if message.number == number)
			if not message.uidl:
				journal.know({message.number: uidl.place_key(message)}, {})
			journal.broke_at(0, message.number, of_error(error))
			frappe.db.commit()
		raise


def _ask_again(session: Pop3Session, journal: Pop3Journal, work: Work, listing: Sequence[Listed]) -> None:
	"""Ask once more for messages that the server refused before. A refusal for all of them is no failure of the account."""
	asked = journal.refused_before(listing)
	if not asked:
		return
	journal.know({message.number: uidl.key(message) for message in asked}, {message.number: message.uidl for message in asked})
	journal.count_tries(0, [message.number for message in asked])
	frappe.db.commit()
	try:
		for batch in _fetch(session, journal, work, asked):
			work.lease.fence()
			journal.write(batch, 0, acknowledged=not cint(work.settings.delete_from_server))
			frappe.db.commit()
			work.result.journalled += sum(1 for message in batch if message.raw)
	except StorageFailed:
		raise
	except MailError:
		frappe.db.rollback()


def _delete(session: Pop3Session, journal: Pop3Journal, work: Work, keys: dict[int, str]) -> None:
	"""Delete on the server what is journalled and has been here long enough. Repeated at the next pull when it is cut."""
	if session.wire.broken:
		return
	due = journal.to_delete(keys, cint(work.settings.leave_on_server_days))
	deleted = session.delete(list(due))
	session.quit()
	for start in range(0, len(deleted), SLICE):
		names = [due[number] for number in deleted[start : start + SLICE]]
		frappe.db.set_value(JOURNAL, {"name": ("in", names)}, "acknowledged", 1, update_modified=False)
	frappe.db.commit()
