"""Reports of machines: what they say of whom, and of which message of ours."""

from __future__ import annotations

import email
import re
from pathlib import Path

import pytest
from flufl.bounce import all_failures

from dokos_mail.engine.message.parse import parse

HEAD = b"From: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: commercial@masociete.example\nSubject: Undelivered Mail Returned to Sender\n"
REPORT = (
	HEAD
	+ b"Content-Type: multipart/report; report-type=%s; boundary=b\n\n--b\n\nThis is the mail system.\n--b\nContent-Type: message/%s\n\n%s\n"
)
ORIGINAL = b"--b\nContent-Type: message/rfc822\n\nFrom: commercial@masociete.example\nMessage-ID: <ours@masociete.example>\nSubject: Devis\n\nBonjour\n--b--\n"
HEADERS = b"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <ours@masociete.example>\nSubject: Devis\n--b--\n"


def dsn(status: bytes, rest: bytes = ORIGINAL) -> bytes:
	return REPORT % (b"delivery-status", b"delivery-status", status) + rest


@pytest.mark.parametrize("rest", [ORIGINAL, HEADERS])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_bounce(rest: bytes, ends: bytes) -> None:
	status = (
		b"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; jean@client.example\nOriginal-Recipient: rfc822;Jean@client.example\n"
		b"Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <jean@client.example>: Recipient\n    address rejected\n"
		b"\nFinal-Recipient: rfc822; anna@client.example\nAction: failed\nStatus: 5.2.2 (mailbox full)\n"
	)
	report = parse(dsn(status, rest).replace(b"\n", ends)).report
	assert (report.kind, report.original_message_id) == ("bounce", "ours@masociete.example")
	assert report.recipients == [
		{
			"address": "Jean@client.example",
			"action": "failed",
			"status": "5.1.1",
			"diagnostic": "550 5.1.1 <jean@client.example>: Recipient address rejected",
		},
		{"address": "anna@client.example", "action": "failed", "status": "5.2.2", "diagnostic": None},
	]


def test_delay_and_delivered() -> None:
	delay = parse(dsn(b"Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; a@b.example\nAction: delayed\nStatus: 4.4.1\n")).report
	assert (delay.kind, delay.recipients[0]["status"]) == ("delay", "4.4.1")
	delivered = parse(
		dsn(b"Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; a@b.example\nAction: delivered\nStatus: 2.0.0\n")
	).report
	assert (delivered.kind, delivered.recipients[0]["action"]) == ("receipt", "delivered")
	mixed = parse(
		dsn(b"\nFinal-Recipient: rfc822; a@b.example\nAction: delayed\n\nFinal-Recipient: rfc822; c@d.example\nAction: failed\n")
	).report
	assert mixed.kind == "bounce"


def test_recipients_without_blank_lines_between() -> None:
	report = parse(
		dsn(b"Final-Recipient: rfc822; a@b.example\nAction: failed\nFinal-Recipient: rfc822; c@d.example\nStatus: 5.0.0\n")
	).report
	assert [(one["address"], one["action"]) for one in report.recipients] == [
		("a@b.example", "failed"),
		("c@d.example", "failed"),
	]


def test_the_status_that_only_the_servers_answer_names() -> None:
	report = parse(
		dsn(b"Final-Recipient: rfc822; a@b.example\nAction: failed\nDiagnostic-Code: smtp; 550 5.7.1 Refused\n")
	).report
	assert (report.kind, report.recipients[0]["status"]) == ("bounce", "5.7.1")


def test_a_recipient_that_is_told_of_many_times() -> None:
	group = b"Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n\n"
	assert len(parse(dsn(b"Reporting-MTA: dns; mx\n\n" + group * 11)).report.recipients) == 1


@pytest.mark.parametrize("type_", [b"message/x-delivery-status", b"message/xdelivery-status"])
def test_a_status_that_is_called_otherwise(type_: bytes) -> None:
	raw = dsn(b"Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.9.5\n")
	report = parse(raw.replace(b"message/delivery-status", type_)).report
	assert (report.kind, report.recipients[0]["status"]) == ("bounce", "5.9.5")


def test_a_bounce_that_names_its_recipient_by_name_alone() -> None:
	raw = (
		b"From: System Administrator <postmaster@client.example>\nReturn-Path: <>\nSubject: Undeliverable: Devis\n"
		b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nIt did not reach the following recipient(s):\nAnna Blanc on Fri, 14 Sep\n"
	)
	report = parse(raw + ORIGINAL).report
	assert (report.kind, report.recipients, report.original_message_id) == ("bounce", [], "ours@masociete.example")
	assert parse(raw + b"--b--\n").report is None
	assert parse((raw + ORIGINAL).replace(b"<>", b"<postmaster@client.example>")).report is None
	assert parse((raw + ORIGINAL).replace(b"Undeliverable: Devis", b"Devis")).report is None


