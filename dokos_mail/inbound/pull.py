"""One account's pull, from the first to the last step.

Everything the server hands over is journalled first, folder by folder; then what waits is processed in order; then
the server is told (when the account asks for it). A step that fails holds back neither the other folders nor what is
already journalled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import frappe
from frappe import _

from dokos_mail.engine.connect.imap import open_imap
from dokos_mail.engine.connect.pop3 import open_pop3
from dokos_mail.engine.errors import CommandRefused, FolderMissing, MailError, StorageFailed
from dokos_mail.engine.receive.imap import ImapSession
from dokos_mail.engine.receive.model import Fetched, FetchPlan, FirstSync, FolderStatus, Position
from dokos_mail.engine.receive.plan import UIDS_WENT_BACK, fetch_plan, search_criteria
from dokos_mail.engine.receive.pop3 import Pop3Session
from dokos_mail.engine.receive.rawstore import storage_error
from dokos_mail.inbound import account as accounts
from dokos_mail.inbound import moved, takeover
from dokos_mail.inbound.folders import folders_to_read, missing_sent_folder
from dokos_mail.inbound.handback import keep_folders_up
from dokos_mail.inbound.journal import JOURNAL, UNFETCHED, FolderJournal, mailbox_of
from dokos_mail.inbound.lease import Lease, hold
from dokos_mail.inbound.pop3 import journal_of, read_mailbox
from dokos_mail.inbound.process import process_pending
from dokos_mail.inbound.read_status import keep_in_step
from dokos_mail.inbound.time_limit import TimeLimit
from dokos_mail.inbound.work import BATCH_BYTES, BATCH_COUNT, RETRIED_UNFETCHED, Progress, PullResult, Work, no_progress
from dokos_mail.reasons import of_error

#: Mail older than the first pull by more than this is not new, whatever a renumbered folder says of it.
RESYNC_MARGIN = timedelta(days=2)


def pull(account: str, progress: Progress = no_progress, seconds: float | None = None) -> PullResult:
	"""Pull one account under its lease and say on the account how it went.

	Raises LeaseHeld when another process is at it. A server's failure is recorded and returned, never raised: what is
	already journalled is processed all the same. After ``seconds`` no other batch or message is begun; the next pull
	goes on from there.
	"""
	status = accounts.status_of(account)
	with hold(status) as lease:
		result = PullResult()
		work = Work(account, frappe.get_doc("Email Account", account), lease, result, progress, TimeLimit(seconds))
		try:
			try:
				_fetch_and_process(work)
			except MailError as error:
				frappe.db.rollback()
				result.error = error
				_process(work)
		except (OSError, MemoryError, StorageFailed) as error:
			frappe.db.rollback()
			result.error = _storage_failed(error)
		if result.error:
			accounts.record_failure(account, result.error, rest=not result.reached)
		else:
			accounts.record_success(account, pulled=True)
		return result


def _storage_failed(error: OSError | MemoryError | StorageFailed) -> MailError:
	if isinstance(error, StorageFailed):
		return error
	if isinstance(error, OSError):
		return storage_error(error)
	return StorageFailed(detail=_("out of memory"))


def _fetch_and_process(work: Work) -> None:
	if not work.settings.use_imap:
		with open_mailbox(work.settings) as session:
			read_mailbox(session, journal_of(work), work)
		_process(work)
		return
	with open_mailbox(work.settings) as session:
		names = folders_to_read(session, work.settings, work.lease.status)
		server = work.settings.incoming_settings()
		mailbox = mailbox_of(server.host, server.login)
		journals = [FolderJournal(work.account, work.lease.status, folder, mailbox) for folder in names]
		read = []
		for journal in journals:
			if session.is_over:
				break  # its time was up while answers were still to come
			if _done_in_folder(journal, work.result, partial(fetch_new, session, journal, work)):
				read.append(journal)
		if not work.time.is_half_up():
			takeover.finished(work.lease.status)
			keep_folders_up(work.account)
			frappe.db.commit()
		_process(work)
		work.result.reached = True
		if session.is_over:
			return  # what remains to be said to the server is said at the next pull
		if work.settings.get("mark_as_read"):
			for journal in read:
				_done_in_folder(journal, work.result, partial(acknowledge, session, journal))
		if work.settings.get("keep_read_status"):
			keep_in_step(session, read, work.lease)
		work.result.error = work.result.error or missing_sent_folder(work.settings, work.lease.status)
		_try_unfetched_again(session, read, work)


def _done_in_folder(journal: FolderJournal, result: PullResult, step: Callable[[], None]) -> bool:
	"""Do one step in one folder; an error that concerns this folder alone is kept, and False returned."""
	try:
		step()
	except (FolderMissing, CommandRefused) as error:
		frappe.db.rollback()
		journal.record_error(error.message(_))
		frappe.db.commit()
		result.error = error
		return False
	return True


def _process(work: Work) -> None:
	process_pending(work.account, work.lease, work.result.processed, work.progress, work.time.is_up)


def open_mailbox(settings: frappe._dict) -> ImapSession | Pop3Session:
	"""A session with the account's server. Raises a child of MailError."""
	server = settings.incoming_settings()
	return open_imap(server) if settings.use_imap else open_pop3(server)


