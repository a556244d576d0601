"""From settings to an IMAP session that is logged in.

imaplib speaks for us up to the login: greeting, CAPABILITY, STARTTLS, AUTHENTICATE. Its octets go through a
:class:`Wire`, so that every wait is bounded and no error of its own reaches the caller: only children of MailError do,
and none holds a password, or the words of a server that repeats one.
"""

from __future__ import annotations

import base64
import imaplib
import re

from dokos_mail.engine.connect.login import (
	LATER_WORDS,
	check_password,
	kind_of_delay,
	kind_of_refusal,
	plain_credentials,
	secrets_of,
	who_greets,
)
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.connect.wire import AFTER_LOGIN, READING, WAITING_FOR_GREETING, Wire
from dokos_mail.engine.errors import (
	N_,
	BadGreeting,
	CommandRefused,
	ConnectionLost,
	LoginDisabled,
	LoginMethodMissing,
	LoginRefused,
	MailError,
	ProtocolError,
	StartTLSMissing,
	Throttled,
	Words,
	quoted,
)
from dokos_mail.engine.receive.imap import READ_WAITS, ImapSession

# RFC 5530, and what the large providers say when it is not the password.
_LATER_CODES = {"UNAVAILABLE", "LIMIT", "INUSE", "SERVERBUG", "OVERQUOTA", "THROTTLED"}
_REFUSED_CODES = {"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "CONTACTADMIN"}
#: The longest answer with a literal that is taken before login.
_MOST = 64 * 1024

UNREADABLE = Words(N_("it sent something else than the protocol allows."))


def open_imap(settings: ServerSettings) -> ImapSession:
	"""Connect, encrypt, log in. The session is a context manager; leaving it logs out.

	Takes at most ``settings.timeout`` seconds for each of connecting, TLS with greeting, and login. Raises children of
	MailError only.
	"""
	check_password(settings)
	wire = Wire(settings)
	try:
		wire.within(settings.timeout, WAITING_FOR_GREETING)
		greeter = _greet(wire, settings)
		if settings.security == "starttls":
			_start_tls(greeter, wire, settings)
		wire.within(settings.timeout, AFTER_LOGIN)
		if greeter.state != "AUTH":
			_log_in(greeter, settings)
	except MailError:
		wire.close()
		raise
	except imaplib.IMAP4.error as error:
		wire.close()
		raise _protocol_error(error, settings) from None
	except ValueError:
		# imaplib, of octets that are not ASCII, base64 or a number where the protocol wants them.
		wire.close()
		raise ProtocolError(host=settings.host, port=settings.effective_port, detail=UNREADABLE) from None
	wire.without_deadline(settings.timeout * READ_WAITS, READING)
	return ImapSession(wire, greeter.capabilities_after_login())


class _Greeter(imaplib.IMAP4):
	"""imaplib over a Wire: its overridable methods, and no log of what was sent."""

	def __init__(self, wire: Wire) -> None:
		self.wire = wire
		super().__init__(wire.settings.host, wire.settings.effective_port)

	def open(self, host: str = "", port: int = imaplib.IMAP4_PORT, timeout: float | None = None) -> None:
		self.host, self.port, self.sock = host, port, self.wire.socket

	def read(self, size: int) -> bytes:
		return self.wire.read(size, _MOST)

	def readline(self) -> bytes:
		line = self.wire.readline()
		line = line if line.endswith(b"\r\n") else line.rstrip(b"\r\n") + b"\r\n"
		# "A1 OK" without a text is against the grammar, exists, and would be refused by imaplib.
		return re.sub(rb"^(\S+ (?:OK|NO|BAD))\r\n$", rb"\1 \r\n", line)

	def send(self, data: bytes) -> None:
		self.wire.send(data)

	def shutdown(self) -> None:
		self.wire.close()

	def _log(self, line: str) -> None:
		"""imaplib keeps the last lines sent, the login among them. We do not."""

	def _get_capabilities(self) -> None:
		"""Take the capabilities from the greeting or the login's answer where it has them: a round trip less."""
		if not self._told_capabilities():
			super()._get_capabilities()

	def _told_capabilities(self) -> bool:
		told = self.untagged_responses.pop("CAPABILITY", None)
		if told and told[-1]:
			self.capabilities = tuple(told[-1].decode("ascii", "replace").upper().split())
		return bool(told and told[-1])

	def tagged(self, name: str, *arguments: str | bytes) -> tuple[str, bytes]:
		"""Send a command; its answer's status and text, whatever the status."""
		status, data = self._get_tagged_response(self._command(name, *arguments))
		return status, data[-1] or b""

	def capabilities_after_login(self) -> frozenset[str]:
		"""What the server said it can do, at login if it said it there."""
		self._told_capabilities()
		return frozenset(self.capabilities)


def _greet(wire: Wire, settings: ServerSettings) -> _Greeter:
	first = wire.readline()
	said = quoted(first, settings.password)
	where = {"host": settings.host, "port": settings.effective_port}
	if re.match(rb"\* BYE\b", first, re.IGNORECASE):
		raise Throttled(**where, detail=quoted(first[5:], settings.password))
	if not re.match(rb"\* (OK|PREAUTH)\b", first, re.IGNORECASE):
		raise BadGreeting(**where, detail=who_greets(first) or said)
	wire.unread(first)
	try:
		return _Greeter(wire)
	except imaplib.IMAP4.error as error:
		raise _protocol_error(error, settings) from None


def _start_tls(greeter: _Greeter, wire: Wire, settings: ServerSettings) -> None:
	where = {"host": settings.host, "port": settings.effective_port}
	# A connection said to be logged in already (PREAUTH) cannot be encrypted any more: nobody honest does that here.
	if greeter.state == "AUTH" or "STARTTLS" not in greeter.capabilities:
		raise StartTLSMissing(**where)
	status, text = greeter.tagged("STARTTLS")
	if status != "OK":
		raise StartTLSMissing(**where, detail=quoted(text, settings.password))
	wire.upgrade()
	greeter.sock = wire.socket
	# RFC 3501 section 6.2.1: what was said in clear about capabilities is void.
	greeter.untagged_responses.clear()
	greeter._get_capabilities()


def _log_in(greeter: _Greeter, settings: ServerSettings) -> None:
	"""SASL PLAIN in UTF-8 (RFC 4616) where the server has it, otherwise LOGIN (RFC 3501 section 6.2.3)."""
	where = {"host": settings.host, "port": settings.effective_port, "login": settings.login}
	offered = greeter.capabilities
	if "AUTH=PLAIN" in offered:
		status, text = _authenticate_plain(greeter, settings)
		if status == "BAD" and "LOGINDISABLED" not in offered:
			status, text = _login_command(greeter, settings)
	elif "LOGINDISABLED" in offered:
		methods = " ".join(word[5:] for word in offered if word.startswith("AUTH="))
		if greeter.wire.encrypted and methods:
			raise LoginMethodMissing(**where, detail=methods)
		raise LoginDisabled(**where)
	else:
		status, text = _login_command(greeter, settings)
	if status != "OK":
		raise login_error(text, settings)


def _authenticate_plain(greeter: _Greeter, settings: ServerSettings) -> tuple[str, bytes]:
	credentials = plain_credentials(settings)
	if "SASL-IR" in greeter.capabilities:
		return greeter.tagged("AUTHENTICATE", "PLAIN", base64.b64encode(credentials))
	greeter.literal = imaplib._Authenticator(lambda _challenge: credentials).process
	return greeter.tagged("AUTHENTICATE", "PLAIN")


def _login_command(greeter: _Greeter, settings: ServerSettings) -> tuple[str, bytes]:
	login, password = settings.login.encode(), settings.password.encode()
	if not settings.login.isascii():
		raise LoginRefused(
			host=settings.host, login=settings.login, detail=Words(N_("it takes only logins of plain letters, digits and signs."))
		)
	if settings.password.isascii() and not re.search(r"[\r\n\0]", settings.password):
		return greeter.tagged("LOGIN", _quote(login), _quote(password))
	greeter.literal = password
	return greeter.tagged("LOGIN", _quote(login))


def _quote(word: bytes) -> bytes:
	return b'"' + re.sub(rb'([\\"])', rb"\\\1", word) + b'"'


def login_error(text: bytes, settings: ServerSettings) -> MailError:
	"""What a refusal at login means: come back later, no password without encryption, or the password is wrong."""
	where = {"host": settings.host, "port": settings.effective_port, "login": settings.login}
	found = re.match(rb"\s*\[([A-Z-]+)", text, re.IGNORECASE)
	code = found[1].decode("ascii").upper() if found else ""
	detail = quoted(text, *secrets_of(settings))
	if code == "PRIVACYREQUIRED":
		return LoginDisabled(**where)
	if code in _LATER_CODES or (code not in _REFUSED_CODES and LATER_WORDS.search(detail)):
		return kind_of_delay(detail)(**where, detail=detail)
	return kind_of_refusal(detail)(**where, detail=detail or Words(N_("without saying why.")))


def _protocol_error(error: imaplib.IMAP4.error, settings: ServerSettings) -> MailError:
	"""The typed error for one of imaplib's, which are told apart by their text only."""
	where = {"host": settings.host, "port": settings.effective_port, "login": settings.login}
	words = quoted(str(error), *secrets_of(settings))
	if words.startswith("socket error"):
		return ConnectionLost(**where, detail=AFTER_LOGIN)
	if LATER_WORDS.search(words):
		return Throttled(**where, detail=words)
	if isinstance(error, imaplib.IMAP4.abort):
		unexpected = "unexpected" in words
		return ProtocolError(**where, detail=words) if unexpected else ConnectionLost(**where, detail=f"({words})")
	if "not IMAP4" in words:
		return BadGreeting(**where, detail=words)
	return CommandRefused(**where, detail=words)
