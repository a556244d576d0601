"""Files in a message: attachments and inline images as MIME parts."""

from __future__ import annotations

import mimetypes
import re
from base64 import encodebytes
from dataclasses import dataclass
from email.message import Message

from .headers import one_line, parameters
from .mime import POLICY, parse

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+", re.I)


@dataclass(frozen=True)
class File:
	"""A file to send. ``type`` is guessed from the name where it is empty; with ``content_id`` it is an inline image."""

	name: str
	content: bytes
	type: str = ""
	content_id: str = ""


def file_name(name: str) -> str:
	"""A name without path and control characters."""
	return one_line(re.split(r"[/\\]", name)[-1]) or "attachment"


def file_part(file: File) -> Message:
	"""The part of a file: its name by RFC 2231, and once more for clients that do not know that."""
	name = file_name(file.name)
	kind = (file.type or mimetypes.guess_type(name)[0] or "application/octet-stream").lower()
	if not _TYPE.fullmatch(kind) or kind.startswith("multipart/"):
		kind = "application/octet-stream"
	part = Message(policy=POLICY)
	if kind == "message/rfc822":
		# may only be sent as it is (RFC 2046 section 5.2.1), which not every message can
		if _can_be_sent_as_it_is(file.content):
			part["Content-Type"] = parameters(kind, [("name", name, False)])
			part["Content-Disposition"] = parameters("attachment", [("filename", name, True)])
			part.set_payload([parse(file.content)])
			return part
		kind = "application/octet-stream"
	extra = [("charset", "utf-8", False)] if kind.startswith("text/") and _is_utf8(file.content) else []
	part["Content-Type"] = parameters(kind, [*extra, ("name", name, False)])
	part["Content-Transfer-Encoding"] = "base64"
	part["Content-Disposition"] = parameters("inline" if file.content_id else "attachment", [("filename", name, True)])
	if file.content_id:
		part["Content-ID"] = f"<{file.content_id}>"
	part.set_payload(encodebytes(file.content).decode("ascii"))
	return part


def _can_be_sent_as_it_is(content: bytes) -> bool:
	return content.isascii() and b"\0" not in content and all(len(line) <= 990 for line in content.splitlines())


def _is_utf8(content: bytes) -> bool:
	try:
		content.decode("utf-8")
	except UnicodeDecodeError:
		return False
	return True
