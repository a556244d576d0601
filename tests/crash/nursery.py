"""Children by the hundred: a process that has everything loaded, and forks one for each piece of work.

It is forked before its parent has any threads, and has none itself, so that a fork never copies a lock that is held.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import multiprocessing
import os
import pickle
import sys
import traceback
from collections.abc import Callable

_fork = multiprocessing.get_context("fork")


class Nursery:
	"""``run(work, ...)`` in a fresh child: its exit code (negative: the signal that killed it) and what it returned."""

	def __enter__(self) -> Nursery:
		self._orders, theirs = _fork.Pipe()
		self._process = _fork.Process(target=_serve, args=(theirs, self._orders), daemon=True)
		self._process.start()
		theirs.close()
		return self

	def __exit__(self, *exc_info: object) -> None:
		self._orders.send(None)
		self._process.join(30)
		self._orders.close()

	def run(self, work: Callable[..., object], *arguments: object) -> tuple[int, object]:
		self._orders.send((work, arguments))
		return self._orders.recv()


def _serve(orders: object, parents_end: object) -> None:
	parents_end.close()
	gc.freeze()
	while order := orders.recv():
		reader, writer = os.pipe()
		child = os.fork()
		if not child:
			os.close(reader)
			_work(writer, *order)
		os.close(writer)
		with os.fdopen(reader, "rb") as pipe:
			answer = pipe.read()
		_child, status = os.waitpid(child, 0)
		answer, loaded = pickle.loads(answer) if answer else (None, ())
		orders.send((os.waitstatus_to_exitcode(status), answer))
		_load(loaded)
	os._exit(0)


def _load(modules: list[str]) -> None:
	"""Load what a child needed, so that the next ones find it."""
	for name in modules:
		if name not in sys.modules and name.split(".")[0] not in ("tests", "__main__"):
			with contextlib.suppress(ImportError):  # made by a module while it ran, and not to be had by its name
				importlib.import_module(name)
	gc.freeze()


def _work(writer: int, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
	code = 0
	try:
		answer = work(*arguments)
	except BaseException:
		answer, code = traceback.format_exc(), 1
	with os.fdopen(writer, "wb") as pipe:
		pipe.write(pickle.dumps((answer, [] if code else list(sys.modules))))
	sys.stdout.flush()
	os._exit(code)
