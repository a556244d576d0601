"""A site, a real Dovecot and a filled mailbox to measure with, below a temporary folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mail_servers.dovecot import Dovecot

SITE = "bench.localhost"
USER = "commercial@masociete.test"
SECOND = "support@masociete.test"
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
		for user in (USER, SECOND):
			self.run("make_account", port=self.server.ports["imap"], user=user)

	def run(self, role: str, **arguments: object) -> dict[str, float]:
		"""Run a role of ``benchmarks.worker`` in a process of its own; returns what it measured."""
		return self.run_all(role, arguments)[0]

	def run_all(self, role: str, *arguments: dict[str, object]) -> list[dict[str, float]]:
		"""Run a role in a process for each of ``arguments``, all at the same time."""
		command = [sys.executable, "-m", "benchmarks.worker", role, str(self.sites)]
		running = [
			subprocess.Popen([*command, json.dumps(words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
			for words in arguments
		]
		said = [process.communicate() for process in running]
		for process, (_out, err) in zip(running, said, strict=True):
			if process.returncode:
				raise RuntimeError(f"{role} failed:\n{err}")
		return [json.loads(out.splitlines()[-1]) for out, _err in said]

	@contextmanager
	def listener(self) -> Iterator[None]:
		"""``mail-listen`` at work until the block ends."""
		bench = Path(sys.executable).with_name("bench")
		environment = os.environ | {"SITES_PATH": str(self.sites)}
		process = subprocess.Popen(
			[bench, "--site", SITE, "mail-listen"], cwd=self.sites, env=environment, stderr=subprocess.PIPE, text=True
		)
		assert process.stderr
		try:
			waiting = 0
			for line in process.stderr:
				waiting += "waiting for mail" in line
				if waiting == 2:
					break
			drain = threading.Thread(target=process.stderr.read, daemon=True)
			drain.start()
			yield
		finally:
			process.terminate()
			process.wait(60)

	def _bench(self, *words: str) -> None:
		bench = Path(sys.executable).with_name("bench")
		environment = os.environ | {"SITES_PATH": str(self.sites)}
		done = subprocess.run([bench, *words], cwd=self.sites, env=environment, capture_output=True, text=True, check=False)
		if done.returncode:
			raise RuntimeError(f"bench {' '.join(words)} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def place(messages: Iterable[bytes], second: Iterable[bytes] | None = None) -> Iterator[Place]:
	"""A site and a mailbox that holds ``messages``; another one beside it where there is mail for a ``second``."""
	with TemporaryDirectory(prefix="dokos-mail-bench-") as name:
		folder = Path(name)
		with Dovecot(folder / "mail", {USER: PASSWORD, SECOND: PASSWORD}) as server:
			server.append(USER, messages)
			if second is not None:
				server.append(SECOND, second)
			it = Place(folder, server)
			it.make_site()
			yield it
