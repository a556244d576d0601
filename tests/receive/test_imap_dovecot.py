"""The way from settings to raw messages, on a real server."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from dokos_mail.engine.errors import ConnectionLost, FolderMissing
from dokos_mail.engine.receive.model import FirstSync, Position
from dokos_mail.engine.receive.plan import fetch_plan, search_criteria
from dokos_mail.engine.receive.rawstore import RawStore
from mail_servers.dovecot import Dovecot
from tests.receive.boxes import Box, fetch_all


def message(number: int, size: int = 0) -> bytes:
	return b"Subject: message %d\r\nMessage-ID: <%d@a.test>\r\n\r\nBonjour %d\r\n" % (number, number, number) + b"x" * size


@pytest.mark.parametrize(("security", "port"), [("plain", "imap"), ("starttls", "imap"), ("tls", "imaps")])
def test_every_way_to_connect(box: Box, store: RawStore, security: str, port: str) -> None:
	(uid,) = box.append(message(1), received=1_790_000_000)
	with box.open(security=security, port=box.server.ports[port]) as session:
		assert session.wire.encrypted == (security != "plain")
		status = session.select("INBOX")
		assert (status.exists, status.uidnext, status.uidvalidity) == (1, uid + 1, box.server.uidvalidity(box.user))
		(fetched,) = fetch_all(session, store, session.search("ALL"))
	assert store.read(fetched.raw.path) == message(1)
	assert fetched.raw.sha256 == hashlib.sha256(message(1)).hexdigest()
	assert fetched.raw.size == len(message(1))
	assert fetched.internal_date == datetime.fromtimestamp(1_790_000_000, timezone.utc)
	assert (fetched.uid, fetched.flags, fetched.reason) == (uid, frozenset(), "")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_certificate_is_good_for_each_of_its_names(box: Box, host: str) -> None:
	with box.open(host=host) as session:
		assert session.wire.encrypted


def test_nothing_in_the_mailbox_is_changed(box: Box, store: RawStore) -> None:
	box.append([message(1), message(2)])
	box.append(message(3), flags=["\\Flagged", "Important"])
	before = box.server.flags(box.user)
	with box.open() as session:
		session.select("INBOX")
		fetched = fetch_all(session, store, [1, 2, 3])
		assert box.server.flags(box.user) == before
	assert fetched[2].flags == {"\\Flagged", "Important"}
	assert "\\Recent" not in {flag for one in fetched for flag in one.flags}
	with box.server.client(box.user) as other:
		# \Recent is for the first who SELECTs: EXAMINE leaves it to the mailbox's owner.
		assert other.select("INBOX")[0] == "OK"
		assert other.response("RECENT")[1] == [b"3"]
	with box.open() as session:
		# Nor where a folder is open for changes.
		session.select("INBOX", readonly=False)
		fetch_all(session, store, [1, 2, 3])
		assert box.server.flags(box.user) == before


def test_read_is_set_when_asked_for_only(box: Box) -> None:
	box.append([message(number) for number in range(1, 6)])
	with box.open() as session:
		session.select("INBOX", readonly=False)
		session.mark_seen([2, 3, 5, 99])
		assert session.search("UNSEEN") == [1, 4]
	assert box.server.flags(box.user)[2] == {"\\Seen"}
	assert box.server.flags(box.user)[1] == set()


@pytest.mark.parametrize("name", ["Envoyés", "Éléments envoyés", "R&D", "日本語", 'Say "hi"', "a\\b", "Été/Août"])
def test_folders_by_their_names(box: Box, store: RawStore, name: str) -> None:
	box.server.create_folder(box.user, name)
	box.append(message(7), folder=name)
	with box.open() as session:
		folder = next(folder for folder in session.folders() if folder.name == name)
		assert folder.delimiter == "/"
		assert session.select(name).exists == 1
		(fetched,) = fetch_all(session, store, session.search("ALL"))
	assert store.read(fetched.raw.path) == message(7)


def test_inbox_in_any_letters(box: Box) -> None:
	box.append(message(1))
	with box.open() as session:
		assert session.select("Inbox").exists == session.select("INBOX").exists == 1


def test_a_folder_that_is_missing(box: Box) -> None:
	with box.open() as session:
		with pytest.raises(FolderMissing) as caught:
			session.select("Envoyés")
		assert "Envoyés" in str(caught.value)
		assert session.select("INBOX").exists == 0, "the session goes on"


def test_names_written_another_way(tmp_path_factory: pytest.TempPathFactory, store: RawStore) -> None:
	"""Prefix and delimiter are the server's own; a name typed on a Mac has its accents apart."""
	with Dovecot(tmp_path_factory.mktemp("dots"), {"a@b.test": "x"}, separator=".", prefix="INBOX.") as server:
		box = Box(server, "a@b.test", "x")
		server.create_folder("a@b.test", "INBOX.Envoyés.Août")
		server.create_folder("a@b.test", "INBOX.Brouillons")
		box.append(message(1), folder="INBOX.Envoyés.Août")
		with box.open() as session:
			assert {folder.delimiter for folder in session.folders()} == {"."}
			for name in ("INBOX.Envoyés.Août", "Envoyés.Août", "Envoyés/Août", "INBOX/Envoyés/Août", "Envoyés.Août"):
				assert session.select(name).exists == 1, name
			with pytest.raises(FolderMissing):
				session.select("Août")


