"""pymap's own program, with two additions.

A line on an inherited pipe once it listens (it has no other sign). And messages are kept octet by octet: pymap has
Python's email package read and write them again, which changes broken ones or fails on them.
"""

from __future__ import annotations

import os
from mailbox import MaildirMessage
from typing import IO

import pymap.backend.maildir as backend
import pymap.backend.maildir.mailbox as storage
import pymap.main


class RawMessage(MaildirMessage):
	"""A message that keeps the octets it was made of."""

	def __init__(self, message: object = None) -> None:
		self.raw = message if isinstance(message, bytes) else getattr(message, "raw", None)
		if isinstance(message, bytes):
			# Only the Maildir's own data is needed of the parsed form.
			super().__init__()
		else:
			super().__init__(message)

	def __bytes__(self) -> bytes:
		return self.raw if self.raw is not None else super().__bytes__()


class RawMaildir(storage.Maildir):
	"""A Maildir whose files are the messages as they came."""

	def get_message(self, key: str) -> RawMessage:
		described = self.get_message_metadata(key)
		message = RawMessage(self.get_bytes(key))
		message.set_subdir(described.get_subdir())
		message.set_info(described.get_info())
		message.set_date(described.get_date())
		return message

	def get_bytes(self, key: str) -> bytes:
		with open(self._join(self._lookup(key)), "rb") as file:
			return file.read()

	def _dump_message(self, message: object, target: IO[bytes], mangle_from_: bool = False) -> None:
		raw = getattr(message, "raw", None)
		if raw is None:
			super()._dump_message(message, target, mangle_from_)
		else:
			target.write(raw)


def _tell() -> None:
	descriptor = int(os.environ["MAIL_SERVERS_READY"])
	os.write(descriptor, b"ready\n")
	os.close(descriptor)


storage.MaildirMessage = RawMessage
storage.Maildir = backend.Maildir = RawMaildir
pymap.main.notify_ready = _tell

if __name__ == "__main__":
	pymap.main.main()
