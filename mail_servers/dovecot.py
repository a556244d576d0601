"""A real Dovecot 2.3, started from a generated configuration, as root or as any user.

Readiness is Dovecot's own word in its log, then a greeting on each port: nothing is waited for by the clock.
"""

from __future__ import annotations

import base64
import contextlib
import grp
import hashlib
import imaplib
import os
import pwd
import select
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Literal

from mail_servers.certificates import Certificates
from mail_servers.server import HOST, MailServer, encode_folder, free_ports

START_SECONDS = 20
SERVICES = ("imap", "imaps", "pop3", "pop3s", "lmtp")
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")


def find_dovecot() -> str | None:
	"""The path of Dovecot's master program when IMAP and LMTP are installed with it."""
	program = shutil.which("dovecot", path=os.pathsep.join([os.environ.get("PATH", ""), *_PLACES]))
	libexec = ("/usr/lib/dovecot", "/usr/libexec/dovecot", "/usr/local/libexec/dovecot")
	complete = any(os.path.exists(f"{place}/imap") and os.path.exists(f"{place}/lmtp") for place in libexec)
	return program if program and complete else None


def _reachable(folder: Path) -> bool:
	"""True when every user of the machine may walk into ``folder``."""
	return all(parent.stat().st_mode & 0o001 for parent in [folder, *folder.parents])


def mail_root_of(folder: Path) -> Path:
	"""Where a Dovecot of ``folder`` keeps mail: below it, or below the system's temporary folder (see Dovecot)."""
	if os.getuid() or _reachable(folder):
		return folder / "mail"
	return Path(tempfile.gettempdir()) / ("dokos-mail-" + hashlib.sha256(str(folder).encode()).hexdigest()[:12])


