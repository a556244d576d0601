"""A delivery is killed at each of its steps in turn and resumed: no recipient forgotten, none twice but in the gap.

A child process sends and dies by SIGKILL at step n: before or after each write to the database, each commit, and each
thing said to or heard from the server. What the database holds then, and what the server took, is compared with what
is there after a second child went on undisturbed. The one gap: the server took a message, and the process died before
that was written down. Those recipients are marked as in flight, so that the gap is exactly what the database says it is.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count

import frappe
import pytest

from mail_servers.smtp_faults import FaultySmtp, SmtpFaults
from tests.crash.cut import Steps
from tests.crash.test_pull_is_cut import in_child
from tests.outbound.conftest import make_account, queued, smtp

__all__ = ["make_account", "queued", "smtp"]
pytestmark = pytest.mark.timeout(1200)

#: Recipients by message: one alone; three in one transaction, of which the server refuses one; two with copies of their own ...
MESSAGES = (("alone",), ("b", "refused", "c"), ("d", "e"), ("f",), ("g", "h"))


def watch(steps: Steps) -> None:
	"""Wrap every write seam of the way out: rows, transactions, what is said to the server and what it answers."""
	import dokos_mail.engine.send.smtp as engine
	from dokos_mail.engine.connect.wire import Wire

	frappe.db.commit = steps.around("commit", frappe.db.commit)
	frappe.db.set_value = steps.around("set_value", frappe.db.set_value)
	Wire.send = steps.around("send", Wire.send)
	engine.read_reply = steps.around("reply", engine.read_reply)


def send_until_step(account: str, cut_at: int) -> list[str]:
	from dokos_mail import jobs
	from dokos_mail.outbound import queue

	steps = Steps(cut_at)
	watch(steps)
	queue.see_to_what_was_left()
	jobs.send_account_mail(account)
	return steps.names


def go_on(account: str) -> None:
	"""What happens after a crash: the claim is seen to be a dead process's, and each wait is over."""
	from dokos_mail import jobs
	from dokos_mail.outbound import queue

	queue.see_to_what_was_left()
	for _round in range(2):
		rows = frappe.get_all("Email Queue", filters={"email_account": account}, pluck="name")
		frappe.db.set_value("Email Queue", {"name": ("in", rows)}, "send_after", None)
		frappe.db.set_value("Email Queue Recipient", {"parent": ("in", rows)}, "next_try", None)
		frappe.db.set_value("Email Account Status", {"email_account": account}, "outgoing_next_attempt", None)
		frappe.db.commit()
		jobs.send_account_mail(account)


def recipients(account: str) -> dict[str, str]:
	"""The state of each recipient, by address."""
	frappe.db.commit()
	rows = frappe.get_all("Email Queue", filters={"email_account": account}, pluck="name")
	found = frappe.get_all("Email Queue Recipient", filters={"parent": ("in", rows)}, fields=["recipient", "delivery_state"])
	return {each.recipient: each.delivery_state for each in found}


@pytest.fixture
def fresh(
	make_account: Callable[..., object], queued: Callable[..., object], smtp: Callable[..., FaultySmtp]
) -> Iterator[Callable[[], tuple[str, str]]]:
	"""Queue the messages anew; the account, and the domain of these recipients. The account stays over all cuts."""
	server = smtp(SmtpFaults())
	account = make_account(server)
	numbers = count(1)

	def make() -> tuple[str, str]:
		domain = f"cut{next(numbers)}.test"
		frappe.db.set_value("Email Account Status", {"email_account": account.name}, "outgoing_next_attempt", None)
		for name in frappe.get_all("Email Queue", filters={"email_account": account.name}, pluck="name"):
			frappe.db.delete("Email Queue Recipient", {"parent": name})
			frappe.db.delete("Email Queue", {"name": name})
		for number, locals_ in enumerate(MESSAGES):
			queued(account, *(f"{each}@{domain}" for each in locals_), shown=number != 2)
		server.faults = SmtpFaults({f"RCPT refused@{domain}": b"550 5.1.1 no such user"})
		return account.name, domain

	make.server = server
	yield make


def taken(server: FaultySmtp, domain: str) -> Counter[str]:
	"""How often the server took a message for each recipient of that domain."""
	found = [address for each in server.accepted for address in each.recipients if address.endswith(f"@{domain}")]
	return Counter(address.partition("@")[0] for address in found)


def expected(domain: str) -> dict[str, str]:
	states = {each: "Sent" for locals_ in MESSAGES for each in locals_} | {"refused": "Refused"}
	return {f"{each}@{domain}": state for each, state in states.items()}


