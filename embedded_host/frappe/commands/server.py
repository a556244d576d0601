"""`bench --site SITE serve | worker | schedule | start`"""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import click

import frappe
from frappe.commands import get_site, pass_context
from frappe.utils.background_jobs import QUEUES, start_worker
from frappe.utils.scheduler import start_scheduler

GRACE = 15
"""Seconds a process has to finish what it does when it is told to stop."""

WORKERS = (("short", "default", "long"), ("long", "default", "short"))
"""The queues of each worker that `start` runs: long jobs never keep the short ones waiting, nor the other way round."""


def _stop_on_signals() -> threading.Event:
	"""An event that SIGINT and SIGTERM set."""
	stop = threading.Event()
	for number in (signal.SIGINT, signal.SIGTERM):
		signal.signal(number, lambda *_args: stop.set())
	return stop


def _listen(host: str, port: int) -> socket.socket:
	"""A listening socket, or one clear line and exit status 1."""
	family = socket.AF_INET6 if ":" in host else socket.AF_INET
	listening = socket.socket(family, socket.SOCK_STREAM)
	listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	try:
		listening.bind((host, port))
		listening.listen(128)
	except OSError as error:
		listening.close()
		taken = error.errno == errno.EADDRINUSE
		reason = "is taken by another program" if taken else f"cannot be used ({error.strerror or error})"
		raise click.ClickException(f"Port {port} of {host} {reason}; choose another with --port.") from None
	return listening


def _serve(listening: socket.socket, site: str, sites_path: str, parent: int | None = None) -> None:
	"""Answer requests on a listening socket, each in a thread of its own, until told to stop."""
	from werkzeug.serving import make_server

	import frappe.app

	logging.getLogger("werkzeug").setLevel(logging.ERROR)
	frappe.app._site, frappe.app._sites_path = site, sites_path
	stop = _stop_on_signals()
	host, port = listening.getsockname()[:2]
	server = make_server(host, port, frappe.app.application, threaded=True, fd=listening.fileno())
	thread = threading.Thread(target=server.serve_forever, daemon=True)
	thread.start()
	while not stop.wait(1) and parent in (None, os.getppid()):
		continue
	server.shutdown()
	thread.join(GRACE)
	server.server_close()


def _work(queues: tuple[str, ...], site: str, sites_path: str, parent: int) -> None:
	start_worker(site, sites_path, queues, stop=_stop_on_signals(), parent=parent)


def _schedule(site: str, sites_path: str, parent: int) -> None:
	start_scheduler(site, sites_path, _stop_on_signals(), parent)


def _site(context: Any) -> tuple[str, str]:
	"""The site that was named, which must exist, and the folder of the sites."""
	site = get_site(context)
	frappe.init(site=site)
	sites_path = os.path.abspath(frappe.local.sites_path)
	frappe.destroy()
	return site, sites_path


_host = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
_port = click.option("--port", default=8000, show_default=True, type=int, help="Port to listen on.")


@click.command("serve")
@_host
@_port
@pass_context
def serve(context: Any, host: str, port: int) -> None:
	"""Answer HTTP requests."""
	site, sites_path = _site(context)
	with _listen(host, port) as listening:
		click.echo(f"{site} is served on http://{host}:{listening.getsockname()[1]} (Ctrl+C stops it)")
		_serve(listening, site, sites_path)


@click.command("worker")
@click.option("--queue", default=",".join(QUEUES), show_default=True, help="Queues to work on, separated by commas.")
@click.option("--burst", is_flag=True, help="Stop when no job is left.")
@pass_context
def worker(context: Any, queue: str, burst: bool) -> None:
	"""Run background jobs."""
	queues = [name.strip() for name in queue.split(",")]
	if unknown := [name for name in queues if name not in QUEUES]:
		raise click.ClickException(f"There is no queue {unknown[0]!r}; there are {', '.join(QUEUES)}.")
	site, sites_path = _site(context)
	start_worker(site, sites_path, queues, burst=burst, stop=_stop_on_signals())


@click.command("schedule")
@pass_context
def schedule(context: Any) -> None:
	"""Queue what is due, every tick."""
	start_scheduler(*_site(context), _stop_on_signals())


@click.command("start")
@_host
@_port
@pass_context
def start(context: Any, host: str, port: int) -> None:
	"""Serve, work and schedule, until interrupted."""
	site, sites_path = _site(context)
	stop = _stop_on_signals()
	with _listen(host, port) as listening:
		spawn = multiprocessing.get_context("spawn")
		# each part is told who started it: asking for one's parent comes too late when that one is gone already
		common = (site, sites_path, os.getpid())
		parts: list[tuple[str, Callable, tuple]] = [("web server", _serve, (listening,))]
		parts += [(f"worker {i}", _work, (queues,)) for i, queues in enumerate(WORKERS, 1)]
		parts += [("scheduler", _schedule, ())]
		processes = [spawn.Process(target=target, args=(*args, *common), name=name) for name, target, args in parts]
		# a terminal's Ctrl+C goes to every part as well: one that still starts leaves it to this one
		handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
		for process in processes:
			process.start()
		signal.signal(signal.SIGINT, handler)
		click.echo(f"{site} is served on http://{host}:{listening.getsockname()[1]} (Ctrl+C stops it)")
		sys.stdout.flush()
		while not stop.wait(0.5) and all(process.is_alive() for process in processes):
			continue
	dead = [process.name for process in processes if not process.is_alive()] if not stop.is_set() else []
	for process in processes:
		if process.is_alive():
			process.terminate()
	for process in processes:
		process.join(GRACE)
		if process.is_alive():
			process.kill()
			process.join()
	if dead:
		raise click.ClickException(f"The {dead[0]} ended unexpectedly; everything else was stopped.")


commands = [serve, worker, schedule, start]
