"""What received mail sets off: automatic answers, notices to whoever looks after a document, and of mail nobody answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from email import message_from_string, policy
from email.utils import format_datetime
from importlib import import_module
from uuid import uuid4

import frappe
import pytest
from frappe.utils import now_datetime
from time_machine import Traveller

from dokos_mail.inbound import auto_reply, reactions, unreplied
from dokos_mail.inbound.reactions import REACTION
from dokos_mail.jobs import react
from tests.app.test_pull import journal, pull
from tests.mailbox import Mailbox, raw


@pytest.fixture(autouse=True)
def nothing_waits(site: object) -> Iterator[None]:
	frappe.db.delete(REACTION)
	frappe.db.commit()
	yield
	frappe.db.rollback()
	frappe.db.delete(REACTION)
	frappe.db.commit()


def now_date() -> str:
	return format_datetime(datetime.now(timezone.utc))


def rows(mailbox: Mailbox, kind: str) -> list[frappe._dict]:
	return frappe.get_all(
		REACTION, filters={"email_account": mailbox.account, "kind": kind}, fields=["*"], order_by="creation asc"
	)


def queued(to: str) -> list[object]:
	"""The mails queued to an address, read."""
	parents = frappe.get_all("Email Queue Recipient", filters={"recipient": to}, pluck="parent")
	found = frappe.get_all(
		"Email Queue", filters={"name": ("in", parents or [""])}, fields=["message", "envelope_sender"], order_by="creation asc"
	)
	return [(message_from_string(one.message, policy=policy.default), one.envelope_sender) for one in found]


def sender() -> str:
	return f"anna-{uuid4().hex[:8]}@client.test"


@pytest.fixture
def answering(make_mailbox: Callable[..., Mailbox]) -> Mailbox:
	text = "<p>Bonjour {{ sender_full_name }}, reçu : {{ doc.subject }}</p>"
	mailbox = make_mailbox(
		append_to="Opportunity",
		enable_auto_reply=1,
		auto_reply_message=text,
		enable_outgoing=1,
		smtp_server="127.0.0.1",
		smtp_port="9",
		no_smtp_authentication=1,
	)
	pull(mailbox)  # what the first synchronisation brings is not answered
	return mailbox


def test_an_automatic_answer(answering: Mailbox) -> None:
	anna = sender()
	answering.put(raw("Devis A & B", sender=f"Anna <{anna}>", to=answering.user, message_id="q@client.test", date=now_date()))
	pull(answering)
	assert react() == 1
	((mail, envelope),) = queued(anna)
	assert mail["Subject"] == "Re: Devis A & B"
	assert mail["Auto-Submitted"] == "auto-replied"
	assert mail["X-Auto-Response-Suppress"] == "All"
	assert "q@client.test" in mail["In-Reply-To"]
	assert answering.user in mail["From"]
	assert envelope == "null"
	html = mail.get_body(("html",)).get_content()
	assert "Bonjour Anna, reçu : Devis A &amp; B" in html
	assert [row.state for row in rows(answering, "Auto Reply")] == ["Done"]
	assert react() == 0
	assert len(queued(anna)) == 1


def test_one_in_a_conversation_three_a_day(answering: Mailbox) -> None:
	robot = sender()
	answering.put(raw("Un", sender=robot, to=answering.user, message_id="1@client.test", date=now_date()))
	pull(answering)
	answering.put(raw("Re: Un", sender=robot, to=answering.user, In_Reply_To="<1@client.test>", date=now_date()))
	answering.put(*(raw(f"Sujet {number}", sender=robot, to=answering.user, date=now_date()) for number in range(6)))
	pull(answering)
	react()
	assert len(queued(robot)) == 3
	states = [row.state for row in rows(answering, "Auto Reply")]
	assert states.count("Done") == 3 and states.count("Dropped") == 5
	assert all(row.reason for row in rows(answering, "Auto Reply") if row.state == "Dropped")


def test_the_day_after_it_is_answered_again(answering: Mailbox, clock: Traveller) -> None:
	today, robot = datetime.now(timezone.utc), sender()
	clock.move_to(today - timedelta(hours=25))
	for _number in range(2):
		answering.put(raw("Bonjour", sender=robot, to=answering.user, date=now_date()))
		answering.put(*(raw(f"Sujet {number}", sender=robot, to=answering.user, date=now_date()) for number in range(3)))
		pull(answering)
		react()
		clock.move_to(today)
	assert len(queued(robot)) == 6


def test_another_detail_is_no_other_correspondent(answering: Mailbox) -> None:
	"""Robots that write from another address each time: ``ticket+1@``, ``ticket+2@``."""
	local, _at, domain = sender().partition("@")
	for number in range(5):
		robot = f"{local}+{number}@{domain}" if number else f"{local}@{domain}"
		answering.put(raw(f"Sujet {number}", sender=robot, to=answering.user, date=now_date()))
		pull(answering)
	react()
	assert [row.state for row in rows(answering, "Auto Reply")] == ["Done"] * 3 + ["Dropped"] * 2
	assert len(queued(f"{local}+1@{domain}")) == 1


def test_an_answer_that_would_come_days_later_is_none(answering: Mailbox, clock: Traveller) -> None:
	anna = sender()
	answering.put(raw("Devis", sender=anna, to=answering.user, date=now_date()))
	pull(answering)
	clock.shift(timedelta(days=2))  # no worker ran meanwhile
	react()
	assert queued(anna) == []
	(row,) = rows(answering, "Auto Reply")
	assert row.state == "Dropped" and row.reason


def test_other_letters_are_no_other_correspondent(answering: Mailbox) -> None:
	robot = sender()
	for number, address in enumerate((robot, robot.upper(), robot.title(), robot.capitalize(), robot.swapcase())):
		answering.put(raw(f"Sujet {number}", sender=address, to=answering.user, date=now_date()))
	pull(answering)
	react()
	assert [row.state for row in rows(answering, "Auto Reply")] == ["Done"] * 3 + ["Dropped"] * 2


def test_a_machine_gets_none_and_the_administrator_sees_why(answering: Mailbox) -> None:
	robot = sender()
	answering.put(raw("Lettre", sender=robot, to=answering.user, Precedence="bulk", date=now_date()))
	pull(answering)
	react()
	assert queued(robot) == []
	(row,) = rows(answering, "Auto Reply")
	assert row.state == "Dropped" and "Precedence: bulk" in row.reason


def test_a_broken_template_loses_nothing(answering: Mailbox) -> None:
	frappe.db.set_value("Email Account", answering.account, "auto_reply_message", "{% if %}{{ nothing.at.all }}")
	frappe.clear_document_cache("Email Account", answering.account)
	anna = sender()
	answering.put(raw("Devis", sender=anna, to=answering.user, date=now_date()))
	pull(answering)
	react()
	assert journal(answering)[0].state == "Processed"
	((mail, _envelope),) = queued(anna)
	assert "Thank you for your message" in mail.get_body(("html",)).get_content()
	(row,) = rows(answering, "Auto Reply")
	assert row.state == "Done" and "cannot be rendered" in row.reason
	assert frappe.db.exists("Error Log", {"error": ("like", f"%{answering.account}%")})


def test_without_the_option_nothing_is_noted(mailbox: Mailbox) -> None:
	pull(mailbox)
	mailbox.put(raw("Devis", to=mailbox.user, date=now_date()))
	pull(mailbox)
	assert rows(mailbox, "Auto Reply") == rows(mailbox, "Unreplied") == []


def test_what_a_mail_sets_off_follows_its_pull_at_once(answering: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	"""Not only with the scheduler's next minute; and no job is made where nothing is due."""
	jobs: list[str] = []
	monkeypatch.setattr(frappe, "enqueue", lambda method, **_given: jobs.append(method))
	answering.put(raw("Devis", to=answering.user, sender=sender(), date=now_date()))
	pull(answering)
	assert "dokos_mail.jobs.react" in jobs
	react()
	jobs.clear()
	pull(answering)
	assert "dokos_mail.jobs.react" not in jobs


