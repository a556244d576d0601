"""Many mailboxes, one thread: connections made, lost, made again; nothing of it hammered, nobody held up by another."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from types import SimpleNamespace

import pytest

from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.errors import ConnectionLost, ConnectionRefused, LoginRefused, MailError, Throttled
from dokos_mail.engine.receive.idle import RENEW_SECONDS, News, Vigil
from dokos_mail.engine.receive.watch import LATER, PASSING, SETTINGS, Target, Watch, open_watch, rest
from mail_servers.dovecot import Dovecot
from tests.mailbox import new_user, raw


def target(login: str = "a@b.test") -> Target:
	return Target(ServerSettings("imap.test", login, "secret"), ("INBOX",))


@dataclass
class Told:
	"""What a watch called back with, and a clock that is set by hand."""

	news: list[tuple[str, News]] = field(default_factory=list)
	up: list[str] = field(default_factory=list)
	failed: list[tuple[str, MailError, float]] = field(default_factory=list)
	now: float = 0.0
	watch: Watch | None = None

	def rests(self, key: str) -> list[float]:
		return [seconds for failed, _error, seconds in self.failed if failed == key]

	def turn_until(self, condition: Callable[[], bool]) -> None:
		began = monotonic()
		while not condition():
			assert monotonic() - began < 20, (self.news, self.up, self.failed)
			self.watch.turn(0.1)


class FakeServers:
	"""Opens connections to nobody, the far ends of which the test holds."""

	def __init__(self) -> None:
		self.ends: dict[str, socket.socket] = {}
		self.refuse: dict[str, MailError] = {}
		self.tried: list[str] = []
		self.may_answer = threading.Event()
		self.may_answer.set()

	def open(self, target: Target) -> tuple[object, Vigil]:
		login = target.settings.login
		self.tried.append(login)
		assert self.may_answer.wait(20)
		if login in self.refuse:
			raise self.refuse[login]
		near, self.ends[login] = socket.socketpair()
		wire = SimpleNamespace(socket=near, close=near.close, buffered=0, read=lambda _size: b"")
		# A pair has no TCP to keep alive.
		near_options = SimpleNamespace(wire=wire)
		vigil = Vigil(target.settings, frozenset({"IDLE"}), 0, (), lambda response: ConnectionLost(detail=str(response.text)))
		return near_options, vigil


@pytest.fixture
def servers() -> Iterator[FakeServers]:
	made = FakeServers()
	yield made
	for end in made.ends.values():
		end.close()


@pytest.fixture
def told(servers: FakeServers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
	monkeypatch.setattr("dokos_mail.engine.receive.watch._KEEP_ALIVE", ())
	it = Told()
	it.watch = Watch(
		lambda key, news: it.news.append((key, news)),
		it.up.append,
		lambda key, error, seconds: it.failed.append((key, error, seconds)),
		clock=lambda: it.now,
		chance=lambda: 0.0,
		opener=servers.open,
	)
	yield it
	it.watch.close()


def test_a_mailbox_that_is_lost_is_taken_up_again(told: Told, servers: FakeServers) -> None:
	told.watch.aim({"x": target()})
	told.turn_until(lambda: told.up == ["x"])
	assert servers.ends["a@b.test"].recv(100) == b"V1 IDLE\r\n"
	servers.ends["a@b.test"].sendall(b"+ idling\r\n* 1 EXISTS\r\n")
	told.turn_until(lambda: told.news == [("x", News.MAIL)])
	servers.ends["a@b.test"].close()
	told.turn_until(lambda: bool(told.failed))
	((key, error, seconds),) = told.failed
	assert (key, error.kind) == ("x", "connection_lost")
	assert seconds == pytest.approx(0.75)
	told.watch.turn(0)
	assert told.up == ["x"], "not before its time"
	told.now += 1
	told.turn_until(lambda: told.up == ["x", "x"])


def test_a_refused_login_is_not_tried_again_soon(told: Told, servers: FakeServers) -> None:
	servers.refuse["a@b.test"] = LoginRefused(host="imap.test")
	told.watch.aim({"x": target(), "y": target("y@b.test")})
	told.turn_until(lambda: bool(told.failed) and told.up == ["y"])
	for _minute in range(9):
		told.now += 49
		told.watch.turn(0)
	assert servers.tried.count("a@b.test") == 1
	told.now += 60
	told.turn_until(lambda: servers.tried.count("a@b.test") == 2 and len(told.rests("x")) == 2)
	first, second = told.rests("x")
	assert second > first >= SETTINGS[0] * 0.7


def test_new_settings_are_tried_at_once(told: Told, servers: FakeServers) -> None:
	servers.refuse["a@b.test"] = LoginRefused(host="imap.test")
	told.watch.aim({"x": target()})
	told.turn_until(lambda: bool(told.failed))
	told.watch.aim({"x": target("other@b.test")})
	told.turn_until(lambda: told.up == ["x"])
	told.watch.aim({"x": target("other@b.test")})
	told.watch.turn(0)
	assert servers.tried == ["a@b.test", "other@b.test"], "the same settings again change nothing"


def test_a_mailbox_that_is_no_longer_wanted_is_left_politely(told: Told, servers: FakeServers) -> None:
	told.watch.aim({"x": target()})
	told.turn_until(lambda: told.up == ["x"])
	told.watch.aim({})
	assert servers.ends["a@b.test"].recv(100) == b"V1 IDLE\r\nDONE\r\nV0 LOGOUT\r\n"
	assert servers.ends["a@b.test"].recv(100) == b""
	assert told.watch.held == []


def test_a_connection_that_nobody_answers_any_more_is_given_up(told: Told, servers: FakeServers) -> None:
	told.watch.aim({"x": target()})
	told.turn_until(lambda: told.up == ["x"])
	servers.ends["a@b.test"].sendall(b"+ idling\r\n")
	told.watch.turn(0)
	told.now += RENEW_SECONDS
	told.watch.turn(0)
	told.now += 31
	told.watch.turn(0)
	assert [error.kind for _key, error, _seconds in told.failed] == ["silence"]


def test_at_most_a_few_are_connected_to_at_a_time(told: Told, servers: FakeServers) -> None:
	told.watch.aim({str(n): target(f"{n}@b.test") for n in range(100)})
	told.watch.turn(0)
	assert told.watch._opening <= 8
	told.turn_until(lambda: len(told.up) == 100)
	assert sorted(told.watch.held) == sorted(told.up)


def test_what_is_being_opened_and_no_longer_wanted_is_closed(told: Told, servers: FakeServers) -> None:
	servers.may_answer.clear()
	told.watch.aim({"x": target()})
	told.turn_until(lambda: servers.tried == ["a@b.test"])
	told.watch.aim({})
	servers.may_answer.set()
	told.turn_until(lambda: told.watch._opening == 0)
	assert told.up == []
	assert servers.ends["a@b.test"].recv(100) == b""


def test_what_is_being_opened_when_the_watch_ends_is_closed(told: Told, servers: FakeServers) -> None:
	servers.may_answer.clear()
	told.watch.aim({"x": target()})
	told.turn_until(lambda: servers.tried == ["a@b.test"])
	told.watch.close()
	servers.may_answer.set()
	told.watch._threads.shutdown(wait=True)
	assert servers.ends["a@b.test"].recv(100) == b""


@pytest.mark.parametrize(
	("error", "limits"),
	[(ConnectionRefused(), PASSING), (Throttled(), LATER), (LoginRefused(), SETTINGS)],
)
def test_rests_grow_to_a_limit(error: MailError, limits: tuple[float, float]) -> None:
	rests = [rest(failures, error, 0.5) for failures in range(1, 200)]
	assert rests == sorted(rests)
	assert rests[0] == pytest.approx(limits[0] * 1.125)
	assert rests[-1] == pytest.approx(limits[1] * 1.125)
	assert rest(5, error, 0.0) < rest(5, error, 0.999) <= 2 * rest(5, error, 0.0)


@pytest.mark.parametrize("port", ["imap", "imaps"])
def test_a_real_server(dovecot: Dovecot, port: str) -> None:
	user = new_user(dovecot)
	dovecot.create_folder(user, "Box")
	dovecot.create_folder(user, "Éléments")
	settings = ServerSettings(
		dovecot.host,
		user,
		dovecot.users[user],
		dovecot.ports[port],
		"tls" if port == "imaps" else "plain",
		ca_file=str(dovecot.certificates.authority),
	)
	told = Told()
	told.watch = Watch(
		lambda key, news: told.news.append((key, news)),
		told.up.append,
		lambda *words: told.failed.append(words),
		opener=open_watch,
	)
	told.watch.aim({"x": Target(settings, ("INBOX", "Box", "nowhere", "Éléments"))})
	try:
		told.turn_until(lambda: told.up == ["x"])
		uids = dovecot.append(user, [raw()])
		told.turn_until(lambda: told.news == [("x", News.MAIL)])
		dovecot.append(user, [raw()], folder="Box")
		told.turn_until(lambda: told.news.count(("x", News.MAIL)) == 2)
		dovecot.set_flags(user, uids, "\\Seen")
		told.turn_until(lambda: ("x", News.FLAGS) in told.news)
		assert told.failed == []
	finally:
		told.watch.close()
