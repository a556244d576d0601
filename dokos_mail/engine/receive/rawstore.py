"""Raw messages on disk, content-addressed: ``root/ab/ab12….eml``, named by the SHA-256 of their octets.

A file is visible under its final name only when it is whole and synced, and that name is durable once ``commit``
returns. Whatever dies before leaves at most a file in ``root/tmp``, which :meth:`RawStore.tidy` removes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from dokos_mail.engine.errors import MailError, StorageFailed, StorageFull
from dokos_mail.engine.receive.model import RawFile

#: Syncs side by side: the file system answers several with one write of its log.
SYNC_THREADS = 8
#: Files of one batch kept open until their sync; beyond it, each is synced and closed at its end.
OPEN_FILES = 256
_PATH = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}\.eml")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class RawWriter:
	"""One message on its way to disk. ``size`` is in octets; ``sha256`` is that of what was written so far."""

	def __init__(self, store: RawStore, temporary: Path, descriptor: int) -> None:
		self._store, self._temporary, self._descriptor = store, temporary, descriptor
		self._hash = hashlib.sha256()
		self.size = 0

	@property
	def sha256(self) -> str:
		return self._hash.hexdigest()

	def write(self, data: bytes | bytearray | memoryview) -> None:
		"""Append octets. Raises StorageFull or StorageFailed, after which the writer can only be discarded."""
		self._hash.update(data)
		with _typed():
			rest = memoryview(data)
			while rest:
				rest = rest[os.write(self._descriptor, rest) :]
		self.size += len(data)

	def sync(self) -> None:
		"""Make the octets durable, under the temporary name, and close the file."""
		if self._descriptor < 0:
			return
		with _typed():
			os.fsync(self._descriptor)
		self._close()

	def discard(self) -> None:
		"""Forget the message. Harmless once it is committed."""
		self._close()
		self._temporary.unlink(missing_ok=True)

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
		self._known: set[str] = set()

	def open(self) -> RawWriter:
		"""Begin a message. It ends in :meth:`commit` or :meth:`discard`."""
		with _typed():
			path = self.temporary / f"{os.getpid()}-{secrets.token_hex(8)}"
			flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
			try:
				descriptor = os.open(path, flags, 0o640)
			except FileNotFoundError:
				self.temporary.mkdir(parents=True, exist_ok=True)
				_sync_folder(self.root.parent)
				descriptor = os.open(path, flags, 0o640)
		writer = RawWriter(self, path, descriptor)
		self._open.add(writer)
		return writer

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
		waiting = [writer for writer in writers if writer._descriptor >= 0]
		if waiting:
			self._step("sync")
		if len(waiting) < 3:
			for writer in waiting:
				writer.sync()
			return
		with ThreadPoolExecutor(min(SYNC_THREADS, len(waiting))) as pool:
			list(pool.map(RawWriter.sync, waiting))

	def _name_all(self, writers: Sequence[RawWriter]) -> list[RawFile]:
		files, folders = [], {}
		for writer in writers:
			digest = writer.sha256
			relative = f"{digest[:2]}/{digest}.eml"
			final = self.root / relative
			folders[final.parent] = None
			if final.parent.name not in self._known:
				final.parent.mkdir(exist_ok=True)
				self._known.add(final.parent.name)
				folders[self.root] = None
			if not _is_whole(final, writer.size):
				self._step("rename")
				os.replace(writer._temporary, final)
			files.append(RawFile(relative, digest, writer.size))
		if folders:
			self._step("sync_folder")
			_sync_folders(list(folders))
		return files


def _is_whole(path: Path, size: int) -> bool:
	try:
		return path.stat().st_size == size
	except FileNotFoundError:
		return False


def _sync_folders(folders: list[Path]) -> None:
	# The first sync writes the file system's log, which holds the other renames too: the rest find nothing to do.
	_sync_folder(folders[0])
	if len(folders) > 1:
		with ThreadPoolExecutor(min(SYNC_THREADS, len(folders))) as pool:
			list(pool.map(_sync_folder, folders[1:]))


def _sync_folder(folder: Path) -> None:
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
