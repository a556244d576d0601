"""The demo. `make demo` runs it whole, `make desk` serves its site, `make mail` sends that site a mail.

python -m demo [--port 8000]          mail servers, site, accounts, mail, pull, table; exit status 1 if a line is wrong
python -m demo desk [--port 8000]     the site of an earlier run, until Ctrl-C
python -m demo mail TO SUBJECT TEXT   a mail to the desk that runs
"""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path

from demo import mail
from demo.messages import COMMERCIAL, MESSAGES
from demo.place import ROOT, SITE, Place, Trouble, need_port
from demo.table import BOLD, GREEN, RED, styled


def say(topic: str, text: str) -> None:
	print(f"  {topic:<18}{text}", flush=True)


def demo(place: Place, port: int, program: str) -> int:
	"""The whole demo; returns the exit status."""
	from demo import report, site

	with mail.servers_of(place, program) as servers:
		say("Mail server", servers["said"])
		say("SMTP", f"a relay on port {servers['ports']['smtp']} that delivers into it")
		site.make(place, lambda step: say("Site", step))
		site.configure(place, servers)
		for wave in (1, 2):
			sent = send_wave(place, servers, wave)
			if sent or wave == 1:
				pull(place)
		print()
		with site.connected(place):
			wrong = report.print_report()
		print()
		if wrong:
			print(styled(f"{wrong} of {len(report.EXPECTED)} lines are not what they must be.", RED))
			print("Documents changed in the desk since count as well; `make clean demo` starts afresh.")
			return 1
		print(styled(f"All {len(report.EXPECTED)} lines are what they must be.", GREEN))
		if sys.stdin.isatty() and sys.stdout.isatty() and offer():
			serve(place, servers, port)
		else:
			print("`make desk` serves this site.")
		return 0


def send_wave(place: Place, servers: dict, wave: int) -> int:
	"""Send what was never sent before, in order, each remembered as soon as the server has it; returns how many."""
	batch = [sent for sent in MESSAGES if sent.wave == wave]
	due = [sent for sent in batch if sent.key not in place.memory.sent]
	for sent in due:
		mail.send(servers, sent)
		place.memory.sent.append(sent.key)
		place.remember()
	before = len(batch) - len(due)
	kind = "first mails" if wave == 1 else "replies and repeats"
	say("Mail", f"{len(due)} {kind} sent through SMTP" if due else f"{before} {kind} were sent by an earlier run, none again")
	return len(due)


def pull(place: Place) -> None:
	"""Pull with the app's own command, in sight."""
	command = place.bench("--site", SITE, "mail-pull")
	say("Pull", f"$ bench --site {SITE} mail-pull")
	done = subprocess.run(command, env=place.environment(), cwd=ROOT, stdout=subprocess.PIPE, text=True)
	for line in done.stdout.splitlines():
		say("", line)
	if done.returncode:
		raise Trouble("The pull failed; what it said is above.")


def offer() -> bool:
	"""Ask whether to go on. Ctrl-C and end of input mean no."""
	try:
		input(styled("\nEnter serves the desk of this site; Ctrl-C ends here. ", BOLD))
	except (EOFError, KeyboardInterrupt):
		print()
		return False
	return True


def serve(place: Place, servers: dict, port: int) -> None:
	"""Web, worker, scheduler and listener until Ctrl-C."""
	need_port(port, f"choose another: make desk PORT={port + 1}")
	process = in_background(place, "start", "--port", str(port))
	listener = in_background(place, "mail-listen")
	try:
		until_it_answers(process, port, place.folder / "desk.log")
		print(f"""
  Desk        {styled(f"http://localhost:{port}/app/opportunity", BOLD)}
  Journal     http://localhost:{port}/app/incoming-email (each mail, and why it is where it is)
  Login       Administrator
  Password    {place.memory.admin_password}

  Send it a mail, from another terminal; it is an Opportunity a second or two later:
              make mail SUBJECT="Bonjour" TEXT="Un devis, s'il vous plaît."
  or with any program, by SMTP on localhost:{servers["ports"]["smtp"]}, to {COMMERCIAL}.

  Ctrl-C stops the desk and the mail server.""")
		process.wait()
		raise Trouble(f"The desk stopped by itself: see {place.folder / 'desk.log'}")
	except KeyboardInterrupt:
		print("\n  Stopping.")
	finally:
		end(listener)
		end(process)


