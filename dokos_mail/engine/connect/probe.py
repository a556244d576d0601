"""Whether a server's certificate verifies, found out without a login and without a word about mail.

For accounts that a host read or sent through before this app, without verifying anything: one that verifies can be
verified from now on, at no cost; one that does not must go on as it did, until somebody decides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.connect.smtp import introduce
from dokos_mail.engine.connect.wire import WAITING_FOR_GREETING, Wire
from dokos_mail.engine.errors import CertificateError, MailError, StartTLSMissing

#: What IMAP and POP3 are told to begin encryption, how the answer begins that says yes, and the line that ends it.
_STARTTLS = {"imap": (b"T1 STARTTLS\r\n", b"T1 OK", b"T1 "), "pop3": (b"STLS\r\n", b"+OK", b"")}
#: Lines of any answer before that one.
_MOST_LINES = 50

Decision = Literal["verify", "keep", "again"]


def probe(settings: ServerSettings) -> MailError | None:
	"""Connect and shake hands, verifying. None when the certificate verifies; otherwise what is in the way.

	Only for a connection that is encrypted. Takes at most ``settings.timeout`` seconds for each of connecting, the
	words before the encryption, and the handshake.
	"""
	settings = replace(settings, login="", password="", access_token="", verify=True)
	try:
		wire = Wire(settings)
	except MailError as error:
		return error
	try:
		if settings.security == "starttls":
			_start_tls(wire, settings)
	except MailError as error:
		return error
	finally:
		wire.close()
	return None


def decide(found: MailError | None) -> Decision:
	"""What follows: ``verify`` from now on, ``keep`` as it was and say why, or ask ``again`` since it could not be seen."""
	if found is None:
		return "verify"
	return "keep" if isinstance(found, CertificateError) else "again"


def _start_tls(wire: Wire, settings: ServerSettings) -> None:
	if settings.protocol == "smtp":
		introduce(wire, settings)
		return
	command, agreed, last = _STARTTLS[settings.protocol]
	wire.within(settings.timeout, WAITING_FOR_GREETING)
	wire.readline()
	wire.send(command)
	lines = (wire.readline() for _each in range(_MOST_LINES))
	answer = next((line for line in lines if line.upper().startswith(last)), b"")
	if not answer.upper().startswith(agreed):
		raise StartTLSMissing(host=settings.host, port=settings.effective_port)
	wire.upgrade()
