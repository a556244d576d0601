"""Fetching the texts of many messages: batches bounded by octets and by count, several on their way at a time.

A batch is one UID FETCH. Its messages are paired with what was asked by their UID alone. What a batch lacks is looked
for again by itself: given now, refused with a reason, or gone from the folder.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from dokos_mail.engine.errors import N_, ConnectionLost, MailError, StorageFailed, Words, quoted
from dokos_mail.engine.receive.model import Fetched
from dokos_mail.engine.receive.rawstore import RawStore, RawWriter
from dokos_mail.engine.receive.responses import FetchItems, Response, fetch_items, writers_in
from dokos_mail.engine.receive.uidset import ascending, uid_set, uid_sets

if TYPE_CHECKING:
	from dokos_mail.engine.receive.imap import ImapSession

#: Batches on their way at a time: the server works on the next ones while we store this one, however long the way is.
#: More than two only as long as all of them together ask for less than this many octets: some servers, Dovecot among
#: them, answer several at the same time, and what came of each is held until it is whole.
IN_FLIGHT, LEAST_IN_FLIGHT = 4, 2
OCTETS_IN_FLIGHT = 4 * 1024 * 1024
#: Sizes are asked for this many messages at a time; they take some 40 octets each.
SIZES_AT_ONCE = 1000
#: So few messages are asked for without knowing their sizes: it saves the usual pull a round trip.
FEW = 4
#: What a message counts for whose size the server does not tell.
UNKNOWN_SIZE = 64 * 1024
#: A batch of more would make too long a command line.
MOST_IN_BATCH = 600
#: Why there is no text, when the server did not say it.
NOT_GIVEN = Words(N_("The server lists this message and does not give its text."))

_ITEMS = b"(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"


@dataclass
class _Message:
	"""One that came: its text is in ``writer``."""

	writer: RawWriter
	flags: frozenset[str]
	internal_date: datetime | None


@dataclass
class _Flight:
	"""One UID FETCH on its way: what was asked, in order, and what came of it."""

	tag: bytes
	uids: Sequence[int]
	wanted: frozenset[int]
	octets: int = 0
	came: dict[int, _Message] = field(default_factory=dict)
	refused: dict[int, str] = field(default_factory=dict)
	answer: Response | None = None


class BatchFetcher:
	"""One call of ``ImapSession.fetch``, whose docstring says what is promised."""

	def __init__(
		self,
		session: ImapSession,
		store: RawStore,
		uids: Sequence[int],
		max_bytes: int,
		max_count: int,
		progress: Callable[[int, int], None] | None,
	) -> None:
		self._session, self._store = session, store
		# Each once, in the order asked for; a folder may have a million.
		self._uids = uids if ascending(uids) is uids else list(dict.fromkeys(uids))
		self._max_bytes, self._max_count = max_bytes, min(max_count, MOST_IN_BATCH)
		self._progress = progress
		self._folder = session.selected
		self._flights: deque[_Flight] = deque()
		self._alone: _Flight | None = None
		self._sizes: dict[int, int] = {}
		self._sizes_asked: list[bytes] = []
		self._came = 0

	def batches(self) -> Iterator[list[Fetched]]:
		"""The batches, each durable when it is yielded."""
		plan = self._plan()
		try:
			while True:
				self._take_off(plan)
				if not self._flights:
					return
				self._land(self._flights[0])
				yield self._stored(self._flights.popleft())
		except StorageFailed:
			# A text may have been read in part: what comes next on the wire is no response.
			self._session.wire.close()
			raise
		except MailError as error:
			if isinstance(error, ConnectionLost) and self._flights:
				# With commands unread on its side, a server that dies takes what it sent last with it.
				error.params.setdefault("uid", self._next_expected(self._flights[0]))
			saved = self._whole_so_far()
			if saved:
				yield saved
			raise error

	def abandon(self) -> None:
		"""End early: what came and was not yielded is dropped. With answers outstanding the connection is closed."""
		flights = [*self._flights, *([self._alone] if self._alone else [])]
		self._flights.clear()
		self._alone = None
		for flight in flights:
			self._store.discard(message.writer for message in flight.came.values())
		if self._sizes_asked or any(flight.answer is None for flight in flights):
			self._session.wire.close()
		self._session.fetching = None

	# batches

	def _plan(self) -> Iterator[tuple[list[int], int]]:
		"""The batches to ask for, each with its octets as the server counts them."""
		batch: list[int] = []
		total = 0
		many = len(self._uids) > FEW
		# The first batch is on its way before all other sizes are read.
		starts = [0, *range(self._max_count, len(self._uids), SIZES_AT_ONCE), len(self._uids)]
		if many:
			self._sizes_asked = self._ask_sizes(self._uids[: starts[1]])
		for start, end in pairwise(starts):
			if many:
				asked, following = self._sizes_asked, self._ask_sizes(self._uids[end : end + SIZES_AT_ONCE])
				self._sizes_asked = [*asked, *following]
				for tag in asked:
					# A server that refuses this for one message's sake may still give the texts: the answer does not matter.
					self._wait(tag)
				self._sizes_asked = following
			for uid in self._uids[start:end]:
				size = self._sizes.pop(uid, UNKNOWN_SIZE)
				if batch and total + size > self._max_bytes:
					yield batch, total
					batch, total = [], 0
				batch.append(uid)
				total += size
				if len(batch) >= self._max_count:
					yield batch, total
					batch, total = [], 0
		if batch:
			yield batch, total

	def _ask_sizes(self, uids: Sequence[int]) -> list[bytes]:
		"""Ask for the sizes of some of what is wanted, without waiting for them; returns the commands' tags."""
		return [self._session.send(b"UID FETCH " + some + b" (UID RFC822.SIZE)") for some in uid_sets(uids, SIZES_AT_ONCE)]

	def _take_off(self, plan: Iterator[tuple[list[int], int]]) -> None:
		if self._session.selected != self._folder:
			raise RuntimeError("Another folder was opened while messages of this one were being fetched.")
		self._session.fetching = self._receive
		while self._has_room() and (batch := next(plan, None)):
			self._flights.append(self._send(*batch))

	def _has_room(self) -> bool:
		flying = len(self._flights)
		octets = sum(flight.octets for flight in self._flights)
		return flying < LEAST_IN_FLIGHT or (flying < IN_FLIGHT and octets < OCTETS_IN_FLIGHT)

	def _send(self, uids: Sequence[int], octets: int = 0) -> _Flight:
		tag = self._session.send(b"UID FETCH " + uid_set(uids) + b" " + _ITEMS)
		return _Flight(tag, uids, frozenset(uids), octets)

	def _land(self, flight: _Flight) -> None:
		"""Wait for the answer, then look after what it lacks."""
		answer = self._answered(flight)
		missing = [uid for uid in flight.uids if uid not in flight.came]
		if not missing:
			return
		if len(missing) == len(flight.uids) > 1:
			self._session.raise_if_passing(answer)
		for other in self._flights:
			self._answered(other)
		for uid in self._still_listed(missing):
			self._fetch_alone(flight, uid)

	def _next_expected(self, flight: _Flight) -> int:
		"""The message that was read when the connection broke, as far as can be told: the first that did not come."""
		return next((uid for uid in flight.uids if uid not in flight.came and uid not in flight.refused), flight.uids[0])

	def _answered(self, flight: _Flight) -> Response:
		if flight.answer is None:
			flight.answer = self._wait(flight.tag)
		return flight.answer

	def _still_listed(self, uids: Sequence[int]) -> list[int]:
		listed: list[int] = []
		for some in uid_sets(uids, SIZES_AT_ONCE):
			listed += self._session.search(f"UID {some.decode()}")
		return sorted(set(listed) & set(uids))

	def _fetch_alone(self, flight: _Flight, uid: int) -> None:
		alone = self._alone = self._send([uid])
		answer = self._answered(alone)
		flight.came.update(alone.came)
		self._alone = None
		if uid not in flight.came:
			said = "" if answer.name == "OK" else quoted(answer.text, self._session.settings.password)
			flight.refused[uid] = said or NOT_GIVEN

	# responses

	def _wait(self, tag: bytes) -> Response:
		return self._session.wait(tag, lambda _response: None)

	def _receive(self, response: Response) -> None:
		"""A FETCH response, asked for or not. Only a text whose UID was asked for and did not come yet is kept."""
		writers = writers_in(response)
		for writer in writers:
			self._store.ended(writer)
		items = fetch_items(response)
		if items.size is not None and items.text is None and items.uid is not None:
			self._sizes[items.uid] = items.size
		flight = self._flight_for(items.uid)
		message = self._message(items) if flight else None
		if flight and message and items.uid is not None:
			flight.came[items.uid] = message
			self._came += 1
			if self._progress:
				self._progress(self._came, len(self._uids))
		unwanted = [writer for writer in writers if message is None or writer is not message.writer]
		if unwanted:
			self._store.discard(unwanted)

	def _flight_for(self, uid: int | None) -> _Flight | None:
		for flight in [self._alone] if self._alone else self._flights:
			if uid in flight.wanted and uid not in flight.came:
				return flight
		return None

	def _message(self, items: FetchItems) -> _Message | None:
		writer = items.text
		if isinstance(writer, bytes):
			text, writer = writer, self._store.open()
			writer.write(text)
		# No text where there should be one is how some servers say that they cannot read the message.
		if writer is None or (not writer.size and items.size):
			if writer:
				self._store.discard([writer])
			return None
		return _Message(writer, (items.flags or frozenset()) - {"\\Recent"}, items.internal_date)

	# results

	def _stored(self, flight: _Flight) -> list[Fetched]:
		uids = [uid for uid in flight.uids if uid in flight.came]
		files = self._store.commit([flight.came[uid].writer for uid in uids])
		fetched = {}
		for uid, raw in zip(uids, files, strict=True):
			message = flight.came[uid]
			fetched[uid] = Fetched(uid, message.flags, message.internal_date, raw)
		for uid, reason in flight.refused.items():
			fetched[uid] = Fetched(uid, reason=reason)
		return [fetched[uid] for uid in flight.uids if uid in fetched]

	def _whole_so_far(self) -> list[Fetched]:
		"""What came before the connection broke, up to the first message that did not: nothing is passed over."""
		saved: list[Fetched] = []
		while self._flights:
			flight = self._flights[0]
			complete = [uid for uid in flight.uids if uid in flight.came or uid in flight.refused]
			start = next((n for n, uid in enumerate(flight.uids) if n >= len(complete) or uid != complete[n]), len(complete))
			keep = _Flight(flight.tag, flight.uids[:start], flight.wanted, came=flight.came, refused=flight.refused)
			rest = [flight.came[uid].writer for uid in flight.uids[start:] if uid in flight.came]
			keep.refused = {uid: reason for uid, reason in flight.refused.items() if uid in keep.uids}
			saved += self._stored(keep)
			self._store.discard(rest)
			if start < len(flight.uids):
				break
			self._flights.popleft()
		return saved
