"""POP3 servers that are odd, in trouble or gone: each fault by its own error, and no message lost or taken for another."""

from __future__ import annotations

import pytest

from dokos_mail.engine.connect.pop3 import open_pop3
from dokos_mail.engine.errors import (
	AccessSwitchedOff,
	AppPasswordNeeded,
	BadGreeting,
	CommandRefused,
	ConnectionLost,
	LoginDisabled,
	LoginMethodMissing,
	LoginRefused,
	MailboxBroken,
	MailboxInUse,
	MailError,
	PasswordMissing,
	ProtocolError,
	Silence,
	StartTLSMissing,
	Throttled,
)
from dokos_mail.engine.receive.model import Fetched
from dokos_mail.engine.receive.rawstore import RawStore
from mail_servers.certificates import Certificates
from mail_servers.faults import Listener
from mail_servers.faulty_pop3 import FaultyPop3, Pop3Faults
from tests.receive.boxes import to_faulty

MESSAGES = {f"id-{number}": b"Subject: %d\r\n\r\n.point\r\nfin\r\n" % number for number in range(1, 6)}


def reach(server: Listener, **changes: object):
	return open_pop3(to_faulty(server, protocol="pop3", **changes))


def fetch_all(server: Listener, store: RawStore, **options: object) -> list[Fetched]:
	with reach(server, timeout=2) as session:
		return [message for batch in session.fetch(session.listing(), store, **options) for message in batch]


@pytest.mark.parametrize(
	("greeting", "kind"),
	[
		(b"-ERR [SYS/TEMP] later", Throttled),
		(b"-ERR [SYS/PERM] no", MailboxBroken),
		(b"-ERR too many connections", Throttled),
		(b"-ERR go away", Throttled),
		(b"* OK IMAP4rev1", BadGreeting),
		(b"220 smtp", BadGreeting),
		(b"", BadGreeting),
	],
)
def test_greetings(greeting: bytes, kind: type[MailError]) -> None:
	with FaultyPop3(greeting=greeting) as server, pytest.raises(MailError) as raised:
		reach(server)
	assert type(raised.value) is kind
	assert raised.value.retry == (kind is not MailboxBroken)


@pytest.mark.parametrize(
	("answer", "kind"),
	[
		(b"-ERR [AUTH] Temporary password wrong", LoginRefused),
		(b"-ERR bad password s3cret-word", LoginRefused),
		(b"-ERR", LoginRefused),
		(b"-ERR [IN-USE] Do you have another POP session running?", MailboxInUse),
		(b"-ERR unable to lock maildrop", MailboxInUse),
		(b"-ERR account locked", LoginRefused),
		(b"-ERR [LOGIN-DELAY] minimum time between mail checks violation", Throttled),
		(b"-ERR [SYS/TEMP] Server error", Throttled),
		(b"-ERR [SYS/PERM] Mailbox is damaged", MailboxBroken),
		(b"-ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your settings page.", AccessSwitchedOff),
		(b"-ERR [AUTH] Application-specific password required", AppPasswordNeeded),
		(b"-ERR Too many login attempts, try again later", Throttled),
		(b"-ERR Plaintext authentication disallowed on non-secure (SSL/TLS) connections.", LoginDisabled),
		(b"nonsense", ProtocolError),
	],
)
@pytest.mark.parametrize("capabilities", [("USER", "UIDL"), None])
def test_refusals_are_told_apart(answer: bytes, kind: type[MailError], capabilities: tuple[str, ...] | None) -> None:
	with FaultyPop3(faults=Pop3Faults(answers={"PASS": answer}), capabilities=capabilities) as server:
		with pytest.raises(MailError) as raised:
			reach(server)
		assert type(raised.value) is kind
		assert raised.value.retry == (kind in (Throttled, MailboxInUse, ProtocolError))
		assert "s3cret-word" not in str(raised.value)
		assert sum(line.startswith(b"PASS") for line in server.commands) == 1


def test_ways_to_log_in() -> None:
	with FaultyPop3() as server:
		reach(server, password="clé").close()
		assert server.commands[:3] == [b"CAPA", b"AUTH PLAIN", b"AG1lAGNsw6k="]
	with FaultyPop3(faults=Pop3Faults(answers={"AUTH": b"-ERR not here"})) as server:
		reach(server, password="clé de passe").close()
		assert "PASS clé de passe".encode() in server.commands
	with FaultyPop3(faults=Pop3Faults(answers={"AUTH": b"-ERR [SYS/TEMP] later"})) as server, pytest.raises(Throttled):
		reach(server)
	with FaultyPop3() as server, pytest.raises(PasswordMissing):
		reach(server, password="")
	with FaultyPop3(capabilities=("USER",)) as server:
		with pytest.raises(LoginRefused):
			reach(server, password="a\r\nDELE 1")
		assert not any(line.startswith((b"PASS", b"DELE")) for line in server.commands)


