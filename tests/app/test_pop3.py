"""POP3 accounts from the server to documents: each message once, deleted only when it is stored, whatever the server is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import frappe
import pytest
from frappe.utils import now_datetime

from dokos_mail import install
from dokos_mail.inbound.work import PullResult
from dokos_mail.jobs import pull_account
from mail_servers.faulty_pop3 import FaultyPop3, Pop3Faults
from tests.app.test_pull import journal
from tests.mailbox import Mailbox, raw

Make = Callable[..., Mailbox]


@pytest.fixture
def make_pop3(make_mailbox: Make) -> Make:
	"""A mailbox on Dovecot whose account reads it by POP3."""

	def make(**settings: object) -> Mailbox:
		values = {"use_imap": 0, "append_to": "Opportunity", "email_sync_option": "UNSEEN"} | settings
		mailbox = make_mailbox(**values)
		if "incoming_port" not in settings:
			frappe.db.set_value("Email Account", mailbox.account, "incoming_port", str(mailbox.server.ports["pop3"]))
			frappe.db.commit()
		return mailbox

	return make


@pytest.fixture
def odd() -> Iterator[FaultyPop3]:
	with FaultyPop3({f"id-{n}": raw(f"objet {n}") for n in range(1, 6)}) as server:
		yield server


@pytest.fixture
def at_odd(make_pop3: Make, odd: FaultyPop3) -> Make:
	"""An account that reads the odd server."""
	return lambda **settings: make_pop3(incoming_port=str(odd.port), **settings)


def pull(mailbox: Mailbox) -> PullResult:
	result = pull_account(mailbox.account)
	assert result is not None
	assert result.error is None, result.error
	return result


def subjects(mailbox: Mailbox, **filters: object) -> list[str]:
	return [row.subject for row in journal(mailbox, **filters)]


def set_values(mailbox: Mailbox, **values: object) -> None:
	frappe.db.set_value("Email Account", mailbox.account, values)
	frappe.clear_document_cache("Email Account", mailbox.account)
	frappe.db.commit()


def age(mailbox: Mailbox, days: int) -> None:
	"""As if everything had been stored that many days ago."""
	names = frappe.get_all("Incoming Email", filters={"email_account": mailbox.account}, pluck="name")
	for name in names:
		frappe.db.set_value("Incoming Email", name, "creation", now_datetime() - timedelta(days=days), update_modified=False)
	frappe.db.commit()


def test_mail_becomes_documents_once_and_stays_where_it_is(make_pop3: Make) -> None:
	mailbox = make_pop3()
	mailbox.put(raw("un"), raw("deux"))
	assert pull(mailbox).processed == {"Processed": 2}
	mailbox.put(raw("trois"))
	assert pull(mailbox).processed == {"Processed": 1}
	assert pull(mailbox).journalled == 0
	assert subjects(mailbox) == ["un", "deux", "trois"]
	assert len(mailbox.flags()) == 3
	assert frappe.db.count("Communication", {"email_account": mailbox.account, "reference_doctype": "Opportunity"}) == 3


def test_the_first_synchronisation_takes_the_latest_and_the_rest_stays_unread_by_us(make_pop3: Make) -> None:
	mailbox = make_pop3(initial_sync_count="100")
	mailbox.put(*(raw(f"objet {n}") for n in range(103)))
	assert pull(mailbox).processed == {"Processed": 100}
	assert subjects(mailbox)[0] == "objet 3"
	set_values(mailbox, delete_from_server=1)
	mailbox.put(raw("nouveau"))
	assert pull(mailbox).processed == {"Processed": 1}
	# What was passed over is not journalled, so that it is not deleted either.
	assert len(mailbox.flags()) == 3
	assert pull(mailbox).journalled == 0


def test_mail_is_deleted_once_it_is_stored(make_pop3: Make) -> None:
	mailbox = make_pop3(delete_from_server=1)
	mailbox.put(raw("un"), raw("deux"))
	assert pull(mailbox).processed == {"Processed": 2}
	assert mailbox.flags() == {}
	rows = journal(mailbox)
	assert [row.acknowledged for row in rows] == [1, 1]
	pull(mailbox)
	assert [row.retired for row in journal(mailbox)] == [1, 1]


def test_mail_is_left_for_the_days_that_the_account_says(make_pop3: Make) -> None:
	mailbox = make_pop3(delete_from_server=1, leave_on_server_days=7)
	mailbox.put(raw("vieux"))
	pull(mailbox)
	age(mailbox, 6)
	pull(mailbox)
	assert len(mailbox.flags()) == 1
	age(mailbox, 8)
	mailbox.put(raw("neuf"))
	pull(mailbox)
	assert len(mailbox.flags()) == 1
	assert subjects(mailbox, retired=0, acknowledged=0) == ["neuf"]


def test_nothing_is_deleted_whose_original_is_not_on_disk(make_pop3: Make) -> None:
	from dokos_mail.inbound.account import raw_store

	mailbox = make_pop3()
	mailbox.put(raw("un"), raw("deux"))
	pull(mailbox)
	raw_store().remove(journal(mailbox)[0].raw_path)
	set_values(mailbox, delete_from_server=1)
	pull(mailbox)
	assert len(mailbox.flags()) == 1
	assert [row.acknowledged for row in journal(mailbox)] == [1, 1]


def test_a_message_that_cannot_be_processed_is_kept_and_may_be_deleted(make_pop3: Make, monkeypatch: pytest.MonkeyPatch) -> None:
	from dokos_mail.inbound import ahead

	mailbox = make_pop3(delete_from_server=1)
	mailbox.put(raw("impossible"))
	with monkeypatch.context() as broken:
		broken.setattr(ahead, "parse", lambda *args, **kwargs: 1 / 0)
		pull(mailbox)
	row = journal(mailbox)[0]
	assert (row.state, mailbox.flags()) == ("Failed", {})
	from dokos_mail.jobs import process_again

	process_again([row.name])
	assert subjects(mailbox, state="Processed") == ["impossible"]


def test_a_uidl_that_comes_back_is_new_mail(odd: FaultyPop3, at_odd: Make) -> None:
	mailbox = at_odd()
	pull(mailbox)
	kept = odd.messages.pop("id-2")
	pull(mailbox)
	odd.messages["id-2"] = raw("tout autre")
	assert pull(mailbox).processed == {"Processed": 1}
	odd.messages.pop("id-2")
	pull(mailbox)
	odd.messages["id-2"] = kept
	assert pull(mailbox).processed == {"Duplicate": 1}
	assert subjects(mailbox)[-2:] == ["tout autre", "objet 2"]


def test_another_servers_uidls_mean_other_messages(odd: FaultyPop3, at_odd: Make) -> None:
	mailbox = at_odd()
	pull(mailbox)
	odd.messages = {"id-1": raw("ailleurs")}
	set_values(mailbox, email_server="localhost")
	assert pull(mailbox).processed == {"Processed": 1}
	assert pull(mailbox).journalled == 0


@pytest.mark.parametrize("delete", [0, 1])
def test_a_server_without_uidl_is_read_by_content(odd: FaultyPop3, at_odd: Make, delete: int) -> None:
	odd.capabilities = None
	odd.faults = Pop3Faults(answers={"UIDL": b"-ERR unknown command"})
	mailbox = at_odd(delete_from_server=delete)
	twice = raw("deux fois")
	odd.messages |= {"a": twice, "b": twice}
	assert pull(mailbox).processed == {"Processed": 6, "Duplicate": 1}
	assert len(odd.messages) == (0 if delete else 7)
	odd.commands.clear()
	assert pull(mailbox).journalled == 0
	assert not any(command.startswith(b"RETR") for command in odd.commands)
	odd.messages["neuf"] = raw("neuf")
	assert pull(mailbox).processed == {"Processed": 1}
	assert len(journal(mailbox)) == 8


def test_uidls_that_stand_for_several_messages(odd: FaultyPop3, at_odd: Make) -> None:
	odd.faults = Pop3Faults(ids={1: "same", 2: "same", 3: "x" * 300})
	mailbox = at_odd()
	assert pull(mailbox).processed == {"Processed": 5}
	assert pull(mailbox).journalled == 0
	odd.messages["neuf"] = raw("neuf")
	assert pull(mailbox).processed == {"Processed": 1}
	assert sorted(subjects(mailbox)) == ["neuf", *(f"objet {n}" for n in range(1, 6))]


def test_uidls_that_differ_in_case_only_are_two(odd: FaultyPop3, at_odd: Make) -> None:
	odd.messages = {"Ab": raw("un"), "aB": raw("deux"), "aB ": raw("trois")}
	odd.faults = Pop3Faults(ids={3: "AB"})
	assert pull(at_odd()).processed == {"Processed": 3}


def test_a_refused_message_is_unfetched_asked_for_again_and_never_deleted(odd: FaultyPop3, at_odd: Make) -> None:
	odd.faults = Pop3Faults(answers={"RETR 2": b"-ERR it is damaged"})
	mailbox = at_odd(delete_from_server=1)
	assert pull(mailbox).processed == {"Processed": 4}
	assert list(odd.messages) == ["id-2"]
	row = journal(mailbox, state="Unfetched")[0]
	assert (row.reason, row.uid) == ("it is damaged", "id-2")
	odd.faults = Pop3Faults()
	assert pull(mailbox).processed == {"Processed": 1}
	assert odd.messages == {}
	assert len(journal(mailbox)) == 5


def test_a_message_that_breaks_the_connection_holds_nothing_back(odd: FaultyPop3, at_odd: Make) -> None:
	odd.faults = Pop3Faults(die_in=(2, 30))
	mailbox = at_odd()
	for _time in range(3):
		assert pull_account(mailbox.account).error.kind == "connection_lost"
	assert subjects(mailbox, state="Processed") == ["objet 1"]
	odd.faults = Pop3Faults(answers={"RETR 2": b"-ERR gone mad"})
	assert pull(mailbox).error is None
	assert subjects(mailbox, state="Processed") == ["objet 1", "objet 3", "objet 4", "objet 5"]
	del odd.messages["id-2"]
	pull(mailbox)
	assert [row.reason for row in journal(mailbox, state="Ignored")]


def test_what_came_before_the_servers_limit_is_kept(odd: FaultyPop3, at_odd: Make) -> None:
	odd.faults = Pop3Faults(answers={f"RETR {n}": b"-ERR [SYS/TEMP] limit reached" for n in (4, 5)})
	mailbox = at_odd(delete_from_server=1)
	result = pull_account(mailbox.account)
	assert result.error.kind == "throttled"
	assert subjects(mailbox) == ["objet 1", "objet 2", "objet 3"]
	assert len(odd.messages) == 5
	odd.faults = Pop3Faults()
	assert pull(mailbox).processed == {"Processed": 2}
	assert odd.messages == {}


def test_deletions_that_the_server_did_not_make_are_made_again(odd: FaultyPop3, at_odd: Make) -> None:
	odd.faults = Pop3Faults(keeps=frozenset({"id-3"}))
	mailbox = at_odd(delete_from_server=1)
	pull(mailbox)
	assert list(odd.messages) == ["id-3"]
	odd.faults = Pop3Faults(answers={"QUIT": b"-ERR not all deleted"})
	result = pull_account(mailbox.account)
	assert result.error.kind == "command_refused"
	odd.faults = Pop3Faults()
	pull(mailbox)
	assert odd.messages == {}
	assert len(journal(mailbox)) == 5


def test_an_account_in_use_elsewhere_waits_and_is_not_switched_off(odd: FaultyPop3, at_odd: Make) -> None:
	odd.faults = Pop3Faults(answers={"PASS": b"-ERR [IN-USE] locked", "AUTH": b"-ERR no"})
	mailbox = at_odd()
	for failures in range(1, 8):
		assert pull_account(mailbox.account).error.kind == "mailbox_in_use"
		said = frappe.db.get_value("Email Account Status", {"email_account": mailbox.account}, "*", as_dict=True)
		assert (said.state, said.failures) == ("Failing", failures)
	assert frappe.db.get_value("Email Account", mailbox.account, "enable_incoming") == 1
	odd.faults = Pop3Faults()
	assert pull(mailbox).processed == {"Processed": 5}


def test_a_first_synchronisation_that_ran_out_of_time_goes_on(
	odd: FaultyPop3, at_odd: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
	from dokos_mail.inbound import pop3 as reading

	monkeypatch.setattr(reading, "BATCH_COUNT", 2)
	mailbox = at_odd(delete_from_server=1)
	assert pull_account(mailbox.account, seconds=0).journalled == 2
	# The time was up before the rest: what is journalled is deleted all the same.
	assert len(odd.messages) == 3
	pull(mailbox)
	assert subjects(mailbox) == [f"objet {n}" for n in range(1, 6)]
	assert [row.first_sync for row in journal(mailbox)] == [1] * 5


def test_mail_that_the_host_received_before_is_known_and_what_it_left_all_taken(odd: FaultyPop3, at_odd: Make) -> None:
	mailbox = at_odd(initial_sync_count="100", delete_from_server=1)
	odd.messages = {f"id-{n}": raw(f"objet {n}", message_id=f"{n}@{mailbox.account}") for n in range(105)}
	frappe.get_doc(
		{
			"doctype": "Communication",
			"communication_medium": "Email",
			"sent_or_received": "Received",
			"subject": "objet 0",
			"email_account": mailbox.account,
			"message_id": f"0@{mailbox.account}",
			"communication_date": "2026-11-20 09:30:00",
		}
	).insert()
	frappe.db.commit()
	assert pull(mailbox).processed == {"Duplicate": 1, "Processed": 104}
	assert odd.messages == {}


# On a bench it would change accounts that are not its own.
@pytest.mark.embedded
def test_accounts_from_before_this_app_go_on_deleting(make_pop3: Make, make_mailbox: Make) -> None:
	pop3, imap = make_pop3(), make_mailbox()
	install.keep_working("Email Account")
	assert frappe.db.get_value("Email Account", pop3.account, "delete_from_server") == 1
	assert frappe.db.get_value("Email Account", imap.account, "delete_from_server") == 0
