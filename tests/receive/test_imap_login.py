"""Each thing that can go wrong before the mail: its own error, its own words, in time, and no secret in any of them."""

from __future__ import annotations

import logging
import traceback
from time import monotonic

import pytest

from dokos_mail.engine import errors
from dokos_mail.engine.connect.imap import open_imap
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.errors import MailError
from mail_servers.certificates import Certificates
from mail_servers.dovecot import Dovecot
from mail_servers.faults import Drips, Faults, FaultyImap, Says, Silent
from mail_servers.server import free_port
from tests.receive.boxes import Box, to_faulty

SECRET = "s3cret-word"


def fails(settings: ServerSettings, kind: type[MailError], within: float = 15) -> MailError:
	"""Opening fails in this way, in that many seconds at most, and nothing of the password shows."""
	started = monotonic()
	with pytest.raises(MailError) as caught:
		open_imap(settings).close()
	assert monotonic() - started < within
	error = caught.value
	assert type(error) is kind
	shown = str(error) + error.advice() + repr(error) + repr(error.params) + "".join(traceback.format_exception(error))
	if settings.password:
		assert settings.password not in shown
	assert any(word in str(error) for word in (settings.host, settings.login, "certificate authorities"))
	return error


def test_wrong_password(box: Box) -> None:
	error = fails(box.settings(password="pas le bon"), errors.LoginRefused)
	assert box.user in str(error)
	assert "app password" in error.advice()
	assert not error.retry


def test_unknown_user(box: Box) -> None:
	fails(box.settings(login="nobody@masociete.test"), errors.LoginRefused)


def test_wrong_host(box: Box) -> None:
	# Where there is no DNS at all, a name cannot be told from one that does not exist.
	with pytest.raises((errors.HostNotFound, errors.NameServiceFailed), match=r"imap\.masociete\.invalid"):
		box.open(host="imap.masociete.invalid")


def test_wrong_port(box: Box) -> None:
	port = free_port()
	assert str(port) in str(fails(box.settings(port=port), errors.ConnectionRefused))


@pytest.mark.parametrize(
	("certificate", "kind"),
	[
		("expired", errors.CertificateExpired),
		("early", errors.CertificateNotYetValid),
		("other_name", errors.CertificateForeign),
		("foreign", errors.CertificateUntrusted),
	],
)
def test_certificates(
	tmp_path_factory: pytest.TempPathFactory, certificates: Certificates, certificate: str, kind: type[MailError]
) -> None:
	"""T14: on implicit TLS and on STARTTLS alike; the password is not sent; switching it off is a choice that works."""
	folder = tmp_path_factory.mktemp("badtls")
	with Dovecot(folder, {"a@b.test": SECRET}, certificate=certificate, certificates=certificates) as server:
		box = Box(server, "a@b.test", SECRET)
		fails(box.settings(), kind)
		fails(box.settings(security="starttls", port=server.ports["imap"]), kind)
		assert "Login" not in server.log_tail(1000)
		box.open(verify=False).close()
		box.open(verify=False, security="starttls", port=server.ports["imap"]).close()


def test_a_private_authority_is_needed_and_enough(box: Box) -> None:
	fails(box.settings(ca_file=None), errors.CertificateUntrusted)
	fails(box.settings(ca_file="/nowhere/authority.pem"), errors.AuthorityFileUnusable)
	fails(box.settings(ca_file=__file__), errors.AuthorityFileUnusable)
	box.open().close()


def test_tls_where_there_is_none(box: Box) -> None:
	error = fails(box.settings(port=box.server.ports["imap"]), errors.TLSFailed)
	assert "STARTTLS" in error.advice()


def test_no_tls_where_it_is_expected(box: Box) -> None:
	"""The server waits for us to begin, we wait for its greeting: silence, and the words say why it may be."""
	error = fails(box.settings(security="plain", port=box.server.ports["imaps"], timeout=1), errors.Silence)
	assert "993" in error.advice()


@pytest.mark.parametrize(("port", "words"), [("pop3", "POP3"), ("lmtp", "SMTP")])
def test_another_protocol(box: Box, port: str, words: str) -> None:
	error = fails(box.settings(security="plain", port=box.server.ports[port]), errors.BadGreeting)
	assert words in str(error)


@pytest.mark.parametrize("security", ["plain", "tls"])
def test_a_server_that_says_nothing(security: str) -> None:
	with Silent() as server:
		error = fails(to_faulty(server, security=security, timeout=1), errors.Silence, within=3)
	assert error.retry


def test_the_usual_timeout_keeps_the_promise(box: Box) -> None:
	assert box.settings().timeout <= 15


@pytest.mark.parametrize("text", [b"* OK IMAP4rev1 ready ", b"* ", b"\r\n"])
@pytest.mark.parametrize("security", ["plain", "tls"])
def test_a_server_that_drips(text: bytes, security: str) -> None:
	"""An octet now and then resets the clock of a single wait; the greeting as a whole has its own."""
	with Drips(text, 0.05) as server:
		with pytest.raises(MailError) as caught:
			open_imap(to_faulty(server, security=security, timeout=1))
	assert isinstance(caught.value, errors.Silence | errors.TLSFailed | errors.BadGreeting)