def test_a_worker_that_dies_holds_nothing_up(answering: Mailbox, clock: Traveller) -> None:
	anna = sender()
	answering.put(raw("Devis", sender=anna, to=answering.user, date=now_date()))
	pull(answering)
	(row,) = rows(answering, "Auto Reply")
	claimed = {"claim_token": "elsewhere:1:1:x", "claim_until": now_datetime() + timedelta(minutes=5)}
	frappe.db.set_value(REACTION, row.name, claimed)
	frappe.db.commit()
	react()
	assert queued(anna) == []
	clock.shift(timedelta(minutes=6))
	react()
	assert len(queued(anna)) == 1


def test_one_that_fails_is_tried_again_and_then_said(
	answering: Mailbox, monkeypatch: pytest.MonkeyPatch, clock: Traveller
) -> None:
	def broken(**_given: object) -> None:
		raise ValueError("no room")

	answering.put(raw("Devis", sender=sender(), to=answering.user, date=now_date()))
	pull(answering)
	monkeypatch.setattr(frappe, "sendmail", broken)
	for attempt in range(reactions.MOST_TRIES):
		react()
		(row,) = rows(answering, "Auto Reply")
		assert "no room" in row.reason
		assert row.state == ("Failed" if attempt + 1 == reactions.MOST_TRIES else "Waiting")
		assert react() == 0
		clock.shift(timedelta(minutes=2 ** (attempt + 1)))


