"""Read and unread, both ways: what a user does in the desk, and what the phone did."""

from __future__ import annotations

from collections.abc import Callable

import frappe
import pytest

from dokos_mail.api import mark_as_read_or_unread
from dokos_mail.engine.receive.imap import ImapSession
from dokos_mail.inbound import read_status
from dokos_mail.jobs import pull_account
from tests.mailbox import Mailbox, raw

SEEN = "\\Seen"


@pytest.fixture
def mailbox(make_mailbox: Callable[..., Mailbox]) -> Mailbox:
	return make_mailbox(append_to="Opportunity")


def pull(mailbox: Mailbox) -> None:
	result = pull_account(mailbox.account)
	assert result is not None
	assert result.error is None


def emails(mailbox: Mailbox) -> list[frappe._dict]:
	"""The Communications of a mailbox, oldest first."""
	return frappe.get_all(
		"Communication",
		filters={"email_account": mailbox.account},
		fields=["name", "seen", "uid", "subject"],
		order_by="uid asc",
	)


def read_in_mailbox(mailbox: Mailbox, folder: str = "INBOX") -> list[bool]:
	return [SEEN in flags for _uid, flags in sorted(mailbox.flags(folder).items())]


def waiting(mailbox: Mailbox) -> int:
	return frappe.db.count("Email Flag Queue", {"email_account": mailbox.account})


def test_it_is_on_for_new_accounts_and_changes_nothing_by_itself(mailbox: Mailbox) -> None:
	assert frappe.db.get_value("Email Account", mailbox.account, "keep_read_status") == 1
	mailbox.put(raw("un"), raw("deux"))
	pull(mailbox)
	pull(mailbox)
	assert read_in_mailbox(mailbox) == [False, False]
	assert [email.seen for email in emails(mailbox)] == [0, 0]


def test_what_a_user_reads_is_read_in_the_mailbox(mailbox: Mailbox) -> None:
	mailbox.put(raw("un"), raw("deux"), raw("trois"))
	pull(mailbox)
	first, second, _third = emails(mailbox)
	mark_as_read_or_unread(frappe.as_json([first.name, second.name]), "Read")
	assert [email.seen for email in emails(mailbox)] == [1, 1, 0]
	pull(mailbox)
	assert read_in_mailbox(mailbox) == [True, True, False]
	assert waiting(mailbox) == 0
	mark_as_read_or_unread([second.name], "Unread")
	pull(mailbox)
	pull(mailbox)
	assert read_in_mailbox(mailbox) == [True, False, False]
	assert [email.seen for email in emails(mailbox)] == [1, 0, 0]


