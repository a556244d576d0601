"""Whatever a server says, from its greeting to its last word: the outcome is mail or a MailError, never another exception,
and a text is never given to a UID that the server did not give it to."""

from __future__ import annotations

import imaplib
import socket
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dokos_mail.engine.connect.imap import open_imap
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.errors import MailError
from dokos_mail.engine.receive.model import Fetched
from dokos_mail.engine.receive.rawstore import RawStore

SECRET = "s3cret-word"
TEXTS = {2: b"Subject: two\r\n\r\n2\r\n", 5: b"Subject: five\r\n\r\n5\r\n", 9: b"Subject: nine\r\n\r\n9\r\n"}


def answer(number: int, uid: int) -> bytes:
	return (
		b'* %d FETCH (UID %d FLAGS (\\Seen) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE %d BODY[] {%d}\r\n%s)\r\n'
		% (
			number,
			uid,
			len(TEXTS[uid]),
			len(TEXTS[uid]),
			TEXTS[uid],
		)
	)


#: All that a server says in one session, line by line; AAAA is the tag of imaplib, which is made predictable.
SAID = [
	b"* OK ready\r\n",
	b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n",
	b"AAAA0 OK done\r\n",
	b"+ \r\n",
	b"AAAA1 OK [CAPABILITY IMAP4rev1 IDLE] welcome\r\n",
	b'* LIST (\\Sent) "/" "Envoy&AOk-s"\r\n',
	b'* LIST () "/" {5}\r\nINBOX\r\n',
	b"D1 OK done\r\n",
	b"* 3 EXISTS\r\n",
	b"* OK [UIDVALIDITY 7] fine\r\n",
	b"* OK [UIDNEXT 10] fine\r\n",
	b"D2 OK [READ-ONLY] done\r\n",
	b"* SEARCH 2 5 9\r\n",
	b"D3 OK done\r\n",
	answer(1, 2),
	b"* 4 EXISTS\r\n",
	answer(2, 5),
	answer(3, 9),
	b"D4 OK done\r\n",
	b"* BYE bye\r\n",
	b"D5 OK done\r\n",
]


def session(said: bytes, root: Path) -> list[Fetched]:
	"""Everything that a pull asks, of a server that says this whatever it is asked, and then leaves."""
	ours, theirs = socket.socketpair()

	def serve() -> None:
		theirs.sendall(said)
		theirs.shutdown(socket.SHUT_WR)
		while theirs.recv(65536):
			continue

	thread = threading.Thread(target=serve, daemon=True)
	thread.start()
	store = RawStore(root)
	server = ServerSettings("server.test", "me", SECRET, security="plain", timeout=5)
	try:
		with (
			patch("dokos_mail.engine.connect.wire.dial", lambda _settings: ours),
			patch.object(imaplib, "Int2AP", lambda _number: b"AAAA"),
			open_imap(server) as opened,
		):
			opened.folders()
			opened.select("INBOX")
			found = opened.search("ALL")
			return [one for batch in opened.fetch(found[:4], store) for one in batch]
	finally:
		ours.close()
		thread.join(5)
		theirs.close()
		left = [path for path in store.temporary.rglob("*") if path.is_file()] if store.temporary.exists() else []
		assert left == []


def test_the_session_as_it_should_be(tmp_path: Path) -> None:
	fetched = session(b"".join(SAID), tmp_path)
	assert [one.uid for one in fetched] == [2, 5, 9]
	assert all(RawStore(tmp_path).read(one.raw.path) == TEXTS[one.uid] for one in fetched)


def run(said: bytes) -> list[tuple[Fetched, bytes]]:
	with TemporaryDirectory() as root:
		try:
			fetched = session(said, Path(root))
			return [(one, RawStore(root).read(one.raw.path)) for one in fetched if one.raw]
		except MailError as error:
			assert SECRET not in str(error)
			assert SECRET not in error.advice()
			return []


quiet = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
junk = st.one_of(
	st.binary(max_size=30),
	st.sampled_from(
		[
			b"\r\n",
			b"{3}\r\n",
			b"{99999999999999999999}\r\n",
			b"NIL",
			b'"',
			b"(",
			b")",
			b"*",
			b"[",
			b"9" * 5000,
			b"\xff\xfe",
			SECRET.encode(),
		]
	),
)


@quiet
@given(place=st.integers(0, len(b"".join(SAID))), removed=st.integers(0, 20), inserted=junk)
def test_octets_changed_anywhere(place: int, removed: int, inserted: bytes) -> None:
	said = b"".join(SAID)
	run(said[:place] + inserted + said[place + removed :])


@quiet
@given(st.data())
def test_lines_dropped_repeated_and_moved(data: st.DataObject) -> None:
	said = list(SAID)
	for _change in range(data.draw(st.integers(1, 4))):
		line = said.pop(data.draw(st.integers(0, len(said) - 1)))
		for _time in range(data.draw(st.integers(0, 2))):
			said.insert(data.draw(st.integers(0, len(said))), line)
	for one, text in run(b"".join(said)):
		assert text == TEXTS[one.uid]


@quiet
@given(st.integers(0, len(SAID)), st.lists(junk, max_size=6))
def test_nonsense_from_some_point_on(start: int, nonsense: list[bytes]) -> None:
	run(b"".join(SAID[:start]) + b"".join(nonsense))
