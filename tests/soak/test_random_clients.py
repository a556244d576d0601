"""While mail programs append, expunge, move and flag in the same mailbox: what stayed for a pull is imported, once.

`make soak` runs it for as long as SOAK_SECONDS says; here it is short.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from time import monotonic

import frappe
import pytest

from dokos_mail.jobs import pull_account
from tests.app.test_listen import listener
from tests.mailbox import Mailbox
from tests.soak.clients import READ, Clients

SECONDS = float(os.environ.get("SOAK_SECONDS", "10"))
SEED = int(os.environ.get("SOAK_SEED", "7"))
CLIENTS = 5


def test_random_clients(site: object, make_mailbox: Callable[..., Mailbox], capsys: pytest.CaptureFixture[str]) -> None:
	mailbox = make_mailbox(imap_folder=[{"folder_name": folder} for folder in READ])
	pulls: list[tuple[float, float]] = []
	elsewhere = 0
	with listener(site) as running:
		running.wait_for("listening for new mail")
		with Clients(mailbox.server, mailbox.user, CLIENTS, SEED) as clients:
			until = monotonic() + SECONDS
			while monotonic() < until:
				began = monotonic()
				result = pull_account(mailbox.account)
				if result is None:
					elsewhere += 1
					continue
				assert result.error is None, result.error
				pulls.append((began, monotonic()))
			clients.stop()
		running.wait_for("listening for new mail")
		assert running.end() == 0
	began = monotonic()
	result = pull_account(mailbox.account)
	assert result is not None
	assert result.error is None
	pulls.append((began, monotonic()))
	check(mailbox, clients, pulls)
	with capsys.disabled():
		done = ", ".join(f"{count} {what}" for what, count in sorted(clients.ledger.counts.items()))
		print(
			f"\n{CLIENTS} clients for {SECONDS:.0f} s (seed {SEED}): {done}; {len(pulls)} pulls here, {elsewhere} times the listener was at it; "
			f"{len(clients.ledger.seen_by(pulls))} of {len(clients.ledger.stays)} messages stayed for a pull, each is there once"
		)


def check(mailbox: Mailbox, clients: Clients, pulls: list[tuple[float, float]]) -> None:
	"""Each message that stayed for a pull is one Communication; none is two; nothing failed."""
	frappe.db.rollback()
	filters = {"email_account": mailbox.account}
	imported = Counter(frappe.get_all("Communication", filters=filters, pluck="message_id", limit=0))
	stayed = clients.ledger.seen_by(pulls)
	assert stayed, "the clients left something for a pull"
	missing = sorted(stayed - set(imported))
	fields = ["message_id", "state", "reason", "folder", "uid"]
	rows = frappe.get_all("Incoming Email", filters=filters, fields=fields, limit=0)
	assert missing == [], [(clients.ledger.stays[missing[0]], [row for row in rows if row.message_id in (None, missing[0])])]
	assert {message_id: count for message_id, count in imported.items() if count > 1} == {}
	assert set(imported) <= set(clients.ledger.stays)
	states = Counter(frappe.get_all("Incoming Email", filters=filters, pluck="state", limit=0))
	assert set(states) <= {"Processed", "Duplicate", "Unfetched", "Ignored"}, states
