"""Where a message goes: a pure function of what the message says and what the host holds, with its trace.

In this order (row I10): what an installed app chose; the document of the thread it answers (In-Reply-To, then
References from the newest to the oldest); the document whose own address it was sent to (L1); a document of the same
correspondent and subject; a new document of the type its folder or account appends to. Any other is a Communication by
itself, and so is junk. Never by a document's name that a stranger wrote somewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain

from dokos_mail.engine.message.authentication import FAIL, UNKNOWN

#: A message names at most this many ancestors that we look at; some clients never cut their References.
MOST_ANCESTORS = 50

#: A condition as placing sees it.
MET, NOT_MET, BROKEN = "met", "not_met", "broken"


@dataclass(frozen=True)
class Reference:
	"""A document of the host."""

	doctype: str
	name: str


@dataclass(frozen=True)
class Ancestor:
	"""A message that the host knows: its Communication, and the document it is on, which may be gone by now."""

	communication: str | None
	reference: Reference | None = None
	exists: bool = True


@dataclass(frozen=True)
class AddressedDocument:
	"""A document whose own address (L1) the message was sent to. ``finding`` says why when it is not accepted."""

	address: str
	reference: Reference
	accepted: bool = True
	finding: str = "decided"


@dataclass(frozen=True)
class Choice:
	"""What an installed app answered (H5).

	``refused``: the mail is not to be filed at all. Otherwise ``reference`` is the document, ``create`` the type of a
	new one; neither means a Communication by itself. ``reason`` is shown to the reader.
	"""

	app: str
	reference: Reference | None = None
	create: str | None = None
	refused: bool = False
	reason: str = ""
	exists: bool = True


@dataclass(frozen=True)
class Condition:
	"""Whether a message meets the condition for a new document; ``words`` are the condition, or what is wrong with it."""

	state: str = MET
	words: str = ""


@dataclass(frozen=True)
class Facts:
	"""What a message says of itself, as far as placing goes.

	``junk`` is the sign by which it is junk, ``authentication`` the receiving server's verdict of its sender; ``sent``
	means that it is one of ours, found in the account's Sent folder. ``subject`` is bare (``base_subject``), and
	``answers`` tells whether it said that it is an answer;
	``report`` is what kind of report it is, if it is one.
	"""

	in_reply_to: str | None = None
	references: Sequence[str] = ()
	subject: str = ""
	answers: bool = False
	robot: bool = False
	report: str = ""
	junk: str = ""
	sent: bool = False
	authentication: str = UNKNOWN
	authentication_reason: str = ""


@dataclass(frozen=True)
class World:
	"""What the host holds that bears on a message.

	``known`` are the ancestors that it has, by Message-ID; ``unprocessed`` those that are in the journal and could not
	be processed, by Message-ID with the name of their row. ``alike`` finds the documents of the type appended to, the
	newest first, that have the message's subject and its sender for their correspondent; it is asked only when nothing
	better was found, as is ``condition``.
	"""

	known: Mapping[str, Ancestor] = field(default_factory=dict)
	unprocessed: Mapping[str, str] = field(default_factory=dict)
	addressed: Sequence[AddressedDocument] = ()
	chosen: Choice | None = None
	append_to: str | None = None
	alike: Callable[[], Sequence[Reference]] = tuple
	condition: Callable[[], Condition] = Condition


@dataclass(frozen=True)
class Step:
	"""One rule that was tried: on which Message-ID, address, document type, and what was found (a key of FINDINGS)."""

	rule: str
	value: str
	finding: str


@dataclass(frozen=True)
class Placement:
	"""The decision. ``create`` names a document type when a new document is to be made.

	``parent`` is the Communication that the message answers, whether or not that is on a document; ``links`` are
	documents it is linked to besides its own. ``waits_for`` is the journal row of a message that could not be
	processed: once it is, this one is placed anew. ``refused`` is an app's reason for not filing the mail at all.
	"""

	rule: str
	reference: Reference | None = None
	create: str | None = None
	parent: str | None = None
	trace: tuple[Step, ...] = ()
	links: tuple[Reference, ...] = ()
	waits_for: str | None = None
	refused: str | None = None

	def trace_as_data(self) -> list[dict[str, str]]:
		"""The trace as plain data, for keeping."""
		return [asdict(step) for step in self.trace]

	def on_the_first(self) -> Placement:
		"""The same, once it is known that the type of the new document allows no second one of this correspondent."""
		return replace(self, rule="taken", trace=(*self.trace, Step("append_to", self.create or "", "taken")))


def ancestors(in_reply_to: str | None, references: Sequence[str]) -> Iterator[tuple[str, str]]:
	"""The messages this one says it follows, most telling first, each once, at most MOST_ANCESTORS, with the rule that names it."""
	named = chain([("in_reply_to", in_reply_to)], (("references", message_id) for message_id in reversed(references)))
	seen = set()
	for rule, message_id in named:
		if len(seen) == MOST_ANCESTORS:
			return
		if message_id and message_id not in seen:
			seen.add(message_id)
			yield rule, message_id


def place(facts: Facts, world: World) -> Placement:
	"""Decide where a message goes."""
	return _Placing(facts, world).decide()


class _Placing:
	def __init__(self, facts: Facts, world: World) -> None:
		self.facts, self.world = facts, world
		self.trace: list[Step] = []
		self.parent: str | None = None
		self.waits_for: str | None = None
		self.links = tuple(dict.fromkeys(one.reference for one in world.addressed if one.accepted))

	def decide(self) -> Placement:
		chosen = self.world.chosen
		if self.facts.authentication != UNKNOWN:
			self._tried("authentication", self.facts.authentication_reason, f"sender_{self.facts.authentication}")
		if chosen and chosen.refused:
			self._tried("app", chosen.app, "refused")
			return self._decided("refused", refused=chosen.reason or chosen.app)
		if self.facts.junk:
			self._tried("junk", self.facts.junk, "decided")
			self.links = ()
			return self._decided("junk")
		return self._chosen() or self._thread() or self._address() or self._waiting() or self._subject() or self._new()

	def _tried(self, rule: str, value: str, finding: str) -> None:
		self.trace.append(Step(rule, value, finding))

	def _decided(self, rule: str, reference: Reference | None = None, create: str | None = None, **more: str | None) -> Placement:
		links = tuple(link for link in self.links if link != reference)
		return Placement(rule, reference, create, self.parent, tuple(self.trace), links, **more)

	def _chosen(self) -> Placement | None:
		"""What an app says. It knows nothing of threads: the message that this one answers is noted all the same."""
		chosen = self.world.chosen
		if chosen is None:
			return None
		value = f"{chosen.app}: {chosen.reason}" if chosen.reason else chosen.app
		if chosen.reference and not chosen.exists:
			self._tried("app", value, "deleted_choice")
			return None
		self._tried("app", value, "decided")
		named = ancestors(self.facts.in_reply_to, self.facts.references)
		known = (self.world.known[message_id] for _rule, message_id in named if message_id in self.world.known)
		self.parent = next((one.communication for one in known if one.communication), None)
		return self._decided("app", chosen.reference, chosen.create)

	def _thread(self) -> Placement | None:
		if not self.facts.in_reply_to:
			self._tried("in_reply_to", "", "absent")
		for rule, message_id in ancestors(self.facts.in_reply_to, self.facts.references):
			ancestor = self.world.known.get(message_id)
			if ancestor is None:
				waits_for = self.world.unprocessed.get(message_id)
				self.waits_for = self.waits_for or waits_for
				self._tried(rule, message_id, "unprocessed" if waits_for else "unknown")
				continue
			self.parent = self.parent or ancestor.communication
			if ancestor.reference is None:
				self._tried(rule, message_id, "no_document")
			elif not ancestor.exists:
				self._tried(rule, message_id, "deleted")
			else:
				self._tried(rule, message_id, "decided")
				for one in self.world.addressed:
					self._tried("address", one.address, "linked_too" if one.accepted else one.finding)
				return self._decided(rule, ancestor.reference)
		return None

	def _address(self) -> Placement | None:
		first: Reference | None = None
		for one in self.world.addressed:
			self._tried("address", one.address, "linked_too" if one.accepted and first else one.finding)
			first = first or (one.reference if one.accepted else None)
		return self._decided("address", first) if first else None

	def _waiting(self) -> Placement | None:
		"""A reply to a message that could not be processed makes no document of its own: it is to join that one's."""
		return self._decided("waits", waits_for=self.waits_for) if self.waits_for and not self.facts.sent else None

	def _subject(self) -> Placement | None:
		"""By subject, among the same correspondent's documents; only for a message that says that it answers one."""
		if not self._appends() or self.facts.sent:
			return None
		if not self.facts.answers or not self.facts.subject:
			self._tried("subject", "", "no_answer")
		elif self.facts.robot:
			self._tried("subject", self.facts.subject, "robot")
		elif self.facts.authentication == FAIL:
			self._tried("subject", self.facts.subject, "sender_fail")
		elif alike := self.world.alike():
			self._tried("subject", self.facts.subject, "decided")
			return self._decided("subject", alike[0])
		else:
			self._tried("subject", self.facts.subject, "none_alike")
		return None

	def _new(self) -> Placement:
		append_to = self.world.append_to
		if self.facts.sent:
			self._tried("append_to", "", "sent")
			return self._decided("sent")
		if self.facts.report:
			self._tried("report", self.facts.report, "decided")
			return self._decided("report")
		if not self._appends():
			self._tried("append_to", append_to or "", "not_set")
			return self._decided("unplaced")
		condition = self.world.condition()
		if condition.state == NOT_MET:
			self._tried("condition", condition.words, "not_met")
			return self._decided("condition")
		if condition.state == BROKEN:
			self._tried("condition", condition.words, "broken")
		elif condition.words:
			self._tried("condition", condition.words, "met")
		self._tried("append_to", append_to or "", "decided")
		return self._decided("append_to", create=append_to)

	def _appends(self) -> bool:
		return bool(self.world.append_to) and self.world.append_to != "Communication"
