"""A real Postfix 3, with a configuration, a queue and a data folder of its own: submission as providers run it.

Postfix's master must be started by root (it gives up its rights for each of its processes). AUTH asks a Dovecot of
ours. Ready is what greets on its ports.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from mail_servers.certificates import Certificates
from mail_servers.dovecot import Dovecot
from mail_servers.server import HOST, free_ports

START_SECONDS = 20
_PLACES = ("/usr/sbin", "/usr/local/sbin")


def find_postfix() -> str | None:
	"""The path of Postfix's control program where it is installed and can be started: by root only."""
	return shutil.which("postfix", path=os.pathsep.join([os.environ.get("PATH", ""), *_PLACES])) if os.getuid() == 0 else None


class Postfix:
	"""Postfix in front of ``dovecot``: its users log in, and mail to them is delivered by LMTP.

	``auth_port`` is where the Dovecot answers about logins (``extra=auth_service(port)``). ``answers`` maps recipients to what Postfix says of them (``"450 4.2.1 mailbox busy"``). ``size`` is the largest
	message. Ports: ``submission`` with STARTTLS and ``submissions`` with TLS from the start, both with AUTH only, and
	``smtp`` without login, for whoever is on this machine.
	"""

	host = HOST

	def __init__(
		self,
		folder: Path | str,
		dovecot: Dovecot,
		*,
		auth_port: int,
		answers: Mapping[str, str] | None = None,
		certificates: Certificates | None = None,
		certificate: str = "good",
		size: int = 1_000_000,
	) -> None:
		self.folder = Path(folder).resolve()
		self.dovecot, self.answers, self.size = dovecot, dict(answers or {}), size
		self.pair = (certificates or dovecot.certificates)[certificate]
		self.ports: dict[str, int] = {"auth": auth_port}
		self._root: Path | None = None

	def start(self) -> None:
		"""Start, and return once each port greets. RuntimeError with its log otherwise."""
		program = find_postfix()
		if not program:
			raise RuntimeError("Postfix is not installed (Debian: postfix), or this is not root, who alone can start it.")
		self.folder.mkdir(parents=True, exist_ok=True)
		# Its processes, which are not root, must be able to walk there, and Unix sockets have short paths.
		self._root = Path(tempfile.mkdtemp(prefix="pf-"))
		self._root.chmod(0o755)
		names = ("submission", "submissions", "smtp")
		self.ports |= dict(zip(names, free_ports(len(names)), strict=True))
		for name in ("etc", "queue", "data"):
			(self._root / name).mkdir()
		shutil.chown(self._root / "data", "postfix")
		shutil.copytree("/etc/postfix/postfix-files.d", self._root / "etc" / "postfix-files.d", dirs_exist_ok=True)
		shutil.copy("/etc/postfix/postfix-files", self._root / "etc")
		for name in ("chain", "key"):
			copied = self._root / "etc" / name
			shutil.copy(getattr(self.pair, name), copied)
			copied.chmod(0o600)
		(self._root / "etc" / "main.cf").write_text(self._main())
		(self._root / "etc" / "master.cf").write_text(self._master())
		(self._root / "etc" / "recipients").write_text("".join(f"{each} {said}\n" for each, said in self.answers.items()))
		done = self._postfix("start")
		if done.returncode:
			raise RuntimeError(f"Postfix did not start:\n{done.stderr}\n{self.log_tail()}")
		self._wait()

	def _wait(self) -> None:
		until = time.monotonic() + START_SECONDS
		for service in ("submission", "submissions", "smtp"):
			while time.monotonic() < until:
				with contextlib.suppress(OSError), socket.create_connection((HOST, self.ports[service]), timeout=1) as probe:
					if service == "submissions" or probe.recv(1):
						break
			else:
				raise RuntimeError(f"Postfix does not greet:\n{self.log_tail()}")

	def stop(self) -> None:
		"""End all of its processes; the queue is forgotten."""
		if self._root:
			self._postfix("stop")
			shutil.rmtree(self._root, ignore_errors=True)
			self._root = None

	def __enter__(self) -> Postfix:
		self.start()
		return self

	def __exit__(self, *exc_info: object) -> None:
		self.stop()

	def log_tail(self, lines: int = 30) -> str:
		log = self.folder / "postfix.log"
		return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

	def _postfix(self, *words: str) -> subprocess.CompletedProcess[str]:
		program = find_postfix() or "postfix"
		return subprocess.run(
			[program, "-c", str(self._root / "etc"), *words], capture_output=True, text=True, timeout=60, check=False
		)

	def send_plain(self, sender: str, recipient: str, raw: bytes) -> None:
		"""Send through the port without login, by smtplib: another client than the app's."""
		with smtplib.SMTP(HOST, self.ports["smtp"], timeout=20) as client:
			client.sendmail(sender, [recipient], raw)

	# configuration

	def _main(self) -> str:
		domains = " ".join(sorted({user.rpartition("@")[2] for user in self.dovecot.users}))
		return f"""
compatibility_level = 3.6
queue_directory = {self._root}/queue
data_directory = {self._root}/data
mail_owner = {pwd.getpwnam("postfix").pw_name}
setgid_group = postdrop
myhostname = mail.masociete.test
inet_interfaces = {HOST}
inet_protocols = ipv4
mynetworks =
mydestination =
alias_maps =
local_recipient_maps =
maillog_file = {self.folder}/postfix.log
maillog_file_prefixes = /
message_size_limit = {self.size}
virtual_mailbox_domains = {domains}
virtual_transport = lmtp:inet:{HOST}:{self.dovecot.ports["lmtp"]}
default_transport = discard:elsewhere
recipient_delimiter = +
smtpd_tls_cert_file = {self._root}/etc/chain
smtpd_tls_key_file = {self._root}/etc/key
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:{HOST}:{self.ports["auth"]}
smtpd_recipient_restrictions = check_recipient_access texthash:{self._root}/etc/recipients, permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_client_connection_rate_limit = 0
smtputf8_enable = yes
lmtp_destination_concurrency_limit = 5
"""

	def _master(self) -> str:
		submission = "  -o smtpd_sasl_auth_enable=yes\n  -o smtpd_client_restrictions=permit_sasl_authenticated,reject\n"
		services = "\n".join(
			f"{name} {kind} {private} - n {wakeup} {limit} {command}"
			for name, kind, private, wakeup, limit, command in (
				("pickup", "unix", "n", "60", "1", "pickup"),
				("cleanup", "unix", "n", "-", "0", "cleanup"),
				("qmgr", "unix", "n", "300", "1", "qmgr"),
				("tlsmgr", "unix", "-", "1000?", "1", "tlsmgr"),
				("rewrite", "unix", "-", "-", "-", "trivial-rewrite"),
				("bounce", "unix", "-", "-", "0", "bounce"),
				("defer", "unix", "-", "-", "0", "bounce"),
				("trace", "unix", "-", "-", "0", "bounce"),
				("verify", "unix", "-", "-", "1", "verify"),
				("flush", "unix", "n", "1000?", "0", "flush"),
				("proxymap", "unix", "-", "-", "-", "proxymap"),
				("error", "unix", "-", "-", "-", "error"),
				("retry", "unix", "-", "-", "-", "error"),
				("discard", "unix", "-", "-", "-", "discard"),
				("lmtp", "unix", "-", "-", "-", "lmtp"),
				("anvil", "unix", "-", "-", "1", "anvil"),
				("scache", "unix", "-", "-", "1", "scache"),
				("postlog", "unix-dgram", "n", "-", "1", "postlogd"),
			)
		)
		return f"""
{HOST}:{self.ports["submission"]} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_auth_only=yes
{submission}{HOST}:{self.ports["submissions"]} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
{submission}{HOST}:{self.ports["smtp"]} inet n - n - - smtpd
  -o mynetworks=127.0.0.0/8
  -o smtpd_relay_restrictions=permit_mynetworks,reject
{services}
"""


def auth_service(port: int) -> str:
	"""What a Dovecot's ``extra`` configuration needs so that a Postfix may ask it about logins."""
	return f"service auth {{\n  inet_listener {{\n    address = {HOST}\n    port = {port}\n  }}\n}}\n"
