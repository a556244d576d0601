"""A pull from a real Dovecot is killed at its steps and resumed: nothing lost, nothing twice, the mailbox as promised.

On a bench every step is a cut; on the embedded host every sixth, as ``test_cuts_*`` go through all of them there, in more
situations, on servers in memory. A child process pulls and dies by SIGKILL at step n; a second child pulls undisturbed; what is there then is compared
with what an uncut pull of the same messages leaves.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from email.message import EmailMessage
from itertools import count

import frappe
import pytest

from mail_servers.dovecot import Dovecot
from tests.conftest import Site
from tests.crash.cut import Steps, watch
from tests.mailbox import Mailbox, account_values, new_user, raw

# Forked, so that a child has everything loaded: a cut costs a fraction of a second.
_fork = multiprocessing.get_context("fork")


def messages(domain: str) -> list[bytes]:
	"""A conversation, a message with files, one that is broken, one without Message-ID, one that is there twice."""
	sender = f"Élodie Martin <elodie@{domain}>"
	with_file = EmailMessage()
	with_file["From"], with_file["Subject"] = f"b@{domain}", "avec pièces"
	with_file["Message-ID"] = f"<files@{domain}>"
	with_file.set_content("voir pièce")
	with_file.add_attachment(b"%PDF-1.4 " * 50, maintype="application", subtype="pdf", filename="devis.pdf")
	twice = raw("deux fois", message_id=f"twice@{domain}", sender=sender)
	broken = b"Subject: cass\xe9\nFrom: c@%s\nContent-Type: multipart/mixed; boundary=\n\nrien\n"
	return [
		raw("début", message_id=f"root@{domain}", sender=sender),
		raw("Re: début", message_id=f"reply@{domain}", sender=sender, In_Reply_To=f"<root@{domain}>"),
		with_file.as_bytes(),
		broken % domain.encode(),
		raw("sans identifiant", message_id=None, sender=sender),
		twice,
		twice,
	]


def in_child(work: Callable[[], object]) -> tuple[int, object]:
	"""Run ``work`` in a forked child with a connection of its own; returns its exit code and what it returned."""
	site, sites_path = frappe.local.site, frappe.local.sites_path
	frappe.db.commit()
	frappe.destroy()
	receiver, sender = _fork.Pipe(duplex=False)

	def run() -> None:
		frappe.init(site=site, sites_path=sites_path)
		frappe.connect()
		frappe.set_user("Administrator")
		sender.send(work())
		frappe.destroy()

	child = _fork.Process(target=run)
	child.start()
	sender.close()
	try:
		answer = receiver.recv()
	except EOFError:
		answer = None
	child.join(60)
	frappe.init(site=site, sites_path=sites_path)
	frappe.connect()
	frappe.set_user("Administrator")
	return child.exitcode, answer


def pull_until_step(account: str, cut_at: int) -> list[str]:
	from dokos_mail.jobs import pull_account

	steps = Steps(cut_at)
	watch(steps)
	result = pull_account(account)
	assert result is not None
	assert result.error is None, result.error
	return steps.names


def domain_of(mailbox: Mailbox) -> str:
	"""The domain from which that mailbox gets all its mail, and no other does."""
	return f"{mailbox.user.partition('@')[0]}.test"


def state_of(mailbox: Mailbox) -> dict[str, object]:
	"""All that a pull leaves, names and times aside."""
	rows = frappe.get_all(
		"Incoming Email",
		filters={"email_account": mailbox.account},
		fields=["subject", "state", "rule", "reference_doctype", "reference_name", "communication", "acknowledged"],
		order_by="received_on asc, creation asc, idx asc",
	)
	documents = {row.reference_name for row in rows if row.reference_name}
	communications = frappe.get_all("Communication", filters={"email_account": mailbox.account}, pluck="name")
	made = frappe.get_all("Opportunity", filters={"contact_email": ("like", f"%@{domain_of(mailbox)}")}, pluck="name")
	return {
		"rows": sorted(
			[row.subject, row.state, row.rule, row.reference_doctype, bool(row.communication), row.acknowledged] for row in rows
		),
		"documents": len(documents),
		"opportunities": len(made),
		"communications": len(communications),
		"linked": len({row.communication for row in rows if row.communication}),
		"files": frappe.db.count(
			"File", {"attached_to_doctype": "Communication", "attached_to_name": ("in", communications or [""])}
		),
		"threads": sorted([row.subject, sum(1 for other in rows if other.reference_name == row.reference_name)] for row in rows),
		"seen": sorted(sorted(flags) for flags in mailbox.flags().values()),
	}


@pytest.fixture
def fresh_mailbox(site: object, dovecot: Dovecot) -> Callable[[], Mailbox]:
	def make() -> Mailbox:
		user = new_user(dovecot)
		values = account_values(dovecot, user, append_to="Opportunity", mark_as_read=1, create_contact=0)
		account = frappe.get_doc(values).insert().name
		frappe.db.commit()
		mailbox = Mailbox(dovecot, user, account)
		mailbox.put(*messages(domain_of(mailbox)))
		return mailbox

	return make


def test_cut_on_a_real_server(
	site: Site, fresh_mailbox: Callable[[], Mailbox], record_property: Callable[[str, object], None]
) -> None:
	apart = 6 if site.host == "embedded" else 1
	whole = fresh_mailbox()
	code, names = in_child(lambda: pull_until_step(whole.account, 0))
	assert code == 0
	expected = state_of(whole)
	assert expected["communications"] == 6
	assert json.dumps(expected["rows"]).count("Processed") == 6

	cuts = 0
	for cut_at in count(1, apart):
		mailbox = fresh_mailbox()
		code, _names = in_child(lambda: pull_until_step(mailbox.account, cut_at))  # noqa: B023 - called at once
		if code == 0:
			break
		assert code == -signal.SIGKILL, f"step {cut_at} (about {names[min(cut_at, len(names)) - 1]}) ended with {code}"
		cuts += 1
		code, _names = in_child(lambda: pull_until_step(mailbox.account, 0))  # noqa: B023 - called at once
		assert code == 0, f"the pull after a cut at step {cut_at} (about {names[min(cut_at, len(names)) - 1]}) failed"
		assert state_of(mailbox) == expected, f"after a cut at step {cut_at} (about {names[min(cut_at, len(names)) - 1]})"
	record_property("cuts", cuts)
	# The first of them makes folders of the store that others find there, by the digests of the messages.
	assert cuts > 0.8 * len(names) // apart


def test_the_suite_would_notice(fresh_mailbox: Callable[[], Mailbox]) -> None:
	"""A deliberately wrong order, the position kept before the rows, loses mail, and ``state_of`` shows it."""
	mailbox = fresh_mailbox()
	expected_rows = len(messages(domain_of(mailbox)))

	def pull_in_wrong_order() -> list[str]:
		from dokos_mail.inbound.journal import FolderJournal

		record = FolderJournal.record

		def position_first(self: FolderJournal, batch: object, position: object, **options: object) -> int:
			self.move(position)
			frappe.db.commit()
			os.kill(os.getpid(), signal.SIGKILL)
			return record(self, batch, position, **options)

		FolderJournal.record = position_first
		return pull_until_step(mailbox.account, 0)

	code, _names = in_child(pull_in_wrong_order)
	assert code == -signal.SIGKILL
	code, _names = in_child(lambda: pull_until_step(mailbox.account, 0))
	assert code == 0
	assert len(state_of(mailbox)["rows"]) < expected_rows
