"""Messages on no document share a transaction: each becomes what it would have become by itself, whatever happens to one of them."""

from __future__ import annotations

from collections.abc import Callable

import frappe
import pytest
from frappe.model.document import Document

from dokos_mail.inbound import contacts, outcome, process
from dokos_mail.inbound.absent import Absent
from dokos_mail.inbound.known import Copies
from tests.app.test_other_apps_hooks import Hook, commit, hook, of_poison, rollback  # noqa: F401 - a fixture
from tests.app.test_pull import journal, pull
from tests.mailbox import Mailbox, raw

#: Values that no other test, and no earlier run on the same site, has.
_fresh = frappe.generate_hash


@pytest.fixture
def mailbox(make_mailbox: Callable[..., Mailbox]) -> Mailbox:
	return make_mailbox(append_to=None)


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
	"""How many messages were written in each transaction, however slow this machine is."""
	monkeypatch.setattr(process, "SECONDS_TOGETHER", 60)
	sizes: list[int] = []
	end = process._commit
	monkeypatch.setattr(process, "_commit", lambda rows, *rest: (sizes.append(len(rows)), end(rows, *rest)))
	return sizes


def address() -> str:
	return f"{_fresh(length=10)}@client.test"


def states(mailbox: Mailbox) -> dict[str, str]:
	return {row.subject: row.state for row in journal(mailbox)}


def filed(mailbox: Mailbox) -> list[str]:
	return sorted(frappe.get_all("Communication", filters={"email_account": mailbox.account}, pluck="subject"))


def test_several_messages_share_a_transaction(mailbox: Mailbox, transactions: list[int]) -> None:
	mailbox.put(*(raw(f"message {number}") for number in range(5)))
	pull(mailbox)
	assert filed(mailbox) == [f"message {number}" for number in range(5)]
	assert len(transactions) < 5 and sum(transactions) == 5


def test_a_message_on_a_document_ends_its_transaction(make_mailbox: Callable[..., Mailbox], transactions: list[int]) -> None:
	mailbox = make_mailbox(append_to="Opportunity")
	mailbox.put(*(raw(f"message {number}") for number in range(3)))
	pull(mailbox)
	assert transactions == [1, 1, 1]


def test_what_the_first_becomes_counts_for_those_after_it(make_mailbox: Callable[..., Mailbox], transactions: list[int]) -> None:
	mailbox = make_mailbox(append_to=None, create_contact=1)
	sender, named = address(), f"{_fresh()}@client.test"
	first = raw("Question", message_id=named, sender=sender)
	mailbox.put(first, raw("Re: Question", sender=sender, In_Reply_To=f"<{named}>"), first, raw("Autre", message_id=named))
	pull(mailbox)
	assert max(transactions) > 1
	question, answer, copy, other = journal(mailbox)
	assert [question.state, answer.state, copy.state, other.state] == ["Processed", "Processed", "Duplicate", "Processed"]
	assert frappe.db.get_value("Communication", answer.communication, "in_reply_to") == question.communication
	assert copy.communication == question.communication
	assert frappe.db.get_value("Incoming Email", {"communication": other.communication}, "possible_duplicate") == 1
	assert frappe.db.count("Contact Email", {"email_id": sender}) == 1
	links = {"parenttype": "Communication", "link_doctype": "Contact"}
	assert all(
		frappe.db.exists("Communication Link", links | {"parent": name})
		for name in (question.communication, answer.communication)
	)


@pytest.mark.parametrize("before", [None, commit])
@pytest.mark.parametrize("method", ["before_insert", "after_insert", "on_update"])
def test_one_that_fails_costs_the_others_nothing(
	mailbox: Mailbox,
	hook: Callable[..., None],  # noqa: F811
	method: str,
	before: Hook | None,
) -> None:
	calls = []

	def act(doc: Document) -> None:
		calls.append(doc.subject)
		if before:
			before(doc)
		raise RuntimeError("the other app is broken")

	hook("Communication", method, of_poison(act))
	mailbox.put(raw("un"), raw("deux"), raw("poison"), raw("trois"))
	pull(mailbox)
	assert states(mailbox) == {"un": "Processed", "deux": "Processed", "poison": "Failed", "trois": "Processed"}
	assert [subject for subject in filed(mailbox) if subject != "poison"] == ["deux", "trois", "un"]
	assert calls == ["poison"]
	(failed,) = [row for row in journal(mailbox) if row.subject == "poison"]
	assert "the other app is broken" in failed.reason


@pytest.mark.parametrize("act", [commit, rollback])
@pytest.mark.parametrize("method", ["before_insert", "after_insert"])
def test_a_hook_that_ends_the_transaction_of_several_loses_none(
	mailbox: Mailbox,
	hook: Callable[..., None],  # noqa: F811
	method: str,
	act: Hook,
) -> None:
	hook("Communication", method, of_poison(act))
	mailbox.put(raw("un"), raw("deux"), raw("poison"), raw("trois"))
	pull(mailbox)
	undone = act is rollback and method == "after_insert"
	assert states(mailbox) == {
		"un": "Processed",
		"deux": "Processed",
		"poison": "Failed" if undone else "Processed",
		"trois": "Processed",
	}
	assert filed(mailbox) == sorted(subject for subject, state in states(mailbox).items() if state == "Processed")


