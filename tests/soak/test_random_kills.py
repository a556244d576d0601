"""A pull that is killed at any moment, over and over, while mail comes in: nothing is lost, nothing is there twice.

tests/crash cuts at every write; this cuts anywhere, in the middle of a system call or of a line of Python.
`make soak` kills as often as SOAK_KILLS says; here a few times.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from collections import Counter
from collections.abc import Callable

import frappe
import pytest

from dokos_mail.jobs import process_again, pull_account
from tests.mailbox import Mailbox, raw

KILLS = int(os.environ.get("SOAK_KILLS", "20"))
SEED = int(os.environ.get("SOAK_SEED", "7"))
#: Forked, so that a child has everything loaded and is killed at work, not at its start.
_fork = multiprocessing.get_context("fork")


def pull_and_be_killed(site: object, account: str, seconds: float) -> bool:
	"""Pull in a child that is killed after ``seconds``. Returns whether it was still at it."""
	frappe.db.commit()
	frappe.destroy()
	ready, at_work = _fork.Pipe(duplex=False)

	def run() -> None:
		site.connect()
		at_work.send("pulling")
		pull_account(account)
		os._exit(0)

	child = _fork.Process(target=run)
	child.start()
	at_work.close()
	assert ready.recv() == "pulling"
	child.join(seconds)
	child.kill()
	child.join(60)
	site.connect()
	assert child.exitcode in (0, -signal.SIGKILL), f"the pull itself ended with {child.exitcode}"
	return child.exitcode == -signal.SIGKILL


def test_random_kills(site: object, make_mailbox: Callable[..., Mailbox], capsys: pytest.CaptureFixture[str]) -> None:
	mailbox = make_mailbox(append_to="Opportunity", mark_as_read=1, create_contact=0)
	chance = random.Random(SEED)
	longest, put, killed = 0.25, [], 0
	while killed < KILLS:
		for _message in range(chance.randint(0, 3)):
			put.append(f"kill-{len(put)}-{chance.getrandbits(32):x}@client.test")
			mailbox.put(raw(f"message {len(put)}", message_id=put[-1]))
		if pull_and_be_killed(site, mailbox.account, chance.uniform(0, longest)):
			killed += 1
			longest = min(longest * 1.02, 0.4)
		else:
			longest *= 0.97
	result = pull_account(mailbox.account)
	assert result is not None
	assert result.error is None
	filters = {"email_account": mailbox.account}
	# Who is killed over one message again and again sets it aside, for somebody to look at; here that was chance.
	aside = frappe.get_all("Incoming Email", filters=filters | {"state": "Failed"}, pluck="name", limit=0)
	process_again(aside)
	rows = frappe.get_all(
		"Incoming Email", filters=filters, fields=["message_id", "state", "communication", "reference_name"], limit=0
	)
	imported = Counter(frappe.get_all("Communication", filters=filters, pluck="message_id", limit=0))
	assert Counter(row.message_id for row in rows) == Counter(put)
	assert imported == Counter(put)
	assert {row.state for row in rows} == {"Processed"}
	assert len({row.reference_name for row in rows}) == len(put), "a document for each, and no other"
	assert all("\\Seen" in flags for flags in mailbox.flags().values())
	with capsys.disabled():
		print(
			f"\n{killed} kills at random moments (seed {SEED}): {len(put)} messages, each there once, with its document, read on the server; "
			f"{len(aside)} had been set aside as what ends a process again and again"
		)
