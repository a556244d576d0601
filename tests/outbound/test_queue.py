"""Queued mail on a host, through a server that accepts, refuses, defers, breaks: what is sent, what is written down."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import frappe
import pytest
import time_machine
from frappe.utils import get_datetime, now_datetime

from dokos_mail import host, jobs
from dokos_mail.engine.send.addresses import NULL_SENDER
from dokos_mail.outbound import account as accounts
from dokos_mail.outbound import links, outcome, queue
from dokos_mail.outbound.claim import claim, take_over
from dokos_mail.outbound.opened import opened
from mail_servers.smtp_faults import AFTER_END, CLOSE, END, RESET, FaultySmtp, SmtpFaults
from tests.host.conftest import user

__all__ = ["user"]

Smtp = Callable[..., FaultySmtp]
Make = Callable[..., object]
_fork = multiprocessing.get_context("fork")


def recipients(row: object) -> dict[str, frappe._dict]:
	fields = ["recipient", "status", "delivery_state", "server_reply", "status_code", "attempts", "next_try", "accepted_on"]
	found = frappe.get_all("Email Queue Recipient", filters={"parent": row.name}, fields=fields)
	return {each.recipient: each for each in found}


def states(row: object) -> dict[str, str]:
	return {address: each.delivery_state for address, each in recipients(row).items()}


def stored(row: object) -> frappe._dict:
	return frappe.get_doc("Email Queue", row.name)


def later(row: object, **values: object) -> None:
	"""Let it be time for the next try."""
	frappe.db.set_value("Email Queue", row.name, {"send_after": None, **values})
	frappe.db.set_value("Email Queue Recipient", {"parent": row.name}, "next_try", None)
	accounts.wake(row.email_account)
	frappe.db.commit()


def test_one_transaction_where_the_octets_are_the_same(smtp: Smtp, make_account: Make, queued: Make) -> None:
	server = smtp()
	row = queued(make_account(server), "b@there.test", "c@there.test")
	jobs.send_account_mail(row.email_account)
	assert [sorted(each.recipients) for each in server.accepted] == [["b@there.test", "c@there.test"]]
	assert server.accepted[0].sender == stored(row).sender.strip("<>") or server.accepted[0].sender in stored(row).sender
	found = recipients(row)["b@there.test"]
	assert (found.status, found.delivery_state, found.server_reply, found.status_code) == (
		"Sent", "Sent", "250 2.0.0 taken as number 1", "2.0.0",
	)  # fmt: skip
	assert found.accepted_on
	assert (stored(row).status, stored(row).delivery_state, stored(row).claim_token) == ("Sent", "Sent", None)


def test_servers_are_given_what_their_reports_name(smtp: Smtp, make_account: Make, queued: Make) -> None:
	"""The identifier of the envelope (RFC 3461), which only servers on the way get to know."""
	server = smtp()
	row = queued(make_account(server), "b@there.test")
	jobs.send_account_mail(row.email_account)
	assert any(command.startswith(b"MAIL") and b"ENVID=" + row.name.encode() in command for command in server.commands)


def test_an_answer_that_a_machine_gives_comes_from_nobody(smtp: Smtp, make_account: Make, queued: Make) -> None:
	"""RFC 3834 section 3.3: to its envelope no report, and no other machine's answer, comes back."""
	server = smtp()
	row = queued(make_account(server), "b@there.test")
	frappe.db.set_value("Email Queue", row.name, "envelope_sender", NULL_SENDER)
	frappe.db.commit()
	jobs.send_account_mail(row.email_account)
	assert any(command.startswith(b"MAIL FROM:<>") for command in server.commands)
	assert [each.sender for each in server.accepted] == [""]


def test_a_copy_for_each_where_they_differ(smtp: Smtp, make_account: Make, queued: Make) -> None:
	server = smtp()
	row = queued(make_account(server), "b@there.test", "c@there.test", shown=False)
	jobs.send_account_mail(row.email_account)
	assert sorted(each.recipients for each in server.accepted) == [("b@there.test",), ("c@there.test",)]
	for each in server.accepted:
		assert f"To: {each.recipients[0]}".encode() in each.raw
	assert len({each.raw.split(b"Message-ID: ")[1].split(b"\r\n")[0] for each in server.accepted}) == 1