def test_a_busy_database_makes_them_go_one_by_one(mailbox: Mailbox, hook: Callable[..., None]) -> None:  # noqa: F811
	busy = [frappe.QueryDeadlockError("deadlock")]

	def act(_doc: Document) -> None:
		if busy:
			raise busy.pop()

	hook("Communication", "on_update", of_poison(act))
	mailbox.put(raw("un"), raw("poison"), raw("deux"))
	pull(mailbox)
	assert set(states(mailbox).values()) == {"Processed"}
	assert filed(mailbox) == ["deux", "poison", "un"]


class _Killed(BaseException):
	pass


def test_after_a_cut_they_go_one_by_one_and_the_guilty_is_found(
	mailbox: Mailbox,
	hook: Callable[..., None],  # noqa: F811
	transactions: list[int],
) -> None:
	def kill(_doc: Document) -> None:
		raise _Killed

	hook("Communication", "on_update", of_poison(kill))
	mailbox.put(raw("un"), raw("deux"), raw("poison"), raw("trois"))
	for _attempt in range(process.MOST_CUTS + 1):
		with pytest.raises(_Killed):
			pull(mailbox)
		frappe.db.rollback()
	assert set(transactions) == {1}
	pull(mailbox)
	assert states(mailbox) == {"un": "Processed", "deux": "Processed", None: "Failed", "trois": "Processed"}
	assert filed(mailbox) == ["deux", "trois", "un"]


def test_a_body_is_sanitised_once_unless_another_app_touched_it(mailbox: Mailbox, hook: Callable[..., None]) -> None:  # noqa: F811
	def act(doc: Document) -> None:
		doc.content += "<p onclick='x()'>of the other app</p><script>y()</script>"

	hook("Communication", "before_insert", of_poison(act))
	mailbox.put(raw("poison", body="Un texte.\n"), raw("un", body="Un autre & un < deux.\n"))
	pull(mailbox)
	poison, plain = (frappe.db.get_value("Communication", row.communication, "content") for row in journal(mailbox))
	assert "of the other app" in poison and "Un texte." in poison and "onclick" not in poison and "<script" not in poison
	assert "Un autre &amp; un &lt; deux." in plain


def test_pictures_are_looked_for_once_the_mail_is_filed(
	make_mailbox: Callable[..., Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
	mailbox = make_mailbox(append_to=None, create_contact=1)
	asked: list[str] = []
	monkeypatch.setattr(contacts, "find_picture", lambda one: asked.append(one) or f"https://pictures.test/{one}")
	monkeypatch.setattr(contacts, "picture_finder", lambda: contacts.find_picture)
	queued: list[dict] = []
	monkeypatch.setattr(frappe, "enqueue", lambda _function, **given: queued.append(given))
	sender = address()
	mailbox.put(raw("Bonjour", sender=sender))
	pull(mailbox)
	assert asked == []
	made = [name for one in queued for name in one.get("contacts", ())]
	assert made == [frappe.db.get_value("Contact Email", {"email_id": sender}, "parent")]
	contacts.find_pictures([*made, "no contact of this name"])
	contacts.find_pictures(made)
	assert asked == [sender]
	assert frappe.db.get_value("Contact", made[0], "image") == f"https://pictures.test/{sender}"


def test_copies_that_two_processes_store_at_the_same_time_know_of_each_other(
	make_mailbox: Callable[..., Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(outcome, "find_copies", lambda *_given: Copies())  # neither sees what the other has not committed
	one, two = make_mailbox(append_to=None), make_mailbox(append_to=None)
	same = raw("à deux comptes", message_id=f"{_fresh()}@client.test")
	for mailbox in (one, two):
		mailbox.put(raw("une autre"), same)
		pull(mailbox)
	first, second = (next(row for row in journal(mailbox) if row.subject == "à deux comptes") for mailbox in (one, two))
	assert (first.other_copy, second.other_copy) == (second.name, first.name)
	assert [row.other_copy for row in journal(two) if row.subject == "une autre"] == [None]


@pytest.mark.usefixtures("site")
def test_what_is_surely_absent() -> None:
	there, missing = f"Da-{_fresh()}@client.test", f"nicht-{_fresh()}@client.test"
	contact = frappe.get_doc({"doctype": "Contact", "first_name": "Da", "email_ids": [{"email_id": there, "is_primary": 1}]})
	contact.insert(ignore_permissions=True)
	absent = Absent()
	assert not absent.holds("Contact Email", "email_id", missing)
	absent.look_up("Contact Email", "email_id", [there.lower(), there, missing, None, ""])
	assert absent.holds("Contact Email", "email_id", missing.upper())
	assert not absent.holds("Contact Email", "email_id", there)
	assert not absent.holds("Contact Email", "email_id", None)
	assert absent.without("Contact Email", "email_id", [there, missing]) == [there]
	absent.forget([missing], "Email Account")
	assert absent.holds("Contact Email", "email_id", missing)
	absent.forget([missing.title()], "Contact Email")
	assert not absent.holds("Contact Email", "email_id", missing)
	frappe.db.rollback()


@pytest.mark.usefixtures("site")
def test_nothing_is_sure_where_the_database_takes_two_values_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(frappe, "get_all", lambda *_given, **_named: ["jean@client.test"])
	absent = Absent()
	absent.look_up("Contact Email", "email_id", ["jéan@client.test", "paul@client.test"])
	assert not absent.holds("Contact Email", "email_id", "paul@client.test")
