"""What the steps of one pull share, whatever the protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import frappe

from dokos_mail.engine.errors import MailError
from dokos_mail.inbound.lease import Lease
from dokos_mail.inbound.time_limit import TimeLimit

#: A batch of one FETCH: at most this many messages and (but for a larger single message) octets.
BATCH_COUNT = 200
BATCH_BYTES = 8 * 1024 * 1024
#: How many messages that could not be fetched before are asked for again in one pull, per folder.
RETRIED_UNFETCHED = 50

#: Called with what is going on ("fetch" or "process"), how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]


def no_progress(stage: str, done: int, total: int) -> None:
	"""Tell nobody."""


@dataclass
class PullResult:
	"""What a pull did. ``error`` is what kept the account, or one of its folders, from being read.

	``reached`` is True when the server answered to the end: an ``error`` is then one folder's.
	"""

	journalled: int = 0
	processed: dict[str, int] = field(default_factory=dict)
	error: MailError | None = None
	reached: bool = False


@dataclass(frozen=True)
class Work:
	"""What the steps of one pull share."""

	account: str
	settings: frappe._dict
	lease: Lease
	result: PullResult
	progress: Progress
	time: TimeLimit
