"""The host that tests run on: a fresh embedded site for each test, or a bench's site that is named.

`pytest` is the embedded host, `pytest --host=bench --site SITE` a bench (with the bench's Python, in its `sites` folder).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EMBEDDED = ROOT / "embedded_host"
PACKAGES = [str(ROOT), str(EMBEDDED), str(ROOT / "examples" / "crm")]
SITE = "test.localhost"

if importlib.util.find_spec("frappe") is None:
	# not on a bench, and the embedded host is not installed: take it from here, before other conftests import it
	sys.path[:0] = PACKAGES
	os.environ["PYTHONPATH"] = os.pathsep.join([*PACKAGES, *filter(None, [os.environ.get("PYTHONPATH")])])


def pytest_addoption(parser: pytest.Parser) -> None:
	parser.addoption("--host", choices=("embedded", "bench"), default="embedded", help="the host that tests run on")
	parser.addoption("--site", default=None, help="the site on the bench")
	parser.addoption("--url", default=None, help="the address that site is served at, for tests of its desk in a browser")
	parser.addoption("--pictures", default=None, help="a folder for screenshots of the desk")


def pytest_configure(config: pytest.Config) -> None:
	config.addinivalue_line("markers", "embedded: holds for the embedded host only (its own limits, its own storage)")
	import frappe

	own = EMBEDDED in Path(frappe.__file__).resolve().parents
	if config.getoption("--host") == "embedded":
		if not own:
			raise pytest.UsageError(f"`frappe` is {frappe.__file__}, not the embedded host: add --host=bench --site SITE")
		return
	if own:
		raise pytest.UsageError("--host=bench, but `frappe` is the embedded host: run the tests with the bench's own Python")
	if not config.getoption("--site"):
		raise pytest.UsageError("--host=bench needs --site")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
	"""On a bench the tests of what only the embedded host has are left out."""
	if config.getoption("--host") == "bench":
		left_out = [item for item in items if item.get_closest_marker("embedded")]
		config.hook.pytest_deselected(items=left_out)
		items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
	"""How many times something was killed, over all workers."""
	reports = [report for some in terminalreporter.stats.values() for report in some if getattr(report, "when", "") == "call"]
	cuts = [value for report in reports for name, value in report.user_properties if name == "cuts"]
	if cuts:
		terminalreporter.write_line(f"{sum(cuts)} cuts")


@dataclass(frozen=True)
class Site:
	"""The connected site of a test."""

	name: str
	sites_path: Path
	host: str
	env: dict[str, str] = field(default_factory=dict)

	@property
	def path(self) -> Path:
		return self.sites_path / self.name

	def connect(self) -> None:
		"""Connect as Administrator, on a connection of its own where there was one already."""
		import frappe

		frappe.destroy()
		frappe.init(self.name, sites_path=str(self.sites_path))
		frappe.connect()
		frappe.set_user("Administrator")
		if self.host == "bench":
			frappe.conf["throttle_user_limit"] = 10_000  # hosts refuse more than 60 new users an hour; runs make more

	def bench(self, *words: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess[str]:
		"""`bench --site <this> ...` in another process."""
		command = (
			[sys.executable, "-m", "frappe", "--site", self.name, *words]
			if self.host == "embedded"
			else ["bench", "--site", self.name, *words]
		)
		done = subprocess.run(
			command, capture_output=True, text=True, env={**os.environ, **self.env}, cwd=self.sites_path, timeout=timeout
		)
		if check and done.returncode:
			raise AssertionError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
		return done

	def python(self, code: str, *, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess[str]:
		"""Run code in another process, connected to this site as Administrator; nothing is committed for it."""
		lead = f"import frappe\nfrappe.init({self.name!r}, sites_path={str(self.sites_path)!r})\nfrappe.connect()\n"
		done = subprocess.run(
			[sys.executable, "-c", lead + code],
			capture_output=True,
			text=True,
			env={**os.environ, **self.env},
			cwd=self.sites_path,
			timeout=timeout,
		)
		if check and done.returncode:
			raise AssertionError(f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
		return done


@pytest.fixture(scope="session")
def site_template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path | None:
	"""A sites folder with one embedded site, the app and the example installed; copied for each test."""
	if request.config.getoption("--host") != "embedded":
		return None
	import frappe
	from frappe import installer

	sites = tmp_path_factory.mktemp("template") / "sites"
	sites.mkdir()
	(sites / "apps.txt").write_text("frappe\ndokos_mail\ncrm\n")
	installer.new_site(SITE, sites_path=str(sites), admin_password="admin", config={"developer_mode": 0})
	frappe.init(SITE, sites_path=str(sites))
	frappe.connect()
	for app in ("dokos_mail", "crm"):
		installer.install_app(app)
	frappe.db.commit()
	frappe.destroy()
	return sites


@pytest.fixture
def site(request: pytest.FixtureRequest, site_template: Path | None, tmp_path: Path) -> Iterator[Site]:
	"""A connected site: on the embedded host a fresh one, on a bench the named one (a test undoes what it commits)."""
	import frappe

	if site_template is None:
		made = Site(request.config.getoption("--site"), Path.cwd(), "bench")
	else:
		sites = tmp_path / "sites"
		shutil.copytree(site_template, sites)
		made = Site(SITE, sites, "embedded", {"SITES_PATH": str(sites)})
		from frappe.utils.background_jobs import close_queues
	made.connect()
	try:
		yield made
	finally:
		if getattr(frappe.local, "db", None):
			frappe.db.rollback()
		frappe.destroy()
		if site_template is not None:
			close_queues()
			# hundreds of tests, each with a folder of its own: more than pytest's tidying up should be left with
			shutil.rmtree(made.sites_path, ignore_errors=True)
