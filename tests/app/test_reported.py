"""Reports about mail of ours: they tell the mail they are about, and become nothing themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import frappe
import pytest
from time_machine import Traveller

from dokos_mail.api import undeliverable
from dokos_mail.inbound.reactions import REACTION
from dokos_mail.jobs import react
from dokos_mail.reader import in_timeline
from tests.app.test_pull import journal, pull
from tests.mailbox import Mailbox, raw

REPORT = """\
From: Mail Delivery System <MAILER-DAEMON@mx.test>
To: {to}
Subject: {subject}
Return-Path: <>
Date: Fri, 20 Nov 2026 09:30:00 +0100
Message-ID: <{own}@mx.test>
Content-Type: multipart/report; report-type={report}; boundary=b

--b

This is the mail system.
--b
Content-Type: message/{report}

{fields}

--b
Content-Type: text/rfc822-headers

Message-ID: <{about}>
Subject: Devis
--b--
"""
DSN = "Reporting-MTA: dns; mx.test\n{envelope}\n\nFinal-Recipient: rfc822; {who}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {words}"


@pytest.fixture
def sent(mailbox: Mailbox) -> Iterator[frappe._dict]:
	"""A mail that went to two recipients."""
	pull(mailbox)
	key = uuid4().hex[:8]
	who = [f"anna-{key}@client.test", f"paul-{key}@client.test"]
	document = frappe.get_doc({"doctype": "Opportunity", "title": "Rénovation"}).insert()
	about = {"reference_doctype": "Opportunity", "reference_name": document.name}
	message_id = f"devis-{key}@masociete.test"
	values = {"communication_medium": "Email", "sent_or_received": "Sent", "subject": "Devis", "message_id": message_id}
	mail = frappe.get_doc({"doctype": "Communication", "recipients": ", ".join(who), **values, **about}).insert()
	frappe.db.set_value("Communication", mail.name, "delivery_status", "Sent")
	row = frappe.get_doc(
		{
			"doctype": "Email Queue",
			"message": "x",
			"status": "Sent",
			"message_id": message_id,
			"communication": mail.name,
			**about,
		}
	)
	row.db_insert()
	for number, one in enumerate(who, start=1):
		recipient = frappe.get_doc(
			{"doctype": "Email Queue Recipient", "recipient": one, "status": "Sent", "delivery_state": "Sent"}
		)
		recipient.update({"parent": row.name, "parenttype": "Email Queue", "parentfield": "recipients", "idx": number})
		recipient.db_insert()
	frappe.db.commit()
	yield frappe._dict(who=who, row=row.name, mail=mail.name, document=document.name, message_id=message_id)
	frappe.db.rollback()
	for doctype, where in (
		("Email Queue Recipient", {"parent": row.name}),
		("Email Queue", {"name": row.name}),
		(REACTION, {"email_account": mailbox.account}),
	):
		frappe.db.delete(doctype, where)
	frappe.db.delete("Undeliverable Address", {"address": ("in", who)})
	frappe.db.commit()


def dsn(
	mailbox: Mailbox,
	sent: frappe._dict,
	action: str = "failed",
	status: str = "5.1.1",
	who: str = "",
	about: str | None = None,
	envelope: str = "",
) -> bytes:
	fields = DSN.format(who=who or sent.who[0], action=action, status=status, words="550 no such user", envelope=envelope)
	about = sent.message_id if about is None else about
	return REPORT.format(
		to=mailbox.user,
		subject="Undelivered Mail Returned to Sender",
		own=uuid4().hex,
		report="delivery-status",
		fields=fields,
		about=about,
	).encode()


def report(mailbox: Mailbox, kind: str, fields: str, about: str) -> bytes:
	return REPORT.format(to=mailbox.user, subject="x", own=uuid4().hex, report=kind, fields=fields, about=about).encode()


def states(sent: frappe._dict) -> list[str]:
	filters = {"parent": sent.row}
	return frappe.get_all("Email Queue Recipient", filters=filters, pluck="delivery_state", order_by="idx asc")


def status(sent: frappe._dict) -> str:
	return frappe.db.get_value("Communication", sent.mail, "delivery_status")


def receive(mailbox: Mailbox, *messages: bytes) -> list[frappe._dict]:
	mailbox.put(*messages)
	pull(mailbox)
	react()
	return journal(mailbox)


def test_a_bounce_tells_the_mail_it_is_about(mailbox: Mailbox, sent: frappe._dict) -> None:
	before = frappe.db.count("Communication"), frappe.db.count("Opportunity")
	(row,) = receive(mailbox, dsn(mailbox, sent))
	assert (frappe.db.count("Communication"), frappe.db.count("Opportunity")) == before
	assert (row.state, row.rule, row.communication, row.reference_name) == ("Processed", "reported", sent.mail, sent.document)
	assert status(sent) == "Bounced"
	assert states(sent) == ["Bounced", "Sent"]
	log = frappe.db.get_value(
		"Email Queue Recipient", {"parent": sent.row, "recipient": sent.who[0]}, ["server_reply", "status_code"]
	)
	assert "no such user" in log[0] and log[1] == "5.1.1"


def test_the_queue_says_whom_it_did_not_reach(mailbox: Mailbox, sent: frappe._dict) -> None:
	fields = ["status", "delivery_state", "delivery_reason"]
	receive(mailbox, dsn(mailbox, sent))
	row = frappe.db.get_value("Email Queue", sent.row, fields, as_dict=True)
	assert (row.status, row.delivery_state) == ("Sent", "Partly Bounced")
	assert row.delivery_reason == f"{sent.who[0]}: 5.1.1 550 no such user"
	receive(mailbox, dsn(mailbox, sent, who=sent.who[1]))
	assert frappe.db.get_value("Email Queue", sent.row, "delivery_state") == "Bounced"


def test_the_documents_timeline_says_what_became_of_it_with_whom(mailbox: Mailbox, sent: frappe._dict) -> None:
	"""The mail as a whole has one status; whom it concerns, and what the server said, stands below it."""
	names = frappe.as_json([sent.mail])
	assert in_timeline(names)["deliveries"] == {}
	for action, code in (("delayed", "4.4.1"), ("failed", "5.1.1")):
		receive(mailbox, dsn(mailbox, sent, action, code))
	fields = f"Final-Recipient: rfc822; {sent.who[1]}\nOriginal-Message-ID: <{sent.message_id}>\nDisposition: manual-action/MDN-sent-manually; displayed"
	receive(mailbox, report(mailbox, "disposition-notification", fields, sent.message_id))
	assert [tuple(line.values()) for line in in_timeline(names)["deliveries"][sent.mail]] == [
		(sent.who[0], "Delayed", "4.4.1 550 no such user"),
		(sent.who[0], "Bounced", "5.1.1 550 no such user"),
		(sent.who[1], "Read Receipt", ""),
	]


def test_of_mail_that_one_may_not_read_it_says_nothing(mailbox: Mailbox, sent: frappe._dict) -> None:
	receive(mailbox, dsn(mailbox, sent))
	came = frappe.get_doc(
		{"doctype": "Communication", "communication_medium": "Email", "sent_or_received": "Received", "subject": "x"}
	)
	names = frappe.as_json([sent.mail, came.insert().name, "gone"])
	told = in_timeline(names)
	assert (list(told["deliveries"]), told["received"]) == ([sent.mail], [came.name])
	frappe.set_user("Guest")
	try:
		assert in_timeline(names) == {"deliveries": {}, "received": []}
	finally:
		frappe.set_user("Administrator")


@pytest.mark.parametrize(
	("disposition", "expected"),
	[
		("manual-action/MDN-sent-manually; displayed", "Read Receipt"),
		("manual-action/MDN-sent-automatically; deleted", "Deleted Unread"),
		("automatic-action/MDN-sent-manually; denied", "Receipt"),
	],
)
def test_receipts_say_what_was_done(mailbox: Mailbox, sent: frappe._dict, disposition: str, expected: str) -> None:
	fields = f"Final-Recipient: rfc822; {sent.who[0]}\nDisposition: {disposition}"
	receive(mailbox, report(mailbox, "disposition-notification", fields, sent.message_id))
	((line),) = in_timeline(frappe.as_json([sent.mail]))["deliveries"][sent.mail]
	assert line["state"] == expected
	assert (status(sent) == "Read") == (expected == "Read Receipt")


def test_the_next_mail_to_it_is_asked_about_until_it_writes(mailbox: Mailbox, sent: frappe._dict) -> None:
	words = f"550 <{sent.who[0]}>: no such user".encode()
	receive(mailbox, dsn(mailbox, sent).replace(b"550 no such user", words))
	(known,) = undeliverable(f"Anna <{sent.who[0].upper()}>, {sent.who[1]}")
	assert (known["address"], known["kind"], known["times"]) == (sent.who[0], "Bounced", 1)
	assert f"550 {sent.who[0]}: no such user" in known["reason"]
	receive(mailbox, raw("Me revoilà", sender=sent.who[0], to=mailbox.user))
	assert undeliverable(sent.who[0]) == []


def test_what_the_server_was_given_is_enough(mailbox: Mailbox, sent: frappe._dict) -> None:
	"""RFC 3461: the envelope's identifier comes back where the headers do not."""
	receive(mailbox, dsn(mailbox, sent, about="unknown@x.test", envelope=f"Original-Envelope-Id: {sent.row}"))
	assert states(sent) == ["Bounced", "Sent"]


