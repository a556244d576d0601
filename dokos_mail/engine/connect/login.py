"""What logging in has in common over protocols: passwords that may be sent, what a refusal means, who greets."""

from __future__ import annotations

import base64
import re

from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.errors import (
	N_,
	AccessSwitchedOff,
	AppPasswordNeeded,
	LoginRefused,
	MailboxNotConnected,
	PasswordMissing,
	PasswordNotASCII,
	PasswordsNotTaken,
	Throttled,
	Words,
)

#: What the large providers say at login when it is not the password.
LATER_WORDS = re.compile(
	r"too many|try again|temporar|throttl|rate limit|exceeded|simultaneous|maximum number|not connected|overload|busy|unavailable",
	re.IGNORECASE,
)
#: What Microsoft's servers say of a login that is right and a mailbox that stays closed.
NOT_CONNECTED = re.compile(r"authenticated but not connected", re.IGNORECASE)
#: What providers say, in their own words, of a password that is not the one they want. Those who say "wrong password or
#: IMAP is disabled" leave open which it is, and so do we.
_REFUSALS = (
	(AppPasswordNeeded, re.compile(r"app(lication)?[- ](specific )?password", re.IGNORECASE)),
	(PasswordsNotTaken, re.compile(r"basic ?auth(entication)?( is)? ?(disabled|blocked)", re.IGNORECASE)),
	(
		AccessSwitchedOff,
		re.compile(
			r"(?<!\bor )\b(imap4?|pop3?|smtp(client)?)\W?(auth\w*|access|service)?\b[^.:;]{0,30}"
			r"\b(disabled|off|not (enabled|activated|allowed|permitted))\b"
			r"|not (enabled|activated|allowed) for (imap|pop)|\b(yet to|must|need to|have to|please) (enable|activate) (imap|pop)",
			re.IGNORECASE,
		),
	),
)


def kind_of_refusal(words: str) -> type[LoginRefused]:
	"""What a server means that refuses a login in these words, as far as they tell."""
	return next((kind for kind, said in _REFUSALS if said.search(words)), LoginRefused)


def kind_of_delay(words: str) -> type[Throttled]:
	"""What a server means that does not refuse a login, but lets nobody in."""
	return MailboxNotConnected if NOT_CONNECTED.search(words) else Throttled


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
