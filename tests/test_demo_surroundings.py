"""What may be wrong around the demo is said in one line, with what to do about it."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import prepare
from demo.place import Place, Trouble, need_port
from mail_servers.server import HOST, free_port

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
	"""A clone with nothing in it but a lock file."""
	monkeypatch.setattr(prepare, "ROOT", tmp_path)
	monkeypatch.setattr(prepare, "ENVIRONMENT", tmp_path / ".venv")
	monkeypatch.setattr(prepare, "LOG", tmp_path / "install.log")
	(tmp_path / ".venv").mkdir()
	(tmp_path / "demo.txt").write_text("click==8.0.0\n")
	return tmp_path


def pip_that_says(*lines: str):
	def run(command: list[str], environment: dict[str, str] | None = None) -> Iterator[str]:
		yield from lines
		raise subprocess.CalledProcessError(1, command)

	return run


def test_no_network(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
	refused = "WARNING: Retrying ... NewConnectionError(': Failed to establish a new connection: [Errno 101]')"
	monkeypatch.setattr(prepare, "lines_of", pip_that_says("Collecting click==8.0.0", refused, "ERROR: No matching distribution"))
	with pytest.raises(prepare.Trouble, match=r"^No network: .*try again\.$"):
		prepare.install_packages(elsewhere / "demo.txt")


def test_pip_fails_for_another_reason(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(prepare, "lines_of", pip_that_says("ERROR: No space left on device"))
	with pytest.raises(prepare.Trouble, match=r"\(No space left on device\): see install\.log\.$"):
		prepare.install_packages(elsewhere / "demo.txt")


def test_packages_are_installed_once_for_a_lock(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
	commands = []

	def run(command: list[str], environment: dict[str, str] | None = None) -> Iterator[str]:
		commands.append(command)
		yield "Collecting click==8.0.0"

	monkeypatch.setattr(prepare, "lines_of", run)
	prepare.install_packages(elsewhere / "demo.txt")
	assert len(commands) == 2
	prepare.install_packages(elsewhere / "demo.txt")
	assert len(commands) == 2
	(elsewhere / "demo.txt").write_text("click==8.0.1\n")
	prepare.install_packages(elsewhere / "demo.txt")
	assert len(commands) == 4


def test_no_venv_module(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(prepare.importlib.util, "find_spec", lambda name: None)
	monkeypatch.setattr(prepare, "as_root_on_debian", lambda: False)
	with pytest.raises(prepare.Trouble, match=r"no venv module: .*apt-get install python3\.\d+-venv"):
		prepare.make_environment()


@pytest.fixture
def plain_user(monkeypatch: pytest.MonkeyPatch) -> None:
	"""Nobody's root, and there is no Dovecot."""
	monkeypatch.setattr(prepare, "have_dovecot", lambda: False)
	monkeypatch.setattr(prepare, "as_root_on_debian", lambda: False)


def test_no_mail_server_to_be_had(monkeypatch: pytest.MonkeyPatch, plain_user: None) -> None:
	monkeypatch.setattr(prepare, "inside", lambda code: False)
	with pytest.raises(prepare.Trouble, match=r"no root to install it.* apt-get install dovecot-imapd"):
		prepare.find_mail_server()


def test_nothing_for_the_tests_to_run_on(monkeypatch: pytest.MonkeyPatch, plain_user: None) -> None:
	monkeypatch.setattr(prepare.shutil, "which", lambda program, **_where: None)
	with pytest.raises(
		prepare.Trouble, match=r"apt-get install dovecot-imapd dovecot-pop3d dovecot-lmtpd chromium spamassassin postfix$"
	):
		prepare.find_servers_of_tests()


def test_the_fallback_is_said_aloud(
	monkeypatch: pytest.MonkeyPatch, plain_user: None, capsys: pytest.CaptureFixture[str]
) -> None:
	monkeypatch.setattr(prepare, "inside", lambda code: True)
	prepare.find_mail_server()
	assert "pymap from PyPI stands in" in capsys.readouterr().out


def test_a_port_that_is_taken() -> None:
	with socket.create_server((HOST, 0)) as other:
		port = other.getsockname()[1]
		with pytest.raises(Trouble, match=rf"^Port {port} is taken .*: make desk PORT=1$"):
			need_port(port, "make desk PORT=1")
	need_port(free_port(), "")


def test_no_or_an_old_python(tmp_path: Path) -> None:
	old = tmp_path / "python"
	old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.1\nexit 1\n')
	old.chmod(0o755)
	done = subprocess.run(["make", "-s", "python", f"PYTHON={old}"], cwd=ROOT, capture_output=True, text=True)
	assert done.returncode
	assert done.stderr.splitlines()[0] == f"Dokos Mail needs Python 3.10 or newer; {old} is: Python 3.9.1."


def test_a_desk_without_a_demo(tmp_path: Path) -> None:
	from demo.__main__ import desk

	with pytest.raises(Trouble, match="run `make demo` first"):
		desk(Place(tmp_path), free_port(), "auto")


def test_passwords_are_kept_from_others(tmp_path: Path) -> None:
	place = Place(tmp_path)
	assert (tmp_path / "state.json").stat().st_mode & 0o077 == 0
	assert Place(tmp_path).memory == place.memory
