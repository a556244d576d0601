"""An SMTP server that goes wrong on purpose, at a chosen step; without faults it is a fast sink.

One thread for each connection, on loopback. What it took is in ``accepted``, in order, whatever it then answered.
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mail_servers.faults import Listener
from mail_servers.relay import Accepted

#: What happens at a step instead of an answer.
CLOSE, RESET, SILENCE, DRIP = "close", "reset", "silence", "drip"
#: Seconds between two octets of an answer that drips.
DRIP_SECONDS = 0.05
GREETING, END = "greeting", "."
#: A step after the answer was decided and the mail taken, before the answer is sent.
AFTER_END = "after ."


@dataclass
class SmtpFaults:
	"""What goes wrong. Keys of the dicts are verbs (``MAIL``), GREETING, END, or ``RCPT someone@there``.

	``answers``: other answers than the good ones, without the line's end. ``instead``: CLOSE, RESET, SILENCE or DRIP at
	that step. ``hangs_up_at``: after so many octets of a text it says that it is too much, and hangs up. ``once`` makes each fault happen once on the whole server; ``after_messages`` begins them after so many messages of a
	connection.
	"""

	answers: dict[str, bytes] = field(default_factory=dict)
	instead: dict[str, str] = field(default_factory=dict)
	once: bool = False
	after_messages: int = 0
	hangs_up_at: int = 0


class FaultySmtp(Listener):
	"""``extensions`` are the lines of its EHLO answer. With ``users`` it has AUTH, with ``certificate`` STARTTLS.

	``auth`` is the line that offers logins, ``auth_in_clear`` whether it does so before STARTTLS. ``loses_pipelined``: of
	commands that come together only the first is heard. ``most_messages`` of one session; then it hangs up without a word.
	``keep`` False forgets the texts, so that many thousand messages cost no memory. ``commands`` keeps every line.
	"""

	def __init__(
		self,
		faults: SmtpFaults | None = None,
		*,
		extensions: Iterable[str] = ("PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8"),
		certificate: ssl.SSLContext | None = None,
		implicit_tls: bool = False,
		login: Callable[[str, list[bytes]], bool] | None = None,
		auth: str = "AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2",
		auth_in_clear: bool = True,
		loses_pipelined: bool = False,
		most_messages: int = 0,
		keep: bool = True,
	) -> None:
		super().__init__()
		self.faults = faults or SmtpFaults()
		self.extensions, self.certificate, self.implicit_tls = tuple(extensions), certificate, implicit_tls
		self.login, self.auth, self.auth_in_clear, self.keep = login, auth, auth_in_clear, keep
		self.loses_pipelined, self.most_messages = loses_pipelined, most_messages
		self.accepted: list[Accepted] = []
		self.commands: list[bytes] = []
		self.raw: list[bytes] = []
		self.count = 0
		self.taken = threading.Condition()

	def handle(self, connection: socket.socket) -> None:
		if self.certificate and self.implicit_tls:
			connection = self.certificate.wrap_socket(connection, server_side=True)
			self._open.add(connection)
		_Conversation(self, connection).hold()

	def take(self, accepted: Accepted) -> None:
		with self.taken:
			self.count += 1
			if self.keep:
				self.accepted.append(accepted)
			self.taken.notify_all()


class _Ended(Exception):
	pass


class _Conversation:
	def __init__(self, server: FaultySmtp, connection: socket.socket) -> None:
		self.server, self.connection = server, connection
		self.buffer = b""
		self.sender, self.recipients = None, []
		self.messages = 0

	def hold(self) -> None:
		try:
			self.answer(GREETING, b"220 faulty.test ESMTP")
			while True:
				line = self.readline()
				if self.server.keep:
					self.server.commands.append(line)
				self.command(line)
		except (_Ended, OSError):
			return

	def readline(self) -> bytes:
		while b"\n" not in self.buffer:
			piece = self.connection.recv(65536)
			if not piece:
				raise _Ended
			self.buffer += piece
		line, _end, self.buffer = self.buffer.partition(b"\n")
		if self.server.loses_pipelined:
			self.buffer = b""
		return line.rstrip(b"\r")

	def answer(self, step: str, good: bytes, *names: str) -> bytes:
		"""Answer as the faults say, by the most precise name of the step. Returns the answer's first digit."""
		faults = self.server.faults
		for name in (*names, step) if self.messages >= faults.after_messages else ():
			what = faults.instead.pop(name, None) if faults.once else faults.instead.get(name)
			if what:
				self.go_wrong(what)
			if name in faults.answers:
				good = faults.answers.pop(name) if faults.once else faults.answers[name]
				break
		self.connection.sendall(good + b"\r\n")
		if good.startswith(b"421"):
			raise _Ended
		return good[:1]

	def go_wrong(self, what: str) -> None:
		if what == SILENCE:
			self.server.over.wait()
		elif what == DRIP:
			while not self.server.over.wait(DRIP_SECONDS):
				self.connection.sendall(b"2")
		elif what == RESET:
			self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
			self.connection.close()
		raise _Ended

	def command(self, line: bytes) -> None:
		verb = line.split(b" ")[0].upper().decode("ascii", "replace")
		if verb == "EHLO":
			self.answer(verb, b"\r\n".join(self.capabilities()))
		elif verb == "STARTTLS" and self.server.certificate:
			self.answer(verb, b"220 go on")
			self.connection = self.server.certificate.wrap_socket(self.connection, server_side=True)
			self.server._open.add(self.connection)
		elif verb == "AUTH":
			self.authenticate(line)
		elif verb == "MAIL":
			if self.answer(verb, b"250 2.1.0 ok") == b"2":
				self.sender, self.recipients = _address(line), []
		elif verb == "RCPT":
			address = _address(line)
			if self.answer(verb, b"250 2.1.5 ok", f"RCPT {address}") == b"2":
				self.recipients.append(address)
		elif verb == "DATA":
			if not self.recipients:
				self.answer(verb, b"554 5.5.1 no valid recipients")
			elif self.answer(verb, b"354 go on") == b"3":
				self.data()
		elif verb == "RSET":
			self.sender, self.recipients = None, []
			self.answer(verb, b"250 2.0.0 ok")
		elif verb == "QUIT":
			self.answer(verb, b"221 2.0.0 bye")
			raise _Ended
		else:
			self.answer(verb, b"250 2.0.0 ok" if verb in ("NOOP", "HELO") else b"500 5.5.2 what?")

	def capabilities(self) -> list[bytes]:
		lines = ["faulty.test", *self.server.extensions]
		secure = isinstance(self.connection, ssl.SSLSocket)
		if self.server.certificate and not secure:
			lines.append("STARTTLS")
		if self.server.login and (secure or self.server.auth_in_clear):
			lines.append(self.server.auth)
		return [b"250-" + each.encode() for each in lines[:-1]] + [b"250 " + lines[-1].encode()]

	def authenticate(self, line: bytes) -> None:
		words = line.split(b" ")
		mechanism, said = words[1].upper().decode(), list(words[2:])
		challenges = {"LOGIN": (b"334 VXNlcm5hbWU6", b"334 UGFzc3dvcmQ6"), "CRAM-MD5": (b"334 PDEyM0B0ZXN0Pg==",)}
		for challenge in challenges.get(mechanism, ()):
			self.connection.sendall(challenge + b"\r\n")
			said.append(self.readline())
		good = self.server.login and self.server.login(mechanism, said)
		if not good and mechanism == "XOAUTH2":
			self.connection.sendall(b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n")
			said.append(self.readline())
		self.answer("AUTH", b"235 2.7.0 welcome" if good else b"535 5.7.8 wrong " + b" ".join(said))

	def data(self) -> None:
		lines, raw, octets = [], [], 0
		while (line := self.raw_line()) != b".\r\n":
			octets += len(line)
			if 0 < self.server.faults.hangs_up_at < octets:
				self.connection.sendall(b"552 5.3.4 message too long\r\n")
				raise _Ended
			raw.append(line)
			lines.append(line[1:] if line.startswith(b".") else line)
		faults = self.server.faults
		before = faults.instead.get(END) if self.messages >= faults.after_messages else None
		answer = faults.answers.get(END, b"250 2.0.0 taken")
		if before is None and answer.startswith(b"2"):
			self.server.take(Accepted(self.sender or "", tuple(self.recipients), b"".join(lines) if self.server.keep else b""))
			if self.server.keep:
				self.server.raw.append(b"".join(raw))
		self.sender, self.recipients = None, []
		self.answer(END, b"250 2.0.0 taken as number %d" % self.server.count, AFTER_END)
		self.messages += 1
		if self.messages == self.server.most_messages:
			raise _Ended

	def raw_line(self) -> bytes:
		while b"\r\n" not in self.buffer:
			piece = self.connection.recv(65536)
			if not piece:
				raise _Ended
			self.buffer += piece
		line, _end, self.buffer = self.buffer.partition(b"\r\n")
		return line + b"\r\n"


def _address(line: bytes) -> str:
	found = re.search(rb"<([^>]*)>", line)
	return found[1].decode("utf-8") if found else ""
