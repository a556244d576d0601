"""Where the demo keeps what it makes (.demo/ in the clone), and what it remembers from one run to the next."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SITE = "demo.localhost"
APPS = ("dokos_mail", "crm")


class Trouble(Exception):
	"""Something around us that a person has to mend; its text is the one line that says what."""


@dataclass
class Memory:
	"""Kept in ``state.json``: the desk's password, the mailboxes' and the messages already sent, by key."""

	admin_password: str = field(default_factory=lambda: secrets.token_urlsafe(9))
	mail_password: str = field(default_factory=lambda: secrets.token_urlsafe(9))
	sent: list[str] = field(default_factory=list)
	made: bool = False


class Place:
	"""One demo below ``folder``: a bench's ``sites``, the mail servers' folder, the memory."""

	def __init__(self, folder: Path) -> None:
		self.folder = folder.resolve()
		self.sites, self.mail = self.folder / "sites", self.folder / "mail"
		self._memory = self.folder / "state.json"
		self.folder.mkdir(parents=True, exist_ok=True)
		self.memory = Memory(**json.loads(self._memory.read_text())) if self._memory.exists() else Memory()
		self.remember()

	def remember(self) -> None:
		"""Write the memory, readable by its owner alone."""
		fresh = self._memory.with_suffix(".new")
		fresh.touch(mode=0o600)
		fresh.write_text(json.dumps(asdict(self.memory), indent="\t") + "\n")
		fresh.replace(self._memory)

	def environment(self) -> dict[str, str]:
		"""The environment in which the host's commands find this demo's sites."""
		return {**os.environ, "SITES_PATH": str(self.sites), "PYTHONUNBUFFERED": "1"}

	def bench(self, *words: str) -> list[str]:
		"""A command of the host: what the console script `bench` runs."""
		return [sys.executable, "-m", "frappe", *words]

	def run(self, *words: str) -> None:
		"""Run a command of the host to its end; its last line is what is said when it fails."""
		done = subprocess.run(self.bench(*words), env=self.environment(), cwd=ROOT, capture_output=True, text=True)
		with (self.folder / "bench.log").open("a", encoding="utf-8") as log:
			command = " ".join(words).replace(self.memory.admin_password, "...")
			log.write(f"$ bench {command}\n{done.stdout}{done.stderr}\n")
		if done.returncode:
			said = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
			command = next((word for word in words if not word.startswith("-") and word != SITE), words[0])
			raise Trouble(f"bench {command} failed: {said} (see {self.folder / 'bench.log'})")


def need_port(port: int, remedy: str) -> None:
	"""Raise Trouble when another program listens on ``port`` of loopback."""
	with socket.socket() as probe:
		probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		try:
			probe.bind(("127.0.0.1", port))
		except OSError as error:
			raise Trouble(f"Port {port} is taken ({error.strerror}): {remedy}")