def test_a_server_with_other_methods_only(certificates: Certificates) -> None:
	context = certificates.good.server_context()
	with FaultyPop3(capabilities=("SASL XOAUTH2 GSSAPI", "UIDL"), certificate=context) as server:
		with pytest.raises(LoginMethodMissing, match="XOAUTH2, GSSAPI"):
			reach(server, host="localhost", security="starttls", ca_file=str(certificates.authority))
		assert b"STLS" in server.commands


def test_stls_is_insisted_on() -> None:
	for capabilities in (("USER",), None):
		with FaultyPop3(capabilities=capabilities) as server:
			with pytest.raises(StartTLSMissing):
				reach(server, security="starttls")
			assert not any(line.startswith((b"USER", b"PASS", b"AUTH")) for line in server.commands)


def test_what_is_said_before_the_encryption_is_not_believed() -> None:
	with FaultyPop3(faults=Pop3Faults(answers={"STLS": b"+OK begin\r\n+OK forged"}), capabilities=None) as server:
		with pytest.raises(ProtocolError):
			reach(server, security="starttls")


def test_texts_of_every_kind(store: RawStore) -> None:
	odd = {
		"empty": b"",
		"no end": b"Subject: x\r\n\r\nlast line",
		"bare": b"Subject: y\n\nbare\n.dot\n",
		"nuls": b"Subject: z\r\n\r\n\0\xff\r\n",
	}
	with FaultyPop3(odd) as server:
		came = fetch_all(server, store)
	assert [store.read(message.raw.path) for message in came] == [b"", odd["no end"] + b"\r\n", odd["bare"], odd["nuls"]]


def test_a_server_that_ends_lines_with_lf_alone(store: RawStore) -> None:
	bare = {"a": b"Subject: a\n\n.x\n", "b": b"Subject: b\n\ny\n"}
	with FaultyPop3(bare, Pop3Faults(line_end=b"\n")) as server:
		came = fetch_all(server, store)
	assert [store.read(message.raw.path) for message in came] == list(bare.values())


def test_a_dot_between_bare_line_ends_is_text_on_other_servers(store: RawStore) -> None:
	raw = b"Subject: a\r\n\r\nbefore\n.\nafter\r\n"
	with FaultyPop3({"a": raw, "b": b"x\r\n"}, Pop3Faults(raw_text=True)) as server:
		came = fetch_all(server, store)
	assert [store.read(message.raw.path) for message in came] == [raw, b"x\r\n"]


@pytest.mark.parametrize("pipelining", [True, False])
def test_refused_messages_shift_no_other(store: RawStore, pipelining: bool) -> None:
	capabilities = ("USER", "UIDL", *(("PIPELINING",) if pipelining else ()))
	faults = Pop3Faults(answers={"RETR 2": b"-ERR it is damaged", "RETR 4": b"-ERR [SYS/TEMP] not now"})
	with FaultyPop3(MESSAGES, faults, capabilities=capabilities) as server:
		came = fetch_all(server, store)
	assert [message.uid for message in came] == [1, 2, 3, 4, 5]
	assert [message.reason for message in came] == ["", "it is damaged", "", "[SYS/TEMP] not now", ""]
	assert [store.read(m.raw.path) for m in came if m.raw] == [MESSAGES[f"id-{n}"] for n in (1, 3, 5)]


def test_refusals_that_nothing_contradicts_are_the_servers(store: RawStore) -> None:
	"""As when a provider's limit is reached: what came is kept, and the rest is no message's failure."""
	limit = b"-ERR Exceeded the bandwidth limit"
	with FaultyPop3(MESSAGES, Pop3Faults(answers={f"RETR {n}": limit for n in (3, 4, 5)})) as server:
		with reach(server) as session:
			batches = session.fetch(session.listing(), store)
			assert [message.uid for message in next(batches)] == [1, 2]
			with pytest.raises(Throttled, match="bandwidth"):
				next(batches)


