"""RETR for many messages: a window of commands on their way, batches made durable together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from dokos_mail.engine.connect.login import secrets_of
from dokos_mail.engine.errors import MailError, StorageFailed, Throttled, quoted
from dokos_mail.engine.receive.model import Fetched
from dokos_mail.engine.receive.rawstore import RawStore, RawWriter
from dokos_mail.engine.receive.uidl import Listed

if TYPE_CHECKING:
	from dokos_mail.engine.receive.pop3 import Pop3Session

#: Commands on their way at a time, and the octets that they ask for: what a long and fast line holds, and little
#: enough to be read and dropped when a pull ends early. Some 1,300 octets of commands fit into any socket's buffer.
WINDOW_COUNT, WINDOW_OCTETS = 100, 2 * 1024 * 1024
#: After so many passing refusals in a row nothing more is asked for.
MOST_REFUSED = 20


class Retrieval:
	"""One call of ``Pop3Session.fetch``, whose docstring says what is promised."""

	def __init__(
		self,
		session: Pop3Session,
		store: RawStore,
		messages: Sequence[Listed],
		max_bytes: int,
		max_count: int,
		progress: Callable[[int, int], None] | None,
	) -> None:
		self._session, self._store = session, store
		self._waiting, self._flying = deque(messages), deque[Listed]()
		self._asked, self._came = len(messages), 0
		self._max_bytes, self._max_count, self._progress = max_bytes, max_count, progress
		self._batch: list[tuple[Listed, RawWriter | str]] = []
		self._octets = 0
		# Refused in passing, with nothing given since.
		self._held: list[tuple[Listed, MailError]] = []

	def batches(self) -> Iterator[list[Fetched]]:
		"""The batches, each durable when it is yielded."""
		self._session.settle()
		self._session.wire.begin()
		try:
			while (self._flying or self._waiting) and len(self._held) < MOST_REFUSED:
				self._take_off()
				self._land(self._flying.popleft())
				if self._octets >= self._max_bytes or len(self._batch) >= self._max_count:
					yield self._stored()
					# However long the batch took to be written down, the server was not slow.
					self._session.wire.begin()
		except StorageFailed:
			self._session.wire.close()
			raise
		except MailError as error:
			if self._batch:
				yield self._stored()
			raise error
		if self._batch:
			yield self._stored()
		if self._held:
			raise self._held[0][1]

	def abandon(self) -> None:
		"""End early: what came and was not yielded is dropped."""
		self._store.discard(writer for _message, writer in self._batch if isinstance(writer, RawWriter))
		self._session.outstanding = len(self._flying)
		self._flying.clear()

	def _take_off(self) -> None:
		"""Send commands while there is room; only once half the window is free, so that they go in few packets."""
		count, octets = len(self._flying), sum(message.size for message in self._flying)
		most = WINDOW_COUNT if self._session.pipelining else 1
		if count and (count > most // 2 or octets > WINDOW_OCTETS // 2):
			return
		sent = []
		while self._waiting and len(self._flying) < most and (not self._flying or octets < WINDOW_OCTETS):
			message = self._waiting.popleft()
			self._flying.append(message)
			octets += message.size
			sent.append(b"RETR %d" % message.number)
		if sent:
			self._session.send(sent)

	def _land(self, message: Listed) -> None:
		session = self._session
		writer: RawWriter | None = None
		try:
			status = session.status()
			if status.ok:
				writer = self._store.open()
				session.read_text(writer.write)
		except BaseException as error:
			if writer:
				writer.discard()
			if isinstance(error, MailError):
				error.params["uid"] = message.number
			session.wire.close()
			raise
		if writer is None:
			self._refused(message, session.refusal("RETR", status), quoted(status.text, *secrets_of(session.settings)))
			return
		self._store.ended(writer)
		self._batch += [(held, error.params["detail"]) for held, error in self._held]
		self._held.clear()
		self._batch.append((message, writer))
		self._octets += writer.size
		self._came += 1
		if self._progress:
			self._progress(self._came, self._asked)

	def _refused(self, message: Listed, error: MailError, words: str) -> None:
		if isinstance(error, Throttled):
			self._held.append((message, error))
		else:
			self._batch.append((message, words))

	def _stored(self) -> list[Fetched]:
		batch, self._batch, self._octets = self._batch, [], 0
		writers = [writer for _message, writer in batch if isinstance(writer, RawWriter)]
		files = iter(self._store.commit(writers))
		return [
			Fetched(message.number, raw=next(files)) if isinstance(writer, RawWriter) else Fetched(message.number, reason=writer)
			for message, writer in batch
		]