def test_what_is_noted_again_is_one_and_nothing_to_remark_upon() -> None:
	"""A mail that is processed anew, its reaction kept from before: nothing failed, so nothing is said."""
	errors = frappe.db.count("Error Log")
	notes = [reactions.aside(reactions.NOTICE, lambda: reactions.note(reactions.NOTICE, "a mail")) for _time in range(2)]
	assert notes == [None, None]
	assert (frappe.db.count(REACTION), frappe.db.count("Error Log")) == (1, errors)


@pytest.fixture
def watched(make_mailbox: Callable[..., Mailbox]) -> Callable[..., Mailbox]:
	def make(**settings: object) -> Mailbox:
		usual = {
			"notify_if_unreplied": 1,
			"unreplied_for_mins": 30,
			"send_notification_to": f"chef-{uuid4().hex[:8]}@masociete.test",
		}
		return make_mailbox(**(usual | settings))

	return make


def boss_of(mailbox: Mailbox) -> str:
	return frappe.db.get_value("Email Account", mailbox.account, "send_notification_to")


def answer(communication: str, **values: object) -> None:
	mail = frappe.db.get_value("Communication", communication, ["reference_doctype", "reference_name"], as_dict=True)
	sent = {"communication_medium": "Email", "sent_or_received": "Sent", "subject": "Re", "content": "x"}
	frappe.get_doc({"doctype": "Communication", "in_reply_to": communication, **sent, **mail, **values}).insert()
	frappe.db.commit()


@pytest.mark.parametrize("append_to", ["Opportunity", None])
def test_a_mail_that_nobody_answered(watched: Callable[..., Mailbox], append_to: str | None, clock: Traveller) -> None:
	mailbox = watched(append_to=append_to)
	mailbox.put(raw("Bonjour", to=mailbox.user))  # the first synchronisation tells of nothing
	pull(mailbox)
	mailbox.put(raw("Devis urgent", to=mailbox.user))
	pull(mailbox)
	react()
	assert queued(boss_of(mailbox)) == []
	clock.shift(timedelta(minutes=29))
	react()
	assert queued(boss_of(mailbox)) == []
	clock.shift(timedelta(days=4))  # the scheduler was down for days
	react()
	react()
	((mail, _envelope),) = queued(boss_of(mailbox))
	assert "Devis urgent" in mail["Subject"]


