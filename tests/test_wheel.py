"""What is built for installing holds the app, whole and alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = {".json", ".js", ".css", ".txt", ".csv", ".html", ".md", ".svg", ".png"}


LEFT_BEHIND = shutil.ignore_patterns(
	".cache", ".git", ".venv", ".demo", "__pycache__", "*.egg-info", "build", "dist", ".*_cache", ".hypothesis"
)


def app_files() -> list[str]:
	"""Every file of the app, but for what Python leaves behind."""
	paths = (path for path in (ROOT / "dokos_mail").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
	return sorted(path.relative_to(ROOT).as_posix() for path in paths)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
	"""A source distribution, and a wheel built from it, of a copy of the work tree."""
	copy, dist = tmp_path_factory.mktemp("copies") / "clone", tmp_path_factory.mktemp("dist")
	shutil.copytree(ROOT, copy, ignore=LEFT_BEHIND)
	done = subprocess.run(
		[sys.executable, "-m", "build", "--no-isolation", "--outdir", str(dist)],
		cwd=copy,
		capture_output=True,
		text=True,
		env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
	)
	assert done.returncode == 0, done.stdout + done.stderr
	return dist


@pytest.fixture(scope="module")
def wheel(built: Path) -> list[str]:
	(path,) = built.glob("*.whl")
	with zipfile.ZipFile(path) as archive:
		return archive.namelist()


def test_wheel_holds_dokos_mail_alone(wheel: list[str]) -> None:
	tops = {name.split("/")[0] for name in wheel}
	assert {top for top in tops if not top.endswith(".dist-info")} == {"dokos_mail"}
	(record,) = [name for name in wheel if name.endswith("top_level.txt")]
	assert record


def test_wheel_holds_all_of_the_app(wheel: list[str]) -> None:
	wanted = [path for path in app_files() if Path(path).suffix in DATA | {".py"}]
	assert len(wanted) > 20
	assert sorted(set(wanted) - set(wheel)) == []
	unknown = [path for path in app_files() if Path(path).suffix not in DATA | {".py"}]
	assert unknown == [], "MANIFEST.in and this test have to learn of these"


def test_source_distribution_holds_dokos_mail_alone(built: Path) -> None:
	(path,) = built.glob("*.tar.gz")
	with tarfile.open(path) as archive:
		names = ["/".join(name.split("/")[1:]) for name in archive.getnames()]
	code = {name.split("/")[0] for name in names if "/" in name}
	assert code == {"dokos_mail", "dokos_mail.egg-info"}
	assert {"README.md", "license.txt", "setup.py"} <= set(names)


def test_requirements_are_ranges_and_frappe_is_none_of_them(built: Path) -> None:
	(path,) = built.glob("*.whl")
	with zipfile.ZipFile(path) as archive:
		(name,) = [name for name in archive.namelist() if name.endswith("METADATA")]
		metadata = archive.read(name).decode()
	required = re.findall(r"^Requires-Dist: (\S+?)([<>=].*)$", metadata, re.MULTILINE)
	assert {name for name, _range in required} == {"css-inline", "flufl.bounce", "idna", "nh3"}
	assert all(">=" in wanted and "<" in wanted and "==" not in wanted for _name, wanted in required)
	assert "Requires-Python: >=3.10" in metadata


def test_bench_finds_the_name() -> None:
	"""bench reads the app's name with this expression when there is no pyproject.toml."""
	text = (ROOT / "setup.py").read_text(encoding="utf-8")
	assert re.search(r'name\s*=\s*[\'"](.*)[\'"]', text)[1] == "dokos_mail"


def test_locks_pin_exactly_what_is_named() -> None:
	for name in ("demo", "test"):
		lock = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
		pins = [line for line in lock if line and not line.startswith("#")]
		assert all(re.match(r"[a-z0-9][a-z0-9._-]*==\S+", line) for line in pins)
		pinned = {re.split("==", line)[0] for line in pins}
		named = (ROOT / "requirements" / f"{name}.in").read_text().splitlines()
		wanted = {re.split("[<;]", re.sub(r"[-_.]+", "-", line).lower())[0] for line in named if line and line[0] not in "#-"}
		assert wanted <= pinned
