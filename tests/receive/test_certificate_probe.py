"""A server's certificate is looked at without a login, for every protocol and kind of encryption."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dokos_mail.engine.connect.probe import decide, probe
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.errors import (
	CertificateError,
	CertificateExpired,
	CertificateForeign,
	CertificateUntrusted,
	ConnectionRefused,
	HostNotFound,
	Silence,
	StartTLSMissing,
	TLSFailed,
)
from mail_servers.certificates import Certificates
from mail_servers.dovecot import Dovecot
from mail_servers.relay import Relay
from mail_servers.server import free_port

WAYS = (("imap", "tls"), ("imap", "starttls"), ("pop3", "tls"), ("pop3", "starttls"), ("smtp", "starttls"))


def settings(server: Dovecot | Relay, protocol: str, security: str, **others: object) -> ServerSettings:
	if protocol == "smtp":
		port = server.port
	else:
		port = server.ports[protocol + ("s" if security == "tls" else "")]
	return ServerSettings(server.host, "somebody", "secret", port, security, protocol, **others)


@pytest.fixture(scope="module")
def relay(dovecot: Dovecot, certificates: Certificates) -> Iterator[Relay]:
	relay = Relay(dovecot, certificates=certificates, users={"somebody": "secret"}, auth_required=True)
	relay.start()
	yield relay
	relay.stop()


@pytest.mark.parametrize(("protocol", "security"), WAYS)
def test_what_verifies(dovecot: Dovecot, relay: Relay, certificates: Certificates, protocol: str, security: str) -> None:
	server = relay if protocol == "smtp" else dovecot
	# not verified so far, which is why it is looked at
	asked = settings(server, protocol, security, verify=False, ca_file=str(certificates.authority))
	assert probe(asked) is None
	found = probe(settings(server, protocol, security, verify=False))
	assert isinstance(found, CertificateUntrusted) and "secret" not in str(found)


@pytest.mark.parametrize(("kind", "error"), [("expired", CertificateExpired), ("other_name", CertificateForeign)])
def test_what_does_not(tmp_path: Path, certificates: Certificates, kind: str, error: type) -> None:
	with Dovecot(tmp_path, certificates=certificates, certificate=kind) as server:
		for protocol, security in WAYS[:4]:
			found = probe(settings(server, protocol, security, ca_file=str(certificates.authority)))
			assert type(found) is error


def test_what_cannot_be_seen(tmp_path: Path) -> None:
	with Dovecot(tmp_path, tls=False) as server:
		for protocol in ("imap", "pop3"):
			assert isinstance(probe(settings(server, protocol, "starttls")), StartTLSMissing)
	for protocol in ("imap", "pop3", "smtp"):
		for security in ("tls", "starttls"):
			gone = ServerSettings("127.0.0.1", port=free_port(), security=security, protocol=protocol)
			assert isinstance(probe(gone), ConnectionRefused)


@pytest.mark.parametrize("protocol", ["imap", "pop3", "smtp"])
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_server_that_says_nothing(protocol: str, security: str) -> None:
	with socket.create_server(("127.0.0.1", 0)) as server:
		asked = ServerSettings("127.0.0.1", port=server.getsockname()[1], security=security, protocol=protocol, timeout=0.3)
		assert isinstance(probe(asked), Silence)


def test_the_decision() -> None:
	assert decide(None) == "verify"
	for error in (CertificateError, CertificateExpired, CertificateForeign, CertificateUntrusted):
		assert decide(error(host="x")) == "keep"
	for error in (ConnectionRefused, HostNotFound, Silence, StartTLSMissing, TLSFailed):
		assert decide(error(host="x", port=1)) == "again"
