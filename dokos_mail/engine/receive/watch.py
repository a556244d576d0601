"""Hundreds of mailboxes watched by one thread: each has a connection of its own that waits for news.

Names, TLS and logins, which block, are done by a few threads; everything after is one selector. A connection that ends is
made again, later and later while that fails, and never by all at the same moment.
"""

from __future__ import annotations

import random
import selectors
import socket
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from time import monotonic

from dokos_mail.engine.connect.imap import open_imap
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.errors import CommandRefused, ConnectionLost, FolderMissing, MailError, Throttled
from dokos_mail.engine.receive.idle import WAITING, Elsewhere, News, Vigil
from dokos_mail.engine.receive.imap import ImapSession

#: How many connections are being made at the same time.
OPENERS = 8
#: A connection that lasted this long was a good one: what ends it counts as the first failure.
GOOD_SECONDS = 60.0
#: First and longest rest in seconds after a failure that passes by itself, a server's request to come back later, and
#: one that nothing but other settings will mend: a login that is refused again and again may be locked.
PASSING = (1.0, 10 * 60.0)
LATER = (60.0, 30 * 60.0)
SETTINGS = (10 * 60.0, 2 * 3600.0)
#: How long the system waits before it finds out that nobody is at the other end.
_KEEP_ALIVE = (("TCP_KEEPIDLE", 120), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 4))
_CHUNK = 16 * 1024


@dataclass(frozen=True)
class Target:
	"""A mailbox to watch: how to reach it, and its folders, the first of which is held open."""

	settings: ServerSettings
	folders: tuple[str, ...]


def rest(failures: int, error: MailError, chance: float) -> float:
	"""Seconds until the next attempt after ``failures`` in a row; ``chance`` in [0, 1) spreads them over a factor of 2."""
	first, longest = SETTINGS if not error.retry else LATER if isinstance(error, Throttled) else PASSING
	return min(first * 2.0 ** min(failures - 1, 30), longest) * (0.75 + 0.75 * chance)


def open_watch(target: Target) -> tuple[ImapSession, Vigil]:
	"""Log in and open the first folder that there is. Folders that are not there are a pull's to complain about.

	Raises a child of MailError.
	"""
	session = open_imap(target.settings)
	try:
		elsewhere = []
		for folder in target.folders[1:]:
			try:
				status = session.select(folder)
			except (FolderMissing, CommandRefused):
				continue
			elsewhere.append(Elsewhere(session.selected_raw, status.uidvalidity, status.uidnext or 0))
		try:
			exists = session.select(target.folders[0]).exists
		except (FolderMissing, CommandRefused):
			if not elsewhere:
				raise
			exists = 0
	except BaseException:
		session.wire.close()
		raise
	return session, Vigil(target.settings, session.capabilities, exists, elsewhere, session.said_bye)


@dataclass
class _Post:
	"""One mailbox's place in the watch."""

	key: str
	target: Target
	next_try: float = 0.0
	failures: int = 0
	opening: Future | None = None
	session: ImapSession | None = None
	vigil: Vigil | None = None
	since: float = 0.0
	writing: bool = False


