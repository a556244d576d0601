"""A document's own e-mail address: the linking account's, with a token after the ``+`` (RFC 5233 calls it the detail).

    contact+k7qy2mvxw3ha5t6b@masociete.com

The token is drawn at random and kept beside the document it stands for, so that nobody guesses one and it survives a
rename. Lower-case base32, since some servers change the case of what stands before the @.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from .model import Message

#: Octets of chance in a token, and characters of its text.
TOKEN_OCTETS = 10
TOKEN_LENGTH = 16
#: RFC 5321 section 4.5.3.1.1.
MOST_LOCAL_OCTETS = 64

#: Where servers on the way put the recipient of the envelope, which a blind copy names nowhere else.
ENVELOPE_FIELDS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To")

_TOKEN = re.compile(rf"[a-z2-7]{{{TOKEN_LENGTH}}}")
_ADDRESS = re.compile(r"[^\s<>,;:\"()]+@[^\s<>,;:\"()]+")
#: How it is seen that a server keeps what follows the +.
ENVELOPE, HEADER = "Envelope", "Header"
#: A message names at most this many addresses of documents that are looked at.
MOST = 50


@dataclass(frozen=True)
class Addressed:
	"""An address of the linking account's with a detail: ``address`` as written, ``detail`` what follows the +."""

	address: str
	detail: str

	@property
	def token(self) -> str | None:
		"""The token that the detail is, or None."""
		detail = self.detail.lower()
		return detail if _TOKEN.fullmatch(detail) else None

	def unsigned(self) -> list[tuple[str, str]]:
		"""The documents that the host's old form may mean, ``DocType=Name`` or ``DocType+Name``: type and name, likeliest first."""
		found = []
		for sign in ("=", "+"):
			doctype, separator, name = self.detail.partition(sign)
			if separator and doctype and name:
				found += [(decode(doctype), decode(name)) for decode in (unquote, unquote_plus)]
		return list(dict.fromkeys(found))


def new_token(random: Callable[[int], bytes]) -> str:
	"""A token from ``random``, which gives as many octets as it is asked for."""
	return base64.b32encode(random(TOKEN_OCTETS)).decode("ascii").lower()


def document_address(account: str, token: str) -> str | None:
	"""The address of a document at ``account``, or None where that would be longer than a server must accept."""
	local, at, domain = account.rpartition("@")
	local = f"{local}+{token}"
	return f"{local}{at}{domain}" if at and len(local.encode()) <= MOST_LOCAL_OCTETS else None


def addressed_documents(message: Message, accounts: Iterable[str]) -> list[Addressed]:
	"""The addresses of ``accounts`` with a detail that a message was sent to, each once, at most MOST.

	In To, Cc and Bcc, and in what the receiving server recorded of the envelope.
	"""
	wanted = [(local.lower() + "+", domain.lower()) for local, _at, domain in (one.rpartition("@") for one in accounts) if local]
	found: dict[str, Addressed] = {}
	for address in _recipients(message):
		local, _at, domain = address.rpartition("@")
		for prefix, ours in wanted:
			if domain.lower() == ours and local.lower().startswith(prefix) and len(local) > len(prefix):
				found.setdefault(address.lower(), Addressed(address, local[len(prefix) :]))
		if len(found) == MOST:
			break
	return list(found.values())


def keeps_detail(message: Message, account: str) -> str:
	"""How a message shows that the server of ``account`` keeps what follows the +: in its ``envelope``, where it records that,
	or in its ``header`` alone; empty when it was not sent to an address with a detail.
	"""
	prefix, domain = f"{account.rpartition('@')[0].lower()}+", f"@{account.rpartition('@')[2].lower()}"

	def is_one(address: str) -> bool:
		return address.lower().startswith(prefix) and address.lower().endswith(domain)

	if any(
		is_one(address) for name in ENVELOPE_FIELDS for value in message.header_all(name) for address in _ADDRESS.findall(value)
	):
		return ENVELOPE
	return HEADER if any(is_one(one.address) for one in (*message.to, *message.cc)) else ""


def _recipients(message: Message) -> Iterator[str]:
	for one in (*message.to, *message.cc, *message.bcc):
		yield one.address
	for name in ENVELOPE_FIELDS:
		for value in message.header_all(name):
			yield from _ADDRESS.findall(value)
