"""An SMTP server that delivers into a mail server of ours: the way mail from the world arrives.

A recipient that is not there is refused at RCPT with 550, as a real relay does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mail_servers.certificates import Certificates
from mail_servers.server import HOST, MailServer, free_port

SIZE_LIMIT = 100 * 1024 * 1024
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Accepted:
	"""One SMTP transaction that was taken: its envelope and its octets."""

	sender: str
	recipients: tuple[str, ...]
	raw: bytes


class Relay:
	"""SMTP in front of ``server``. With ``users`` it offers AUTH and, with ``auth_required``, insists on it.

	``certificates`` offers STARTTLS. ``accepted`` keeps what was taken, in order. ``outside`` True takes mail for other
	domains too and only keeps it, as the world would.
	"""

	def __init__(
		self,
		server: MailServer,
		*,
		port: int | None = None,
		users: Mapping[str, str] | None = None,
		auth_required: bool = False,
		certificates: Certificates | None = None,
		certificate: str = "good",
		outside: bool = False,
	) -> None:
		self.server, self.outside = server, outside
		self.users = dict(users or {})
		self.host, self.port = HOST, port or free_port()
		self.accepted: list[Accepted] = []
		self._options: dict[str, object] = {
			"data_size_limit": SIZE_LIMIT,
			"enable_SMTPUTF8": True,
			"ident": "Relay to a mail server of ours",
			"auth_required": auth_required,
			"auth_require_tls": False,
		}
		if self.users:
			self._options["authenticator"] = self._authenticate
		if certificates:
			self._options["tls_context"] = certificates[certificate].server_context()
		self._controller: Controller | None = None

	def start(self) -> None:
		"""Start in a thread of its own and return once it listens."""
		self._controller = Controller(self, hostname=self.host, port=self.port, ready_timeout=20, **self._options)
		self._controller.start()

	def stop(self) -> None:
		controller, self._controller = self._controller, None
		if controller:
			controller.stop()

	def __enter__(self) -> Relay:
		self.start()
		return self

	def __exit__(self, *exc_info: object) -> None:
		self.stop()

	def _authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
		if not isinstance(data, LoginPassword):
			return AuthResult(success=False, handled=False)
		login, password = data.login.decode("utf-8", "replace"), data.password.decode("utf-8", "replace")
		return AuthResult(success=self.users.get(login) == password, handled=False)

	async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
		if not self.outside and not self.server.accepts(address):
			return f"550 5.1.1 <{address}>: Recipient address rejected: no such mailbox here"
		envelope.rcpt_tos.append(address)
		envelope.rcpt_options.extend(options)
		return "250 2.1.5 OK"

	async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
		content = envelope.content or b""
		raw = content if isinstance(content, bytes) else content.encode()
		sender = envelope.mail_from or ""
		loop = asyncio.get_running_loop()
		for recipient in envelope.rcpt_tos:
			if not self.server.accepts(recipient):
				continue
			try:
				await loop.run_in_executor(None, self.server.deliver, sender, recipient, raw)
			except LookupError as unknown:
				return f"550 5.1.1 {_one_line(unknown)}"
			except OSError as trouble:
				_log.warning("Delivery to %s failed for now: %s", recipient, trouble)
				return f"451 4.3.0 {_one_line(trouble)}"
		self.accepted.append(Accepted(sender, tuple(envelope.rcpt_tos), raw))
		return "250 2.0.0 OK, delivered"


def _one_line(error: Exception) -> str:
	return " ".join(str(error).split())[:200]
