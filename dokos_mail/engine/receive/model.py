"""What receiving speaks of: folders, positions in them, fetched messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Position:
	"""How far a folder has been read. ``uidvalidity`` None: never read.

	All messages with a UID up to and including ``last_uid`` have been journalled, or were not wanted by the first
	synchronisation.
	"""

	uidvalidity: int | None = None
	last_uid: int = 0


@dataclass(frozen=True)
class FolderStatus:
	"""What a server says of a selected folder (RFC 3501 section 6.3.1). ``uidnext`` may be missing.

	``uidnext_told`` False: the server did not say it, and the highest UID there is stands in for it.
	``highest_modseq`` (RFC 7162): it grows with each change of a flag; None on servers that do not keep count.
	"""

	uidvalidity: int
	uidnext: int | None
	exists: int
	uidnext_told: bool = True
	highest_modseq: int | None = None


@dataclass(frozen=True)
class FirstSync:
	"""What the first synchronisation takes: the ``count`` most recent messages, or the most recent unread ones."""

	unseen_only: bool = True
	count: int = 250


@dataclass(frozen=True)
class Folder:
	"""A folder of the account, its ``name`` in Unicode; ``flags`` as LIST gave them (``\\Sent``, ``\\Noselect`` ...)."""

	name: str
	delimiter: str | None = None
	flags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RawFile:
	"""A raw message, stored. ``path`` is relative to the raw store; ``size`` is in octets."""

	path: str
	sha256: str
	size: int


@dataclass(frozen=True)
class Fetched:
	"""One message a server listed. ``raw`` None: the server listed it and could not give it; ``reason`` says why."""

	uid: int
	flags: frozenset[str] = frozenset()
	internal_date: datetime | None = None
	raw: RawFile | None = None
	reason: str = ""


@dataclass(frozen=True)
class FetchPlan:
	"""Which UIDs to fetch, ascending, and the position to keep once all of them are journalled.

	``first`` is True for a first synchronisation, ``resync`` after a change of UIDVALIDITY.
	"""

	uids: Sequence[int]
	done: Position
	first: bool = False
	resync: bool = False
	notes: tuple[str, ...] = field(default=())
