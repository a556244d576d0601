"""Pulls for a listener, in processes of their own: a message that ends a process, or takes a minute, stops nobody else.

A process that is ready costs no start-up when mail comes; on a bench, a job would wait for a worker that is free. The
pull's lease keeps these apart from the scheduler's.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from time import monotonic

from dokos_mail.engine.receive.watch import Watch

#: Where another process holds the account's lease, or the database is away: seconds until the next try, then the last.
BUSY_AGAIN = (0.3, 0.7, 1.0, 2.0, 4.0, 8.0, 15.0)
TROUBLE_AGAIN = (2.0, 5.0, 10.0, 20.0, 40.0, 60.0)
#: What is not pulled after so many tries is left to the scheduler.
MOST_TRIES = 15
#: Seconds a pull may take; it begins nothing new after two thirds of it.
LONGEST_PULL = 30 * 60.0
#: A process is replaced after so many pulls, lest what leaks somewhere adds up.
PULLS_PER_PROCESS = 500


class _Process:
	"""One process that pulls, at the other end of ``line``."""

	def __init__(self, site: str, sites_path: str) -> None:
		self.line, theirs = socket.socketpair()
		command = [sys.executable, "-m", "dokos_mail.listen.puller", str(theirs.fileno()), site, sites_path]
		environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
		self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=environment)
		theirs.close()
		self.key = ""
		self.since = 0.0
		self.pulls = 0
		self.buffer = b""


class Pullers:
	"""Pulls what is offered, each account by one process at a time, and once more when it was offered meanwhile.

	``account_of(key)`` names the account that a key stands for now, or None when there is none any more.
	"""

	def __init__(
		self,
		watch: Watch,
		site: str,
		sites_path: str,
		account_of: Callable[[str], str | None],
		say: Callable[[str], None],
		*,
		most: int = 2,
		clock: Callable[[], float] = monotonic,
	) -> None:
		self._watch, self._site, self._sites_path = watch, site, sites_path
		self._account_of, self._say, self._most, self._clock = account_of, say, most, clock
		self._waiting: dict[str, float] = {}
		self._tries: dict[str, int] = {}
		self._again: set[str] = set()
		self._processes: list[_Process] = []

	def offer(self, key: str, delay: float = 0.0) -> None:
		"""Have an account pulled, not before ``delay`` seconds; it waits once, however often it is offered."""
		if any(process.key == key for process in self._processes):
			self._again.add(key)
			return
		moment = self._clock() + delay
		self._waiting[key] = min(moment, self._waiting.get(key, moment))

	def start(self) -> None:
		"""Have one process ready before it is needed."""
		if not self._processes:
			self._start()

	def turn(self) -> float | None:
		"""Give out what is due. Returns in how many seconds something is, or None."""
		now = self._clock()
		for process in list(self._processes):
			if process.key and now - process.since > LONGEST_PULL:
				self._say(f"{self._account_of(process.key)}: its pull took too long and was ended")
				process.process.kill()
		soonest = None
		for key, moment in sorted(self._waiting.items(), key=lambda item: item[1]):
			if moment > now:
				soonest = moment - now
				break
			process = self._free()
			if process is None:
				break
			del self._waiting[key]
			account = self._account_of(key)
			if account is not None:
				self._give(process, key, account, now)
		return soonest

	def close(self, seconds: float) -> None:
		"""Let what is being pulled come to its end, for so long; then end it, which loses nothing."""
		until = self._clock() + seconds
		for process in self._processes:
			self._watch.forget(process.line)
			process.line.shutdown(socket.SHUT_WR)
		for process in self._processes:
			try:
				process.process.wait(max(until - self._clock(), 0.1))
			except subprocess.TimeoutExpired:
				process.process.kill()
				process.process.wait()
			process.line.close()
		self._processes.clear()

	def _free(self) -> _Process | None:
		for process in self._processes:
			if not process.key:
				return process
		return self._start() if len(self._processes) < self._most else None

	def _start(self) -> _Process:
		process = _Process(self._site, self._sites_path)
		self._processes.append(process)
		self._watch.listen_to(process.line, lambda: self._heard(process))
		return process

	def _give(self, process: _Process, key: str, account: str, now: float) -> None:
		process.key, process.since = key, now
		try:
			process.line.sendall(json.dumps(account).encode() + b"\n")
		except OSError:
			self._lost(process)

	def _heard(self, process: _Process) -> None:
		try:
			data = process.line.recv(64 * 1024)
		except OSError:
			data = b""
		if not data:
			self._lost(process)
			return
		process.buffer += data
		*lines, process.buffer = process.buffer.split(b"\n")
		for line in lines:
			self._done(process, json.loads(line))

	def _done(self, process: _Process, answer: dict[str, str]) -> None:
		key, process.key = process.key, ""
		process.pulls += 1
		if process.pulls >= PULLS_PER_PROCESS:
			self._drop(process)
		if answer["outcome"] == "done":
			self._tries.pop(key, None)
			if key in self._again:
				self._again.discard(key)
				self.offer(key)
			return
		if answer["outcome"] == "error":
			self._say(f"{self._account_of(key)}: {answer['detail']}")
		self._retry(key, BUSY_AGAIN if answer["outcome"] == "busy" else TROUBLE_AGAIN)

	def _retry(self, key: str, pauses: tuple[float, ...]) -> None:
		self._again.discard(key)
		tries = self._tries.get(key, 0)
		if tries >= MOST_TRIES:
			self._tries.pop(key, None)
			return
		self._tries[key] = tries + 1
		self.offer(key, pauses[min(tries, len(pauses) - 1)])

	def _lost(self, process: _Process) -> None:
		"""A process ended: its pull is taken up by the next."""
		key, process.key = process.key, ""
		self._drop(process)
		if key:
			self._say(f"{self._account_of(key)}: the process that pulled it ended")
			self._retry(key, TROUBLE_AGAIN)

	def _drop(self, process: _Process) -> None:
		if process in self._processes:
			self._processes.remove(process)
			self._watch.forget(process.line)
			process.line.close()
			process.process.poll()
