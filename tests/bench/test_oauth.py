"""An account that logs in by OAuth: the host's Connected App has its token, the host's class receives with it, and we
send with it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import frappe
import pytest

from dokos_mail import jobs
from mail_servers.dovecot import Dovecot
from mail_servers.smtp_faults import FaultySmtp
from tests.mailbox import Mailbox, account_values, new_user, raw
from tests.outbound.conftest import smtp

__all__ = ["smtp"]

CORE = "frappe.email.doctype.email_account.email_account"
TOKEN = "jeton-1"


@pytest.fixture
def oauth_server(tmp_path: Path) -> Iterator[Dovecot]:
	"""Takes a user's token where other servers take the password."""
	with Dovecot(tmp_path / "dovecot", extra="auth_mechanisms = plain xoauth2") as server:
		yield server


@pytest.fixture
def sender(smtp: Callable[..., FaultySmtp]) -> FaultySmtp:
	"""Takes nothing but that token."""

	def login(mechanism: str, said: list[bytes]) -> bool:
		return mechanism == "XOAUTH2" and said[0] == b64encode(f"user={login.user}\1auth=Bearer {TOKEN}\1\1".encode())

	return smtp(login=login)


@pytest.fixture
def mailbox(site: object, oauth_server: Dovecot, sender: FaultySmtp) -> Iterator[Mailbox]:
	"""An account whose user has authorised the site at the provider: no password anywhere."""
	user = new_user(oauth_server)
	oauth_server.add_user(user, TOKEN)
	sender.login.user = user
	app = frappe.get_doc({"doctype": "Connected App", "provider_name": f"Provider {uuid4().hex[:6]}"}).insert().name
	token = {"access_token": TOKEN, "refresh_token": "r", "expires_in": 3600, "token_type": "Bearer"}
	about = {"user": "Administrator", "connected_app": app}
	cache = frappe.get_doc({"doctype": "Token Cache", **about, **token}).insert()
	oauth = {"auth_method": "OAuth", "connected_app": app, "connected_user": "Administrator", "password": None}
	sends = {"enable_outgoing": 1, "smtp_server": sender.host, "smtp_port": str(sender.port)}
	folder = {"imap_folder": [{"folder_name": "INBOX"}], "email_sync_option": "UNSEEN"}
	account = frappe.get_doc(account_values(oauth_server, user, **oauth, **sends, **folder)).insert()
	frappe.db.commit()
	yield Mailbox(oauth_server, user, account.name)
	frappe.db.rollback()
	frappe.db.set_value("Email Account", account.name, {"enable_incoming": 0, "enable_outgoing": 0, "connected_app": None})
	for row in frappe.get_all("Email Queue", filters={"email_account": account.name}, pluck="name"):
		frappe.delete_doc("Email Queue", row, force=True)
	frappe.delete_doc("Token Cache", cache.name, force=True)
	frappe.delete_doc("Connected App", app, force=True)
	frappe.db.commit()


def received(mailbox: Mailbox) -> list[str]:
	frappe.db.rollback()
	filters = {"email_account": mailbox.account, "sent_or_received": "Received"}
	return frappe.get_all("Communication", filters=filters, pluck="subject", order_by="creation asc")


def test_the_hosts_class_receives_it(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	mailbox.put(raw("par OAuth"))
	pulled: list[str] = []
	monkeypatch.setattr(jobs, "enqueue_pull", pulled.append)
	jobs.pull_mailboxes()
	assert mailbox.account not in pulled, "our jobs leave it alone"
	frappe.get_attr(f"{CORE}.pull_from_email_account")(mailbox.account)
	assert received(mailbox) == ["par OAuth"]
	frappe.get_attr(f"{CORE}.pull_from_email_account")(mailbox.account)
	assert received(mailbox) == ["par OAuth"]


def test_a_changed_token_is_used_at_once(mailbox: Mailbox) -> None:
	"""The host refreshes it; nobody saves the account then."""
	frappe.get_attr(f"{CORE}.pull_from_email_account")(mailbox.account)
	mailbox.server.add_user(mailbox.user, "jeton-2")
	mailbox.put(raw("avec un nouveau jeton"))
	account = frappe.get_doc("Email Account", mailbox.account)
	cache = frappe.get_doc("Token Cache", f"{account.connected_app}-{account.connected_user}")
	cache.access_token = "jeton-2"
	cache.save()
	frappe.db.commit()
	frappe.get_attr(f"{CORE}.pull_from_email_account")(mailbox.account)
	assert received(mailbox) == ["avec un nouveau jeton"]


def test_we_send_with_the_token(mailbox: Mailbox, sender: FaultySmtp) -> None:
	frappe.sendmail(recipients=["b@there.test"], sender=mailbox.user, subject="Par OAuth", message="<p>Corps</p>")
	frappe.db.commit()
	jobs.send_account_mail(mailbox.account)
	[accepted] = sender.accepted
	assert (accepted.sender, accepted.recipients) == (mailbox.user, ("b@there.test",))


def test_it_is_saved_without_a_password(mailbox: Mailbox) -> None:
	account = frappe.get_doc("Email Account", mailbox.account)
	account.save()
	assert (account.awaiting_password, account.get_password("password", raise_exception=False)) == (0, None)
