"""Servers that answer a FETCH in odd ways, or not at all: every message is kept under its own UID, told to be missing, or
left for the next pull, and never passed over in silence (T1)."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from time import monotonic

import pytest

from dokos_mail.engine import errors
from dokos_mail.engine.connect.imap import open_imap
from dokos_mail.engine.receive.fetch import NOT_GIVEN
from dokos_mail.engine.receive.imap import ImapSession
from dokos_mail.engine.receive.model import Fetched, RawFile
from dokos_mail.engine.receive.rawstore import RawStore, RawWriter
from mail_servers.faults import Faults, FaultyImap, LatencyProxy
from tests.receive.boxes import Box, fetch_all, to_faulty

MESSAGES = {uid: b"Subject: message %d\r\n\r\n%s\r\n" % (uid, b"x" * (uid * 13 % 700)) for uid in (1, 2, 5, 8, 13, 21, 34, 55)}


@pytest.fixture
def server() -> Iterator[FaultyImap]:
	with FaultyImap(MESSAGES) as faulty:
		yield faulty


def fetched(server: FaultyImap, store: RawStore, **options: object) -> list[Fetched]:
	with open_imap(to_faulty(server)) as session:
		session.select("INBOX")
		return fetch_all(session, store, session.search("ALL"), **options)


def right(messages: list[Fetched], store: RawStore) -> list[int]:
	"""The UIDs that have a text, each of which is checked to be that UID's own."""
	for message in messages:
		if message.raw:
			assert store.read(message.raw.path) == MESSAGES[message.uid]
	return [message.uid for message in messages if message.raw]


def nothing_is_left(store: RawStore) -> None:
	assert not store.temporary.exists() or not list(store.temporary.iterdir())


@pytest.mark.parametrize("count", [1, 3, 200])
@pytest.mark.parametrize(
	"faults",
	[
		Faults(),
		Faults(chatter=True),
		Faults(uid_last=True),
		Faults(backwards=True),
		Faults(chatter=True, uid_last=True, backwards=True),
		Faults(flaky=frozenset({1, 8, 55})),
		Faults(before={"UID SEARCH": [b"* 3 EXPUNGE", b"* 9 EXISTS", b"* OK [ALERT] hello"], "UID FETCH": [b"* 9 EXISTS"]}),
		Faults(
			before={
				"UID FETCH": [
					b'* 1 FETCH (BODY[] "nobody asked")',
					b"* 2 FETCH (UID 99 BODY[] {3}\r\nxyz)",
					b"* 2 FETCH (UID 2 FLAGS ())",
				]
			}
		),
		Faults(before={"UID FETCH": [b"* BAD nonsense", b"* 1 FETCH", b"* FETCH", b"* 1 FETCH (UID", b"* ", b"*", b"+ what"]}),
	],
)
def test_every_message_under_its_own_uid(server: FaultyImap, store: RawStore, faults: Faults, count: int) -> None:
	server.faults = faults
	messages = fetched(server, store, max_batch_count=count)
	assert right(messages, store) == sorted(MESSAGES)
	nothing_is_left(store)


def test_a_refused_message_shifts_no_other(server: FaultyImap, store: RawStore) -> None:
	"""T1: in the host's own module, one failed FETCH gives every later message its neighbour's UID."""
	server.faults = Faults(refused=frozenset({2, 21}))
	messages = fetched(server, store)
	assert [message.uid for message in messages] == sorted(MESSAGES)
	assert right(messages, store) == [1, 5, 8, 13, 34, 55]
	assert [message.reason for message in messages if not message.raw] == ["[SERVERBUG] Some messages could not be fetched"] * 2


@pytest.mark.parametrize("faults", [Faults(withheld=frozenset({5})), Faults(nil=frozenset({5}))])
@pytest.mark.parametrize("count", [1, 2, 200])
def test_a_message_listed_and_not_given(server: FaultyImap, store: RawStore, faults: Faults, count: int) -> None:
	server.faults = faults
	messages = fetched(server, store, max_batch_count=count)
	assert right(messages, store) == [1, 2, 8, 13, 21, 34, 55]
	assert messages[2] == Fetched(5, reason=NOT_GIVEN)


