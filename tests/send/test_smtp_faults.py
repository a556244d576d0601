"""SMTP against a server that goes wrong at a chosen step, and what the wire carries when it does not."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterator
from time import monotonic

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dokos_mail.engine import errors
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.send import smtp as smtp_module
from dokos_mail.engine.send.addresses import Mailbox
from dokos_mail.engine.send.courier import Courier
from dokos_mail.engine.send.smtp import open_smtp
from mail_servers import smtp_faults
from mail_servers.certificates import Certificates
from mail_servers.faults import Drips, Says, Silent
from mail_servers.smtp_faults import AFTER_END, CLOSE, DRIP, END, RESET, SILENCE, FaultySmtp, SmtpFaults

MESSAGE = b"From: a@site.test\r\nTo: b@there.test\r\nSubject: x\r\n\r\nBonjour.\r\n"
SECRET = "mot de passe, \xe8 vero"


def settings(server: object, **values: object) -> ServerSettings:
	return ServerSettings(
		**({"host": "127.0.0.1", "port": server.port, "security": "plain", "protocol": "smtp", "timeout": 1.0} | values)
	)


@pytest.fixture
def smtp() -> Iterator[Callable[..., FaultySmtp]]:
	running: list[FaultySmtp] = []

	def start(faults: SmtpFaults | None = None, **options: object) -> FaultySmtp:
		server = FaultySmtp(faults, **options)
		running.append(server.__enter__())
		return server

	yield start
	for server in running:
		server.__exit__()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
	return Certificates(tmp_path_factory.mktemp("tls"))


def test_each_recipient_has_its_answer(smtp: Callable[..., FaultySmtp]) -> None:
	answers = {"RCPT bad@there.test": b"550 5.1.1 no such user", "RCPT later@there.test": b"450 4.2.1 mailbox busy"}
	server = smtp(SmtpFaults(answers))
	with open_smtp(settings(server)) as session:
		found = session.send("a@site.test", ["bad@there.test", "b@there.test", "later@there.test", "c@there.test"], MESSAGE)
	assert [(each.accepted, each.code, each.enhanced, each.stage) for each in found] == [
		(False, 550, "5.1.1", "rcpt"),
		(True, 250, "2.0.0", "end"),
		(False, 450, "4.2.1", "rcpt"),
		(True, 250, "2.0.0", "end"),
	]
	assert found[0].text == "no such user"
	assert found[1].text == "taken as number 1"
	assert server.accepted[0].recipients == ("b@there.test", "c@there.test")
	assert server.accepted[0].raw == MESSAGE


@pytest.mark.parametrize("pipelining", [True, False])
def test_all_recipients_refused_sends_no_data(smtp: Callable[..., FaultySmtp], pipelining: bool) -> None:
	server = smtp(SmtpFaults({"RCPT": b"550 5.1.1 no"}), extensions=["PIPELINING"] if pipelining else [])
	with open_smtp(settings(server)) as session:
		first = session.send("a@site.test", ["b@there.test"], MESSAGE)
		server.faults = SmtpFaults()
		second = session.send("a@site.test", ["b@there.test"], MESSAGE)
	assert (first[0].accepted, second[0].accepted) == (False, True)
	assert [line.split(b" ")[0] for line in server.commands] == [
		b"EHLO", b"MAIL", b"RCPT", b"RSET", b"MAIL", b"RCPT", b"DATA", b"QUIT",
	]  # fmt: skip


def test_pipelining_takes_three_round_trips(smtp: Callable[..., FaultySmtp]) -> None:
	server = smtp()
	recipients = [f"r{number}@there.test" for number in range(130)]
	with open_smtp(settings(server)) as session:
		found = session.send("a@site.test", recipients, MESSAGE)
		assert [each.recipient for each in found] == recipients
		assert all(each.accepted for each in found)
	assert server.accepted[0].recipients == tuple(recipients)


def test_recipients_beyond_the_servers_number_follow(smtp: Callable[..., FaultySmtp]) -> None:
	server = smtp(SmtpFaults({f"RCPT r{number}@there.test": b"452 4.5.3 too many recipients" for number in (2, 3)}, once=True))
	with open_smtp(settings(server)) as session:
		found = session.send("a@site.test", [f"r{number}@there.test" for number in range(4)], MESSAGE)
	assert all(each.accepted for each in found)
	assert [each.recipients for each in server.accepted] == [
		("r0@there.test", "r1@there.test"),
		("r2@there.test", "r3@there.test"),
	]


# What goes on the wire

TEXTS = st.lists(
	st.sampled_from([b".", b"..", b".\r\n", b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"a", b"MAIL FROM:<x@y>\r\n", b"\r", b"\n", b"\r\r\n"]),
	max_size=12,
).map(b"".join)  # fmt: skip


@given(TEXTS)
@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_text_ends_the_message_early(smuggling: tuple[FaultySmtp, Courier], text: bytes) -> None:
	server, courier = smuggling
	before = len(server.accepted)
	message = MESSAGE + text
	found = courier.send("a@site.test", ["b@there.test"], message)
	assert found[0].accepted
	assert len(server.accepted) == before + 1
	wire = server.raw[-1]
	assert b"\n" not in wire.replace(b"\r\n", b"")
	assert b"\r" not in wire.replace(b"\r\n", b"")
	# Nothing is lost but the difference of line ends.
	plain = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
	expected = plain if plain.endswith(b"\n") else plain + b"\n"
	assert server.accepted[-1].raw.replace(b"\r\n", b"\n") == expected


@pytest.fixture(scope="module")
def smuggling() -> Iterator[tuple[FaultySmtp, Courier]]:
	with FaultySmtp() as server:
		courier = Courier(settings(server))
		yield server, courier
		courier.quit()


@pytest.mark.parametrize(
	"address",
	["a@b.test>\r\nRCPT TO:<c@d.test", "a@b.test\nDATA", "a b@c.test", "<a@b.test>", "a", "@b.test", "a@", "", "a@b.test> SIZE=1", "a,b@c.test"],
)  # fmt: skip
def test_no_address_adds_a_command(smtp: Callable[..., FaultySmtp], address: str) -> None:
	server = smtp()
	with open_smtp(settings(server)) as session:
		found = session.send("a@site.test", [address, "b@there.test"], MESSAGE)
		assert isinstance(found[0].error, errors.AddressUnusable)
		assert found[1].accepted
		if address:
			found = session.send(address, ["b@there.test"], MESSAGE)
			assert isinstance(found[0].error, errors.AddressUnusable)
	assert [each.recipients for each in server.accepted] == [("b@there.test",)]


def test_size_is_respected_before_sending(smtp: Callable[..., FaultySmtp]) -> None:
	server = smtp(extensions=["SIZE 1000"])
	with open_smtp(settings(server)) as session:
		found = session.send("a@site.test", ["b@there.test"], MESSAGE + b"x" * 1000)
		assert isinstance(found[0].error, errors.MessageTooLarge)
		assert found[0].stage == "size"
		assert session.send("a@site.test", ["b@there.test"], MESSAGE)[0].accepted
	assert server.commands[1] == b"MAIL FROM:<a@site.test> SIZE=%d" % len(MESSAGE)


def test_eight_bits_only_where_the_server_takes_them(smtp: Callable[..., FaultySmtp]) -> None:
	text = (
		"From: a@site.test\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: 8bit\r\n\r\nÉtÉ\r\n"
	).encode()
	able, unable = smtp(), smtp(extensions=[])
	with open_smtp(settings(able)) as session:
		session.send("a@site.test", ["b@there.test"], text)
	with open_smtp(settings(unable)) as session:
		assert session.send("a@site.test", ["b@there.test"], text)[0].accepted
	assert b"BODY=8BITMIME" in able.commands[1]
	assert able.accepted[0].raw == text
	assert unable.accepted[0].raw.isascii()
	from email import message_from_bytes, policy

	assert message_from_bytes(unable.accepted[0].raw, policy=policy.default).get_content().strip() == "ÉtÉ"


def test_only_what_a_server_offers_is_asked_of_it(smtp: Callable[..., FaultySmtp], monkeypatch: pytest.MonkeyPatch) -> None:
	"""RFC 5321 section 2.2.1; commands come one by one where it does not say that it takes several (RFC 2920)."""
	answer = smtp_faults._Conversation.answer
	ahead: list[bytes] = []

	def looks(self: object, step: str, *words: object) -> bytes:
		ahead.append(self.buffer)
		return answer(self, step, *words)

	monkeypatch.setattr(smtp_faults._Conversation, "answer", looks)
	server = smtp(extensions=[])
	with open_smtp(settings(server)) as session:
		found = session.send("a@site.test", ["b@there.test", "c@there.test"], MESSAGE, envid="row")
	assert all(each.accepted for each in found)
	assert server.commands[1:4] == [b"MAIL FROM:<a@site.test>", b"RCPT TO:<b@there.test>", b"RCPT TO:<c@there.test>"]
	assert set(ahead) == {b""}


def test_other_letters_are_asked_for_where_there_are_some(smtp: Callable[..., FaultySmtp]) -> None:
	"""A server further on may know no SMTPUTF8 and would send the message back (RFC 6531 section 3.2)."""
	server = smtp()
	with open_smtp(settings(server)) as session:
		session.send("a@site.test", ["b@exämple.test"], MESSAGE)
		session.send("a@site.test", ["b@there.test"], MESSAGE.replace(b"Subject: x", "Subject: é".encode()))
	one, other = (line for line in server.commands if line.startswith(b"MAIL"))
	assert b"SMTPUTF8" not in one and b"SMTPUTF8" in other


def test_addresses_in_other_letters(smtp: Callable[..., FaultySmtp]) -> None:
	able, unable = smtp(), smtp(extensions=[])
	with open_smtp(settings(able)) as session:
		found = session.send("zoé@site.test", ["hélène@exämple.test", "b@exämple.test"], MESSAGE)
		assert all(each.accepted for each in found)
	assert b" SMTPUTF8" in able.commands[1]
	with open_smtp(settings(unable)) as session:
		found = session.send("a@site.test", ["hélène@exämple.test", "b@exämple.test"], MESSAGE)
	assert isinstance(found[0].error, errors.AddressNeedsSMTPUTF8)
	assert found[1].accepted
	assert unable.accepted[0].recipients == ("b@xn--exmple-cua.test",)


def test_a_domain_is_the_same_in_the_envelope_and_in_the_header(smtp: Callable[..., FaultySmtp]) -> None:
	"""Python's own codec makes another domain of this one, which belongs to other people (IDNA 2003)."""
	server = smtp()
	with open_smtp(settings(server)) as session:
		session.send("a@site.test", ["b@straße.test"], MESSAGE)
	assert server.accepted[0].recipients == (Mailbox("", "b@straße.test").wire,) == ("b@xn--strae-oqa.test",)