def test_each_status_goes_to_whom_it_is_about() -> None:
	text = b"Unknown user: %s\n\nRCPT TO generated following response:\n%s\n\n"
	anna = text % (b"anna@client.example", b"553 5.3.0 <anna@client.example>... unknown")
	paul = text % (b"paul@client.example", b"550 <paul@client.example>\n550 5.1.1 unknown user")
	head = b"From: postmaster@mx.example\nSubject: Undeliverable Mail\nX-Mailer: <SMTP32 v8>\n\n"
	report = parse(head + anna + paul).report
	assert {one["address"]: one["status"] for one in report.recipients} == {
		"anna@client.example": "5.3.0",
		"paul@client.example": "5.1.1",
	}


def test_without_its_wrapping() -> None:
	raw = (
		HEAD
		+ b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\n"
		+ ORIGINAL
	)
	assert parse(raw).report.kind == "bounce"


def test_base64_status() -> None:
	raw = HEAD + (
		b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n"
		b"RmluYWwtUmVjaXBpZW50OiByZmM4MjI7IGFAYi5leGFtcGxlCkFjdGlvbjogZmFpbGVkCg==\n--b--\n"
	)
	assert parse(raw).report.recipients[0]["address"] == "a@b.example"


def test_receipt() -> None:
	raw = (
		REPORT
		% (
			b"disposition-notification",
			b"disposition-notification",
			b"Final-Recipient: rfc822;jean@client.example\nOriginal-Message-ID: <ours@masociete.example>\nDisposition: manual-action/MDN-sent-manually; displayed",
		)
		+ b"--b--\n"
	)
	report = parse(raw).report
	assert (report.kind, report.original_message_id) == ("receipt", "ours@masociete.example")
	assert report.recipients == [{"address": "jean@client.example", "action": "displayed", "status": None, "diagnostic": None}]


@pytest.mark.parametrize(
	("kind", "expected"), [(b"abuse", "complaint"), (b"fraud", "complaint"), (b"not-spam", None), (b"auth-failure", None)]
)
def test_complaint(kind: bytes, expected: str | None) -> None:
	raw = (
		REPORT
		% (
			b"feedback-report",
			b"feedback-report",
			b"Feedback-Type: " + kind + b"\nVersion: 1\nOriginal-Rcpt-To: <jean@client.example>",
		)
		+ ORIGINAL
	)
	report = parse(raw.replace(b"Undelivered Mail Returned to Sender", b"Feedback").replace(b"MAILER-DAEMON", b"fbl")).report
	assert (report.kind if report else None) == expected
	if report:
		assert report.recipients[0]["address"] == "jean@client.example"
		assert report.original_message_id == "ours@masociete.example"


@pytest.mark.parametrize(
	"fields",
	[
		"Auto-Submitted: auto-replied\nSubject: x",
		"X-Autoreply: yes\nSubject: x",
		"Precedence: auto_reply\nSubject: x",
		"Auto-Submitted: auto-generated\nSubject: =?utf-8?q?R=C3=A9ponse_automatique_=3A_devis?=",
		"X-Auto-Response-Suppress: All\nSubject: Automatic reply: devis",
		"X-Auto-Response-Suppress: All\nSubject: Absence du bureau : devis",
	],
)
def test_automatic_answer(fields: str) -> None:
	report = parse(f"From: jean@client.example\nIn-Reply-To: <ours@x>\n{fields}\n\nabsent".encode()).report
	assert (report.kind, report.original_message_id) == ("auto-reply", "ours@x")
	assert report.recipients[0]["address"] == "jean@client.example"


UNSTANDARD = [
	(b"Subject: failure notice\n\nHi. This is the qmail-send program.\n<jean@client.example>:\n550 5.1.1 no such user\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <x@y.example>\nMessage-ID: <ours@x>\n", "bounce"),
	(b"Subject: Mail delivery failed\nX-Failed-Recipients: jean@client.example\n\nA message could not be delivered:\n\n  jean@client.example\n    550 unknown\n", "bounce"),
	(b"Subject: Warning: message delayed 24 hours\nX-Failed-Recipients: jean@client.example\n\nNot yet been delivered:\n  jean@client.example\n", "delay"),
]  # fmt: skip


@pytest.mark.parametrize(("rest", "kind"), UNSTANDARD, ids=range(len(UNSTANDARD)))
def test_unstandard(rest: bytes, kind: str) -> None:
	report = parse(b"From: MAILER-DAEMON@mx.example\nTo: a@masociete.example\n" + rest).report
	assert (report.kind, [one["address"] for one in report.recipients]) == (kind, ["jean@client.example"])