def test_an_empty_text_of_a_message_that_has_one_is_none(server: FaultyImap, store: RawStore) -> None:
	server.faults = Faults(before={"UID FETCH": [b"* 3 FETCH (UID 5 RFC822.SIZE 90 BODY[] {0}\r\n)"]}, withheld=frozenset({5}))
	assert fetched(server, store)[2] == Fetched(5, reason=NOT_GIVEN)
	nothing_is_left(store)


@pytest.mark.parametrize("count", [1, 3, 200])
def test_vanished_messages_are_no_failures(server: FaultyImap, store: RawStore, count: int) -> None:
	server.faults = Faults(vanishing=frozenset({2, 13, 55}))
	messages = fetched(server, store, max_batch_count=count)
	assert [message.uid for message in messages] == right(messages, store) == [1, 5, 8, 21, 34]


def test_all_vanish(server: FaultyImap, store: RawStore) -> None:
	server.faults = Faults(vanishing=frozenset(MESSAGES))
	assert fetched(server, store) == []


def test_texts_as_strings(server: FaultyImap, store: RawStore) -> None:
	server.messages = {1: b'Subject: "short"', 2: b"", 3: b"back\\slash"}
	server.faults = Faults(quoted=frozenset({1, 2, 3}))
	messages = fetched(server, store)
	assert [store.read(message.raw.path) for message in messages] == [b'Subject: "short"', b"", b"back\\slash"]


def test_sizes_that_are_refused_do_not_matter(server: FaultyImap, store: RawStore) -> None:
	real = server._fetch
	server._fetch = lambda connection, tag, rest: (
		real(connection, tag, rest) if b"BODY" in rest else connection.sendall(tag + b" NO no sizes today\r\n") or True
	)
	assert right(fetched(server, store), store) == sorted(MESSAGES)


@pytest.mark.parametrize(("uid", "saved"), [(1, []), (5, [1, 2]), (55, [1, 2, 5, 8, 13, 21, 34])])
@pytest.mark.parametrize("count", [2, 200])
def test_a_server_that_dies_in_mid_text(server: FaultyImap, store: RawStore, uid: int, saved: list[int], count: int) -> None:
	server.faults = Faults(die_in=(uid, 10))
	got: list[Fetched] = []
	started = monotonic()
	with open_imap(to_faulty(server)) as session:
		session.select("INBOX")
		with pytest.raises(errors.ConnectionLost, match="while mail was being read") as caught:
			for batch in session.fetch(session.search("ALL"), store, max_batch_count=count):
				got += batch
	assert monotonic() - started < 15
	# With several batches on their way the dying server resets the connection, which may take what came before as well.
	died_at, kept = caught.value.params["uid"], right(got, store)
	assert died_at == uid or (count == 2 and died_at < uid)
	assert kept == saved if died_at == uid else kept == saved[: len(kept)]
	assert caught.value.retry
	nothing_is_left(store)
	server.faults = Faults()
	assert right(fetched(server, store), store) == sorted(MESSAGES)


def test_only_what_comes_before_the_first_gap_is_kept_when_the_server_dies(server: FaultyImap, store: RawStore) -> None:
	"""The position moves to the highest UID of a batch: what was not read must not be below it."""
	server.faults = Faults(die_in=(8, 4), backwards=True)
	got: list[Fetched] = []
	with open_imap(to_faulty(server)) as session:
		session.select("INBOX")
		with pytest.raises(errors.ConnectionLost):
			for batch in session.fetch(session.search("ALL"), store):
				got += batch
	assert got == []
	assert list(store.root.rglob("*.eml")) == []
	nothing_is_left(store)