@pytest.mark.parametrize("shown", [True, False])
def test_a_bad_recipient_never_stops_the_others(smtp: Smtp, make_account: Make, queued: Make, shown: bool) -> None:
	server = smtp(SmtpFaults({"RCPT bad@there.test": b"550 5.1.1 no such user", "RCPT later@there.test": b"450 4.2.1 busy"}))
	row = queued(make_account(server), "bad@there.test", "b@there.test", "later@there.test", "c@there.test", shown=shown)
	jobs.send_account_mail(row.email_account)
	assert states(row) == {
		"bad@there.test": "Refused",
		"b@there.test": "Sent",
		"later@there.test": "Deferred",
		"c@there.test": "Sent",
	}
	assert recipients(row)["bad@there.test"].server_reply == "550 5.1.1 no such user"
	assert stored(row).status == "Partially Sent"
	assert get_datetime(stored(row).send_after) > now_datetime()
	before = server.count
	jobs.send_account_mail(row.email_account)
	assert server.count == before
	server.faults = SmtpFaults()
	later(row)
	jobs.send_account_mail(row.email_account)
	assert server.accepted[-1].recipients == ("later@there.test",)
	assert server.count == before + 1
	row = stored(row)
	assert (row.status, row.delivery_state) == ("Error", "Partly Refused")
	assert "bad@there.test: 550 5.1.1 no such user" in row.delivery_reason


def test_the_sender_is_told_once_of_a_refusal(smtp: Smtp, make_account: Make, queued: Make, user: Make) -> None:
	server = smtp(SmtpFaults({"RCPT bad@there.test": b"550 5.1.1 no such user"}))
	marie = user()
	row = queued(make_account(server), "bad@there.test")
	frappe.db.set_value("Email Queue", row.name, "owner", marie)
	jobs.send_account_mail(row.email_account)
	notices = frappe.get_all(
		"Notification Log", filters={"document_type": "Email Queue", "document_name": row.name}, fields=["*"]
	)
	assert [(each.for_user, "Bonjour" in each.subject) for each in notices] == [(marie, True)]


def test_a_notice_holds_no_markup_of_others(smtp: Smtp, make_account: Make, queued: Make) -> None:
	"""The subject of a copy for colleagues is a stranger's, the reason is a server's; the desk shows both as HTML."""
	server = smtp(SmtpFaults({"RCPT bad@there.test": b"550 5.1.1 <b>no such user</b>"}))
	row = queued(make_account(server), "bad@there.test")
	message = stored(row).message.replace("Subject: Bonjour", "Subject: <img src=x> Bonjour")
	frappe.db.set_value("Email Queue", row.name, "message", message)
	frappe.db.commit()
	jobs.send_account_mail(row.email_account)
	notice, *_same = frappe.get_all("Notification Log", filters={"document_name": row.name}, fields=["subject", "email_content"])
	assert "Bonjour" in notice.subject and "<img" not in notice.subject
	assert "no such user" in notice.email_content and "<b>" not in notice.email_content


def test_a_bounce_is_not_forgotten_when_the_rest_is_sent(smtp: Smtp, make_account: Make, queued: Make) -> None:
	sent = {"communication_medium": "Email", "sent_or_received": "Sent", "subject": "Bonjour", "content": "x"}
	mail = frappe.get_doc({"doctype": "Communication", **sent}).insert()
	row = queued(make_account(smtp()), "anna@there.test", communication=mail.name)
	frappe.db.set_value("Communication", mail.name, "delivery_status", "Bounced")
	frappe.db.commit()
	jobs.send_account_mail(row.email_account)
	assert states(row) == {"anna@there.test": "Sent"}
	assert frappe.db.get_value("Communication", mail.name, "delivery_status") == "Bounced"


def test_tries_grow_apart_and_end_after_two_days(smtp: Smtp, make_account: Make, queued: Make) -> None:
	server = smtp(SmtpFaults({"RCPT": b"450 4.2.1 mailbox busy"}))
	row = queued(make_account(server), "b@there.test")
	waits = []
	for _number in range(4):
		before = now_datetime()
		jobs.send_account_mail(row.email_account)
		waits.append(get_datetime(recipients(row)["b@there.test"].next_try) - before)
		later(row)
	assert all(second > 1.2 * first for first, second in pairwise(waits)), waits
	later(row, first_try=now_datetime() - timedelta(days=3))
	jobs.send_account_mail(row.email_account)
	assert states(row) == {"b@there.test": "Refused"}
	assert stored(row).status == "Error"
	assert "mailbox busy" in recipients(row)["b@there.test"].server_reply