def test_what_is_read_is_carried_at_once(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	"""A pull is made for it, after the commit; none while the account rests after a failure, which would only fail again."""
	mailbox.put(raw("un"), raw("deux"))
	pull(mailbox)
	asked: list[tuple[str, bool]] = []
	monkeypatch.setattr(
		"dokos_mail.jobs.enqueue_pull", lambda name, enqueue_after_commit=False: asked.append((name, enqueue_after_commit))
	)
	first, second = emails(mailbox)
	mark_as_read_or_unread([first.name], "Read")
	assert asked == [(mailbox.account, True)]
	monkeypatch.setattr("dokos_mail.inbound.account.is_due", lambda _name: False)
	mark_as_read_or_unread([second.name], "Read")
	assert asked == [(mailbox.account, True)]


def test_opening_an_email_reads_it(mailbox: Mailbox) -> None:
	mailbox.put(raw("un"), raw("deux"))
	pull(mailbox)
	first, _second = emails(mailbox)
	frappe.get_doc("Communication", first.name).run_method("onload")
	frappe.db.commit()
	pull(mailbox)
	assert [email.seen for email in emails(mailbox)] == [1, 0]
	assert read_in_mailbox(mailbox) == [True, False]


def test_what_the_phone_reads_is_read_here(mailbox: Mailbox) -> None:
	uids = mailbox.put(raw("un"), raw("deux"), raw("trois"))
	pull(mailbox)
	mailbox.server.set_flags(mailbox.user, uids[1:], SEEN)
	pull(mailbox)
	assert [email.seen for email in emails(mailbox)] == [0, 1, 1]
	mailbox.server.set_flags(mailbox.user, uids[1:2], SEEN, remove=True)
	pull(mailbox)
	assert [email.seen for email in emails(mailbox)] == [0, 0, 1]


def test_where_both_changed_the_desk_wins(mailbox: Mailbox) -> None:
	uids = mailbox.put(raw("un"))
	pull(mailbox)
	mailbox.server.set_flags(mailbox.user, uids, SEEN)
	pull(mailbox)
	(email,) = emails(mailbox)
	mark_as_read_or_unread([email.name], "Unread")
	mailbox.server.set_flags(mailbox.user, uids, "\\Flagged")
	pull(mailbox)
	assert read_in_mailbox(mailbox) == [False]
	assert emails(mailbox)[0].seen == 0


def test_marking_after_import_is_not_reading(make_mailbox: Callable[..., Mailbox]) -> None:
	"""The mailbox is marked because the account asks for it; here nobody has read anything."""
	mailbox = make_mailbox(mark_as_read=1)
	mailbox.put(raw("un"), raw("deux"))
	pull(mailbox)
	pull(mailbox)
	assert read_in_mailbox(mailbox) == [True, True]
	assert [email.seen for email in emails(mailbox)] == [0, 0]


def test_nothing_goes_either_way_when_the_account_does_not_ask(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(keep_read_status=0)
	uids = mailbox.put(raw("un"), raw("deux"))
	pull(mailbox)
	first, _second = emails(mailbox)
	mark_as_read_or_unread([first.name], "Read")
	assert waiting(mailbox) == 0, "what is never carried would pile up"
	mailbox.server.set_flags(mailbox.user, uids[1:], SEEN)
	pull(mailbox)
	assert read_in_mailbox(mailbox) == [False, True]
	assert [email.seen for email in emails(mailbox)] == [1, 0]


def test_every_copy_in_every_folder(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(imap_folder=[{"folder_name": "INBOX"}, {"folder_name": "Éléments"}])
	mailbox.server.create_folder(mailbox.user, "Éléments")
	twice = raw("en double")
	mailbox.put(twice)
	mailbox.put(twice, folder="Éléments")
	pull(mailbox)
	(email,) = emails(mailbox)
	mark_as_read_or_unread([email.name], "Read")
	pull(mailbox)
	assert read_in_mailbox(mailbox) == read_in_mailbox(mailbox, "Éléments") == [True]


def test_a_renumbered_folder(mailbox: Mailbox) -> None:
	mailbox.put(raw("un"), raw("deux"))
	pull(mailbox)
	first, _second = emails(mailbox)
	mailbox.server.change_uidvalidity(mailbox.user, 4242)
	mark_as_read_or_unread([first.name], "Read")
	pull(mailbox)
	assert read_in_mailbox(mailbox) == [True, False]


def test_cut_between_server_and_journal_it_is_done_again(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	mailbox.put(raw("un"), raw("deux"))
	pull(mailbox)
	first, _second = emails(mailbox)
	mark_as_read_or_unread([first.name], "Read")
	frappe.db.commit()

	def power_cut(*_arguments: object) -> None:
		raise KeyboardInterrupt

	with monkeypatch.context() as patched:
		patched.setattr(read_status, "_note", power_cut)
		with pytest.raises(KeyboardInterrupt):
			pull_account(mailbox.account)
	assert read_in_mailbox(mailbox) == [True, False]
	assert waiting(mailbox) == 1
	pull(mailbox)
	assert waiting(mailbox) == 0
	assert [email.seen for email in emails(mailbox)] == [1, 0]
	assert read_in_mailbox(mailbox) == [True, False]


def test_flags_are_not_read_again_while_nothing_changes(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	mailbox.put(raw("un"))
	pull(mailbox)
	pull(mailbox)
	asked = []
	flags = ImapSession.flags
	monkeypatch.setattr(ImapSession, "flags", lambda *words: asked.append(words[1:]) or flags(*words))
	pull(mailbox)
	assert asked == []
	mailbox.server.set_flags(mailbox.user, mailbox.server.uids(mailbox.user), SEEN)
	pull(mailbox)
	((low, since),) = asked
	assert since
	assert low == mailbox.server.uids(mailbox.user)[0]


def test_only_who_may_read_an_email_marks_it(mailbox: Mailbox) -> None:
	mailbox.put(raw("secret"))
	pull(mailbox)
	(email,) = emails(mailbox)
	frappe.set_user("Guest")
	try:
		with pytest.raises(frappe.PermissionError):
			mark_as_read_or_unread([email.name], "Read")
	finally:
		frappe.set_user("Administrator")
	assert emails(mailbox)[0].seen == 0