@pytest.mark.parametrize(
	("action", "code", "expected", "state"),
	[
		("delayed", "4.4.1", "Delayed", "Sent"),
		("failed", "4.2.2", "Soft-Bounced", "Bounced"),
		("delivered", "2.0.0", "Sent", "Sent"),
	],
)
def test_what_is_no_lasting_failure_is_not_remembered(
	mailbox: Mailbox, sent: frappe._dict, action: str, code: str, expected: str, state: str
) -> None:
	receive(mailbox, dsn(mailbox, sent, action, code))
	assert status(sent) == expected
	assert states(sent)[0] == state
	assert undeliverable(sent.who[0]) == []


def test_a_delay_after_a_bounce_changes_nothing(mailbox: Mailbox, sent: frappe._dict) -> None:
	receive(mailbox, dsn(mailbox, sent))
	receive(mailbox, dsn(mailbox, sent, "delayed", "4.4.1"))
	assert status(sent) == "Bounced"


def test_nobody_is_made_undeliverable_by_what_is_made_up(mailbox: Mailbox, sent: frappe._dict) -> None:
	victim = "patron@masociete.test"
	receive(mailbox, dsn(mailbox, sent, who=victim))
	assert undeliverable(victim) == []
	assert states(sent) == ["Sent", "Sent"]


