"""New documents made from mail: which fields take the subject, the sender and the sender's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import frappe
from frappe.utils import validate_email_address

from dokos_mail.append_to import hooked_fields
from dokos_mail.engine.message.model import Address, Message
from dokos_mail.plain import plain
from dokos_mail.reasons import listed

#: The hosts' length of an address; a part of one would be another's.
LONGEST_ADDRESS = 140
#: Characters that surely fit the 65,535 octets of the hosts' text columns.
LONGEST_TEXT = 10_000
#: Names that fields for a correspondent's name usually have, most telling first.
_NAME_FIELDS = (
	"sender_name",
	"party_name",
	"contact_name",
	"customer_name",
	"lead_name",
	"raised_by_name",
	"full_name",
	"contact_display",
)
_SUBJECT_FIELDS = ("subject", "title", "topic", "summary")
_TEXTS = ("Data", "Small Text", "Text", "Read Only")


@dataclass(frozen=True)
class Field:
	"""A field of a document type, as far as choosing goes."""

	fieldname: str
	fieldtype: str
	options: str | None = None
	#: filled by the type's own code, for what it means by it
	read_only: bool = False


@dataclass(frozen=True)
class MailFields:
	"""The fields that mail fills; None where the document type has none for it."""

	subject: str | None = None
	sender: str | None = None
	sender_name: str | None = None


def choose_fields(fields: Sequence[Field], settings: MailFields = MailFields(), title_field: str | None = None) -> MailFields:
	"""The fields that mail fills: those of the document type's settings, else those it most likely means.

	A document type named by an app's ``email_append_to`` need not say anything about mail. What it fills itself (an Issue
	has the name of the customer it finds) is not taken for the sender's name, nor for the subject.
	"""
	names = {field.fieldname: field for field in fields}
	texts = {field.fieldname for field in fields if field.fieldtype in _TEXTS and not field.read_only}
	sender = settings.sender if settings.sender in names else None
	if not sender:
		sender = next((f.fieldname for f in fields if f.fieldtype == "Data" and (f.options or "") == "Email"), None)
	sender_name = settings.sender_name if settings.sender_name in names else None
	if not sender_name:
		by_option = (f.fieldname for f in fields if f.fieldtype == "Data" and (f.options or "") == "Name" and not f.read_only)
		by_name = (name for name in _NAME_FIELDS if name in texts)
		sender_name = next(by_name, None) or next(by_option, None)
	subject = settings.subject if settings.subject in names else None
	if not subject:
		likely = (title_field or "", *_SUBJECT_FIELDS)
		subject = next((name for name in likely if name in texts and name not in (sender, sender_name)), None)
	return MailFields(subject, sender, sender_name)


def mail_fields(doctype: str) -> MailFields:
	"""The fields of a document type that mail fills: as its settings say, else as an app's hook does, else the likeliest."""
	meta = frappe.get_meta(doctype)
	hooked = hooked_fields(doctype)
	settings = MailFields(
		meta.get("subject_field") or hooked.get("subject_field"),
		meta.get("sender_field") or hooked.get("sender_field"),
		meta.get("sender_name_field") or hooked.get("sender_name_field"),
	)
	fields = [Field(df.fieldname, df.fieldtype, df.options, bool(df.read_only)) for df in meta.fields]
	return choose_fields(fields, settings, meta.get("title_field"))


def make_document(doctype: str, message: Message, note: Callable[[str, str], None]) -> str:
	"""Make a document of ``doctype`` from a first message; returns its name.

	``note`` is called with the document's type and name right after its row is written and before any hook of another
	app can commit, so that it is known even when everything is cut right then. Raises what the host raises when the
	document cannot be made; MandatoryError, which names the fields, for one that mail cannot fill.
	"""
	fields = mail_fields(doctype)
	sender = message.from_[0] if message.from_ else None
	doc = frappe.new_doc(doctype)
	if fields.subject:
		doc.set(fields.subject, _cut(doctype, fields.subject, plain(message.subject)))
	if fields.sender and sender:
		doc.set(fields.sender, address_for_field(sender))
	if fields.sender_name and sender:
		doc.set(fields.sender_name, _cut(doctype, fields.sender_name, plain(sender.name or sender.address)))
	doc.flags.from_incoming_email = True

	write_row = doc.db_insert

	def write_row_and_note(*args: object, **kwargs: object) -> object:
		written = write_row(*args, **kwargs)
		note(doc.doctype, doc.name)
		return written

	doc.db_insert = write_row_and_note
	try:
		doc.insert(ignore_permissions=True)
	except frappe.MandatoryError as error:
		raise frappe.MandatoryError(_missing(doc) or str(error)) from error
	finally:
		# The document may be pickled later, which a closure would prevent.
		doc.__dict__.pop("db_insert", None)
	return doc.name


def document_of_correspondent(doctype: str, sender: Address) -> str | None:
	"""The oldest document of a type whose correspondent is exactly ``sender``, case aside."""
	field = mail_fields(doctype).sender
	address = address_for_field(sender)
	if not (field and address):
		return None
	rows = frappe.get_all(
		doctype,
		filters={field: ("in", sorted({address, address.lower()}))},
		fields=["name", f"{field} as sender"],
		order_by="creation asc, name asc",
	)
	# The database takes a letter with an accent for the one without.
	return next((row.name for row in rows if (row.sender or "").strip().lower() == address.lower()), None)


def address_for_field(sender: Address) -> str | None:
	"""The sender's address, or None for one that the host's fields refuse: ``root@localhost`` writes mail as well."""
	address = sender.address
	return address if len(address) <= LONGEST_ADDRESS and validate_email_address(address) else None


def _missing(doc: frappe._dict) -> str:
	"""Labels of the mandatory fields that are empty."""
	empty = [df for df in doc.meta.fields if df.reqd and doc.get(df.fieldname) in (None, "", [])]
	return listed(df.label or df.fieldname for df in empty)


def field_length(doctype: str, fieldname: str) -> int | None:
	"""How many characters a field takes; None where there is no limit to speak of."""
	df = frappe.get_meta(doctype).get_field(fieldname)
	if df.fieldtype in ("Data", "Read Only"):
		return int(df.get("length") or 140)
	return LONGEST_TEXT if df.fieldtype in ("Small Text", "Text") else None


def _cut(doctype: str, fieldname: str, value: str) -> str:
	"""A value short enough for its field: the host refuses longer ones."""
	return value[: field_length(doctype, fieldname)]
