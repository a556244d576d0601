"""A POP3 session that is logged in (RFC 1939, 2449): listing, texts straight to disk, deletion that QUIT makes final.

Texts are asked for many at a time where the server has PIPELINING; so few octets of commands are on their way that
neither side can end up waiting for the other to read. Nothing is deleted unless ``quit`` was answered: every other end
of a session leaves the mailbox as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from dokos_mail.engine.connect.login import LATER_WORDS, secrets_of
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.connect.wire import LOGGING_OUT, Wire
from dokos_mail.engine.errors import (
	N_,
	CommandRefused,
	MailboxBroken,
	MailboxInUse,
	MailError,
	ProtocolError,
	Throttled,
	Words,
	quoted,
)
from dokos_mail.engine.receive.dot_text import DotText
from dokos_mail.engine.receive.model import Fetched
from dokos_mail.engine.receive.rawstore import RawStore
from dokos_mail.engine.receive.retrieval import Retrieval
from dokos_mail.engine.receive.uidl import Listed, listed

#: Seconds that a server has to say goodbye, and to delete what it was told to.
LOGOUT_SECONDS, DELETING_SECONDS = 2.0, 60.0
#: DELE commands on their way at a time: some 1,300 octets.
DELETED_AT_ONCE = 100
#: A mailbox that lists more than this has gone out of its mind.
MOST_LISTED = 2_000_000
_STATUS = re.compile(rb"(\+OK|-ERR)(?:[ \t]+|$)", re.IGNORECASE)
_CODE = re.compile(rb"\s*\[([A-Z0-9/-]+)[^\]]*\]", re.IGNORECASE)
_IN_USE_WORDS = re.compile(
	r"(?:mailbox|mail ?drop)\b.*\block|\block.*(?:mailbox|mail ?drop)|\bget .*\block\b|\bin use\b|already (?:open|logged)|"
	r"another (?:session|client|connection)",
	re.IGNORECASE,
)


class Status:
	"""The first line of an answer: ``ok``, the response ``code`` in capitals (RFC 2449 section 8) and the words."""

	def __init__(self, line: bytes) -> None:
		found = _STATUS.match(line)
		self.understood = bool(found)
		self.ok = bool(found) and found[1].startswith(b"+")
		self.text = line[found.end() :].strip() if found else line
		code = _CODE.match(self.text)
		self.code = code[1].decode("ascii").upper() if code else ""


class Pop3Session:
	"""A connection logged in by ``open_pop3``. One thread at a time; every method raises children of MailError.

	After ConnectionLost, Silence or ProtocolError the session is over and can only be closed.
	"""

	def __init__(self, wire: Wire, capabilities: Mapping[str, Sequence[str]]) -> None:
		self.wire = wire
		self.settings: ServerSettings = wire.settings
		self.capabilities = dict(capabilities)
		self.pipelining = "PIPELINING" in self.capabilities
		#: RETR commands whose answers were not read yet.
		self.outstanding = 0
		#: How the server ends its lines: only one that never sends CR may end a text without it.
		self._bare_lines = False
		self._marked = False

	def __enter__(self) -> Pop3Session:
		return self

	def __exit__(self, *exc_info: object) -> None:
		self.close()

	def listing(self, *, uidl_expected: bool = False) -> list[Listed]:
		"""Every message of the mailbox, by number. ``uidl`` is empty where the server tells none, or one for several.

		A server that has UIDL and refuses it is in trouble: CommandRefused. So is one of which UIDL is ``expected``.
		"""
		self.wire.begin()
		commands = [b"LIST", b"UIDL"]
		if self.pipelining:
			self.send(commands)
		sizes = self._pairs(commands[0])
		try:
			ids = self._pairs(commands[1])
		except CommandRefused:
			if uidl_expected or "UIDL" in self.capabilities:
				raise
			ids = {}
		return listed({number: _size(text) for number, text in sizes.items()}, ids)

	def fetch(
		self,
		messages: Sequence[Listed],
		store: RawStore,
		max_batch_bytes: int = 8 * 1024 * 1024,
		max_batch_count: int = 200,
		progress: Callable[[int, int], None] | None = None,
		tick: Callable[[], None] | None = None,
	) -> Iterator[list[Fetched]]:
		"""The texts of ``messages``, durable in ``store``, batch by batch in the order asked for; ``uid`` is the number.

		Every message asked for is in one batch, with ``raw`` None and a ``reason`` when the server refuses it for its own
		sake. Refusals that no later message contradicts are the server's passing trouble: Throttled, and those messages
		are in no batch. When the connection is lost, what came whole is yielded first; the error's ``uid`` parameter then
		says which message was being read. Ended early by its caller, the rest stays outstanding: see :meth:`settle`.
		"""
		retrieval = Retrieval(self, store, messages, max_batch_bytes, max_batch_count, progress)
		self.wire.pulse = tick
		try:
			yield from retrieval.batches()
		finally:
			self.wire.pulse = None
			retrieval.abandon()

	def delete(self, numbers: Sequence[int]) -> list[int]:
		"""Mark messages for deletion, which ``quit`` makes final. Returns those that the server took."""
		self.settle()
		taken = []
		at_once = DELETED_AT_ONCE if self.pipelining else 1
		for start in range(0, len(numbers), at_once):
			some = numbers[start : start + at_once]
			self._marked = True
			self.wire.begin()
			self.send([b"DELE %d" % number for number in some])
			taken += [number for number in some if self.status().ok]
		return taken

	def quit(self) -> None:
		"""End the session, and make deletions final. Raises CommandRefused when the server could not delete all."""
		self.settle()
		self.wire.within(DELETING_SECONDS if self._marked else LOGOUT_SECONDS, LOGGING_OUT)
		self.send([b"QUIT"])
		status = self.status()
		self.wire.close()
		if not status.ok:
			raise self.refusal("QUIT", status)

	def settle(self) -> None:
		"""Read and drop the texts that were asked for and are not wanted any more."""
		while self.outstanding:
			self.outstanding -= 1
			if self.status().ok:
				self.read_text(lambda _piece: None)

	def close(self) -> None:
		"""End the session with the mailbox as it was, unless ``quit`` came before. Never raises."""
		if not self.wire.broken and not self.outstanding:
			# It is over either way: a server deletes nothing without having answered QUIT.
			with suppress(MailError):
				self.wire.within(LOGOUT_SECONDS, LOGGING_OUT)
				for command in [b"RSET", b"QUIT"] if self._marked else [b"QUIT"]:
					self.send([command])
					if not self.status().ok:
						break
		self.wire.close()

	# answers

	def send(self, commands: Sequence[bytes]) -> None:
		"""Send commands, all at once."""
		self.wire.send(b"".join(command + b"\r\n" for command in commands))

	def status(self) -> Status:
		"""The first line of the next answer."""
		line = self.wire.readline()
		self._bare_lines = not line.endswith(b"\r\n")
		status = Status(line.rstrip(b"\r\n"))
		if not status.understood:
			self.wire.close()
			raise self._error(ProtocolError, quoted(line, *secrets_of(self.settings)))
		return status

	def read_text(self, sink: Callable[[bytes], None]) -> None:
		"""The rest of an answer in several lines, without its dots, piece by piece."""
		text = DotText(bare_lines=self._bare_lines)
		while not text.ended:
			if piece := text.feed(self.wire.read_some()):
				sink(piece)
		self.wire.unread(text.rest)

	def refusal(self, command: str, status: Status) -> MailError:
		"""The typed error for ``-ERR``."""
		return refusal(self.settings, status) or self._error(
			CommandRefused, f"{command}: {quoted(status.text, *secrets_of(self.settings))}"
		)

	def _pairs(self, command: bytes) -> dict[int, bytes]:
		if not self.pipelining:
			self.send([command])
		status = self.status()
		if not status.ok:
			raise self.refusal(command.decode(), status)
		pairs: dict[int, bytes] = {}
		while (line := self.wire.readline().rstrip(b"\r\n")) != b".":
			number, _, rest = line.strip().partition(b" ")
			if number.isdigit() and len(number) <= 10:
				pairs[int(number)] = rest.strip()
			if len(pairs) > MOST_LISTED:
				self.wire.close()
				raise self._error(ProtocolError, Words(N_("it sent far more than was asked for.")))
		return pairs

	def _error(self, kind: type[MailError], detail: str) -> MailError:
		settings = self.settings
		return kind(host=settings.host, port=settings.effective_port, login=settings.login, detail=detail)


def refusal(settings: ServerSettings, status: Status) -> MailError | None:
	"""What a refusal means that is not the command's own: come back later, or the mailbox is broken; None otherwise.

	Response codes decide (RFC 2449 section 8, RFC 3206), and only without one the words.
	"""
	words = quoted(status.text, *secrets_of(settings))
	where = {"host": settings.host, "port": settings.effective_port, "login": settings.login, "detail": words}
	if status.code == "IN-USE" or (not status.code and _IN_USE_WORDS.search(words)):
		return MailboxInUse(**where)
	if status.code in ("LOGIN-DELAY", "SYS/TEMP") or (not status.code and LATER_WORDS.search(words)):
		return Throttled(**where)
	if status.code == "SYS/PERM":
		return MailboxBroken(**where)
	return None


def _size(text: bytes) -> int:
	word = text.split(b" ", 1)[0]
	return int(word) if word.isdigit() and len(word) <= 20 else 0
