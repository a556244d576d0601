"""Raw messages on disk, content-addressed: ``root/ab/ab12….eml``, named by the SHA-256 of their octets.

A file is visible under its final name only when it is whole and synced, and that name is durable once ``commit``
returns. Whatever dies before leaves at most a file in ``root/tmp``, which :meth:`RawStore.tidy` removes.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TypeVar

from dokos_mail.engine.errors import MailError, StorageFailed, StorageFull
from dokos_mail.engine.receive.model import RawFile

#: Syncs side by side: the file system answers several with one write of its log.
SYNC_THREADS = 8
#: Files of one batch kept open until their sync; beyond it, each is synced and closed at its end.
OPEN_FILES = 256
#: A message of at most this many octets is held in memory until its batch is committed.
HELD = 64 * 1024
_PATH = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}\.eml")
Item = TypeVar("Item")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class RawWriter:
	"""One message on its way to disk. ``size`` is in octets; ``sha256`` is that of what was written so far.

	Up to HELD octets are kept in memory until the commit, which writes and syncs many files side by side; a longer
	message goes to its file as it comes.
	"""

	def __init__(self, store: RawStore, temporary: str) -> None:
		self._store, self._temporary, self._descriptor = store, temporary, -1
		self._held = bytearray()
		self._hash = hashlib.sha256()
		self._on_disk = False
		self.size = 0

	@property
	def sha256(self) -> str:
		return self._hash.hexdigest()

	def write(self, data: bytes | bytearray | memoryview) -> None:
		"""Append octets. Raises StorageFull or StorageFailed, after which the writer can only be discarded."""
		self._hash.update(data)
		self.size += len(data)
		if self._on_disk:
			self._put(data)
		elif self.size <= HELD:
			self._held += data
		else:
			self._create()
			self._put(data)

	def sync(self) -> None:
		"""Make the octets durable, under the temporary name, and close the file. Safe in any thread."""
		if not self._on_disk:
			self._create()
		if self._descriptor >= 0:
			with _typed():
				os.fsync(self._descriptor)
			self._close()

	def name(self, path: str) -> None:
		"""Give the synced file its final name."""
		os.replace(self._temporary, path)
		self._on_disk = False

	def discard(self) -> None:
		"""Forget the message. Harmless once it is committed."""
		self._close()
		if self._on_disk:
			with contextlib.suppress(FileNotFoundError):
				os.unlink(self._temporary)

	def _create(self) -> None:
		with _typed():
			self._descriptor = self._store._create(self._temporary)
		self._on_disk = True
		self._store._open.add(self)
		self._put(self._held)
		self._held = bytearray()

	def _put(self, data: bytes | bytearray | memoryview) -> None:
		with _typed():
			rest = memoryview(data)
			while rest:
				rest = rest[os.write(self._descriptor, rest) :]

	def _close(self) -> None:
		if self._descriptor >= 0:
			os.close(self._descriptor)
			self._descriptor = -1
			self._store._open.discard(self)


class RawStore:
	"""Raw messages below ``root``, which is made when missing. Good for many processes at once, on a shared disk too.

	An instance serves one thread at a time. ``on_write`` is called before each change that can be seen from outside,
	with its name ("sync", "rename", "sync_folder"): a seam where tests cut.
	"""

	def __init__(self, root: Path | str, on_write: Callable[[str], None] | None = None) -> None:
		self.root = Path(root)
		self.temporary = self.root / "tmp"
		self._on_write = on_write
		self._open: set[RawWriter] = set()
		# Unique over processes and machines: a name of this store is never another's.
		self._prefix = f"{os.getpid()}-{secrets.token_hex(6)}"
		self._numbers = count(1)
		self._known: set[str] = set()

	def open(self) -> RawWriter:
		"""Begin a message. It ends in :meth:`commit` or :meth:`discard`."""
		return RawWriter(self, f"{self.temporary}/{self._prefix}-{next(self._numbers)}")

	def _create(self, path: str) -> int:
		flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
		try:
			return os.open(path, flags, 0o640)
		except FileNotFoundError:
			self.temporary.mkdir(parents=True, exist_ok=True)
			_sync_folder(self.root.parent)
			return os.open(path, flags, 0o640)

	def ended(self, writer: RawWriter) -> None:
		"""Say that a message is whole; many in one batch are synced here so that few files are open at once."""
		if len(self._open) > OPEN_FILES:
			self._step("sync")
			writer.sync()

	def commit(self, writers: Sequence[RawWriter]) -> list[RawFile]:
		"""Make messages durable under their final names, in the order given. One commit, however many messages.

		On an error (StorageFull, StorageFailed) none of those not yet named is visible, and all are discarded.
		"""
		try:
			self._sync_all(writers)
			with _typed():
				return self._name_all(writers)
		finally:
			self.discard(writers)

	def discard(self, writers: Iterable[RawWriter]) -> None:
		"""Forget messages that are not to be kept. Harmless for committed ones."""
		for writer in writers:
			writer.discard()

	def path(self, relative: str) -> Path:
		"""Where a stored message is. Raises ValueError for anything that is not the name of one."""
		if not _PATH.fullmatch(relative):
			raise ValueError(f"Not the name of a raw message: {relative!r}")
		return self.root / relative

	def read(self, relative: str) -> bytes:
		"""The octets of a stored message. Raises FileNotFoundError when it was removed."""
		return self.path(relative).read_bytes()

	def remove(self, relative: str) -> None:
		"""Remove a message; harmless when it is gone already. The caller knows that nothing refers to it."""
		self.path(relative).unlink(missing_ok=True)

	def tidy(self, older_than: timedelta, now: float) -> int:
		"""Remove what dead processes left in ``tmp`` more than ``older_than`` before ``now`` (seconds since the epoch).

		Returns how many files were removed. A message is not on its way that long, so that none in use is touched.
		"""
		if not self.temporary.is_dir():
			return 0
		removed = 0
		for entry in os.scandir(self.temporary):
			try:
				if entry.stat(follow_symlinks=False).st_mtime < now - older_than.total_seconds():
					os.unlink(entry.path)
					removed += 1
			except FileNotFoundError:
				continue  # another process tidies too
		return removed

	def _step(self, name: str) -> None:
		if self._on_write:
			self._on_write(name)

	def _sync_all(self, writers: Sequence[RawWriter]) -> None:
		if writers:
			self._step("sync")
		_side_by_side(RawWriter.sync, writers)

	def _name_all(self, writers: Sequence[RawWriter]) -> list[RawFile]:
		files, folders = [], {}
		root = str(self.root)
		for writer in writers:
			digest = writer.sha256
			relative = f"{digest[:2]}/{digest}.eml"
			folder = f"{root}/{digest[:2]}"
			folders[folder] = None
			if folder not in self._known:
				os.makedirs(folder, exist_ok=True)
				self._known.add(folder)
				folders[root] = None
			if not _is_whole(f"{root}/{relative}", writer.size):
				self._step("rename")
				writer.name(f"{root}/{relative}")
			files.append(RawFile(relative, digest, writer.size))
		if folders:
			self._step("sync_folder")
			_sync_folders(list(folders))
		return files


def _is_whole(path: str, size: int) -> bool:
	try:
		return os.stat(path).st_size == size
	except FileNotFoundError:
		return False


def _sync_folders(folders: list[str]) -> None:
	# The first sync writes the file system's log, which holds the other renames too: the rest find nothing to do.
	_sync_folder(folders[0])
	_side_by_side(_sync_folder, folders[1:])


def _side_by_side(task: Callable[[Item], None], items: Sequence[Item]) -> None:
	"""Do ``task`` for each item, in threads when there are several. Raises the first error, once all have ended."""

	def some(start: int) -> None:
		for item in items[start::SYNC_THREADS]:
			task(item)

	if len(items) < 3:
		for item in items:
			task(item)
		return
	with ThreadPoolExecutor(SYNC_THREADS) as pool:
		list(pool.map(some, range(min(SYNC_THREADS, len(items)))))


def _sync_folder(folder: Path | str) -> None:
	descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
	try:
		os.fsync(descriptor)
	finally:
		os.close(descriptor)


@contextmanager
def _typed():
	"""Errors of the file system as errors of ours."""
	try:
		yield
	except OSError as error:
		raise storage_error(error) from error


def storage_error(error: OSError) -> MailError:
	"""The typed error for one of the file system's."""
	return (StorageFull if error.errno in _FULL else StorageFailed)(detail=error.strerror or str(error))