@pytest.mark.parametrize(
	("rest", "kind", "status"),
	[
		(
			b"Subject: Warning: could not send message for past 4 hours\n\n   ----- The following addresses had transient non-fatal errors -----\n"
			b"<jean@client.example>\n\nWill keep trying until message is 5 days old\n",
			"delay",
			None,
		),
		(b"Subject: Failure Notice\n\n<jean@client.example>:\n554: 5.7.9: Refused for policy reasons\n", "bounce", "5.7.9"),
		(
			b"Subject: failure notice\n\n<jean@client.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n",
			"bounce",
			"5.1.1",
		),
		(b"Subject: failure notice\n\n<jean@client.example>:\n5.135.10.2 does not answer.\n", "bounce", None),
		(b"Subject: failure notice\n\n<jean@client.example>:\n192.0.2.5.4.4.1 is no address.\n", "bounce", None),
		(
			b"Subject: Message Delivery Failure\n\nIt has failed for these:\n[SMTP:jean@client.example]\n\nReason: 550 5.1.1 unknown user\n",
			"bounce",
			"5.1.1",
		),
		(
			"Subject: Remise différée\n\nLa remise à ces destinataires est retardée :\n\njean@client.example\n".encode(),
			"delay",
			None,
		),
		(
			"Subject: Non remis : Devis\n\nÉchec de la remise à ces destinataires :\n\nJean (jean@client.example)\nAdresse introuvable.\n\n"
			"Informations de diagnostic :\n\njean@client.example\nRemote server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'\n".encode(),
			"bounce",
			"5.1.10",
		),
	],
)
def test_what_they_say_of_it(rest: bytes, kind: str, status: str | None) -> None:
	report = parse(b"From: MAILER-DAEMON@mx.example\nTo: a@masociete.example\n" + rest).report
	assert report.kind == kind
	assert [(one["address"], one["status"]) for one in report.recipients] == [("jean@client.example", status)]


def test_a_complaint_that_microsoft_passes_on() -> None:
	head = b"From: staff@hotmail.com\nContent-Type: multipart/mixed; boundary=j\n"
	body = b"""
--j
Content-Type: message/rfc822

X-HmXmrOriginalRecipient: jean@hotmail.com
Message-ID: <ours@masociete.example>

x
--j--
"""
	report = parse(head + b"Subject: complaint about message from 192.0.2.1\n" + body).report
	assert (report.kind, report.original_message_id) == ("complaint", "ours@masociete.example")
	assert report.recipients[0]["address"] == "jean@hotmail.com"
	assert parse(head + b"Subject: look at this\n" + body).report is None


def test_an_automatic_answer_that_names_our_mail_among_its_references() -> None:
	raw = b"From: jean@client.example\nAuto-Submitted: auto-replied\nReferences: <theirs@x> <ours@x>\nSubject: x\n\nabsent"
	assert parse(raw).report.original_message_id == "ours@x"


@pytest.mark.parametrize(
	"raw",
	[
		b"From: Postmaster of Client <jean@client.example>\nSubject: Your mail system error\n\nWrite to anna@client.example: 550?\n",
		b"From: Bounce Music <bounce@music.example>\nSubject: Delivery problem of your order\n\nUnknown? Ask jean@music.example.\n",
		"From: colis@poste.example\nAuto-Submitted: auto-generated\nSubject: Échec de la remise\n\nVotre colis 550 : jean@poste.example\n".encode(),
		b"From: jean@client.example\nSubject: Undelivered Mail Returned to Sender\n\nI got this for anna@x.example: 550 unknown\n",
		b"From: jean@client.example\nSubject: Re: devis\n\nOui.\n",
		b"From: jean@client.example\nSubject: Absence\n\nJe serai absent lundi.\n",
		b"From: jean@client.example\nSubject: Out of office\n\nI am out next week, says a person.\n",
		b"From: liste@x.example\nList-Id: <x>\nSubject: News\n\nx\n",
	],
)
def test_no_report(raw: bytes) -> None:
	assert parse(raw).report is None


ENDS = pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
#: A status that a bounce carries: in its own field, or with the answer of a server.
CARRIED = re.compile(rb"^status:[ \t]*[245]\.\d+\.\d+|\b[45]\d\d[ -][45]\.\d{1,3}\.\d{1,3}\b", re.M | re.I)


def as_known(raw: bytes) -> tuple[set[str], set[str]]:
	"""Whom flufl.bounce, whose samples these are, finds delayed and failed in one."""
	delayed, failed = all_failures(email.message_from_bytes(raw))
	return {one.decode().lower() for one in delayed - failed}, {one.decode().lower() for one in failed}


