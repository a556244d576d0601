"""Background jobs: calls that a worker process makes later, each in a transaction of its own.

The queue is huey's SQLite storage in the site's folder (`db/jobs.db`), apart from the site's database: as with the real
host's Redis, a queued job is not part of the caller's transaction unless `enqueue_after_commit` is asked for.
A job whose worker is killed is lost; deduplication by `job_id` saves work and is no lock.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from huey import SqliteHuey

import frappe
from frappe import _

QUEUES = {"short": 300, "default": 300, "long": 1500}
"""Name of each queue and how long one of its jobs may run, in seconds, when the caller does not say."""

POLL_INTERVAL = 0.2
"""Seconds an idle worker waits before it looks again."""


class JobTimeout(Exception):
	"""Raised inside a job that ran longer than its time-out."""


@dataclass(frozen=True)
class Job:
	"""A queued or running call."""

	id: str
	status: str

	def get_status(self) -> str:
		"""`queued` or `started`."""
		return self.status


_hueys: dict[tuple[str, str], SqliteHuey] = {}


def get_queue(queue: str) -> SqliteHuey:
	"""The named queue of the current site."""
	if queue not in QUEUES:
		frappe.throw(_("Queue should be one of {0}").format(", ".join(QUEUES)))
	path = os.path.abspath(frappe.get_site_path("db", "jobs.db"))
	if (path, queue) not in _hueys:
		os.makedirs(os.path.dirname(path), exist_ok=True)
		huey = SqliteHuey(name=queue, filename=path, results=False, timeout=30)
		huey.job = huey.task()(execute_job)
		_hueys[(path, queue)] = huey
	return _hueys[(path, queue)]


def close_queues() -> None:
	"""Close the files of the queues that this thread opened, of whatever site: for processes that serve many in turn."""
	for huey in _hueys.values():
		huey.storage.close()
	_hueys.clear()


def enqueue(
	method: str | Callable,
	queue: str = "default",
	timeout: int | None = None,
	event: str | None = None,
	is_async: bool = True,
	job_name: str | None = None,
	now: bool = False,
	enqueue_after_commit: bool = False,
	*,
	on_success: Callable | None = None,
	on_failure: Callable | None = None,
	at_front: bool = False,
	job_id: str | None = None,
	deduplicate: bool = False,
	**kwargs: Any,
) -> Any:
	"""Queue a call of `method` with `kwargs` for a worker, on this site and as this user.

	`method` is a dotted name or an importable function; `kwargs` must be picklable. `timeout` is in seconds.
	With `now` (or `is_async` false) the call is made at once, in the caller's transaction, and its result returned.
	With `enqueue_after_commit` nothing is queued before the commit, nothing at all after a rollback, and None is returned.
	With `deduplicate` nothing is queued while a job of this `job_id` is queued or runs, looked up when this is called.
	"""
	is_async = kwargs.pop("async", is_async)
	if on_success or on_failure:
		raise NotImplementedError("frappe.enqueue: on_success and on_failure are not offered by this host")
	if deduplicate:
		if not job_id:
			frappe.throw(_("`job_id` parameter is required for deduplication."))
		if is_job_enqueued(job_id):
			return None
	if now or not is_async:
		return frappe.call(method, **kwargs)

	name = method if isinstance(method, str) else f"{method.__module__}.{method.__qualname__}"
	if "<" in name:
		raise ValueError(f"frappe.enqueue: {name} cannot be imported by a worker")
	huey = get_queue(queue)
	key = job_id or uuid.uuid4().hex
	task = huey.job.task_class(
		id=uuid.uuid4().hex,
		priority=1 if at_front else 0,
		kwargs={
			"site": frappe.local.site,
			"sites_path": os.path.abspath(frappe.local.sites_path),
			"user": frappe.session.user,
			"method": name,
			"job_id": key,
			"timeout": timeout or QUEUES[queue],
			"kwargs": kwargs,
		},
	)

	def put() -> Job:
		_set_state(key, "queued")
		huey.enqueue(task)
		return Job(key, "queued")

	if enqueue_after_commit:
		frappe.db.after_commit.add(put)
		return None
	return put()


def enqueue_doc(
	doctype: str,
	name: str | None = None,
	method: str | None = None,
	queue: str = "default",
	timeout: int = 300,
	now: bool = False,
	**kwargs: Any,
) -> Any:
	"""Queue a call of a document's method; the document is read afresh by the worker."""
	return enqueue(
		"frappe.utils.background_jobs.run_doc_method",
		queue=queue,
		timeout=timeout,
		now=now,
		doctype=doctype,
		name=name,
		doc_method=method,
		**kwargs,
	)