def fetch_new(session: ImapSession, journal: FolderJournal, work: Work) -> None:
	"""Journal what a folder has for us."""
	settings, lease, progress = work.settings, work.lease, work.progress
	status = session.select(journal.folder)
	first = FirstSync(unseen_only=settings.email_sync_option != "ALL", count=int(settings.initial_sync_count or 250))
	if journal.position.uidvalidity is None and (hosts := takeover.hosts_mail(journal.account, lease.status)):
		start = takeover.plan(hosts, status, first.unseen_only, session.search)
		if not _take_over(session, journal, work, status.uidvalidity, start):
			return
	plan, asked, takes_all = _plan(session, journal, status, first)
	position = Position(status.uidvalidity, 0 if plan.first or plan.resync else journal.position.last_uid)
	if plan.first:
		start = Position(status.uidvalidity, _below(asked, plan))
		journal.move(start, first_sync_uid=plan.done.last_uid, took_all=takes_all)
		position = journal.position
		frappe.db.commit()
	elif plan.resync:
		journal.move(position, resync_uid=plan.done.last_uid)
		frappe.db.commit()
	fetched = 0
	progress("fetch", 0, len(asked))
	for batch in _fetch(session, journal, status.uidvalidity, asked, lease):
		lease.fence()
		position = Position(status.uidvalidity, max([position.last_uid, *(message.uid for message in batch)]))
		work.result.journalled += _record(journal, batch, position, settings)
		frappe.db.commit()
		fetched += len(batch)
		progress("fetch", fetched, len(asked))
		if work.time.is_half_up() and fetched < len(asked):
			return
	lease.fence()
	journal.move(Position(status.uidvalidity, max(plan.done.last_uid, position.last_uid)))
	frappe.db.commit()


def _plan(
	session: ImapSession, journal: FolderJournal, status: FolderStatus, first: FirstSync
) -> tuple[FetchPlan, Sequence[int], bool]:
	"""What to fetch of a folder: the plan, without its UIDs; those of them that the journal lacks; whether they are all there are.

	A folder may have a million messages: only one list of them outlives this.
	"""
	position = _position(session, journal, status)
	criteria = search_criteria(position, status, first)
	starts_over = criteria == "ALL" and position.uidvalidity is not None
	if starts_over:
		criteria = _resync_criteria(journal)
	found = session.search_many(criteria) if criteria else []
	if position is journal.position and not starts_over and journal.is_under_way(status.uidvalidity):
		found = _still_wanted(session, journal, first, found)
	plan = fetch_plan(position, status, first, found)
	if UIDS_WENT_BACK in plan.notes:
		journal.start_over()
	asked = journal.unknown(status.uidvalidity, plan.uids)
	return replace(plan, uids=()), asked, len(plan.uids) == status.exists


def _position(session: ImapSession, journal: FolderJournal, status: FolderStatus) -> Position:
	"""How far the folder was read, as far as it is the one that was read."""
	if journal.position.uidvalidity is None or not journal.has_moved:
		return journal.position
	found = moved.what_it_is(session, journal, status.uidvalidity)
	if found == moved.ANOTHER:
		journal.begin()
		return Position()
	if found == moved.RENUMBERED and journal.position.uidvalidity == status.uidvalidity:
		journal.start_over()
		return Position(0, 0)  # no server's numbering
	return journal.position


def _take_over(session: ImapSession, journal: FolderJournal, work: Work, uidvalidity: int, start: takeover.Takeover) -> bool:
	"""Journal what the host missed, batch by batch, then start from the frontier. False when there was no time for all.

	The position is kept last: cut before, the takeover is decided anew, and what is journalled already is not asked for.
	"""
	missed = journal.unknown(uidvalidity, start.missed)
	fetched = 0
	work.progress("fetch", 0, len(missed))
	for batch in _fetch(session, journal, uidvalidity, missed, work.lease):
		work.lease.fence()
		acknowledged = not work.settings.get("mark_as_read")
		work.result.journalled += journal.write(batch, uidvalidity, acknowledged=acknowledged)
		frappe.db.commit()
		fetched += len(batch)
		work.progress("fetch", fetched, len(missed))
		if work.time.is_half_up() and fetched < len(missed):
			return False
	work.lease.fence()
	journal.move(Position(uidvalidity, start.frontier))
	frappe.db.commit()
	return True


