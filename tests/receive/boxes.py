"""What the tests of this folder share: a mailbox on the real server, settings, all messages of a fetch."""

from __future__ import annotations

from dataclasses import dataclass

from dokos_mail.engine.connect.imap import open_imap
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.receive.imap import ImapSession
from dokos_mail.engine.receive.model import Fetched
from dokos_mail.engine.receive.rawstore import RawStore
from mail_servers.dovecot import Dovecot
from mail_servers.faults import Listener


@dataclass
class Box:
	"""A mailbox of its own on the shared Dovecot."""

	server: Dovecot
	user: str
	password: str

	def settings(self, **changes: object) -> ServerSettings:
		"""Settings that work: TLS from the start, the certificate verified."""
		values = {
			"host": "localhost",
			"login": self.user,
			"password": self.password,
			"port": self.server.ports["imaps"],
			"security": "tls",
			"ca_file": str(self.server.certificates.authority),
		}
		return ServerSettings(**(values | changes))

	def open(self, **changes: object) -> ImapSession:
		return open_imap(self.settings(**changes))

	def append(self, raw: bytes | list[bytes], folder: str = "INBOX", **options: object) -> list[int]:
		return self.server.append(self.user, raw, folder, **options)


def to_faulty(server: Listener, **changes: object) -> ServerSettings:
	"""Settings that reach a server of ``mail_servers.faults``."""
	values = {
		"host": server.host,
		"port": server.port,
		"login": "me",
		"password": "s3cret-word",
		"security": "plain",
		"timeout": 5,
	}
	return ServerSettings(**(values | changes))


def fetch_all(session: ImapSession, store: RawStore, uids: list[int], **options: object) -> list[Fetched]:
	"""Every message of every batch, in order."""
	return [message for batch in session.fetch(uids, store, **options) for message in batch]
