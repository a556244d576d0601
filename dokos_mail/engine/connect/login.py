"""What logging in has in common over protocols: passwords that may be sent, what a refusal means, who greets."""

from __future__ import annotations

import base64
import re

from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.errors import N_, PasswordMissing, PasswordNotASCII, Words

#: What the large providers say at login when it is not the password.
LATER_WORDS = re.compile(
	r"too many|try again|temporar|throttl|rate limit|exceeded|simultaneous|maximum number|not connected|overload|busy|unavailable",
	re.IGNORECASE,
)


def check_password(settings: ServerSettings) -> None:
	"""Raises PasswordMissing or PasswordNotASCII, before anything is sent."""
	if not settings.password:
		raise PasswordMissing(host=settings.host, login=settings.login)
	if settings.ascii_password and not settings.password.isascii():
		raise PasswordNotASCII(host=settings.host, login=settings.login)


def plain_credentials(settings: ServerSettings) -> bytes:
	"""The message of SASL PLAIN, in UTF-8 (RFC 4616)."""
	return b"\0" + settings.login.encode() + b"\0" + settings.password.encode()


def secrets_of(settings: ServerSettings) -> tuple[str, ...]:
	"""The password in each form that a server could repeat."""
	encoded = base64.b64encode(plain_credentials(settings)).decode()
	return encoded, base64.b64encode(settings.password.encode()).decode(), settings.password


def who_greets(line: bytes) -> str:
	"""Which protocol greets like this, or the empty text."""
	if line.startswith((b"* OK", b"* PREAUTH", b"* BYE")):
		return Words(N_("it is an IMAP server."))
	if line.startswith(b"+OK"):
		return Words(N_("it is a POP3 server."))
	if line[:4] in (b"220 ", b"220-", b"554 ", b"421 "):
		return Words(N_("it is a server that sends mail (SMTP)."))
	if line.startswith(b"HTTP/"):
		return Words(N_("it is a web server."))
	if line[:1] in (b"\x15", b"\x16"):
		return Words(N_("it expects SSL/TLS from the start."))
	return ""
