"""Which documents' own addresses a message was sent to, and whether each is accepted (rows L1 and L3)."""

from __future__ import annotations

import frappe

from dokos_mail.document_address import document_of, linking_addresses
from dokos_mail.engine.message.addresses import parse_addresses
from dokos_mail.engine.message.document_address import ENVELOPE_FIELDS, Addressed, addressed_documents
from dokos_mail.engine.message.model import Message
from dokos_mail.inbound.known import colleague
from dokos_mail.inbound.place import AddressedDocument, Reference

#: The document of an address that leads to none.
NO_DOCUMENT = Reference("", "")


def addressed(message: Message, sender: str, is_refuted: bool) -> list[AddressedDocument]:
	"""The documents whose own addresses ``message`` was sent to, in the order in which it names them.

	An address with a token is accepted from everybody. The host's old form, which a stranger can guess, is accepted
	from users who may read the document and from its correspondents, not from a ``sender`` whom the receiving server
	refuted, unless the linking account says that it is accepted from everybody.
	"""
	if not any("+" in one.address for one in _everybody(message)) and not _is_recorded(message):
		return []
	found = addressed_documents(message, linking_addresses())
	return [_signed(one) if one.token else _unsigned(one, sender, is_refuted) for one in found]


def _everybody(message: Message) -> list:
	return [*message.to, *message.cc, *message.bcc]


def _is_recorded(message: Message) -> bool:
	"""Whether the receiving server recorded a recipient with a detail."""
	return any("+" in (message.header(name) or "") for name in ENVELOPE_FIELDS)


def _signed(one: Addressed) -> AddressedDocument:
	document = document_of(one.token)
	if document is None:
		return AddressedDocument(one.address, NO_DOCUMENT, False, "address_unknown")
	doctype, name, exists = document
	return AddressedDocument(one.address, Reference(doctype, name), exists, "decided" if exists else "address_deleted")


def _unsigned(one: Addressed, sender: str, is_refuted: bool) -> AddressedDocument:
	reference = next(filter(None, (_existing(doctype, name) for doctype, name in one.unsigned())), None)
	if reference is None:
		return AddressedDocument(one.address, NO_DOCUMENT, False, "address_unknown")
	accepted = _is_open() or (not is_refuted and (_may_read(sender, reference) or _is_correspondent(sender, reference)))
	return AddressedDocument(one.address, reference, accepted, "decided" if accepted else "address_of_a_stranger")


def _existing(doctype: str, name: str) -> Reference | None:
	"""The document of that type and name as the host spells them."""
	if not frappe.db.exists("DocType", {"name": doctype, "issingle": 0, "istable": 0}):
		return None
	found = frappe.db.get_value(doctype, name, "name")
	return Reference(doctype, str(found)) if found is not None else None


def _is_open() -> bool:
	"""Whether the administrator accepts the old form from everybody."""
	wanted = {"enable_incoming": 1, "enable_automatic_linking": 1, "accept_unsigned_addresses": 1}
	return bool(frappe.db.exists("Email Account", wanted))


def _may_read(sender: str, reference: Reference) -> bool:
	user = colleague(sender)
	return bool(user) and bool(frappe.has_permission(reference.doctype, "read", doc=reference.name, user=user))


def _is_correspondent(sender: str, reference: Reference) -> bool:
	"""Whether a mail of ``sender`` is on the document already, or one of ours to him."""
	if not sender:
		return False
	mail = {"communication_type": "Communication", "communication_medium": "Email"}
	on_it = {"reference_doctype": reference.doctype, "reference_name": reference.name}
	linked = {"link_doctype": reference.doctype, "link_name": reference.name, "parenttype": "Communication"}
	names = frappe.get_all("Communication Link", filters=linked, pluck="parent")
	for where in [on_it, {"name": ("in", names)}][: 2 if names else 1]:
		by_him = {**mail, **where, "sender": ("in", sorted({sender, sender.lower()}))}
		if any(row.lower() == sender.lower() for row in frappe.get_all("Communication", filters=by_him, pluck="sender")):
			return True  # asked again here: to the database a letter with an accent is the one without
		to_him = {**mail, **where, "sent_or_received": "Sent", "recipients": ("like", f"%{sender}%")}
		rows = frappe.get_all("Communication", filters=to_him, pluck="recipients")
		if any(sender.lower() in _addresses(row) for row in rows):
			return True
	return False


def _addresses(recipients: str) -> set[str]:
	return {one.address.lower() for one in parse_addresses(recipients.encode())}
