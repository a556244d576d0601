"""What the desk calls. Each function checks who asks."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict

import frappe
from frappe import _
from frappe.utils import cint, escape_html, now_datetime

from dokos_mail import detail_kept, other_classes
from dokos_mail.checks import refused
from dokos_mail.health import told
from dokos_mail.inbound.account import raw_store
from dokos_mail.inbound.explain import explain
from dokos_mail.inbound.journal import JOURNAL
from dokos_mail.inbound.read_status import set_read
from dokos_mail.inbound.watch import how_far
from dokos_mail.jobs import enqueue_pull, enqueue_sending
from dokos_mail.mail_access import may_read
from dokos_mail.outbound import queue, reported
from dokos_mail.outbound.sender import said_of_senders

#: Jobs of more than this many messages are left to a worker.
MOST_AT_ONCE = 5


@frappe.whitelist(methods=["POST"])
def pull_now(account: str) -> str:
	"""Enqueue a pull of an account. Returns the moment, by which :func:`pull_progress` knows what has come since."""
	frappe.get_doc("Email Account", account).check_permission("write")
	since = str(now_datetime())
	enqueue_pull(account)
	return since


@frappe.whitelist()
def pull_progress(account: str, since: str) -> dict[str, object]:
	"""How far the pull is that somebody asked for at that moment."""
	frappe.get_doc("Email Account", account).check_permission("write")
	return how_far(account, since)


@frappe.whitelist()
def account_status(account: str) -> dict[str, object]:
	"""How an account's connections are doing, for whoever may change that: on some hosts everybody may read accounts."""
	doc = frappe.get_doc("Email Account", account)
	doc.check_permission("write")
	if not other_classes.is_ours():
		return {"lines": other_classes.lines("Email Account"), "colour": "red", "checking": False}
	return told(doc, receives=doc.receives_here(), sends=doc.sends_here(), more=[*said_of_senders(doc), *detail_kept.lines(doc)])


@frappe.whitelist(methods=["POST"])
def try_document_addresses(account: str) -> str:
	"""Send a test email to an address with a + of an account that links by address; returns the address."""
	doc = frappe.get_doc("Email Account", account)
	doc.check_permission("write")
	address, sent_by = detail_kept.send(doc)
	enqueue_sending(sent_by)
	return address


@frappe.whitelist(methods=["POST"])
def mark_as_read_or_unread(names: str | list[str], action: str, flag: str | None = None) -> None:
	"""Mark received emails as read or unread, here and, where the account asks for it, in the mailbox (inbox, list, form).

	The host's own lets anybody mark any email. ``flag`` is what old desks send, and is not needed.
	"""
	if action not in ("Read", "Unread"):
		frappe.throw(_("An email is marked as {0} or {1}.").format("Read", "Unread"))
	for name in json.loads(names) if isinstance(names, str) else names:
		email = frappe.get_doc("Communication", name)
		email.check_permission("read")
		if email.sent_or_received == "Received" and bool(email.seen) != (action == "Read"):
			set_read(name, email.email_account, email.uid, read=action == "Read")


@frappe.whitelist(methods=["POST"])
def process_again(names: str | list[str]) -> None:
	"""Process failed messages again, in the background."""
	frappe.only_for("System Manager")
	names = json.loads(names) if isinstance(names, str) and names.startswith("[") else names
	frappe.enqueue("dokos_mail.jobs.process_again", names=[names] if isinstance(names, str) else list(names))


@frappe.whitelist()
def download_original(name: str) -> None:
	"""The raw message of a journal row, as it came.

	For System Managers, and for whoever may read the Communication it became.
	"""
	row = frappe.db.get_value(JOURNAL, name, ["raw_path", "communication", "subject"], as_dict=True)
	if not _may_read_original(row):
		frappe.throw(_("You may not read this message."), frappe.PermissionError)
	if not row.raw_path:
		frappe.throw(_("The original of this message is not kept."), frappe.DoesNotExistError)
	frappe.local.response.filename = f"{name[:12]}.eml"
	frappe.local.response.filecontent = raw_store().read(row.raw_path)
	frappe.local.response.type = "download"


@frappe.whitelist(methods=["POST"])
def explain_mail(
	name: str | None = None, account: str | None = None, message: str | None = None, folder: str | None = None
) -> dict[str, object]:
	"""Where a message would go if it came now, and why; nothing is stored.

	Either ``name`` of an Incoming Email (System Managers), or an ``account`` (for whoever may change it) and the text of
	a ``message``, as it is or in base64.
	"""
	if name:
		frappe.only_for("System Manager")
		row = frappe.db.get_value(JOURNAL, name, ["raw_path", "email_account", "folder"], as_dict=True)
		if not row or not row.raw_path:
			frappe.throw(_("The original of this message is not kept."), frappe.DoesNotExistError)
		explained = explain(raw_store().read(row.raw_path), row.email_account, row.folder, name)
	else:
		frappe.get_doc("Email Account", account).check_permission("write")
		explained = explain(_octets(message or ""), account, folder)
	return asdict(explained)