def test_a_bounce_of_what_nobody_knows_is_kept_and_makes_no_document(mailbox: Mailbox, sent: frappe._dict) -> None:
	(row,) = receive(mailbox, dsn(mailbox, sent, about="unknown@x.test"))
	assert (row.state, row.rule, row.reference_name) == ("Processed", "report", None)
	assert frappe.db.get_value("Communication", row.communication, "subject") == "Undelivered Mail Returned to Sender"


@pytest.fixture
def guarded(make_mailbox: Callable[..., Mailbox]) -> Mailbox:
	"""A mailbox whose server says whether a sender is who it claims to be."""
	mailbox = make_mailbox(append_to="Opportunity", authserv_id="mx.masociete.test")
	pull(mailbox)
	return mailbox


def denied(report: bytes) -> bytes:
	return b"Authentication-Results: mx.masociete.test; dmarc=fail header.from=mx.test\n" + report


def assert_not_taken(row: frappe._dict, sent: frappe._dict) -> None:
	"""It changed nothing, and whoever looks finds it, with the reason."""
	assert (row.state, row.rule, row.reference_name) == ("Processed", "report", None)
	assert "was not taken for a report" in row.reason
	assert frappe.db.exists("Communication", row.communication) and row.communication != sent.mail
	assert states(sent) == ["Sent", "Sent"]
	assert status(sent) == "Sent"
	assert [undeliverable(who) for who in sent.who] == [[], []]
	assert not frappe.db.exists(REACTION, {"incoming_email": row.name})


