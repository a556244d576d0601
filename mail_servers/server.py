"""What every mail server of ours can do, whichever program it is: its users, and a plain client's view of it.

The client here is imaplib, used bare and independent of the app, so that tests check the app against another reader.
"""

from __future__ import annotations

import imaplib
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import time

HOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
	"""So many ports, all different, that nobody listens on at this moment."""
	with ExitStack() as held:
		probes = [held.enter_context(closing(socket.socket())) for _ in range(count)]
		for probe in probes:
			probe.bind((HOST, 0))
		return [probe.getsockname()[1] for probe in probes]


def free_port() -> int:
	"""A port nobody listens on at this moment."""
	return free_ports(1)[0]


def encode_folder(name: str) -> str:
	"""``name`` in modified UTF-7 (RFC 3501 section 5.1.3), quoted for a command."""
	pieces = []
	for run in re.findall(r"[\x20-\x7e]+|[^\x20-\x7e]+", name):
		if run[0].isascii() and run[0].isprintable():
			pieces.append(run.replace("&", "&-"))
		else:
			encoded = run.encode("utf-7").decode()
			pieces.append("&" + encoded[1:].rstrip("-").replace("/", ",") + "-")
	return '"' + "".join(pieces).replace("\\", "\\\\").replace('"', '\\"') + '"'


class MailServer:
	"""A running IMAP server on loopback with users of ours.

	``ports`` has a key for each service that runs, of imap, imaps, pop3, pop3s, lmtp. ``said`` is one sentence on
	which program it is and what it cannot do.
	"""

	host = HOST
	said = ""

	def __init__(self, folder: Path | str, users: dict[str, str] | None = None) -> None:
		self.folder = Path(folder).resolve()
		self.users = dict(users or {})
		self.ports: dict[str, int] = {}

	def start(self) -> None:
		raise NotImplementedError

	def stop(self) -> None:
		raise NotImplementedError

	def __enter__(self):
		self.start()
		return self

	def __exit__(self, *exc_info: object) -> None:
		self.stop()

	@contextmanager
	def client(self, user: str) -> Iterator[imaplib.IMAP4]:
		"""A logged-in imaplib connection of ``user``, without TLS."""
		connection = imaplib.IMAP4(self.host, self.ports["imap"], timeout=30)
		try:
			connection.authenticate("PLAIN", lambda _: b"\0" + user.encode() + b"\0" + self.users[user].encode())
			yield connection
		finally:
			try:
				connection.logout()
			except (imaplib.IMAP4.error, OSError):
				connection.shutdown()

	def append(
		self,
		user: str,
		raw: bytes | Iterable[bytes],
		folder: str = "INBOX",
		flags: Iterable[str] = (),
		received: float | None = None,
	) -> list[int]:
		"""Put one message, or each of several, into a folder; line ends become CRLF. Returns the UIDs, in order.

		``flags`` are written with their backslash (``\\Seen``); ``received`` is a time in seconds since the epoch.
		"""
		uids = []
		with self.client(user) as connection:
			for message in [raw] if isinstance(raw, bytes) else raw:
				flag_list = "(" + " ".join(flags) + ")"
				date = imaplib.Time2Internaldate(received if received is not None else time())
				answer = _ok(connection.append(encode_folder(folder), flag_list, date, message))
				found = re.search(rb"APPENDUID \d+ (\d+)", b" ".join(answer))
				uids.append(int(found[1]) if found else 0)
		return uids

	def create_folder(self, user: str, folder: str) -> None:
		"""Create a folder by its Unicode name."""
		with self.client(user) as connection:
			_ok(connection.create(encode_folder(folder)))

	def delete_folder(self, user: str, folder: str) -> None:
		with self.client(user) as connection:
			_ok(connection.delete(encode_folder(folder)))

	def flags(self, user: str, folder: str = "INBOX") -> dict[int, frozenset[str]]:
		"""UID and flags of every message, looked at without changing any (\\Recent left out)."""
		with self.client(user) as connection:
			_ok(connection.select(encode_folder(folder), readonly=True))
			found = {}
			for line in _ok(connection.uid("FETCH", "1:*", "(FLAGS)")):
				uid = re.search(rb"UID (\d+)", line or b"")
				listed = re.search(rb"FLAGS \(([^)]*)\)", line or b"")
				if uid and listed:
					found[int(uid[1])] = frozenset(listed[1].decode().split()) - {"\\Recent"}
			return found

	def uids(self, user: str, folder: str = "INBOX") -> list[int]:
		return sorted(self.flags(user, folder))

	def set_flags(self, user: str, uids: Iterable[int], flags: str, folder: str = "INBOX", *, remove: bool = False) -> None:
		"""Add (or remove) ``flags``, such as ``\\Seen``."""
		with self.client(user) as connection:
			_ok(connection.select(encode_folder(folder)))
			_ok(connection.uid("STORE", ",".join(map(str, uids)), "-FLAGS" if remove else "+FLAGS", f"({flags})"))

	def expunge(self, user: str, uids: Iterable[int], folder: str = "INBOX") -> None:
		"""Remove messages for good."""
		self.set_flags(user, uids, "\\Deleted", folder)
		with self.client(user) as connection:
			_ok(connection.select(encode_folder(folder)))
			_ok(connection.expunge())

	def raw(self, user: str, uid: int, folder: str = "INBOX") -> bytes:
		"""The message's octets as the server has them, flags untouched."""
		with self.client(user) as connection:
			_ok(connection.select(encode_folder(folder), readonly=True))
			return next(part[1] for part in _ok(connection.uid("FETCH", str(uid), "(BODY.PEEK[])")) if isinstance(part, tuple))

	def uidvalidity(self, user: str, folder: str = "INBOX") -> int:
		with self.client(user) as connection:
			_ok(connection.select(encode_folder(folder), readonly=True))
			return int(connection.response("UIDVALIDITY")[1][0])

	def accepts(self, recipient: str) -> bool:
		"""True when mail to ``recipient`` would be delivered; ``user+detail@domain`` counts as ``user@domain``."""
		return self.mailbox_of(recipient) is not None

	def mailbox_of(self, recipient: str) -> str | None:
		local, _, domain = recipient.rpartition("@")
		plain = f"{local.partition('+')[0]}@{domain}".lower()
		return next((user for user in self.users if user.lower() in (recipient.lower(), plain)), None)

	def deliver(self, sender: str, recipient: str, raw: bytes) -> None:
		"""Local delivery of one message to one recipient, with Return-Path and Delivered-To headers.

		Raises ``LookupError`` for a recipient that is not here and ``OSError`` when delivery fails for now.
		"""
		raise NotImplementedError


def _ok(answer: tuple[str, list]) -> list:
	status, data = answer
	if status != "OK":
		raise OSError(f"The server answered {status}: {data!r}")
	return data
