"""From a connection to an SMTP session that may send: greeting, EHLO, STARTTLS, AUTH (RFC 5321, 3207, 4954)."""

from __future__ import annotations

import base64
import hmac
import re
import socket
from dataclasses import dataclass

from dokos_mail.engine.connect.login import check_password, kind_of_refusal, plain_credentials, secrets_of, who_greets
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.connect.wire import AFTER_LOGIN, WAITING_FOR_GREETING, Wire
from dokos_mail.engine.errors import (
	N_,
	BadGreeting,
	LoginDisabled,
	LoginMethodMissing,
	LoginNotOffered,
	LoginRefused,
	MailError,
	ProtocolError,
	ServerRefuses,
	StartTLSMissing,
	Throttled,
	TokenNotTaken,
	TokenRefused,
	Words,
	quoted,
)

_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(rb"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")
#: Lines of one answer, and octets of all of them; no server needs a tenth of it.
_MOST_LINES, _MOST_OCTETS = 200, 64 * 1024
NO_SMTP = Words(N_("it does not speak SMTP."))
_ENCRYPTION_WANTED = {538}
_MECHANISM_UNKNOWN = {500, 501, 502, 503, 504}


@dataclass(frozen=True)
class Reply:
	"""A server's answer: its code, its enhanced status code (RFC 3463) where it gives one, its words on one line."""

	code: int
	enhanced: str
	text: str
	lines: tuple[str, ...] = ()


def where(settings: ServerSettings) -> dict[str, object]:
	"""What every error says of the server."""
	return {"host": settings.host, "port": settings.effective_port, "login": settings.login}


def read_reply(wire: Wire, settings: ServerSettings) -> Reply:
	"""The next answer, of one line or several. ProtocolError for anything that is none; no secret is in its words."""
	texts: list[bytes] = []
	enhanced, octets = b"", 0
	while True:
		line = wire.readline().rstrip(b"\r\n")
		octets += len(line)
		found = _LINE.fullmatch(line)
		if not found or len(texts) >= _MOST_LINES or octets > _MOST_OCTETS:
			wire.close()
			raise ProtocolError(**where(settings), detail=quoted(line, *_secrets(settings)) or NO_SMTP)
		text = found[3] or b""
		if status := _ENHANCED.match(text):
			enhanced = enhanced or status[1]
			text = text[status.end() :]
		texts.append(text)
		if found[2] != b"-":
			break
	secrets = _secrets(settings)
	lines = tuple(quoted(text, *secrets, limit=500) for text in texts)
	return Reply(int(found[1]), enhanced.decode(), quoted(" ".join(lines), limit=1000), lines)


def introduce(wire: Wire, settings: ServerSettings) -> dict[str, str]:
	"""Greet, encrypt if ``settings`` want STARTTLS, log in if they name a login. What the server can do, in capitals.

	Takes at most ``settings.timeout`` seconds up to the encryption and again for the login.
	"""
	if settings.login and not settings.access_token:
		check_password(settings)
	wire.within(settings.timeout, WAITING_FOR_GREETING)
	_greeting(wire, settings)
	extensions = _hello(wire, settings)
	if settings.security == "starttls":
		if "STARTTLS" not in extensions:
			raise StartTLSMissing(**where(settings))
		reply = _command(wire, settings, b"STARTTLS")
		if reply.code != 220:
			raise _passing_or(StartTLSMissing, reply, settings)
		wire.upgrade()
		extensions = _hello(wire, settings)
	if settings.login:
		wire.within(settings.timeout, AFTER_LOGIN)
		_log_in(wire, settings, extensions)
	return extensions


def _greeting(wire: Wire, settings: ServerSettings) -> None:
	first = wire.readline()
	if not _LINE.fullmatch(first.rstrip(b"\r\n")):
		raise BadGreeting(**where(settings), detail=who_greets(first) or quoted(first))
	wire.unread(first)
	reply = read_reply(wire, settings)
	if reply.code // 100 == 4:
		raise Throttled(**where(settings), detail=_said(reply))
	if reply.code != 220:
		raise ServerRefuses(**where(settings), detail=_said(reply))


def _hello(wire: Wire, settings: ServerSettings) -> dict[str, str]:
	name = _our_name(wire)
	reply = _command(wire, settings, b"EHLO " + name)
	if reply.code // 100 == 5:
		reply = _command(wire, settings, b"HELO " + name)
		if reply.code // 100 == 2:
			return {}
	if reply.code // 100 != 2:
		raise _passing_or(ServerRefuses, reply, settings)
	extensions: dict[str, str] = {}
	for line in reply.lines[1:]:
		keyword, _space, parameters = line.strip().partition(" ")
		# "AUTH=LOGIN PLAIN" is an old way to write it, which some servers still add.
		if keyword.upper().startswith("AUTH="):
			keyword, parameters = "AUTH", f"{keyword[5:]} {parameters}"
		keyword = keyword.upper()
		extensions[keyword] = f"{extensions[keyword]} {parameters}".strip() if keyword in extensions else parameters.strip()
	return extensions


