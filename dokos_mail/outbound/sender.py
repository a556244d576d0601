"""The facts of a site from which :func:`dokos_mail.engine.send.sender.choose` says who sends."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from email.message import Message

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint

from dokos_mail.engine.message.ids import message_id
from dokos_mail.engine.message.subject import base_subject
from dokos_mail.engine.send import mime
from dokos_mail.engine.send.addresses import Mailbox, mailbox, mailboxes, of_field
from dokos_mail.engine.send.sender import Account, Choice, Person, choose, fails_dmarc

#: The address the host gives its Administrator before anybody changed it: nobody's.
NOBODY = "@example.com"
_PARENT_FIELDS = [
	"name",
	"message_id",
	"subject",
	"sender",
	"recipients",
	"cc",
	"email_account",
	"sent_or_received",
	"in_reply_to",
]


@dataclass
class Facts:
	"""What is known of a mail that is about to be queued."""

	communication: frappe._dict | None
	#: the Communication it answers
	answered: frappe._dict | None
	asked: Mailbox | None
	person: Person | None
	#: the user on whose behalf it is sent
	user: str | None
	reply_to: list[Mailbox]
	accounts: list[Account]

	@property
	def forwarded(self) -> str:
		"""Who wrote the received mail that users are shown by this one: an account of ours sends it, not its writer."""
		row = self.communication
		return (row.sender_full_name or row.sender or "") if row and row.sent_or_received == "Received" else ""

	@property
	def composed(self) -> bool:
		"""Whether a person wrote it, rather than a program."""
		return bool(self.communication and self.communication.sent_or_received == "Sent")


def accounts() -> list[Account]:
	"""The accounts of the site, as far as choosing needs them."""
	folders = defaultdict(set)
	for row in frappe.get_all("IMAP Folder", fields=["parent", "append_to"], filters={"parenttype": "Email Account"}):
		if row.append_to:
			folders[row.parent].add(row.append_to)
	boxes = ["enable_incoming", "enable_outgoing", "default_incoming", "default_outgoing", "awaiting_password"]
	boxes += ["always_use_account_email_id_as_sender", "always_use_account_name_as_sender_name"]
	rows = frappe.get_all("Email Account", fields=["name", "email_id", "append_to", *boxes], order_by="name asc")
	return [
		Account(
			name=row.name,
			address=row.email_id,
			sends=bool(cint(row.enable_outgoing)) and not cint(row.awaiting_password),
			receives=bool(cint(row.enable_incoming)),
			default_outgoing=bool(cint(row.default_outgoing)),
			default_incoming=bool(cint(row.default_incoming)),
			address_as_sender=bool(cint(row.always_use_account_email_id_as_sender)),
			name_as_sender=bool(cint(row.always_use_account_name_as_sender_name)),
			appends_to=frozenset(folders[row.name] | ({row.append_to} if row.append_to else set())),
		)
		for row in rows
		if row.email_id
	]


def gather(queue_row: Document, message: Message) -> Facts:
	"""The facts of a mail from its queue row and its message as the host, or :func:`compose.build`, made it."""
	known = accounts()
	communication = _communication(queue_row)
	asked = None if communication and communication.sent_or_received == "Received" else _asked(message, queue_row, known)
	user = _user(communication, asked)
	person = _person(user)
	if person and asked and asked.key == person.mailbox.key and not asked.name:
		asked = person.mailbox
	return Facts(
		communication=communication,
		answered=answered(queue_row, message, communication),
		asked=asked,
		person=person,
		user=user,
		reply_to=_reply_to(message, asked, communication),
		accounts=known,
	)


def choice_for(queue_row: Document, facts: Facts) -> Choice | None:
	"""Who sends; None when no account of the site does."""
	choice = choose(
		facts.accounts,
		asked=facts.asked,
		person=facts.person,
		doctype=queue_row.reference_doctype or None,
		written_to=_written_to(facts),
		reply_to=facts.reply_to,
	)
	if choice and facts.forwarded and choice.from_.name == choice.account:
		return replace(choice, from_=Mailbox(f"{facts.forwarded} ({choice.account})", choice.from_.address))
	return choice


def envelope_sender(queue_row: Document) -> str:
	"""The bare address for MAIL FROM: the account's, so that the servers' checks and bounces find it."""
	address = queue_row.email_account and frappe.db.get_value("Email Account", queue_row.email_account, "email_id")
	found = mailbox(address or queue_row.sender)
	return found.wire if found else ""


def _communication(queue_row: Document) -> frappe._dict | None:
	if not queue_row.communication:
		return None
	fields = [
		"name",
		"user",
		"owner",
		"sender",
		"sender_full_name",
		"subject",
		"sent_or_received",
		"recipients",
		"cc",
		"in_reply_to",
		"email_account",
	]
	found = frappe.db.get_value("Communication", queue_row.communication, fields, as_dict=True)
	return found or None


def _asked(message: Message, queue_row: Document, known: list[Account]) -> Mailbox | None:
	"""The sender that was asked for, which the host keeps in X-Original-From; None where it put one in itself."""
	raw = mime.field(message, "X-Original-From") or mime.field(message, "From")
	found = next(iter(of_field(raw)), None) if raw else mailbox(queue_row.sender)
	if not found or found.address.lower().endswith(NOBODY):
		return None
	for account in known:
		if account.address.lower() == found.key and found.name == account.name and account.default_outgoing:
			return None
	return found


def _user(communication: frappe._dict | None, asked: Mailbox | None) -> str | None:
	if asked and (user := frappe.db.get_value("User", {"email": asked.address, "enabled": 1})):
		return user
	if communication and communication.sent_or_received == "Sent":
		return communication.user or communication.owner
	return None


def _person(user: str | None) -> Person | None:
	row = user and user != "Guest" and frappe.db.get_value("User", user, ["email", "full_name"], as_dict=True)
	if not row or not row.email or row.email.lower().endswith(NOBODY):
		return None
	rows = frappe.get_all("User Email", filters={"parent": user, "parenttype": "User"}, pluck="email_account", order_by="idx asc")
	return Person(Mailbox(row.full_name or "", row.email), [each for each in rows if each])


def _reply_to(message: Message, asked: Mailbox | None, communication: frappe._dict | None) -> list[Mailbox]:
	"""What the caller asked for. What the host put in for a Communication is its guess (see the contract), not a wish."""
	if communication:
		return []
	found = of_field(mime.field(message, "Reply-To"))
	sender = asked or next(iter(of_field(mime.field(message, "X-Original-From"))), None)
	return [] if sender and [each.key for each in found] == [sender.key] else found


def answered(queue_row: Document, message: Message, communication: frappe._dict | None) -> frappe._dict | None:
	"""The received Communication that a mail answers.

	By the identifier in In-Reply-To, by the Communication's own link, or else the latest that one of the recipients
	wrote on the same document under the same subject.
	"""
	if wanted := message_id(mime.field(message, "In-Reply-To")):
		if found := frappe.db.get_value("Communication", {"message_id": wanted}, _PARENT_FIELDS, as_dict=True):
			return found
	if not communication or communication.sent_or_received != "Sent":
		return None
	if communication.in_reply_to:
		return frappe.db.get_value("Communication", communication.in_reply_to, _PARENT_FIELDS, as_dict=True) or None
	return _latest_of_thread(queue_row, communication)


def _latest_of_thread(queue_row: Document, communication: frappe._dict) -> frappe._dict | None:
	if not queue_row.reference_doctype or not queue_row.reference_name:
		return None
	to = {each.key for each in mailboxes(f"{communication.recipients or ''},{communication.cc or ''}")}
	base, _is_answer = base_subject(communication.subject or "")
	rows = frappe.get_all(
		"Communication",
		filters={
			"reference_doctype": queue_row.reference_doctype,
			"reference_name": queue_row.reference_name,
			"communication_medium": "Email",
			"sent_or_received": "Received",
		},
		fields=_PARENT_FIELDS,
		order_by="communication_date desc, creation desc",
		limit=20,
	)
	for row in rows:
		sender = mailbox(row.sender)
		theirs, _is_answer = base_subject(row.subject or "")
		# the desk puts the document's name after the subject
		if sender and sender.key in to and theirs and (base == theirs or base.startswith(f"{theirs} (#")):
			return row
	return None


def _written_to(facts: Facts) -> list[str]:
	row = facts.answered
	if not row or row.sent_or_received != "Received":
		return []
	found = [each.address for field in (row.recipients, row.cc) for each in mailboxes(field)]
	received_by = next((each.address for each in facts.accounts if each.name == row.email_account), None)
	return [*found, *([received_by] if received_by else [])]


def chain(row: frappe._dict | None, limit: int = 30) -> list[str]:
	"""The identifiers of a conversation up to a Communication, the oldest first."""
	ids: list[str] = []
	seen: set[str] = set()
	while row and row.name not in seen and len(seen) < limit:
		seen.add(row.name)
		if row.message_id:
			ids.insert(0, row.message_id.strip("<>"))
		row = row.in_reply_to and frappe.db.get_value("Communication", row.in_reply_to, _PARENT_FIELDS, as_dict=True)
	return ids


def domains_that_fail(account: Document) -> list[str]:
	"""Domains of users whose mails, sent through this account under their own address, fail their domain's DMARC."""
	if not cint(account.enable_outgoing) or cint(account.always_use_account_email_id_as_sender):
		return []
	users = frappe.get_all("User", filters={"enabled": 1, "user_type": "System User"}, pluck="email")
	if not cint(account.default_outgoing):
		own = frappe.get_all("User Email", filters={"email_account": account.name}, pluck="parent")
		users = frappe.get_all("User", filters={"enabled": 1, "name": ("in", own or [""])}, pluck="email")
	failing = {Mailbox("", each).domain for each in users if each and fails_dmarc(each, account.email_id)}
	return sorted(domain for domain in failing if f"@{domain}" != NOBODY)


def said_of_senders(account: Document) -> list[dict[str, object]]:
	"""What the account's form says of senders whose mail recipients' servers will refuse or take for spam."""
	domains = domains_that_fail(account)
	if not domains:
		return []
	text = _(
		"Emails of users at {0} leave with their own address, which these domains do not allow this account to use: "
		"recipients' servers may refuse them or take them for spam (DMARC)."
	)
	remedy = _("Tick {0}: they then leave with the address of the account.")
	box = _(account.meta.get_label("always_use_account_email_id_as_sender"))
	shown = ", ".join(domains[:5]) + ("…" if len(domains) > 5 else "")
	return [{"title": _("Sender"), "state": "Unsafe", "text": text.format(shown), "remedy": remedy.format(box)}]