def in_background(place: Place, *words: str) -> subprocess.Popen:
	"""A command of the bench for the demo's site, what it says in desk.log."""
	with (place.folder / "desk.log").open("ab") as log:
		return subprocess.Popen(
			place.bench("--site", SITE, *words),
			env=place.environment(),
			cwd=ROOT,
			stdin=subprocess.DEVNULL,
			stdout=log,
			stderr=log,
			start_new_session=True,
		)


def until_it_answers(process: subprocess.Popen, port: int, log: Path) -> None:
	"""Return once the web server answers. Raises Trouble when the process ends instead."""
	while True:
		try:
			process.wait(0.2)
			last = (log.read_text(errors="replace").strip() or "it said nothing").splitlines()[-1]
			raise Trouble(f"The desk did not start: {last} (see {log})")
		except subprocess.TimeoutExpired:
			if answers(port):
				return


def answers(port: int) -> bool:
	connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
	try:
		connection.request("GET", "/login", headers={"Host": f"localhost:{port}"})
		return connection.getresponse().status < 500
	except OSError:
		return False
	finally:
		connection.close()


def end(process: subprocess.Popen) -> None:
	"""End a process and all that it started."""
	if process.poll() is not None:
		return
	os.killpg(process.pid, signal.SIGTERM)
	try:
		process.wait(20)
	except subprocess.TimeoutExpired:
		os.killpg(process.pid, signal.SIGKILL)
		process.wait()


def desk(place: Place, port: int, program: str) -> int:
	"""Serve the site of an earlier run."""
	from demo import site

	if not place.memory.made:
		raise Trouble("There is no site yet: run `make demo` first.")
	need_port(port, f"choose another: make desk PORT={port + 1}")
	with mail.servers_of(place, program) as servers:
		site.make(place, lambda step: say("Site", step))
		site.configure(place, servers)
		serve(place, servers, port)
	return 0


def write(place: Place, to: str, subject: str, text: str) -> int:
	"""Send one mail to the desk that runs."""
	servers = mail.running(place.mail)
	if not servers:
		raise Trouble("The mail server is not running: start it with `make desk`.")
	to = to or COMMERCIAL
	if to not in servers["users"]:
		raise Trouble(f"There is no mailbox {to}; there are {', '.join(servers['users'])}.")
	mail.write(servers, to, subject or "Bonjour", text or "Un message de plus.")
	print(f"Sent to {to}.")
	return 0


def main() -> int:
	parser = argparse.ArgumentParser(prog="python -m demo")
	parser.add_argument("what", nargs="?", default="demo", choices=["demo", "desk", "mail"])
	parser.add_argument("words", nargs="*", metavar="TO SUBJECT TEXT")
	parser.add_argument("--port", type=int, default=8000)
	parser.add_argument("--mail-server", choices=["auto", "dovecot", "pymap"], default="auto")
	parser.add_argument("--folder", type=Path, default=ROOT / ".demo")
	chosen = parser.parse_args()
	for number in (signal.SIGINT, signal.SIGTERM):
		signal.signal(number, signal.default_int_handler)
	try:
		place = Place(chosen.folder)
		if chosen.what == "mail":
			to, subject, text = [*chosen.words, "", "", ""][:3]
			return write(place, to, subject, text)
		run = desk if chosen.what == "desk" else demo
		return run(place, chosen.port, chosen.mail_server)
	except Trouble as trouble:
		print(styled(str(trouble), RED), file=sys.stderr)
		return 1
	except KeyboardInterrupt:
		print("\nStopped; the next run goes on from here.", file=sys.stderr)
		return 130


if __name__ == "__main__":
	sys.exit(main())
