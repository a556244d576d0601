"""What an account's settings say of its mail, read once for many messages."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, now_datetime

from dokos_mail.engine.errors import N_
from dokos_mail.engine.message.authentication import LEARNT_FROM, Observation, from_domain, learn, topmost_server, trusted_servers
from dokos_mail.engine.message.document_address import ENVELOPE, keeps_detail
from dokos_mail.engine.message.junk import is_junk_folder
from dokos_mail.engine.message.model import Message
from dokos_mail.inbound.absent import Absent
from dokos_mail.inbound.account import STATUS
from dokos_mail.other_apps import BEFORE_PLACE, Hook, hooks
from dokos_mail.reasons import because

MEGABYTE = 1024 * 1024


class Rules:
	"""The rules of one account. Settings changed meanwhile count from the next page of messages on."""

	def __init__(self, account: str) -> None:
		self.account = account
		self.settings = frappe.get_cached_doc("Email Account", account)
		#: What is known to be missing for the messages at hand.
		self.absent = Absent()
		#: Contacts that were made of them.
		self.new_contacts: list[str] = []
		#: Rows that became mail of their own, of which no copy was known, by their content.
		self.stored: dict[str, str] = {}
		#: Rows of whose mail other apps were told since the last commit.
		self.told: list[str] = []
		self._broken: set[str] = set()
		self._rows = {row.folder_name: row for row in self.settings.imap_folder} if self.settings.use_imap else {}

	@cached_property
	def _status(self) -> frappe._dict:
		fields = ["name", "special_folders", "observed_servers", "learnt_server", "detail_kept"]
		return frappe.db.get_value(STATUS, {"email_account": self.account}, fields, as_dict=True) or frappe._dict()

	def append_to(self, folder: str) -> str | None:
		"""The document type that mail of a folder becomes: its own, or the account's."""
		row = self._rows.get(folder)
		return (row.append_to if row else None) or self.settings.append_to or None

	def condition(self, folder: str) -> str:
		"""The condition for a new document: the folder's own, or the account's; empty for none."""
		row = self._rows.get(folder)
		return ((row.get("append_condition") if row else None) or self.settings.get("append_condition") or "").strip()

	def condition_is_broken(self, expression: str, error: Exception) -> str:
		"""What to say of a condition that cannot be evaluated; told to the administrator once for these messages."""
		text = N_("The condition for new documents cannot be evaluated, so it is left out of account: {0} ({1})")
		words = because(text, expression, error)
		if expression not in self._broken:
			self._broken.add(expression)
			frappe.log_error(title=_("Condition of {0}").format(self.account)[:140], message=str(words))
		return words

	@cached_property
	def special_folders(self) -> dict[str, list[str]]:
		"""What the server says of its folders (RFC 6154), by name."""
		return self._folders.get("folders", {})

	@cached_property
	def _folders(self) -> dict[str, Any]:
		return json.loads(self._status.special_folders or "{}")

	def holds_junk(self, folder: str) -> bool:
		"""Whether a folder is the server's, or somebody's, for junk."""
		return is_junk_folder(folder, self.special_folders.get(folder, ()))

	def holds_sent(self, folder: str) -> bool:
		"""Whether a folder holds what was sent from the account."""
		if not self.settings.use_imap:
			return False
		named = (self.settings.get("sent_folder_name") or "").strip() or self._folders.get("sent")
		return folder == named or "\\sent" in self.special_folders.get(folder, ())

	@cached_property
	def junk_senders(self) -> frozenset[str]:
		"""Addresses that users marked as senders of spam."""
		return frozenset(
			str(address).lower() for address in frappe.get_all("Email Rule", filters={"is_spam": 1}, pluck="email_id") if address
		)

	@cached_property
	def own_address(self) -> str:
		"""The account's address, in lower case."""
		return (self.settings.email_id or "").strip().lower()

	@property
	def largest_attachment(self) -> int | None:
		"""The octets up to which an attachment is kept as a file; None for no limit."""
		limit = cint(self.settings.attachment_limit)
		return limit * MEGABYTE if limit > 0 and cint(self.settings.get("enforce_attachment_limit")) else None

	@cached_property
	def before_place(self) -> list[Hook]:
		"""Other apps' functions to be asked before a mail is placed."""
		return hooks(BEFORE_PLACE)

	# The server whose Authentication-Results count

	@cached_property
	def trusted(self) -> frozenset[str]:
		"""The servers named on the account or, when none is, the one learnt from its mail."""
		return trusted_servers(self.settings.get("authserv_id")) or trusted_servers(self._status.learnt_server)

	@cached_property
	def _observed(self) -> list[Observation]:
		return [Observation(*one) for one in json.loads(self._status.observed_servers or "[]")]

	@cached_property
	def _detail_kept(self) -> str:
		return self._status.detail_kept or ""

	def observe(self, message: Message) -> None:
		"""Take note of the server that signed a received message, and of an address with a +, until :meth:`remember`."""
		if self._detail_kept != ENVELOPE and (kept := keeps_detail(message, self.own_address)):
			self._detail_kept = kept
		if not self.settings.get("authserv_id"):
			self._observed.insert(0, Observation(topmost_server(message)[:140], from_domain(message)[:140]))
			del self._observed[LEARNT_FROM:]

	def remember(self) -> None:
		"""Write down what was observed, where that is new; the caller commits."""
		if not self._status.name:
			return
		if self._detail_kept != (self._status.detail_kept or ""):
			values = {"detail_kept": self._detail_kept, "detail_kept_on": now_datetime()}
			frappe.db.set_value(STATUS, self._status.name, values, update_modified=False)
			self._status.detail_kept = self._detail_kept
		if "_observed" not in self.__dict__:
			return
		seen = json.dumps([[one.server, one.domain] for one in self._observed])
		if seen != self._status.observed_servers:
			values = {"observed_servers": seen, "learnt_server": learn(self._observed)}
			frappe.db.set_value(STATUS, self._status.name, values, update_modified=False)
			self._status.update(values)
