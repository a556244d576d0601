"""What sending costs: a session for all messages against a session for each, the queue on top of it, its memory."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.send.courier import Courier
from mail_servers.certificates import Certificates
from mail_servers.smtp_faults import FaultySmtp

MESSAGE = (
	b"From: Commercial <commercial@masociete.test>\r\nTo: b@there.test\r\nSubject: Votre devis\r\n"
	b"Message-ID: <1@masociete.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
	+ b"Une ligne comme les autres, de soixante-dix signes environ, et encore.\r\n"
	* 100
)
_fork = multiprocessing.get_context("fork")


@contextmanager
def sink(folder: Path) -> Iterator[tuple[int, str]]:
	"""An SMTP server that takes everything and keeps nothing, in a process of its own, with AUTH and STARTTLS."""
	certificates = Certificates(folder / "tls")
	ours, theirs = _fork.Pipe()

	def serve() -> None:
		context = certificates.good.server_context()
		with FaultySmtp(certificate=context, login=lambda _mechanism, _said: True, keep=False) as server:
			theirs.send(server.port)
			theirs.recv()

	process = _fork.Process(target=serve, daemon=True)
	process.start()
	try:
		yield ours.recv(), str(certificates.authority)
	finally:
		ours.send(None)
		process.join(20)


def settings(port: int, authority: str) -> ServerSettings:
	"""As an account of a provider has them: STARTTLS, verified, with a login."""
	return ServerSettings(
		host="127.0.0.1",
		port=port,
		protocol="smtp",
		security="starttls",
		login="commercial@masociete.test",
		password="secret",
		ca_file=authority,
	)


def rates(count: int, alone: int) -> tuple[float, float]:
	"""Messages per second over one session, and with a session for each of ``alone`` messages."""
	with TemporaryDirectory() as folder, sink(Path(folder)) as (port, authority):
		where = settings(port, authority)
		found = []
		for number, each_its_own in ((count, False), (alone, True)):
			courier = Courier(where)
			began = time.perf_counter()
			for _message in range(number):
				[delivery] = courier.send("commercial@masociete.test", ["b@there.test"], MESSAGE)
				assert delivery.accepted
				if each_its_own:
					courier.quit()
			courier.quit()
			found.append(number / (time.perf_counter() - began))
	return found[0], found[1]
