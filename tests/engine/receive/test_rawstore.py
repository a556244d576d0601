"""The raw store: whole or not at all, content-addressed, tidy."""

from __future__ import annotations

import errno
import hashlib
import os
from datetime import timedelta
from pathlib import Path

import pytest

from dokos_mail.engine.errors import StorageFailed, StorageFull
from dokos_mail.engine.receive.rawstore import HELD, OPEN_FILES, RawStore, RawWriter


def written(store: RawStore, *pieces: bytes) -> RawWriter:
	writer = store.open()
	for piece in pieces:
		writer.write(piece)
	return writer


def visible(root: Path) -> list[str]:
	return sorted(str(path.relative_to(root)) for path in root.rglob("*.eml"))


def leftovers(store: RawStore) -> list[Path]:
	return list(store.temporary.iterdir()) if store.temporary.exists() else []


def test_a_message_is_visible_after_its_commit_only(tmp_path: Path) -> None:
	store = RawStore(tmp_path / "raw")
	writer = written(store, b"Subject: hi\r\n", memoryview(b"\r\nbody\r\n"))
	assert visible(store.root) == []
	(file,) = store.commit([writer])
	digest = hashlib.sha256(b"Subject: hi\r\n\r\nbody\r\n").hexdigest()
	assert file.path == f"{digest[:2]}/{digest}.eml"
	assert (file.sha256, file.size) == (digest, 21)
	assert visible(store.root) == [file.path]
	assert store.read(file.path) == b"Subject: hi\r\n\r\nbody\r\n"
	assert store.path(file.path) == store.root / file.path
	assert leftovers(store) == []


def test_order_is_kept_and_the_same_content_is_one_file(tmp_path: Path) -> None:
	store = RawStore(tmp_path)
	first = store.commit([written(store, b"%d" % (number % 50)) for number in range(300)])
	assert [store.read(file.path) for file in first] == [b"%d" % (number % 50) for number in range(300)]
	assert len(visible(tmp_path)) == 50
	inode = store.path(first[0].path).stat().st_ino
	(again,) = store.commit([written(store, b"0")])
	assert again == first[0]
	assert store.path(again.path).stat().st_ino == inode
	assert leftovers(store) == []


def test_a_file_cut_short_under_a_final_name_is_replaced(tmp_path: Path) -> None:
	store = RawStore(tmp_path)
	(file,) = store.commit([written(store, b"whole")])
	store.path(file.path).write_bytes(b"who")
	store.commit([written(store, b"whole")])
	assert store.read(file.path) == b"whole"


def test_few_files_are_open_at_once(tmp_path: Path) -> None:
	store = RawStore(tmp_path)
	writers = []
	before = len(os.listdir("/proc/self/fd"))
	for number in range(OPEN_FILES + 200):
		writers.append(written(store, b"%d" % number, bytes(HELD)))
		store.ended(writers[-1])
		assert len(os.listdir("/proc/self/fd")) <= before + OPEN_FILES + 2
	assert len(store.commit(writers)) == OPEN_FILES + 200
	assert len(os.listdir("/proc/self/fd")) <= before + 1


def test_every_file_is_synced_before_it_is_named_and_every_folder_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
	events: list[tuple[str, str]] = []
	real_sync, real_replace = os.fsync, os.replace

	def sync(descriptor: int) -> None:
		events.append(("sync", os.readlink(f"/proc/self/fd/{descriptor}")))
		real_sync(descriptor)

	def replace(source: Path, target: Path) -> None:
		events.append(("rename", str(source)))
		events.append(("named", str(target)))
		real_replace(source, target)

	store = RawStore(tmp_path / "raw")
	store.commit([written(store, b"warm up")])
	monkeypatch.setattr(os, "fsync", sync)
	monkeypatch.setattr(os, "replace", replace)
	files = store.commit([written(store, b"%d" % number) for number in range(20)])
	renamed = [path for kind, path in events if kind == "rename"]
	assert len(renamed) == 20
	for path in renamed:
		assert events.index(("sync", path)) < events.index(("rename", path))
	for file in files:
		final = store.path(file.path)
		assert ("sync", str(final.parent)) in events[events.index(("named", str(final))) :]
	assert ("sync", str(store.root)) in events[events.index(("named", str(store.path(files[-1].path)))) :]


