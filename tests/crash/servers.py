"""Mail servers whose whole state is a value: taken down before a cut, and put back before the next."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from socket import socket

from mail_servers.faults import FaultyImap
from mail_servers.faulty_pop3 import FaultyPop3


@dataclass
class Folder:
	"""An IMAP folder: ``messages`` by UID, their ``flags``."""

	uidvalidity: int = 7
	messages: dict[int, bytes] = field(default_factory=dict)
	flags: dict[int, set[str]] = field(default_factory=dict)

	def put(self, *messages: bytes) -> None:
		for message in messages:
			self.messages[max(self.messages, default=0) + 1] = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

	def renumber(self, uidvalidity: int, start: int) -> None:
		"""As after a server's mailbox was made anew."""
		numbers = {uid: number for number, uid in enumerate(sorted(self.messages), start)}
		self.messages = {numbers[uid]: message for uid, message in self.messages.items()}
		self.flags = {numbers[uid]: flags for uid, flags in self.flags.items()}
		self.uidvalidity = uidvalidity


class Imap(FaultyImap):
	"""Several folders; a client that selects one sees its messages alone. One client at a time."""

	def __init__(self) -> None:
		super().__init__()
		self.boxes: dict[str, Folder] = {"INBOX": Folder()}

	def _command(self, connection: socket, stream: object, tag: bytes, name: str, rest: bytes) -> bool:
		if name in ("SELECT", "EXAMINE"):
			folder = self.boxes[rest.split(b" ", 1)[1].strip(b'"').decode()]
			self.messages, self.flags, self.uidvalidity = folder.messages, folder.flags, folder.uidvalidity
		return super()._command(connection, stream, tag, name, rest)

	def state(self) -> object:
		return copy.deepcopy(self.boxes)

	def restore(self, state: object) -> None:
		self.boxes = copy.deepcopy(state)

	def promised(self) -> object:
		"""What a client sees of it in the end: UIDs and flags."""
		return {name: {uid: sorted(folder.flags.get(uid, ())) for uid in folder.messages} for name, folder in self.boxes.items()}


class Pop3(FaultyPop3):
	"""A mailbox: what is left of it is what was promised."""

	def put(self, *messages: bytes) -> None:
		for message in messages:
			self.messages[f"id-{len(self.messages) + self.quits * 100}"] = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

	def state(self) -> object:
		return dict(self.messages), self.quits

	def restore(self, state: object) -> None:
		messages, self.quits = state
		self.messages = dict(messages)

	def promised(self) -> object:
		return sorted(self.messages)
