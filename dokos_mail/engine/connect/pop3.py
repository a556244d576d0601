"""From settings to a POP3 session that is logged in (RFC 1939, 2449 CAPA, 2595 STLS, 5034 AUTH).

No error but children of MailError reaches the caller, and none holds a password, or the words of a server that repeats
one.
"""

from __future__ import annotations

import base64
import re

from dokos_mail.engine.connect.login import check_password, kind_of_refusal, plain_credentials, secrets_of, who_greets
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.connect.wire import AFTER_LOGIN, READING, SHORT_LINE, WAITING_FOR_GREETING, Wire
from dokos_mail.engine.errors import (
	N_,
	BadGreeting,
	LoginDisabled,
	LoginMethodMissing,
	LoginRefused,
	MailError,
	StartTLSMissing,
	Throttled,
	Words,
	quoted,
)
from dokos_mail.engine.receive.pop3 import Pop3Session, Status, refusal

#: Once logged in, servers may think for this many times ``settings.timeout`` seconds (opening a huge mailbox).
READ_WAITS = 1.8
#: No server has more capabilities than this.
MOST_CAPABILITIES = 200
_ENCRYPT_WORDS = re.compile(r"plain ?text|encrypt|secure|\btls\b|\bssl\b|stls", re.IGNORECASE)


def open_pop3(settings: ServerSettings) -> Pop3Session:
	"""Connect, encrypt, log in. The session is a context manager; leaving it changes nothing in the mailbox.

	Takes at most ``settings.timeout`` seconds for each of connecting, TLS with greeting, and login. Raises children of
	MailError only.
	"""
	check_password(settings)
	wire = Wire(settings)
	try:
		wire.within(settings.timeout, WAITING_FOR_GREETING)
		_greet(wire, settings)
		session = Pop3Session(wire, _capabilities(wire))
		if settings.security == "starttls":
			_start_tls(session)
		wire.within(settings.timeout * READ_WAITS, AFTER_LOGIN)
		_log_in(session)
	except MailError:
		wire.close()
		raise
	wire.without_deadline(settings.timeout * READ_WAITS, READING, SHORT_LINE)
	return session


def _greet(wire: Wire, settings: ServerSettings) -> None:
	line = wire.readline()
	status = Status(line.rstrip(b"\r\n"))
	where = {"host": settings.host, "port": settings.effective_port}
	if not status.understood:
		raise BadGreeting(**where, detail=who_greets(line) or quoted(line, settings.password))
	if not status.ok:
		# A server that has reasons not to serve anybody now.
		raise refusal(settings, status) or Throttled(**where, detail=quoted(status.text, settings.password))


def _capabilities(wire: Wire) -> dict[str, list[str]]:
	"""What CAPA tells, by name in capitals. Empty for a server that does not know CAPA."""
	wire.send(b"CAPA\r\n")
	if not Status(wire.readline().rstrip(b"\r\n")).ok:
		return {}
	told: dict[str, list[str]] = {}
	while (line := wire.readline().rstrip(b"\r\n")) != b"." and len(told) < MOST_CAPABILITIES:
		name, *words = line.decode("ascii", "replace").upper().split() or [""]
		told[name] = words
	return told


def _start_tls(session: Pop3Session) -> None:
	wire, settings = session.wire, session.settings
	where = {"host": settings.host, "port": settings.effective_port}
	if session.capabilities and "STLS" not in session.capabilities:
		raise StartTLSMissing(**where)
	session.send([b"STLS"])
	status = session.status()
	if not status.ok:
		raise refusal(settings, status) or StartTLSMissing(**where, detail=quoted(status.text, settings.password))
	wire.upgrade()
	# RFC 2595 section 4: what was said in clear about capabilities is void.
	session.capabilities = _capabilities(wire)
	session.pipelining = "PIPELINING" in session.capabilities


def _log_in(session: Pop3Session) -> None:
	"""SASL PLAIN where the server has it, otherwise USER and PASS. The password is sent once, in UTF-8.

	A server that refuses the method before the password was sent is asked the other way; one that refuses the password
	is not, since failed logins are counted.
	"""
	mechanisms = session.capabilities.get("SASL", [])
	if "PLAIN" in mechanisms:
		session.send([b"AUTH PLAIN"])
		line = session.wire.readline().rstrip(b"\r\n")
		if line[:1] == b"+" and not line.upper().startswith(b"+OK"):
			session.send([base64.b64encode(plain_credentials(session.settings))])
			_accepted(session, session.status())
			return
		if error := refusal(session.settings, Status(line)):
			raise error
	elif mechanisms and "USER" not in session.capabilities and session.wire.encrypted:
		settings = session.settings
		raise LoginMethodMissing(host=settings.host, port=settings.effective_port, detail=", ".join(mechanisms))
	_user_and_pass(session)


def _user_and_pass(session: Pop3Session) -> None:
	settings = session.settings
	if re.search(r"[\r\n\0]", settings.login + settings.password):
		unsaid = Words(N_("POP3 cannot send a login or password with a line break in it."))
		raise LoginRefused(host=settings.host, port=settings.effective_port, login=settings.login, detail=unsaid)
	for command in (b"USER " + settings.login.encode(), b"PASS " + settings.password.encode()):
		session.send([command])
		_accepted(session, session.status())


def _accepted(session: Pop3Session, status: Status) -> None:
	if status.ok:
		return
	settings = session.settings
	where = {"host": settings.host, "port": settings.effective_port, "login": settings.login}
	words = quoted(status.text, *secrets_of(settings))
	if not session.wire.encrypted and status.code != "AUTH" and _ENCRYPT_WORDS.search(words):
		raise LoginDisabled(**where)
	kind = kind_of_refusal(words)
	# Gmail says SYS/PERM of a mailbox at which programs are not let: it is in good order.
	switched_off = status.code == "SYS/PERM" and kind is not LoginRefused
	if status.code != "AUTH" and not switched_off and (error := refusal(settings, status)):
		raise error
	raise kind(**where, detail=words or Words(N_("without saying why.")))