@pytest.mark.parametrize(("code", "kind"), [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EIO, StorageFailed)])
@pytest.mark.parametrize("call", ["open", "write", "fsync"])
@pytest.mark.parametrize("size", [0, HELD])
def test_a_full_disk_leaves_nothing_behind(
	size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: type, call: str
) -> None:
	store = RawStore(tmp_path)
	writers = [written(store, b"%d" % number, bytes(size)) for number in range(5)]
	more = written(store, b"more")

	def fail(*_arguments: object) -> None:
		raise OSError(code, os.strerror(code))

	with monkeypatch.context() as patched:
		patched.setattr(os, call, fail)
		with pytest.raises(kind) as caught:
			store.commit([*writers, more])
	assert caught.value.kind == kind.kind
	store.discard(writers)
	assert visible(tmp_path) == []
	assert leftovers(store) == []


def test_a_real_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
	"""/dev/full answers every write with ENOSPC, as a full disk does."""
	store = RawStore(tmp_path)
	monkeypatch.setattr(store, "_create", lambda _path: os.open("/dev/full", os.O_WRONLY))
	writer = store.open()
	with pytest.raises(StorageFull):
		writer.write(bytes(HELD + 1))
	writer.discard()
	with pytest.raises(StorageFull):
		store.commit([written(store, b"x")])


def test_short_messages_and_long_ones_are_the_same(tmp_path: Path) -> None:
	store = RawStore(tmp_path)
	raws = [bytes([number]) * size for number, size in enumerate((0, 1, HELD - 1, HELD, HELD + 1, 5 * HELD))]
	pieces = [[raw[start : start + 50_000] for start in range(0, len(raw), 50_000)] for raw in raws]
	files = store.commit([written(store, *some) for some in pieces])
	assert [store.read(file.path) for file in files] == raws
	assert [file.sha256 for file in files] == [hashlib.sha256(raw).hexdigest() for raw in raws]
	assert leftovers(store) == []


def test_leftovers_are_removed_by_age_and_nothing_else_is(tmp_path: Path) -> None:
	store = RawStore(tmp_path)
	(kept,) = store.commit([written(store, b"kept")])
	old, young = written(store, bytes(HELD + 1)), written(store, bytes(HELD + 2))
	now = 1_800_000_000.0
	os.utime(old._temporary, (now - 7200, now - 7200))
	os.utime(young._temporary, (now - 60, now - 60))
	os.utime(store.path(kept.path), (now - 99999, now - 99999))
	assert store.tidy(timedelta(hours=1), now) == 1
	assert leftovers(store) == [Path(young._temporary)]
	assert store.read(kept.path) == b"kept"
	assert RawStore(tmp_path / "none").tidy(timedelta(0), now) == 0
	store.discard([old, young])


@pytest.mark.parametrize(
	"name",
	["../../etc/passwd", "ab/../x.eml", "tmp/1-2", "", "/etc/passwd", "ab/" + "a" * 64 + ".eml", "aa/" + "a" * 63 + ".eml"],
)
def test_only_names_of_messages_are_paths(tmp_path: Path, name: str) -> None:
	with pytest.raises(ValueError):
		RawStore(tmp_path).read(name)


def test_removal(tmp_path: Path) -> None:
	store = RawStore(tmp_path)
	(file,) = store.commit([written(store, b"x")])
	store.remove(file.path)
	store.remove(file.path)
	with pytest.raises(FileNotFoundError):
		store.read(file.path)


def test_the_seam_names_every_step(tmp_path: Path) -> None:
	steps: list[str] = []
	store = RawStore(tmp_path, on_write=steps.append)
	store.commit([written(store, b"1"), written(store, b"2"), written(store, b"2")])
	assert steps == ["sync", "rename", "rename", "sync_folder"]


def test_empty_messages_and_empty_batches(tmp_path: Path) -> None:
	store = RawStore(tmp_path)
	assert store.commit([]) == []
	(file,) = store.commit([store.open()])
	assert (file.size, store.read(file.path)) == (0, b"")
