"""`serve`, `worker`, `schedule` and `start`, as processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import frappe
import pytest
import requests

pytestmark = pytest.mark.embedded

DEADLINE = 60
"""Seconds after which a process is taken for hanging."""


def until(condition: Callable[[], Any], what: str) -> Any:
	"""The first truth that the condition gives; a failure after the deadline."""
	wait = threading.Event()
	for _attempt in range(DEADLINE * 10):
		if result := condition():
			return result
		wait.wait(0.1)
	raise AssertionError(f"not within {DEADLINE} seconds: {what}")


class Running:
	"""A `bench` command in a process group of its own."""

	def __init__(self, site: Any, *words: str) -> None:
		self.process = subprocess.Popen(
			[sys.executable, "-m", "frappe", "--site", site.name, *words],
			stdout=subprocess.PIPE,
			stderr=subprocess.PIPE,
			text=True,
			env={**os.environ, **site.env},
			cwd=site.sites_path,
			start_new_session=True,
		)

	def url(self) -> str:
		line = self.process.stdout.readline()
		found = re.search(r"http://\S+", line)
		assert found, line + self.process.stderr.read()
		return found[0]

	def processes(self) -> list[int]:
		"""The processes of the group that are not zombies."""
		listed = subprocess.run(["ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True).stdout
		rows = [line.split() for line in listed.splitlines()]
		return [int(pid) for pid, group, state in rows if int(group) == self.process.pid and not state.startswith("Z")]

	def stop(self, number: int = signal.SIGTERM) -> int:
		self.process.send_signal(number)
		return self.process.wait(DEADLINE)

	def clean_up(self) -> None:
		if self.processes():
			os.killpg(self.process.pid, signal.SIGKILL)
		self.process.communicate()


@pytest.fixture
def run(site: Any) -> Iterator[Callable[..., Running]]:
	started: list[Running] = []

	def make(*words: str) -> Running:
		started.append(Running(site, *words))
		return started[-1]

	yield make
	for each in started:
		each.clean_up()


def get(url: str) -> requests.Response:
	return requests.get(f"{url}/api/method/ping", timeout=DEADLINE, proxies={"http": ""})


def test_serve_answers_until_it_is_stopped(run: Callable[..., Running]) -> None:
	serving = run("serve", "--port", "0")
	url = serving.url()
	assert get(url).json() == {"message": "pong"}
	assert serving.stop(signal.SIGINT) == 0
	with pytest.raises(requests.ConnectionError):
		get(url)


@pytest.mark.parametrize("command", ["serve", "start"])
def test_a_port_that_is_taken_is_one_line_and_exit_status_1(run: Callable[..., Running], command: str) -> None:
	with socket.create_server(("127.0.0.1", 0)) as taken:
		port = taken.getsockname()[1]
		failing = run(command, "--port", str(port))
		out, error = failing.process.communicate(timeout=DEADLINE)
	assert failing.process.returncode == 1
	assert out == ""
	assert error.strip().splitlines() == [
		f"Error: Port {port} of 127.0.0.1 is taken by another program; choose another with --port."
	]


def test_a_site_that_is_not_there(run: Callable[..., Running], site: Any) -> None:
	failing = run("--site", "nowhere.localhost", "serve", "--port", "0")
	_out, error = failing.process.communicate(timeout=DEADLINE)
	assert failing.process.returncode != 0
	assert "nowhere.localhost" in error and "Traceback" not in error


def configure(site: Any, **values: Any) -> None:
	import json

	path = site.path / "site_config.json"
	path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_start_serves_works_and_schedules_and_leaves_nothing_running(run: Callable[..., Running], site: Any) -> None:
	configure(site, scheduler_tick_interval=1, scheduler_interval=1)
	# an event that is harmless and easy to see
	frappe.db.set_value("Scheduled Job Type", "sessions.clear_expired_sessions", {"frequency": "All", "last_execution": None})
	contact = frappe.get_doc({"doctype": "Contact", "first_name": "Ada"}).insert()
	frappe.db.commit()
	everything = run("start", "--port", "0")
	assert get(everything.url()).status_code == 200

	frappe.enqueue_doc("Contact", contact.name, "db_set", fieldname="last_name", value="done")
	frappe.db.commit()

	def seen(doctype: str, name: str, field: str) -> Any:
		frappe.db.rollback()
		return frappe.db.get_value(doctype, name, field)

	until(lambda: seen("Contact", contact.name, "last_name") == "done", "the worker ran the job")
	until(
		lambda: seen("Scheduled Job Type", "sessions.clear_expired_sessions", "last_execution"), "the scheduler queued the event"
	)
	assert len(everything.processes()) >= 4
	assert everything.stop() == 0
	until(lambda: not everything.processes(), "the last helper process of multiprocessing is gone")


def test_ctrl_c_ends_everything_without_a_word(run: Callable[..., Running]) -> None:
	everything = run("start", "--port", "0")
	assert get(everything.url()).status_code == 200
	# a terminal sends it to every process of the group
	os.killpg(everything.process.pid, signal.SIGINT)
	out, error = everything.process.communicate(timeout=DEADLINE)
	assert (everything.process.returncode, out, error) == (0, "", "")
	until(lambda: not everything.processes(), "the last helper process of multiprocessing is gone")


def test_when_one_part_dies_everything_is_stopped(run: Callable[..., Running]) -> None:
	everything = run("start", "--port", "0")
	assert get(everything.url()).status_code == 200
	children = [pid for pid in everything.processes() if pid != everything.process.pid]
	os.kill(max(children), signal.SIGKILL)
	assert everything.process.wait(DEADLINE) == 1
	assert "ended unexpectedly" in everything.process.stderr.read()
	until(lambda: not everything.processes(), "nothing runs any more")


def test_nothing_stays_behind_when_start_is_killed(run: Callable[..., Running]) -> None:
	everything = run("start", "--port", "0")
	assert get(everything.url()).status_code == 200
	everything.process.kill()
	until(lambda: not everything.processes(), "nothing runs any more")


def test_a_worker_runs_what_waits_and_stops(run: Callable[..., Running], site: Any) -> None:
	contact = frappe.get_doc({"doctype": "Contact", "first_name": "Ada"}).insert()
	frappe.enqueue_doc("Contact", contact.name, "db_set", fieldname="last_name", value="done")
	frappe.db.commit()
	assert run("worker", "--burst").process.wait(DEADLINE) == 0
	frappe.db.rollback()
	assert frappe.db.get_value("Contact", contact.name, "last_name") == "done"


def test_a_worker_for_a_queue_that_is_not_there(run: Callable[..., Running]) -> None:
	failing = run("worker", "--queue", "express")
	_out, error = failing.process.communicate(timeout=DEADLINE)
	assert failing.process.returncode == 1
	assert error.strip().splitlines() == ["Error: There is no queue 'express'; there are short, default, long."]


def test_a_worker_and_a_scheduler_stop_when_told(run: Callable[..., Running], site: Any) -> None:
	contact = frappe.get_doc({"doctype": "Contact", "first_name": "Ada"}).insert()
	frappe.enqueue_doc("Contact", contact.name, "db_set", fieldname="last_name", value="done")
	frappe.db.commit()
	working = run("worker")

	def done() -> bool:
		frappe.db.rollback()
		return frappe.db.get_value("Contact", contact.name, "last_name") == "done"

	until(done, "the worker is at work")
	assert working.stop() == 0


def test_a_job_of_a_killed_worker_does_not_hold_its_id(run: Callable[..., Running], site: Any, probe: Callable[..., str]) -> None:
	from frappe.utils.background_jobs import _set_state, is_job_enqueued

	gone = subprocess.Popen([sys.executable, "-c", "pass"])
	gone.wait()
	_set_state("held", "started", 300)
	assert is_job_enqueued("held")
	import frappe.utils.background_jobs as jobs

	with pytest.MonkeyPatch.context() as patch:
		patch.setattr(jobs.os, "getpid", lambda: gone.pid)
		_set_state("held", "started", 300)
	assert not is_job_enqueued("held")
