"""An account is given another mailbox, or its mailbox another server: what is new is taken, what is old is not taken for new.

UIDs tell nothing of it: servers give many mailboxes the same UIDVALIDITY.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe
import pytest

from dokos_mail.inbound import moved
from mail_servers.dovecot import Dovecot
from tests.app.test_pull import journal, pull
from tests.mailbox import PASSWORD, Mailbox, new_user, raw

VALIDITY = 14


def give(mailbox: Mailbox, **values: object) -> None:
	"""As an administrator changes the account."""
	account = frappe.get_doc("Email Account", mailbox.account)
	account.update(values)
	account.save()
	frappe.db.commit()


def give_login(mailbox: Mailbox, user: str) -> Mailbox:
	"""The account reads another user's mailbox from now on."""
	give(mailbox, login_id_is_different=1, login_id=user, password=PASSWORD)
	return Mailbox(mailbox.server, user, mailbox.account)


def subjects(mailbox: Mailbox) -> list[str]:
	return sorted(row.subject for row in journal(mailbox) if row.state == "Processed")


def read_before(mailbox: Mailbox, count: int = 3) -> None:
	mailbox.server.change_uidvalidity(mailbox.user, VALIDITY)
	mailbox.put(*(raw(f"avant {number}") for number in range(count)))
	pull(mailbox)
	assert len(journal(mailbox)) == count


@pytest.mark.parametrize("validity", [VALIDITY, VALIDITY + 1])
def test_another_mailbox_is_read_as_a_new_account_would(
	make_mailbox: Callable[..., Mailbox], dovecot: Dovecot, validity: int
) -> None:
	mailbox = make_mailbox(email_sync_option="UNSEEN")
	read_before(mailbox)
	other = give_login(mailbox, new_user(dovecot))
	dovecot.change_uidvalidity(other.user, validity)
	other.put(*(raw(f"lu il y a longtemps {number}") for number in range(5)), flags=("\\Seen",))
	other.put(raw("non lu"))
	pull(other)
	assert subjects(other) == ["avant 0", "avant 1", "avant 2", "non lu"]
	other.put(raw("nouveau"), flags=("\\Seen",))
	pull(other)
	assert subjects(other) == ["avant 0", "avant 1", "avant 2", "non lu", "nouveau"]


def test_what_another_mailbox_held_below_the_last_uid_is_read(make_mailbox: Callable[..., Mailbox], dovecot: Dovecot) -> None:
	mailbox = make_mailbox(email_sync_option="ALL")
	read_before(mailbox)
	other = give_login(mailbox, new_user(dovecot))
	dovecot.change_uidvalidity(other.user, VALIDITY)
	other.put(*(raw(f"ailleurs {number}") for number in range(4)))
	pull(other)
	assert subjects(other) == [*(f"ailleurs {number}" for number in range(4)), *(f"avant {number}" for number in range(3))]


def test_the_same_mailbox_by_another_name_goes_on(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(email_sync_option="ALL")
	read_before(mailbox)
	give(mailbox, email_server="localhost")
	mailbox.put(raw("après"))
	pull(mailbox)
	assert [row.state for row in journal(mailbox)] == ["Processed"] * 4
	assert subjects(mailbox)[0] == "après"


def test_what_was_to_be_marked_in_one_mailbox_is_not_marked_in_another(
	make_mailbox: Callable[..., Mailbox], dovecot: Dovecot
) -> None:
	mailbox = make_mailbox(email_sync_option="ALL", mark_as_read=1)
	read_before(mailbox)
	frappe.db.set_value("Incoming Email", {"email_account": mailbox.account}, "acknowledged", 0)
	other = give_login(mailbox, new_user(dovecot))
	give(other, mark_as_read=0)
	dovecot.change_uidvalidity(other.user, VALIDITY)
	other.put(*(raw(f"ailleurs {number}") for number in range(4)))
	pull(other)
	give(other, mark_as_read=1)
	pull(other)
	assert all("\\Seen" not in flags for flags in other.flags().values())


@pytest.mark.parametrize(
	("found", "known", "same_uidvalidity", "other_login", "decided"),
	[
		({4, 5}, {3, 4, 5}, True, True, moved.SAME),
		({14, 15}, {4, 5}, True, True, moved.RENUMBERED),
		({4, 5}, {4, 5}, False, True, moved.RENUMBERED),
		(set(), {4, 5}, True, False, moved.RENUMBERED),
		(set(), {4, 5}, False, False, moved.RENUMBERED),
		(set(), {4, 5}, True, True, moved.ANOTHER),
		(set(), set(), False, True, moved.ANOTHER),
	],
)
def test_what_it_is(found: Any, known: Any, same_uidvalidity: bool, other_login: bool, decided: str) -> None:
	assert moved.decide(found, known, same_uidvalidity, other_login) == decided
