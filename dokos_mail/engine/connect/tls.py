"""TLS for every protocol: one verified context, and its failures in words.

Certificates are verified unless ``settings.verify`` is False, which is somebody's visible choice and never a fallback.
"""

from __future__ import annotations

import os
import socket
import ssl
from functools import lru_cache

from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.errors import (
	N_,
	AuthorityFileUnusable,
	CertificateError,
	CertificateExpired,
	CertificateForeign,
	CertificateNotYetValid,
	CertificateUntrusted,
	ConnectionLost,
	MailError,
	Silence,
	TLSFailed,
	Words,
	quoted,
)

# X509_V_ERR_* of OpenSSL's x509_vfy.h; the ssl module has no names for them.
_NOT_YET_VALID = {9}
_EXPIRED = {10}
_OTHER_NAME = {62, 64}
_UNTRUSTED = {18, 19, 20, 21, 27}

#: The system's authorities, where they are one file.
_SYSTEM = ssl.get_default_verify_paths().cafile

DURING_HANDSHAKE = Words(N_("during the TLS handshake."))


def ssl_context(settings: ServerSettings) -> ssl.SSLContext:
	"""The context for this server: the system's authorities and ``ca_file``'s, names checked, TLS 1.2 at least.

	With ``verify`` False any certificate passes, for any name. Raises AuthorityFileUnusable.
	"""
	try:
		return _context(settings.verify, settings.ca_file, _changed(settings.ca_file), _changed(_SYSTEM))
	except (OSError, ssl.SSLError) as error:
		reason = error.strerror or str(error)
		raise AuthorityFileUnusable(host=settings.host, detail=f"{settings.ca_file}: {reason}") from error


@lru_cache(maxsize=8)
def _context(verify: bool, ca_file: str | None, _ca_changed: int, _system_changed: int) -> ssl.SSLContext:
	"""One context for every connection alike: reading the system's authorities takes milliseconds and a megabyte."""
	context = ssl.create_default_context()
	context.minimum_version = ssl.TLSVersion.TLSv1_2
	if not verify:
		context.check_hostname = False
		context.verify_mode = ssl.CERT_NONE
	elif ca_file:
		context.load_verify_locations(cafile=ca_file)
	return context


def _changed(path: str | None) -> int:
	"""When a file was last changed, so that renewed authorities are read again; 0 for none."""
	try:
		return os.stat(path).st_mtime_ns if path else 0
	except OSError:
		return 0


def secure(plain: socket.socket, settings: ServerSettings, seconds: float) -> ssl.SSLSocket:
	"""Shake hands over ``plain``, which belongs to the result afterwards and is closed on an error.

	``seconds`` bound the whole handshake, not each wait in it. Raises children of TLSFailed, Silence, ConnectionLost.
	"""
	plain.settimeout(seconds)
	secured = None
	try:
		context = ssl_context(settings)
		secured = context.wrap_socket(plain, server_hostname=settings.host, do_handshake_on_connect=False)
		secured.do_handshake()
		return secured
	except MailError:
		plain.close()
		raise
	except (OSError, ValueError) as error:
		(secured or plain).close()
		raise handshake_error(error, settings) from error


def handshake_error(error: Exception, settings: ServerSettings) -> MailError:
	"""The typed error for what went wrong in a handshake."""
	where = {"host": settings.host, "port": settings.effective_port}
	if isinstance(error, ssl.SSLCertVerificationError):
		return _certificate_error(error, where)
	if isinstance(error, TimeoutError):
		return Silence(**where, detail=DURING_HANDSHAKE)
	if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
		return ConnectionLost(**where, detail=DURING_HANDSHAKE)
	if isinstance(error, ssl.SSLError):
		return TLSFailed(**where, detail=_reason(error))
	if isinstance(error, OSError):
		return ConnectionLost(**where, detail=DURING_HANDSHAKE)
	return TLSFailed(**where, detail=quoted(str(error)))


def _reason(error: ssl.SSLError) -> str:
	reason = error.reason or ""
	if reason in ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"):
		return Words(N_("what answers there does not speak TLS from the start."))
	if reason in ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"):
		return Words(N_("the server has only versions of TLS that are no longer safe."))
	return quoted(reason.replace("_", " ").lower() or str(error))


def _certificate_error(error: ssl.SSLCertVerificationError, where: dict[str, object]) -> MailError:
	code, detail = error.verify_code, quoted(error.verify_message or "")
	if code in _EXPIRED:
		return CertificateExpired(**where, detail=detail)
	if code in _NOT_YET_VALID:
		return CertificateNotYetValid(**where, detail=detail)
	if code in _OTHER_NAME:
		return CertificateForeign(**where, detail=detail)
	if code in _UNTRUSTED:
		return CertificateUntrusted(**where, detail=detail)
	return CertificateError(**where, detail=detail)
