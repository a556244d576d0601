"""A placed message made real: the new document if one is due, the Communication, its files, its body."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache, partial
from urllib.parse import quote

import frappe
from frappe import _
from frappe.model.base_document import get_controller
from frappe.model.document import Document
from frappe.utils import cint

from dokos_mail.engine.errors import N_, Words
from dokos_mail.engine.message.authentication import FAIL
from dokos_mail.engine.message.model import Address, Attachment, Message
from dokos_mail.files import as_they_came, octets
from dokos_mail.inbound.absent import NOTHING, Absent
from dokos_mail.inbound.body import body_html, body_text
from dokos_mail.inbound.contacts import is_a_correspondent, link_contacts
from dokos_mail.inbound.decide import Decision
from dokos_mail.inbound.documents import address_for_field, document_of_correspondent, make_document
from dokos_mail.inbound.journal import JOURNAL, site_time
from dokos_mail.inbound.place import Reference
from dokos_mail.inbound.rules import Rules
from dokos_mail.plain import plain
from dokos_mail.reasons import because

#: The host keeps UIDs in a signed 32-bit column; larger ones are kept in the journal alone.
LARGEST_INT = 2**31 - 1
#: Of a longer subject or Message-ID the Communication keeps so many characters: the hosts' columns take 65,535 octets of one,
#: and declare 995 characters of the other. The original has all of it.
LONGEST_SUBJECT, LONGEST_MESSAGE_ID = 10_000, 995
#: More attachments than this are left in the original: a message of ten thousand parts is no reason for as many files.
MOST_FILES = 200
_DOCUMENT = "document"


@dataclass
class StoredMail:
	"""What a message became; ``notes`` are said to the reader. ``taken``: a new document was due, and its type allows no
	second one of this correspondent: it is on the first."""

	communication: str
	reference: Reference | None
	notes: list[str] = field(default_factory=list)
	taken: bool = False


class CannotProcess(Exception):
	"""Why a message cannot be stored, in words for whoever is to mend it."""


def find_communication(row: str, absent: Absent = NOTHING) -> str | None:
	"""The Communication that points at a journal row, if processing got that far before."""
	if absent.holds("Communication", "incoming_email", row):
		return None
	return frappe.db.get_value("Communication", {"incoming_email": row}, "name")


def make_body(message: Message, row: str) -> tuple[str, str]:
	"""The body of the message of a journal row, as HTML and as text."""
	return body_html(message, {}, [], original_url(row)), body_text(message)


def store(
	row: frappe._dict, decision: Decision, rules: Rules, communication: str | None, body: tuple[str, str] | None = None
) -> StoredMail:
	"""Store a placed message. ``communication`` is what an earlier attempt made of it; ``body`` what ``make_body`` did, if it has.

	Within the caller's transaction, before whose end ``must_be_there`` is asked. Attachments that the host refuses, or that
	are over the account's limit, are said in the notes; the original keeps them.
	"""
	message, placement = decision.mail.message, decision.placement
	# Before anything is written: the databases' locks are held for as long as the writing takes, and no longer.
	original = original_url(row.name)
	new = None if communication else _new_communication(row, decision, *(body or make_body(message, row.name)))
	reference = placement.reference
	before = _reference_of(communication) if communication else None
	taken = False
	if before:
		reference = before
	elif placement.create:
		reference, taken = _new_document(row, placement.create, decision)
		# The type's own code may have made a contact, as a lead's does.
		rules.absent.forget((address.address.strip() for address in message.from_), "Contact Email")
	notes = [_too_large(row.size)] if message.structure_only else []
	if new:
		communication = _file(new, decision, rules, reference)
	elif reference and not before:
		_join(communication, reference, placement.parent)
	kept = _kept_before(communication) if not new and message.attachments else {}
	urls = _attach(communication, message.attachments, kept, rules.largest_attachment, notes)
	if urls or notes:
		content = body_html(message, urls, notes, original)
		frappe.db.set_value("Communication", communication, "content", content, update_modified=False)
	return StoredMail(communication, reference, notes, taken)


def _new_document(row: frappe._dict, doctype: str, decision: Decision) -> tuple[Reference, bool]:
	"""Make the document that a mail begins; and whether it is the one that its correspondent had before.

	Some types allow one document of an address, as leads do: whoever writes again is then on his first one, as on the
	hosts. Not who is not the one he says he is.
	"""
	message = decision.mail.message
	frappe.db.savepoint(_DOCUMENT)
	try:
		name = make_document(doctype, message, partial(_note_document, row.name))
	except (frappe.DuplicateEntryError, frappe.UniqueValidationError):
		if decision.verdict.verdict == FAIL or not message.from_ or not _undone():
			raise
		first = document_of_correspondent(doctype, message.from_[0])
		if first is None:
			raise
		frappe.clear_messages()
		return Reference(doctype, first), True
	# Another app may have given it another name, which the host then wrote on the row as well.
	name = frappe.db.get_value(JOURNAL, row.name, "reference_name") or name
	must_be_there(doctype, [name])
	return Reference(doctype, name), False


def _undone() -> bool:
	"""Whether what a document that could not be made has written is undone: not where another app committed meanwhile."""
	try:
		frappe.db.rollback(save_point=_DOCUMENT)
	except Exception:
		return False
	return True


def original_url(row: str) -> str:
	"""Where the original of a journal row is downloaded, by whoever may."""
	return f"/api/method/dokos_mail.api.download_original?name={quote(row)}"


def _join(communication: str, reference: Reference, parent: str | None) -> None:
	"""A mail that was filed by itself joins the document that its place turned out to be."""
	doc = frappe.get_doc("Communication", communication)
	doc.update({"reference_doctype": reference.doctype, "reference_name": reference.name, "status": "Linked"})
	doc.in_reply_to = doc.in_reply_to or parent
	doc.flags.in_receive = True
	doc.save(ignore_permissions=True)


def must_be_there(doctype: str, names: list[str]) -> None:
	"""Another app's hook can delete what was just made, or roll the transaction back and say nothing."""
	if len(names) == 1:
		there = [frappe.db.exists(doctype, names[0])]
	else:
		there = frappe.get_all(doctype, filters={"name": ("in", names)}, pluck="name") if names else []
	for name in names:
		if name not in there:
			raise CannotProcess(because(N_("{0} {1} was made of it, and another app removed it at once."), Words(doctype), name))