def test_a_report_whose_sender_the_server_denies_is_filed_and_changes_nothing(guarded: Mailbox, sent: frappe._dict) -> None:
	assert_not_taken(receive(guarded, denied(dsn(guarded, sent)))[0], sent)


def test_what_only_servers_know_outweighs_that(guarded: Mailbox, sent: frappe._dict) -> None:
	"""Many servers send their reports under names that they cannot show to be theirs."""
	(row,) = receive(guarded, denied(dsn(guarded, sent, envelope=f"Original-Envelope-Id: {sent.row}")))
	assert (row.rule, row.communication, row.authentication) == ("reported", sent.mail, "fail")
	assert states(sent) == ["Bounced", "Sent"]


@pytest.mark.parametrize("daemon", ["MAILER-DAEMON@rival.test", "postmaster@mx.rival.test"])
def test_one_recipient_does_not_speak_for_another(mailbox: Mailbox, sent: frappe._dict, daemon: str) -> None:
	"""Both know the Message-ID of what both got."""
	other = {"parent": sent.row, "recipient": sent.who[1]}
	frappe.db.set_value("Email Queue Recipient", other, "recipient", f"rival-{sent.row}@rival.test")
	frappe.db.commit()
	report = dsn(mailbox, sent).replace(b"MAILER-DAEMON@mx.test", daemon.encode())
	(row,) = receive(mailbox, report)
	assert_not_taken(row, sent)
	receive(mailbox, report.replace(sent.who[0].encode(), f"rival-{sent.row}@rival.test".encode()))
	assert states(sent) == ["Sent", "Bounced"], "of its own it may speak"
	frappe.db.delete("Undeliverable Address", {"address": f"rival-{sent.row}@rival.test"})


def test_our_own_server_speaks_for_all(mailbox: Mailbox, sent: frappe._dict) -> None:
	"""It is at our domain, as colleagues are who got the mail as well."""
	other = {"parent": sent.row, "recipient": sent.who[1]}
	frappe.db.set_value("Email Queue Recipient", other, "recipient", f"chef@{mailbox.user.rpartition('@')[2]}")
	frappe.db.commit()
	own = f"MAILER-DAEMON@smtp.{mailbox.user.rpartition('@')[2]}"
	receive(mailbox, dsn(mailbox, sent).replace(b"MAILER-DAEMON@mx.test", own.encode()))
	assert states(sent) == ["Bounced", "Sent"]


def test_who_only_claims_to_be_it_makes_no_address_reachable(guarded: Mailbox, sent: frappe._dict) -> None:
	receive(guarded, dsn(guarded, sent))
	results = f"Authentication-Results: mx.masociete.test; dmarc=fail header.from={sent.who[0].rpartition('@')[2]}\n"
	receive(guarded, results.encode() + raw("Me revoilà", sender=sent.who[0], to=guarded.user))
	assert len(undeliverable(sent.who[0])) == 1


def test_when_the_queue_was_emptied(mailbox: Mailbox, sent: frappe._dict) -> None:
	frappe.db.delete("Email Queue Recipient", {"parent": sent.row})
	frappe.db.delete("Email Queue", {"name": sent.row})
	frappe.db.commit()
	receive(mailbox, dsn(mailbox, sent))
	assert status(sent) == "Bounced"
	assert len(undeliverable(sent.who[0])) == 1


def test_a_receipt(mailbox: Mailbox, sent: frappe._dict) -> None:
	fields = f"Final-Recipient: rfc822; {sent.who[1]}\nOriginal-Message-ID: <{sent.message_id}>\nDisposition: manual-action/MDN-sent-manually; displayed"
	mdn = REPORT.format(
		to=mailbox.user, subject="Lu", own=uuid4().hex, report="disposition-notification", fields=fields, about=sent.message_id
	)
	receive(mailbox, mdn.encode())
	assert status(sent) == "Read"
	assert frappe.db.get_value("Communication", sent.mail, "read_by_recipient") == 1
	assert frappe.db.get_value("Email Queue Recipient", {"parent": sent.row, "recipient": sent.who[1]}, "read_on")


