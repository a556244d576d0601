"""The demo itself: real servers, a real site, and a verdict that a spoilt site does not pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.embedded


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
def test_the_demo_passes_keeps_its_data_and_can_fail(tmp_path: Path) -> None:
	folder = tmp_path / "demo"
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
