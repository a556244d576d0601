"""Two sites that answer each other automatically: one answer each, and then silence (row R2)."""

from __future__ import annotations

from collections.abc import Callable

import frappe
import pytest

from dokos_mail.inbound.reactions import REACTION
from dokos_mail.jobs import pull_account, react
from tests.app.test_pull import pull
from tests.app.test_reactions import nothing_waits, now_date
from tests.mailbox import Mailbox, raw

__all__ = ["nothing_waits"]


def outgoing_of(mailbox: Mailbox) -> list[bytes]:
	"""What an account has queued, as its recipient's server gets it; taken out of the queue."""
	from dokos_mail.outbound.render import for_recipient

	found = []
	for name in frappe.get_all("Email Queue", filters={"email_account": mailbox.account, "status": "Not Sent"}, pluck="name"):
		row = frappe.get_doc("Email Queue", name)
		envelope = row.envelope_sender if row.envelope_sender not in (None, "", "null") else ""
		copy = for_recipient(row, row.recipients[0].recipient)
		found.append(b"Return-Path: <" + envelope.encode() + b">\r\n" + copy)
		frappe.db.set_value("Email Queue", name, "status", "Sent")
	frappe.db.commit()
	return found


@pytest.mark.parametrize("as_one_site", [False, True])
def test_one_answer_each_and_then_silence(
	make_mailbox: Callable[..., Mailbox], monkeypatch: pytest.MonkeyPatch, as_one_site: bool
) -> None:
	"""Both accounts are on one site here; ``as_one_site`` False hides from each that the other is ours."""
	sends = {
		"enable_auto_reply": 1,
		"enable_outgoing": 1,
		"smtp_server": "127.0.0.1",
		"smtp_port": "9",
		"no_smtp_authentication": 1,
	}
	here, there = make_mailbox(**sends), make_mailbox(**sends)
	for mailbox in (here, there):
		pull(mailbox)
	if not as_one_site:
		ask = frappe.get_all

		def hidden(doctype: str, **given: object) -> list:
			return [] if doctype == "Email Account" and given.get("pluck") == "email_id" else ask(doctype, **given)

		monkeypatch.setattr(frappe, "get_all", hidden)
	here.put(raw("Bonjour", sender=there.user, to=here.user, date=now_date()))
	exchanged = 0
	for _turn in range(6):
		for mailbox, other in ((here, there), (there, here)):
			assert pull_account(mailbox.account).error is None
			react()
			for message in outgoing_of(mailbox):
				other.put(message)
				exchanged += 1
	assert exchanged == (0 if as_one_site else 1)
	reasons = frappe.get_all(REACTION, filters={"state": "Dropped", "kind": "Auto Reply"}, pluck="reason")
	assert reasons and all(reasons)