class Watch:
	"""Watches the mailboxes it is given and calls back, always in the thread that calls :meth:`turn`.

	``news(key, kind)``: something happened in that mailbox. ``watching(key)``: its connection stands, from now on
	nothing is missed; what came before is the caller's to look for. ``failed(key, error, seconds)``: the connection was
	lost or could not be made, and is tried again after that time.
	"""

	def __init__(
		self,
		news: Callable[[str, News], None],
		watching: Callable[[str], None],
		failed: Callable[[str, MailError, float], None],
		*,
		openers: int = OPENERS,
		clock: Callable[[], float] = monotonic,
		chance: Callable[[], float] = random.random,
		opener: Callable[[Target], tuple[ImapSession, Vigil]] = open_watch,
	) -> None:
		self._news, self._watching, self._failed = news, watching, failed
		self._clock, self._chance, self._opener, self._most_openers = clock, chance, opener, openers
		self._posts: dict[str, _Post] = {}
		self._opening = 0
		self._closed = False
		self._selector = selectors.DefaultSelector()
		self._threads = ThreadPoolExecutor(openers, thread_name_prefix="mail-open")
		self._opened: SimpleQueue[tuple[_Post, Future]] = SimpleQueue()
		self._wake_in, self._wake_out = socket.socketpair()
		self._wake_in.setblocking(False)
		self._wake_out.setblocking(False)
		self._selector.register(self._wake_out, selectors.EVENT_READ, self._woken)

	@property
	def held(self) -> list[str]:
		"""The mailboxes whose connection stands."""
		return [post.key for post in self._posts.values() if post.vigil]

	def aim(self, targets: Mapping[str, Target]) -> None:
		"""Watch these mailboxes and no others. One whose settings changed is connected to again, at once."""
		for key in [key for key in self._posts if key not in targets or self._posts[key].target != targets[key]]:
			self._leave(self._posts.pop(key))
		for key, target in targets.items():
			if key not in self._posts:
				self._posts[key] = _Post(key, target, next_try=self._clock())

	def hurry(self, key: str) -> None:
		"""Try a mailbox that rests after a failure at once."""
		if key in self._posts:
			self._posts[key].next_try = self._clock()

	def turn(self, longest: float) -> None:
		"""Do what is due and wait for what comes, at most ``longest`` seconds, or until :meth:`wake`."""
		now = self._clock()
		soonest = now + longest
		for post in list(self._posts.values()):
			if post.vigil:
				if post.vigil.due <= now:
					self._guarded(post, lambda post=post: post.vigil.tick(now))
				if post.vigil:
					soonest = min(soonest, post.vigil.due)
			elif not post.opening and self._opening < self._most_openers:
				if post.next_try <= now:
					self._open(post)
				else:
					soonest = min(soonest, post.next_try)
		for key, _events in self._selector.select(max(soonest - self._clock(), 0)):
			key.data()

	def wake(self) -> None:
		"""End the wait of :meth:`turn`; from any thread, or a signal handler."""
		try:
			self._wake_in.send(b"w")
		except OSError:
			return  # it is being woken already, or closed

	def listen_to(self, file: object, callback: Callable[[], None]) -> None:
		"""Call back, within :meth:`turn`, when ``file`` can be read."""
		self._selector.register(file, selectors.EVENT_READ, callback)

	def forget(self, file: object) -> None:
		"""No longer call back for ``file``."""
		self._selector.unregister(file)

	def close(self) -> None:
		"""Leave every mailbox. What is being opened is given up. Closing twice is harmless."""
		if self._closed:
			return
		self.aim({})
		self._closed = True
		self._threads.shutdown(wait=False, cancel_futures=True)
		self._settle_all()
		self._selector.close()
		self._wake_in.close()
		self._wake_out.close()

	# opening

	def _open(self, post: _Post) -> None:
		self._opening += 1
		post.opening = self._threads.submit(self._opener, post.target)
		post.opening.add_done_callback(lambda future: self._is_open(post, future))

	def _is_open(self, post: _Post, future: Future) -> None:
		"""In an opener's thread."""
		if self._closed:
			if not future.cancelled() and future.exception() is None:
				future.result()[0].wire.close()
			return
		self._opened.put((post, future))
		self.wake()

	def _woken(self) -> None:
		self._wake_out.recv(4096)
		self._settle_all()

	def _settle_all(self) -> None:
		while not self._opened.empty():
			self._settle(*self._opened.get())

	def _settle(self, post: _Post, future: Future) -> None:
		self._opening -= 1
		post.opening = None
		if future.cancelled():
			return
		wanted = self._posts.get(post.key) is post
		error = future.exception()
		if error is None:
			session, vigil = future.result()
			if wanted:
				self._begin(post, session, vigil)
			else:
				session.wire.close()
		elif wanted:
			self._fail(post, error if isinstance(error, MailError) else MailError(detail=f"{type(error).__name__}: {error}"))

	def _begin(self, post: _Post, session: ImapSession, vigil: Vigil) -> None:
		plain = session.wire.socket
		for name, value in _KEEP_ALIVE:
			if hasattr(socket, name):
				plain.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
		plain.setblocking(False)
		post.session, post.vigil, post.since = session, vigil, self._clock()
		self._selector.register(plain, selectors.EVENT_READ, lambda: self._ready(post))
		early = session.wire.read(session.wire.buffered)

		def first_words() -> None:
			vigil.begin(post.since)
			self._heard(post, early)

		self._guarded(post, first_words)
		if post.vigil:
			self._watching(post.key)

	# the conversation

	def _ready(self, post: _Post) -> None:
		if post.session:
			self._guarded(post, lambda: self._read(post))

	def _read(self, post: _Post) -> None:
		"""Read until nothing is left: octets that TLS has decrypted already wake no selector."""
		assert post.session
		while post.session:
			try:
				data = post.session.wire.socket.recv(_CHUNK)
			except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
				return
			except OSError as error:
				raise self._lost(post) from error
			if not data:
				raise self._lost(post)
			self._heard(post, data)

	def _heard(self, post: _Post, data: bytes) -> None:
		assert post.vigil
		for kind in post.vigil.take(data, self._clock()):
			self._news(post.key, kind)

	def _guarded(self, post: _Post, step: Callable[[], None]) -> None:
		"""Do a step of a conversation, then send what it has to say. The end of it is the end of the connection."""
		try:
			step()
			self._write(post)
		except MailError as error:
			self._fail(post, error)

	def _write(self, post: _Post) -> None:
		if not post.vigil or not post.session:
			return
		connection, out = post.session.wire.socket, post.vigil.out
		while out:
			try:
				del out[: connection.send(out)]
			except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
				break
			except OSError as error:
				raise self._lost(post) from error
		if bool(out) != post.writing:
			post.writing = bool(out)
			events = selectors.EVENT_READ | (selectors.EVENT_WRITE if out else 0)
			self._selector.modify(connection, events, lambda: self._ready(post))

	def _lost(self, post: _Post) -> MailError:
		settings = post.target.settings
		return ConnectionLost(host=settings.host, port=settings.effective_port, detail=WAITING)

	def _fail(self, post: _Post, error: MailError) -> None:
		now = self._clock()
		if post.vigil and now - post.since >= GOOD_SECONDS:
			post.failures = 0
		self._drop(post)
		post.failures += 1
		seconds = rest(post.failures, error, self._chance())
		post.next_try = now + seconds
		self._failed(post.key, error, seconds)

	def _leave(self, post: _Post) -> None:
		if post.opening:
			post.opening.cancel()
		if post.session and post.vigil:
			try:
				post.session.wire.socket.send(post.vigil.farewell())
			except OSError:
				self._drop(post)  # gone before we were
				return
		self._drop(post)

	def _drop(self, post: _Post) -> None:
		if post.session:
			self._selector.unregister(post.session.wire.socket)
			post.session.wire.close()
		post.session = post.vigil = None
		post.writing = False
