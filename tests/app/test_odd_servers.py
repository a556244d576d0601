"""IMAP servers that renumber, interrupt, forget and say goodbye: each message becomes one Communication all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import frappe
import pytest

from dokos_mail.jobs import pull_account
from mail_servers.faults import Faults, FaultyImap
from tests.app.test_pull import journal
from tests.mailbox import Mailbox, raw

Make = Callable[..., Mailbox]


def crlf(message: bytes) -> bytes:
	return message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@pytest.fixture
def odd() -> Iterator[FaultyImap]:
	with FaultyImap({uid: crlf(raw(f"objet {uid}")) for uid in range(1, 6)}) as server:
		yield server


@pytest.fixture
def mailbox(make_mailbox: Make, odd: FaultyImap) -> Mailbox:
	return make_mailbox(append_to="Opportunity", incoming_port=str(odd.port))


def pulled(mailbox: Mailbox) -> list[str]:
	"""Pull without an error; the subjects of all Communications there are then, in the order in which they were made."""
	result = pull_account(mailbox.account)
	assert result is not None
	assert result.error is None, result.error
	rows = journal(mailbox, state="Processed")
	assert len({row.communication for row in rows}) == len(rows)
	assert len(rows) == frappe.db.count("Communication", {"email_account": mailbox.account})
	return [row.subject for row in rows]


def rest_over(mailbox: Mailbox) -> None:
	frappe.db.set_value("Email Account Status", {"email_account": mailbox.account}, "next_attempt", None)
	frappe.db.commit()


#: A date that any mail may have, of whatever age the folder is.
OLD = "Mon, 02 Nov 2015 09:30:00 +0100"
FIVE = [f"objet {uid}" for uid in range(1, 6)]


def test_uidvalidity_that_changes_at_every_pull(mailbox: Mailbox, odd: FaultyImap) -> None:
	assert pulled(mailbox) == FIVE
	for turn in range(1, 5):
		odd.uidvalidity += 10
		# Other numbers for the same messages, and a new one among them.
		odd.messages = dict(enumerate([*odd.messages.values(), crlf(raw(f"tour {turn}", date=OLD))], 100 * turn))
		assert pulled(mailbox)[5:] == [f"tour {n}" for n in range(1, turn + 1)]
	odd.messages[900] = crlf(raw("dernier"))
	assert pulled(mailbox)[-1] == "dernier"


def test_old_mail_of_a_renumbered_folder_that_was_never_wanted(make_mailbox: Make, odd: FaultyImap) -> None:
	"""What the first synchronisation left out stays out, and what was copied in since comes, whatever its date."""
	mailbox = make_mailbox(append_to="Opportunity", incoming_port=str(odd.port), email_sync_option="UNSEEN")
	odd.flags = {1: {"\\Seen"}, 2: {"\\Seen"}}
	assert pulled(mailbox) == FIVE[2:]
	odd.uidvalidity += 10
	assert pulled(mailbox) == FIVE[2:]
	odd.messages = {uid + 10: message for uid, message in odd.messages.items()} | {16: crlf(raw("ancien", date=OLD))}
	odd.uidvalidity += 10
	assert pulled(mailbox) == FIVE[2:]
	assert {row.subject for row in journal(mailbox, state="Ignored")} == {*FIVE[:2], "ancien"}
	odd.messages[17] = crlf(raw("nouveau", date=OLD))
	assert pulled(mailbox) == [*FIVE[2:], "nouveau"]


def test_uids_that_go_back_under_the_same_uidvalidity(mailbox: Mailbox, odd: FaultyImap) -> None:
	assert pulled(mailbox) == FIVE
	odd.messages = {1: crlf(raw("après la restauration", date=OLD)), 2: odd.messages[1]}
	assert pulled(mailbox) == [*FIVE, "après la restauration"]
	odd.messages[3] = crlf(raw("ensuite"))
	assert pulled(mailbox)[-1] == "ensuite"


def test_uidnext_that_is_never_told(mailbox: Mailbox, odd: FaultyImap) -> None:
	odd.faults = Faults(no_uidnext=True)
	assert pulled(mailbox) == FIVE
	assert pulled(mailbox) == FIVE
	odd.messages[9] = crlf(raw("neuf"))
	assert pulled(mailbox) == [*FIVE, "neuf"]
	# The last message is gone, and `n:*` finds the one before it.
	del odd.messages[9]
	assert pulled(mailbox) == [*FIVE, "neuf"]


def test_uidvalidity_that_is_never_told(mailbox: Mailbox, odd: FaultyImap) -> None:
	"""Such a server promises nothing of its UIDs: what it says of them is taken at its word, and content tells the rest."""
	odd.faults = Faults(no_uidvalidity=True)
	assert pulled(mailbox) == FIVE
	assert pulled(mailbox) == FIVE
	odd.messages[9] = crlf(raw("neuf"))
	assert pulled(mailbox) == [*FIVE, "neuf"]
	# None was read twice.
	assert len(journal(mailbox)) == 6
	# Counted anew.
	odd.messages = {1: odd.messages[9], 2: crlf(raw("recompté"))}
	assert pulled(mailbox) == [*FIVE, "neuf", "recompté"]
	# It says it after all, and no more, and again: nothing is lost, nothing is there twice.
	odd.faults = Faults()
	odd.messages[3] = crlf(raw("dit"))
	assert pulled(mailbox)[7:] == ["dit"]
	odd.faults = Faults(no_uidvalidity=True)
	odd.messages[4] = crlf(raw("tu"))
	assert pulled(mailbox)[7:] == ["dit", "tu"]
	assert journal(mailbox, state="Unfetched") == journal(mailbox, state="Failed") == []


@pytest.mark.parametrize("keep", [0, 1], ids=["alone", "read status both ways"])
def test_uids_up_to_the_last_there_can_be(make_mailbox: Make, odd: FaultyImap, keep: int) -> None:
	values = {"mark_as_read": keep, "keep_read_status": keep}
	mailbox = make_mailbox(append_to="Opportunity", incoming_port=str(odd.port), **values)
	largest = 2**32 - 1
	odd.messages = {largest - 7 + uid: message for uid, message in odd.messages.items()}
	assert pulled(mailbox) == FIVE
	# No integer column of the hosts holds them: the journal does.
	assert [row.uid for row in journal(mailbox)] == [str(uid) for uid in range(largest - 6, largest - 1)]
	odd.messages[largest] = crlf(raw("le dernier"))
	odd.faults = Faults(no_uidnext=True)
	assert pulled(mailbox) == [*FIVE, "le dernier"]
	# There can be none above it, and nothing is asked for that no server understands.
	assert pulled(mailbox) == [*FIVE, "le dernier"]
	assert frappe.db.get_value("Email Folder", {"email_account": mailbox.account}, "last_uid") == str(largest)
	assert all(("\\Seen" in odd.flags.get(uid, ())) is bool(keep) for uid in odd.messages)
	odd.uidvalidity, odd.faults = 8, Faults()
	odd.messages = {1: odd.messages[largest], 2: crlf(raw("renuméroté"))}
	assert pulled(mailbox) == [*FIVE, "le dernier", "renuméroté"]


def test_folders_that_share_their_numbers(make_mailbox: Make, odd: FaultyImap) -> None:
	"""Each folder has UIDs of its own, and some servers give all of them one UIDVALIDITY."""
	rows = [{"folder_name": name} for name in ("INBOX", "Autre")]
	mailbox = make_mailbox(append_to="Opportunity", incoming_port=str(odd.port), imap_folder=rows)
	odd.folders += (b'(\\HasNoChildren) "/" Autre',)
	assert pulled(mailbox) == FIVE
	seen = {folder: [row.uid for row in journal(mailbox, folder=folder)] for folder in ("INBOX", "Autre")}
	assert seen == {"INBOX": ["1", "2", "3", "4", "5"], "Autre": ["1", "2", "3", "4", "5"]}


@pytest.mark.parametrize(
	"faults",
	[
		Faults(chatter=True),
		Faults(chatter=True, backwards=True, uid_last=True),
		Faults(
			before={"UID FETCH": [b"* 9 EXISTS", b"* 2 EXPUNGE", b"* 1 FETCH (FLAGS (\\Seen))"], "UID SEARCH": [b"* 7 EXISTS"]}
		),
		Faults(flaky=frozenset({2, 4})),
	],
	ids=["chatter", "backwards", "exists and expunge", "refused together"],
)
def test_whatever_is_said_in_between(mailbox: Mailbox, odd: FaultyImap, faults: Faults) -> None:
	odd.faults = faults
	assert sorted(pulled(mailbox)) == FIVE
	assert {row.uid: row.subject for row in journal(mailbox)} == {str(uid): f"objet {uid}" for uid in range(1, 6)}
	assert sorted(pulled(mailbox)) == FIVE


def test_messages_that_vanish_between_search_and_fetch(mailbox: Mailbox, odd: FaultyImap) -> None:
	odd.faults = Faults(vanishing=frozenset({2, 5}))
	assert pulled(mailbox) == ["objet 1", "objet 3", "objet 4"]
	assert journal(mailbox, state="Unfetched") == []
	odd.faults = Faults()
	odd.messages[6] = crlf(raw("neuf"))
	assert pulled(mailbox)[-1] == "neuf"


@pytest.mark.parametrize("command", ["CAPABILITY", "AUTHENTICATE", "EXAMINE", "UID SEARCH", "UID FETCH", "SELECT", "UID STORE"])
@pytest.mark.parametrize("way", ["bye", "cut"])
def test_goodbye_at_any_moment_costs_nothing(make_mailbox: Make, odd: FaultyImap, command: str, way: str) -> None:
	mailbox = make_mailbox(append_to="Opportunity", incoming_port=str(odd.port), mark_as_read=1)
	odd.faults = Faults(bye_at={command: b"shutting down"}) if way == "bye" else Faults(close_at=frozenset({command}))
	result = pull_account(mailbox.account)
	assert result.error is not None
	assert result.error.retry
	assert frappe.db.get_value("Email Account", mailbox.account, "enable_incoming") == 1
	odd.faults = Faults()
	rest_over(mailbox)
	assert pulled(mailbox) == FIVE
	assert all("\\Seen" in odd.flags.get(uid, ()) for uid in odd.messages)


def test_a_login_that_is_throttled_waits_and_says_since_when(mailbox: Mailbox, odd: FaultyImap) -> None:
	odd.faults = Faults(answers={"AUTHENTICATE": b"NO [LIMIT] Too many simultaneous connections"})
	since = None
	for failures in range(1, 5):
		assert pull_account(mailbox.account).error.kind == "throttled"
		said = frappe.db.get_value("Email Account Status", {"email_account": mailbox.account}, "*", as_dict=True)
		assert (said.state, said.failures) == ("Failing", failures)
		assert said.next_attempt > said.last_pull
		since = since or said.failing_since
		assert said.failing_since == since
	odd.faults = Faults()
	assert pulled(mailbox) == FIVE
	said = frappe.db.get_value("Email Account Status", {"email_account": mailbox.account}, "*", as_dict=True)
	assert (said.state, said.failing_since, said.failures) == ("Working", None, 0)
