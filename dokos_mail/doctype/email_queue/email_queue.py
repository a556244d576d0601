"""Email Queue: a message on its way out. The host's DocType, whose sending is ours."""

from __future__ import annotations

import frappe
from frappe import _

from dokos_mail import host


class EmailQueue(host.base_class("Email Queue")):
	"""The host's flush, its buttons and ``frappe.sendmail(now=True)`` all end in :meth:`send`."""

	def before_insert(self) -> None:
		"""Make the message whole: sender, signatures, footers, fields of the thread. Without an account it has to wait."""
		from dokos_mail.inbound.reactions import reaction_of
		from dokos_mail.outbound.account import sending_account
		from dokos_mail.outbound.compose import DATA_LENGTH, complete
		from dokos_mail.outbound.notice import subject_of

		self.delivery_state = "Waiting"
		self.email_reaction = reaction_of(self)
		# the host writes the blind recipients under a name that its own DocType has not
		blind = {each.strip().lower() for each in (self.get("show_as_bcc") or "").split(",")} - {""}
		for row in self.recipients:
			row.delivery_state = "Waiting"
			row.is_bcc = row.get("is_bcc") or int((row.recipient or "").strip().lower() in blind)
		if sending_account(self):
			complete(self)
		else:
			self.email_account = None
		self.mail_subject = subject_of(self)[:DATA_LENGTH]
		addresses = ", ".join(row.recipient or "" for row in self.recipients)
		self.sent_to = addresses if len(addresses) <= DATA_LENGTH else addresses[: DATA_LENGTH - 1] + "…"

	def onload(self) -> None:
		"""What the form says of the state, in the reader's language; nothing of it is stored."""
		from dokos_mail.outbound.outcome import reasons_of, words_of
		from dokos_mail.outbound.queue import why

		self.set_onload("why", why(self))
		self.delivery_reason = reasons_of([self]).get(self.name)
		for row in self.recipients:
			row.server_reply = words_of(row)

	def send(self, smtp_server_instance: object = None, frappe_mail_client: object = None) -> None:
		"""Send what is to be sent. Commits. Raises nothing that a mail server does: it is written on the row.

		A message that cannot be sent now waits, and the code that asked for it goes on. Core's own sending keeps the
		services that it speaks to in a way of its own.
		"""
		from dokos_mail.outbound import queue
		from dokos_mail.outbound.account import sending_account
		from dokos_mail.outbound.deliver import Rests, deliver

		if queue.is_suspended() or self.status not in ("Not Sent", "Partially Sent"):
			return
		account = sending_account(self)
		if account and account.is_hosts_service():
			self.sent_by_host(smtp_server_instance=smtp_server_instance, frappe_mail_client=frappe_mail_client)
			return
		try:
			deliver(self.name)
		except Rests as reason:
			frappe.logger("dokos_mail").info(f"{self.name} waits: {reason}")
		self.reload()

	def sent_by_host(self, **servers: object) -> str:
		"""Let core send it, through a service that it speaks to in a way of its own. What became of it; raises as core does."""
		from dokos_mail.outbound import outcome

		try:
			super().send(**{name: server for name, server in servers.items() if server})
		finally:
			state = outcome.as_the_host_left_it(self.name)
		return state

	def account_of_host(self) -> object | None:
		"""The account that the host would send this with where no Email Account does: its configuration file's.

		The host itself is not asked: its answer is the row's own account, also one that was told to send no more.
		"""
		if not host.owns_mail():
			return None
		finder = host.base_class("Email Account").find_outgoing
		account = finder(match_by_email=self.sender, match_by_doctype=self.reference_doctype)
		return account if account and account.get("smtp_server") else None

	@frappe.whitelist()
	def retry_sending(self) -> None:
		"""The button of some hosts' form."""
		from dokos_mail.outbound.queue import try_again

		if not try_again([self.name]):
			frappe.msgprint(_("It is being sent, or has been already."))
