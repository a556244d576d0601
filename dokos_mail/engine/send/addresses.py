"""Mailboxes as they are sent: names apart from addresses, international domains in ASCII (RFC 5890), local parts as they are."""

from __future__ import annotations

from dataclasses import dataclass

import idna

from dokos_mail.engine.message.addresses import parse_addresses

#: The envelope sender of what must not be answered (RFC 5321 section 4.5.5), as rows keep it: the host takes angle brackets out.
NULL_SENDER = "null"


@dataclass(frozen=True)
class Mailbox:
	"""A display name, which may be empty, and an address without angle brackets."""

	name: str
	address: str

	@property
	def domain(self) -> str:
		"""The domain in lower case and in ASCII; "" for an address without one."""
		return ascii_domain(self.address.rpartition("@")[2]) if "@" in self.address else ""

	@property
	def wire(self) -> str:
		"""The address as servers take it: the domain in ASCII; the local part in Unicode needs SMTPUTF8 (RFC 6531)."""
		local, at, domain = self.address.rpartition("@")
		return f"{local}{at}{ascii_domain(domain)}" if at else self.address

	@property
	def key(self) -> str:
		"""What two spellings of one address have in common: compared without case."""
		return self.wire.lower()

	@property
	def needs_smtputf8(self) -> bool:
		"""Whether a server must take Unicode in addresses for this one."""
		return not self.wire.isascii()


def ascii_domain(domain: str) -> str:
	"""A domain in ASCII and lower case. One that no registry would give is left as it is: the server will refuse it."""
	domain = domain.strip().rstrip(".")
	if domain.isascii():
		return domain.lower()
	try:
		return idna.encode(domain, uts46=True).decode("ascii")
	except idna.IDNAError:
		return domain


def mailboxes(text: str | None) -> list[Mailbox]:
	"""The mailboxes of a list as people type it, with commas or semicolons. What has no address is left out."""
	if not text or not text.strip():
		return []
	found = parse_addresses(text.replace("\n", ",").encode("utf-8", "surrogateescape"))
	return [Mailbox(one.name, one.address) for one in found if "@" in one.address]


def of_field(raw: str) -> list[Mailbox]:
	"""The mailboxes of a header field's raw text."""
	return [
		Mailbox(one.name, one.address) for one in parse_addresses(raw.encode("utf-8", "surrogateescape")) if "@" in one.address
	]


def mailbox(text: str | None) -> Mailbox | None:
	"""The first mailbox of ``text``, or None."""
	return next(iter(mailboxes(text)), None)


def without_tag(address: str) -> str:
	"""The address without what follows a ``+`` in its local part, in lower case: ``sales+x@a.fr`` is ``sales@a.fr``."""
	local, at, domain = Mailbox("", address).key.rpartition("@")
	return f"{local.partition('+')[0]}{at}{domain}"