def _note_document(row: str, doctype: str, name: str) -> None:
	values = {"reference_doctype": doctype, "reference_name": name}
	frappe.db.set_value(JOURNAL, row, values, update_modified=False)


def _reference_of(communication: str) -> Reference | None:
	doctype, name = frappe.db.get_value("Communication", communication, ["reference_doctype", "reference_name"])
	return Reference(doctype, name) if doctype and name else None


def _new_communication(row: frappe._dict, decision: Decision, content: str, text: str) -> Document:
	"""The Communication of a mail, still on no document and not written."""
	message, placement, mail = decision.mail.message, decision.placement, decision.mail
	sender = message.from_[0] if message.from_ else Address("", "")
	seen = mail.sent or "\\Seen" in (row.imap_flags or "").split()
	doc = received_communication_class()(
		{
			"doctype": "Communication",
			"communication_type": "Communication",
			"communication_medium": "Email",
			"sent_or_received": "Sent" if mail.sent else "Received",
			"incoming_email": row.name,
			"email_account": row.email_account,
			"imap_folder": row.folder[:140],
			"uid": _uid(row.uid),
			"message_id": message.message_id[:LONGEST_MESSAGE_ID] if message.message_id else None,
			"in_reply_to": placement.parent,
			"subject": plain(message.subject)[:LONGEST_SUBJECT] or _("No Subject"),
			"sender": address_for_field(sender),
			"sender_full_name": plain(sender.name or sender.address)[:140],
			"recipients": _written(message.to),
			"cc": _written(message.cc),
			"bcc": _written(message.bcc),
			"content": content,
			"text_content": text,
			"communication_date": site_time(message.date) or row.received_on,
			"has_attachment": int(bool(message.attachments)),
			"unread_notification_sent": 1,  # the host's own job leaves it alone: ``inbound.unreplied`` tells
			"seen": int(seen),
			"status": "Open",
		}
	)
	if mail.junk:
		doc.email_status = "Spam"
	doc.flags.in_receive = True
	doc.flags.sanitised = content
	# The host's signature is for what is written here.
	doc.flags.skip_add_signature = True
	# One whose sender is not who it says is kept on the document, and starts nothing there.
	doc.flags.concerns_document = decision.verdict.verdict != FAIL
	for link in placement.links:
		doc.append("timeline_links", {"link_doctype": link.doctype, "link_name": link.name})
	return doc


def _file(doc: Document, decision: Decision, rules: Rules, reference: Reference | None) -> str:
	"""Write a Communication, on a document where there is one, and with the contact of its sender; returns its name."""
	mail = decision.mail
	if reference:
		doc.update({"reference_doctype": reference.doctype, "reference_name": reference.name, "status": "Linked"})
	if not mail.junk and not mail.sent:
		may_make = is_a_correspondent(mail.message, decision.verdict.verdict, rules.own_address)
		rules.new_contacts += link_contacts(doc, may_make=may_make, absent=rules.absent)
	doc.insert(ignore_permissions=True)
	return doc.name


