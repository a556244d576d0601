"""Servers that go wrong in ways a real one cannot be made to: silent, garbled, throttling, dying in mid-answer.

Each runs in threads on loopback and ends with its context. Waiting is on an event that ends with the server, so
that none of them outlives its test.
"""

from __future__ import annotations

import contextlib
import queue
import re
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from mail_servers.server import HOST

Handler = Callable[[socket.socket], None]


class Listener:
	"""A TCP server on loopback: ``handle`` is called in a thread of its own for each connection."""

	def __init__(self) -> None:
		self.host = HOST
		self.port = 0
		self.connections = 0
		self.over = threading.Event()
		self._socket: socket.socket | None = None
		self._open: set[socket.socket] = set()
		self._threads: list[threading.Thread] = []

	def handle(self, connection: socket.socket) -> None:
		raise NotImplementedError

	def __enter__(self):
		self._socket = socket.create_server((HOST, 0), backlog=64)
		self.port = self._socket.getsockname()[1]
		self._thread(self._accept)
		return self

	def __exit__(self, *exc_info: object) -> None:
		self.over.set()
		assert self._socket
		with contextlib.suppress(OSError):
			self._socket.shutdown(socket.SHUT_RDWR)
		self._socket.close()
		for connection in list(self._open):
			with contextlib.suppress(OSError):
				connection.shutdown(socket.SHUT_RDWR)
		for thread in self._threads:
			thread.join(5)

	def _thread(self, target: Callable[..., None], *arguments: object) -> None:
		thread = threading.Thread(target=target, args=arguments, daemon=True)
		self._threads.append(thread)
		thread.start()

	def _accept(self) -> None:
		assert self._socket
		while not self.over.is_set():
			try:
				connection, _address = self._socket.accept()
			except OSError:
				return
			self.connections += 1
			connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
			self._open.add(connection)
			self._thread(self._serve, connection)

	def _serve(self, connection: socket.socket) -> None:
		try:
			# The client may leave at any moment, which is its right.
			with contextlib.suppress(OSError):
				self.handle(connection)
		finally:
			self._open.discard(connection)
			with contextlib.suppress(OSError):
				connection.close()


class Silent(Listener):
	"""Accepts and says nothing."""

	def handle(self, connection: socket.socket) -> None:
		self.over.wait()


class Says(Listener):
	"""Says ``text`` to whoever connects, then closes, or with ``stay`` keeps the connection open and silent."""

	def __init__(self, text: bytes, *, stay: bool = False) -> None:
		super().__init__()
		self.text, self.stay = text, stay

	def handle(self, connection: socket.socket) -> None:
		connection.sendall(self.text)
		if self.stay:
			self.over.wait()
		else:
			connection.shutdown(socket.SHUT_WR)
			connection.recv(4096)


class Drips(Listener):
	"""Sends ``text`` over and over, one octet every ``interval`` seconds: never silent, never done."""

	def __init__(self, text: bytes, interval: float) -> None:
		super().__init__()
		self.text, self.interval = text, interval

	def handle(self, connection: socket.socket) -> None:
		while True:
			for octet in self.text:
				if self.over.wait(self.interval):
					return
				connection.sendall(bytes([octet]))


class LatencyProxy(Listener):
	"""Passes everything on to ``target`` with ``round_trip`` seconds of delay, half each way, bandwidth unlimited."""

	def __init__(self, target: int, round_trip: float = 0.04) -> None:
		super().__init__()
		self.target, self.delay = target, round_trip / 2

	def handle(self, connection: socket.socket) -> None:
		with socket.create_connection((HOST, self.target)) as beyond:
			beyond.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
			self._open.add(beyond)
			try:
				self._thread(self._carry, beyond, connection)
				self._carry(connection, beyond)
			finally:
				self._open.discard(beyond)

	def _carry(self, source: socket.socket, sink: socket.socket) -> None:
		held: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
		self._thread(self._release, held, sink)
		# The end of one side is the end of both, however it ended.
		with contextlib.suppress(OSError):
			while data := source.recv(1 << 18):
				held.put((monotonic() + self.delay, data))
		held.put((monotonic() + self.delay, b""))

	def _release(self, held: queue.SimpleQueue[tuple[float, bytes]], sink: socket.socket) -> None:
		while True:
			due, data = held.get()
			wait = due - monotonic()
			if wait > 0 and self.over.wait(wait):
				return
			try:
				if not data:
					sink.shutdown(socket.SHUT_WR)
					return
				sink.sendall(data)
			except OSError:
				return