def test_more_time_than_at_first_is_given(watched: Callable[..., Mailbox], clock: Traveller) -> None:
	"""The time that counts is what the account says when it is over."""
	mailbox = watched()
	pull(mailbox)
	mailbox.put(raw("Devis", to=mailbox.user))
	pull(mailbox)
	frappe.db.set_value("Email Account", mailbox.account, "unreplied_for_mins", 60 * 24)
	frappe.db.commit()
	clock.shift(timedelta(hours=1))
	react()
	assert queued(boss_of(mailbox)) == []
	clock.shift(timedelta(days=1))
	react()
	assert len(queued(boss_of(mailbox))) == 1


@pytest.mark.parametrize("append_to", ["Opportunity", None])
def test_a_mail_that_was_answered(watched: Callable[..., Mailbox], append_to: str | None, clock: Traveller) -> None:
	mailbox = watched(append_to=append_to)
	pull(mailbox)
	mailbox.put(raw("Devis", to=mailbox.user))
	pull(mailbox)
	answer(journal(mailbox)[0].communication)
	clock.shift(timedelta(hours=1))
	react()
	assert queued(boss_of(mailbox)) == []
	assert rows(mailbox, "Unreplied")[0].state == "Dropped"


def test_one_notice_for_a_conversation(watched: Callable[..., Mailbox], clock: Traveller) -> None:
	mailbox = watched(append_to="Opportunity")
	pull(mailbox)
	mailbox.put(raw("Devis", to=mailbox.user, message_id="a@client.test"))
	pull(mailbox)
	mailbox.put(raw("Re: Devis", to=mailbox.user, In_Reply_To="<a@client.test>"))
	pull(mailbox)
	clock.shift(timedelta(hours=1))
	react()
	assert len(queued(boss_of(mailbox))) == 1


def test_of_machines_nothing_is_told(watched: Callable[..., Mailbox]) -> None:
	mailbox = watched()
	pull(mailbox)
	mailbox.put(raw("Lettre", to=mailbox.user, List_Id="<liste.test>"), raw("x", sender="no-reply@client.test", to=mailbox.user))
	pull(mailbox)
	assert rows(mailbox, "Unreplied") == []


def test_the_other_reading_a_correspondent_who_does_not_answer(watched: Callable[..., Mailbox], clock: Traveller) -> None:
	mailbox = watched(append_to="Opportunity", unreplied_by="The Correspondent")
	pull(mailbox)
	mailbox.put(raw("Devis", to=mailbox.user, message_id="a@client.test"))
	pull(mailbox)
	answer(journal(mailbox)[0].communication, email_account=mailbox.account, recipients="elodie@client.test", sender=mailbox.user)
	clock.shift(timedelta(hours=1))
	react()
	((mail, _envelope),) = queued(boss_of(mailbox))
	assert "elodie@client.test" in mail.get_body(("html",)).get_content()


@pytest.fixture
def person(site: object) -> Iterator[str]:
	address = f"marie-{uuid4().hex[:8]}@masociete.test"
	frappe.get_doc(
		{"doctype": "User", "email": address, "first_name": "Marie", "enabled": 1, "thread_notify": 1, "send_welcome_email": 0}
	).insert()
	frappe.db.commit()
	yield address
	frappe.db.rollback()
	frappe.db.set_value("User", address, "enabled", 0)
	frappe.db.commit()


def test_whoever_looks_after_the_document_gets_a_copy_once(answering: Mailbox, person: str) -> None:
	mailbox = answering
	frappe.db.set_value("Email Account", mailbox.account, "enable_auto_reply", 0)
	mailbox.put(raw("Devis", to=mailbox.user, message_id="a@client.test"))
	pull(mailbox)
	(row,) = journal(mailbox)
	frappe.db.set_value("Opportunity", row.reference_name, "owner", person, update_modified=False)
	task = {"reference_type": "Opportunity", "reference_name": row.reference_name, "allocated_to": person, "status": "Open"}
	frappe.get_doc({"doctype": "ToDo", "description": "x", **task}).insert(ignore_permissions=True)
	frappe.db.commit()
	before = len(queued(person))
	mailbox.put(raw("Re: Devis", body="Alors ?\n", to=mailbox.user, In_Reply_To="<a@client.test>"))
	pull(mailbox)
	react()
	react()
	mails = queued(person)[before:]
	((mail, _envelope),) = mails
	assert "Alors ?" in mail.get_body(("html",)).get_content()
	assert mail["Auto-Submitted"]