def received_communication_class() -> type:
	"""The host's Communication (or what another app made of it), except that placing has decided what it guesses."""
	return _received(get_controller("Communication"))


@lru_cache(maxsize=4)
def _received(host_class: type) -> type:
	return type("ReceivedCommunication", (_ReceivedMail, host_class), {})


class _ReceivedMail:
	"""What the host would find out from addresses that any stranger can write."""

	def set_status(self) -> None:
		"""Placing has set it."""

	def parse_email_for_timeline_links(self) -> None:
		"""Unsigned addresses such as ``x+DocType=Name@`` link nothing."""

	def set_timeline_links(self) -> None:
		"""The sender's contact was linked before; addresses that anybody can write make no others."""

	def _sanitize_content(self) -> None:
		"""The body is harmless since it was made; what another app made of it meanwhile is sanitised, as everything else is."""
		body = self.content
		if body != self.flags.sanitised:
			super()._sanitize_content()
			return
		self.content = None
		try:
			super()._sanitize_content()
		finally:
			self.content = body

	def on_update(self) -> None:
		"""The host tells the document: its status, its assignments, what its app does of a mail."""
		above = getattr(super(), "on_update", None)
		if above is None:
			return
		reference = self.reference_doctype, self.reference_name
		if not self.flags.concerns_document:
			self.reference_doctype = self.reference_name = None
		try:
			above()
		finally:
			self.reference_doctype, self.reference_name = reference


def _attach(
	communication: str, attachments: list[Attachment], done: dict[str, list[str]], largest: int | None, notes: list[str]
) -> dict[str, str]:
	"""Keep attachments of up to ``largest`` octets as private files; returns the addresses of inline images by what the body calls them.

	``done`` are those that an earlier attempt kept.
	"""
	urls: dict[str, str] = {}
	if len(attachments) > MOST_FILES:
		notes.append(because(N_("{0} further attachments are only in the original message."), len(attachments) - MOST_FILES))
	for attachment in attachments[:MOST_FILES]:
		if attachment.content is None:
			continue
		if largest is not None and attachment.size > largest:
			notes.append(_over_the_limit(attachment, largest))
			continue
		kept = done.get(attachment.sha256)
		url = kept.pop(0) if kept else _keep_file(communication, attachment, notes)
		for called in (attachment.content_id, attachment.location):
			if url and called:
				urls.setdefault(called, url)
	return urls


def _kept_before(communication: str) -> dict[str, list[str]]:
	"""Addresses of the files that an earlier, cut attempt kept, in order, by the digest of their content."""
	kept: dict[str, list[str]] = {}
	for name in frappe.get_all(
		"File",
		filters={"attached_to_doctype": "Communication", "attached_to_name": communication},
		pluck="name",
		order_by="creation asc",
	):
		file = frappe.get_doc("File", name)
		kept.setdefault(hashlib.sha256(octets(file)).hexdigest(), []).append(file.file_url)
	return kept


@as_they_came()
def _keep_file(communication: str, attachment: Attachment, notes: list[str]) -> str | None:
	try:
		file = frappe.get_doc(
			{
				"doctype": "File",
				"file_name": attachment.name,
				"content": attachment.content,
				"is_private": 1,
				"attached_to_doctype": "Communication",
				"attached_to_name": communication,
			}
		).insert(ignore_permissions=True)
	except frappe.ValidationError as error:
		reason = frappe.utils.strip_html(str(error)).strip()
		frappe.clear_messages()
		notes.append(
			because(
				N_("Attachment {0} ({1}) was not kept as a file: {2} It is in the original message."),
				attachment.name,
				size_in_words(attachment.size),
				reason,
			)
		)
		return None
	return file.file_url


def _over_the_limit(attachment: Attachment, largest: int) -> str:
	text = N_("Attachment {0} ({1}) is larger than this account keeps as a file ({2}). It is in the original message.")
	return because(text, attachment.name, size_in_words(attachment.size), size_in_words(largest))


def size_in_words(size: int) -> str:
	"""A size in octets, in the unit a reader expects."""
	if size < 1000:
		return f"{size} B"
	if size < 1_000_000:
		return f"{size / 1000:.0f} kB"
	return f"{size / 1_000_000:.1f} MB"


def _too_large(size: int) -> str:
	return because(N_("This message is too large to be shown here ({0}). The original can be downloaded."), size_in_words(size))


def _written(addresses: list[Address]) -> str:
	"""Addresses as a header writes them."""
	return ", ".join(f'"{_quoted(a.name)}" <{a.address}>' if a.name else a.address for a in addresses)


def _quoted(name: str) -> str:
	return name.replace("\\", "\\\\").replace('"', '\\"')


def _uid(uid: str) -> int:
	number = cint(uid)
	return number if number <= LARGEST_INT else 0