@pytest.mark.parametrize(("number", "octets", "saved"), [(1, 3, []), (3, 0, [1, 2]), (3, 20, [1, 2]), (5, 30, [1, 2, 3, 4])])
def test_a_server_that_dies_in_mid_text(store: RawStore, number: int, octets: int, saved: list[int]) -> None:
	with FaultyPop3(MESSAGES, Pop3Faults(die_in=(number, octets))) as server, reach(server) as session:
		came: list[int] = []
		with pytest.raises(ConnectionLost) as raised:
			for batch in session.fetch(session.listing(), store):
				came += [message.uid for message in batch]
	assert came == saved
	assert raised.value.params["uid"] == number
	assert not store.temporary.is_dir() or not list(store.temporary.iterdir())


@pytest.mark.parametrize("command", ["CAPA", "AUTH", "LIST", "UIDL", "RETR"])
@pytest.mark.parametrize(("fault", "kind"), [("silent_at", Silence), ("close_at", ConnectionLost)])
def test_silence_and_cuts_at_any_moment(store: RawStore, command: str, fault: str, kind: type[MailError]) -> None:
	with FaultyPop3(MESSAGES, Pop3Faults(**{fault: frozenset({command})})) as server, pytest.raises(kind):
		fetch_all(server, store)


@pytest.mark.parametrize("command", ["DELE", "QUIT"])
def test_deletion_that_fails_is_said(command: str) -> None:
	with FaultyPop3(MESSAGES, Pop3Faults(close_at=frozenset({command}))) as server, reach(server) as session:
		session.listing()
		with pytest.raises(ConnectionLost):
			session.quit() if session.delete([1, 2]) else None
	assert len(server.messages) == 5
	with FaultyPop3(MESSAGES, Pop3Faults(answers={"QUIT": b"-ERR some deleted messages not removed"})) as server:
		with reach(server) as session:
			session.delete([1])
			with pytest.raises(CommandRefused, match="not removed"):
				session.quit()


def test_trouble_takes_deletions_back() -> None:
	with FaultyPop3(MESSAGES) as server:
		with pytest.raises(ZeroDivisionError), reach(server) as session:
			session.delete([1, 2])
			raise ZeroDivisionError
		assert server.commands[-2:] == [b"RSET", b"QUIT"]
	assert len(server.messages) == 5


def test_listings_of_every_kind() -> None:
	long = "x" * 200
	faults = Pop3Faults(ids={1: "same", 2: "same", 3: None, 4: long, 5: "é~"})
	with FaultyPop3(MESSAGES, faults) as server, reach(server) as session:
		assert [message.uidl for message in session.listing()] == ["", "", "", long, "é~"]
	rubbish = b"+OK\r\n1 17\r\nrubbish\r\n\r\n-3 4\r\n2\r\n99999999999999 1\r\n3 x\r\n."
	with FaultyPop3(MESSAGES, Pop3Faults(answers={"LIST": rubbish, "UIDL": b"+OK\r\n3 c\r\n7 g\r\n."})) as server:
		with reach(server) as session:
			found = [(message.number, message.size, message.uidl) for message in session.listing()]
	assert found == [(1, 17, ""), (2, 0, ""), (3, 0, "c"), (7, 0, "g")]


def test_uidl_that_is_not_known_and_uidl_that_is_refused() -> None:
	with FaultyPop3(MESSAGES, Pop3Faults(answers={"UIDL": b"-ERR unknown"}), capabilities=("USER",)) as server:
		with reach(server) as session:
			assert [message.uidl for message in session.listing()] == [""] * 5
		with reach(server) as session, pytest.raises(CommandRefused):
			session.listing(uidl_expected=True)
	with FaultyPop3(MESSAGES, Pop3Faults(answers={"UIDL": b"-ERR oops"})) as server, reach(server) as session:
		with pytest.raises(CommandRefused):
			session.listing()


def test_a_line_without_end_is_not_read_for_ever() -> None:
	with FaultyPop3(MESSAGES, Pop3Faults(answers={"LIST": b"+OK " + b"x" * 200_000})) as server, reach(server) as session:
		with pytest.raises(ProtocolError):
			session.listing()


def test_goodbye_never_raises_nor_waits_long() -> None:
	with FaultyPop3(MESSAGES, Pop3Faults(silent_at=frozenset({"QUIT"}))) as server:
		reach(server, timeout=0.3).close()
	with FaultyPop3(MESSAGES, Pop3Faults(close_at=frozenset({"QUIT"}))) as server:
		reach(server).close()