def test_a_login_that_drips() -> None:
	with FaultyImap(
		faults=Faults(before={"AUTHENTICATE": [b"* OK thinking"] * 3}, silent_at=frozenset({"AUTHENTICATE"}))
	) as server:
		error = fails(to_faulty(server, timeout=1), errors.Silence, within=4)
	assert "login" in str(error)


@pytest.mark.parametrize(
	("greeting", "kind"),
	[
		(b"hello?\r\n", errors.BadGreeting),
		(b"\r\n", errors.BadGreeting),
		(b"HTTP/1.1 400 Bad Request\r\n", errors.BadGreeting),
		(b"220 smtp.test ESMTP\r\n", errors.BadGreeting),
		(b"+OK ready\r\n", errors.BadGreeting),
		(b"\x00\xff\x80\r\n", errors.BadGreeting),
		(b"* BYE [UNAVAILABLE] come back later\r\n", errors.Throttled),
		(b"* BYE Too many connections\r\n", errors.Throttled),
		(b"", errors.ConnectionLost),
		(b"* OK without a line end", errors.ConnectionLost),
		(b"x" * 100_000, errors.ProtocolError),
		(b"* OK ready\r\n", errors.ConnectionLost),
		(b"* OK ready\r\nwhat is this\r\n", errors.ProtocolError),
		(b"* OK [CAPABILITY POP9] ready\r\n", errors.BadGreeting),
	],
)
def test_greetings(greeting: bytes, kind: type[MailError]) -> None:
	with Says(greeting) as server:
		fails(to_faulty(server), kind)


@pytest.mark.parametrize(
	("answer", "kind"),
	[
		(b"NO [AUTHENTICATIONFAILED] Authentication failed", errors.LoginRefused),
		(b"NO [AUTHENTICATIONFAILED] try again with an app password", errors.AppPasswordNeeded),
		(b"NO [ALERT] Application-specific password required: https://support.google.com (Failure)", errors.AppPasswordNeeded),
		(b"NO [ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page", errors.AccessSwitchedOff),
		(b"NO [ALERT] IMAP access is disabled for your domain.", errors.AccessSwitchedOff),
		(b"NO You are yet to enable IMAP for your account. Please contact your administrator", errors.AccessSwitchedOff),
		(b"NO [AUTHENTICATIONFAILED] LOGIN invalid credentials or IMAP is disabled", errors.LoginRefused),
		(b"NO IMAP login failed: wrong password", errors.LoginRefused),
		(b"NO IMAP access temporarily disabled", errors.Throttled),
		(b"NO LOGIN failed: BasicAuthBlocked", errors.PasswordsNotTaken),
		(b"NO [EXPIRED] password too old", errors.LoginRefused),
		(b"NO", errors.LoginRefused),
		(b"NO invalid user or password " + SECRET.encode(), errors.LoginRefused),
		(b"NO [UNAVAILABLE] Temporary authentication failure", errors.Throttled),
		(b"NO [LIMIT] Rate limit hit", errors.Throttled),
		(b"NO [ALERT] Too many simultaneous connections. (Failure)", errors.Throttled),
		(b"NO [INUSE] mailbox in use", errors.Throttled),
		(b"NO [OVERQUOTA] Account exceeded command or bandwidth limits", errors.Throttled),
		(b"NO User is authenticated but not connected.", errors.MailboxNotConnected),
		(b"NO [PRIVACYREQUIRED] Plaintext authentication disallowed", errors.LoginDisabled),
	],
)
@pytest.mark.parametrize("capabilities", ["IMAP4rev1 SASL-IR AUTH=PLAIN", "IMAP4rev1 AUTH=PLAIN", "IMAP4rev1"])
def test_refusals_are_told_apart(answer: bytes, kind: type[MailError], capabilities: str) -> None:
	with FaultyImap(faults=Faults(answers={"AUTHENTICATE": answer, "LOGIN": answer}), capabilities=capabilities) as server:
		fails(to_faulty(server, password=SECRET), kind)


def test_a_mailbox_that_stays_closed_after_the_login() -> None:
	"""Microsoft 365 lets anybody in, and opens no folder where IMAP access is switched off."""
	refusal = b"BAD User is authenticated but not connected."
	with FaultyImap(faults=Faults(answers={"EXAMINE": refusal, "LIST": refusal})) as server:
		with open_imap(to_faulty(server)) as session, pytest.raises(errors.MailboxNotConnected) as caught:
			session.select("INBOX")
	assert caught.value.retry and "IMAP access is switched on" in caught.value.advice()


@pytest.mark.parametrize(
	("text", "kind"),
	[(b"[UNAVAILABLE] Too many connections", errors.Throttled), (b"Autologout " + SECRET.encode(), errors.ConnectionLost)],
)
def test_goodbye_at_login(text: bytes, kind: type[MailError]) -> None:
	with FaultyImap(faults=Faults(bye_at={"AUTHENTICATE": text})) as server:
		fails(to_faulty(server, password=SECRET), kind)