def run_doc_method(doctype: str, name: str, doc_method: str, **kwargs: Any) -> None:
	"""What a job of `enqueue_doc` runs."""
	getattr(frappe.get_doc(doctype, name), doc_method)(**kwargs)


def get_job(job_id: str) -> Job | None:
	"""The job of that id while it is queued or runs, else None."""
	state = get_queue("default").storage.peek_data(f"job:{job_id}")
	if not isinstance(state, bytes):
		return None
	found = json.loads(state)
	if found["status"] == "started" and (found["until"] < time.time() or not _alive(found["pid"])):
		return None
	return Job(job_id, found["status"])


def is_job_enqueued(job_id: str) -> bool:
	"""Whether a job of that id is queued or runs. A job whose worker was killed does not count."""
	return get_job(job_id) is not None


def _set_state(job_id: str, status: str, timeout: int = 0) -> None:
	# the grace is for a job that is slow to react to its time-out
	state = {"status": status, "pid": os.getpid(), "until": time.time() + timeout + 60}
	get_queue("default").storage.put_data(f"job:{job_id}", json.dumps(state).encode())


def _alive(pid: int) -> bool:
	try:
		os.kill(pid, 0)
	except ProcessLookupError:
		return False
	except PermissionError:
		return True
	return True


@contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
	"""Raise JobTimeout in the block after `seconds`; only in a process' main thread, elsewhere without effect."""
	if threading.current_thread() is not threading.main_thread():
		yield
		return

	def expire(*_args: Any) -> None:
		raise JobTimeout(f"the job ran longer than {seconds} seconds")

	previous = signal.signal(signal.SIGALRM, expire)
	running = signal.setitimer(signal.ITIMER_REAL, seconds)
	try:
		yield
	finally:
		signal.setitimer(signal.ITIMER_REAL, *running)
		signal.signal(signal.SIGALRM, previous)


def execute_job(site: str, sites_path: str, user: str, method: str, job_id: str, timeout: int, kwargs: dict[str, Any]) -> None:
	"""Run one job: connect, become the user, call, commit. An exception rolls back and becomes an Error Log."""
	frappe.init(site=site, sites_path=sites_path, force=True)
	frappe.connect()
	try:
		_set_state(job_id, "started", timeout)
		frappe.set_user(user)
		frappe.local.job = frappe._dict(site=site, method=method, job_id=job_id, user=user)
		with _time_limit(timeout):
			frappe.get_attr(method)(**kwargs)
			frappe.db.commit()
	except Exception:
		frappe.db.rollback()
		frappe.log_error(title=method)
		frappe.db.commit()
	finally:
		get_queue("default").storage.pop_data(f"job:{job_id}")
		frappe.destroy()


def start_worker(
	site: str,
	sites_path: str = ".",
	queues: Sequence[str] = tuple(QUEUES),
	*,
	burst: bool = False,
	stop: threading.Event | None = None,
	parent: int | None = None,
) -> int:
	"""Run jobs of `queues`, the first named first, until `stop` is set or (`burst`) none is left. Returns how many ran.

	It also ends when the process `parent`, which started it, is gone.
	"""
	stop = stop or threading.Event()
	frappe.init(site=site, sites_path=sites_path, force=True)
	hueys = [get_queue(queue) for queue in queues]
	frappe.destroy()
	done = 0
	while not stop.is_set() and parent in (None, os.getppid()):
		task, huey = next(((task, huey) for huey in hueys if (task := huey.dequeue())), (None, None))
		if task:
			huey.execute(task)
			done += 1
		elif burst:
			break
		else:
			stop.wait(POLL_INTERVAL)
	return done
