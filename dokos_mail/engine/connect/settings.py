"""How to reach a server: plain data, and the ports that stand in for an empty field."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Security = Literal["tls", "starttls", "plain"]
Protocol = Literal["imap", "pop3", "smtp"]

#: RFC 8314 section 7 and the seed page: the port used when the field is empty.
DEFAULT_PORTS: dict[tuple[str, bool], int] = {
	("imap", True): 993,
	("imap", False): 143,
	("pop3", True): 995,
	("pop3", False): 110,
	("smtp", True): 465,
	("smtp", False): 587,
}


@dataclass(frozen=True)
class ServerSettings:
	"""One server, one login. ``timeout`` is in seconds and bounds every single wait on the socket.

	``verify`` False accepts any certificate; ``ca_file`` adds a private authority to the system's own.
	``access_token`` logs in by OAuth (XOAUTH2) instead of the password.
	``ascii_password`` True refuses, in words, a password that has other characters; False sends UTF-8.
	"""

	host: str
	login: str = ""
	password: str = field(default="", repr=False)
	port: int | None = None
	security: Security = "tls"
	protocol: Protocol = "imap"
	verify: bool = True
	ca_file: str | None = None
	ascii_password: bool = False
	timeout: float = 15.0
	access_token: str = field(default="", repr=False)

	@property
	def effective_port(self) -> int:
		"""The port given, or the protocol's own for this security."""
		return self.port or DEFAULT_PORTS[self.protocol, self.security == "tls"]
