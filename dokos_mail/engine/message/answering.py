"""Whether a message may be answered automatically, and to whom (RFC 3834). Pure: what is known goes in, a decision comes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dokos_mail.engine.errors import N_

from .authentication import FAIL
from .document_address import ENVELOPE_FIELDS
from .model import Message
from .robots import is_nobodys, robot_reason

#: A message older than this is not answered any more.
OLDEST = timedelta(days=1)
#: Characters of an address that is answered: what hosts keep of one. Cut, it would be another's.
LONGEST_ADDRESS = 140
#: So many automatic answers a correspondent gets within SPAN at most, and one for each conversation.
MOST_ANSWERS = 3
SPAN = timedelta(days=1)

#: Why a message gets no automatic answer.
REASONS = {
	"first_sync": N_("It came with the first synchronisation."),
	"old": N_("It is older than a day."),
	"junk": N_("It is junk."),
	"machine": N_("A machine or a mailing list sent it: {detail}"),
	"report": N_("It is a report of a mail server or an automatic answer."),
	"nobody": N_("Nobody reads mail to {detail}."),
	"no_return_path": N_("It names nobody to answer."),
	"ourselves": N_("It comes from one of our own addresses: {detail}"),
	"refuted": N_("The receiving server says that its sender is not who it claims to be."),
	"not_named": N_("It does not name the account's address in To or Cc."),
	"answered": N_("This correspondent got an automatic answer in this conversation within a day."),
	"enough": N_("This correspondent got {detail} automatic answers within a day."),
}


@dataclass(frozen=True)
class Circumstances:
	"""What is known of a message besides its text. Times are all in one time zone."""

	now: datetime
	received_on: datetime
	own_address: str
	sent_on: datetime | None = None
	our_addresses: Iterable[str] = field(default_factory=frozenset)
	first_sync: bool = False
	junk: bool = False
	authentication: str = ""


@dataclass(frozen=True)
class Answer:
	"""To whom an answer goes, or why there is none (a key of REASONS, with what fills it)."""

	to: str = ""
	reason: str = ""
	detail: str = ""


def answer_to(message: Message, known: Circumstances) -> Answer:
	"""Whether and whither to answer a message automatically, limits apart (:func:`within_limits`)."""
	to = return_path(message)
	sender = message.from_[0].address if message.from_ else ""
	ours = {known.own_address.lower(), *(address.lower() for address in known.our_addresses)}
	if known.first_sync:
		return Answer(reason="first_sync")
	if known.junk:
		return Answer(reason="junk")
	if message.report is not None:
		return Answer(reason="report")
	if machine := robot_reason(message):
		return Answer(reason="machine", detail=machine)
	if not to or len(to) > LONGEST_ADDRESS:
		return Answer(reason="no_return_path")
	for address in (to, sender):
		if address and is_nobodys(address):
			return Answer(reason="nobody", detail=address)
		if address.lower() in ours:
			return Answer(reason="ourselves", detail=address)
	if known.authentication == FAIL:
		return Answer(reason="refuted")
	if known.now - min(known.received_on, known.sent_on or known.received_on) > OLDEST:
		return Answer(reason="old")
	if not names(message, known.own_address):
		return Answer(reason="not_named")
	return Answer(to=to)


def within_limits(to: str, conversation: str, answers: Iterable[tuple[str, str]]) -> Answer:
	"""The same, given the ``answers`` (correspondent, conversation) of the last SPAN.

	A correspondent is one whatever detail stands after a + in his address: some robots write from another each time.
	"""
	his = [each_conversation for each_to, each_conversation in answers if base_address(each_to) == base_address(to)]
	if conversation in his:
		return Answer(reason="answered")
	if len(his) >= MOST_ANSWERS:
		return Answer(reason="enough", detail=str(len(his)))
	return Answer(to=to)


def return_path(message: Message) -> str:
	"""Where an answer goes (RFC 3834 section 4): the Return-Path of the receiving server, else Sender or From; empty for ``<>``."""
	recorded = message.header("Return-Path")
	if recorded is not None:
		return recorded.strip().strip("<>").strip()
	named = message.sender or message.from_
	return named[0].address if named else ""


def names(message: Message, own: str) -> bool:
	"""Whether To or Cc names ``own``, with whatever detail after a +, or an alias through which the server took the message."""
	named = {base_address(one.address) for one in (*message.to, *message.cc)}
	recorded = {base_address(value.strip().strip("<>")) for name in ENVELOPE_FIELDS for value in message.header_all(name)}
	return bool(named & ({base_address(own)} | recorded))


def base_address(address: str) -> str:
	"""An address without its detail, in lower case."""
	local, at, domain = address.lower().rpartition("@")
	return f"{local.partition('+')[0]}{at}{domain}"