def test_delivery_reports_are_asked_for(smtp: Callable[..., FaultySmtp]) -> None:
	server = smtp()
	with open_smtp(settings(server)) as session:
		session.send("a@site.test", ["b+c@there.test"], MESSAGE, envid="row=1+é")
	assert server.commands[1].endswith(b" RET=HDRS ENVID=row+3D1+2B+C3+A9")
	assert server.commands[2] == b"RCPT TO:<b+c@there.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;b+2Bc@there.test"


# Login


def knows(mechanism: str, said: list[bytes]) -> bool:
	"""What an honest server accepts for the login "a@site.test" with SECRET, or the token "jeton"."""
	words = [base64.b64decode(word) for word in said]
	if mechanism == "PLAIN":
		return words == [b"\0a@site.test\0" + SECRET.encode()]
	if mechanism == "LOGIN":
		return words == [b"a@site.test", SECRET.encode()]
	if mechanism == "CRAM-MD5":
		digest = hmac.new(SECRET.encode(), b"<123@test>", "md5").hexdigest()
		return words == [f"a@site.test {digest}".encode()]
	return words == [b"user=a@site.test\1auth=Bearer jeton\1\1"]


@pytest.mark.parametrize("offer", ["AUTH {}", "AUTH={}", "auth X-OTHER {}"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"])
def test_every_way_to_log_in(smtp: Callable[..., FaultySmtp], mechanism: str, offer: str) -> None:
	server = smtp(login=knows, auth=offer.format(mechanism))
	token = {"access_token": "jeton"} if mechanism == "XOAUTH2" else {"password": SECRET}
	with open_smtp(settings(server, login="a@site.test", **token)) as session:
		assert session.send("a@site.test", ["b@there.test"], MESSAGE)[0].accepted
	assert server.commands[1].startswith(b"AUTH " + mechanism.encode())


@pytest.mark.parametrize("login", [{"password": "faux"}, {"access_token": "faux"}])
def test_a_refused_login_says_so_without_the_secret(smtp: Callable[..., FaultySmtp], login: dict[str, str]) -> None:
	server = smtp(login=knows)
	with pytest.raises(errors.LoginRefused) as caught:
		open_smtp(settings(server, login="a@site.test", **login))
	assert "535 5.7.8" in str(caught.value)
	for secret in ("faux", base64.b64encode(b"faux").decode(), base64.b64encode(b"\0a@site.test\0faux").decode()):
		assert secret not in str(caught.value)


def test_a_login_that_is_offered_once_encrypted_only(smtp: Callable[..., FaultySmtp], certificates: Certificates) -> None:
	server = smtp(login=knows, auth_in_clear=False, certificate=certificates.good.server_context())
	values = {"login": "a@site.test", "password": SECRET, "ca_file": str(certificates.authority), "timeout": 5}
	with open_smtp(settings(server, security="starttls", **values)) as session:
		assert session.send("a@site.test", ["b@there.test"], MESSAGE)[0].accepted
	with pytest.raises(errors.LoginDisabled):
		open_smtp(settings(server, **values))


def test_what_is_said_of_an_oauth_sign_in(smtp: Callable[..., FaultySmtp]) -> None:
	"""Nothing of passwords: whoever reads it has none."""
	for server, kind in ((smtp(login=knows), errors.TokenRefused), (smtp(login=knows, auth="AUTH PLAIN"), errors.TokenNotTaken)):
		with pytest.raises(kind) as caught:
			open_smtp(settings(server, login="a@site.test", access_token="expired"))
		assert "password" not in caught.value.message()
		assert "app password" not in caught.value.advice()


def test_a_server_that_knows_no_ehlo(smtp: Callable[..., FaultySmtp]) -> None:
	server = smtp(SmtpFaults({"EHLO": b"502 5.5.1 what?"}))
	with open_smtp(settings(server)) as session:
		assert session.send("a@site.test", ["b@there.test"], MESSAGE)[0].accepted
	assert [line.split(b" ")[0] for line in server.commands][:3] == [b"EHLO", b"HELO", b"MAIL"]
	with pytest.raises(errors.ServerRefuses, match="501 your name is wrong"):
		open_smtp(settings(smtp(SmtpFaults({"EHLO": b"501 no", "HELO": b"501 your name is wrong"}))))


def test_no_login_where_none_is_wanted(smtp: Callable[..., FaultySmtp]) -> None:
	server = smtp(login=knows)
	with open_smtp(settings(server, login="", password=SECRET)) as session:
		session.send("a@site.test", ["b@there.test"], MESSAGE)
	assert not [line for line in server.commands if line.startswith(b"AUTH")]


def test_a_login_that_is_not_offered(smtp: Callable[..., FaultySmtp], certificates: Certificates) -> None:
	with pytest.raises(errors.LoginNotOffered):
		open_smtp(settings(smtp(), login="a@site.test", password=SECRET))
	with pytest.raises(errors.LoginDisabled):
		open_smtp(settings(smtp(certificate=certificates.good.server_context()), login="a@site.test", password=SECRET))
	with pytest.raises(errors.PasswordMissing):
		open_smtp(settings(smtp(), login="a@site.test"))
	with pytest.raises(errors.PasswordNotASCII):
		open_smtp(settings(smtp(), login="a@site.test", password=SECRET, ascii_password=True))


@pytest.mark.parametrize(
	("answer", "kind"),
	[
		(b"454 4.7.0 Too many login attempts, please try again later", errors.Throttled),
		(b"421 4.7.0 Try again later", errors.Throttled),
		(b"530 5.7.0 Must issue a STARTTLS command first", errors.LoginDisabled),
		(b"538 5.7.11 encryption required", errors.LoginDisabled),
		(b"534 5.7.9 Application-specific password required", errors.AppPasswordNeeded),
		(
			b"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant",
			errors.AccessSwitchedOff,
		),
		(b"535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", errors.PasswordsNotTaken),
		(b"535 5.7.8 Username and Password not accepted.", errors.LoginRefused),
	],
)
def test_what_a_refusal_at_login_means(smtp: Callable[..., FaultySmtp], answer: bytes, kind: type[errors.MailError]) -> None:
	server = smtp(SmtpFaults({"AUTH": answer}), login=knows)
	with pytest.raises(errors.MailError) as caught:
		open_smtp(settings(server, login="a@site.test", password=SECRET))
	assert type(caught.value) is kind


# Encryption


@pytest.mark.parametrize("implicit", [True, False])
def test_certificates_are_verified(smtp: Callable[..., FaultySmtp], certificates: Certificates, implicit: bool) -> None:
	security = "tls" if implicit else "starttls"
	bad = {
		"expired": errors.CertificateExpired,
		"early": errors.CertificateNotYetValid,
		"other_name": errors.CertificateForeign,
		"foreign": errors.CertificateUntrusted,
	}
	for kind, expected in bad.items():
		server = smtp(certificate=certificates[kind].server_context(), implicit_tls=implicit, login=knows)
		values = {"security": security, "ca_file": str(certificates.authority), "login": "a@site.test", "password": SECRET}
		with pytest.raises(expected):
			open_smtp(settings(server, timeout=5, **values))
		assert not [line for line in server.commands if line.startswith(b"AUTH")]
		with open_smtp(settings(server, timeout=5, **(values | {"verify": False}))) as session:
			assert session.wire.encrypted
	server = smtp(certificate=certificates.good.server_context(), implicit_tls=implicit, login=knows)
	with open_smtp(settings(server, timeout=5, **values)) as session:
		assert session.send("a@site.test", ["b@there.test"], MESSAGE)[0].accepted


def test_starttls_is_not_given_up(smtp: Callable[..., FaultySmtp], certificates: Certificates) -> None:
	with pytest.raises(errors.StartTLSMissing):
		open_smtp(settings(smtp(), security="starttls"))
	with pytest.raises(errors.Throttled):
		server = smtp(SmtpFaults({"STARTTLS": b"454 4.7.0 not now"}), certificate=certificates.good.server_context())
		open_smtp(settings(server, security="starttls"))
	# What came in clear behind the consent is not believed (CVE-2011-0411).
	injected = SmtpFaults({"STARTTLS": b"220 go on\r\n250-faulty.test\r\n250 AUTH PLAIN"})
	server = smtp(injected, certificate=certificates.good.server_context())
	with pytest.raises(errors.ProtocolError):
		open_smtp(settings(server, security="starttls", ca_file=str(certificates.authority)))


# Going wrong


@pytest.mark.parametrize("what", [CLOSE, RESET, SILENCE])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", END, AFTER_END])
def test_a_connection_that_ends_at_any_step(
	smtp: Callable[..., FaultySmtp], step: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr("dokos_mail.engine.send.smtp.END_WAITS", 1)
	monkeypatch.setattr("dokos_mail.engine.send.smtp.ANSWER_WAITS", 1)
	server = smtp(SmtpFaults(instead={step: what}))
	with open_smtp(settings(server)) as session:
		found = session.send("a@site.test", ["b@there.test", "c@there.test"], MESSAGE)
		assert session.over
	uncertain = step in (END, AFTER_END)
	assert [(each.accepted, each.uncertain, each.code) for each in found] == [(False, uncertain, 0)] * 2
	assert isinstance(found[0].error, errors.Silence if what == SILENCE else errors.ConnectionLost)
	assert server.count == (step == AFTER_END)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", END])
def test_421_in_the_middle(smtp: Callable[..., FaultySmtp], step: str) -> None:
	server = smtp(SmtpFaults({step: b"421 4.3.2 shutting down"}))
	with open_smtp(settings(server)) as session:
		found = session.send("a@site.test", ["b@there.test", "c@there.test"], MESSAGE)
		assert session.over
	assert not any(each.accepted or each.uncertain for each in found)
	assert [(each.code, each.text) for each in found] == [(421, "shutting down")] * 2
	assert server.count == 0


@pytest.mark.parametrize("garbage", [b"\xff\xfe\x00", b"ok", b"999 what", b"25", b"2500 x", b"<html>"])
@pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT", "DATA", END])
def test_garbage(smtp: Callable[..., FaultySmtp], step: str, garbage: bytes) -> None:
	server = smtp(SmtpFaults({step: garbage}))
	if step == "EHLO":
		with pytest.raises(errors.MailError):
			open_smtp(settings(server))
		return
	with open_smtp(settings(server)) as session:
		found = session.send("a@site.test", ["b@there.test"], MESSAGE)
		assert session.over
	assert isinstance(found[0].error, errors.ProtocolError)
	assert found[0].uncertain == (step == END)


@pytest.mark.parametrize("extensions", [["PIPELINING"], []])
def test_a_server_may_think_for_minutes(
	smtp: Callable[..., FaultySmtp], monkeypatch: pytest.MonkeyPatch, extensions: list
) -> None:
	"""Over each recipient, and after the dot: to give up then would be to send it twice."""
	ahead = [0.0]
	monkeypatch.setattr("dokos_mail.engine.connect.wire.monotonic", lambda: monotonic() + ahead[0])
	answer = smtp_faults._Conversation.answer

	def thinks(self: object, step: str, *words: object) -> bytes:
		ahead[0] += 50 if step == "RCPT" else 240 if step == END else 0
		return answer(self, step, *words)

	monkeypatch.setattr(smtp_faults._Conversation, "answer", thinks)
	server = smtp(extensions=extensions)
	with open_smtp(settings(server, timeout=5)) as session:
		found = session.send("a@site.test", ["b@there.test", "c@there.test", "d@there.test"], MESSAGE)
	assert [each.accepted for each in found] == [True] * 3, found


def test_ten_minutes_after_the_dot(smtp: Callable[..., FaultySmtp], monkeypatch: pytest.MonkeyPatch) -> None:
	"""RFC 5321 section 4.5.3.2.6."""
	waits: dict[str, float] = {}
	read = smtp_module.read_reply
	monkeypatch.setattr(smtp_module, "read_reply", lambda wire, of: waits.__setitem__(wire.phase, wire.wait) or read(wire, of))
	with open_smtp(settings(smtp(), timeout=30.0)) as session:
		assert session.send("a@site.test", ["b@there.test"], MESSAGE)[0].accepted
	assert waits[smtp_module.AFTER_THE_DOT] == 600 > waits[smtp_module.SENDING]


def test_an_answer_by_drops_is_silence(smtp: Callable[..., FaultySmtp], monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr("dokos_mail.engine.connect.wire.SLOW_SECONDS", 0.3)
	server = smtp(SmtpFaults(instead={"RCPT": DRIP}))
	with open_smtp(settings(server)) as session:
		(found,) = session.send("a@site.test", ["b@there.test"], MESSAGE)
	assert isinstance(found.error, errors.Silence)
	assert not found.uncertain


def test_a_server_that_hangs_up_in_the_middle_of_a_text_said_why(smtp: Callable[..., FaultySmtp]) -> None:
	server = smtp(SmtpFaults(hangs_up_at=100_000), extensions=[])
	with open_smtp(settings(server)) as session:
		(found,) = session.send("a@site.test", ["b@there.test"], MESSAGE + (b"x" * 70 + b"\r\n") * 200_000)
		assert session.over
	assert (found.code, found.enhanced, found.text, found.uncertain) == (552, "5.3.4", "message too long", False)


def test_answers_without_end(smtp: Callable[..., FaultySmtp]) -> None:
	server = smtp(SmtpFaults({"MAIL": b"\r\n".join([b"250-more"] * 5000) + b"\r\n250 end"}))
	with open_smtp(settings(server)) as session:
		assert isinstance(session.send("a@site.test", ["b@there.test"], MESSAGE)[0].error, errors.ProtocolError)


def test_who_answers_instead() -> None:
	cases = [
		(Says(b"* OK IMAP4rev1 ready\r\n"), errors.BadGreeting),
		(Says(b"+OK POP3\r\n"), errors.BadGreeting),
		(Says(b"SSH-2.0-OpenSSH\r\n"), errors.BadGreeting),
		(Says(b""), errors.ConnectionLost),
		(Says(b"421 too many connections\r\n"), errors.Throttled),
		(Says(b"554 5.7.1 your address is on a blocklist\r\n"), errors.ServerRefuses),
		(Silent(), errors.Silence),
		(Drips(b"2", 0.05), errors.Silence),
	]
	for server, kind in cases:
		with server, pytest.raises(kind):
			open_smtp(settings(server))


# Sessions


def test_one_session_for_many_messages(smtp: Callable[..., FaultySmtp]) -> None:
	server = smtp()
	courier = Courier(settings(server))
	for _number in range(200):
		assert courier.send("a@site.test", ["b@there.test"], MESSAGE)[0].accepted
	courier.quit()
	assert (server.connections, server.count) == (1, 200)


@pytest.mark.parametrize(
	"fault", [{"answers": {"MAIL": b"421 4.7.0 too many messages"}}, {"instead": {"MAIL": CLOSE}}, {"instead": {"MAIL": RESET}}]
)
def test_a_server_that_ends_sessions_after_some_messages(smtp: Callable[..., FaultySmtp], fault: dict) -> None:
	"""The message that met the end goes over a new session, and nobody notices."""
	server = smtp(SmtpFaults(**fault, after_messages=3))
	courier = Courier(settings(server))
	found = [courier.send("a@site.test", [f"r{number}@there.test"], MESSAGE)[0] for number in range(10)]
	courier.quit()
	assert all(each.accepted for each in found)
	assert [each.recipients[0] for each in server.accepted] == [f"r{number}@there.test" for number in range(10)]
	assert server.connections == 4


def test_a_server_that_hangs_up_without_a_word_between_messages(smtp: Callable[..., FaultySmtp]) -> None:
	server = smtp(most_messages=2)
	courier = Courier(settings(server))
	found = [courier.send("a@site.test", [f"r{number}@there.test", "not an address"], MESSAGE)[0] for number in range(5)]
	courier.quit()
	assert all(each.accepted for each in found), found
	assert (server.count, server.connections) == (5, 3)


def test_a_server_that_loses_what_comes_at_once(smtp: Callable[..., FaultySmtp], monkeypatch: pytest.MonkeyPatch) -> None:
	"""It offers PIPELINING, or a box before it does: one command at a time is what it really takes."""
	monkeypatch.setattr("dokos_mail.engine.send.smtp.ANSWER_WAITS", 1)
	server = smtp(loses_pipelined=True)
	courier = Courier(settings(server))
	for number in range(4):
		found = courier.send("a@site.test", [f"r{number}@there.test", f"s{number}@there.test"], MESSAGE)
		assert [each.accepted for each in found] == [True, True], found
	courier.quit()
	assert (server.count, server.connections) == (4, 2)


def test_an_uncertain_message_is_not_sent_again_by_the_session(smtp: Callable[..., FaultySmtp]) -> None:
	server = smtp(SmtpFaults(instead={AFTER_END: RESET}, after_messages=1))
	courier = Courier(settings(server))
	assert courier.send("a@site.test", ["b@there.test"], MESSAGE)[0].accepted
	assert courier.send("a@site.test", ["c@there.test"], MESSAGE)[0].uncertain
	assert server.count == 2


def test_a_session_that_rested_is_asked_first(smtp: Callable[..., FaultySmtp]) -> None:
	server = smtp()
	now = [0.0]
	courier = Courier(settings(server), lambda where: open_smtp(where, lambda: now[0]))
	courier.send("a@site.test", ["b@there.test"], MESSAGE)
	now[0] = 31.0
	courier.send("a@site.test", ["b@there.test"], MESSAGE)
	assert server.commands.count(b"NOOP") == 1
	server.faults = SmtpFaults(instead={"NOOP": CLOSE})
	now[0] = 99.0
	assert courier.send("a@site.test", ["b@there.test"], MESSAGE)[0].accepted
	courier.quit()
	assert server.connections == 2


def test_what_the_hosts_callers_expect(smtp: Callable[..., FaultySmtp]) -> None:
	import smtplib

	server = smtp(SmtpFaults({"RCPT bad@there.test": b"550 5.1.1 no"}))
	courier = Courier(settings(server))
	assert server.connections == 0
	refused = courier.session.sendmail("A <a@site.test>", ["bad@there.test", "b@there.test"], MESSAGE.decode())
	assert refused == {"bad@there.test": (550, b"no")}
	with pytest.raises(smtplib.SMTPRecipientsRefused):
		courier.session.sendmail("a@site.test", "bad@there.test", MESSAGE)
	courier.quit()
