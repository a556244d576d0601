"""A job is killed at each of its steps in turn and done again: what is there then is what an uncut run leaves."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.crash import child
from tests.crash.nursery import Nursery
from tests.crash.servers import Imap, Pop3

#: In memory where there is such a folder: a cut is a process's death, and what it wrote stays.
MEMORY = Path("/dev/shm")


@dataclass
class World:
	"""A site, a mail server and an account of it, all of which can be put back to how they were."""

	nursery: Nursery
	server: Imap | Pop3
	site: str
	sites: Path
	account: str = ""
	_kept: Path | None = None
	_served: object = None
	counted: list[str] = field(default_factory=list)

	def child(self, work: Callable[..., object], *arguments: object) -> object:
		"""Let a child work to its end."""
		code, answer = self.nursery.run(work, self.site, str(self.sites), *arguments)
		assert code == 0, answer
		return answer

	def make_account(self, values: dict[str, object]) -> None:
		self.account = self.child(child.make_account, values)

	def pull(self, setting: str = "") -> None:
		"""A pull that nothing disturbs."""
		self.child(child.work, self.account, "pull", 0, setting)

	def change(self, age_days: int = 0, **values: object) -> None:
		self.child(child.change, self.account, values, age_days)

	def keep(self) -> None:
		"""From here every run begins."""
		self._kept = self.sites.with_name("kept")
		shutil.rmtree(self._kept, ignore_errors=True)
		shutil.copytree(self.sites, self._kept)
		self._served = self.server.state()

	def put_back(self) -> None:
		assert self._kept
		shutil.rmtree(self.sites)
		shutil.copytree(self._kept, self.sites)
		self.server.restore(self._served)

	def end_state(self, job: str, setting: str) -> dict[str, object]:
		state = self.child(child.resume, self.account, job, setting)
		return {**state, "server": self.server.promised()}


def cuts(
	world: World, job: str = "pull", setting: str = "", resumed_with: str | None = None
) -> Iterator[tuple[str, object, object]]:
	"""For each cut: about where it was, what an uncut run leaves, and what there is after the cut run was resumed."""
	resumed_with = setting if resumed_with is None else resumed_with
	world.keep()
	names = world.child(child.work, world.account, job, 0, setting)
	world.put_back()
	expected = world.end_state(job, resumed_with)
	for cut_at in count(1):
		world.put_back()
		code, answer = world.nursery.run(child.work, world.site, str(world.sites), world.account, job, cut_at, setting)
		if code == 0:
			# The number of steps may vary by a few: files are synced side by side.
			assert cut_at > 0.9 * len(names)
			return
		where = f"step {cut_at} of {len(names)}, about {names[min(cut_at, len(names)) - 1]!r}"
		assert code == -signal.SIGKILL, f"{where}: {answer}"
		yield where, expected, world.end_state(job, resumed_with)


def difference(expected: dict[str, object], found: dict[str, object]) -> str:
	"""What is missing and what is too much, in a few lines; empty when there is nothing."""
	lines = []
	for name, value in expected.items():
		if value == found[name]:
			continue
		if isinstance(value, list):
			wanted, there = Counter(map(repr, value)), Counter(map(repr, found[name]))
			lines += [f"{name}: missing {entry}" for entry in (wanted - there).elements()]
			lines += [f"{name}: too much {entry}" for entry in (there - wanted).elements()]
		else:
			lines.append(f"{name}: {found[name]!r}, not {value!r}")
	return "\n".join(lines)


def folder_for(name: str, tmp_path: Path) -> Path:
	"""An empty folder of one's own, in memory if possible."""
	if MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
		folder = MEMORY / f"dokos-mail-{os.getpid()}-{name}"
		shutil.rmtree(folder, ignore_errors=True)
		folder.mkdir()
		return folder
	return tmp_path