def _octets(message: str) -> bytes:
	"""A message as the desk sends it: the text of a file, or its octets in base64."""
	try:
		return base64.b64decode(message, validate=True)
	except ValueError:
		return message.encode("utf-8", "surrogateescape")


def _may_read_original(row: frappe._dict | None) -> bool:
	if "System Manager" in frappe.get_roles():
		return row is not None
	if not row or not row.communication:
		return False
	return frappe.db.exists("Communication", row.communication) and may_read(frappe.get_doc("Communication", row.communication))


# What the desk asks of the host's mail module by name (override_whitelisted_methods).


@frappe.whitelist(methods=["POST"])
def set_email_password(email_account: str, password: str, in_window: int | str = 0) -> bool:
	"""Set the password that an account waits for. False asks for it again: the server refused it.

	Why, and what to do, is said at once; to our own window (``in_window``), which says it beside the field, as ``refused``.

	Only for the users who have the account's inbox, and System Managers: the host lets anybody set it.
	"""
	own = frappe.db.exists("User Email", {"email_account": email_account, "parent": frappe.session.user})
	if not own and "System Manager" not in frappe.get_roles():
		frappe.throw(_("You may not set the password of this email account."), frappe.PermissionError)
	account = frappe.get_doc("Email Account", email_account)
	if not account.awaiting_password or account.auth_method == "OAuth":
		return True
	account.password = password
	account.awaiting_password = 0
	if error := refused(account):
		told = [error.message(_), error.advice(_)]
		if cint(in_window):
			frappe.local.response["refused"] = told
		else:
			frappe.msgprint("<br>".join(map(escape_html, told)), alert=True, indicator="red")
		return False
	account.save(ignore_permissions=True)
	return True


@frappe.whitelist()
def get_email_awaiting(user: str | None = None) -> list[dict[str, str]]:
	"""The accounts whose password a user is asked for: one's own, or anybody's for System Managers."""
	user = user or frappe.session.user
	if user != frappe.session.user and "System Manager" not in frappe.get_roles():
		frappe.throw(_("You may only see your own email accounts."), frappe.PermissionError)
	waiting = {"awaiting_password": 1, "parent": user, "used_oauth": 0}
	return frappe.get_all("User Email", fields=["email_account", "email_id"], filters=waiting)


@frappe.whitelist(methods=["POST"])
def pull_emails(email_account: str) -> None:
	"""Frappe 16's button: enqueue a pull. The host pulls within the request, which a proxy then cuts."""
	frappe.get_doc("Email Account", email_account).check_permission("write")
	enqueue_pull(email_account)
	frappe.msgprint(_("The mailbox is being read in the background."))


@frappe.whitelist(methods=["POST"])
def send_email_now(name: str) -> str:
	"""Send a queued email now. Returns what became of it, in words."""
	return queue.send_now(name)


@frappe.whitelist(methods=["POST"])
def try_emails_again(queues: str | list[str]) -> int:
	"""Let emails that failed, are uncertain or were cancelled be tried again by the next run; how many there were."""
	return queue.try_again(_names(queues))


@frappe.whitelist(methods=["POST"])
def cancel_emails(queues: str | list[str]) -> int:
	"""Do not send emails that were not sent yet; how many there were."""
	return queue.cancel(_names(queues))


@frappe.whitelist()
def emails_waiting() -> list[dict[str, object]]:
	"""For each account, how many emails wait and why."""
	frappe.only_for("System Manager")
	return queue.waiting_by_account()


@frappe.whitelist()
def queue_in_words(queues: str | list[str]) -> dict[str, object]:
	"""What the list of queued emails says besides their states: why each is in its own, and whether sending is suspended."""
	return {"why": queue.whys(_names(queues)), "suspended": queue.was_suspended()}


@frappe.whitelist(methods=["POST"])
def suspend_sending(suspended: int | str) -> None:
	"""Suspend sending on this site, or resume it."""
	frappe.only_for("System Manager")
	queue.suspend(bool(cint(suspended)))


@frappe.whitelist()
def delivery_timeline(communication: str) -> dict[str, object]:
	"""What happened to a mail that was sent, for whoever may read it: ``events``; and what one may do about it."""
	frappe.get_doc("Communication", communication).check_permission("read")
	return {"events": queue.timeline(communication)} | queue.what_can_be_done(communication)


def _names(queues: str | list[str]) -> list[str]:
	found = json.loads(queues) if isinstance(queues, str) and queues.startswith("[") else queues
	return [found] if isinstance(found, str) else [str(each) for each in found or []]


@frappe.whitelist()
def undeliverable(recipients: str) -> list[dict[str, object]]:
	"""Which of these recipients mail did not reach before, or who complained of it: asked before a mail is sent."""
	# The hosts ask for the right to email a document, whatever one may do with a Communication: so everybody of the desk.
	if frappe.db.get_value("User", frappe.session.user, "user_type") != "System User":
		frappe.throw(_("You may not send emails."), frappe.PermissionError)
	return reported.undeliverable(frappe.utils.split_emails(recipients or "")[:200])