@pytest.mark.parametrize("command", ["EXAMINE", "UID SEARCH", "UID FETCH"])
def test_silence_later_on(server: FaultyImap, store: RawStore, command: str) -> None:
	server.faults = Faults(silent_at=frozenset({command}))
	started = monotonic()
	with open_imap(to_faulty(server, timeout=0.5)) as session, pytest.raises(errors.Silence, match="while mail was being read"):
		session.select("INBOX")
		fetch_all(session, store, session.search("ALL"))
	assert monotonic() - started < 5


@pytest.mark.parametrize("command", ["EXAMINE", "UID SEARCH", "UID FETCH"])
@pytest.mark.parametrize(
	("text", "kind"), [(b"[UNAVAILABLE] Throttled", errors.Throttled), (b"Internal error occurred.", errors.ConnectionLost)]
)
def test_goodbye_at_any_moment(server: FaultyImap, store: RawStore, command: str, text: bytes, kind: type) -> None:
	server.faults = Faults(bye_at={command: text})
	with open_imap(to_faulty(server)) as session:
		with pytest.raises(kind, match=r"Throttled|Internal error"):
			session.select("INBOX")
			fetch_all(session, store, session.search("ALL"))
		with pytest.raises(errors.ConnectionLost):
			session.search("ALL")
	nothing_is_left(store)


@pytest.mark.parametrize("command", ["EXAMINE", "UID SEARCH", "UID FETCH", "LIST", "LOGOUT"])
def test_cuts_at_any_moment(server: FaultyImap, store: RawStore, command: str) -> None:
	server.faults = Faults(close_at=frozenset({command}))
	with open_imap(to_faulty(server)) as session:
		try:
			session.folders()
			session.select("INBOX")
			fetch_all(session, store, session.search("ALL"))
			assert command == "LOGOUT"
		except errors.ConnectionLost:
			assert command != "LOGOUT"


def test_refused_commands(server: FaultyImap) -> None:
	with open_imap(to_faulty(server)) as session:
		session.select("INBOX")
		server.faults = Faults(answers={"UID SEARCH": b"BAD no such key"})
		with pytest.raises(errors.CommandRefused, match="no such key"):
			session.search("HEADER Message-ID x@y.test")
		server.faults = Faults(answers={"UID SEARCH": b"NO [INUSE] try again"})
		with pytest.raises(errors.Throttled, match="try again"):
			session.search("UNSEEN")
		server.faults = Faults()
		assert session.search("ALL") == sorted(MESSAGES), "the session goes on"


@pytest.mark.parametrize("answer", [b"BAD no such key", b"NO [BADCHARSET (UTF-8)] no such charset", b"BAD"])
def test_a_server_that_cannot_search(server: FaultyImap, store: RawStore, answer: bytes) -> None:
	"""It is asked for flags instead: nothing is passed over, and mail that was read stays so."""
	server.flags = {2: {"\\Seen"}, 13: {"\\Seen", "\\Flagged"}}
	server.faults = Faults(answers={"UID SEARCH": answer}, no_uidnext=True)
	with open_imap(to_faulty(server)) as session:
		assert session.select("INBOX").uidnext == 56
		assert session.search("ALL") == session.search("SINCE 1-Jan-2020") == sorted(MESSAGES)
		assert session.search("UNSEEN") == [1, 5, 8, 21, 34, 55]
		assert session.search("UID 8:*") == [8, 13, 21, 34, 55]
		assert session.search("UID 2:13 UNSEEN") == [5, 8]
		assert session.search("6:*") == [21, 34, 55]
		assert right(fetch_all(session, store, session.search("UID 6:* ALL")), store) == [8, 13, 21, 34, 55]
		server.faults = Faults(answers={"UID SEARCH": answer, "UID FETCH": b"BAD neither"})
		with pytest.raises(errors.CommandRefused, match="neither"):
			session.search("ALL")