def test_a_thousand_messages_in_batches(box: Box, store: RawStore) -> None:
	raws = [message(number, size=(number * 37) % 5000) for number in range(1, 1001)]
	uids = box.append(raws)
	box.server.expunge(box.user, uids[100:200])
	progress: list[tuple[int, int]] = []
	with box.open() as session:
		session.select("INBOX")
		wanted = session.search("ALL")
		batches = list(session.fetch(wanted, store, max_batch_count=150, progress=lambda *done: progress.append(done)))
	assert [len(batch) for batch in batches] == [150] * 6
	assert [one.uid for batch in batches for one in batch] == uids[:100] + uids[200:]
	for batch in batches:
		for one in batch:
			assert store.read(one.raw.path) == raws[one.uid - 1]
	assert progress[-1] == (900, 900)
	assert not [path for path in store.temporary.rglob("*") if path.is_file()]


def test_batches_are_bounded_by_octets(box: Box, store: RawStore) -> None:
	sizes = [10_000, 10_000, 10_000, 200_000, 10_000, 60_000, 60_000, 10_000]
	box.append([message(number, size) for number, size in enumerate(sizes)])
	with box.open() as session:
		session.select("INBOX")
		batches = list(session.fetch(range(1, 9), store, max_batch_bytes=100_000))
	assert [[one.uid for one in batch] for batch in batches] == [[1, 2, 3], [4], [5, 6], [7, 8]]


def test_a_pull_after_a_pull(box: Box, store: RawStore) -> None:
	first = FirstSync(unseen_only=True, count=2)
	position = Position()

	def pull() -> list[int]:
		nonlocal position
		with box.open() as session:
			status = session.select("INBOX")
			criteria = search_criteria(position, status, first)
			plan = fetch_plan(position, status, first, session.search(criteria) if criteria else [])
			fetched = fetch_all(session, store, list(plan.uids))
			position = plan.done
			return [one.uid for one in fetched]

	box.append([message(number) for number in range(1, 5)])
	box.append(message(5), flags=["\\Seen"])
	assert pull() == [3, 4]
	assert pull() == []
	box.append(message(6), flags=["\\Seen"])
	box.append(message(7))
	assert pull() == [6, 7]
	box.server.expunge(box.user, [7])
	assert pull() == []
	box.append(message(8))
	assert pull() == [8]
	box.server.change_uidvalidity(box.user, 123456)
	assert pull() == [1, 2, 3, 4, 5, 6, 8]
	assert pull() == []


