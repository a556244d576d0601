"""One message's way out: claim, compose each copy, hand over, write down what the server said.

What is written as sent is never sent again. Before a copy is handed over its recipients are marked as in flight, and
that is committed; after the server's answer its outcome is written, and committed at once. Should the process die
between the two, those recipients, and no others, are uncertain: see :func:`resolve`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from email.utils import parseaddr
from hashlib import sha256

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from dokos_mail import host
from dokos_mail.engine.errors import N_, AddressNeedsSMTPUTF8, AddressUnusable, LoginRefused, MailError, MessageTooLarge
from dokos_mail.engine.send import row as states
from dokos_mail.engine.send.addresses import NULL_SENDER
from dokos_mail.engine.send.courier import Courier
from dokos_mail.engine.send.smtp import Delivery
from dokos_mail.engine.send.verdict import Verdict, verdict
from dokos_mail.outbound import account as accounts
from dokos_mail.outbound import long_wait, outcome
from dokos_mail.outbound.claim import QUEUE, WAITING, ClaimLost, claim, renew
from dokos_mail.outbound.sent import was_filed
from dokos_mail.outbound.unsubscribe import gone_since
from dokos_mail.reasons import because, of_error

#: Errors that are about the message or its address, and not about reaching the server.
_OWN = (AddressUnusable, AddressNeedsSMTPUTF8, MessageTooLarge)


class Rests(Exception):
	"""Nothing was tried: the account cannot send now. Says why, in words."""


def deliver(name: str, *, by_hand: bool = False, courier: Courier | None = None) -> str | None:
	"""Send what is to be sent of a queue row, and return its state; None when another process has it.

	Commits. Raises no MailError: what goes wrong is written on the row, or on the account. Raises Rests, with the row
	untouched, when the account cannot send now. ``by_hand`` minds neither the account's rest nor the row's next try.
	"""
	row = frappe.get_doc(QUEUE, name)
	account = accounts.sending_account(row)
	if account is None:
		_no_account(row)
		raise Rests(long_wait.no_account())
	if account.is_hosts_service():
		return row.sent_by_host()
	if not by_hand and (reason := accounts.resting(account)):
		raise Rests(reason)
	if reason := accounts.paced(account):
		raise Rests(reason)
	override = frappe.get_hooks("override_email_send")
	if not override and not _is_test():
		courier = courier or _ready(account)
	token = claim(name, WAITING, due_only=not by_hand)
	if token is None:
		return None
	return _Delivery(row, account, token, courier, override[0] if override else None, by_hand).run()


def _ready(account: frappe._dict) -> Courier:
	"""The account's session, connected. Raises Rests when it cannot be."""
	frappe.db.commit()
	try:
		courier = accounts.courier_for(account)
	except MailError as error:
		accounts.rest(account, error)
		raise Rests(outcome.fault_of(error)) from error
	except Exception as error:
		if isinstance(error, host.job_timeouts()):
			raise
		# The host could not say how to log in: a password that it cannot read, a Connected App that is gone.
		frappe.db.rollback()
		frappe.log_error(title=_("Login of {0}").format(account.name))
		refusal = LoginRefused(host=account.smtp_server or "", login=account.email_id or "", detail=type(error).__name__)
		accounts.rest(account, refusal)
		raise Rests(outcome.fault_of(refusal)) from error
	try:
		courier.ready()
	except MailError as error:
		accounts.rest(account, error)
		raise Rests(outcome.fault_of(error)) from error
	return courier


def _is_test() -> bool:
	"""The host's own tests send nothing, and look at what would have been sent."""
	return bool(frappe.flags.in_test and not frappe.flags.testing_email)


def _no_account(row: frappe._dict) -> None:
	if row.delivery_reason:
		return
	reason = long_wait.no_account()
	frappe.db.set_value(QUEUE, row.name, {"delivery_state": states.WAITING, "delivery_reason": reason}, update_modified=False)
	long_wait.tell(row, reason)
	frappe.db.commit()


def _completed(row: frappe._dict, account: frappe._dict) -> dict[str, object]:
	"""A message that was queued when no account could send it is made whole now that one can."""
	from dokos_mail.outbound.compose import complete

	complete(row)
	row.email_account = row.email_account or account.name
	return {name: row.get(name) for name in ("message", "sender", "email_account", "envelope_sender")}


