"""A site as it runs: web, worker and scheduler as processes, and a mail that arrives meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import frappe
import pytest

from tests.mailbox import Mailbox, raw

pytestmark = pytest.mark.embedded

#: Seconds: a tick, a pull, and a slow machine.
DEADLINE = 90


@pytest.fixture
def running(site: object, mailbox: Mailbox) -> Iterator[subprocess.Popen[str]]:
	"""``bench start``, ticking each second."""
	config = site.path / "site_config.json"
	config.write_text(json.dumps(json.loads(config.read_text()) | {"scheduler_tick_interval": 1}))
	process = subprocess.Popen(
		[sys.executable, "-m", "frappe", "--site", site.name, "start", "--port", "0"],
		stdout=subprocess.PIPE,
		stderr=subprocess.STDOUT,
		text=True,
		env={**os.environ, **site.env},
		cwd=site.sites_path,
		start_new_session=True,
	)
	yield process
	process.send_signal(signal.SIGTERM)
	try:
		process.communicate(timeout=30)
	except subprocess.TimeoutExpired:
		os.killpg(process.pid, signal.SIGKILL)
		raise


def test_a_mail_that_arrives_is_a_document_after_a_tick(running: subprocess.Popen[str], mailbox: Mailbox) -> None:
	assert "http://" in running.stdout.readline()
	mailbox.put(raw("arrivé pendant que le site tourne"))
	wait = threading.Event()
	for _attempt in range(DEADLINE * 5):
		frappe.db.rollback()
		found = frappe.get_all("Opportunity", filters={"title": "arrivé pendant que le site tourne"}, pluck="name")
		if found:
			break
		assert running.poll() is None
		wait.wait(0.2)
	assert len(found) == 1
	assert frappe.db.get_value("Email Account Status", {"email_account": mailbox.account}, "state") == "Working"