def test_what_was_found_said_in_another_way(server: FaultyImap) -> None:
	def say(*lines: bytes) -> None:
		server.faults = Faults(before={"UID SEARCH": list(lines)}, answers={"UID SEARCH": b"OK done"})

	with open_imap(to_faulty(server)) as session:
		session.select("INBOX")
		say(b'* ESEARCH (TAG "D2") UID COUNT 5 ALL 2,10:12,4294967295')
		assert session.search("ALL") == [2, 10, 11, 12, 4294967295]
		say(b'* esearch (TAG "x UID ALL 9") UID all 7:5', b"* ESEARCH UID ALL 20")
		assert session.search("ALL") == [5, 6, 7, 20]
		say(b'* ESEARCH (TAG "D4") UID', b'* ESEARCH (TAG "D4") ALL 1:3', b"* ESEARCH", b"* SEARCH 3 1 (MODSEQ 917162500)")
		assert session.search("ALL") == [1, 3]
		say(b'* ESEARCH (TAG "D5") UID ALL 1:4294967295')
		with pytest.raises(errors.ProtocolError, match="far more"):
			session.search("ALL")


def test_a_passing_refusal_of_a_whole_batch_is_no_failure_of_its_messages(server: FaultyImap, store: RawStore) -> None:
	server.faults = Faults(answers={"UID FETCH": b"NO [UNAVAILABLE] Server busy"})
	with pytest.raises(errors.Throttled, match="busy"):
		fetched(server, store)


@pytest.mark.parametrize(
	("answer", "kind"),
	[
		(b"NO [NONEXISTENT] Unknown Mailbox", errors.FolderMissing),
		(b"NO [NOPERM] not yours", errors.FolderMissing),
		(b"BAD cannot parse", errors.FolderMissing),
		(b"NO [UNAVAILABLE] backend down", errors.Throttled),
	],
)
def test_folders_that_do_not_open(server: FaultyImap, answer: bytes, kind: type) -> None:
	server.faults = Faults(answers={"EXAMINE": answer})
	with open_imap(to_faulty(server)) as session, pytest.raises(kind):
		session.select("Envoyés")


def test_uidnext_that_is_missing_or_wrong(server: FaultyImap) -> None:
	with open_imap(to_faulty(server)) as session:
		server.faults = Faults(no_uidnext=True)
		status = session.select("INBOX")
		assert (status.uidnext, status.uidnext_told) == (56, False)
		server.faults = Faults(no_uidnext=True, before={"EXAMINE": [b"* OK [UIDNEXT 1] wrong"]})
		assert session.select("INBOX").uidnext == 56
		server.messages, server.faults = {}, Faults(no_uidnext=True)
		assert session.select("INBOX").uidnext is None
		server.faults = Faults()
		assert session.select("INBOX").uidnext_told


def test_a_folder_list_with_everything_in_it(server: FaultyImap) -> None:
	server.folders = (
		b'(\\HasChildren) "." "INBOX"',
		b'(\\Sent) "." "Envoy&AOk-s"',
		b'() "." Envoy\xc3\xa9s-bruts',
		b'(\\Noselect) NIL ""',
		b'() "/" {9}\r\nsay "hi"!',
		b"not a folder",
	)
	with open_imap(to_faulty(server)) as session:
		folders = session.folders()
		assert [folder.name for folder in folders] == ["INBOX", "Envoyés", "Envoyés-bruts", "", 'say "hi"!']
		assert folders[1].flags == {"\\Sent"}
		session.select("Envoyés-bruts")
		assert server.commands[-1].endswith(b'"Envoy\xc3\xa9s-bruts"'), "the server's own octets are sent back"


