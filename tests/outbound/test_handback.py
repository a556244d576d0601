"""What the host's own sending finds in the queue when this app goes: what waits, and nobody that is not to be sent to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import frappe
import pytest
from frappe.utils import now_datetime

from dokos_mail import host
from dokos_mail.outbound import queue
from dokos_mail.outbound.claim import QUEUE, RECIPIENT, claim
from dokos_mail.outbound.handback import hand_back_queue, in_the_hosts_words
from mail_servers.smtp_faults import FaultySmtp

Smtp = Callable[..., FaultySmtp]
Make = Callable[..., object]
STATES = {
	"sent@there.test": "Sent",
	"deferred@there.test": "Deferred",
	"waiting@there.test": "Waiting",
	"refused@there.test": "Refused",
	"uncertain@there.test": "Uncertain",
	"gone@there.test": "Cancelled",
}


def rows_of(account: str) -> dict[str, dict[str, str]]:
	"""For each status of a row: its recipients' addresses and their states."""
	found = {}
	for row in frappe.get_all(QUEUE, filters={"email_account": account}, fields=["name", "status"]):
		having = frappe.get_all(RECIPIENT, filters={"parent": row.name}, fields=["recipient", "delivery_state"])
		assert row.status not in found
		found[row.status] = {each.recipient: each.delivery_state for each in having}
	return found


@pytest.fixture
def mixed(smtp: Smtp, make_account: Make, queued: Make) -> tuple[FaultySmtp, object]:
	server = smtp()
	row = queued(make_account(server), *STATES)
	for address, state in STATES.items():
		values = {"delivery_state": state, "status": "Sent" if state == "Sent" else "Not Sent", "server_reply": f"450 {state}"}
		frappe.db.set_value(RECIPIENT, {"parent": row.name, "recipient": address}, values)
	# one that answers a received mail names that, as no other row may
	frappe.db.set_value(QUEUE, row.name, {"status": "Partially Sent", "email_reaction": f"{row.name}-0"})
	frappe.db.commit()
	return server, row


def test_what_is_over_is_set_aside(mixed: tuple[FaultySmtp, object]) -> None:
	_server, row = mixed
	for _time in range(2):
		hand_back_queue()
		found = rows_of(row.email_account)
		assert found["Partially Sent"] == {name: state for name, state in list(STATES.items())[:3]}
		assert found["Error"] == {name: state for name, state in list(STATES.items())[3:]}
	apart = frappe.get_doc(QUEUE, {"email_account": row.email_account, "status": "Error"})
	assert apart.message == frappe.db.get_value(QUEUE, row.name, "message")
	assert apart.owner == row.owner and "refused@there.test: 450 Refused" in apart.error


def test_the_hosts_class_sends_to_those_who_wait(mixed: tuple[FaultySmtp, object], monkeypatch: pytest.MonkeyPatch) -> None:
	server, row = mixed
	hand_back_queue()
	monkeypatch.setattr(frappe.flags, "testing_email", True, raising=False)
	monkeypatch.setattr(frappe.flags, "mute_emails", False, raising=False)
	waiting = frappe.get_all(
		QUEUE, filters={"email_account": row.email_account, "status": ("in", ["Not Sent", "Partially Sent"])}
	)
	for each in waiting:
		core = host.base_class(QUEUE)
		(core(QUEUE, each.name) if host.owns_mail() else frappe.get_doc(QUEUE, each.name)).send()
	got = sorted(address for message in server.accepted for address in message.recipients)
	assert got == ["deferred@there.test", "waiting@there.test"]
	assert frappe.db.get_value(QUEUE, row.name, "status") == "Sent"


def test_mail_that_is_being_sent_is_waited_for(make_account: Make, queued: Make) -> None:
	row = queued(make_account(), "a@there.test")
	token = claim(row.name)
	with pytest.raises(frappe.ValidationError, match="being sent"):
		hand_back_queue()
	assert frappe.db.get_value(QUEUE, row.name, ["status", "claim_token"]) == ("Sending", token)
	frappe.db.set_value(QUEUE, row.name, "claim_until", now_datetime() - timedelta(minutes=1))
	hand_back_queue()
	assert rows_of(row.email_account) == {"Not Sent": {"a@there.test": "Waiting"}}


def test_a_cancelled_mail_stays_unsent(make_account: Make, queued: Make) -> None:
	row = queued(make_account(), "a@there.test")
	queue.cancel([row.name])
	assert frappe.db.get_value(QUEUE, row.name, "status") == "Expired"
	hand_back_queue()
	in_the_hosts_words()
	frappe.db.commit()
	assert rows_of(row.email_account) == {"Error": {"a@there.test": "Cancelled"}}
