"""Which messages of a folder to fetch, decided from what is known and what the server says: pure functions.

A pull asks :func:`search_criteria` what to SEARCH for, gives what was found to :func:`fetch_plan`, and fetches the UIDs
of the plan. Once they are all journalled, ``plan.done`` is the folder's position.

What is promised over any sequence of pulls: the first takes at most ``first.count`` messages, the most recent ones;
after it every message that is there at a pull is in the plan of exactly one, whatever its flags and whatever other
clients remove. (RFC 3501 section 2.3.1.1 is what this stands on: UIDs ascend, and UIDVALIDITY changes when they do
not.)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from dokos_mail.engine.receive.model import FetchPlan, FirstSync, FolderStatus, Position
from dokos_mail.engine.receive.uidset import ascending

#: UIDs have 32 bits (RFC 3501 section 9, nz-number); servers refuse a command with a larger number.
LARGEST_UID = 2**32 - 1
#: Said in ``FetchPlan.notes`` when UIDNEXT went back under an unchanged UIDVALIDITY, as after a careless restore.
UIDS_WENT_BACK = "uids_went_back"
#: Said when the folder's UIDVALIDITY changed since the last pull.
UIDVALIDITY_CHANGED = "uidvalidity_changed"


def search_criteria(position: Position, status: FolderStatus, first: FirstSync) -> str | None:
	"""What to UID SEARCH for, or None when there is nothing to look for.

	UIDNEXT is no reason to skip the search: a server whose UIDNEXT lags behind would silently keep its mail.
	"""
	if not status.exists:
		return None
	if position.uidvalidity is None:
		if first.count <= 0:
			return None
		if first.unseen_only:
			return "UNSEEN"
		# By sequence number: the answer stays short in a folder of a million messages.
		return "ALL" if status.exists <= first.count else f"{status.exists - first.count + 1}:*"
	if _resync_note(position, status):
		return "ALL"
	return f"UID {min(position.last_uid + 1, LARGEST_UID)}:*"


def fetch_plan(position: Position, status: FolderStatus, first: FirstSync, found: Iterable[int]) -> FetchPlan:
	"""Which of the ``found`` UIDs to fetch, and the position once that is done.

	A first synchronisation leaves what arrived after the folder was opened (UIDs from UIDNEXT on) to the next pull,
	where it is new whatever its flags. After a change of UIDVALIDITY everything found is planned: what is already
	known is recognised by its content, not by its UID.
	"""
	uids = ascending(found if isinstance(found, Sequence) else list(found))
	if position.uidvalidity is None:
		return _first_plan(status, first, uids)
	note = _resync_note(position, status)
	if note:
		last = max(uids[-1] if uids else 0, (status.uidnext or 1) - 1)
		return FetchPlan(uids, Position(status.uidvalidity, last), resync=True, notes=(note,))
	# RFC 3501 section 6.4.8: `n:*` finds the last message even when its UID is below n.
	new = uids[bisect_right(uids, position.last_uid) :]
	return FetchPlan(new, Position(status.uidvalidity, new[-1] if new else position.last_uid))


def _first_plan(status: FolderStatus, first: FirstSync, uids: Sequence[int]) -> FetchPlan:
	if status.uidnext is not None:
		uids = uids[: bisect_left(uids, status.uidnext)]
		last = status.uidnext - 1
	else:
		last = uids[-1] if uids else 0
	wanted = uids[-first.count :] if first.count > 0 else uids[:0]
	return FetchPlan(wanted, Position(status.uidvalidity, last), first=True)


def _resync_note(position: Position, status: FolderStatus) -> str:
	"""Why the stored position means nothing any more, or the empty text."""
	if position.uidvalidity != status.uidvalidity:
		return UIDVALIDITY_CHANGED
	if status.uidnext_told and status.uidnext is not None and status.uidnext <= position.last_uid:
		return UIDS_WENT_BACK
	return ""
