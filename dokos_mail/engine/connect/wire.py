"""A connection that is read by lines and by counted octets, with a limit on every wait and on the whole.

No wait is longer than ``wait`` seconds; ``deadline`` bounds a whole exchange, against servers that send an octet now
and then; and while data comes, it must come at some pace. Failures are typed: Silence, ConnectionLost, ProtocolError.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from dokos_mail.engine.connect.dial import dial
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.connect.tls import secure
from dokos_mail.engine.errors import N_, ConnectionLost, MailError, ProtocolError, Silence, Words

CHUNK = 64 * 1024
#: The longest line taken before login, and after it: a SEARCH answer with some three million UIDs.
SHORT_LINE = 64 * 1024
LONG_LINE = 32 * 1024 * 1024
#: Fewer than this many octets in this many seconds of one answer is silence.
SLOW_OCTETS, SLOW_SECONDS = 1024, 60.0

WAITING_FOR_GREETING = Words(N_("where its greeting should have come."))
AFTER_LOGIN = Words(N_("after the login and password were sent."))
READING = Words(N_("while mail was being read."))
LOGGING_OUT = Words(N_("at the end."))
TOO_SLOW = Words(N_("by answering too slowly to be of use."))

Sink = Callable[[memoryview], None]


class Wire:
	"""A socket with a read buffer. ``phase`` says, in errors, what was going on. One thread at a time.

	``pulse`` is called now and then while data is awaited or read (a lease is kept alive by it).
	"""

	def __init__(self, settings: ServerSettings) -> None:
		self.settings = settings
		self.wait = settings.timeout
		self.deadline: float | None = None
		self.phase: str = WAITING_FOR_GREETING
		self.longest_line = SHORT_LINE
		self.pulse: Callable[[], None] | None = None
		self.broken = False
		# What came and was not read lies between these two in one piece of memory, which is the same all the time: texts that are
		# kept would else lie between pieces that are not, and memory come back in crumbs.
		self._chunk = bytearray(CHUNK)
		self._at = self._end = 0
		self._window_start: float | None = None
		self._window_octets = 0
		self._socket: socket.socket = dial(settings)
		if settings.security == "tls":
			self._socket = secure(self._socket, settings, settings.timeout)

	@property
	def buffered(self) -> int:
		"""Octets that came and were not read."""
		return self._end - self._at

	@property
	def encrypted(self) -> bool:
		return isinstance(self._socket, ssl.SSLSocket)

	@property
	def socket(self) -> socket.socket:
		return self._socket

	def upgrade(self) -> None:
		"""Go on in TLS (STARTTLS). What came in clear after the server's consent is forged: ProtocolError."""
		if self.buffered:
			raise self._fail(ProtocolError, Words(N_("it sent more before the encryption began.")))
		try:
			seconds = self._seconds()
		except TimeoutError as error:
			raise self._fail(Silence, self.phase) from error
		self._socket = secure(self._socket, self.settings, seconds)

	def within(self, seconds: float, phase: str) -> None:
		"""From now on, all that is read until the next call must come within ``seconds``."""
		self.deadline, self.phase = monotonic() + seconds, phase

	def without_deadline(self, wait: float, phase: str, longest_line: int = LONG_LINE) -> None:
		"""From now on each wait is bounded, by ``wait`` seconds, and not their sum."""
		self.deadline, self.wait, self.phase, self.longest_line = None, wait, phase, longest_line

	def begin(self) -> None:
		"""A new exchange: the pace is measured from the first octet that comes of it."""
		self._window_start, self._window_octets = None, 0

	def send(self, data: bytes) -> None:
		"""Send all of ``data``. Where the other side hung up, what it said before can still be read."""
		try:
			self._socket.settimeout(self._seconds())
			self._socket.sendall(data)
		except TimeoutError as error:
			raise self._fail(Silence, self.phase) from error
		except OSError as error:
			self._take_what_came()
			raise self._fail(ConnectionLost, self.phase) from error

	def readline(self) -> bytes:
		"""One line with its end. Raises ProtocolError when it is longer than ``longest_line``."""
		end = self._chunk.find(b"\n", self._at, self._end)
		if end >= 0:
			line = bytes(self._chunk[self._at : end + 1])
			self._at = end + 1
			return line
		pieces = [self._rest()]
		length = len(pieces[0])
		while True:
			self._fill()
			end = self._chunk.find(b"\n", 0, self._end)
			self._at = end + 1 if end >= 0 else self._end
			pieces.append(bytes(self._chunk[: self._at]))
			if end >= 0:
				return b"".join(pieces)
			length += self._end
			if length > self.longest_line:
				raise self._fail(ProtocolError, Words(N_("it sent a line without end.")))

	def read_some(self) -> bytes:
		"""What came and was not read, at most a few CHUNKs; the next piece to come where there is nothing."""
		if not self.buffered:
			self._fill()
		return self._rest()

	def unread(self, data: bytes) -> None:
		"""Put back what was read, to be read again."""
		data += self._rest()
		if len(data) > len(self._chunk):
			self._chunk = bytearray(len(data))
		self._chunk[: len(data)] = data
		self._at, self._end = 0, len(data)

	def read_into(self, size: int, sink: Sink) -> None:
		"""Pass the next ``size`` octets to ``sink``, in pieces of at most CHUNK octets, as they come. It keeps none of them."""
		left = size - self._take(size, sink)
		view = memoryview(self._chunk)[:CHUNK]
		while left >= CHUNK:
			count = self._receive(view)
			sink(view[:count])
			left -= count
		while left:
			# What follows comes along with the last piece: it is kept for the next line.
			self._fill()
			left -= self._take(left, sink)

	def _rest(self) -> bytes:
		"""What came and was not read; it is read now."""
		data = bytes(self._chunk[self._at : self._end])
		self._at = self._end = 0
		return data

	def _fill(self) -> None:
		"""Wait for the next piece, when all before it was read."""
		self._at = self._end = 0
		self._end = self._receive(self._chunk)

	def _take(self, size: int, sink: Sink) -> int:
		"""Pass what came of the next ``size`` octets to ``sink``; returns how many they were."""
		at = self._at
		end = min(at + size, self._end)
		view = memoryview(self._chunk)
		for start in range(at, end, CHUNK):
			sink(view[start : min(start + CHUNK, end)])
		self._at = end
		return end - at

	def read(self, size: int, most: int = 1024 * 1024) -> bytes:
		"""The next ``size`` octets. Raises ProtocolError when they are more than ``most``."""
		if size > most:
			raise self._fail(ProtocolError, Words(N_("it sent far more than was asked for.")))
		data = bytearray()
		self.read_into(size, data.extend)
		return bytes(data)

	def close(self) -> None:
		"""Close without a word. Closing twice is harmless."""
		self.broken = True
		self._socket.close()

	def _take_what_came(self) -> None:
		"""Read what is there already, without waiting, before the connection is given up."""
		with suppress(OSError):
			self._socket.settimeout(0)
			came = self._socket.recv(CHUNK)
			self.unread(self._rest() + came)

	def _receive(self, into: bytearray | memoryview) -> int:
		if self.pulse:
			self.pulse()
		try:
			self._socket.settimeout(self._seconds())
			count = self._socket.recv_into(into)
		except TimeoutError as error:
			raise self._fail(Silence, self.phase) from error
		except OSError as error:
			raise self._fail(ConnectionLost, self.phase) from error
		if not count:
			raise self._fail(ConnectionLost, self.phase)
		self._keep_pace(count)
		return count

	def _keep_pace(self, count: int) -> None:
		"""How long the first octet may take is for ``wait`` to say: a server may well think for minutes before it answers."""
		now = monotonic()
		if self._window_start is None:
			self._window_start = now
		self._window_octets += count
		if now - self._window_start > SLOW_SECONDS:
			if self._window_octets < SLOW_OCTETS:
				raise self._fail(Silence, TOO_SLOW)
			self._window_start, self._window_octets = now, 0

	def _seconds(self) -> float:
		if self.deadline is None:
			return self.wait
		left = self.deadline - monotonic()
		if left <= 0:
			raise TimeoutError
		return min(self.wait, left)

	def _fail(self, kind: type[MailError], detail: str) -> MailError:
		self.close()
		return kind(host=self.settings.host, port=self.settings.effective_port, detail=detail)
