"""SMTP against a real Postfix: login, encryption, refusals, size, odd text, delivered to a real Dovecot."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from dokos_mail.engine import errors
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.send.courier import Courier
from dokos_mail.engine.send.smtp import open_smtp
from dokos_mail.engine.send.verdict import verdict
from mail_servers.dovecot import Dovecot
from mail_servers.postfix import Postfix, auth_service
from mail_servers.server import free_port

PASSWORD = "mot de passe, è vero"
USER, OTHER = "moi@masociete.test", "elle@masociete.test"
ANSWERS = {
	"refused@masociete.test": "550 5.1.1 no such user",
	"busy@masociete.test": "450 4.2.1 mailbox busy",
	"policy@masociete.test": "450 come back later",
}


@pytest.fixture(scope="module")
def postfix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postfix]:
	folder, port = tmp_path_factory.mktemp("postfix"), free_port()
	with Dovecot(folder / "dovecot", {USER: PASSWORD, OTHER: "x"}, extra=auth_service(port)) as dovecot:
		with Postfix(folder, dovecot, auth_port=port, answers=ANSWERS) as server:
			yield server


def settings(server: Postfix, service: str = "submission", **values: object) -> ServerSettings:
	security = {"submission": "starttls", "submissions": "tls", "smtp": "plain"}[service]
	login = {} if service == "smtp" else {"login": USER, "password": PASSWORD}
	common = {
		"host": "127.0.0.1",
		"port": server.ports[service],
		"protocol": "smtp",
		"ca_file": str(server.dovecot.certificates.authority),
	}
	return ServerSettings(**(common | {"security": security} | login | values))


def mail(subject: str, body: bytes = b"Bonjour.\r\n") -> bytes:
	return f"From: {USER}\r\nTo: {OTHER}\r\nSubject: {subject}\r\n\r\n".encode() + body


def delivered(server: Postfix, subject: str) -> list[bytes]:
	"""What Dovecot has of that subject, once Postfix has passed on what it took."""
	wanted = re.compile(rf"^Subject: {re.escape(subject)}\r?$".encode(), re.M)
	for _attempt in range(2000):
		found = [server.dovecot.raw(OTHER, uid) for uid in server.dovecot.uids(OTHER)]
		found = [raw for raw in found if wanted.search(raw)]
		if found:
			return found
	raise AssertionError(server.log_tail())


@pytest.mark.parametrize("service", ["submission", "submissions", "smtp"])
def test_a_mail_arrives(postfix: Postfix, service: str) -> None:
	with open_smtp(settings(postfix, service)) as session:
		assert session.wire.encrypted == (service != "smtp")
		assert {"PIPELINING", "8BITMIME", "DSN", "SMTPUTF8", "SIZE"} <= set(session.extensions)
		found = session.send(USER, [OTHER], mail(f"par {service}"), envid="row1")
	assert found[0].accepted
	assert found[0].text.startswith("Ok: queued as")
	assert len(delivered(postfix, f"par {service}")) == 1


def test_each_recipient_has_its_own_answer(postfix: Postfix) -> None:
	with open_smtp(settings(postfix)) as session:
		found = session.send(
			USER, ["refused@masociete.test", OTHER, "busy@masociete.test", "policy@masociete.test"], mail("plusieurs")
		)
	assert [(each.accepted, each.code, each.enhanced) for each in found] == [
		(False, 550, "5.1.1"),
		(True, 250, "2.0.0"),
		(False, 450, "4.2.1"),
		(False, 450, "4.7.1"),
	]
	scopes = [verdict(each.code, each.enhanced, each.text, each.stage) for each in found if not each.accepted]
	assert [(each.scope, each.permanent) for each in scopes] == [("recipient", True), ("recipient", False), ("recipient", False)]


@pytest.mark.parametrize("password", ["faux", ""])
def test_a_wrong_password(postfix: Postfix, password: str) -> None:
	with pytest.raises(errors.LoginRefused if password else errors.PasswordMissing):
		open_smtp(settings(postfix, password=password))


def test_no_login_where_one_is_wanted_is_the_accounts_affair(postfix: Postfix) -> None:
	with open_smtp(settings(postfix, login="")) as session:
		found = session.send(USER, [OTHER], mail("sans identifiant"))[0]
	assert not found.accepted
	assert verdict(found.code, found.enhanced, found.text, found.stage).scope == "account"


def test_encryption_is_verified(postfix: Postfix) -> None:
	for service in ("submission", "submissions"):
		with pytest.raises(errors.CertificateUntrusted):
			open_smtp(settings(postfix, service, ca_file=None))
	with pytest.raises(errors.LoginDisabled):
		open_smtp(settings(postfix, security="plain"))
	with pytest.raises(errors.TLSFailed):
		open_smtp(settings(postfix, security="tls"))


def test_size(postfix: Postfix) -> None:
	with open_smtp(settings(postfix)) as session:
		assert session.size_limit == 1_000_000
		found = session.send(USER, [OTHER], mail("trop", b"x" * 70 + b"\r\n" + b"y" * 1_000_000))
		assert isinstance(found[0].error, errors.MessageTooLarge)
		assert session.send(USER, [OTHER], mail("assez"))[0].accepted


def test_text_arrives_as_it_was(postfix: Postfix) -> None:
	body = b".\r\n..\r\n.a\n\n.\nMAIL FROM:<x@y>\rRCPT TO:<z@y>\r\n.\r\nfin\n"
	with open_smtp(settings(postfix)) as session:
		assert session.send(USER, [OTHER], mail("points", body))[0].accepted
		assert session.send(USER, [OTHER], mail("suite"))[0].accepted
	raw = delivered(postfix, "points")
	assert len(raw) == 1
	expected = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
	assert raw[0].replace(b"\r\n", b"\n").endswith(b"\n\n" + expected)
	assert len(delivered(postfix, "suite")) == 1


def test_many_over_one_session(postfix: Postfix) -> None:
	courier = Courier(settings(postfix))
	for number in range(50):
		assert courier.send(USER, [OTHER], mail(f"rafale {number}."))[0].accepted
	courier.quit()
	assert courier.sessions == 1
	assert len(delivered(postfix, "rafale 49.")) == 1
