"""Make the surroundings of `make demo` and `make test`: virtual environment, packages, a mail server.

Runs on the bare system Python, so it imports nothing but the standard library. Everything it makes lies in the clone,
except Debian packages, which it installs only as root. Each step is skipped when it was done before with the same
lock file. Whatever is missing around it is said in one line, and the exit status is then 1.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
LOG = ROOT / ".demo" / "install.log"
OURS = (".", "embedded_host", "examples/crm")
DOVECOT = ("dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd")
BROWSERS = ("chromium", "chromium-browser")
NO_NETWORK = (
	"Failed to establish a new connection",
	"Temporary failure in name resolution",
	"Name or service not known",
	"NewConnectionError",
	"NameResolutionError",
	"Network is unreachable",
	"ConnectTimeoutError",
	"Cannot connect to proxy",
	"ProxyError",
)


class Trouble(Exception):
	"""Something around us that a person has to mend; its text is the one line that says what."""


class Bar:
	"""Progress of one step: a bar on a terminal, a few lines elsewhere."""

	def __init__(self, title: str, total: int) -> None:
		self.title, self.total, self.done = title, max(total, 1), 0
		self.live = sys.stdout.isatty()
		self.said = -1

	def show(self, done: int, what: str) -> None:
		self.done = min(done, self.total)
		if self.live:
			filled = 24 * self.done // self.total
			room = shutil.get_terminal_size().columns - 52
			line = f"  {self.title:<18}[{'#' * filled}{'.' * (24 - filled)}] {100 * self.done // self.total:>3}% {what[: max(room, 0)]}"
			print("\r\033[K" + line, end="", flush=True)
		elif (quarter := 4 * self.done // self.total) > self.said:
			self.said = quarter
			print(f"  {self.title:<18}{25 * quarter:>3}%", flush=True)

	def end(self, result: str) -> None:
		if self.live:
			print("\r\033[K", end="")
		print(f"  {self.title:<18}{result}", flush=True)

	def abandon(self) -> None:
		if self.live:
			print("\r\033[K", end="", flush=True)


def lines_of(command: Iterable[str], environment: dict[str, str] | None = None) -> Iterator[str]:
	"""Run a command and yield its lines, which also go to the log. Raises CalledProcessError when it fails."""
	command = [str(word) for word in command]
	with LOG.open("a", encoding="utf-8") as log:
		log.write("\n$ " + " ".join(command) + "\n")
		process = subprocess.Popen(
			command,
			cwd=ROOT,
			env={**os.environ, **(environment or {})},
			stdin=subprocess.DEVNULL,
			stdout=subprocess.PIPE,
			stderr=subprocess.STDOUT,
			encoding="utf-8",
			errors="replace",
		)
		try:
			for line in process.stdout or ():
				log.write(line)
				yield line.rstrip()
		finally:
			if process.poll() is None and sys.exc_info()[0] is not None:
				process.terminate()
			status = process.wait()
	if status:
		raise subprocess.CalledProcessError(status, command)


def as_root_on_debian() -> bool:
	"""Whether Debian packages may be installed."""
	return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(title: str, *packages: str) -> None:
	"""Install Debian packages with progress, without starting what they bring."""
	quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1", "SYSTEMD_OFFLINE": "1"}
	bar = Bar(title, 100)
	try:
		bar.show(0, "reading package lists")
		for _line in lines_of(["apt-get", "update", "-q"], quiet):
			bar.show(2, "reading package lists")
		install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "-o", "APT::Status-Fd=1", *packages]
		for line in lines_of(install, quiet):
			fields = line.split(":", 3)
			if fields[0] in ("dlstatus", "pmstatus") and len(fields) == 4:
				percent = float(fields[2])
				bar.show(int(2 + percent * 0.4 if fields[0] == "dlstatus" else 42 + percent * 0.58), fields[3])
	except subprocess.CalledProcessError:
		bar.abandon()
		raise Trouble(f"apt-get could not install {' '.join(packages)} (no network, or no such package): see {shown(LOG)}.")
	bar.end("installed from Debian: " + " ".join(packages))


def shown(path: Path) -> str:
	return str(path.relative_to(ROOT))


def inside(code: str) -> bool:
	"""Whether ``code`` runs without error in the virtual environment."""
	python = ENVIRONMENT / "bin" / "python"
	if not python.exists():
		return False
	return subprocess.run([python, "-c", code], capture_output=True, cwd=ROOT).returncode == 0


def make_environment() -> None:
	"""A virtual environment in .venv, made again when its Python is gone or too old."""
	if inside("import sys, pip; sys.exit(sys.version_info < (3, 10))"):
		return
	if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
		package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
		if not as_root_on_debian():
			raise Trouble(f"This Python has no venv module: install it (Debian: apt-get install {package}) and try again.")
		apt_install("Python", package)
	try:
		for _line in lines_of([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)]):
			continue
	except subprocess.CalledProcessError:
		raise Trouble(f"The virtual environment could not be made: see {shown(LOG)}.")
	print(f"  {'Python':<18}{sys.version.split()[0]}, virtual environment in .venv", flush=True)


def install_packages(lock: Path) -> None:
	"""Install the locked packages and, editable, our own three distributions."""
	stamp = ENVIRONMENT / f".{lock.stem}-installed"
	ours = [ROOT / folder / name for folder in OURS for name in ("setup.py", "pyproject.toml")]
	state = hashlib.sha256(b"".join(path.read_bytes() for path in [lock, *ours] if path.exists())).hexdigest()
	state += f" {ROOT}"
	if stamp.exists() and stamp.read_text() == state:
		return
	pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
	pip += ["--retries", "2", "--timeout", "30", "--progress-bar", "off"]
	wanted = sum(1 for line in lock.read_text().splitlines() if "==" in line)
	bar = Bar("Packages", wanted + 8)
	seen, last, network = 0, "", True
	try:
		for line in lines_of([*pip, "--no-deps", "-r", str(lock)]):
			network = network and not any(sign in line for sign in NO_NETWORK)
			last = line if line.startswith("ERROR") else last
			words = line.split()
			if line.startswith(("Collecting ", "Requirement already satisfied: ")):
				seen += 1
				bar.show(seen, words[1] if line.startswith("C") else words[3])
			elif line.startswith("Ignoring "):
				seen += 1
			elif line.startswith("Installing collected"):
				bar.show(wanted, "unpacking")
		bar.show(wanted + 2, "our own packages")
		editable = [word for folder in OURS for word in ("-e", f"./{folder}")]
		for _line in lines_of([*pip, "--no-deps", "--no-build-isolation", "--use-pep517", *editable]):
			bar.show(wanted + 4, "our own packages")
	except subprocess.CalledProcessError:
		bar.abandon()
		if not network:
			raise Trouble("No network: pip could not reach its package index. Connect (or set PIP_INDEX_URL) and try again.")
		raise Trouble(
			f"pip could not install the packages ({last.removeprefix('ERROR: ') or 'no reason given'}): see {shown(LOG)}."
		)
	stamp.write_text(state)
	bar.end(f"{wanted} pinned in {shown(lock)}")


def have_dovecot() -> bool:
	return inside("import sys; from mail_servers.dovecot import find_dovecot; sys.exit(not find_dovecot())")


def find_mail_server() -> None:
	"""Dovecot: already there, or from Debian as root; otherwise pymap stands in."""
	if have_dovecot():
		print(f"  {'Mail server':<18}Dovecot, already there", flush=True)
		return
	if as_root_on_debian():
		try:
			apt_install("Mail server", *DOVECOT)
			return
		except Trouble as trouble:
			print(f"  {trouble}")
	advice = "apt-get install " + " ".join(DOVECOT)
	if not inside("import pymap"):
		raise Trouble(f"No Dovecot here, no root to install it, and its stand-in pymap needs Python 3.11: {advice}")
	print(f"  {'Mail server':<18}no Dovecot here and no root to install it: pymap from PyPI stands in (IMAP only).")
	print(f"  {'':<18}For the real one: {advice}", flush=True)


def find_servers_of_tests() -> None:
	"""Dovecot, Postfix, a browser and SpamAssassin, which the tests cannot do without: already there, or from Debian as root."""
	missing = [] if have_dovecot() else list(DOVECOT)
	if not any(map(shutil.which, BROWSERS)):
		missing.append(BROWSERS[0])
	if not shutil.which("spamassassin"):
		missing.append("spamassassin")
	if not shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
		missing.append("postfix")
	if not missing:
		print(f"  {'Servers':<18}Dovecot, Postfix, Chromium and SpamAssassin, already there", flush=True)
	elif as_root_on_debian():
		apt_install("Servers", *missing)
	else:
		raise Trouble("The tests need what only root may install: apt-get install " + " ".join(missing))


def main() -> int:
	parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
	parser.add_argument("--tests", action="store_true", help="install what the tests need as well")
	chosen = parser.parse_args()
	LOG.parent.mkdir(exist_ok=True)
	try:
		make_environment()
		# The tests' lock holds the demo's too; once installed, the demo has nothing to add.
		tests = chosen.tests or (ENVIRONMENT / ".test-installed").exists()
		install_packages(ROOT / "requirements" / ("test.txt" if tests else "demo.txt"))
		if chosen.tests:
			find_servers_of_tests()
		else:
			find_mail_server()
	except Trouble as trouble:
		print(str(trouble), file=sys.stderr)
		return 1
	except KeyboardInterrupt:
		print("\nStopped; the next run goes on from here.", file=sys.stderr)
		return 130
	return 0


if __name__ == "__main__":
	sys.exit(main())