def _our_name(wire: Wire) -> bytes:
	"""This machine's name where it has a whole one, else its address on this connection (RFC 5321 section 4.1.3)."""
	name = socket.gethostname()
	if "." in name and re.fullmatch(r"[A-Za-z0-9.-]+", name):
		return name.encode()
	address = wire.socket.getsockname()[0]
	return (f"[IPv6:{address}]" if ":" in address else f"[{address}]").encode()


# Login


def _log_in(wire: Wire, settings: ServerSettings, extensions: dict[str, str]) -> None:
	offered = [word.upper() for word in extensions.get("AUTH", "").split()]
	if not offered:
		if not wire.encrypted and "STARTTLS" in extensions:
			raise LoginDisabled(**where(settings))
		raise LoginNotOffered(**where(settings))
	ways = _ways(wire, settings)
	usable = [name for name in ways if name in offered]
	if not usable:
		raise (TokenNotTaken if settings.access_token else LoginMethodMissing)(**where(settings), detail=", ".join(offered))
	for number, name in enumerate(usable):
		reply = ways[name](wire, settings)
		if reply.code == 235:
			return
		# Only a mechanism that the server turns out not to have is followed by another: each wrong password counts.
		if reply.code not in _MECHANISM_UNKNOWN or number == len(usable) - 1:
			raise login_error(reply, settings)


def _ways(wire: Wire, settings: ServerSettings) -> dict:
	"""The ways we can log in, the best one first: a password is shown as it is only where nobody listens, if we can choose."""
	if settings.access_token:
		return {"XOAUTH2": _xoauth2}
	open_ones = {"PLAIN": _plain, "LOGIN": _login}
	return open_ones | {"CRAM-MD5": _cram_md5} if wire.encrypted else {"CRAM-MD5": _cram_md5} | open_ones


def _plain(wire: Wire, settings: ServerSettings) -> Reply:
	return _command(wire, settings, b"AUTH PLAIN " + base64.b64encode(plain_credentials(settings)))


def _login(wire: Wire, settings: ServerSettings) -> Reply:
	reply = _command(wire, settings, b"AUTH LOGIN")
	for word in (settings.login, settings.password):
		if reply.code != 334:
			return reply
		reply = _command(wire, settings, base64.b64encode(word.encode()))
	return reply


def _cram_md5(wire: Wire, settings: ServerSettings) -> Reply:
	reply = _command(wire, settings, b"AUTH CRAM-MD5")
	if reply.code != 334:
		return reply
	try:
		challenge = base64.b64decode(reply.text, validate=True)
	except ValueError:
		raise ProtocolError(**where(settings), detail=quoted(reply.text)) from None
	digest = hmac.new(settings.password.encode(), challenge, "md5").hexdigest()
	return _command(wire, settings, base64.b64encode(f"{settings.login} {digest}".encode()))


def _xoauth2(wire: Wire, settings: ServerSettings) -> Reply:
	reply = _command(wire, settings, b"AUTH XOAUTH2 " + _bearer(settings))
	# A refusal comes as a challenge with its details, to be answered with nothing.
	return _command(wire, settings, b"") if reply.code == 334 else reply


def _bearer(settings: ServerSettings) -> bytes:
	return base64.b64encode(f"user={settings.login}\1auth=Bearer {settings.access_token}\1\1".encode())


def login_error(reply: Reply, settings: ServerSettings) -> MailError:
	"""What a refusal at login means: come back later, no password without encryption, or the password is wrong."""
	if reply.code // 100 == 4 or reply.enhanced.startswith("4."):
		return Throttled(**where(settings), detail=_said(reply))
	if reply.code in _ENCRYPTION_WANTED or (reply.code == 530 and "starttls" in reply.text.lower()):
		return LoginDisabled(**where(settings))
	kind = kind_of_refusal(reply.text)
	if settings.access_token and kind is LoginRefused:
		kind = TokenRefused
	return kind(**where(settings), detail=_said(reply))


def _command(wire: Wire, settings: ServerSettings, line: bytes) -> Reply:
	wire.send(line + b"\r\n")
	return read_reply(wire, settings)


def _passing_or(kind: type[MailError], reply: Reply, settings: ServerSettings) -> MailError:
	return (Throttled if reply.code // 100 == 4 else kind)(**where(settings), detail=_said(reply))


def _said(reply: Reply) -> str:
	return " ".join(filter(None, [str(reply.code), reply.enhanced, reply.text]))


def _secrets(settings: ServerSettings) -> tuple[str, ...]:
	"""The password and the token in each form that a server could repeat."""
	bearer = (_bearer(settings).decode(), settings.access_token) if settings.access_token else ()
	return (*secrets_of(settings), *bearer)
