"""An IMAP session that is logged in: folders, searching, and fetching in batches straight to disk.

Nothing here changes a mailbox unless asked: folders are opened with EXAMINE, texts are read with BODY.PEEK[]. The text
of a message never exists in memory as a whole. Messages are told apart by their UID, never by their place in an answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from dokos_mail.engine.connect.login import kind_of_delay
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.connect.wire import LOGGING_OUT, Wire
from dokos_mail.engine.errors import (
	N_,
	CommandRefused,
	ConnectionLost,
	FolderMissing,
	MailError,
	ProtocolError,
	Throttled,
	Words,
	quoted,
)
from dokos_mail.engine.receive.fetch import BatchFetcher
from dokos_mail.engine.receive.model import Fetched, Folder, FolderStatus
from dokos_mail.engine.receive.rawstore import RawStore, RawWriter
from dokos_mail.engine.receive.responses import Response, fetch_items, list_items, number, read_response
from dokos_mail.engine.receive.search import as_fetch, found_in
from dokos_mail.engine.receive.uidset import ascending, compact, uid_sets
from dokos_mail.engine.receive.utf7 import decode_folder, encode_folder, quote

#: Once logged in, servers may think for this many times ``settings.timeout`` seconds (a SEARCH in a huge folder): 27
#: seconds by default, so that silence is told within 30.
READ_WAITS = 1.8
#: Seconds that a server has to say goodbye.
LOGOUT_SECONDS = 2.0
_LATER_CODES = {"UNAVAILABLE", "INUSE", "LIMIT", "OVERQUOTA", "THROTTLED"}
_LATER_WORDS = re.compile(r"too many|try again|temporar|throttl|exceeded|overload|unavailable|not connected", re.IGNORECASE)


class ImapSession:
	"""A connection logged in by ``open_imap``. One thread at a time; every method raises children of MailError.

	After ConnectionLost, Silence or ProtocolError the session is over and can only be closed.
	"""

	def __init__(self, wire: Wire, capabilities: frozenset[str] = frozenset()) -> None:
		self.wire = wire
		self.settings: ServerSettings = wire.settings
		self.capabilities = capabilities
		self.selected: str | None = None
		#: The open folder's name as the server writes it.
		self.selected_raw = b""
		#: Takes every FETCH response while texts are being fetched.
		self.fetching: Callable[[Response], None] | None = None
		self._answers: dict[bytes, Response] = {}
		self._raw_names: dict[str, bytes] = {}
		self._count = 0
		self._open_sink: Callable[[], RawWriter] | None = None

	def __enter__(self) -> ImapSession:
		return self

	def __exit__(self, *exc_info: object) -> None:
		self.close()

	# folders

	def folders(self) -> list[Folder]:
		"""Every folder that the login sees, in the server's order. ``\\Noselect`` ones hold no mail."""
		listed = []
		for response in self._run(b'LIST "" "*"', "LIST"):
			items = list_items(response)
			if items:
				flags, delimiter, raw = items
				name = decode_folder(raw)
				self._raw_names[name] = raw
				listed.append(Folder(name, delimiter, flags))
		return listed

	def select(self, name: str, readonly: bool = True, condstore: bool = False) -> FolderStatus:
		"""Open a folder, with EXAMINE unless changes are wanted. Raises FolderMissing.

		``condstore`` asks a server that can for its count of changes (RFC 7162), which not all say unasked.

		A name that the server does not know is looked for in its list: in another Unicode form, with the server's own
		delimiter, or below its prefix. ``uidnext`` is None only when the folder is empty and the server does not say it.
		"""
		raw: bytes | None = self._raw_name(name)
		opened, answer, told = self._open(raw, readonly, condstore)
		if not opened:
			self.raise_if_passing(answer)
			raw = self._find(name)
			if raw is not None:
				opened, answer, told = self._open(raw, readonly, condstore)
		if not opened:
			self.selected = None
			raise self._error(FolderMissing, quoted(answer.text, self.settings.password), folder=name)
		self.selected, self.selected_raw = name, raw or b""
		return self._status(told)

	def _open(self, raw: bytes, readonly: bool, condstore: bool) -> tuple[bool, Response, list[Response]]:
		told: list[Response] = []
		command = b"EXAMINE " if readonly else b"SELECT "
		option = b" (CONDSTORE)" if condstore and "CONDSTORE" in self.capabilities else b""
		answer = self._exchange(command + quote(raw) + option, told.append)
		return answer.name == "OK", answer, told

	def _raw_name(self, name: str) -> bytes:
		if name.upper() == "INBOX":
			return b"INBOX"
		return self._raw_names.get(name) or encode_folder(name)

	def _find(self, name: str) -> bytes | None:
		"""The raw name of the one folder that ``name`` can mean, or None when there is none or several."""
		folders = self.folders()
		wanted = _path(name, "/") if "/" in name else _path(name, ".")
		exact, below = set(), set()
		for folder in folders:
			path = _path(folder.name, folder.delimiter)
			if path in (wanted, _path(name, folder.delimiter)):
				exact.add(self._raw_names[folder.name])
			elif path[:1] == ("INBOX",) and path[1:] in (wanted, _path(name, folder.delimiter)):
				below.add(self._raw_names[folder.name])
		found = exact or below
		return found.pop() if len(found) == 1 else None

	def _status(self, told: Sequence[Response]) -> FolderStatus:
		exists, numbers = 0, {"UIDVALIDITY": 0, "UIDNEXT": 0, "HIGHESTMODSEQ": 0}
		for response in told:
			if response.name == "EXISTS":
				exists = response.number or 0
			elif response.name == "OK":
				code, argument = response.code
				if code in numbers:
					numbers[code] = number(argument) or 0
		uidnext: int | None = numbers["UIDNEXT"]
		modseq = numbers["HIGHESTMODSEQ"] or None
		# UIDs ascend from 1, so that UIDNEXT is above the number of messages; a server that says less does not know.
		if not uidnext or uidnext <= exists:
			last = self.search("*") if exists else []
			uidnext = last[-1] + 1 if last else None
			return FolderStatus(numbers["UIDVALIDITY"], uidnext, exists, uidnext_told=False, highest_modseq=modseq)
		return FolderStatus(numbers["UIDVALIDITY"], uidnext, exists, highest_modseq=modseq)

	# messages

	def search(self, criteria: str) -> list[int]:
		"""The UIDs in the open folder that match (``ALL``, ``UNSEEN``, ``UID 12:*`` ...), ascending.

		A server that refuses to search is asked for all UIDs and flags instead, which may find more, never less.
		"""
		return list(self.search_many(criteria))

	def search_many(self, criteria: str) -> Sequence[int]:
		"""The same, where they may be a million: in eight octets each."""
		found = compact()
		command = b"UID SEARCH " + criteria.encode("ascii")
		try:
			for response in self._run(command, "SEARCH", "ESEARCH"):
				found.extend(found_in(response))
		except ValueError as error:
			self.wire.close()
			raise self._error(ProtocolError, Words(N_("it sent far more than was asked for."))) from error
		except CommandRefused:
			other_way = as_fetch(criteria)
			if other_way is None:
				raise
			items = [fetch_items(response) for response in self._run(other_way.command, "FETCH")]
			found.extend(item.uid for item in items if item.uid is not None and other_way.finds(item))
		return ascending(found)

	def fetch(
		self,
		uids: Sequence[int],
		store: RawStore,
		max_batch_bytes: int = 8 * 1024 * 1024,
		max_batch_count: int = 200,
		progress: Callable[[int, int], None] | None = None,
		tick: Callable[[], None] | None = None,
	) -> Iterator[list[Fetched]]:
		"""The texts of ``uids`` in the open folder, durable in ``store``, batch by batch in the order asked for.

		A batch holds at most ``max_batch_count`` messages and, but for a single larger one, ``max_batch_bytes`` octets as
		the server counts them. Every UID asked for is in one batch, with ``raw`` None and a ``reason`` when the server
		lists the message and does not give it; those that are gone from the folder by then are in none.
		When the connection is lost, the messages that came whole are yielded first; the error's ``uid`` parameter then
		says whose text was being read, as far as can be told. ``progress`` is called with how many messages came and how many were asked for;
		``tick`` now and then while waiting, outside of any step of the store.
		"""
		fetcher = BatchFetcher(self, store, uids, max_batch_bytes, max_batch_count, progress)
		self.wire.pulse, self._open_sink = tick, store.open
		try:
			yield from fetcher.batches()
		finally:
			self.wire.pulse, self._open_sink = None, None
			fetcher.abandon()

	def mark_seen(self, uids: Iterable[int], seen: bool = True) -> None:
		"""Set \\Seen on ``uids`` in the folder, which was opened with ``readonly=False``, or remove it.

		UIDs that are gone are no error.
		"""
		change = b" +FLAGS.SILENT (\\Seen)" if seen else b" -FLAGS.SILENT (\\Seen)"
		for uid_set in uid_sets(uids, 1000):
			self._run(b"UID STORE " + uid_set + change, "FETCH")

	def flags(self, low: int, changed_since: int | None = None) -> dict[int, frozenset[str]]:
		"""The flags of each message from UID ``low`` on in the open folder.

		With ``changed_since``, a mod-sequence of a server that has them (RFC 7162), of those that changed after it alone.
		"""
		command = b"UID FETCH %d:* (UID FLAGS)" % low
		if changed_since is not None:
			command += b" (CHANGEDSINCE %d)" % changed_since
		found = {}
		for response in self._run(command, "FETCH"):
			items = fetch_items(response)
			# "n:*" names the last message as well, whatever its UID.
			if items.uid is not None and items.flags is not None and items.uid >= low:
				found[items.uid] = items.flags
		return found

	@property
	def is_over(self) -> bool:
		"""Whether the connection is closed, or lost: nothing more can be asked of the server."""
		return self.wire.broken

	def close(self) -> None:
		"""Log out, briefly, and close. Never raises."""
		if not self.wire.broken:
			# It is over either way, and nothing depends on the server's goodbye.
			with suppress(MailError):
				self.wire.within(LOGOUT_SECONDS, LOGGING_OUT)
				self._exchange(b"LOGOUT", lambda _response: None, leaving=True)
		self.wire.close()

	# commands

	def send(self, command: bytes) -> bytes:
		"""Send a command without waiting; returns its tag for :meth:`wait`."""
		self._count += 1
		tag = b"D%d" % self._count
		self.wire.begin()
		self.wire.send(tag + b" " + command + b"\r\n")
		return tag

	def wait(self, tag: bytes, take: Callable[[Response], None], leaving: bool = False) -> Response:
		"""Read until the command ``tag`` is answered. ``take`` gets every untagged response but texts being fetched."""
		while tag not in self._answers:
			response = read_response(self.wire, self._open_sink)
			if response.tag == b"*":
				if response.name == "BYE" and not leaving:
					raise self.said_bye(response)
				if response.name == "FETCH" and self.fetching:
					self.fetching(response)
				else:
					take(response)
			elif response.tag != b"+":
				self._answers[response.tag] = response
		return self._answers.pop(tag)

	def _exchange(self, command: bytes, take: Callable[[Response], None], leaving: bool = False) -> Response:
		return self.wait(self.send(command), take, leaving)

	def _run(self, command: bytes, *names: str) -> list[Response]:
		"""The untagged responses with one of ``names`` to a command that must succeed. Raises CommandRefused or Throttled."""
		told: list[Response] = []
		answer = self._exchange(command, lambda response: told.append(response) if response.name in names else None)
		if answer.name != "OK":
			self.raise_if_passing(answer)
			words = f"{command.split(b' ', 1)[0].decode()}: {answer.name} {quoted(answer.text, self.settings.password)}"
			raise self._error(CommandRefused, words)
		return told

	def raise_if_passing(self, answer: Response) -> None:
		"""Raises Throttled when a refusal is the server's passing trouble and not the command's."""
		words = quoted(answer.text, self.settings.password)
		if answer.code[0] in _LATER_CODES or (not answer.code[0] and _LATER_WORDS.search(words)):
			raise self._error(kind_of_delay(words), words)

	def said_bye(self, response: Response) -> MailError:
		"""The connection is over: what a BYE of the server means."""
		self.wire.close()
		words = quoted(response.text, self.settings.password)
		if response.code[0] in _LATER_CODES or _LATER_WORDS.search(words):
			return self._error(Throttled, words)
		return self._error(ConnectionLost, f"({words})" if words else self.wire.phase)

	def _error(self, kind: type[MailError], detail: str, **more: object) -> MailError:
		settings = self.settings
		return kind(host=settings.host, port=settings.effective_port, login=settings.login, detail=detail, **more)


def _path(name: str, delimiter: str | None) -> tuple[str, ...]:
	"""The name's parts in one Unicode form, INBOX in capitals, for comparing."""
	parts = unicodedata.normalize("NFC", name).split(delimiter) if delimiter else [unicodedata.normalize("NFC", name)]
	return tuple("INBOX" if number == 0 and part.upper() == "INBOX" else part for number, part in enumerate(parts))