def with_ends(raw: bytes, ends: bytes) -> bytes | None:
	"""The message in other line ends; None where it would not be the same, for the bare CRs in it."""
	if b"\r" in raw.replace(b"\r\n", b"") and ends != b"\n":
		return None
	return raw.replace(b"\r\n", b"\n").replace(b"\n", ends)


@ENDS
def test_bounces_of_many_servers(other_peoples_messages: dict[str, bytes], ends: bytes) -> None:
	bounces = {name: raw for name, raw in other_peoples_messages.items() if name.startswith("flufl")}
	assert len(bounces) >= 117
	with_status = 0
	for name, raw in bounces.items():
		delayed, failed = as_known(raw)
		written = with_ends(raw, ends)
		if written is None:
			continue
		report = parse(written).report
		is_bounce = report is not None and report.kind in ("bounce", "delay")
		found = {one["address"].lower() for one in report.recipients} if is_bounce else set()
		assert is_bounce == bool(delayed or failed), name
		assert found == delayed | failed, name
		if is_bounce and CARRIED.search(raw):
			assert all(one["status"] for one in report.recipients), name
			with_status += 1
	assert with_status >= 25


@ENDS
def test_bounces_of_other_collections(other_peoples_messages: dict[str, bytes], ends: bytes) -> None:
	"""Those that another library keeps as such, and those that lie among ordinary mail, by their own type."""
	bounces = {name: raw for name, raw in other_peoples_messages.items() if name.startswith("bounced/bounces/")}
	assert len(bounces) >= 39
	bounces |= {
		name: raw
		for name, raw in other_peoples_messages.items()
		if own_type(raw).startswith("multipart/report") and b"final-recipient" in raw.lower() and not name.startswith("flufl")
	}
	assert len(bounces) >= 46
	nobody, with_status = set(), 0
	for name, raw in bounces.items():
		written = with_ends(raw, ends)
		if written is None:
			continue
		report = parse(written).report
		assert report is not None, name
		assert report.kind in (("complaint",) if "feedback-report" in own_type(raw) else ("bounce", "delay")), name
		addresses = [one["address"].lower() for one in report.recipients]
		assert len(addresses) == len(set(addresses)) and all(address.encode() in raw.lower() for address in addresses), name
		if not addresses:
			nobody.add(name)
		if CARRIED.search(raw) and report.kind != "complaint":
			assert all(one["status"] for one in report.recipients), name
			with_status += 1
	assert len(nobody) <= 2, nobody
	assert with_status >= 25


@ENDS
def test_ordinary_mail_is_no_bounce(other_peoples_messages: dict[str, bytes], ends: bytes) -> None:
	"""But what says of itself that it is a report (RFC 6522), and answers of machines that say so (RFC 3834)."""
	seen = 0
	for name, raw in other_peoples_messages.items():
		if name.startswith(("flufl", "bounced/bounces/")) or "multipart/report" in own_type(raw):
			continue
		written = with_ends(raw, ends)
		if written is None:
			continue
		seen += 1
		message = parse(written)
		says_automatic = message.header("Auto-Submitted") == "auto-replied" or message.header("X-Autoreply") is not None
		expected = "auto-reply" if says_automatic else None
		assert (message.report.kind if message.report else None) == expected, name
	assert seen >= 300


def test_our_own_messages_are_no_bounces() -> None:
	ours = {path.name: parse(path.read_bytes()) for path in (Path(__file__).parent / "corpus").glob("*.eml")}
	assert len(ours) >= 50
	taken = {name for name, message in ours.items() if message.report and message.report.kind in ("bounce", "delay")}
	assert all("multipart/report" in (ours[name].header("Content-Type") or "") for name in taken)


def own_type(raw: bytes) -> str:
	"""What a message says that it is."""
	head = email.message_from_bytes(raw)
	return f"{head.get_content_type()}; {head.get_param('report-type')}".lower()


@pytest.mark.parametrize(
	"fields",
	[
		b"Subject: Fwd: Undelivered Mail Returned to Sender",
		b"Subject: TR: Undelivered Mail Returned to Sender",
		b"Subject: Re: Undelivered Mail Returned to Sender\nIn-Reply-To: <x@masociete.example>",
		b"Subject: Undelivered Mail Returned to Sender\nReferences: <x@masociete.example>",
		b"Subject: My mail to your colleague",
	],
)
def test_a_person_who_shows_us_a_bounce(fields: bytes) -> None:
	raw = b"From: jean@client.example\n" + fields + b"\n\nCan you help?\n\n" + QMAIL_TEXT
	assert parse(raw).report is None
	assert parse(b"From: MAILER-DAEMON@mx.example\nSubject: Returned\n\n" + QMAIL_TEXT).report is not None


#: As one of the servers that follow no standard writes it.
QMAIL_TEXT = b"""\
Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<anna@client.example>:
550 5.1.1 unknown user

--- Below this line is a copy of the message.
"""
