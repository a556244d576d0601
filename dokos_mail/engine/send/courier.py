"""The way to one account's server, over as many sessions as it takes and no more than that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.utils import parseaddr
from smtplib import SMTPRecipientsRefused

from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.send.smtp import Delivery, SmtpSession, open_smtp


class Courier:
	"""Sends for one account over one session at a time, opened when first needed and again when it is over.

	A session that the server closed between two messages, or ended with 421 before it took anything, costs nothing: the
	message goes over a new one. That is tried once for each message. Where several commands at once are offered and break
	the session, the message and those after it go with one command at a time.
	"""

	#: After so many seconds the session is asked whether it is still there.
	IDLE_SECONDS = 30.0

	def __init__(self, settings: ServerSettings, opener: Callable[[ServerSettings], SmtpSession] = open_smtp) -> None:
		self.settings, self._opener = settings, opener
		self._open: SmtpSession | None = None
		self._pipelining = True
		self.sessions = 0

	def ready(self) -> SmtpSession:
		"""A session that can be used now. Raises children of MailError."""
		session = self._open
		if session and not session.over and (session.idle < self.IDLE_SECONDS or session.noop()):
			return session
		self.quit()
		self._open = session = self._opener(self.settings)
		session.pipelining = session.pipelining and self._pipelining
		self.sessions += 1
		return session

	def send(self, envelope_from: str, recipients: Sequence[str], message: bytes, *, envid: str | None = None) -> list[Delivery]:
		"""As :meth:`SmtpSession.send`. Raises MailError when no session can be had, and nothing was sent then."""
		session = self.ready()
		used = session.messages > 0
		deliveries = session.send(envelope_from, recipients, message, envid=envid)
		if used and session.over and _nothing_was_taken(deliveries):
			session = self.ready()
			deliveries = session.send(envelope_from, recipients, message, envid=envid)
		if session.pipelining and session.over and _nothing_was_taken(deliveries) and any(each.error for each in deliveries):
			self._pipelining = False
			deliveries = self.ready().send(envelope_from, recipients, message, envid=envid)
		return deliveries

	def quit(self) -> None:
		"""End the session, if there is one."""
		session, self._open = self._open, None
		if session:
			session.quit()

	@property
	def session(self) -> Courier:
		"""Ourselves: callers of the host's sending server look for ``session.sendmail`` there."""
		return self

	def sendmail(self, from_addr: str, to_addrs: str | Sequence[str], msg: bytes | str) -> dict[str, tuple[int, bytes]]:
		"""As ``smtplib.SMTP.sendmail``: the refused recipients; where all are, SMTPRecipientsRefused or what happened instead."""
		recipients = [to_addrs] if isinstance(to_addrs, str) else list(to_addrs)
		bare = [parseaddr(each)[1] or each for each in recipients]
		data = msg.encode("utf-8") if isinstance(msg, str) else msg
		found = self.send(parseaddr(from_addr)[1] or from_addr, bare, data)
		refused = {each.recipient: (each.code, each.text.encode()) for each in found if not each.accepted}
		if len(refused) == len(found):
			raise next((each.error for each in found if each.error), SMTPRecipientsRefused(refused))
		return refused


def _nothing_was_taken(deliveries: Sequence[Delivery]) -> bool:
	"""Whether the session ended before the server was handed any of the message."""
	tried = [each for each in deliveries if each.stage != "address"]
	return all(each.stage == "mail" and not each.uncertain and (each.code == 421 or each.error) for each in tried)
