"""From a name to a socket: bounded time, every address tried."""

from __future__ import annotations

import errno
import socket
import threading
from time import monotonic

import pytest

from dokos_mail.engine.connect.dial import dial
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.errors import ConnectionRefused, HostNotFound, NameServiceFailed, Unreachable


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[int, tuple]) -> None:
	found = [(family, socket.SOCK_STREAM, 6, "", address) for family, address in addresses]
	monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: found)


@pytest.fixture
def listener() -> socket.socket:
	with socket.create_server(("127.0.0.1", 0)) as server:
		yield server


@pytest.fixture
def deaf() -> tuple[str, int]:
	"""An address that neither accepts nor refuses: its queue of connections is full."""
	with socket.socket() as server, socket.socket() as first, socket.socket() as second:
		server.bind(("127.0.0.1", 0))
		server.listen(0)
		for client in (first, second):
			client.setblocking(False)
			client.connect_ex(server.getsockname())
		yield server.getsockname()


@pytest.mark.parametrize(
	("code", "kind"),
	[
		(socket.EAI_NONAME, HostNotFound),
		(socket.EAI_NODATA, HostNotFound),
		(socket.EAI_AGAIN, NameServiceFailed),
		(socket.EAI_FAIL, NameServiceFailed),
	],
)
def test_names(monkeypatch: pytest.MonkeyPatch, code: int, kind: type) -> None:
	def fail(*_arguments: object, **_options: object) -> None:
		raise socket.gaierror(code, "no")

	monkeypatch.setattr(socket, "getaddrinfo", fail)
	with pytest.raises(kind, match=r"imap\.example\.test"):
		dial(ServerSettings("imap.example.test"))


@pytest.mark.parametrize("name", ["", "  ", "a..b", "x" * 64 + ".test"])
def test_what_is_no_name(name: str) -> None:
	with pytest.raises(HostNotFound):
		dial(ServerSettings(name))


def test_a_name_service_that_hangs_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
	over = threading.Event()
	monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: over.wait(20) and [])
	started = monotonic()
	with pytest.raises(NameServiceFailed):
		dial(ServerSettings("slow.test", timeout=0.3))
	assert monotonic() - started < 2
	over.set()


def test_refused(listener: socket.socket) -> None:
	port = listener.getsockname()[1]
	listener.close()
	with pytest.raises(ConnectionRefused, match=str(port)):
		dial(ServerSettings("127.0.0.1", port=port))


def test_no_answer_takes_the_timeout_and_no_longer(monkeypatch: pytest.MonkeyPatch, deaf: tuple[str, int]) -> None:
	resolves_to(monkeypatch, *[(socket.AF_INET, deaf)] * 4)
	started = monotonic()
	with pytest.raises(Unreachable):
		dial(ServerSettings("deaf.test", timeout=0.6))
	assert 0.4 < monotonic() - started < 3


def test_the_second_address_answers_when_the_first_does_not(
	monkeypatch: pytest.MonkeyPatch, listener: socket.socket, deaf: tuple[str, int]
) -> None:
	resolves_to(monkeypatch, (socket.AF_INET, deaf), (socket.AF_INET, listener.getsockname()))
	started = monotonic()
	with dial(ServerSettings("two.test", timeout=10)) as connected:
		assert connected.getpeername() == listener.getsockname()
	assert monotonic() - started < 5


def test_a_refusal_does_not_wait_for_the_others_turn(monkeypatch: pytest.MonkeyPatch, listener: socket.socket) -> None:
	with socket.create_server(("127.0.0.1", 0)) as gone:
		refusing = gone.getsockname()
	resolves_to(monkeypatch, (socket.AF_INET6, ("::1", refusing[1], 0, 0)), (socket.AF_INET, listener.getsockname()))
	started = monotonic()
	with dial(ServerSettings("two.test", timeout=10)) as connected:
		assert connected.getpeername() == listener.getsockname()
		assert connected.getblocking()
	assert monotonic() - started < 2


def test_no_route(monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(socket.socket, "connect_ex", lambda _self, _address: errno.ENETUNREACH)
	resolves_to(monkeypatch, (socket.AF_INET, ("192.0.2.1", 143)))
	with pytest.raises(Unreachable, match="no route"):
		dial(ServerSettings("far.test"))
