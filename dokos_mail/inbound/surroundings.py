"""Whether an error says something of a message, or of the disk, the memory, the database, the time there is."""

from __future__ import annotations

import errno

import frappe

from dokos_mail.engine.errors import StorageFailed
from dokos_mail.host import job_timeouts

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_FAILING = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ENOTCONN}


def database_is_busy(error: Exception) -> bool:
	"""A deadlock, or a lock that was not to be had in time: the same transaction may succeed now."""
	busy = (getattr(frappe, name, None) for name in ("QueryDeadlockError", "QueryTimeoutError"))
	return isinstance(error, tuple(kind for kind in busy if kind))


def are_full(error: Exception) -> bool:
	"""Nothing can be written, whichever message it is: all wait, and it is held against none of them."""
	if isinstance(error, StorageFailed):
		return True
	return isinstance(error, OSError) and error.errno in _FULL


def have_failed(error: Exception) -> bool:
	"""What ended is more than one message's processing.

	Most children of OSError are no such sign: libraries raise them for a server of their own that does not answer.
	"""
	if isinstance(error, OSError):
		return error.errno in _FULL | _FAILING
	return isinstance(error, (MemoryError, StorageFailed, *job_timeouts())) or database_is_busy(error)
