"""pymap, an IMAP server that pip alone can install: for a demo on a machine without Dovecot and without root.

It has no POP3 and no LMTP, so delivery is an IMAP APPEND, with the headers a real delivery would write put first.
"""

from __future__ import annotations

import imaplib
import importlib.util
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from pathlib import Path

from mail_servers.certificates import Certificates
from mail_servers.server import HOST, MailServer, free_port

START_SECONDS = 30


def have_pymap() -> bool:
	return importlib.util.find_spec("pymap") is not None


class Pymap(MailServer):
	"""pymap with Maildirs below ``folder``. Plain connections must say STARTTLS before they log in."""

	said = (
		"Dovecot is not here and may not be installed: pymap stands in for it. "
		"Real IMAP, but no POP3, and mail is put into the mailbox by IMAP APPEND instead of LMTP."
	)

	def __init__(
		self,
		folder: Path | str,
		users: dict[str, str] | None = None,
		*,
		certificates: Certificates | None = None,
		certificate: str = "good",
		ports: dict[str, int] | None = None,
	) -> None:
		super().__init__(folder, users)
		self.folder.mkdir(parents=True, exist_ok=True)
		self.certificates = certificates or Certificates(self.folder / "tls")
		self.certificate = certificate
		self.fixed_ports = dict(ports or {})
		self.log_path = self.folder / "pymap.log"
		self._process: subprocess.Popen[bytes] | None = None

	def start(self) -> None:
		"""Start and return once it greets. Raises ``RuntimeError`` with the log's end otherwise."""
		for _attempt in range(3):
			if self._start():
				return
			self.stop()
		raise RuntimeError(f"pymap did not start:\n{self.log_tail()}")

	def _start(self) -> bool:
		self.ports = {"imap": self.fixed_ports.get("imap") or self.ports.get("imap") or free_port()}
		pair = self.certificates[self.certificate]
		(self.folder / "mail").mkdir(exist_ok=True)
		self.write_users()
		command = [sys.executable, "-m", "mail_servers.run_pymap", "--host", HOST, "--port", str(self.ports["imap"])]
		command += ["--cert", str(pair.chain), "--key", str(pair.key), "maildir", str(self.folder / "mail")]
		read_end, write_end = os.pipe()
		here = str(Path(__file__).resolve().parents[1])
		paths = [here, os.environ.get("PYTHONPATH", "")]
		environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "MAIL_SERVERS_READY": str(write_end)}
		with self.log_path.open("ab") as log:
			self._process = subprocess.Popen(
				command,
				stdin=subprocess.DEVNULL,
				stdout=log,
				stderr=subprocess.STDOUT,
				start_new_session=True,
				pass_fds=[write_end],
				env=environment,
			)
		os.close(write_end)
		with os.fdopen(read_end, "rb") as ready:
			# The child writes one line once it listens; its end closes the pipe.
			return bool(ready.readline()) and self._greets()

	def _greets(self) -> bool:
		try:
			with socket.create_connection((HOST, self.ports["imap"]), timeout=START_SECONDS) as probe:
				return bool(probe.recv(1))
		except OSError:
			return False

	def stop(self) -> None:
		process, self._process = self._process, None
		if process:
			process.terminate()
			try:
				process.wait(5)
			except subprocess.TimeoutExpired:
				with suppress(ProcessLookupError):
					os.killpg(process.pid, signal.SIGKILL)
				process.wait()

	@property
	def pid(self) -> int | None:
		return self._process.pid if self._process else None

	def log_tail(self, lines: int = 20) -> str:
		if not self.log_path.exists():
			return ""
		return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

	def add_user(self, user: str, password: str) -> None:
		self.users[user] = password
		self.write_users()

	def write_users(self) -> None:
		from pysasl.hashing import BuiltinHash

		hashed = BuiltinHash(rounds=1000)
		root = self.folder / "mail"
		passwd = [f"{user}::::{''}:{user}:\n" for user in self.users]
		shadow = [f"{user}:{hashed.hash(word)}:::::::\n" for user, word in self.users.items()]
		(root / "pymap-etc-passwd").write_text("".join(passwd), encoding="utf-8")
		(root / "pymap-etc-shadow").write_text("".join(shadow), encoding="utf-8")

	@contextmanager
	def client(self, user: str) -> Iterator[imaplib.IMAP4]:
		"""A logged-in imaplib connection of ``user``, over STARTTLS."""
		connection = imaplib.IMAP4(self.host, self.ports["imap"], timeout=30)
		try:
			connection.starttls(ssl.create_default_context(cafile=str(self.certificates.authority)))
			connection.authenticate("PLAIN", lambda _: b"\0" + user.encode() + b"\0" + self.users[user].encode())
			yield connection
		finally:
			try:
				connection.logout()
			except (imaplib.IMAP4.error, OSError):
				connection.shutdown()

	def deliver(self, sender: str, recipient: str, raw: bytes) -> None:
		mailbox = self.mailbox_of(recipient)
		if mailbox is None:
			raise LookupError(f"5.1.1 <{recipient}> No such mailbox here")
		head = (
			f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n"
			f"Received: from relay ([{HOST}]) by localhost with IMAP APPEND\r\n\tfor <{recipient}>; {formatdate(localtime=True)}\r\n"
		)
		try:
			self.append(mailbox, head.encode() + raw)
		except imaplib.IMAP4.error as error:
			raise OSError(str(error)) from error
