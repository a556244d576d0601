"""From a server's name to a connected socket, in bounded time, for every protocol.

Looking up the name happens in a thread of its own, since the system's resolver cannot be given a time limit. All
addresses are tried, a short while after one another, and the first to answer wins (RFC 8305, without its refinements).
"""

from __future__ import annotations

import errno
import selectors
import socket
import threading
from collections.abc import Sequence
from itertools import chain, zip_longest
from time import monotonic

from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.errors import N_, ConnectionRefused, HostNotFound, MailError, NameServiceFailed, Unreachable, Words

#: Seconds between the first attempts to two addresses (RFC 8305 section 8).
STAGGER = 0.25
#: The part of ``settings.timeout`` that name and connection may take: 12 seconds by default, so that a server that
#: cannot be reached is told within 15.
SHARE = 0.8
_NO_SUCH_NAME = {getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)}

Address = tuple[int, tuple]


def dial(settings: ServerSettings) -> socket.socket:
	"""A connected TCP socket. Name and connection together take at most SHARE of ``settings.timeout``.

	Raises HostNotFound, NameServiceFailed, ConnectionRefused or Unreachable.
	"""
	until = monotonic() + settings.timeout * SHARE
	addresses = _interleaved(_resolve(settings, until))
	return _first_to_answer(settings, addresses, until)


def _resolve(settings: ServerSettings, until: float) -> list[Address]:
	host = settings.host.strip()
	if not host:
		raise HostNotFound(host='""')
	answer: list[list[Address] | Exception] = []

	def look_up() -> None:
		try:
			found = socket.getaddrinfo(host, settings.effective_port, type=socket.SOCK_STREAM)
			answer.append([(family, address) for family, _type, _protocol, _name, address in found])
		except (OSError, UnicodeError) as error:
			answer.append(error)

	thread = threading.Thread(target=look_up, daemon=True, name="mail-dns")
	thread.start()
	thread.join(until - monotonic())
	if not answer:
		raise NameServiceFailed(host=host)
	found = answer[0]
	if isinstance(found, list):
		return found
	if isinstance(found, UnicodeError) or (isinstance(found, socket.gaierror) and found.errno in _NO_SUCH_NAME):
		raise HostNotFound(host=host) from found
	raise NameServiceFailed(host=host) from found


def _interleaved(addresses: Sequence[Address]) -> list[Address]:
	"""The addresses with their families taking turns, so that one broken family does not use up the time."""
	first = [address for address in addresses if address[0] == addresses[0][0]]
	others = [address for address in addresses if address[0] != addresses[0][0]]
	return [address for address in chain.from_iterable(zip_longest(first, others)) if address]


def _first_to_answer(settings: ServerSettings, addresses: list[Address], until: float) -> socket.socket:
	waiting = list(addresses)
	errors: list[OSError] = []
	with selectors.DefaultSelector() as selector:
		try:
			while waiting or selector.get_map():
				if waiting:
					_begin(waiting.pop(0), selector, errors)
				left = until - monotonic()
				if left <= 0:
					break
				if not selector.get_map():
					continue
				for key, _events in selector.select(min(STAGGER, left) if waiting else left):
					attempt: socket.socket = key.fileobj
					selector.unregister(attempt)
					code = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
					if not code:
						attempt.setblocking(True)
						return attempt
					attempt.close()
					errors.append(OSError(code, "connect"))
		finally:
			for key in list((selector.get_map() or {}).values()):
				key.fileobj.close()
	raise _connect_error(settings, errors)


def _begin(address: Address, selector: selectors.BaseSelector, errors: list[OSError]) -> None:
	family, target = address
	try:
		attempt = socket.socket(family, socket.SOCK_STREAM)
	except OSError as error:
		errors.append(error)
		return
	attempt.setblocking(False)
	code = attempt.connect_ex(target)
	if code in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
		attempt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		attempt.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
		selector.register(attempt, selectors.EVENT_WRITE)
	else:
		attempt.close()
		errors.append(OSError(code, "connect"))


def _connect_error(settings: ServerSettings, errors: list[OSError]) -> MailError:
	where = {"host": settings.host, "port": settings.effective_port}
	codes = [error.errno for error in errors]
	if errno.ECONNREFUSED in codes:
		return ConnectionRefused(**where)
	if {errno.ENETUNREACH, errno.EHOSTUNREACH} & set(codes):
		return Unreachable(**where, detail=Words(N_("there is no route to it.")))
	return Unreachable(**where, detail=Words(N_("no answer.")))