def test_cut_at_every_step(
	fresh: Callable[[], tuple[str, str]],
	capsys: pytest.CaptureFixture[str],
	record_property: Callable[[str, object], None],
) -> None:
	server = fresh.server
	account, domain = fresh()
	code, names = in_child(lambda: send_until_step(account, 0))
	assert code == 0
	assert recipients(account) == expected(domain)
	assert taken(server, domain) == {each: 1 for locals_ in MESSAGES for each in locals_ if each != "refused"}

	cuts, gaps = 0, 0
	for cut_at in count(1):
		account, domain = fresh()
		code, _names = in_child(lambda: send_until_step(account, cut_at))  # noqa: B023 - called at once
		if code == 0:
			break
		about = f"step {cut_at} (about {names[min(cut_at, len(names)) - 1]})"
		assert code == -signal.SIGKILL, f"{about} ended with {code}"
		cuts += 1
		at_death, had = recipients(account), taken(server, domain)
		code, _answer = in_child(lambda: go_on(account))  # noqa: B023 - called at once
		assert code == 0, about
		assert recipients(account) == expected(domain), about
		for address in expected(domain):
			local, state = address.partition("@")[0], at_death[address]
			times = taken(server, domain)[local]
			if local == "refused":
				assert times == 0, about
			elif state == "Sent":
				# What was written down as sent is never sent again.
				assert (had[local], times) == (1, 1), f"{about}: {address}"
			elif state == "In Flight" and had[local]:
				gaps += 1
				assert times == 2, f"{about}: {address}"
			else:
				assert (had[local], times) == (0, 1), f"{about}: {address}, {state}"
	with capsys.disabled():
		print(f"\n{cuts} cuts ({gaps} recipients in the gap)")
	record_property("cuts", cuts)
	assert cuts >= 200
	assert gaps
	assert cuts > 0.9 * len(names)


def test_held_where_the_account_wants_it(fresh: Callable[[], tuple[str, str]]) -> None:
	"""With *Hold*, nobody ever gets a message twice: the gap is left to a person."""
	server = fresh.server
	account, domain = fresh()
	frappe.db.set_value("Email Account", account, "uncertain_delivery", "Hold")
	frappe.db.commit()
	frappe.clear_document_cache("Email Account", account)

	def die_after_the_dot() -> None:
		import dokos_mail.engine.send.smtp as engine

		answer = engine.SmtpSession._answer

		def heard(self: object, phase: str = engine.SENDING, waits: float = 4) -> object:
			reply = answer(self, phase, waits)
			if phase == engine.AFTER_THE_DOT:
				os.kill(os.getpid(), signal.SIGKILL)
			return reply

		engine.SmtpSession._answer = heard
		send_until_step(account, 0)

	code, _answer = in_child(die_after_the_dot)
	assert code == -signal.SIGKILL
	code, _answer = in_child(lambda: go_on(account))
	assert code == 0
	assert max(taken(server, domain).values()) == 1
	assert Counter(recipients(account).values())["Uncertain"] == 1
	frappe.db.set_value("Email Account", account, "uncertain_delivery", "Send Again")
	frappe.db.commit()


def test_an_answer_is_kept_before_anything_else_is_done(fresh: Callable[[], tuple[str, str]]) -> None:
	"""The gap is no wider than it must be: what the server said is safe before the row is seen to, and the next copy composed."""
	server = fresh.server
	account, _domain = fresh()
	# of an account that is known to work nothing else is written down, and kept, at the same time
	code, _names = in_child(lambda: send_until_step(account, 0))
	assert code == 0
	account, domain = fresh()

	def die_before_anything_else() -> None:
		from dokos_mail.outbound import outcome

		outcome.finish = lambda *_args, **_options: os.kill(os.getpid(), signal.SIGKILL)
		send_until_step(account, 0)

	code, _answer = in_child(die_before_anything_else)
	assert code == -signal.SIGKILL
	assert recipients(account)[f"alone@{domain}"] == "Sent"
	code, _answer = in_child(lambda: go_on(account))
	assert code == 0
	assert recipients(account) == expected(domain)
	assert max(taken(server, domain).values()) == 1


def test_the_suite_would_notice(fresh: Callable[[], tuple[str, str]]) -> None:
	"""A deliberately wrong order, the outcome kept before the message is handed over, loses mail."""
	server = fresh.server
	account, domain = fresh()

	def send_in_wrong_order() -> None:
		from dokos_mail.engine.send.courier import Courier
		from dokos_mail.outbound import outcome

		def sent_first(recipients: list[frappe._dict]) -> None:
			for each in recipients:
				outcome.sent(each, "too early")

		outcome.in_flight = sent_first
		Courier.send = lambda *_args, **_options: os.kill(os.getpid(), signal.SIGKILL)
		send_until_step(account, 0)

	code, _answer = in_child(send_in_wrong_order)
	assert code == -signal.SIGKILL
	code, _answer = in_child(lambda: go_on(account))
	assert code == 0
	assert set(recipients(account).values()) <= {"Sent", "Refused"}
	assert sum(taken(server, domain).values()) < len(expected(domain)) - 1
