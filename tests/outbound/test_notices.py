"""Who is told, in the desk, that a mail did not arrive or waits for days: its writer; for mail that nobody wrote, all who look
after the site, who are not told a thousand times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import frappe
import pytest
import time_machine

from dokos_mail import jobs
from dokos_mail.outbound import notice, queue
from mail_servers.smtp_faults import FaultySmtp, SmtpFaults
from tests.host.conftest import user

__all__ = ["user"]

Smtp = Callable[..., FaultySmtp]
Make = Callable[..., object]
REFUSES = SmtpFaults({"RCPT": b"550 5.1.1 no such user"})


def told(*users: str) -> dict[str, list[str]]:
	"""The subjects of the notices that each of these users got, the newest last."""
	rows = frappe.get_all("Notification Log", {"for_user": ("in", users)}, ["for_user", "subject"], order_by="creation asc")
	return {each: [row.subject for row in rows if row.for_user == each] for each in users}


def failed(account: object, queued: Make, owner: str, subject: str, **values: object) -> object:
	"""A mail of ``owner``, refused by the account's server."""
	row = queued(account, "b@there.test", **values)
	message = frappe.db.get_value("Email Queue", row.name, "message").replace("Subject: Bonjour", f"Subject: {subject}")
	frappe.db.set_value("Email Queue", row.name, {"owner": owner, "message": message}, update_modified=False)
	frappe.db.commit()
	jobs.send_account_mail(account.name)
	return row


@pytest.fixture
def managers(user: Make) -> tuple[str, str]:
	"""Two System Managers, one of whom reads French."""
	return user("System Manager"), user("System Manager", language="fr")


def test_whoever_wrote_it_is_told_in_the_own_language(
	smtp: Smtp, make_account: Make, queued: Make, user: Make, managers: tuple[str, str]
) -> None:
	account = make_account(smtp(REFUSES))
	marie = user(language="fr")
	row = failed(account, queued, marie, "Devis")
	assert told(marie, *managers) == {marie: ["Cet email n'a pas pu être envoyé : Devis"], managers[0]: [], managers[1]: []}
	assert frappe.db.get_value("Notification Log", {"for_user": marie}, "document_name") == row.name


@pytest.mark.parametrize("roles", [(), ("System Manager",)])
def test_the_notice_leads_to_what_its_reader_may_see(
	smtp: Smtp, make_account: Make, queued: Make, user: Make, roles: tuple[str, ...]
) -> None:
	account = make_account(smtp(REFUSES))
	marie = user(*roles)
	sent = {"communication_medium": "Email", "sent_or_received": "Sent", "subject": "Devis", "content": "x", "user": marie}
	mail = frappe.get_doc({"doctype": "Communication", **sent}).insert(ignore_permissions=True)
	row = failed(account, queued, "Administrator", "Devis", communication=mail.name)
	about = frappe.db.get_value("Notification Log", {"for_user": marie}, ["document_type", "document_name"])
	assert about == (("Email Queue", row.name) if roles else ("Communication", mail.name))


@pytest.mark.parametrize("owner", ["Administrator", "Guest", "a customer", "somebody who left"])
def test_mail_that_nobody_wrote_is_told_to_those_who_look_after_the_site(
	smtp: Smtp, make_account: Make, queued: Make, user: Make, managers: tuple[str, str], owner: str
) -> None:
	account = make_account(smtp(REFUSES))
	left, customer, colleague = user("System Manager", enabled=0), user(desk=False), user()
	frappe.db.set_value("User", customer, "user_type", "Website User")
	frappe.db.set_value("User", left, "enabled", 0)
	nobody = {"a customer": customer, "somebody who left": left}.get(owner, owner)
	before = told("Administrator")
	failed(account, queued, nobody, "Rappel")
	english, french = managers
	assert told(english, french, left, customer, colleague) == {
		english: ["This email could not be sent: Rappel"],
		french: ["Cet email n'a pas pu être envoyé : Rappel"],
		left: [],
		customer: [],
		colleague: [],
	}
	assert told("Administrator") == before, "nobody reads as Administrator where there is a System Manager"


def test_without_any_other_administrator_is_told(site: object, monkeypatch: pytest.MonkeyPatch) -> None:
	rows = frappe.get_all("User", {"enabled": 1}, pluck="name")
	frappe.db.set_value("User", {"name": ("in", [each for each in rows if each != "Administrator"])}, "enabled", 0)
	assert notice.managers() == ["Administrator"]
	frappe.db.rollback()


def test_one_that_is_not_read_stands_for_all_of_a_day(
	smtp: Smtp, make_account: Make, queued: Make, managers: tuple[str, str], clock: time_machine.Traveller
) -> None:
	account, other = make_account(smtp(REFUSES)), make_account(smtp(REFUSES))
	manager, reader = managers

	def subjects() -> list[str]:
		return [each.rpartition(": ")[2] for each in told(manager)[manager]]

	first = failed(account, queued, "Administrator", "un")
	failed(account, queued, "Guest", "deux")
	assert told(manager)[manager] == ["Automatic emails could not be sent, the last one: deux"]
	assert told(reader)[reader] == ["Des emails automatiques n'ont pas pu être envoyés, le dernier : deux"]
	row = frappe.get_all("Notification Log", {"for_user": manager}, ["document_name", "email_content"])[0]
	assert row.document_name != first.name and "no such user" in row.email_content
	failed(other, queued, "Administrator", "ailleurs")
	assert subjects() == ["deux", "ailleurs"]
	frappe.db.set_value("Notification Log", {"for_user": manager}, "read", 1)
	failed(account, queued, "Administrator", "trois")
	assert subjects() == ["deux", "ailleurs", "trois"], "what was read is told anew"
	clock.move_to(datetime.now(timezone.utc) + timedelta(days=1, minutes=1))
	failed(account, queued, "Administrator", "quatre")
	assert subjects() == ["deux", "ailleurs", "trois", "quatre"], "and so is what nobody read for a day"
	assert queue.why(frappe.get_doc("Email Queue", first.name)) == "b@there.test: 550 5.1.1 no such user"


def test_mail_that_waits_is_another_matter_than_mail_that_failed(
	smtp: Smtp, make_account: Make, queued: Make, managers: tuple[str, str], clock: time_machine.Traveller
) -> None:
	server = smtp(REFUSES)
	account, manager = make_account(server), managers[0]
	failed(account, queued, "Administrator", "un")
	server.faults = SmtpFaults({"greeting": b"421 4.7.0 too many connections"})
	for owner in ("Administrator", "Guest"):
		failed(account, queued, owner, f"de {owner}")
	clock.move_to(datetime.now(timezone.utc) + timedelta(days=2, minutes=1))
	jobs.send_waiting_mail()
	refused, *waits = told(manager)[manager]
	assert refused == "This email could not be sent: un"
	# a used site has mail of other accounts that waits as long
	(waits,) = (each for each in waits if each.endswith((": de Administrator", ": de Guest")))
	assert waits.startswith("Automatic emails still wait to be sent, and are kept, the last one: de ")