@dataclass
class Faults:
	"""What :class:`FaultyImap` does wrong; all off by default. Commands are named as sent (``LOGIN``, ``UID FETCH``).

	``answers``: the tagged answer to a command instead of the usual one, e.g. ``{"LOGIN": b"NO [LIMIT] later"}``.
	``before``: untagged lines sent before a command's answer. ``silent_at`` / ``bye_at`` / ``close_at``: commands at
	which nothing more is said, BYE is said, or the connection is cut. ``die_in``: a UID, and the octets of its text
	sent before the connection is cut. ``refused``: UIDs whose text is never given, with a tagged NO for the whole
	command. ``withheld``: UIDs left out of the answer though they are listed, with a tagged OK. ``vanishing``: UIDs
	listed by SEARCH until a FETCH asks for their text, and then gone. ``nil`` / ``quoted``: UIDs whose text comes as
	NIL or as a quoted string. ``flaky``: UIDs refused when asked with others and given when asked alone.
	``chatter``: unsolicited EXISTS, EXPUNGE, RECENT and FETCH lines between the answers. ``uid_last``: items in
	another order. ``backwards``: messages in descending order. ``no_uidnext`` / ``no_uidvalidity``: SELECT does not say it.
	"""

	answers: dict[str, bytes] = field(default_factory=dict)
	before: dict[str, list[bytes]] = field(default_factory=dict)
	silent_at: frozenset[str] = frozenset()
	bye_at: dict[str, bytes] = field(default_factory=dict)
	close_at: frozenset[str] = frozenset()
	die_in: tuple[int, int] | None = None
	refused: frozenset[int] = frozenset()
	withheld: frozenset[int] = frozenset()
	vanishing: frozenset[int] = frozenset()
	nil: frozenset[int] = frozenset()
	quoted: frozenset[int] = frozenset()
	flaky: frozenset[int] = frozenset()
	chatter: bool = False
	uid_last: bool = False
	backwards: bool = False
	no_uidnext: bool = False
	no_uidvalidity: bool = False


#: UIDs have 32 bits (RFC 3501 section 9, nz-number).
LARGEST_UID = 2**32 - 1
_UIDS = re.compile(rb"(?<![\w.\"])\d+(?=[,:* )]|$)")


