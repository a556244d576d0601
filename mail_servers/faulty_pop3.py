"""A small POP3 server that goes wrong in ways a real one cannot be made to."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from itertools import count
from socket import socket

from mail_servers.faults import Listener


@dataclass
class Pop3Faults:
	"""What :class:`FaultyPop3` does wrong; all off by default. Commands are named as sent (``PASS``, ``RETR``).

	``answers``: a command's whole answer instead of the usual one, e.g. ``{"PASS": b"-ERR [IN-USE] busy"}``; named as
	``RETR 2``, of one message alone. ``silent_at`` / ``close_at``: commands at which nothing more is said, or the
	connection is cut. ``die_in``: a number, and the octets of its text sent before the connection is cut. ``ids``:
	UIDLs by number instead of the usual ones; None leaves a message out. ``keeps``: UIDLs of messages that QUIT says
	it deleted and does not. ``line_end``: how lines end. ``raw_text``: texts are sent as they are, dots included.
	"""

	answers: dict[str, bytes] = field(default_factory=dict)
	silent_at: frozenset[str] = frozenset()
	close_at: frozenset[str] = frozenset()
	die_in: tuple[int, int] | None = None
	ids: dict[int, str | None] = field(default_factory=dict)
	keeps: frozenset[str] = frozenset()
	line_end: bytes = b"\r\n"
	raw_text: bool = False


class FaultyPop3(Listener):
	"""A mailbox of ``messages`` (UIDL to octets, in order) whose ``faults`` can be changed while it runs.

	Any login is good. ``commands`` keeps each line that clients sent, logins included.
	"""

	def __init__(
		self,
		messages: dict[str, bytes] | None = None,
		faults: Pop3Faults | None = None,
		*,
		greeting: bytes = b"+OK ready",
		capabilities: tuple[str, ...] | None = ("USER", "SASL PLAIN", "UIDL", "PIPELINING", "RESP-CODES"),
		certificate: ssl.SSLContext | None = None,
	) -> None:
		super().__init__()
		self.messages = dict(messages or {})
		self.faults = faults or Pop3Faults()
		self.greeting, self.capabilities, self.certificate = greeting, capabilities, certificate
		self.commands: list[bytes] = []
		self.quits = 0

	def handle(self, connection: socket) -> None:
		end = self.faults.line_end
		connection.sendall(self.greeting + end)
		stream = connection.makefile("rb")
		snapshot = dict(zip(count(1), self.messages.items(), strict=False))
		deleted: set[int] = set()
		while line := stream.readline():
			self.commands.append(line.rstrip(b"\r\n"))
			name, _, argument = line.decode("utf-8", "replace").strip().partition(" ")
			name = name.upper()
			faults = self.faults
			if name in faults.silent_at:
				self.over.wait()
				return
			if name in faults.close_at:
				return
			answer = faults.answers.get(f"{name} {argument}") or faults.answers.get(name)
			if answer is not None:
				connection.sendall(answer + faults.line_end)
				if name == "QUIT":
					return
				continue
			if name == "STLS" and self.certificate:
				connection.sendall(b"+OK begin\r\n")
				connection = self.certificate.wrap_socket(connection, server_side=True)
				stream = connection.makefile("rb")
				continue
			if name == "AUTH":
				connection.sendall(b"+ " + faults.line_end)
				self.commands.append(stream.readline().rstrip(b"\r\n"))
				connection.sendall(b"+OK in" + faults.line_end)
				continue
			if name == "RETR" and faults.die_in and faults.die_in[0] == int(argument):
				connection.sendall((b"+OK" + faults.line_end + self._text(snapshot[int(argument)][1]))[: 5 + faults.die_in[1]])
				return
			connection.sendall(self._answer(name, argument, snapshot, deleted))
			if name == "QUIT":
				self.quits += 1
				for number in deleted:
					if snapshot[number][0] not in faults.keeps:
						self.messages.pop(snapshot[number][0], None)
				return

	def _answer(self, name: str, argument: str, snapshot: dict[int, tuple[str, bytes]], deleted: set[int]) -> bytes:
		end = self.faults.line_end
		here = {number: message for number, message in snapshot.items() if number not in deleted}
		if name == "CAPA":
			if self.capabilities is None:
				return b"-ERR what?" + end
			offered = [*self.capabilities, *(["STLS"] if self.certificate else [])]
			return self._lines(offered)
		if name == "LIST":
			return self._lines([f"{number} {len(raw)}" for number, (_uidl, raw) in here.items()])
		if name == "UIDL":
			ids = {number: self.faults.ids.get(number, uidl) for number, (uidl, _raw) in here.items()}
			return self._lines([f"{number} {uidl}" for number, uidl in ids.items() if uidl is not None])
		if name == "RSET":
			deleted.clear()
		elif name in ("RETR", "DELE"):
			if not argument.isdigit() or int(argument) not in here:
				return b"-ERR no such message" + end
			if name == "RETR":
				return b"+OK" + end + self._text(here[int(argument)][1])
			deleted.add(int(argument))
		elif name not in ("USER", "PASS", "QUIT", "NOOP"):
			return b"-ERR unknown" + end
		return b"+OK" + end

	def _lines(self, lines: list[str]) -> bytes:
		end = self.faults.line_end
		return end.join([b"+OK", *(line.encode("latin-1") for line in lines), b"."]) + end

	def _text(self, raw: bytes) -> bytes:
		end = self.faults.line_end
		text = raw if self.faults.raw_text else (b"\n" + raw).replace(b"\n.", b"\n..")[1:]
		return text + (b"" if text.endswith(b"\n") or not text else end) + b"." + end
