"""The demo's mail servers and what is sent through them."""

from __future__ import annotations

import imaplib
import re
import shutil
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from demo.messages import COMMERCIAL, SUPPORT, Sent
from demo.place import Place, Trouble, need_port
from mail_servers.__main__ import running, start, state_of, stop
from mail_servers.dovecot import mail_root_of
from mail_servers.server import encode_folder


@contextmanager
def servers_of(place: Place, program: str = "auto") -> Iterator[dict[str, Any]]:
	"""Mail servers on the ports of the run before; yields what is known of them. Mail stays when they stop.

	``program`` is "dovecot", "pymap", or "auto" for Dovecot where there is one. Servers that run already, for a desk
	served meanwhile, are used and left running.
	"""
	if known := running(place.mail):
		yield known
		return
	for port in (state_of(place.mail) or {}).get("ports", {}).values():
		need_port(port, "the demo's mailboxes are set to it. Stop that program, or start afresh with `make clean demo`.")
	if not place.memory.sent:
		_forget_mail(place)
	users = [word for user in (COMMERCIAL, SUPPORT) for word in ("--user", f"{user}:{place.memory.mail_password}")]
	try:
		known = start(place.mail, ["--folder", str(place.mail), "--program", program, *users])
	except SystemExit as reason:
		raise Trouble(str(reason).strip())
	try:
		yield known
	finally:
		stop(place.mail)


def _forget_mail(place: Place) -> None:
	"""Remove mailboxes that a demo of this folder, deleted since, left elsewhere (root's Dovecot keeps them apart)."""
	folder = place.mail / "mailserver"
	folder.mkdir(parents=True, exist_ok=True)
	left = mail_root_of(folder)
	if left.exists():
		shutil.rmtree(left)


def send(servers: dict[str, Any], sent: Sent) -> None:
	"""Send a message through SMTP; one that belongs in a folder is then moved there, as its reader would."""
	with smtplib.SMTP(servers["host"], servers["ports"]["smtp"], timeout=30) as smtp:
		smtp.sendmail(sent.sender, sent.recipients, sent.raw())
	if sent.folder:
		_move_last(servers, sent.recipients[0], sent.folder)


@contextmanager
def _mailbox(servers: dict[str, Any], user: str) -> Iterator[imaplib.IMAP4]:
	connection = imaplib.IMAP4("localhost", servers["ports"]["imap"], timeout=30)
	connection.starttls(ssl.create_default_context(cafile=servers["authority"]))
	try:
		connection.login(user, servers["users"][user])
		yield connection
	finally:
		connection.logout()


def _move_last(servers: dict[str, Any], user: str, folder: str) -> None:
	with _mailbox(servers, user) as mailbox:
		mailbox.create(encode_folder(folder))
		mailbox.select("INBOX")
		_status, found = mailbox.uid("SEARCH", "ALL")
		status, data = mailbox.uid("MOVE", found[0].split()[-1].decode(), encode_folder(folder))
		if status != "OK":
			raise Trouble(f"The mail server would not move a message to {folder}: {data!r}")


def write(servers: dict[str, Any], to: str, subject: str, text: str) -> str:
	"""Send a mail of the user's own making to one of the accounts; returns its Message-ID."""
	from email.message import EmailMessage
	from email.policy import SMTP
	from email.utils import localtime, make_msgid

	mail = EmailMessage(policy=SMTP)
	mail["From"] = "Camille Durand <camille.durand@client.test>"
	mail["To"], mail["Subject"], mail["Date"] = to, subject, localtime()
	mail["Message-ID"] = make_msgid(domain="client.test")
	mail.set_content(text + "\n")
	with smtplib.SMTP(servers["host"], servers["ports"]["smtp"], timeout=30) as smtp:
		smtp.send_message(mail)
	return re.sub("[<>]", "", str(mail["Message-ID"]))
