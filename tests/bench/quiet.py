"""A bench beside the real one: its sites folder, its Redis, its list of apps, and the real one's site in it.

What runs there shares nothing with other processes of the bench but the site's database and files, so that a queue is
quiet, and an app can be put on the bench, or be gone from it, without anybody else noticing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mail_servers.server import free_port

#: Makes packages impossible to import, as if their folders had been removed: named in GONE, separated by commas.
ABSENT = """
import importlib.abc, os, sys

class Absent(importlib.abc.MetaPathFinder):
	def find_spec(self, name, path=None, target=None):
		if name.partition(".")[0] in os.environ.get("GONE", "").split(","):
			raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""


@dataclass
class Bench:
	"""One site on a bench of its own. ``path`` holds ``sites``, ``apps`` of the tests' making, ``logs``."""

	site: str
	path: Path
	env: dict[str, str]
	gone: set[str] = field(default_factory=set)

	@property
	def sites(self) -> Path:
		return self.path / "sites"

	def start(self, *words: str) -> subprocess.Popen[str]:
		"""``bench ...`` in the background, in a process group of its own."""
		with (self.path / "logs" / f"{words[0]}.out").open("a") as log:
			return subprocess.Popen(
				self._command(*words), stdout=log, stderr=log, env=self._env(), cwd=self.sites, start_new_session=True
			)

	def run(self, *words: str, timeout: float = 600) -> str:
		"""``bench --site SITE ...`` to its end; its output. Raises when it ends with anything but 0."""
		return _run(self._command("--site", self.site, *words), self._env(), self.sites, timeout)

	def python(self, code: str) -> str:
		"""Run code connected to the site as Administrator, and commit; what it printed."""
		lead = f"import frappe\nfrappe.init({self.site!r})\nfrappe.connect()\n"
		tail = "\nfrappe.db.commit()\nfrappe.destroy()\n"
		return _run([sys.executable, "-c", lead + code + tail], self._env(), self.sites, 300)

	def remove(self, app: str) -> None:
		"""The app's folder is gone from the bench, and its line in apps.txt; the site knows nothing of it."""
		self.gone.add(app)
		self.list_apps([name for name in self.apps() if name != app])

	def bring_back(self, app: str) -> None:
		self.gone.discard(app)
		self.list_apps([*self.apps(), app])

	def add(self, app: str, files: dict[str, str]) -> None:
		"""Put an app on the bench; ``files`` are relative to its package."""
		for name, text in {"__init__.py": '__version__ = "0.0.1"\n', "modules.txt": "", "patches.txt": "", **files}.items():
			file = self.path / "apps" / app / name
			file.parent.mkdir(parents=True, exist_ok=True)
			file.write_text(text)
		self.list_apps([*self.apps(), app])

	def apps(self) -> list[str]:
		return (self.sites / "apps.txt").read_text().split()

	def list_apps(self, names: list[str]) -> None:
		(self.sites / "apps.txt").write_text("\n".join(names) + "\n")
		self.forget()

	def forget(self) -> None:
		"""Empty the cache, as ``bench restart`` and a good night do."""
		subprocess.run(["redis-cli", "-p", self.env["CACHE_PORT"], "flushall"], check=True, capture_output=True)

	def _command(self, *words: str) -> list[str]:
		return [sys.executable, "-m", "frappe.utils.bench_helper", "frappe", *words]

	def _env(self) -> dict[str, str]:
		return {**os.environ, **self.env, "GONE": ",".join(self.gone)}


def _run(command: list[str], env: dict[str, str], cwd: Path, timeout: float) -> str:
	done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=cwd, timeout=timeout)
	if done.returncode:
		raise AssertionError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
	return done.stdout


@contextmanager
def quiet_bench(site: str, folder: Path, **config: object) -> Iterator[Bench]:
	"""``site`` of the bench whose sites folder is the current one, on a bench in ``folder``; ``config`` is common to its sites."""
	theirs = Path.cwd()
	own = {key for key in json.loads((theirs / site / "site_config.json").read_text()) if key.startswith("redis_")}
	if own:
		raise ValueError(
			f"{site} names a Redis of its own ({', '.join(sorted(own))}), which this bench's worker would not listen to"
		)
	for name in ("sites", "apps", "logs", "config", "python"):
		(folder / name).mkdir(parents=True)
	(folder / "python" / "sitecustomize.py").write_text(ABSENT)
	# a link in place of the site's own folder is no site to the scheduler
	for name in ("locks", "logs"):
		(folder / "sites" / site / name).mkdir(parents=True)
	for name in ("site_config.json", "private", "public"):
		(folder / "sites" / site / name).symlink_to((theirs / site / name).resolve())
	(folder / "sites" / "assets").symlink_to((theirs / "assets").resolve())
	(folder / "sites" / "apps.txt").write_text((theirs / "apps.txt").read_text())
	with ExitStack() as stack:
		cache, queue = (stack.enter_context(_redis(folder)) for _each in range(2))
		common = json.loads((theirs / "common_site_config.json").read_text())
		common |= {"redis_cache": f"redis://127.0.0.1:{cache}", "redis_queue": f"redis://127.0.0.1:{queue}"}
		common |= {"redis_socketio": common["redis_cache"], "developer_mode": 0, "default_site": site, **config}
		(folder / "sites" / "common_site_config.json").write_text(json.dumps(common))
		path = [str(folder / "python"), str(folder / "apps"), os.environ.get("PYTHONPATH", "")]
		env = {"PYTHONPATH": os.pathsep.join(filter(None, path)), "FRAPPE_BENCH_ROOT": str(folder), "CACHE_PORT": str(cache)}
		yield Bench(site, folder, env)


@contextmanager
def _redis(folder: Path) -> Iterator[int]:
	port = free_port()
	command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
	process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
	try:
		wait_for(
			lambda: subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True).stdout.strip() == b"PONG", 20
		)
		yield port
	finally:
		process.terminate()
		process.wait()


@contextmanager
def running(bench: Bench, *words: str) -> Iterator[subprocess.Popen[str]]:
	"""``bench ...`` while the block runs, with whatever processes it starts."""
	process = bench.start(*words)
	try:
		yield process
	finally:
		os.killpg(process.pid, signal.SIGTERM)
		try:
			process.wait(timeout=30)
		except subprocess.TimeoutExpired:
			os.killpg(process.pid, signal.SIGKILL)
			process.wait()


def wait_for(found: Callable[[], object], seconds: float) -> object:
	"""What ``found`` answers, as soon as that is true. Raises when the time is over: processes tell nobody when they are done."""
	pause, until = threading.Event(), time.monotonic() + seconds
	while not (answer := found()):
		if time.monotonic() > until:
			raise AssertionError(f"still not true after {seconds} seconds")
		pause.wait(0.3)
	return answer