@pytest.mark.parametrize(
	("faults", "kind"),
	[
		({"MAIL": b"550 5.4.5 Daily user sending limit exceeded"}, "quota_reached"),
		({"MAIL": b"421 4.7.0 Try again later"}, "throttled"),
		({"RCPT": b"452 4.4.5 Insufficient system storage"}, "quota_reached"),
		({"RCPT": b"554 5.7.1 Relay access denied"}, "login_refused"),
		({END: b"550 5.4.5 Daily user sending limit exceeded"}, "quota_reached"),
		({"MAIL": b"530 5.7.0 Authentication required"}, "login_refused"),
		({"RCPT": b"450 later please"}, "throttled"),
		({"greeting": b"554 5.7.1 blocked"}, "server_refuses"),
	],
)
def test_the_accounts_trouble_is_not_the_recipients(
	smtp: Smtp, make_account: Make, queued: Make, faults: dict[str, bytes], kind: str
) -> None:
	server = smtp(SmtpFaults(faults))
	account = make_account(server)
	rows = [queued(account, f"r{number}@there.test") for number in range(5)]
	jobs.send_account_mail(account.name)
	assert all(stored(row).status == "Not Sent" for row in rows)
	assert "Refused" not in {state for row in rows for state in states(row).values()}
	# Only one message met the server: the others did not even try.
	assert len([line for line in server.commands if line.startswith(b"MAIL")]) <= 1
	status = frappe.get_all("Email Account Status", filters={"email_account": account.name}, fields=["*"])[0]
	assert status.outgoing_state == "Failing"
	assert f'"{kind}"' in status.outgoing_detail
	assert get_datetime(status.outgoing_next_attempt) > now_datetime()
	assert account.name in queue.why(stored(rows[1]))
	# It rests: nothing is tried, by us or by the host's own flush.
	connections = server.connections
	jobs.send_account_mail(account.name)
	stored(rows[1]).send()
	assert server.connections == connections
	# When the trouble is over, everything leaves, nothing was lost and no try was used up.
	server.faults = SmtpFaults()
	for row in rows:
		later(row)
	jobs.send_account_mail(account.name)
	assert all(stored(row).status == "Sent" for row in rows)
	assert Counter(each.recipients[0] for each in server.accepted) == {f"r{number}@there.test": 1 for number in range(5)}
	status = frappe.get_all("Email Account Status", filters={"email_account": account.name}, fields=["*"])[0]
	assert (status.outgoing_state, status.outgoing_next_attempt, status.outgoing_failures) == ("Working", None, 0)


def test_one_message_that_a_server_dislikes_holds_up_none(smtp: Smtp, make_account: Make, queued: Make) -> None:
	"""A refusal that reads like the account's, for one message alone: the others leave when the account has rested."""
	server = smtp(SmtpFaults({"RCPT odd@there.test": b"450 not now"}))
	account = make_account(server)
	odd, others = queued(account, "odd@there.test"), [queued(account, f"r{number}@there.test") for number in range(3)]
	jobs.send_account_mail(account.name)
	accounts.wake(account.name)
	jobs.send_account_mail(account.name)
	assert [stored(row).status for row in others] == ["Sent"] * 3
	assert stored(odd).status == "Not Sent"


def notices_of_waits(account: object) -> list[frappe._dict]:
	rows = frappe.get_all("Email Queue", filters={"email_account": account.name}, pluck="name")
	filters = {"document_name": ("in", rows), "subject": ("like", "%still waits%")}
	fields = ["for_user", "document_name", "subject", "email_content"]
	return frappe.get_all("Notification Log", filters=filters, fields=fields, order_by="creation asc")


def test_writers_are_told_once_that_an_account_keeps_their_mail_for_days(
	smtp: Smtp, make_account: Make, queued: Make, user: Make, clock: time_machine.Traveller
) -> None:
	marie, paul = user(), user()
	server = smtp(SmtpFaults({"greeting": b"421 4.7.0 too many connections"}))
	account, start = make_account(server), datetime.now(timezone.utc)

	def days(count: float) -> list[frappe._dict]:
		"""The notices after what the scheduler and its jobs do so many days after the start."""
		clock.move_to(start + timedelta(days=count))
		accounts.wake(account.name)
		jobs.send_waiting_mail()
		jobs.send_account_mail(account.name)
		jobs.send_waiting_mail()
		return notices_of_waits(account)

	def of(writer: str, address: str, **values: object) -> object:
		row = queued(account, address, **values)
		frappe.db.set_value("Email Queue", row.name, "owner", writer)
		frappe.db.commit()
		return row

	first = [of(marie, f"r{number}@there.test") for number in range(20)]
	own = of(paul, "own@there.test")
	of(user(), "later@there.test", send_after=now_datetime() + timedelta(days=30))
	assert days(0) == days(1.9) == []
	told = days(2.1)
	assert len(told) == 2, "one for each writer, and none for whom it is not time"
	assert {each.document_name for each in told} == {first[0].name, own.name}
	assert all("too many connections" in each.email_content and "Bonjour" in each.subject for each in told)
	of(marie, "more@there.test")
	queue.try_again([first[0].name])
	assert days(4) == days(12) == told, "they know"
	assert {stored(row).status for row in first} == {"Not Sent"}, "the mail waits on"
	# It may be refused in the end all the same, and that is told.
	server.faults = SmtpFaults({"RCPT r1@there.test": b"550 5.1.1 no such user"})
	days(13)
	assert Counter(stored(row).status for row in [*first, own]) == {"Sent": 20, "Error": 1}
	assert frappe.db.count("Notification Log", {"document_name": first[1].name, "subject": ("like", "%could not be sent%")}) == 1
	# What befalls the account next is told anew.
	server.faults = SmtpFaults({"greeting": b"421 4.7.0 too many connections"})
	again = of(marie, "again@there.test")
	assert days(14) == told
	assert [each.document_name for each in days(16)[len(told) :]] == [again.name]


