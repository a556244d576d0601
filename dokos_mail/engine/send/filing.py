"""The copy of a sent message in the mailbox: which folder, whether it is there already, putting it there."""

from __future__ import annotations

import re
from datetime import datetime

from dokos_mail.engine.errors import CommandRefused, FolderMissing, quoted
from dokos_mail.engine.receive.imap import ImapSession
from dokos_mail.engine.receive.responses import read_response
from dokos_mail.engine.receive.utf7 import encode_folder, quote

#: Servers that put what is sent through them into the mailbox's Sent folder by themselves.
FILING = ("gmail.com", "googlemail.com", "office365.com", "outlook.com", "hotmail.com", "live.com")
#: Names of the folder where no attribute tells (RFC 6154), in the languages of those who use this.
NAMES = (
	"sent", "sent items", "sent mail", "sent messages", "envoyés", "éléments envoyés", "messages envoyés", "objets envoyés",
	"courrier envoyé", "courriers envoyés", "gesendet", "gesendete objekte", "enviados", "posta inviata", "verzonden",
)  # fmt: skip


def files_by_itself(smtp_host: str) -> bool:
	"""Whether the server files what it sends: a second copy would be one too many, and its copy is a proof."""
	name = smtp_host.strip().lower().rstrip(".")
	return any(name == domain or name.endswith("." + domain) for domain in FILING)


def sent_folder(session: ImapSession, named: str = "") -> str:
	"""The folder for sent messages: the one named, else the one marked \\Sent, else one called so. Raises FolderMissing."""
	folders = [folder for folder in session.folders() if "\\noselect" not in {flag.lower() for flag in folder.flags}]
	if named:
		return named
	marked = [folder for folder in folders if "\\sent" in {flag.lower() for flag in folder.flags}]
	if marked:
		return marked[0].name
	for wanted in NAMES:
		for folder in folders:
			last = folder.name.rsplit(folder.delimiter, 1)[-1] if folder.delimiter else folder.name
			if last.lower() == wanted:
				return folder.name
	settings = session.settings
	raise FolderMissing(host=settings.host, port=settings.effective_port, login=settings.login, folder="Sent", detail="")


def has_message(session: ImapSession, folder: str, message_id: str) -> bool:
	"""Whether a folder holds a message of that Message-ID."""
	wanted = message_id.strip().strip("<>")
	if not re.fullmatch(r"[\x21-\x7e]{1,900}", wanted) or '"' in wanted or "\\" in wanted:
		return False
	session.select(folder)
	return bool(session.search(f'HEADER Message-ID "{wanted}"'))


def append(session: ImapSession, folder: str, message: bytes, received: datetime | None = None) -> None:
	"""Put a message into a folder, marked as read (RFC 3501 section 6.3.11). Raises CommandRefused or FolderMissing."""
	date = b' "' + _internal_date(received) + b'"' if received else b""
	tag = session.send(b"APPEND " + quote(encode_folder(folder)) + b" (\\Seen)" + date + b" {%d}" % len(message))
	while True:
		response = read_response(session.wire, None)
		if response.tag == b"+":
			break
		if response.tag == tag:
			raise _refusal(session, folder, response.text)
	session.wire.send(message + b"\r\n")
	answer = session.wait(tag, lambda _response: None)
	if answer.name != "OK":
		raise _refusal(session, folder, answer.text)


def _refusal(session: ImapSession, folder: str, text: bytes) -> CommandRefused | FolderMissing:
	settings = session.settings
	kind = FolderMissing if b"TRYCREATE" in text.upper() else CommandRefused
	return kind(
		host=settings.host,
		port=settings.effective_port,
		login=settings.login,
		folder=folder,
		detail=quoted(text, settings.password),
	)


def _internal_date(moment: datetime) -> bytes:
	month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[moment.month - 1]
	zone = moment.strftime("%z") or "+0000"
	return f"{moment.day:2d}-{month}-{moment:%Y %H:%M:%S} {zone}".encode("ascii")
