"""What only a bench has: its processes, its commands, apps that come and go. On the embedded host nothing here is collected.

A site of its own is needed, with the app installed: accounts are made on it, and left.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from mail_servers.dovecot import Dovecot
from tests.bench.quiet import Bench, quiet_bench


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
	if config.getoption("--host") != "bench":
		return True
	has_service = find_spec("frappe.email.frappemail") is not None
	return True if collection_path.name == "test_hosts_service.py" and not has_service else None


@pytest.fixture(scope="module")
def dovecot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dovecot]:
	with Dovecot(tmp_path_factory.mktemp("dovecot")) as server:
		yield server


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
	"""The site on a bench of its own, whose scheduler ticks every five seconds."""
	folder = tmp_path_factory.mktemp("bench") / "bench"
	with quiet_bench(request.config.getoption("--site"), folder, scheduler_tick_interval=5) as made:
		made.run("migrate")
		yield made