def test_no_server_keeps_the_mail(make_account: Make, queued: Make, unused_tcp_port: int) -> None:
	account = make_account(smtp_port=str(unused_tcp_port))
	row = queued(account, "b@there.test")
	jobs.send_account_mail(account.name)
	assert (stored(row).status, states(row)) == ("Not Sent", {"b@there.test": "Waiting"})
	assert "refuses connections" in queue.why(stored(row))


# Uncertain


@pytest.mark.parametrize(
	("policy", "state", "status"),
	[("Send Again", "Deferred", "Not Sent"), ("", "Deferred", "Not Sent"), ("Hold", "Uncertain", "Error")],
)
def test_a_connection_that_breaks_after_the_dot(
	smtp: Smtp, make_account: Make, queued: Make, policy: str, state: str, status: str
) -> None:
	server = smtp(SmtpFaults(instead={AFTER_END: RESET}, once=True))
	row = queued(make_account(server, uncertain_delivery=policy), "b@there.test")
	jobs.send_account_mail(row.email_account)
	assert (states(row)["b@there.test"], stored(row).status) == (state, status)
	later(row)
	jobs.send_account_mail(row.email_account)
	if policy == "Hold":
		assert server.count == 1
		assert stored(row).delivery_state == "Uncertain"
		queue.try_again([row.name])
		jobs.send_account_mail(row.email_account)
	assert server.count == 2
	assert stored(row).delivery_state == "Sent"
	first, second = (each.raw.split(b"Message-ID: ")[1].split(b"\r\n")[0] for each in server.accepted)
	assert first == second


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", END])
def test_a_connection_that_breaks_before_the_end_is_certain(smtp: Smtp, make_account: Make, queued: Make, step: str) -> None:
	server = smtp(SmtpFaults(instead={step: CLOSE}, once=True), extensions=["8BITMIME"])
	row = queued(make_account(server, uncertain_delivery="Hold" if step != END else "Send Again"), "b@there.test")
	jobs.send_account_mail(row.email_account)
	assert states(row) == {"b@there.test": "Deferred"}
	later(row)
	jobs.send_account_mail(row.email_account)
	assert (server.count, stored(row).status) == (1, "Sent")


def test_what_a_dead_sender_left(smtp: Smtp, make_account: Make, queued: Make) -> None:
	"""Sent stays sent; what was in flight is uncertain; what was not begun is simply still to do."""
	server = smtp()
	row = queued(make_account(server, uncertain_delivery="Hold"), "sent@there.test", "flying@there.test", "waiting@there.test")
	assert claim(row.name)
	for address, values in {
		"sent@there.test": {"status": "Sent", "delivery_state": "Sent"},
		"flying@there.test": {"delivery_state": "In Flight"},
	}.items():
		frappe.db.set_value("Email Queue Recipient", {"parent": row.name, "recipient": address}, values)
	frappe.db.commit()
	assert queue.see_to_what_was_left() == 0
	frappe.db.set_value("Email Queue", row.name, "claim_until", now_datetime() - timedelta(seconds=1))
	frappe.db.commit()
	assert queue.see_to_what_was_left() >= 1
	assert states(row) == {"sent@there.test": "Sent", "flying@there.test": "Uncertain", "waiting@there.test": "Waiting"}
	jobs.send_account_mail(row.email_account)
	assert [each.recipients for each in server.accepted] == [("waiting@there.test",)]


def test_a_row_that_the_host_left_in_sending(smtp: Smtp, make_account: Make, queued: Make) -> None:
	"""The host marks nobody before it sends: the first that it had not done with may have got it, the others have not."""
	server = smtp()
	row = queued(make_account(server, uncertain_delivery="Hold"), "b@there.test", "c@there.test")
	frappe.db.set_value("Email Queue", row.name, "status", "Sending")
	frappe.db.set_value("Email Queue", row.name, "modified", now_datetime() - timedelta(hours=1), update_modified=False)
	frappe.db.commit()
	queue.see_to_what_was_left()
	assert states(row) == {"b@there.test": "Uncertain", "c@there.test": "Waiting"}
	later(row)
	jobs.send_account_mail(row.email_account)
	assert [each.recipients for each in server.accepted] == [("c@there.test",)]


# Who sends