def test_a_complaint(mailbox: Mailbox, sent: frappe._dict) -> None:
	fields = f"Feedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: <{sent.who[0]}>"
	arf = REPORT.format(
		to=mailbox.user, subject="Feedback", own=uuid4().hex, report="feedback-report", fields=fields, about=sent.message_id
	)
	receive(mailbox, arf.encode())
	assert status(sent) == "Marked As Spam"
	assert undeliverable(sent.who[0])[0]["kind"] == "Complained"
	receive(mailbox, dsn(mailbox, sent))
	receive(mailbox, raw("Me revoilà", sender=sent.who[0], to=mailbox.user))
	assert undeliverable(sent.who[0])[0]["kind"] == "Complained"


def test_out_of_office_joins_its_thread_and_makes_no_document(mailbox: Mailbox, sent: frappe._dict) -> None:
	away = raw(
		"Réponse automatique : Devis",
		sender=sent.who[0],
		to=mailbox.user,
		In_Reply_To=f"<{sent.message_id}>",
		Auto_Submitted="auto-replied",
	)
	lost = raw("Automatic reply: x", sender=sent.who[0], to=mailbox.user, Auto_Submitted="auto-replied")
	one, two = receive(mailbox, away, lost)
	assert (one.rule, one.reference_name) == ("in_reply_to", sent.document)
	assert (two.rule, two.reference_name) == ("report", None)
	log = frappe.db.get_value("Email Queue Recipient", {"parent": sent.row, "recipient": sent.who[0]}, "delivery_log")
	assert "Answered Automatically" in log
	assert status(sent) == "Sent"


@pytest.mark.parametrize("an_app_commits", [False, True])
def test_cut_between_noting_and_writing(
	mailbox: Mailbox, sent: frappe._dict, monkeypatch: pytest.MonkeyPatch, clock: Traveller, an_app_commits: bool
) -> None:
	"""What a report says is a row of its own, written down once however often the job dies, and whoever committed a part."""
	from dokos_mail import reports

	mailbox.put(dsn(mailbox, sent))
	pull(mailbox)
	applied: list[int] = []
	apply = reports.apply

	def dies(*given: object) -> str:
		applied.append(1)
		said = apply(*given)
		if len(applied) == 1:
			if an_app_commits:
				frappe.db.commit()
			raise ConnectionError("the worker is gone")
		return said

	monkeypatch.setattr(reports, "apply", dies)
	react()
	assert states(sent) == ["Bounced" if an_app_commits else "Sent", "Sent"]
	clock.shift(timedelta(minutes=5))
	react()
	react()
	assert len(applied) == 2
	assert undeliverable(sent.who[0])[0]["times"] == 1
	log = frappe.db.get_value("Email Queue Recipient", {"parent": sent.row, "recipient": sent.who[0]}, "delivery_log")
	assert [entry["state"] for entry in frappe.parse_json(log)] == ["Bounced"]


def test_a_second_bounce_counts(mailbox: Mailbox, sent: frappe._dict) -> None:
	receive(mailbox, dsn(mailbox, sent))
	receive(mailbox, dsn(mailbox, sent))
	assert undeliverable(sent.who[0])[0]["times"] == 2


@pytest.mark.parametrize("state", ["Waiting", "Deferred"])
def test_a_bounce_that_somebody_made_up_stops_no_copy_that_still_waits(mailbox: Mailbox, sent: frappe._dict, state: str) -> None:
	"""One recipient knows the Message-ID, and may write a bounce of the other's copy before that is sent."""
	waiting = {"parent": sent.row, "recipient": sent.who[1]}
	frappe.db.set_value("Email Queue Recipient", waiting, {"status": "Not Sent", "delivery_state": state})
	frappe.db.commit()
	receive(mailbox, dsn(mailbox, sent, who=sent.who[1]))
	assert states(sent) == ["Sent", state]
	assert undeliverable(sent.who[1]) == []
	assert status(sent) == "Sent"