def test_no_copy_for_who_has_it_already_or_does_not_want_it(mailbox: Mailbox, person: str) -> None:
	mailbox.put(raw("Devis", to=mailbox.user, message_id="a@client.test"))
	pull(mailbox)
	(row,) = journal(mailbox)
	frappe.db.set_value("Opportunity", row.reference_name, "owner", person, update_modified=False)
	frappe.db.commit()
	mailbox.put(raw("Re: Devis", to=f"{mailbox.user}, {person}", In_Reply_To="<a@client.test>"))
	pull(mailbox)
	frappe.db.set_value("User", person, "thread_notify", 0)
	frappe.db.commit()
	mailbox.put(raw("Re: Devis", to=mailbox.user, In_Reply_To="<a@client.test>"))
	pull(mailbox)
	assert rows(mailbox, "Notice") == []


@pytest.mark.parametrize("module", ["auto_reply", "unreplied", "notices"])
def test_what_goes_wrong_beside_a_mail_costs_it_nothing(answering: Mailbox, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
	def broken(*_given: object) -> None:
		reactions.note("Notice", "half done", email_account=answering.account)
		raise ValueError("another app's validation")

	monkeypatch.setattr(import_module(f"dokos_mail.inbound.{module}"), "consider", broken)
	frappe.db.set_value("Email Account", answering.account, "notify_if_unreplied", int(module == "unreplied"))
	frappe.db.commit()
	answering.put(raw("Devis", sender=sender(), to=answering.user, date=now_date()))
	pull(answering)
	(row,) = journal(answering)
	assert row.state == "Processed" and row.reference_name
	assert "another app's validation" in row.reason
	kinds = frappe.get_all(REACTION, filters={"email_account": answering.account}, pluck="kind")
	assert kinds == ([] if module == "auto_reply" else ["Auto Reply"])


def test_a_mail_of_ours_is_not_stopped_by_what_it_sets_off(monkeypatch: pytest.MonkeyPatch) -> None:
	def broken(_communication: object) -> None:
		raise ValueError("no such column")

	monkeypatch.setattr(unreplied, "_consider_sent", broken)
	sent = {"communication_medium": "Email", "sent_or_received": "Sent", "subject": "Devis", "content": "x"}
	mail = frappe.get_doc({"doctype": "Communication", "recipients": sender(), **sent}).insert()
	assert frappe.db.exists("Communication", mail.name)
	frappe.db.rollback()


class _Killed(BaseException):
	"""What no handler of ours gets to see: the process is gone."""


@pytest.mark.parametrize("end", [_Killed, ValueError])
@pytest.mark.parametrize("moment", ["before_insert", "after_insert"])
def test_an_app_that_commits_halfway(
	answering: Mailbox, monkeypatch: pytest.MonkeyPatch, clock: Traveller, moment: str, end: type[BaseException]
) -> None:
	"""Whether the answer was in the queue by then or not: it leaves once."""
	queue = type(frappe.new_doc("Email Queue"))
	anna, ends = sender(), [end("killed, or the app's own")]
	ours = getattr(queue, moment, lambda _row: None)

	def commit_and_end(row: object) -> None:
		if moment == "after_insert":
			ours(row)
		frappe.db.commit()
		if ends:
			raise ends.pop()
		if moment == "before_insert":
			ours(row)

	answering.put(raw("Devis", sender=anna, to=answering.user, date=now_date()))
	pull(answering)
	monkeypatch.setattr(queue, moment, commit_and_end, raising=False)
	with suppress(_Killed):
		react()
	assert not ends
	assert len(queued(anna)) == (moment == "after_insert")
	frappe.db.rollback()
	clock.shift(timedelta(minutes=21))
	react()
	assert len(queued(anna)) == 1
	assert [row.state for row in rows(answering, "Auto Reply")] == ["Done"]


def test_an_answer_that_left_is_said_to_have_left(answering: Mailbox, monkeypatch: pytest.MonkeyPatch, clock: Traveller) -> None:
	"""Switched off after it was queued, and before that was written down."""
	queue, anna = type(frappe.new_doc("Email Queue")), sender()

	def commit_and_die(_row: object) -> None:
		frappe.db.commit()
		raise _Killed

	answering.put(raw("Devis", sender=anna, to=answering.user, date=now_date()))
	pull(answering)
	with monkeypatch.context() as patched, suppress(_Killed):
		patched.setattr(queue, "after_insert", commit_and_die, raising=False)
		react()
	frappe.db.rollback()
	frappe.db.set_value("Email Account", answering.account, "enable_auto_reply", 0)
	frappe.db.commit()
	clock.shift(timedelta(minutes=21))
	react()
	assert len(queued(anna)) == 1
	assert [row.state for row in rows(answering, "Auto Reply")] == ["Done"]


def test_a_worker_that_was_only_slow_sends_no_second_answer(answering: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	"""Its claim ran out and another worker answered; what it saw of the queue before does not matter."""
	anna = sender()
	answering.put(raw("Devis", sender=anna, to=answering.user, date=now_date()))
	pull(answering)
	react()
	(row,) = rows(answering, "Auto Reply")
	monkeypatch.setattr(reactions, "_queued_for", lambda _name: [])
	with pytest.raises(Exception, match=r"(?i)duplicate|unique"):
		auto_reply.send(row)
	frappe.db.rollback()
	assert len(queued(anna)) == 1


def test_many_are_told_each_once(watched: Callable[..., Mailbox], clock: Traveller) -> None:
	"""Hosts queue mail to more than twenty one by one, some in a job of their own."""
	bosses = [f"chef-{number}-{uuid4().hex[:8]}@masociete.test" for number in range(45)]
	mailbox = watched(send_notification_to="\n".join(bosses))
	pull(mailbox)
	mailbox.put(raw("Devis", to=mailbox.user))
	pull(mailbox)
	clock.shift(timedelta(hours=1))
	react()
	assert [len(queued(boss)) for boss in bosses] == [1] * 45


def test_who_wants_no_mail_gets_no_answer_and_that_is_said(answering: Mailbox) -> None:
	anna = sender()
	frappe.get_doc({"doctype": "Email Unsubscribe", "email": anna, "global_unsubscribe": 1}).insert()
	answering.put(raw("Devis", sender=anna, to=answering.user, date=now_date()))
	pull(answering)
	react()
	(row,) = rows(answering, "Auto Reply")
	assert row.state == "Dropped" and "unsubscribed" in row.reason


def test_the_answer_in_a_long_thread_is_found_without_reading_other_mail(
	watched: Callable[..., Mailbox], monkeypatch: pytest.MonkeyPatch, clock: Traveller
) -> None:
	mailbox = watched()
	pull(mailbox)
	mailbox.put(raw("Devis", to=mailbox.user, message_id="fil@client.test"))
	pull(mailbox)
	first = journal(mailbox)[0].communication
	mailbox.put(raw("Re: Devis", to=mailbox.user, In_Reply_To="<fil@client.test>"))
	pull(mailbox)
	for _other in range(20):
		answer(first, in_reply_to=frappe.get_doc({"doctype": "Communication", "subject": "x", "content": "x"}).insert().name)
	answer(journal(mailbox)[-1].communication)
	clock.shift(timedelta(hours=1))
	asked = []
	get_value = frappe.db.get_value
	monkeypatch.setattr(frappe.db, "get_value", lambda *given, **named: asked.append(given) or get_value(*given, **named))
	react()
	assert queued(boss_of(mailbox)) == []
	assert len([given for given in asked if given[:1] == ("Communication",)]) < 20