def test_messages_removed_meanwhile_are_in_no_batch(box: Box, store: RawStore) -> None:
	box.append([message(number) for number in range(1, 11)])
	with box.open() as session:
		session.select("INBOX")
		found = session.search("ALL")
		box.server.expunge(box.user, [3, 4, 10])
		assert [one.uid for one in fetch_all(session, store, found)] == [1, 2, 5, 6, 7, 8, 9]


def test_other_commands_between_batches(box: Box, store: RawStore) -> None:
	"""The next batch is on its way while this one is stored: what else is asked meanwhile does not mix them up."""
	box.append([message(number, 3000) for number in range(1, 31)])
	seen = []
	with box.open() as session:
		session.select("INBOX")
		for batch in session.fetch(range(1, 31), store, max_batch_count=5):
			assert len(session.search("ALL")) == 30
			seen += [one.uid for one in batch]
		assert seen == list(range(1, 31))


def test_another_folder_in_the_middle_is_refused(box: Box, store: RawStore) -> None:
	box.append([message(number) for number in range(1, 31)])
	box.server.create_folder(box.user, "Other")
	with box.open() as session:
		session.select("INBOX")
		batches = session.fetch(range(1, 31), store, max_batch_count=5)
		next(batches)
		session.select("Other")
		with pytest.raises(RuntimeError, match="folder"):
			list(batches)


def test_a_fetch_given_up_leaves_nothing_behind(box: Box, store: RawStore) -> None:
	box.append([message(number) for number in range(1, 31)])
	with box.open() as session:
		session.select("INBOX")
		batches = session.fetch(range(1, 31), store, max_batch_count=5)
		kept = next(batches)
		batches.close()
		assert len(list(store.root.rglob("*.eml"))) == len(kept) == 5
		assert not [path for path in store.temporary.rglob("*") if path.is_file()]
		with pytest.raises(ConnectionLost):
			session.search("ALL")


def test_a_tick_that_raises_ends_the_fetch(box: Box, store: RawStore) -> None:
	class LeaseLost(Exception):
		pass

	calls = 0

	def tick() -> None:
		nonlocal calls
		calls += 1
		if calls > 3:
			raise LeaseLost

	box.append([message(number, 100_000) for number in range(1, 6)])
	with box.open() as session:
		session.select("INBOX")
		with pytest.raises(LeaseLost):
			fetch_all(session, store, [1, 2, 3, 4, 5], tick=tick)
	assert not [path for path in store.root.rglob("*") if path.is_file()]


def test_the_server_is_killed_in_the_middle(tmp_path_factory: pytest.TempPathFactory, store: RawStore) -> None:
	"""What came whole is kept, the error says what happened, and the rest comes with the next pull."""
	with Dovecot(tmp_path_factory.mktemp("dying"), {"a@b.test": "x"}) as server:
		box = Box(server, "a@b.test", "x")
		uids = box.append([message(number, 200_000) for number in range(1, 41)])
		got: list[int] = []

		def kill_it() -> None:
			server.doveadm("stop")
			server.stop()

		with box.open() as session:
			session.select("INBOX")
			with pytest.raises(ConnectionLost, match="ended the connection"):
				for batch in session.fetch(uids, store, max_batch_bytes=1_000_000):
					got += [one.uid for one in batch]
					if len(got) == len(batch):
						killer = threading.Thread(target=kill_it)
						killer.start()
						killer.join()
		assert got == uids[: len(got)]
		assert 4 <= len(got) < 40
		server.start()
		with box.open() as session:
			session.select("INBOX")
			rest = fetch_all(session, store, session.search(f"UID {got[-1] + 1}:*"))
		assert got + [one.uid for one in rest] == uids


@pytest.mark.parametrize("separate", [lambda uids: uids, lambda uids: uids[::2]])
def test_a_folder_of_many_messages(box: Box, store: RawStore, separate: Callable[[list[int]], list[int]]) -> None:
	uids = box.append([message(number) for number in range(1, 1501)])
	with box.open() as session:
		session.select("INBOX")
		assert session.search("ALL") == uids
		wanted = separate(uids)
		assert [one.uid for one in fetch_all(session, store, wanted, max_batch_count=600)] == wanted