def _fetch(
	session: ImapSession, journal: FolderJournal, uidvalidity: int, uids: Sequence[int], lease: Lease
) -> Iterator[list[Fetched]]:
	"""Batches of messages on disk. One whose text breaks the connection again and again is set aside."""
	try:
		yield from session.fetch(
			uids, accounts.raw_store(), max_batch_bytes=BATCH_BYTES, max_batch_count=BATCH_COUNT, tick=lease.renew
		)
	except MailError as error:
		frappe.db.rollback()
		if uid := error.params.get("uid"):
			journal.broke_at(uidvalidity, int(uid), of_error(error))
			frappe.db.commit()
		raise


def _try_unfetched_again(session: ImapSession, journals: Sequence[FolderJournal], work: Work) -> None:
	"""Ask again, after all else is done, for messages that the server listed before and did not give.

	One of them may break the connection once more: that is said on its row, and is no failure of the account.
	"""
	before = work.result.journalled
	try:
		for journal in journals:
			if not work.time.is_up():
				_done_in_folder(journal, work.result, partial(_ask_again, session, journal, work))
	except StorageFailed:
		raise
	except MailError:
		frappe.db.rollback()
	if work.result.journalled > before:
		_process(work)


def _ask_again(session: ImapSession, journal: FolderJournal, work: Work) -> None:
	uidvalidity = journal.position.uidvalidity or 0
	uids = journal.unfetched(uidvalidity, RETRIED_UNFETCHED)
	if not uids or session.select(journal.folder).uidvalidity != uidvalidity:
		return
	journal.count_tries(uidvalidity, uids)
	frappe.db.commit()
	answered = set()
	for batch in _fetch(session, journal, uidvalidity, uids, work.lease):
		work.lease.fence()
		_record(journal, batch, journal.position, work.settings)
		frappe.db.commit()
		answered.update(message.uid for message in batch)
		work.result.journalled += sum(1 for message in batch if message.raw)
	journal.gone(uidvalidity, [uid for uid in uids if uid not in answered])
	frappe.db.commit()


def _record(journal: FolderJournal, batch: Sequence[Fetched], position: Position, settings: frappe._dict) -> int:
	return journal.record(batch, position, acknowledged=not settings.get("mark_as_read"))


def _still_wanted(session: ImapSession, journal: FolderJournal, first: FirstSync, found: Sequence[int]) -> list[int]:
	"""Those of ``found`` that a synchronisation which was cut still wants, and all that came after it had begun."""
	until = max(journal.first_sync_uid, journal.resync_uid)
	criteria = _resync_criteria(journal) if journal.resync_uid else "UNSEEN" if first.unseen_only else "ALL"
	wanted = set(session.search(f"UID {journal.position.last_uid + 1}:{until} {criteria}"))
	return [uid for uid in found if uid > until or uid in wanted]


def _below(asked: Sequence[int], plan: FetchPlan) -> int:
	"""The position at which a first synchronisation starts: just below what it takes."""
	return asked[0] - 1 if asked else plan.done.last_uid


def _resync_criteria(journal: FolderJournal) -> str:
	"""What to look at after a change of UIDVALIDITY: all that can have come since the folder's first pull.

	Messages known by content are found out when processed; older ones were never wanted, unless all were.
	"""
	if journal.took_all or not journal.first_pull:
		return "ALL"
	return f"SINCE {takeover.imap_day(journal.first_pull - RESYNC_MARGIN)}"


def acknowledge(session: ImapSession, journal: FolderJournal) -> None:
	"""Mark as read on the server what is journalled and asks for it; repeated at the next pull when cut short."""
	rows = frappe.get_all(
		JOURNAL,
		filters={
			"email_account": journal.account,
			"folder": journal.folder,
			"uidvalidity": str(journal.position.uidvalidity),
			"acknowledged": 0,
			"state": ("!=", UNFETCHED),
		},
		fields=["name", "uid"],
	)
	if not rows:
		return
	session.select(journal.folder, readonly=False)
	session.mark_seen(sorted(int(row.uid) for row in rows))
	for start in range(0, len(rows), 500):
		names = [row.name for row in rows[start : start + 500]]
		values = {"acknowledged": 1, "seen_on_server": 1}
		frappe.db.set_value(JOURNAL, {"name": ("in", names)}, values, update_modified=False)
	frappe.db.commit()
