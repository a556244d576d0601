"""What is said on a connection that waits for news: IDLE (RFC 2177), NOTIFY (RFC 5465), or asking now and then.

No socket and no clock is in here: octets and moments go in, octets and news come out, so that every server's manners
can be tested by themselves. A moment is in seconds of any clock that only goes forward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.errors import N_, MailError, ProtocolError, Silence, Words
from dokos_mail.engine.receive.responses import Literal, Response, begin_response, literal_in, status_items
from dokos_mail.engine.receive.utf7 import quote

#: Servers may log out who idles for half an hour, and what lies on the way forgets connections sooner.
RENEW_SECONDS = 9 * 60.0
#: How often a server is asked that does not tell by itself.
POLL_SECONDS = 30.0
#: How long a server may take to answer before the connection counts as dead.
ANSWER_SECONDS = 30.0
#: An IDLE that the server ends by itself within this time is none.
SHORTEST_IDLE = 5.0
#: More than this in one response that concerns no message's text makes no sense.
LONGEST_RESPONSE = 1024 * 1024

WAITING = Words(N_("while new mail was waited for."))


class News(Enum):
	"""What a server lets us know: there may be new mail, or flags of known mail have changed."""

	MAIL = auto()
	FLAGS = auto()


class Phase(Enum):
	"""Where the conversation stands. In all but two of them an answer is owed."""

	SUBSCRIBING = auto()
	ENTERING = auto()
	IDLING = auto()
	LEAVING = auto()
	ASKING = auto()
	RESTING = auto()


@dataclass
class Elsewhere:
	"""A folder besides the open one, by its name as the server writes it, and what is known of it."""

	raw: bytes
	uidvalidity: int = 0
	uidnext: int = 0


class Reader:
	"""Responses out of octets as they come. Raises ProtocolError for one that never ends."""

	def __init__(self, settings: ServerSettings) -> None:
		self._settings = settings
		self._buffer = bytearray()
		self._response: Response | None = None
		self._literal = 0
		self._size = 0

	def feed(self, data: bytes) -> Iterator[Response]:
		"""The responses that are complete with ``data``."""
		self._buffer += data
		self._size += len(data)
		while (response := self._next()) is not None:
			if response.tag:
				self._size = len(self._buffer)
				yield response
		if self._size > LONGEST_RESPONSE:
			detail = Words(N_("it sent far more than was asked for."))
			raise ProtocolError(host=self._settings.host, port=self._settings.effective_port, detail=detail)

	def _next(self) -> Response | None:
		"""A response that is complete, one without a tag for a piece of one, or None when more octets are needed."""
		if self._literal:
			if len(self._buffer) < self._literal:
				return None
			assert self._response is not None
			self._response.parts.append(Literal(bytes(self._buffer[: self._literal])))
			del self._buffer[: self._literal]
			self._literal = 0
		end = self._buffer.find(b"\n")
		if end < 0:
			return None
		line = bytes(self._buffer[:end]).rstrip(b"\r")
		del self._buffer[: end + 1]
		if self._response is None:
			self._response, line = begin_response(line)
		literal = literal_in(self._response, line)
		if literal:
			self._response.parts.append(line[: literal.start()])
			self._literal = min(int(literal[1]), LONGEST_RESPONSE + 1)
			return Response(b"", "")
		self._response.parts.append(line)
		response, self._response = self._response, None
		return response


class Vigil:
	"""One connection's conversation, from the moment its folder is open: ``out`` is to be sent, ``due`` the next moment.

	``take`` is given what came, ``tick`` is to be called when ``due`` has come; both may fill ``out``, and raise a child
	of MailError when the conversation is over. ``said_bye`` makes the error of a BYE.
	"""

	def __init__(
		self,
		settings: ServerSettings,
		capabilities: frozenset[str],
		exists: int,
		elsewhere: Sequence[Elsewhere],
		said_bye: Callable[[Response], MailError],
	) -> None:
		self.settings = settings
		self.out = bytearray()
		self.due = 0.0
		self.phase = Phase.RESTING
		self._idle = "IDLE" in capabilities
		self._exists = exists
		self._elsewhere = {folder.raw: folder for folder in elsewhere}
		# Dovecot 2.3 takes a NOTIFY for folders with encoded names and then never tells of them.
		self._told_of = [raw for raw in self._elsewhere if b"&" not in raw] if "NOTIFY" in capabilities else []
		self._said_bye = said_bye
		self._reader = Reader(settings)
		self._count = 0
		self._since = 0.0
		self._owed: set[bytes] = set()

	@property
	def _asked_after(self) -> list[bytes]:
		"""The folders that the server does not tell of by itself."""
		return [raw for raw in self._elsewhere if raw not in self._told_of]

	def begin(self, now: float) -> None:
		"""Say the first word."""
		self._since = now
		if self._told_of:
			events = b"(MessageNew MessageExpunge FlagChange)"
			names = b" ".join(quote(raw) for raw in self._told_of)
			self._send(b"NOTIFY SET (selected %s) (mailboxes (%s) %s)" % (events, names, events))
			self._await(Phase.SUBSCRIBING, now)
		else:
			self._wait(now)

	def take(self, data: bytes, now: float) -> list[News]:
		"""What the server let us know in ``data``, each kind once."""
		news: list[News] = []
		for response in self._reader.feed(data):
			if response.tag == b"*":
				told = self._told(response)
				if told and told not in news:
					news.append(told)
			elif response.tag == b"+":
				if self.phase is Phase.ENTERING:
					self.phase, self._since = Phase.IDLING, now
					self.due = now + (POLL_SECONDS if self._asked_after else RENEW_SECONDS)
			elif response.tag in self._owed:
				self._answered(response, now)
		return news

	def tick(self, now: float) -> None:
		"""``due`` has come: renew, ask, or give the connection up (Silence)."""
		if now < self.due:
			return
		if self.phase is Phase.IDLING:
			self.out += b"DONE\r\n"
			self._await(Phase.LEAVING, now)
		elif self.phase is Phase.RESTING:
			self._ask(now)
		else:
			raise Silence(host=self.settings.host, port=self.settings.effective_port, detail=WAITING)

	def farewell(self) -> bytes:
		"""What is polite to send before closing, without waiting for an answer."""
		done = b"DONE\r\n" if self.phase in (Phase.ENTERING, Phase.IDLING) else b""
		return done + b"V0 LOGOUT\r\n"

	def _send(self, command: bytes) -> None:
		self._count += 1
		tag = b"V%d" % self._count
		self._owed.add(tag)
		self.out += tag + b" " + command + b"\r\n"

	def _await(self, phase: Phase, now: float) -> None:
		self.phase, self.due = phase, now + ANSWER_SECONDS

	def _wait(self, now: float) -> None:
		if self._idle:
			self._send(b"IDLE")
			self._await(Phase.ENTERING, now)
		else:
			self.phase, self.due = Phase.RESTING, now + POLL_SECONDS

	def _ask(self, now: float) -> None:
		"""Ask after all that the server does not tell of by itself; after the open folder by doing nothing (NOOP)."""
		if not self._idle:
			self._send(b"NOOP")
		for raw in self._asked_after:
			self._send(b"STATUS " + quote(raw) + b" (MESSAGES UIDNEXT UIDVALIDITY)")
		self._await(Phase.ASKING, now)

	def _answered(self, response: Response, now: float) -> None:
		self._owed.discard(response.tag)
		accepted = response.name == "OK"
		if self.phase is Phase.SUBSCRIBING:
			if not accepted:
				self._told_of = []
			self._wait(now)
		elif self.phase in (Phase.ENTERING, Phase.IDLING):
			# Nobody asked for an end: the server refuses IDLE, or ends it by itself when it has lasted long enough.
			lasted = self.phase is Phase.IDLING and now - self._since >= SHORTEST_IDLE
			self._idle = accepted and lasted
			self._wait(now)
		elif self.phase is Phase.LEAVING:
			self._idle = accepted
			if self._asked_after:
				self._ask(now)
			else:
				self._wait(now)
		elif self.phase is Phase.ASKING and not self._owed:
			self._wait(now)

	def _told(self, response: Response) -> News | None:
		if response.name == "BYE":
			raise self._said_bye(response)
		if response.name == "EXISTS":
			before, self._exists = self._exists, response.number or 0
			return News.MAIL if self._exists != before else None
		if response.name == "EXPUNGE":
			self._exists = max(self._exists - 1, 0)
		elif response.name == "VANISHED":
			# How many went is not worth counting: the next EXISTS is news, whatever it says.
			self._exists = -1
		elif response.name == "FETCH":
			return News.FLAGS
		elif response.name == "STATUS":
			return self._status(response)
		elif response.code[0] == "NOTIFICATIONOVERFLOW":
			self._told_of = []
			return News.MAIL
		return None

	def _status(self, response: Response) -> News | None:
		told = status_items(response)
		if told is None:
			return None
		raw, items = told
		folder = self._elsewhere.get(raw)
		if folder is None:
			# Told of a folder by another spelling of its name, or of one that nobody asked for.
			return News.MAIL
		before = folder.uidvalidity, folder.uidnext
		folder.uidvalidity = items.get("UIDVALIDITY", folder.uidvalidity)
		folder.uidnext = items.get("UIDNEXT", folder.uidnext)
		if (folder.uidvalidity, folder.uidnext) != before:
			return News.MAIL
		return News.FLAGS if "HIGHESTMODSEQ" in items or "UNSEEN" in items else None
