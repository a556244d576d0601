"""``frappe.sendmail`` from code, as any app calls it, through a server; and mail that no account can send."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes, policy
from uuid import uuid4

import frappe
import pytest

from dokos_mail import jobs
from dokos_mail.outbound import queue
from dokos_mail.outbound.notice import managers, subject_of
from mail_servers.smtp_faults import FaultySmtp

Smtp = Callable[..., FaultySmtp]
Make = Callable[..., object]


def send_all(account: str | None) -> None:
	frappe.db.commit()
	jobs.send_account_mail(account or "")


def rows_about(reference: str) -> list[str]:
	return frappe.get_all("Email Queue", filters={"reference_name": reference}, pluck="name", order_by="creation asc")


@pytest.fixture
def default(smtp: Smtp, make_account: Make) -> object:
	"""The account that sends what nobody else does."""
	server = smtp()
	account = make_account(server, default_outgoing=1)
	account.server = server
	return account


def sendmail(**values: object) -> list[str]:
	"""Call the host's function about a user; the rows that it queued."""
	before = set(rows_about("Administrator"))
	frappe.sendmail(
		**(
			{"subject": "Objet é", "message": "<p>Corps</p>", "reference_doctype": "User", "reference_name": "Administrator"}
			| values
		)
	)
	return [name for name in rows_about("Administrator") if name not in before]


def test_code_sends_a_mail(default: object) -> None:
	[row] = sendmail(recipients=["b@there.test"], cc=["c@there.test"], bcc=["d@there.test"], expose_recipients="header")
	send_all(default.name)
	assert frappe.db.get_value("Email Queue", row, "status") == "Sent"
	[accepted] = default.server.accepted
	assert accepted.sender == default.email_id
	assert sorted(accepted.recipients) == ["b@there.test", "c@there.test", "d@there.test"]
	mail = message_from_bytes(accepted.raw, policy=policy.default)
	assert (mail["Subject"], mail["To"], mail["Cc"], mail["Bcc"]) == ("Objet é", "b@there.test", "c@there.test", None)
	assert b"d@there.test" not in accepted.raw
	assert "Corps" in mail.get_body(("plain",)).get_content()


def test_bounces_come_back_to_the_account_whoever_is_shown_as_sender(default: object) -> None:
	"""MAIL FROM is a bare address, the account's, which SPF and bounces go by (flaw 36); From is the person's."""
	sendmail(recipients=["b@there.test"], sender="Marie Dupond <marie@ailleurs.test>")
	send_all(default.name)
	[accepted] = default.server.accepted
	assert accepted.sender == default.email_id
	assert message_from_bytes(accepted.raw, policy=policy.default)["From"] == "Marie Dupond <marie@ailleurs.test>"


def test_nobody_answers_an_answer_that_a_program_gave(default: object) -> None:
	"""RFC 3834 section 3.3: with an empty MAIL FROM not even a server does."""
	frappe.flags.mail_answers_by_itself = True
	try:
		sendmail(recipients=["b@there.test"])
	finally:
		frappe.flags.mail_answers_by_itself = False
	send_all(default.name)
	[accepted] = default.server.accepted
	assert accepted.sender == ""
	assert message_from_bytes(accepted.raw, policy=policy.default)["Auto-Submitted"] == "auto-replied"


def test_the_queue_names_a_mail_by_its_subject_and_recipients(default: object) -> None:
	[row] = sendmail(recipients=["b@there.test"], cc=["c@there.test"])
	many = [f"{number:03}@there.test" for number in range(20)]
	[long] = sendmail(subject="é" * 200, recipients=many)
	fields = ["mail_subject", "sent_to"]
	# in whatever order: the hosts put them into a set
	subject, to = frappe.db.get_value("Email Queue", row, fields)
	assert (subject, sorted(to.split(", "))) == ("Objet é", ["b@there.test", "c@there.test"])
	subject, to = frappe.db.get_value("Email Queue", long, fields)
	assert (subject, len(to), to[-1]) == ("é" * 140, 140, "…")
	assert set(to.split(", ")[:-1]) < set(many)
	assert frappe.get_meta("Email Queue").title_field == "mail_subject"
	assert subject_of(
		frappe._dict(message="To: b@there.test\r\nSubject: =?utf-8?q?Objet_=C3=A9?=\r\n suite\r\n\r\nSubject: x")
	) == ("Objet é suite")
	assert subject_of(frappe._dict(message=None)) == ""


