"""Which account a mail leaves through, and which names it bears (rows A9, I11, O2 and O3): one pure function.

Each choice comes with its reason, so that an administrator can be told why a mail left as it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dokos_mail.engine.errors import N_

from .addresses import Mailbox, without_tag

#: Reasons, stable and machine-readable, with what is shown of them.
REASONS = {
	"asked": N_("The sender that was asked for is the address of this account."),
	"written to": N_("It answers an email that was written to the address of this account."),
	"own": N_("It is the own account of the user who sends."),
	"document type": N_("Emails of this document type come in by this account."),
	"default": N_("It is the default outgoing account."),
}


@dataclass(frozen=True)
class Account:
	"""What matters of an Email Account here. ``appends_to``: the document types its mail becomes, folders included."""

	name: str
	address: str
	sends: bool = True
	receives: bool = False
	default_outgoing: bool = False
	default_incoming: bool = False
	address_as_sender: bool = False
	name_as_sender: bool = False
	appends_to: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Person:
	"""The user who sends: the mailbox that people know, and the names of the accounts that are his, best first."""

	mailbox: Mailbox
	accounts: Sequence[str] = ()


@dataclass(frozen=True)
class Choice:
	"""``envelope_sender`` is the bare address for MAIL FROM: the account's, whatever From says. ``reason`` as in REASONS."""

	account: str
	from_: Mailbox
	reply_to: tuple[Mailbox, ...]
	envelope_sender: str
	reason: str


def choose(
	accounts: Sequence[Account],
	*,
	asked: Mailbox | None = None,
	person: Person | None = None,
	doctype: str | None = None,
	written_to: Sequence[str] = (),
	reply_to: Sequence[Mailbox] = (),
) -> Choice | None:
	"""The account and the names; None when no account sends.

	``asked`` is the sender that the caller named, ``person`` the user on whose behalf the mail is sent (None for
	automatic mail), ``written_to`` the addresses that the answered mail was sent to, To before Cc, and ``reply_to``
	what the caller asked for. In this order: a sender that is one of our addresses, unless it is only the user's own
	and the mail is an answer; the address that the correspondent wrote to; the user's own account; an account whose
	mail becomes this type of document; the default.
	"""
	sending = [account for account in accounts if account.sends]
	found = _asked(sending, asked, person, written_to) or _without_a_wish(sending, asked, person, doctype, written_to)
	if not found:
		return None
	account, reason = found
	identity = _identity(account, reason, asked, person)
	from_ = _boxes(account, identity)
	return Choice(account.name, from_, _reply_to(account, accounts, reply_to, identity, from_), account.address, reason)


def _asked(
	sending: Sequence[Account], asked: Mailbox | None, person: Person | None, written_to: Sequence[str]
) -> tuple[Account, str] | None:
	if not asked:
		return None
	own = person is not None and asked.key == person.mailbox.key
	if own and asked.key not in {Mailbox("", each).key for each in written_to} and _written_to(sending, written_to):
		return None
	account = _of_address(sending, asked.address)
	return (account, "asked") if account else None


def _without_a_wish(
	sending: Sequence[Account],
	asked: Mailbox | None,
	person: Person | None,
	doctype: str | None,
	written_to: Sequence[str],
) -> tuple[Account, str] | None:
	if account := _written_to(sending, written_to):
		return account, "written to"
	if person and (not asked or asked.key == person.mailbox.key):
		if account := _of_address(sending, person.mailbox.address):
			return account, "own"
		for name in person.accounts:
			if account := next((each for each in sending if each.name == name), None):
				return account, "own"
	by_type = [account for account in sending if doctype and doctype in account.appends_to]
	if by_type:
		return min(by_type, key=lambda each: (not each.default_outgoing, each.name)), "document type"
	if account := next((each for each in sending if each.default_outgoing), None):
		return account, "default"
	return None


def _of_address(accounts: Sequence[Account], address: str) -> Account | None:
	wanted = Mailbox("", address).key
	return next((each for each in accounts if Mailbox("", each.address).key == wanted), None)


def _written_to(sending: Sequence[Account], written_to: Sequence[str]) -> Account | None:
	"""The first of the addresses that is ours; a tag after ``+`` is not part of the account's address."""
	for address in written_to:
		if account := _of_address(sending, address) or _of_address(sending, without_tag(address)):
			return account
	return None


def _identity(account: Account, reason: str, asked: Mailbox | None, person: Person | None) -> Mailbox:
	"""Who sends, before the account's two boxes have their say."""
	who = asked or (person.mailbox if person else None)
	if who is None:
		return Mailbox(account.name, account.address)
	if reason == "written to":
		return Mailbox(who.name or (person.mailbox.name if person else ""), account.address)
	return who


def _boxes(account: Account, identity: Mailbox) -> Mailbox:
	"""Row O3. The name box comes before the address box, and both together give the account's name and address."""
	if account.name_as_sender:
		return Mailbox(account.name, account.address if account.address_as_sender else identity.address)
	if account.address_as_sender:
		return Mailbox(account.address, account.address)
	return identity


def _reply_to(
	account: Account, accounts: Sequence[Account], wanted: Sequence[Mailbox], identity: Mailbox, from_: Mailbox
) -> tuple[Mailbox, ...]:
	if wanted:
		return tuple(wanted)
	if account.receives:
		return ()
	default = next((each for each in accounts if each.receives and each.default_incoming), None)
	reply_to = Mailbox("", default.address) if default else identity
	return () if reply_to.key == from_.key else (reply_to,)


def fails_dmarc(from_address: str, account_address: str) -> bool:
	"""Whether a From of this address, sent through an account of that one, will fail the DMARC of the From's domain.

	The server signs for the account's domain and the bounce address is of it, so that both checks align only with that
	domain, its parents and its children (RFC 7489 section 3.1, the relaxed mode). Nothing is looked up.
	"""
	shown, own = Mailbox("", from_address).domain, Mailbox("", account_address).domain
	return bool(shown and own) and shown != own and not shown.endswith(f".{own}") and not own.endswith(f".{shown}")
