"""The host's own ways past us: what the desk asks by the host's names, and what the host guesses from addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import frappe
import pytest

from dokos_mail import asked_of_core, host
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


@pytest.fixture
def sending(make_mailbox: Callable[..., Mailbox]) -> Mailbox:
	"""An account that sends, makes contacts, and links mail with documents."""
	sends = {"enable_outgoing": 1, "smtp_server": "smtp.masociete.test", "no_smtp_authentication": 1}
	return make_mailbox(enable_automatic_linking=1, create_contact=1, **sends)


def test_nor_does_an_answer_to_it(sending: Mailbox) -> None:
	"""A user answers whoever wrote: the address that a stranger chose is then one of the recipients."""
	tag = frappe.generate_hash(length=8)
	target = frappe.get_doc({"doctype": "Contact", "first_name": tag}).insert()
	recipients = f"x+Contact={target.name}@b.test, x+Contact+{target.name}@b.test"
	sent = {"communication_medium": "Email", "sent_or_received": "Sent", "email_account": sending.account}
	mail = frappe.get_doc({"doctype": "Communication", "subject": tag, "recipients": recipients, **sent}).insert()
	for _saved in ("inserted", "saved again"):
		assert (mail.reference_doctype or None, mail.reference_name or None) == (None, None)
		assert target.name not in [link.link_name for link in mail.timeline_links]
		mail = frappe.get_doc("Communication", mail.name)
		mail.save()
	frappe.db.rollback()


def test_whom_we_write_to_is_a_contact(sending: Mailbox) -> None:
	"""Once, when it is written, and persons only: neither robots nor our own mailboxes nor documents' addresses."""
	tag = frappe.generate_hash(length=8)
	known = frappe.get_doc({"doctype": "Contact", "first_name": tag, "email_ids": [{"email_id": f"known.{tag}@a.test"}]}).insert()
	local, _at, domain = sending.user.partition("@")
	to = f'"Anna {tag}" <{tag}@a.test>, KNOWN.{tag}@a.test'
	cc = f"no-reply@{tag}.test, {sending.user}, {local}+{'a' * 16}@{domain}"
	sent = {"communication_medium": "Email", "sent_or_received": "Sent", "email_account": sending.account}
	mail = frappe.get_doc({"doctype": "Communication", "subject": tag, "recipients": to, "cc": cc, **sent}).insert()
	made = frappe.get_all("Contact Email", filters={"email_id": f"{tag}@a.test"}, pluck="parent")
	linked = {link.link_name for link in mail.timeline_links if link.link_doctype == "Contact"}
	assert len(made) == 1 and linked == {*made, known.name}
	for address in (f"no-reply@{tag}.test", sending.user, f"{local}+{'a' * 16}@{domain}"):
		assert not frappe.db.exists("Contact Email", {"email_id": address}), address
	mail.recipients += f", later.{tag}@a.test"
	mail.save()
	assert not frappe.db.exists("Contact Email", {"email_id": f"later.{tag}@a.test"}), "a later save makes none"
	frappe.db.rollback()


@pytest.fixture
def accounts(make_mailbox: Callable[..., Mailbox]) -> Iterator[dict[str, Mailbox]]:
	"""Four that receive by IMAP: one feeds Opportunity by its folder, one is the default, the first and the last are neither."""
	others = frappe.get_all("Email Account", filters={"default_incoming": 1}, pluck="name")
	made = {
		"aaa": make_mailbox(),
		"feeding": make_mailbox(imap_folder=[{"folder_name": "INBOX", "append_to": "Opportunity"}]),
		"default": make_mailbox(default_incoming=1),
		"zzz": make_mailbox(),
	}
	yield made
	frappe.db.rollback()
	frappe.db.set_value("Email Account", made["default"].account, "default_incoming", 0)
	for name in others:
		frappe.db.set_value("Email Account", name, "default_incoming", 1)
	frappe.db.commit()


def found_by_the_host(**asked: str | None) -> str | None:
	"""The address of the account that the host's Communication finds for replies; None where the host has no finders."""
	if not host.owns_mail():
		return None
	asked_of_core.correct_finders()
	return host.base_class("Email Account").find_incoming(**asked).email_id


def test_replies_go_to_the_default_account(accounts: dict[str, Mailbox]) -> None:
	nobody = "quelqu'un@ailleurs.test"
	expected = {
		accounts["default"].user: {"match_by_email": nobody, "match_by_doctype": None},
		accounts["feeding"].user: {"match_by_email": nobody, "match_by_doctype": "Opportunity"},
		accounts["aaa"].user: {"match_by_email": accounts["aaa"].user, "match_by_doctype": "Opportunity"},
	}
	for address, asked in expected.items():
		assert found_by_the_host(**asked) == (address if host.owns_mail() else None)


def test_an_account_found_before_is_not_the_answer_for_another(make_mailbox: Callable[..., Mailbox]) -> None:
	if not host.owns_mail():
		assert asked_of_core.correct_finders() is None
		return
	sending = {"enable_outgoing": 1, "smtp_server": "smtp.masociete.test", "no_smtp_authentication": 1}
	others = frappe.get_all("Email Account", filters={"default_outgoing": 1}, pluck="name")
	first, other = make_mailbox(**sending, default_outgoing=1), make_mailbox(**sending)
	find = host.base_class("Email Account").find_outgoing
	try:
		assert find(match_by_email="quelqu'un@ailleurs.test").email_id == first.user
		assert find(match_by_email=other.user).email_id == other.user
	finally:
		frappe.db.set_value("Email Account", first.account, "default_outgoing", 0)
		for name in others:
			frappe.db.set_value("Email Account", name, "default_outgoing", 1)
		frappe.db.commit()


def test_a_site_without_the_app_has_the_hosts_own_answers(accounts: dict[str, Mailbox], monkeypatch: pytest.MonkeyPatch) -> None:
	asked_of_core.correct_finders()
	monkeypatch.setattr(frappe, "get_installed_apps", lambda *_args, **_kwargs: ["frappe"])
	if host.owns_mail():
		asked = {"match_by_email": "quelqu'un@ailleurs.test", "match_by_doctype": None}
		assert found_by_the_host(**asked) != accounts["default"].user
