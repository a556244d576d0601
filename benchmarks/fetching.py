"""Fetching alone, without a site: ours, a connection that is only emptied, and a message per round trip."""

from __future__ import annotations

import imaplib
import os
import poplib
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.setup import PASSWORD, USER
from dokos_mail.engine.connect.imap import open_imap
from dokos_mail.engine.connect.pop3 import open_pop3
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.receive.imap import ImapSession
from dokos_mail.engine.receive.model import RawFile
from dokos_mail.engine.receive.pop3 import Pop3Session
from dokos_mail.engine.receive.rawstore import RawStore, RawWriter
from mail_servers.dovecot import Dovecot

HOST = "127.0.0.1"


@contextmanager
def mailbox(messages: Iterable[bytes]) -> Iterator[Dovecot]:
	"""A Dovecot with one mailbox that holds ``messages``."""
	with TemporaryDirectory(prefix="dokos-mail-bench-") as name, Dovecot(Path(name) / "mail", {USER: PASSWORD}) as server:
		server.append(USER, messages)
		yield server


def best(work: Callable[[], float], times: int = 3) -> float:
	"""The least seconds of several runs: what else the machine does only ever adds to them."""
	return min(work() for _time in range(times))


def _settings(protocol: str, port: int) -> ServerSettings:
	return ServerSettings(HOST, USER, PASSWORD, port=port, security="plain", protocol=protocol)


@contextmanager
def _store() -> Iterator[RawStore]:
	"""A store in memory where there is such a folder: a disk's own speed is measured with the journal."""
	memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
	with TemporaryDirectory(prefix="dokos-mail-bench-", dir=memory) as name:
		yield RawStore(Path(name) / "raw")


class _Taker(RawWriter):
	"""Takes a text, piece by piece, and keeps none of it."""

	sha256 = ""

	def __init__(self) -> None:
		self.size = 0

	def write(self, data: bytes | memoryview) -> None:
		self.size += len(data)

	def discard(self) -> None:
		"""There is nothing to forget."""


class Nowhere:
	"""In a store's place: each text is handed on in full, and nobody keeps it. What remains is fetching alone."""

	def __init__(self) -> None:
		self.octets = 0

	def open(self) -> _Taker:
		return _Taker()

	def ended(self, writer: _Taker) -> None:
		"""Nothing is open."""

	def commit(self, writers: Sequence[_Taker]) -> list[RawFile]:
		files = [RawFile("", "", writer.size) for writer in writers]
		self.octets += sum(file.size for file in files)
		return files

	def discard(self, writers: Iterable[_Taker]) -> None:
		"""There is nothing to forget."""


def _fetched(session: ImapSession | Pop3Session, wanted: Sequence, store: RawStore | Nowhere, count: int) -> float:
	began = perf_counter()
	came = sum(bool(message.raw) for batch in session.fetch(wanted, store) for message in batch)
	seconds = perf_counter() - began
	assert came == count
	return seconds


def imap(port: int, count: int, store: RawStore | Nowhere) -> float:
	"""Seconds that ours takes for all texts by IMAP into ``store``."""
	with open_imap(_settings("imap", port)) as session:
		session.select("INBOX")
		return _fetched(session, session.search("ALL"), store, count)


def pop3(port: int, count: int, store: RawStore | Nowhere) -> float:
	"""Seconds that ours takes for all texts by POP3 into ``store``."""
	with open_pop3(_settings("pop3", port)) as session:
		return _fetched(session, session.listing(), store, count)


def alone(ours: Callable[[int, int, Nowhere], float], port: int, count: int) -> float:
	"""Seconds for all texts, read, told apart and handed on in full, kept by nobody."""
	store = Nowhere()
	seconds = ours(port, count, store)
	assert store.octets > count
	return seconds


def stored(ours: Callable[[int, int, RawStore], float], port: int, count: int) -> float:
	"""Seconds for all texts, named by their digests and synced."""
	with _store() as store:
		return ours(port, count, store)


def drain(port: int) -> float:
	"""Seconds that the server takes to send the same texts and items in one answer, read and forgotten."""
	with socket.create_connection((HOST, port)) as connection:
		_until(connection, b"\n")
		for tag, command in ((b"a", f"LOGIN {USER} {PASSWORD}".encode()), (b"b", b"EXAMINE INBOX")):
			connection.sendall(tag + b" " + command + b"\r\n")
			_until(connection, tag + b" OK")
		began = perf_counter()
		connection.sendall(b"c UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])\r\n")
		_until(connection, b"\nc OK")
		return perf_counter() - began


def _until(connection: socket.socket, words: bytes) -> None:
	tail = b""
	while words not in tail:
		tail = tail[-len(words) :] + connection.recv(64 * 1024)


def imap_one_by_one(port: int, count: int) -> float:
	"""Seconds per message with one FETCH for each, by Python's own client."""
	connection = imaplib.IMAP4(HOST, port)
	connection.login(USER, PASSWORD)
	connection.select("INBOX", readonly=True)
	began = perf_counter()
	for number in range(1, count + 1):
		connection.fetch(str(number), "(UID FLAGS BODY.PEEK[])")
	seconds = perf_counter() - began
	connection.logout()
	return seconds / count


def pop3_one_by_one(port: int, count: int) -> float:
	"""Seconds per message with one RETR for each, by Python's own client."""
	connection = poplib.POP3(HOST, port)
	connection.user(USER)
	connection.pass_(PASSWORD)
	began = perf_counter()
	for number in range(1, count + 1):
		connection.retr(number)
	seconds = perf_counter() - began
	connection.quit()
	return seconds / count
