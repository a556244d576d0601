"""Messages that wait, read, and what the host has none of for them: several at once, before the first one's turn.

As many as one transaction takes. What was read is kept until the message's turn, so that a message is read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import frappe
from frappe import _
from frappe.utils import cint

from dokos_mail.engine.errors import N_, StorageFailed
from dokos_mail.engine.message.identity import content_hash
from dokos_mail.engine.message.model import Message
from dokos_mail.engine.message.parse import parse
from dokos_mail.host import job_timeouts
from dokos_mail.inbound.absent import Absent
from dokos_mail.inbound.account import raw_store
from dokos_mail.inbound.contacts import without_detail
from dokos_mail.inbound.journal import JOURNAL
from dokos_mail.inbound.known import LONGEST_MESSAGE_ID
from dokos_mail.inbound.place import ancestors
from dokos_mail.inbound.rules import Rules
from dokos_mail.inbound.store import CannotProcess, make_body
from dokos_mail.reasons import because

#: Up to this size in octets bodies and attachments are read; above it, only headers and structure.
READ_IN_FULL_UP_TO = 25 * 1024 * 1024
#: So many messages are read before their turn, and so many octets but for a larger single one.
MOST = 25
MOST_OCTETS = 4 * 1024 * 1024


@dataclass
class Read:
	"""A message and the digest of what its author wrote; its body as HTML and text, where that was made before its turn."""

	message: Message
	content_hash: str
	body: tuple[str, str] | None = None

	@property
	def values(self) -> set[str | None]:
		"""By what other messages, and what is made of them, may be found to have to do with it."""
		sender = self.message.from_[0].address.strip() if self.message.from_ else ""
		own = self.message.message_id
		return {self.content_hash, own, own and own[:LONGEST_MESSAGE_ID], sender}


def read(row: frappe._dict) -> Read:
	"""The message of a journal row. Raises CannotProcess when its original is missing, and OSError when it cannot be read."""
	path = raw_file(row)
	return Read(
		parse(path, full_up_to=cint(frappe.conf.get("mail_read_in_full_up_to")) or READ_IN_FULL_UP_TO), content_hash(path)
	)


def raw_file(row: frappe._dict) -> Path:
	"""The original of a journal row."""
	store = raw_store()
	path = store.path(row.raw_path)
	if path.is_file():
		return path
	if not store.root.is_dir():
		raise StorageFailed(detail=_("the folder of original messages is missing"))
	raise CannotProcess(because(N_("Its original ({0}) is missing from the site's private files."), f"mail/{row.raw_path}"))


def absent_for(read_of: Mapping[str, Read]) -> Absent:
	"""What the host has none of for messages, by the names of their rows."""
	absent, messages = Absent(), read_of.values()
	own = [one.message.message_id for one in messages]
	named = [message_id for one in messages for _rule, message_id in ancestors(one.message.in_reply_to, one.message.references)]
	senders = [one.message.from_[0].address.strip().lower() for one in messages if one.message.from_]
	absent.look_up("Communication", "incoming_email", read_of)
	absent.look_up("Communication", "message_id", [*own, *named])
	absent.look_up("Email Queue", "message_id", named)
	absent.look_up(JOURNAL, "content_hash", [one.content_hash for one in messages])
	absent.look_up(JOURNAL, "message_id", [message_id[:LONGEST_MESSAGE_ID] for message_id in [*own, *named] if message_id])
	absent.look_up("Contact Email", "email_id", senders, parenttype="Contact")
	absent.look_up("Email Account", "email_id", [*senders, *map(without_detail, senders)])
	absent.look_up("Undeliverable Address", "address", senders, kind="Bounced")
	return absent


class Ahead:
	"""Messages read before their turn, for the rules of one account; ``one_by_one`` reads each at its turn."""

	def __init__(self, rules: Rules, one_by_one: bool) -> None:
		self._rules = rules
		self._most = 1 if one_by_one else MOST
		self._read: dict[str, Read] = {}

	def read_on(self, rows: list[frappe._dict]) -> None:
		"""Read the first of ``rows``, and as many after it as there is room for, unless that is done already."""
		if rows[0].name in self._read:
			return
		self._read.clear()
		octets = 0
		for row in rows[: self._most]:
			octets += cint(row.size)
			if self._read and octets > MOST_OCTETS:
				break
			if not self._attempt(row):
				break  # it fails again at its turn
		self._rules.absent = absent_for(self._read)
		for name, one in self._read.items():
			# What needs no lock comes before what takes one. A copy needs no body.
			if self._rules.absent.holds(JOURNAL, "content_hash", one.content_hash):
				one.body = make_body(one.message, name)

	def _attempt(self, row: frappe._dict) -> bool:
		try:
			self._read[row.name] = read(row)
		except Exception as error:
			if isinstance(error, job_timeouts()):
				raise
			return False
		return True

	def has(self, row: frappe._dict) -> bool:
		"""Whether a message was read."""
		return row.name in self._read

	def take(self, row: frappe._dict) -> Read:
		"""The message of a row whose turn it is. Raises what :func:`read` raises."""
		return self._read.pop(row.name, None) or read(row)