def test_four_processes_at_once_over_many_messages(smtp: Smtp, make_account: Make, queued: Make) -> None:
	"""Each recipient once: two flushes of ours, two of the host's kind, side by side over the same thousand messages."""
	server = smtp()
	account = make_account(server)
	names = []
	for number in range(1000):
		names.append(queued(account, f"r{number}@there.test", communication=None).name)
	site, sites_path = frappe.local.site, frappe.local.sites_path
	frappe.destroy()

	def flush(ours: bool) -> None:
		frappe.init(site=site, sites_path=sites_path)
		frappe.connect()
		frappe.set_user("Administrator")
		if ours:
			jobs.send_account_mail(account.name)
		else:
			for name in names:
				frappe.get_doc("Email Queue", name).send()
		frappe.destroy()

	children = [_fork.Process(target=flush, args=(number < 2,)) for number in range(4)]
	for child in children:
		child.start()
	for child in children:
		child.join(550)
	frappe.init(site=site, sites_path=sites_path)
	frappe.connect()
	frappe.set_user("Administrator")
	assert [child.exitcode for child in children] == [0] * 4
	assert Counter(each.recipients for each in server.accepted) == {(f"r{number}@there.test",): 1 for number in range(1000)}
	assert frappe.db.count("Email Queue", {"email_account": account.name, "status": "Sent"}) == 1000
	assert server.connections <= 8


def test_one_session_for_a_run(smtp: Smtp, make_account: Make, queued: Make) -> None:
	server = smtp()
	account = make_account(server)
	for number in range(20):
		queued(account, f"r{number}@there.test")
	assert jobs.send_account_mail(account.name) == 20
	assert (server.connections, server.count) == (1, 20)
	assert server.commands[-1] == b"QUIT"


def test_order_is_priority_then_age(smtp: Smtp, make_account: Make, queued: Make) -> None:
	server = smtp()
	account = make_account(server)
	queued(account, "first@there.test")
	queued(account, "second@there.test")
	queued(account, "urgent@there.test", priority=9)
	tried = queued(account, "tried@there.test")
	frappe.db.set_value("Email Queue", tried.name, {"retry": 2, "creation": now_datetime() - timedelta(hours=1)})
	frappe.db.commit()
	tomorrow = queued(account, "tomorrow@there.test", send_after=now_datetime() + timedelta(days=1))
	jobs.send_account_mail(account.name)
	# nor by the host's flush, or whoever calls it
	stored(tomorrow).send()
	wanted = ["urgent@there.test", "first@there.test", "second@there.test", "tried@there.test"]
	assert [each.recipients[0] for each in server.accepted] == wanted
	# and no job is made for what is not due
	assert account.name not in queue.accounts_with_mail()


@pytest.mark.parametrize(("window", "over"), [("minute", 61), ("hour", 61 * 60), ("day", 25 * 60 * 60)])
def test_pace(smtp: Smtp, make_account: Make, queued: Make, window: str, over: int) -> None:
	server = smtp()
	account, other = make_account(server, **{f"send_limit_{window}": 3}), make_account(smtp())
	for number in range(3):
		queued(other, f"o{number}@there.test")
	jobs.send_account_mail(other.name)
	rows = [queued(account, f"r{number}@there.test") for number in range(5)]
	jobs.send_account_mail(account.name)
	jobs.send_account_mail(account.name)
	assert server.count == 3
	assert account.name in queue.why(stored(rows[4]))
	long_ago = now_datetime() - timedelta(seconds=over)
	sent = frappe.get_all(
		"Email Queue Recipient", filters={"parent": ("in", [row.name for row in rows]), "status": "Sent"}, pluck="name"
	)
	for name in sent:
		frappe.db.set_value("Email Queue Recipient", name, "accepted_on", long_ago)
	frappe.db.commit()
	jobs.send_account_mail(account.name)
	assert server.count == 5


def test_a_pace_that_the_server_names_is_kept(smtp: Smtp, make_account: Make, queued: Make) -> None:
	server = smtp(SmtpFaults({"MAIL": b"451 4.7.1 limit of 2 messages per hour exceeded"}))
	account = make_account(server)
	rows = [queued(account, f"r{number}@there.test") for number in range(4)]
	jobs.send_account_mail(account.name)
	assert accounts.limits(account) == {"hour": 2}
	server.faults = SmtpFaults()
	for row in rows:
		later(row)
	jobs.send_account_mail(account.name)
	assert server.count == 2


def test_login_only_where_the_box_says_so(smtp: Smtp, make_account: Make, queued: Make) -> None:
	server = smtp(login=lambda _mechanism, _said: True)
	with_login = make_account(server, no_smtp_authentication=0, password="secret")
	without = make_account(server, no_smtp_authentication=1, password="secret")
	queued(without, "a@there.test")
	jobs.send_account_mail(without.name)
	assert not [line for line in server.commands if line.startswith(b"AUTH")]
	queued(with_login, "b@there.test")
	jobs.send_account_mail(with_login.name)
	assert [line for line in server.commands if line.startswith(b"AUTH")]
	assert server.count == 2


