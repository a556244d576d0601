"""POP3 on a real Dovecot: every way to connect, listing, texts octet by octet, deletion that QUIT makes final."""

from __future__ import annotations

import random

import pytest

from dokos_mail.engine.connect.pop3 import open_pop3
from dokos_mail.engine.errors import CertificateUntrusted, LoginRefused, PasswordNotASCII
from dokos_mail.engine.receive.pop3 import Pop3Session
from dokos_mail.engine.receive.rawstore import RawStore
from mail_servers.faults import LatencyProxy
from tests.receive.boxes import Box

DOTTED = b"Subject: points\r\n\r\n.\r\n..\r\n...deux\r\n.a\r\nfin\r\n.\r\n"


def settings_of(box: Box, **changes: object):
	values = {"protocol": "pop3", "port": box.server.ports["pop3s"]}
	return box.settings(**(values | changes))


def texts(session: Pop3Session, store: RawStore, **options: object) -> list[bytes]:
	listing = session.listing()
	return [store.read(message.raw.path) for batch in session.fetch(listing, store, **options) for message in batch]


@pytest.mark.parametrize(("security", "port"), [("tls", "pop3s"), ("starttls", "pop3"), ("plain", "pop3")])
def test_every_way_to_connect(box: Box, store: RawStore, security: str, port: str) -> None:
	box.append([b"Subject: un\r\n\r\n1\r\n", DOTTED])
	with open_pop3(settings_of(box, security=security, port=box.server.ports[port])) as session:
		assert session.wire.encrypted == (security != "plain")
		assert session.pipelining
		listing = session.listing()
		assert [(message.number, message.size) for message in listing] == [(1, 18), (2, len(DOTTED))]
		assert len({message.uidl for message in listing} - {""}) == 2
	with open_pop3(settings_of(box, security=security, port=box.server.ports[port])) as session:
		assert session.listing() == listing
		assert texts(session, store) == [b"Subject: un\r\n\r\n1\r\n", DOTTED]


def test_certificates_are_verified(box: Box) -> None:
	for security, port in (("tls", "pop3s"), ("starttls", "pop3")):
		with pytest.raises(CertificateUntrusted):
			open_pop3(settings_of(box, ca_file=None, security=security, port=box.server.ports[port]))
		open_pop3(settings_of(box, ca_file=None, verify=False, security=security, port=box.server.ports[port])).close()


def test_logins_that_are_refused(box: Box) -> None:
	with pytest.raises(LoginRefused) as refused:
		open_pop3(settings_of(box, password="pas le bon"))
	assert "pas le bon" not in str(refused.value)
	box.server.add_user("accents@masociete.test", "mot de passé €")
	with open_pop3(settings_of(box, login="accents@masociete.test", password="mot de passé €")) as session:
		assert session.listing() == []
	with pytest.raises(PasswordNotASCII):
		open_pop3(settings_of(box, login="accents@masociete.test", password="mot de passé €", ascii_password=True))


def test_many_messages_in_batches_octet_by_octet(box: Box, store: RawStore) -> None:
	rng = random.Random(3)
	lines = [b".", b"..", b".x", b"x", b"", b"caf\xe9", b"y" * 900]
	raws = [
		b"Subject: %d\r\n\r\n" % number + b"".join(rng.choice(lines) + b"\r\n" for _ in range(rng.randrange(1, 200)))
		for number in range(300)
	]
	raws[150] = b"Subject: long\r\n\r\n" + (b".z" * 400 + b"\r\n") * 4000
	box.append(raws)
	with open_pop3(settings_of(box)) as session:
		listing = session.listing()
		batches = list(session.fetch(listing, store, max_batch_count=70))
	assert [len(batch) for batch in batches] == [70, 70, 70, 70, 20]
	came = [message for batch in batches for message in batch]
	assert [message.uid for message in came] == list(range(1, 301))
	assert [store.read(message.raw.path) for message in came] == raws


def test_deletion_is_final_with_quit_only(box: Box) -> None:
	box.append([b"Subject: %d\r\n\r\nx\r\n" % number for number in range(5)])
	with open_pop3(settings_of(box)) as session:
		listing = session.listing()
		assert session.delete([1, 3, 99]) == [1, 3]
	with open_pop3(settings_of(box)) as session:
		assert session.listing() == listing
		session.delete([1, 3])
		session.quit()
	with open_pop3(settings_of(box)) as session:
		left = session.listing()
	assert [message.uidl for message in left] == [listing[n].uidl for n in (1, 3, 4)]


def test_a_fetch_given_up_leaves_a_session_that_goes_on(box: Box, store: RawStore) -> None:
	box.append([b"Subject: %d\r\n\r\n%s" % (number, b"abc\r\n" * 500) for number in range(200)])
	with open_pop3(settings_of(box)) as session:
		batches = session.fetch(session.listing(), store, max_batch_count=10)
		assert len(next(batches)) == 10
		batches.close()
		assert session.outstanding
		assert session.delete([1]) == [1]
		assert not session.outstanding
		session.quit()
	with open_pop3(settings_of(box)) as session:
		assert len(session.listing()) == 199
	assert not list(store.temporary.iterdir())


def test_texts_are_asked_for_ahead_on_a_long_line(box: Box, store: RawStore) -> None:
	"""Two hundred messages take a few round trips, not two hundred."""
	box.append([b"Subject: %d\r\n\r\nx\r\n" % number for number in range(200)])
	with LatencyProxy(box.server.ports["pop3s"], 0.05) as proxy, open_pop3(settings_of(box, port=proxy.port)) as session:
		sends: list[int] = []
		send = session.send
		session.send = lambda commands: (sends.append(len(commands)), send(commands))
		assert len(texts(session, store)) == 200
	assert sends[0] == 2
	assert max(sends) == 100
	assert len(sends) <= 6
