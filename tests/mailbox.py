"""A mailbox on a real server, its Email Account on the host, and raw messages to put into it."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from itertools import count
from uuid import uuid4

from mail_servers.server import MailServer

PASSWORD = "mot de passe, è vero"
_numbers = count(1)


def raw(
	subject: str = "Bonjour",
	body: str = "Un message.\n",
	message_id: str | None = "",
	sender: str = "Élodie Martin <elodie@client.test>",
	to: str = "commercial@masociete.test",
	date: str = "Fri, 20 Nov 2026 09:30:00 +0100",
	**headers: str,
) -> bytes:
	"""A plain message; ``message_id`` None leaves that header out, empty makes a fresh one."""
	mail = EmailMessage()
	mail["From"], mail["To"], mail["Subject"], mail["Date"] = sender, to, subject, date
	if message_id is not None:
		mail["Message-ID"] = f"<{message_id or uuid4().hex + '@client.test'}>"
	for name, value in headers.items():
		mail[name.replace("_", "-")] = value
	mail.set_content(body)
	return mail.as_bytes()


@dataclass
class Mailbox:
	"""One user of the mail server and the Email Account that reads it."""

	server: MailServer
	user: str
	account: str = ""

	def put(self, *messages: bytes, folder: str = "INBOX", flags: tuple[str, ...] = ()) -> list[int]:
		"""Append messages; returns their UIDs."""
		return self.server.append(self.user, list(messages), folder=folder, flags=flags)

	def flags(self, folder: str = "INBOX") -> dict[int, frozenset[str]]:
		return self.server.flags(self.user, folder)


def new_user(server: MailServer) -> str:
	"""A user of the server that no other test has."""
	user = f"boite-{next(_numbers)}-{uuid4().hex[:6]}@masociete.test"
	server.add_user(user, PASSWORD)
	return user


def account_values(server: MailServer, user: str, **settings: object) -> dict[str, object]:
	"""What an administrator fills in for that user."""
	return {
		"doctype": "Email Account",
		"email_id": user,
		"email_account_name": user.partition("@")[0],
		"password": server.users[user],
		"enable_incoming": 1,
		"use_imap": 1,
		"email_server": server.host,
		"incoming_port": str(server.ports["imap"]),
		"email_sync_option": "ALL",
		"initial_sync_count": "250",
	} | settings
