"""The demo itself: real servers, a real site, and a verdict that a spoilt site does not pass."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mail_servers.dovecot import mail_root_of

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.embedded


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
	"""A folder for a demo; what its Dovecot keeps elsewhere is removed at the end."""
	yield tmp_path / "demo"
	shutil.rmtree(mail_root_of(tmp_path / "demo" / "mail" / "mailserver"))


def run(folder: Path) -> subprocess.CompletedProcess[str]:
	return subprocess.run(
		[sys.executable, "-m", "demo", "--folder", str(folder)],
		cwd=ROOT,
		stdin=subprocess.DEVNULL,
		capture_output=True,
		text=True,
		timeout=300,
	)


def spoil(folder: Path, code: str) -> None:
	"""Change the demo's site behind its back."""
	lead = "from pathlib import Path\nfrom demo.place import Place\nfrom demo.site import connected\nimport frappe\n"
	body = f"with connected(Place(Path({str(folder)!r}))):\n\t{code}\n"
	subprocess.run([sys.executable, "-c", lead + body], cwd=ROOT, check=True, env=dict(os.environ))


@pytest.mark.timeout(600)
def test_the_demo_passes_keeps_its_data_and_can_fail(folder: Path) -> None:
	first = run(folder)
	assert first.returncode == 0, first.stdout + first.stderr
	assert "All 20 lines are what they must be." in first.stdout
	assert "✘" not in first.stdout
	sent = json.loads((folder / "state.json").read_text())["sent"]

	second = run(folder)
	assert second.returncode == 0, second.stdout + second.stderr
	assert "were sent by an earlier run, none again" in second.stdout
	assert json.loads((folder / "state.json").read_text())["sent"] == sent
	assert table(second) == table(first)

	spoil(folder, 'frappe.db.set_value("Opportunity", {"party_name": "René Dupré"}, "title", "=?iso-8859-1?Q?Facture?=")')
	third = run(folder)
	assert third.returncode == 1
	assert "the document's title is '=?iso-8859-1?Q?Facture?='" in third.stdout
	assert "1 of 20 lines are not what they must be." in third.stdout
	assert third.stdout.count("✘") == 1


def table(done: subprocess.CompletedProcess[str]) -> list[str]:
	lines = done.stdout.splitlines()
	start = next(number for number, line in enumerate(lines) if line.startswith("----"))
	return lines[start:]