def test_a_job_that_the_host_ends_leaves_the_row_to_the_sweep(
	smtp: Smtp, make_account: Make, queued: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
	"""The host's worker raises in the middle of whatever runs too long: nobody knows then whether the message was taken."""
	timeout = host.job_timeouts()[0]
	row = queued(make_account(smtp(), uncertain_delivery="Hold"), "b@there.test")

	def too_long(*_args: object, **_values: object) -> None:
		raise timeout("too long")

	monkeypatch.setattr("dokos_mail.engine.send.courier.Courier.send", too_long)
	with pytest.raises(timeout):
		jobs.send_account_mail(row.email_account)
	frappe.db.rollback()
	assert (stored(row).status, states(row)) == ("Sending", {"b@there.test": "In Flight"})
	frappe.db.set_value("Email Queue", row.name, "claim_until", now_datetime() - timedelta(seconds=1))
	frappe.db.commit()
	queue.see_to_what_was_left()
	assert states(row) == {"b@there.test": "Uncertain"}


def test_whoever_loses_the_claim_sends_and_writes_nothing_more(
	smtp: Smtp, make_account: Make, queued: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
	server = smtp()
	row = queued(make_account(server), "b@there.test", "c@there.test", shown=False)
	sent = outcome.sent

	def taken_meanwhile(*args: object) -> None:
		sent(*args)
		frappe.db.set_value("Email Queue", row.name, "claim_token", "another process")

	monkeypatch.setattr(outcome, "sent", taken_meanwhile)
	jobs.send_account_mail(row.email_account)
	assert [each.recipients for each in server.accepted] == [("b@there.test",)]
	assert (stored(row).status, stored(row).claim_token) == ("Sending", "another process")
	assert states(row) == {"b@there.test": "Sent", "c@there.test": "Waiting"}
	assert take_over(row.name, "another process")
	assert take_over(row.name, "another process") is None, "somebody did so first"


def test_the_accounts_trouble_ends_a_message_of_many_copies(smtp: Smtp, make_account: Make, queued: Make) -> None:
	server = smtp(SmtpFaults({"RCPT b@there.test": b"550 5.4.5 Daily user sending limit exceeded"}))
	row = queued(make_account(server), "b@there.test", "c@there.test", "d@there.test", shown=False)
	jobs.send_account_mail(row.email_account)
	assert states(row) == {"b@there.test": "Deferred", "c@there.test": "Waiting", "d@there.test": "Waiting"}
	assert len([line for line in server.commands if line.startswith(b"MAIL")]) == 1


# What people ask


def test_cancel_try_again_send_now(smtp: Smtp, make_account: Make, queued: Make) -> None:
	server = smtp(SmtpFaults({"RCPT bad@there.test": b"550 5.1.1 no"}))
	account = make_account(server)
	row = queued(account, "b@there.test", send_after=now_datetime() + timedelta(days=1))
	assert queue.cancel([row.name]) == 1
	assert (stored(row).status, stored(row).delivery_state) == ("Expired", "Cancelled")
	jobs.send_account_mail(account.name)
	queue.send_now(row.name)
	assert server.count == 0
	assert queue.try_again([row.name]) == 1
	assert queue.send_now(row.name).startswith(frappe._("Sent"))
	assert server.count == 1
	assert queue.cancel([row.name]) == 0
	refused = queued(account, "bad@there.test", "c@there.test")
	jobs.send_account_mail(account.name)
	assert stored(refused).delivery_state == "Partly Refused"
	server.faults = SmtpFaults()
	assert queue.try_again([refused.name]) == 1
	jobs.send_account_mail(account.name)
	assert stored(refused).delivery_state == "Sent"
	assert Counter(address for each in server.accepted for address in each.recipients) == {
		"b@there.test": 1, "bad@there.test": 1, "c@there.test": 1,
	}  # fmt: skip


def test_what_was_sent_stays_sent_when_the_rest_is_cancelled(smtp: Smtp, make_account: Make, queued: Make) -> None:
	server = smtp(SmtpFaults({"RCPT busy@there.test": b"450 4.2.1 later"}))
	row = queued(make_account(server), "a@there.test", "busy@there.test")
	jobs.send_account_mail(row.email_account)
	assert states(row) == {"a@there.test": "Sent", "busy@there.test": "Deferred"}
	assert queue.cancel([row.name]) == 1
	assert states(row) == {"a@there.test": "Sent", "busy@there.test": "Cancelled"}


def test_try_again_touches_only_what_it_is_asked_for(smtp: Smtp, make_account: Make, queued: Make) -> None:
	"""The host's own function has a slip of precedence and touches every row that failed."""
	server = smtp(SmtpFaults({"RCPT": b"550 5.1.1 no"}))
	account = make_account(server)
	one, other = queued(account, "a@there.test"), queued(account, "b@there.test")
	jobs.send_account_mail(account.name)
	from dokos_mail.api import try_emails_again

	try_emails_again(frappe.as_json([one.name]))
	assert (stored(one).status, stored(other).status) == ("Not Sent", "Error")


@pytest.mark.parametrize("name", ["bulk_retry", "retry_sending", "send_now"])
def test_the_hosts_buttons_are_ours(name: str) -> None:
	"""The host's retry touches every row that failed (flaw 47), its *Send Now* knows no claim."""
	theirs = f"frappe.email.doctype.email_queue.email_queue.{name}"
	ours = "send_email_now" if name == "send_now" else "try_emails_again"
	assert frappe.get_hooks("override_whitelisted_methods")[theirs][-1] == f"dokos_mail.api.{ours}"


def test_strangers_may_do_nothing(smtp: Smtp, make_account: Make, queued: Make, user: Make) -> None:
	"""Neither a guest nor another user of the desk; its writer may, and a System Manager."""
	row = queued(make_account(smtp()), "b@there.test")
	writer = user()
	frappe.db.set_value("Email Queue", row.name, "owner", writer)
	frappe.db.commit()
	for name in ("Guest", user()):
		frappe.set_user(name)
		try:
			for act in (queue.cancel, queue.try_again):
				with pytest.raises(frappe.PermissionError):
					act([row.name])
			with pytest.raises(frappe.PermissionError):
				queue.send_now(row.name)
		finally:
			frappe.set_user("Administrator")
	assert stored(row).status == "Not Sent"
	for name in (writer, user("System Manager")):
		frappe.set_user(name)
		try:
			assert queue.cancel([row.name]) == queue.try_again([row.name]) == 1
		finally:
			frappe.set_user("Administrator")


def test_what_waits_and_why_account_by_account(smtp: Smtp, make_account: Make, queued: Make) -> None:
	resting = make_account(smtp(SmtpFaults({"greeting": b"421 4.7.0 too many connections"})))
	other = make_account(smtp())
	first = queued(resting, "a@there.test")
	queued(resting, "b@there.test")
	queued(other, "c@there.test")
	jobs.send_account_mail(resting.name)
	found = {each["account"]: each for each in queue.waiting_by_account()}
	assert {name: found[name]["count"] for name in (resting.name, other.name)} == {resting.name: 2, other.name: 1}
	assert found[resting.name]["since"] == get_datetime(stored(first).creation)
	assert "too many connections" in found[resting.name]["why"] and "too many" not in found[other.name]["why"]


@pytest.mark.parametrize("gone", [False, True], ids=["switched off", "deleted"])
def test_an_account_that_sends_no_more_sends_nothing(smtp: Smtp, make_account: Make, queued: Make, gone: bool) -> None:
	"""Neither what was queued for it before: that waits, says so, and leaves when it is switched on again."""
	frappe.db.set_value("Email Account", {"default_outgoing": 1}, "default_outgoing", 0)
	server = smtp()
	account = make_account(server)
	row = queued(account, "b@there.test")
	if gone:
		frappe.db.delete("Email Account", {"name": account.name})
	else:
		frappe.db.set_value("Email Account", account.name, "enable_outgoing", 0)
	frappe.clear_document_cache("Email Account", account.name)
	frappe.db.commit()
	jobs.send_account_mail(account.name)
	stored(row).send()
	assert (server.count, stored(row).status) == (0, "Not Sent")
	said = frappe._("No Email Account sends this email: none is the default for outgoing emails.")
	assert queue.why(stored(row)) == queue.whys([row.name])[row.name] == queue.send_now(row.name) == said
	if not gone:
		frappe.db.set_value("Email Account", account.name, "enable_outgoing", 1)
		frappe.db.commit()
		jobs.send_account_mail(account.name)
		assert (server.count, stored(row).status) == (1, "Sent")


def test_suspended_and_muted_sites_send_nothing(smtp: Smtp, make_account: Make, queued: Make, site_config: Make) -> None:
	server = smtp()
	row = queued(make_account(server), "b@there.test")
	site_config(mute_emails=1)
	jobs.send_account_mail(row.email_account)
	stored(row).send()
	site_config(mute_emails=0)
	frappe.db.set_default("suspend_email_queue", 1)
	try:
		jobs.send_account_mail(row.email_account)
		stored(row).send()
		assert queue.send_now(row.name) == frappe._("Sending is suspended on this site.")
	finally:
		frappe.db.set_default("suspend_email_queue", 0)
	assert server.count == 0
	jobs.send_account_mail(row.email_account)
	assert server.count == 1


def test_suspending_ends_a_run_at_once(smtp: Smtp, make_account: Make, queued: Make, monkeypatch: pytest.MonkeyPatch) -> None:
	server = smtp()
	account = make_account(server)
	for number in range(3):
		queued(account, f"r{number}@there.test")
	works = accounts.works

	def suspended_meanwhile(account: object) -> None:
		works(account)
		queue.suspend(True)

	monkeypatch.setattr(accounts, "works", suspended_meanwhile)
	try:
		jobs.send_account_mail(account.name)
		assert server.count == 1
	finally:
		queue.suspend(False)
		frappe.db.commit()


def test_what_happened_when(smtp: Smtp, make_account: Make, queued: Make, clock: time_machine.Traveller) -> None:
	server = smtp(SmtpFaults({"RCPT b@there.test": b"450 4.2.1 busy"}))
	communication = frappe.get_doc(
		{
			"doctype": "Communication", "subject": "x", "sent_or_received": "Sent", "communication_medium": "Email",
			"content": "x", "sender": "a@masociete.test", "recipients": "b@there.test",
		}
	).insert(ignore_permissions=True)  # fmt: skip
	row = queued(make_account(server), "b@there.test", communication=communication.name)
	jobs.send_account_mail(row.email_account)
	assert frappe.db.get_value("Communication", communication.name, "delivery_status") == "Sending"
	server.faults = SmtpFaults()
	later(row)
	jobs.send_account_mail(row.email_account)
	events = queue.timeline(communication.name)
	assert [(event["state"], event["words"]) for event in events] == [
		("Queued", ""), ("Deferred", "450 4.2.1 busy"), ("Sent", "250 2.0.0 taken as number 1"),
	]  # fmt: skip
	assert frappe.db.get_value("Communication", communication.name, "delivery_status") == "Sent"
	# somebody reads it, and answers
	frappe.db.set_value("Email Account", row.email_account, "track_email_status", 1)
	clock.shift(60)
	assert opened(links.ticket_for(stored(row), "b@there.test", "pixel"), "Mozilla/5.0 Firefox/140.0", is_own=False)
	clock.shift(60)
	received = {"sent_or_received": "Received", "communication_medium": "Email", "sender": "b@there.test", "subject": "Re: x"}
	answer = {"in_reply_to": communication.name, "communication_date": now_datetime(), "content": "y"}
	frappe.get_doc({"doctype": "Communication", **received, **answer}).insert(ignore_permissions=True)
	events = queue.timeline(communication.name)
	assert [event["state"] for event in events] == ["Queued", "Deferred", "Sent", "Probably Read", "Answered"]
	assert {event["recipient"] for event in events} == {"b@there.test"}


def test_mail_from_before_this_app_was_queued_and_sent(smtp: Smtp, make_account: Make, queued: Make) -> None:
	sent = {"communication_medium": "Email", "sent_or_received": "Sent", "subject": "x", "content": "x"}
	mail = frappe.get_doc({"doctype": "Communication", **sent}).insert(ignore_permissions=True)
	row = queued(make_account(smtp()), "b@there.test", communication=mail.name)
	before = {"status": "Sent", "delivery_state": None, "delivery_log": None}
	frappe.db.set_value("Email Queue Recipient", {"parent": row.name}, before)
	assert [event["state"] for event in queue.timeline(mail.name)] == ["Queued", "Sent"]


def test_another_apps_way_of_sending(smtp: Smtp, make_account: Make, queued: Make, monkeypatch: pytest.MonkeyPatch) -> None:
	server = smtp()
	sent: list[tuple] = []

	def theirs(row: object, sender: str, recipient: str, message: bytes) -> None:
		if recipient == "bad@there.test":
			raise ValueError("not today")
		sent.append((row.name, recipient, type(message)))

	monkeypatch.setattr("dokos_mail.their_sending", theirs, raising=False)
	hooks = frappe.get_hooks

	def get_hooks(hook: str | None = None, *args: object, **kwargs: object) -> object:
		return ["dokos_mail.their_sending"] if hook == "override_email_send" else hooks(hook, *args, **kwargs)

	monkeypatch.setattr(frappe, "get_hooks", get_hooks)
	row = queued(make_account(server), "b@there.test", "bad@there.test")
	jobs.send_account_mail(row.email_account)
	assert sent == [(row.name, "b@there.test", bytes)]
	assert server.connections == 0
	assert states(row) == {"b@there.test": "Sent", "bad@there.test": "Deferred"}


def test_a_message_that_cannot_be_composed(smtp: Smtp, make_account: Make, queued: Make) -> None:
	server = smtp()
	account = make_account(server)
	broken = queued(account, "a@there.test", attachments=frappe.as_json([{"fid": "no such file"}]))
	whole = queued(account, "b@there.test")
	jobs.send_account_mail(account.name)
	assert (stored(broken).status, stored(whole).status) == ("Not Sent", "Sent")
	for _number in range(2):
		later(broken)
		jobs.send_account_mail(account.name)
	assert (stored(broken).status, states(broken)) == ("Error", {"a@there.test": "Refused"})
	assert "no such file" in stored(broken).delivery_reason
	assert server.count == 1


def test_the_hosts_limit_is_the_least_number_of_tries(
	smtp: Smtp, make_account: Make, queued: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
	account = make_account(smtp())
	broken = queued(account, "a@there.test", attachments=frappe.as_json([{"fid": "no such file"}]))
	of_settings = frappe.db.get_single_value
	monkeypatch.setattr(
		frappe.db,
		"get_single_value",
		lambda doctype, field, *rest: 5 if field == "email_retry_limit" else of_settings(doctype, field, *rest),
	)
	for _number in range(4):
		jobs.send_account_mail(account.name)
		assert states(broken) == {"a@there.test": "Deferred"}
		later(broken)
	jobs.send_account_mail(account.name)
	assert states(broken) == {"a@there.test": "Refused"}
