"""Where a message goes: a pure function of what the message says and what the host holds, with its trace.

A message goes to the document of the thread it answers (In-Reply-To, then References from the newest to the oldest);
a first message becomes a new document of the type its folder or account appends to; any other is a Communication by
itself. Never by a document's name that a stranger wrote somewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain

from dokos_mail.engine.errors import N_

#: A message names at most this many ancestors that we look at; some clients never cut their References.
MOST_ANCESTORS = 50

#: What each rule means, for whoever asks why a mail is where it is.
RULES = {
	"in_reply_to": N_("It answers a message of this document (In-Reply-To)."),
	"references": N_("An earlier message of its thread is on this document (References)."),
	"append_to": N_("It starts a conversation, and mail of this folder becomes new documents of this type."),
	"unplaced": N_("It answers nothing we know, and mail of this folder is not appended to a document type."),
}

#: What a rule looked at.
TRIED = {"in_reply_to": "In-Reply-To", "references": "References", "append_to": N_("Append To")}

#: What it found.
FINDINGS = {
	"absent": N_("the message has no such header"),
	"unknown": N_("no message with this Message-ID is known here"),
	"no_document": N_("the message it answers is known, but is on no document"),
	"deleted": N_("the message it answers was on a document that no longer exists"),
	"not_set": N_("nothing is set in Append To"),
	"decided": N_("decided"),
}


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
class Step:
	"""One rule that was tried: on which Message-ID or document type, and what was found (a key of FINDINGS)."""

	rule: str
	value: str
	finding: str


@dataclass(frozen=True)
class Placement:
	"""The decision. ``create`` names a document type when a new document is to be made.

	``parent`` is the Communication that the message answers, whether or not that is on a document.
	"""

	rule: str
	reference: Reference | None = None
	create: str | None = None
	parent: str | None = None
	trace: tuple[Step, ...] = field(default=())

	def trace_as_data(self) -> list[dict[str, str]]:
		"""The trace as plain data, for keeping."""
		return [asdict(step) for step in self.trace]


def in_words(rule: str | None, trace: Iterable[Mapping[str, str]], translate: Callable[[str], str]) -> str:
	"""A kept placement for a reader: what decided, then each rule that was tried and what it found, a line each."""
	lines = [translate(RULES[rule])] if rule in RULES else []
	for step in trace:
		value = f" {step['value']}" if step["value"] else ""
		lines.append(f"– {translate(TRIED[step['rule']])}{value}: {translate(FINDINGS[step['finding']])}")
	return "\n".join(lines)


def ancestors(in_reply_to: str | None, references: list[str]) -> Iterator[tuple[str, str]]:
	"""The messages this one says it follows, most telling first, each once, at most MOST_ANCESTORS, with the rule that names it."""
	named = chain([("in_reply_to", in_reply_to)], (("references", message_id) for message_id in reversed(references)))
	seen = set()
	for rule, message_id in named:
		if len(seen) == MOST_ANCESTORS:
			return
		if message_id and message_id not in seen:
			seen.add(message_id)
			yield rule, message_id


def place(in_reply_to: str | None, references: list[str], append_to: str | None, known: Mapping[str, Ancestor]) -> Placement:
	"""Decide where a message goes. ``known`` holds the ancestors that the host has, by Message-ID."""
	trace: list[Step] = []
	parent: str | None = None
	if not in_reply_to:
		trace.append(Step("in_reply_to", "", "absent"))
	for rule, message_id in ancestors(in_reply_to, references):
		ancestor = known.get(message_id)
		if ancestor is None:
			trace.append(Step(rule, message_id, "unknown"))
			continue
		parent = parent or ancestor.communication
		if ancestor.reference is None:
			trace.append(Step(rule, message_id, "no_document"))
		elif not ancestor.exists:
			trace.append(Step(rule, message_id, "deleted"))
		else:
			trace.append(Step(rule, message_id, "decided"))
			return Placement(rule, ancestor.reference, None, parent, tuple(trace))
	if append_to and append_to != "Communication":
		trace.append(Step("append_to", append_to, "decided"))
		return Placement("append_to", None, append_to, parent, tuple(trace))
	trace.append(Step("append_to", append_to or "", "not_set"))
	return Placement("unplaced", None, None, parent, tuple(trace))