class _Delivery:
	"""A claimed row on its way."""

	def __init__(
		self, row: frappe._dict, account: frappe._dict, token: str, courier: Courier | None, override: str | None, by_hand: bool
	) -> None:
		self.row, self.account, self.token, self.courier, self.override = row, account, token, courier, override
		self.recipients = outcome.recipients_of(row.name)
		now = now_datetime()
		self.first_try = get_datetime(row.first_try) if row.first_try else now
		self.due = [
			each
			for each in self.recipients
			if each.state in states.OPEN and (by_hand or not each.next_try or get_datetime(each.next_try) <= now)
		]
		values: dict[str, object] = {"last_try": now, "first_try": self.first_try}
		if not row.email_account and account.is_exists_in_db():
			values |= _completed(row, account)
		frappe.db.set_value(QUEUE, row.name, values, update_modified=False)

	def run(self) -> str:
		try:
			self._look_whether_sent()
			self._leave_out_who_left()
			for group, message in self._copies():
				if not self._hand_over(group, message):
					break
		except ClaimLost:
			return ""
		except Exception as error:
			frappe.db.rollback()
			if isinstance(error, host.job_timeouts()):
				# The claim stays: the sweep sees to what was in flight.
				raise
			self._could_not_be_made(error)
		found = outcome.finish(self.row, self.recipients, self.token)
		if self.account.append_emails_to_sent_folder and found.state in states.LEFT and not self.row.sent_copy:
			frappe.db.set_value(QUEUE, self.row.name, "sent_copy", "Wanted", update_modified=False)
		frappe.db.commit()
		return found.state

	def _leave_out_who_left(self) -> None:
		"""Whoever unsubscribed since the mail was queued does not get it."""
		waiting = [each for each in self.due if each.state in states.OPEN]
		for each in gone_since(self.row, waiting):
			outcome.write(each, states.CANCELLED, because(N_("Unsubscribed before it was sent.")), next_try=None)
		frappe.db.commit()

	def _copies(self) -> Iterator[tuple[list[frappe._dict], bytes]]:
		"""The recipients still to be seen to, in groups that get the very same octets, one group composed at a time."""
		from dokos_mail.outbound.render import for_recipient

		group: list[frappe._dict] = []
		message, digest = b"", b""
		for each in self.due:
			if each.state not in states.OPEN:
				continue
			copy = for_recipient(self.row, each.recipient)
			copied = sha256(copy).digest()
			if group and (copied != digest or self.override):
				yield group, message
				group = []
			group.append(each)
			message, digest = copy, copied
		if group:
			yield group, message

	def _hand_over(self, group: Sequence[frappe._dict], message: bytes) -> bool:
		"""Send one copy. Returns whether the next one may be sent too."""
		renew(self.row.name, self.token)
		outcome.in_flight(group)
		frappe.db.commit()
		if self.override:
			return self._by_other_app(group, message)
		if self.courier is None:
			frappe.flags.sent_mail = message
			for each in group:
				outcome.sent(each, because(N_("Not sent: this is a test.")))
			frappe.db.commit()
			return True
		addresses = {each.name: parseaddr(each.recipient)[1] or each.recipient for each in group}
		try:
			deliveries = self.courier.send(
				self._envelope_sender(), list(dict.fromkeys(addresses.values())), message, envid=self.row.name
			)
		except MailError as error:
			# No session could be had: nothing was handed over.
			for each in group:
				outcome.write(each, states.WAITING, of_error(error))
			accounts.rest(self.account, error)
			return False
		found = {delivery.recipient: delivery for delivery in deliveries}
		return self._written_down([(each, found[addresses[each.name]]) for each in group])

	def _envelope_sender(self) -> str:
		if self.row.get("envelope_sender") == NULL_SENDER:
			return ""
		return self.row.get("envelope_sender") or parseaddr(self.row.sender or "")[1] or self.account.email_id or ""

	def _by_other_app(self, group: Sequence[frappe._dict], message: bytes) -> bool:
		"""An app's ``override_email_send``: that it returns means sent, that it raises means not."""
		for each in group:
			try:
				frappe.get_attr(self.override)(self.row, self.row.sender, each.recipient, message)
			except Exception as error:
				if isinstance(error, host.job_timeouts()):
					raise
				frappe.db.rollback()
				frappe.log_error(title=_("Email {0}: {1}").format(self.row.name, self.override))
				outcome.deferred(each, self.first_try, f"{self.override}: {error}")
			else:
				outcome.sent(each, because(N_("Sent by {0}"), self.override))
			frappe.db.commit()
		return True

	def _written_down(self, answers: Sequence[tuple[frappe._dict, Delivery]]) -> bool:
		taken = any(delivery.accepted for _each, delivery in answers)
		troubled: tuple[Verdict, Delivery] | None = None
		broken: MailError | None = None
		own_fault = all(delivery.accepted for _each, delivery in answers) or self._is_its_own_fault()
		for each, delivery in answers:
			if delivery.accepted:
				outcome.sent(each, outcome.said(delivery), delivery.enhanced or str(delivery.code))
			elif delivery.uncertain:
				broken = delivery.error
				outcome.uncertain(each, self.account, self.first_try, outcome.said(delivery))
			elif isinstance(delivery.error, _OWN):
				outcome.refused(each, outcome.fault_of(delivery.error))
			elif delivery.error is not None:
				# The connection broke before the message was whole: it was not taken.
				broken = delivery.error
				outcome.deferred(each, self.first_try, outcome.said(delivery), ends=own_fault)
			else:
				found = verdict(delivery.code, delivery.enhanced, delivery.text, delivery.stage)
				if found.scope == "account" and taken:
					# The server took others a moment ago: it is this one that it does not want now.
					found = Verdict("recipient", False, found.reason)
				if found.scope == "account":
					troubled = found, delivery
				outcome.by_verdict(each, found, self.first_try, delivery, ends=own_fault)
		frappe.db.commit()
		if broken:
			# The next message would most likely meet the same, and if it was the dot that has no answer, be sent twice as well.
			accounts.rest(self.account, broken)
			return False
		if troubled:
			found, delivery = troubled
			error = accounts.error_of(found, self.courier.settings, outcome.said(delivery))
			accounts.rest(self.account, error, lasting=found.permanent)
			return False
		if taken:
			accounts.works(self.account)
		return True

	def _is_its_own_fault(self) -> bool:
		"""Whether the account has sent other mail since this one was first tried, so that it is not the account that fails."""
		return accounts.has_sent_since(self.account, self.first_try)

	def _look_whether_sent(self) -> None:
		"""Where the provider files what it sends, a copy in its Sent folder says that it took the message."""
		maybe = [each for each in self.due if cint(each.maybe_accepted)]
		others = [each for each in self.recipients if each.state in states.DONE]
		if not maybe or others or len(maybe) != len(self.recipients) or not self.row.message_id:
			return
		frappe.db.commit()
		if was_filed(self.account, self.row.message_id):
			for each in maybe:
				outcome.sent(each, because(N_("The provider has it in its Sent folder: it was sent the first time.")))
			frappe.db.commit()

	def _could_not_be_made(self, error: Exception) -> None:
		"""A copy could not be composed: an attachment is gone, a template is broken, or we are wrong."""
		frappe.log_error(title=_("Email {0} could not be sent").format(self.row.name))
		self.recipients = outcome.recipients_of(self.row.name)
		least = outcome.least_tries()
		words = because(N_("It could not be composed: {0}"), (str(error) or type(error).__name__)[:450])
		due = {each.name for each in self.due}
		for each in self.recipients:
			if each.state not in states.OPEN or each.name not in due:
				continue
			if cint(each.attempts) + 1 >= least:
				outcome.refused(each, words)
			else:
				outcome.deferred(each, self.first_try, words)


def resolve(name: str, token: str, *, hosts: bool) -> None:
	"""See to a row whose sender died: nothing is known of what was in flight, everything of the rest. Commits.

	:param hosts: the host's own sending began it, which marks nothing and goes through the recipients in their order.
	"""
	row = frappe.get_doc(QUEUE, name)
	account = accounts.sending_account(row) or frappe._dict()
	recipients = outcome.recipients_of(name)
	first_try = get_datetime(row.first_try) if row.first_try else now_datetime()
	unknown = [each for each in recipients if each.state == states.IN_FLIGHT]
	if hosts:
		unknown = [each for each in recipients if each.state == states.WAITING][:1]
	for each in unknown:
		outcome.uncertain(each, account, first_try, because(N_("The process that was sending it ended.")))
	outcome.finish(row, recipients, token)
	frappe.db.commit()