def test_a_cut_at_login() -> None:
	with FaultyImap(faults=Faults(close_at=frozenset({"AUTHENTICATE"}))) as server:
		fails(to_faulty(server), errors.ConnectionLost)


def test_login_is_not_offered_without_encryption(box: Box) -> None:
	with FaultyImap(capabilities="IMAP4rev1 STARTTLS LOGINDISABLED") as server:
		error = fails(to_faulty(server), errors.LoginDisabled)
		assert "STARTTLS" in error.advice()
		assert not any(b"LOGIN" in line or b"AUTH" in line for line in server.commands)


def test_a_server_with_other_methods_only(certificates: Certificates) -> None:
	faulty = FaultyImap(
		capabilities="IMAP4rev1 STARTTLS LOGINDISABLED AUTH=XOAUTH2", certificate=certificates.good.server_context()
	)
	with faulty as server:
		settings = to_faulty(server, security="starttls", ca_file=str(certificates.authority))
		assert "XOAUTH2" in str(fails(settings, errors.LoginMethodMissing))


def test_starttls_is_insisted_on() -> None:
	with FaultyImap() as server:
		fails(to_faulty(server, security="starttls"), errors.StartTLSMissing)
		assert not any(b"AUTH" in line for line in server.commands)
	with FaultyImap(greeting=b"* PREAUTH welcome", capabilities="IMAP4rev1 STARTTLS") as server:
		fails(to_faulty(server, security="starttls"), errors.StartTLSMissing)
	with FaultyImap(capabilities="IMAP4rev1 STARTTLS", faults=Faults(answers={"STARTTLS": b"BAD no"})) as server:
		fails(to_faulty(server, security="starttls"), errors.StartTLSMissing)


def test_what_is_said_before_the_encryption_is_not_believed() -> None:
	"""A man in the middle appends an answer to the server's consent, to be read as if it came encrypted."""
	answer = b"OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nX OK"
	with FaultyImap(capabilities="IMAP4rev1 STARTTLS", faults=Faults(answers={"STARTTLS": answer})) as server:
		fails(to_faulty(server, security="starttls"), errors.ProtocolError)


def test_no_password() -> None:
	fails(ServerSettings("mail.test", login="me", password=""), errors.PasswordMissing)


def test_a_password_outside_ascii(box: Box) -> None:
	"""A4: UTF-8 over SASL PLAIN, or refused in words when the account insists on ASCII."""
	for password in ("pässwörd: “é” ☃", 'quo"te\\d', " spaces "):
		box.server.add_user(box.user, password)
		box.open(password=password).close()
	error = fails(box.settings(password="pässwörd", ascii_password=True), errors.PasswordNotASCII)
	assert "ASCII" in error.advice()
	box.server.add_user(box.user, "plain")
	box.open(password="plain", ascii_password=True).close()


@pytest.mark.parametrize(
	("password", "sent"),
	[
		("simple", rb'LOGIN "me" "simple"'),
		('a"b\\c', rb'LOGIN "me" "a\"b\\c"'),
		("héhé", 'LOGIN "me" héhé'.encode()),
	],
)
def test_login_without_sasl(password: str, sent: bytes) -> None:
	with FaultyImap(capabilities="IMAP4rev1") as server:
		open_imap(to_faulty(server, password=password)).close()
		assert any(line.endswith(sent) for line in server.commands), server.commands


def test_plain_without_an_initial_response() -> None:
	with FaultyImap(capabilities="IMAP4rev1 AUTH=PLAIN") as server:
		open_imap(to_faulty(server)).close()
		assert server.commands[-2] == b"AG1lAHMzY3JldC13b3Jk"


def test_plain_that_is_offered_and_not_understood() -> None:
	with FaultyImap(faults=Faults(answers={"AUTHENTICATE": b"BAD unknown"})) as server:
		open_imap(to_faulty(server)).close()
		assert any(b"LOGIN" in line for line in server.commands)


def test_an_answer_without_text_is_an_answer() -> None:
	with FaultyImap(faults=Faults(answers={"AUTHENTICATE": b"OK"})) as server:
		open_imap(to_faulty(server)).close()


def test_preauth_needs_no_login() -> None:
	with FaultyImap(greeting=b"* PREAUTH welcome") as server:
		with open_imap(to_faulty(server)) as session:
			assert session.select("INBOX").exists == 0


def test_round_trips_are_saved_where_the_server_allows(box: Box) -> None:
	with FaultyImap(greeting=b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello") as server:
		open_imap(to_faulty(server)).close()
		assert len(server.commands) == 2, "a login and a logout"


def test_nothing_is_logged_or_kept(box: Box, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
	caplog.set_level(logging.DEBUG)
	settings = box.settings()
	with open_imap(settings) as session:
		assert box.password not in repr(session.__dict__) + repr(session.wire.__dict__)
	output = capfd.readouterr()
	assert box.password not in caplog.text + output.out + output.err + repr(settings)
