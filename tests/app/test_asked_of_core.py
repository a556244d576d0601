"""The host's own ways past us: what the desk asks by the host's names, and what the host guesses from addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import frappe
import pytest

from tests.app.test_pull import journal, pull
from tests.mailbox import Mailbox, raw

CORE = "frappe.email.doctype.email_account.email_account"
OWNER, OTHER = "titulaire@masociete.test", "collegue@masociete.test"


@pytest.fixture
def users(site: object) -> Iterator[None]:
	for email in (OWNER, OTHER):
		if not frappe.db.exists("User", email):
			values = {"doctype": "User", "email": email, "first_name": "Titulaire", "send_welcome_email": 0}
			frappe.get_doc(values).insert()
	frappe.db.commit()
	yield
	frappe.set_user("Administrator")
	for email in (OWNER, OTHER):
		user = frappe.get_doc("User", email)
		user.set("user_emails", [])
		user.save()
	frappe.db.commit()


@pytest.fixture
def waiting(users: None, make_mailbox: Callable[..., Mailbox]) -> Mailbox:
	"""A mailbox whose account waits for its password, in the inbox of OWNER."""
	mailbox = make_mailbox(awaiting_password=1, password="")
	user = frappe.get_doc("User", OWNER)
	user.append(
		"user_emails", {"email_account": mailbox.account, "email_id": mailbox.user, "awaiting_password": 1, "used_oauth": 0}
	)
	user.save()
	frappe.db.commit()
	return mailbox


def called(name: str) -> Callable[..., object]:
	"""What HTTP reaches under one of the host's names."""
	return frappe.get_attr(frappe.get_hooks("override_whitelisted_methods")[name][-1])


def test_only_its_own_user_gives_an_account_its_password(waiting: Mailbox) -> None:
	set_email_password = called(f"{CORE}.set_email_password")
	for user in (OTHER, "Guest"):
		frappe.set_user(user)
		with pytest.raises(frappe.PermissionError):
			set_email_password(waiting.account, "à moi")
	frappe.set_user(OWNER)
	assert set_email_password(waiting.account, "faux") is False
	assert frappe.db.get_value("Email Account", waiting.account, "awaiting_password") == 1
	right = waiting.server.users[waiting.user]
	assert set_email_password(waiting.account, right) is True
	account = frappe.get_doc("Email Account", waiting.account)
	assert (account.awaiting_password, account.get_password("password")) == (0, right)


def test_only_ones_own_waiting_accounts_are_told(waiting: Mailbox) -> None:
	get_email_awaiting = called("frappe.core.doctype.user.user.get_email_awaiting")
	frappe.set_user(OWNER)
	assert [row.email_account for row in get_email_awaiting(OWNER)] == [waiting.account]
	frappe.set_user(OTHER)
	assert get_email_awaiting(OTHER) == []
	with pytest.raises(frappe.PermissionError):
		get_email_awaiting(OWNER)


def test_append_to_by_the_hosts_name_knows_the_hooks(site: object) -> None:
	assert ["Opportunity"] in called(f"{CORE}.get_append_to")("DocType", "opportu", "name", 0, 20, None)


def test_the_button_pulls_in_the_background(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	asked: list[str] = []
	monkeypatch.setattr("dokos_mail.api.enqueue_pull", asked.append)
	called(f"{CORE}.pull_emails")(mailbox.account)
	assert asked == [mailbox.account]


def test_an_address_that_anybody_can_write_links_to_nothing(make_mailbox: Callable[..., Mailbox]) -> None:
	"""The host's automatic linking takes any `x+DocType=Name@anywhere` in To, Cc and Bcc at its word."""
	mailbox = make_mailbox(enable_automatic_linking=1, create_contact=1)
	target = frappe.get_doc({"doctype": "Contact", "first_name": frappe.generate_hash(length=8)}).insert()
	frappe.db.commit()
	tag = frappe.generate_hash(length=8)
	sender, others = f"{tag}@client.test", [f"{tag}+Contact={target.name}@b.test", f"{tag}+Contact+{target.name}@b.test"]
	to = ", ".join([*others, f"{tag}@b.test"])

	def contacts() -> list[str]:
		return frappe.get_all("Contact Email", filters={"email_id": ("like", f"{tag}%")}, pluck="email_id")

	mailbox.put(raw("lié", sender=sender, to=to))
	pull(mailbox)
	(row,) = journal(mailbox)
	mail = frappe.get_doc("Communication", row.communication)
	assert (mail.reference_doctype or None, mail.reference_name or None) == (None, None)
	assert target.name not in [link.link_name for link in mail.timeline_links]
	assert contacts() == [sender], "the sender's alone"
	frappe.get_doc("Communication", mail.name).save()
	mail.reload()
	assert (mail.reference_doctype or None, mail.reference_name or None) == (None, None)
	assert target.name not in [link.link_name for link in mail.timeline_links]
	assert contacts() == [sender], "nor does a later save make others"
