"""A mail server and a relay in front of it, as one process.

	python -m mail_servers start  --folder F --user a@masociete.test:word ...   in the background, back once both answer
	python -m mail_servers stop   --folder F
	python -m mail_servers status --folder F                                    exit status 0 when it runs
	python -m mail_servers run    --folder F --user ...                         in the foreground, until a signal

``F/servers.json`` then says where everything is: {"said", "pid", "host", "ports": {"imap", "imaps", ..., "smtp"},
"authority", "users"}. Ports are kept from one start to the next. Mail stays in the folder.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

from mail_servers.certificates import Certificates
from mail_servers.dovecot import Dovecot, find_dovecot
from mail_servers.pymap import Pymap, have_pymap
from mail_servers.relay import Relay
from mail_servers.server import MailServer

STATE = "servers.json"
START_SECONDS = 60


def choose(preference: str) -> type[Dovecot] | type[Pymap]:
	"""Dovecot when it is installed, otherwise pymap; a preference that cannot be met is an error in words."""
	if preference in ("auto", "dovecot") and find_dovecot():
		return Dovecot
	if preference in ("auto", "pymap") and have_pymap():
		return Pymap
	if preference == "dovecot":
		raise SystemExit("Dovecot is not installed: apt-get install dovecot-imapd dovecot-pop3d dovecot-lmtpd")
	raise SystemExit(
		"Neither Dovecot nor pymap is here: apt-get install dovecot-imapd dovecot-pop3d dovecot-lmtpd, or pip install pymap"
	)


def state_of(folder: Path) -> dict | None:
	"""What servers.json says, or None when there is none."""
	try:
		return json.loads((folder / STATE).read_text())
	except FileNotFoundError:
		return None


def running(folder: Path) -> dict | None:
	"""The state, when the process it names is alive and is one of ours."""
	state = state_of(folder)
	if not state or not state.get("pid"):
		return None
	try:
		os.kill(state["pid"], 0)
		command = Path(f"/proc/{state['pid']}/cmdline")
		return state if not command.exists() or b"mail_servers" in command.read_bytes() else None
	except ProcessLookupError:
		return None


def run(folder: Path, users: dict[str, str], preference: str, smtp_port: int | None, ready: int | None) -> None:
	"""Serve until SIGTERM or SIGINT. Users of an earlier run stay; ``ready`` is a descriptor told of success."""
	folder.mkdir(parents=True, exist_ok=True)
	before = state_of(folder) or {}
	users = {**before.get("users", {}), **users}
	ports = before.get("ports", {})
	kind = choose(preference)
	certificates = Certificates(folder / "tls")
	options = {"keep": True} if kind is Dovecot else {}
	server: MailServer = kind(folder / "mailserver", users, certificates=certificates, ports=ports, **options)
	relay = Relay(server, port=smtp_port or ports.get("smtp"), users=users, certificates=certificates)
	over = threading.Event()
	for signal_number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
		signal.signal(signal_number, lambda *_: over.set())
	try:
		with server, relay:
			state = {
				"said": server.said,
				"program": kind.__name__.lower(),
				"pid": os.getpid(),
				"host": server.host,
				"ports": {**server.ports, "smtp": relay.port},
				"authority": str(certificates.authority),
				"users": users,
			}
			_write_state(folder, state)
			if ready is None:
				print(json.dumps(state, indent="\t"), flush=True)
			else:
				os.write(ready, b"ready\n")
				os.close(ready)
			over.wait()
	finally:
		state = state_of(folder)
		if state and state.get("pid") == os.getpid():
			_write_state(folder, {**state, "pid": None})


def _write_state(folder: Path, state: dict) -> None:
	fresh = folder / (STATE + ".new")
	fresh.write_text(json.dumps(state, indent="\t") + "\n")
	fresh.chmod(0o600)
	fresh.replace(folder / STATE)


def start(folder: Path, arguments: list[str]) -> dict:
	"""Run in the background; returns the state once both servers answer. One that runs already is left as it is."""
	already = running(folder)
	if already:
		return already
	folder.mkdir(parents=True, exist_ok=True)
	read_end, write_end = os.pipe()
	root = str(Path(__file__).resolve().parents[1])
	environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))}
	with (folder / "servers.log").open("wb") as log:
		process = subprocess.Popen(
			[sys.executable, "-m", "mail_servers", "run", *arguments, "--ready", str(write_end)],
			stdin=subprocess.DEVNULL,
			stdout=log,
			stderr=subprocess.STDOUT,
			start_new_session=True,
			pass_fds=[write_end],
			env=environment,
		)
	os.close(write_end)
	with os.fdopen(read_end, "rb") as pipe:
		answered = select.select([pipe], [], [], START_SECONDS)[0] and pipe.readline()
	if not answered:
		process.terminate()
		raise SystemExit("The mail servers did not start:\n" + (folder / "servers.log").read_text(errors="replace")[-2000:])
	return state_of(folder) or {}


def stop(folder: Path) -> bool:
	"""End the process and wait until it is gone. False when none was running."""
	state = running(folder)
	if not state:
		return False
	descriptor = os.pidfd_open(state["pid"]) if hasattr(os, "pidfd_open") else None
	os.kill(state["pid"], signal.SIGTERM)
	if descriptor is not None:
		gone = select.select([descriptor], [], [], 30)[0]
		os.close(descriptor)
		return bool(gone)
	return True


def _user(text: str) -> tuple[str, str]:
	name, separator, password = text.partition(":")
	if not separator:
		raise argparse.ArgumentTypeError(f"{text!r} is not address:password")
	return name, password


def main() -> None:
	parser = argparse.ArgumentParser(prog="python -m mail_servers", description="A mail server and an SMTP relay on loopback.")
	parser.add_argument("action", choices=["run", "start", "stop", "status"])
	parser.add_argument("--folder", type=Path, required=True)
	parser.add_argument("--user", type=_user, action="append", default=[], metavar="ADDRESS:PASSWORD")
	parser.add_argument("--program", choices=["auto", "dovecot", "pymap"], default="auto")
	parser.add_argument("--smtp-port", type=int)
	parser.add_argument("--ready", type=int, help=argparse.SUPPRESS)
	chosen = parser.parse_args()
	folder = chosen.folder.resolve()
	if chosen.action == "run":
		run(folder, dict(chosen.user), chosen.program, chosen.smtp_port, chosen.ready)
	elif chosen.action == "start":
		print(json.dumps(start(folder, sys.argv[2:]), indent="\t"))
	elif chosen.action == "stop":
		print("Stopped." if stop(folder) else "Not running.")
	else:
		state = running(folder)
		print(json.dumps(state, indent="\t") if state else "Not running.")
		sys.exit(0 if state else 1)


if __name__ == "__main__":
	main()