class FaultyImap(Listener):
	"""A small IMAP server over ``messages`` (UID to octets, CRLF) whose ``faults`` can be changed while it runs.

	Any login is good. Every folder name selects the same messages, except those in ``missing``. ``commands`` keeps
	each line that clients sent, logins included.
	"""

	def __init__(
		self,
		messages: dict[int, bytes] | None = None,
		faults: Faults | None = None,
		*,
		greeting: bytes = b"* OK ready",
		capabilities: str = "IMAP4rev1 SASL-IR AUTH=PLAIN",
		uidvalidity: int = 7,
		folders: tuple[bytes, ...] = (b'(\\HasNoChildren) "/" INBOX',),
		missing: frozenset[str] = frozenset(),
		certificate: ssl.SSLContext | None = None,
	) -> None:
		super().__init__()
		self.messages = dict(messages or {})
		self.flags: dict[int, set[str]] = {}
		self.faults = faults or Faults()
		self.greeting, self.capabilities, self.uidvalidity = greeting, capabilities, uidvalidity
		self.folders, self.missing, self.certificate = folders, missing, certificate
		self.commands: list[bytes] = []

	def handle(self, connection: socket.socket) -> None:
		stream = connection.makefile("rb")
		connection.sendall(self.greeting + b"\r\n")
		while line := stream.readline():
			while literal := re.search(rb"\{(\d+)(\+?)\}\r\n$", line):
				if not literal[2]:
					connection.sendall(b"+ go on\r\n")
				line = line[: literal.start()] + stream.read(int(literal[1])) + stream.readline()
			self.commands.append(line.rstrip(b"\r\n"))
			tag, _, rest = line.strip().partition(b" ")
			words = rest.decode("utf-8", "replace").split(" ")
			name = words[0].upper()
			if name == "UID":
				name = f"UID {words[1].upper()}"
			if not self._command(connection, stream, tag, name, rest):
				return

	def _command(self, connection: socket.socket, stream, tag: bytes, name: str, rest: bytes) -> bool:
		faults = self.faults
		if name in faults.silent_at:
			self.over.wait()
			return False
		if name in faults.close_at:
			return False
		if name in faults.bye_at:
			connection.sendall(b"* BYE " + faults.bye_at[name] + b"\r\n")
			return False
		for line in faults.before.get(name, []):
			connection.sendall(line + b"\r\n")
		if name in faults.answers:
			connection.sendall(tag + b" " + faults.answers[name] + b"\r\n")
			return True
		out: list[bytes] = []
		done = b"OK done"
		if name == "CAPABILITY":
			out.append(b"* CAPABILITY " + self.capabilities.encode())
		elif name == "STARTTLS" and self.certificate:
			connection.sendall(tag + b" OK begin\r\n")
			return self._upgrade(connection)
		elif name == "AUTHENTICATE" and len(rest.split()) == 2:
			connection.sendall(b"+ \r\n")
			self.commands.append(stream.readline().rstrip(b"\r\n"))
		elif name == "LIST":
			out += [b"* LIST " + folder for folder in self.folders]
		elif name in ("SELECT", "EXAMINE"):
			folder = rest.split(b" ", 1)[1].strip(b'"').decode()
			if folder in self.missing:
				done = b"NO [NONEXISTENT] no such folder"
			else:
				out.append(b"* %d EXISTS" % len(self.messages))
				out.append(b"* 0 RECENT")
				out.append(b"* FLAGS (\\Seen \\Deleted)")
				if not faults.no_uidvalidity:
					out.append(b"* OK [UIDVALIDITY %d] fine" % self.uidvalidity)
				if not faults.no_uidnext:
					out.append(b"* OK [UIDNEXT %d] fine" % (max(self.messages, default=0) + 1))
				done = b"OK [READ-ONLY] done"
		elif name.startswith("UID ") and any(int(digits) > LARGEST_UID for digits in _UIDS.findall(rest)):
			done = b"BAD that is no UID"
		elif name == "UID SEARCH":
			out.append(b" ".join([b"* SEARCH", *(b"%d" % uid for uid in self._search(rest))]))
		elif name == "UID FETCH":
			return self._fetch(connection, tag, rest)
		elif name == "FETCH":
			# By numbers of messages, of which clients here ask for the last ones alone.
			uids = sorted(self.messages)
			low = rest.split(b" ")[1].partition(b":")[0]
			first = uids[-1] if low == b"*" else uids[int(low) - 1]
			return self._fetch(connection, tag, b"UID FETCH %d:* " % first + rest.split(b" ", 2)[2])
		elif name == "UID STORE":
			for uid in self._set(rest.split(b" ")[2].decode()):
				self.flags.setdefault(uid, set()).update(re.findall(r"\\\w+", rest.decode()))
		elif name == "LOGOUT":
			connection.sendall(b"* BYE bye\r\n" + tag + b" OK done\r\n")
			return False
		elif name not in ("LOGIN", "AUTHENTICATE", "NOOP", "ID", "CLOSE", "UNSELECT"):
			done = b"BAD what?"
		connection.sendall(b"".join(line + b"\r\n" for line in out) + tag + b" " + done + b"\r\n")
		return True

	def _upgrade(self, connection: socket.socket) -> bool:
		assert self.certificate
		secured = self.certificate.wrap_socket(connection, server_side=True)
		self._open.add(secured)
		greeting, self.greeting = self.greeting, b"* OK unused"
		try:
			stream = secured.makefile("rb")
			while line := stream.readline():
				self.commands.append(line.rstrip(b"\r\n"))
				tag, _, rest = line.strip().partition(b" ")
				words = rest.decode("utf-8", "replace").split(" ")
				name = words[0].upper() if words[0].upper() != "UID" else f"UID {words[1].upper()}"
				if not self._command(secured, stream, tag, name, rest):
					break
		finally:
			self.greeting = greeting
			self._open.discard(secured)
			with contextlib.suppress(OSError):
				secured.close()
		return False

	def _set(self, text: str) -> list[int]:
		highest = max(self.messages, default=0)
		wanted: set[int] = set()
		for piece in text.split(","):
			low, _, high = piece.partition(":")
			ends = [highest if end == "*" else int(end) for end in (low, high or low)]
			# RFC 3501 section 6.4.8: n:* always includes the last message, even when n is beyond it.
			wanted.update(uid for uid in self.messages if min(ends) <= uid <= max(ends))
		return sorted(wanted)

	def _search(self, rest: bytes) -> list[int]:
		text = rest.decode()
		found = re.search(r"UID ([\d:*,]+)", text.split("SEARCH", 1)[1])
		uids = self._set(found[1]) if found else sorted(self.messages)
		return [uid for uid in uids if "UNSEEN" not in text or "\\Seen" not in self.flags.get(uid, set())]

	def _fetch(self, connection: socket.socket, tag: bytes, rest: bytes) -> bool:
		faults = self.faults
		asked = self._set(rest.split(b" ")[2].decode())
		with_text = b"BODY" in rest.upper()
		sequence = {uid: number for number, uid in enumerate(sorted(self.messages), 1)}
		done = b"OK done"
		for uid in reversed(asked) if faults.backwards else asked:
			if with_text and uid in faults.vanishing:
				self.messages.pop(uid, None)
				connection.sendall(b"* %d EXPUNGE\r\n" % sequence[uid])
				continue
			if with_text and (uid in faults.refused or (uid in faults.flaky and len(asked) > 1)):
				done = b"NO [SERVERBUG] Some messages could not be fetched"
				continue
			if with_text and uid in faults.withheld:
				continue
			if faults.chatter:
				connection.sendall(
					b"* %d EXISTS\r\n* 1 RECENT\r\n* %d FETCH (FLAGS (\\Seen))\r\n" % (len(self.messages) + 1, sequence[uid])
				)
				connection.sendall(b"* %d FETCH (FLAGS () UID %d)\r\n* OK still here\r\n" % (sequence[uid], uid))
			if not self._message(connection, sequence[uid], uid, with_text):
				return False
		connection.sendall(tag + b" " + done + b"\r\n")
		return True

	def _message(self, connection: socket.socket, number: int, uid: int, with_text: bool) -> bool:
		raw = self.messages[uid]
		items = [
			b"FLAGS (%s)" % " ".join(sorted(self.flags.get(uid, ()))).encode(),
			b'INTERNALDATE " 1-Feb-2026 10:00:00 +0100"',
			b"RFC822.SIZE %d" % len(raw),
		]
		if with_text:
			if uid in self.faults.nil:
				items.append(b"BODY[] NIL")
			elif uid in self.faults.quoted:
				items.append(b'BODY[] "' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"')
			else:
				items.append(b"BODY[] {%d}\r\n%s" % (len(raw), raw))
		items.insert(len(items) if self.faults.uid_last else 0, b"UID %d" % uid)
		line = b"* %d FETCH (" % number + b" ".join(items) + b")\r\n"
		if with_text and self.faults.die_in and self.faults.die_in[0] == uid:
			start = line.index(b"}\r\n") + 3
			connection.sendall(line[: start + self.faults.die_in[1]])
			return False
		connection.sendall(line)
		return True