@pytest.mark.parametrize("after", [0, 3])
def test_a_full_disk_in_the_middle(server: FaultyImap, store: RawStore, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
	real, calls = os.write, 0

	def write(descriptor: int, data: bytes) -> int:
		nonlocal calls
		if str(store.temporary) in os.readlink(f"/proc/self/fd/{descriptor}"):
			calls += 1
			if calls > after:
				raise OSError(errno.ENOSPC, "No space left on device")
		return real(descriptor, data)

	monkeypatch.setattr(os, "write", write)
	with open_imap(to_faulty(server)) as session:
		session.select("INBOX")
		with pytest.raises(errors.StorageFull):
			fetch_all(session, store, session.search("ALL"), max_batch_count=2)
	monkeypatch.undo()
	nothing_is_left(store)
	assert right(fetched(server, store), store) == sorted(MESSAGES)


def test_a_search_answer_in_several_lines_and_of_a_million(server: FaultyImap) -> None:
	huge = b"* SEARCH " + b" ".join(b"%d" % uid for uid in range(3_000_000, 4_000_000))
	server.faults = Faults(before={"UID SEARCH": [b"* SEARCH 7 3", huge, b"* SEARCH"]}, answers={"UID SEARCH": b"OK done"})
	with open_imap(to_faulty(server)) as session:
		session.select("INBOX")
		found = session.search("ALL")
	assert len(found) == 1_000_002
	assert found[:3] == [3, 7, 3_000_000]


def test_a_line_without_end_is_not_read_for_ever(server: FaultyImap, monkeypatch: pytest.MonkeyPatch) -> None:
	server.faults = Faults(before={"UID SEARCH": [b"* SEARCH " + b"1 " * 2_000_000]})
	with open_imap(to_faulty(server)) as session:
		session.select("INBOX")
		session.wire.longest_line = 1_000_000
		with pytest.raises(errors.ProtocolError):
			session.search("ALL")


def test_slow_is_silence_at_last(server: FaultyImap, store: RawStore, monkeypatch: pytest.MonkeyPatch) -> None:
	"""Each octet restarts the clock of a single wait; an answer must come at some pace all the same."""
	monkeypatch.setattr("dokos_mail.engine.connect.wire.SLOW_SECONDS", 0.3)
	real = server._fetch

	def drip(connection: object, tag: bytes, rest: bytes) -> bool:
		for octet in b"* 1 FETCH (UID 1 FLAGS () BODY[] {500}\r\n" + b"x" * 500:
			if server.over.wait(0.01):
				return False
			connection.sendall(bytes([octet]))
		return real(connection, tag, rest)

	server._fetch = drip
	with open_imap(to_faulty(server)) as session:
		session.select("INBOX")
		with pytest.raises(errors.Silence, match="too slowly"):
			fetch_all(session, store, [1, 2])
	nothing_is_left(store)


class NoDisk(RawStore):
	"""A store that keeps nothing, so that only the network takes time."""

	def commit(self, writers: Sequence[RawWriter]) -> list[RawFile]:
		return [RawFile("", writer.sha256, writer.size) for writer in writers]


def test_several_batches_are_on_their_way_at_a_time(box: Box, store: RawStore, monkeypatch: pytest.MonkeyPatch) -> None:
	uids = box.append([b"Subject: %d\r\n\r\n%d\r\n" % (number, number) for number in range(30)])

	def seconds(in_flight: int) -> float:
		for name in ("IN_FLIGHT", "LEAST_IN_FLIGHT"):
			monkeypatch.setattr(f"dokos_mail.engine.receive.fetch.{name}", in_flight)
		settings = replace(box.settings(security="plain"), host=proxy.host, port=proxy.port)
		with open_imap(settings) as session:
			session.select("INBOX")
			started = monotonic()
			assert len(fetch_all(session, NoDisk(store.root), uids, max_batch_count=1)) == 30
			return monotonic() - started

	with LatencyProxy(box.server.ports["imap"], 0.06) as proxy:
		alone = seconds(1)
		assert seconds(2) < 0.8 * alone
		assert seconds(4) < 0.6 * alone


def test_closing_never_raises_nor_waits_long(server: FaultyImap) -> None:
	server.faults = Faults(silent_at=frozenset({"LOGOUT"}))
	session = open_imap(to_faulty(server))
	assert isinstance(session, ImapSession)
	started = monotonic()
	session.close()
	session.close()
	assert monotonic() - started < 4
