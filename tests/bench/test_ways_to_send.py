"""The ways in which a host's own parts send mail, each through an account of ours to a server: code, the composer, a
Notification rule, and what a user sets for mail in the form of a user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import uuid4

import frappe
import pytest

from dokos_mail import jobs
from mail_servers.smtp_faults import FaultySmtp
from tests.host.conftest import user
from tests.outbound.conftest import make_account, smtp

__all__ = ["make_account", "smtp", "user"]

SIGNATURE = "Marie Dupond, ventes"


@pytest.fixture
def default(smtp: Callable[..., FaultySmtp], make_account: Callable[..., object]) -> Iterator[object]:
	"""The account that sends what no other does, and its server."""
	for hook in frappe.get_hooks("before_job"):
		frappe.get_attr(hook)()
	others = frappe.get_all("Email Account", filters={"default_outgoing": 1}, pluck="name")
	server = smtp()
	account = make_account(server, default_outgoing=1)
	account.server = server
	yield account
	frappe.db.rollback()
	for name in others:
		frappe.db.set_value("Email Account", name, "default_outgoing", 1)
	frappe.db.commit()


@pytest.fixture
def made(site: object) -> Iterator[Callable[..., frappe._dict]]:
	"""Insert a document; all are gone when the test is over."""
	documents: list[tuple[str, str]] = []

	def make(doctype: str, **values: object) -> frappe._dict:
		doc = frappe.get_doc({"doctype": doctype, **values}).insert()
		frappe.db.commit()
		documents.append((doctype, doc.name))
		return doc

	yield make
	frappe.set_user("Administrator")
	frappe.db.rollback()
	for doctype, name in reversed(documents):
		# else they would be on the next document that gets the same number
		for mail in frappe.get_all("Communication", filters={"reference_doctype": doctype, "reference_name": name}, pluck="name"):
			frappe.delete_doc("Communication", mail, force=True)
		frappe.delete_doc(doctype, name, force=True)
	frappe.db.commit()


@pytest.fixture
def marie(user: Callable[..., str]) -> frappe._dict:
	"""A user who signs, and wants a copy of what she writes."""
	wants = {"thread_notify": 1, "send_me_a_copy": 1, "email_signature": f"<p>{SIGNATURE}</p>"}
	return frappe.get_doc("User", user("System Manager", "Inbox User", **wants))


def sent(account: frappe._dict, subject: str) -> list[tuple[list[str], EmailMessage]]:
	"""What the account's server took with that subject, once the account has sent all that waits: recipients and mail."""
	frappe.db.commit()
	jobs.send_account_mail(account.name)
	read = [(each, message_from_bytes(each.raw, policy=policy.default)) for each in account.server.accepted]
	return [(sorted(each.recipients), mail) for each, mail in read if subject in mail["Subject"]]


def text(mail: EmailMessage) -> str:
	return mail.get_body(("plain",)).get_content()


def test_code(default: frappe._dict) -> None:
	subject = f"Du code {uuid4().hex[:8]}"
	frappe.sendmail(recipients=["b@there.test"], subject=subject, message="<p>Écrit par du code</p>")
	[(recipients, mail)] = sent(default, subject)
	assert recipients == ["b@there.test"]
	assert default.email_id in mail["From"]
	assert "Écrit par du code" in text(mail)


def test_the_composer(default: frappe._dict, made: Callable[..., frappe._dict], marie: frappe._dict) -> None:
	from frappe.core.doctype.communication.email import make

	document = made("Opportunity", title="Rénovation", contact_email="anna@client.test")
	subject = f"Devis {uuid4().hex[:8]}"
	frappe.set_user(marie.name)
	answer = make(
		doctype="Opportunity",
		name=document.name,
		content="<div class='ql-editor read-mode'><p>Voici notre devis.</p></div>",
		subject=subject,
		recipients="anna@client.test",
		communication_medium="Email",
		send_email=1,
		send_me_a_copy=marie.send_me_a_copy,
	)
	frappe.set_user("Administrator")
	mails = sent(default, subject)
	assert sorted({one for recipients, _mail in mails for one in recipients}) == ["anna@client.test", marie.email]
	assert all("Voici notre devis" in text(mail) and text(mail).count(SIGNATURE) == 1 for _recipients, mail in mails)
	communication = frappe.get_doc("Communication", answer["name"])
	assert (communication.reference_name, communication.email_account) == (document.name, default.name)
	assert communication.delivery_status == "Sent"
	assert mails[0][1]["Message-ID"].strip("<>") == communication.message_id


def test_a_notification_rule(
	default: frappe._dict,
	smtp: Callable[..., FaultySmtp],
	make_account: Callable[..., object],
	made: Callable[..., frappe._dict],
) -> None:
	"""It goes through the account that the rule names, to whom the document names, when the document is made."""
	server = smtp()
	account = make_account(server)
	account.server = server
	subject = f"Reçu {uuid4().hex[:8]}"
	made(
		"Notification",
		name=subject,
		subject=f"{subject} : {{{{ doc.title }}}}",
		document_type="Opportunity",
		event="New",
		channel="Email",
		enabled=1,
		sender=account.name,
		sender_email=account.email_id,
		message="<p>Nous avons reçu « {{ doc.title }} ».</p>",
		recipients=[{"receiver_by_document_field": "contact_email"}],
	)
	made("Opportunity", title="Rénovation", contact_email="anna@client.test")
	[(recipients, mail)] = sent(account, subject)
	assert recipients == ["anna@client.test"]
	assert account.email_id in mail["From"]
	assert mail["Subject"] == f"{subject} : Rénovation"
	assert "Nous avons reçu « Rénovation »." in text(mail)


def test_what_a_user_sets_for_mail(default: frappe._dict, marie: frappe._dict) -> None:
	"""Accounts in the form of a user: in the boot of the desk, asked for their password, not twice, gone with the account."""
	from frappe.email.inbox import get_email_accounts

	user = frappe.get_doc("User", marie.name)
	user.append("user_emails", {"email_account": default.name})
	user.save()
	[row] = [row for row in get_email_accounts(user.name)["email_accounts"] if row.get("email_id") == default.email_id]
	assert (row["email_account"], row["enable_outgoing"]) == (default.name, 1)
	assert default.name in get_email_accounts(user.name)["all_accounts"].split(",")

	account = frappe.get_doc("Email Account", default.name)
	account.awaiting_password = 1
	account.save()
	user.reload()
	assert [row.awaiting_password for row in user.user_emails] == [1]
	assert user.name in (frappe.db.get_default("email_user_password") or "").split(",")
	account.reload()
	account.awaiting_password = 0
	account.save()
	user.reload()
	user.save()
	assert [row.awaiting_password for row in user.user_emails] == [0]
	assert user.name not in (frappe.db.get_default("email_user_password") or "").split(",")

	user.append("user_emails", {"email_account": default.name})
	with pytest.raises(frappe.ValidationError):
		user.save()
	frappe.db.rollback()


def test_the_inbox_of_a_user_goes_with_the_account(
	make_account: Callable[..., object], marie: frappe._dict, site: object
) -> None:
	account = make_account(email_id=marie.email)
	user = frappe.get_doc("User", marie.name)
	assert [row.email_account for row in user.user_emails] == [account.name], "made for the user whose address it is"
	frappe.delete_doc("Email Account", account.name, force=True)
	user.reload()
	assert user.user_emails == []
	frappe.db.rollback()
