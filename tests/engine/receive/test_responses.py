"""What servers say, read: every order of items, strings of every kind, and things that make no sense."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.connect import wire as wires
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.connect.wire import Wire
from dokos_mail.engine.receive.rawstore import RawStore, RawWriter
from dokos_mail.engine.receive.responses import FetchItems, Response, fetch_items, internal_date, list_items, read_response

Hear = Callable[[bytes], Response]


@pytest.fixture
def hear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hear]:
	"""A function that has a server say something and returns the response read from it."""
	ours, theirs = socket.socketpair()
	monkeypatch.setattr(wires, "dial", lambda _settings: ours)
	wire = Wire(ServerSettings("server.test", security="plain", timeout=5))
	store = RawStore(tmp_path)

	def say(data: bytes) -> Response:
		theirs.sendall(data)
		response = read_response(wire, store.open)
		assert wire.buffered == 0
		return response

	yield say
	wire.close()
	theirs.close()


def text_of(items: FetchItems) -> bytes | None:
	if isinstance(items.text, RawWriter):
		store = items.text._store
		return store.read(store.commit([items.text])[0].path)
	return items.text


ITEMS = [
	b"UID 5",
	b"FLAGS (\\Seen $Label1)",
	b'INTERNALDATE "17-Jul-1996 02:44:25 -0700"',
	b"RFC822.SIZE 9",
	b'BODY[] {9}\r\nab)\r\n("cd',
]


@pytest.mark.parametrize("order", list(permutations(range(5)))[::7])
def test_items_come_in_any_order(hear: Hear, order: tuple[int, ...]) -> None:
	items = fetch_items(hear(b"* 12 FETCH (" + b" ".join(ITEMS[number] for number in order) + b")\r\n"))
	assert (items.uid, items.size) == (5, 9)
	assert items.flags == {"\\Seen", "$Label1"}
	assert items.internal_date == datetime(1996, 7, 17, 2, 44, 25, tzinfo=timezone(timedelta(hours=-7)))
	assert text_of(items) == b'ab)\r\n("cd'


@pytest.mark.parametrize("order", list(permutations(range(4))))
@pytest.mark.parametrize("text", [b"", b" BODY[] {3}\r\na)\n"])
def test_the_usual_form_says_the_same_as_any_other(hear: Hear, order: tuple[int, ...], text: bytes) -> None:
	"""It is read at once; with one more item it is not the usual form any more, and read word by word."""
	said = b"* 12 FETCH (" + b" ".join(ITEMS[number] for number in order) + text
	usual, other = hear(said + b")\r\n"), hear(said + b" MODSEQ (7))\r\n")
	assert usual.items
	assert not other.items
	one, two = fetch_items(usual), fetch_items(other)
	assert (one.uid, one.flags, one.internal_date, one.size) == (two.uid, two.flags, two.internal_date, two.size)
	assert text_of(one) == text_of(two) == (b"a)\n" if text else None)
	assert usual.number == other.number == 12


@pytest.mark.parametrize(
	"said",
	[
		b"(UID 5 )",
		b"(UID 5  FLAGS ())",
		b"()",
		b"(UID x)",
		rb'(FLAGS (\Seen) UID 5 INTERNALDATE "never")',
		b"(UID 5",
		b"(UID 5))",
	],
)
def test_forms_that_are_nearly_usual(hear: Hear, said: bytes) -> None:
	items = fetch_items(hear(b"* 1 FETCH " + said + b"\r\n"))
	assert items.uid == (5 if b"UID 5" in said else None)
	assert items.internal_date is None


def test_many_responses_that_come_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
	"""What comes along with the end of a text is not lost, however texts and pieces lie to each other."""
	ours, theirs = socket.socketpair()
	monkeypatch.setattr(wires, "dial", lambda _settings: ours)
	wire, store = Wire(ServerSettings("server.test", security="plain", timeout=5)), RawStore(tmp_path)
	sizes = [0, 1, wires.CHUNK - 60, wires.CHUNK, wires.CHUNK + 1, 3 * wires.CHUNK, 5, 2 * wires.CHUNK - 1, 0, 7]
	texts = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
	said = b"".join(b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (n, n, len(text), text) for n, text in enumerate(texts, 1))
	sender = threading.Thread(target=theirs.sendall, args=(said,))
	sender.start()
	items = [fetch_items(read_response(wire, store.open)) for _text in texts]
	sender.join()
	assert [item.uid for item in items] == list(range(1, len(texts) + 1))
	assert [text_of(item) for item in items] == texts
	assert wire.buffered == 0
	wire.close()
	theirs.close()


def test_a_text_that_nobody_asked_for_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
	ours, theirs = socket.socketpair()
	monkeypatch.setattr(wires, "dial", lambda _settings: ours)
	wire = Wire(ServerSettings("server.test", security="plain", timeout=5))
	theirs.sendall(b"* 1 FETCH (UID 4 BODY[] {5}\r\na\r\nb))\r\n* 2 EXISTS\r\n")
	assert fetch_items(read_response(wire, None)) == FetchItems(uid=4)
	assert read_response(wire, None).name == "EXISTS"
	wire.close()
	theirs.close()


@pytest.mark.parametrize(
	("said", "text"),
	[
		(b'BODY[] "Subject: \\"x\\" \\\\"', b'Subject: "x" \\'),
		(b'BODY[] ""', b""),
		(b"BODY[] NIL", None),
		(b"BODY[] {0}\r\n", b""),
		(b"body[] {1}\r\nx", b"x"),
		(b"BODY[]<0> {1}\r\nx", b"x"),
		(b"RFC822 {1}\r\nx", b"x"),
		(b'BODY[HEADER.FIELDS (SUBJECT "FROM")] {3}\r\nabc', None),
		(b'BODYSTRUCTURE (("TEXT" "PLAIN" NIL {2}\r\nxx 5) "MIXED")', None),
	],
)
def test_texts_of_every_kind(hear: Hear, said: bytes, text: bytes | None) -> None:
	items = fetch_items(hear(b"* 1 FETCH (UID 7 " + said + b" FLAGS ())\r\n"))
	assert (items.uid, items.flags) == (7, frozenset())
	assert text_of(items) == text


def test_a_literal_in_two_halves_and_several_in_one(hear: Hear) -> None:
	response = hear(
		b"* 1 FETCH (BODY[HEADER] {4}\r\nab\r\n UID 3 BODY[] {200000}\r\n"
		+ b"x" * 200000
		+ b" X-GM-LABELS ({3}\r\na b \\Inbox))\r\n"
	)
	items = fetch_items(response)
	assert items.uid == 3
	assert items.text.size == 200000


def test_status_text_may_end_in_braces(hear: Hear) -> None:
	response = hear(b"* OK [UIDNEXT 17] see you {5}\r\n")
	assert (response.name, response.code) == ("OK", ("UIDNEXT", b"17"))
	assert hear(b"D4 NO [LIMIT] later {12}\r\n").code == ("LIMIT", b"")


def test_tagged_without_text_and_continuations(hear: Hear) -> None:
	assert hear(b"D1 OK\r\n") == Response(b"D1", "OK", None, [b""])
	assert hear(b"+ go ahead\r\n").tag == b"+"
	assert hear(b"+\r\n").tag == b"+"
	assert hear(b"* 23 EXISTS\r\n").number == 23
	assert hear(b"* SEARCH\r\n").text == b""
	assert hear(b"* search 1 2\n").name == "SEARCH"


@pytest.mark.parametrize(
	("said", "listed"),
	[
		(b'* LIST (\\HasNoChildren \\Sent) "/" "Envoy&AOk-s"\r\n', ({"\\HasNoChildren", "\\Sent"}, "/", b"Envoy&AOk-s")),
		(b"* LIST () NIL INBOX\r\n", (set(), None, b"INBOX")),
		(b'* LIST () "." {8}\r\nsay "hi"\r\n', (set(), ".", b'say "hi"')),
		(b'* LIST (\\Noselect) "\\\\" "a\\\\b"\r\n', ({"\\Noselect"}, "\\", b"a\\b")),
		(b'* LIST () "/" [Gmail]/Sent\r\n', (set(), "/", b"[Gmail]/Sent")),
		(b"* LIST nonsense\r\n", None),
	],
)
def test_listed_folders(hear: Hear, said: bytes, listed: tuple | None) -> None:
	assert list_items(hear(said)) == listed


@given(st.binary(max_size=200))
def test_nonsense_in_a_fetch_is_no_error(junk: bytes) -> None:
	items = fetch_items(Response(b"*", "FETCH", 1, [b"(UID 5 ", junk, b")"]))
	assert isinstance(items, FetchItems)


@pytest.mark.parametrize(
	"text", ["", "nonsense", "32-Jan-2026 00:00:00 +0000", "01-Foo-2026 00:00:00 +0000", "01-Jan-2026 00:00:00 +9900"]
)
def test_dates_that_are_none(text: str) -> None:
	assert internal_date(text) is None


def test_a_leap_second_and_a_padded_day() -> None:
	assert internal_date(" 1-Jan-2017 00:59:60 +0100") == datetime(2017, 1, 1, 0, 59, 59, tzinfo=timezone(timedelta(hours=1)))
