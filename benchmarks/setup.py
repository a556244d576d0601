"""A site, a real Dovecot and a filled mailbox to measure with, below a temporary folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mail_servers.dovecot import Dovecot

SITE = "bench.localhost"
USER = "commercial@masociete.test"
PASSWORD = "secret"


class Place:
	"""Where a measurement happens: one mailbox, and one account that reads it."""

	def __init__(self, folder: Path, server: Dovecot) -> None:
		self.folder = folder
		self.server = server
		self.sites = folder / "sites"

	def make_site(self) -> None:
		"""A fresh site with the app, the example and an account for the mailbox."""
		self.sites.mkdir()
		self._bench("new-site", SITE, "--admin-password", "admin")
		for app in ("crm", "dokos_mail"):
			self._bench("--site", SITE, "install-app", app)
		self.run("make_account", port=self.server.ports["imap"])

	def run(self, role: str, **arguments: object) -> dict[str, float]:
		"""Run a role of ``benchmarks.worker`` in a process of its own; returns what it measured."""
		command = [sys.executable, "-m", "benchmarks.worker", role, str(self.sites), json.dumps(arguments)]
		done = subprocess.run(command, capture_output=True, text=True, check=False)
		if done.returncode:
			raise RuntimeError(f"{role} failed:\n{done.stderr}")
		return json.loads(done.stdout.splitlines()[-1])

	def _bench(self, *words: str) -> None:
		bench = Path(sys.executable).with_name("bench")
		environment = os.environ | {"SITES_PATH": str(self.sites)}
		done = subprocess.run([bench, *words], cwd=self.sites, env=environment, capture_output=True, text=True, check=False)
		if done.returncode:
			raise RuntimeError(f"bench {' '.join(words)} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def place(messages: Iterable[bytes]) -> Iterator[Place]:
	"""A site and a mailbox that holds ``messages``."""
	with TemporaryDirectory(prefix="dokos-mail-bench-") as name:
		folder = Path(name)
		with Dovecot(folder / "mail", {USER: PASSWORD}) as server:
			server.append(USER, messages)
			it = Place(folder, server)
			it.make_site()
			yield it