class Dovecot(MailServer):
	"""Dovecot below ``folder``: a configuration, a log, certificates and the mail of ``users``.

	``storage`` is "maildir" or "sdbox". ``certificate`` is a kind of :class:`Certificates`. ``tls`` False offers none.
	``ports`` gives fixed ports; a service without one gets a free one. ``extra`` is appended to the configuration.
	Mail stays over ``stop()`` and ``start()``. A Dovecot started by root reads mail as "nobody" (it refuses root); when
	"nobody" cannot reach ``folder``, the mail lies in ``mail_root`` below the system's temporary folder and leaving the
	context removes it, unless ``keep``.
	"""

	said = "Dovecot, the real one: IMAP, POP3 and LMTP."

	def __init__(
		self,
		folder: Path | str,
		users: dict[str, str] | None = None,
		*,
		storage: Literal["maildir", "sdbox"] = "maildir",
		certificate: str = "good",
		certificates: Certificates | None = None,
		tls: bool = True,
		plaintext_login: bool = True,
		ports: dict[str, int] | None = None,
		separator: str = "/",
		prefix: str = "",
		extra: str = "",
		keep: bool = False,
	) -> None:
		super().__init__(folder, users)
		self.folder.mkdir(parents=True, exist_ok=True)
		self.certificates = certificates or Certificates(self.folder / "tls")
		self.storage, self.certificate, self.tls, self.plaintext_login = storage, certificate, tls, plaintext_login
		self.separator, self.prefix, self.extra, self.keep = separator, prefix, extra, keep
		self.fixed_ports = dict(ports or {})
		self.log_path = self.folder / "dovecot.log"
		self._process: subprocess.Popen[bytes] | None = None
		self._run: Path | None = None
		self._listening = threading.Event()
		self._reader: threading.Thread | None = None
		self.mail_root = mail_root_of(self.folder)

	# life

	def start(self) -> None:
		"""Start and return once each port greets. Raises ``RuntimeError`` with the log's last lines otherwise."""
		program = find_dovecot()
		if not program:
			raise RuntimeError("Dovecot with IMAP and LMTP is not installed (Debian: dovecot-imapd dovecot-pop3d dovecot-lmtpd).")
		before = self.ports
		for _attempt in range(3):
			if self._start(program):
				return
			self.stop()
			# Another program may have taken a port since it was found free.
			self.ports = before
		raise RuntimeError(f"Dovecot did not start:\n{self.log_tail()}")

	def _start(self, program: str) -> bool:
		services = [name for name in SERVICES if self.tls or name not in ("imaps", "pop3s")]
		known = {**self.ports, **self.fixed_ports}
		found = free_ports(len(services))
		self.ports = {name: known.get(name) or port for name, port in zip(services, found, strict=True)}
		# Paths of Unix sockets are limited to 107 octets, so the run folder does not follow ours.
		self._run = Path(tempfile.mkdtemp(prefix="dc-"))
		self._run.chmod(0o755)
		self.mail_root.mkdir(parents=True, exist_ok=True)
		if os.getuid() == 0:
			shutil.chown(self.mail_root, *self._identities()["mail"])
		self.write_users()
		config = self.folder / "dovecot.conf"
		config.write_text(self._config(), encoding="utf-8")
		self._listening.clear()
		self._process = subprocess.Popen(
			[program, "-F", "-c", str(config)],
			stdin=subprocess.DEVNULL,
			stdout=subprocess.PIPE,
			stderr=subprocess.STDOUT,
			start_new_session=True,
		)
		self._reader = threading.Thread(target=self._read_log, args=(self._process,), daemon=True)
		self._reader.start()
		self._listening.wait(START_SECONDS)
		return self._process.poll() is None and all(self._greets(name) for name in self.ports)

	def _read_log(self, process: subprocess.Popen[bytes]) -> None:
		assert process.stdout
		with self.log_path.open("ab") as log:
			for line in process.stdout:
				log.write(line)
				log.flush()
				if b"starting up for" in line:
					self._listening.set()
		self._listening.set()

	def _greets(self, service: str) -> bool:
		try:
			with socket.create_connection((HOST, self.ports[service]), timeout=START_SECONDS) as probe:
				return service in ("imaps", "pop3s") or bool(probe.recv(1))
		except OSError:
			return False

	def stop(self) -> None:
		"""End the whole tree of processes; mail and settings stay. Stopping twice is harmless."""
		process, self._process = self._process, None
		if process:
			process.terminate()
			try:
				process.wait(10)
			except subprocess.TimeoutExpired:
				os.killpg(process.pid, signal.SIGKILL)
				process.wait()
			with contextlib.suppress(ProcessLookupError):
				os.killpg(process.pid, signal.SIGKILL)
			_wait_for_group(process.pid)
			if self._reader:
				self._reader.join(10)
			if process.stdout:
				process.stdout.close()
		if self._run:
			shutil.rmtree(self._run, ignore_errors=True)
			self._run = None

	def restart(self) -> None:
		"""Stop and start on the same ports, the mail kept."""
		self.fixed_ports = dict(self.ports)
		self.stop()
		self.start()

	def __exit__(self, *exc_info: object) -> None:
		self.stop()
		if not self.keep and self.mail_root.parent != self.folder:
			shutil.rmtree(self.mail_root, ignore_errors=True)

	@property
	def pid(self) -> int | None:
		return self._process.pid if self._process else None

	def log_tail(self, lines: int = 20) -> str:
		if not self.log_path.exists():
			return ""
		return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

	# users and folders

	def add_user(self, user: str, password: str) -> None:
		"""Add a user, or change a password, while running; back once the server knows."""
		known = self.users.get(user)
		self.users[user] = password
		self._write_user(user)
		if known is not None and known != password and self._process:
			# Dovecot looks at a file it knows once a second at most.
			for _attempt in range(500):
				if self._knows(user):
					return
			raise RuntimeError(f"Dovecot does not take the new password of {user}.")

	def write_users(self) -> None:
		for user in self.users:
			self._write_user(user)

	def _write_user(self, user: str) -> None:
		# A file for each, since Dovecot would notice a new line in one that it has read only a second later.
		folder = self.folder / "users.d"
		folder.mkdir(exist_ok=True)
		fresh = folder / f".{user}"
		password = base64.b64encode(self.users[user].encode()).decode()
		fresh.write_text(f"{user}:{{PLAIN.b64}}{password}::::::\n", encoding="utf-8")
		fresh.chmod(0o600)
		if (known := folder / user).exists():
			# Dovecot compares whole seconds and the size: a password as long as the last, in the same second, it never sees.
			moment = max(int(fresh.stat().st_mtime), int(known.stat().st_mtime) + 1)
			os.utime(fresh, (moment, moment))
		fresh.replace(known)

	def _knows(self, user: str) -> bool:
		try:
			with self.client(user):
				return True
		except imaplib.IMAP4.error:
			return False

	def doveadm(self, *arguments: str) -> str:
		"""Run ``doveadm`` on this server and return what it printed."""
		program = Path(find_dovecot() or "dovecot")
		doveadm = (
			shutil.which("doveadm") or shutil.which("doveadm", path="/usr/bin:/usr/local/bin") or str(program.parent / "doveadm")
		)
		command = [doveadm, "-c", str(self.folder / "dovecot.conf"), *arguments]
		done = subprocess.run(command, capture_output=True, timeout=60, check=False)
		if done.returncode:
			raise RuntimeError(f"doveadm {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
		return done.stdout.decode()

	def change_uidvalidity(self, user: str, value: int, folder: str = "INBOX") -> None:
		"""Give a folder another UIDVALIDITY: for a client, every UID it knew is void."""
		self.doveadm("mailbox", "update", "-u", user, "--uid-validity", str(value), folder)

	def mailbox_path(self, user: str, folder: str = "INBOX") -> Path:
		"""Where a folder's files are (maildir only)."""
		root = self.mail_root / user / "mail"
		return root if folder == "INBOX" else root / ("." + encode_folder(folder)[1:-1].replace(self.separator, "."))

	def deliver(self, sender: str, recipient: str, raw: bytes) -> None:
		"""Deliver by LMTP: Dovecot adds Return-Path, Delivered-To and Received."""
		with smtplib.LMTP(self.host, self.ports["lmtp"], timeout=30) as lmtp:
			try:
				options = ["BODY=8BITMIME"] if lmtp.has_extn("8bitmime") else []
				lmtp.sendmail(sender, [recipient], raw, mail_options=options)
			except smtplib.SMTPRecipientsRefused as refused:
				code, text = refused.recipients[recipient]
				if code // 100 == 5:
					raise LookupError(text.decode(errors="replace")) from refused
				raise OSError(text.decode(errors="replace")) from refused

	# configuration

	def _identities(self) -> dict[str, tuple[str, str]]:
		"""User and group for Dovecot's own processes, its login processes, and the reading of mail."""
		me = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
		if os.getuid():
			return {"internal": me, "login": me, "mail": me}
		nobody = pwd.getpwnam("nobody")
		reader = nobody.pw_name, grp.getgrgid(nobody.pw_gid).gr_name
		return {"internal": me, "login": reader, "mail": reader}

	def _config(self) -> str:
		who = self._identities()
		mail_user, mail_group = who["mail"]
		pair = self.certificates[self.certificate]
		tls = (
			f"ssl = yes\nssl_cert = <{pair.chain}\nssl_key = <{pair.key}\nssl_min_protocol = TLSv1.2" if self.tls else "ssl = no"
		)
		return f"""
base_dir = {self._run}
state_dir = {self._run}/state
instance_name = dokos-mail-{self._run.name if self._run else ""}
log_path = /dev/stderr
protocols = imap pop3 lmtp
listen = {HOST}
default_internal_user = {who["internal"][0]}
default_internal_group = {who["internal"][1]}
default_login_user = {who["login"][0]}
default_client_limit = 4096
first_valid_uid = 1
first_valid_gid = 1
{tls}
disable_plaintext_auth = {"no" if self.plaintext_login else "yes"}
auth_mechanisms = plain login
auth_failure_delay = 0 secs
auth_verbose = yes
recipient_delimiter = +
mail_fsync = never
mail_max_userip_connections = 1000
mail_location = {self.storage}:~/mail
lmtp_save_to_detail_mailbox = no
lda_mailbox_autocreate = yes
postmaster_address = postmaster@localhost
submission_host = {HOST}:9

passdb {{
  driver = passwd-file
  args = username_format=%u {self.folder}/users.d/%u
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {self.folder}/users.d/%u
  override_fields = uid={mail_user} gid={mail_group} home={self.mail_root}/%u
}}
namespace inbox {{
  inbox = yes
  separator = {self.separator}
  prefix = {self.prefix}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {self.ports["imap"]}
  }}
  inet_listener imaps {{
    port = {self.ports.get("imaps", 0)}
    ssl = {"yes" if self.tls else "no"}
  }}
}}
service pop3-login {{
  chroot =
  service_count = 0
  inet_listener pop3 {{
    port = {self.ports["pop3"]}
  }}
  inet_listener pop3s {{
    port = {self.ports.get("pop3s", 0)}
    ssl = {"yes" if self.tls else "no"}
  }}
}}
service imap {{
  process_limit = 1024
}}
service lmtp {{
  inet_listener lmtp {{
    port = {self.ports["lmtp"]}
  }}
}}
{self.extra}
"""


def _wait_for_group(group: int) -> None:
	"""Wait until every process of a killed group has ended, where the system can tell (Linux)."""
	if not hasattr(os, "pidfd_open"):
		return
	for stat in Path("/proc").glob("[0-9]*/stat"):
		try:
			if int(stat.read_text().rpartition(")")[2].split()[2]) != group:
				continue
			descriptor = os.pidfd_open(int(stat.parent.name))
		except OSError:
			continue  # ended by itself meanwhile
		try:
			# poll, for select() knows no descriptors from 1,024 on
			ended = select.poll()
			ended.register(descriptor, select.POLLIN)
			ended.poll(10_000)
		finally:
			os.close(descriptor)