def test_each_gets_a_copy_that_names_him_alone(default: object) -> None:
	sendmail(recipients=["b@there.test", "c@there.test"])
	send_all(default.name)
	for accepted in default.server.accepted:
		mail = message_from_bytes(accepted.raw, policy=policy.default)
		assert (mail["To"],) == accepted.recipients
	assert len(default.server.accepted) == 2


def test_whoever_unsubscribed_gets_none(default: object) -> None:
	address = f"{uuid4().hex}@there.test"
	frappe.get_doc({"doctype": "Email Unsubscribe", "email": address, "global_unsubscribe": 1}).insert(ignore_permissions=True)
	sendmail(recipients=[address, "b@there.test"])
	send_all(default.name)
	assert [each.recipients for each in default.server.accepted] == [("b@there.test",)]


def test_now_sends_in_the_call(default: object) -> None:
	[row] = sendmail(recipients=["b@there.test"], now=True)
	assert default.server.count == 1
	assert frappe.db.get_value("Email Queue", row, "status") == "Sent"


def test_now_through_a_server_that_is_down_breaks_no_code(make_account: Make, unused_tcp_port: int) -> None:
	make_account(smtp_port=str(unused_tcp_port), default_outgoing=1)
	[row] = sendmail(recipients=["b@there.test"], now=True)
	assert frappe.db.get_value("Email Queue", row, "status") == "Not Sent"


def test_without_any_account_mail_waits_and_somebody_is_told(smtp: Smtp, make_account: Make) -> None:
	frappe.db.set_value("Email Account", {"default_outgoing": 1}, "default_outgoing", 0)
	frappe.db.commit()
	run = frappe.generate_hash(length=8)  # on a bench other mail may wait as well
	[row], *others = (sendmail(recipients=[f"{who}-{run}@there.test"]) for who in ("seul", "deux", "trois"))
	others = [name for names in others for name in names]
	# Nobody's on a bench, where whoever runs the tests may know already of mail that waits so.
	for name in (row, *others):
		frappe.db.set_value("Email Queue", name, "owner", f"personne-{run}@there.test")
	frappe.db.commit()
	send_all(None)
	send_all(None)
	assert frappe.db.get_value("Email Queue", row, "status") == "Not Sent"
	assert queue.why(frappe.get_doc("Email Queue", row)) == frappe._(
		"No Email Account sends this email: none is the default for outgoing emails."
	)
	# One notice of all that waits, to each of those who look after the site.
	told = frappe.get_all("Notification Log", {"document_name": ("in", [row, *others])}, pluck="for_user")
	assert sorted(told) == managers()
	server = smtp()
	account = make_account(server, default_outgoing=1)
	send_all(None)
	[accepted] = [mail for mail in server.accepted if f"seul-{run}@there.test" in mail.recipients]
	assert accepted.sender == account.email_id
	assert account.email_id in message_from_bytes(accepted.raw, policy=policy.default)["From"]
	assert frappe.db.get_value("Email Queue", row, ["status", "email_account"]) == ("Sent", account.name)


def test_a_mail_of_the_composer(default: object) -> None:
	from frappe.core.doctype.communication.email import make

	made = make(
		doctype="User",
		name="Administrator",
		subject="Du compositeur",
		content="<div>Bonjour</div>",
		recipients="b@there.test",
		cc="c@there.test",
		send_email=1,
	)
	name = made["name"]
	send_all(default.name)
	[accepted] = default.server.accepted
	assert sorted(accepted.recipients) == ["b@there.test", "c@there.test"]
	mail = message_from_bytes(accepted.raw, policy=policy.default)
	communication = frappe.get_doc("Communication", name)
	assert mail["Message-ID"].strip("<>") == communication.message_id.strip("<>")
	assert communication.delivery_status == "Sent"
	assert [event["state"] for event in queue.timeline(name)].count("Sent") == 2


def test_people_are_called_what_the_writer_called_them(default: object) -> None:
	"""Hosts forget the name of whoever's address has a capital, and the order."""
	from frappe.core.doctype.communication.email import make

	to, cc = "Zoé Martin <Zoe.Martin@there.test>, Bo <b@there.test>", "Ami <Ami@there.test>"
	make(doctype="User", name="Administrator", subject="Noms", content="<p>Bonjour</p>", recipients=to, cc=cc, send_email=1)
	send_all(default.name)
	# the default account also sends what waits on a used site, and hosts write addresses in the envelope their own way
	[accepted] = [each for each in default.server.accepted if "ami@there.test" in map(str.lower, each.recipients)]
	mail = message_from_bytes(accepted.raw, policy=policy.default)
	assert (mail["To"], mail["Cc"]) == (to, cc)
