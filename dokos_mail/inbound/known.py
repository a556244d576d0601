"""What the host holds that bears on a message: its ancestors, and other copies of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import frappe
from frappe.utils import get_datetime, now_datetime

from dokos_mail.engine.message.addresses import parse_addresses
from dokos_mail.engine.message.authentication import FAIL
from dokos_mail.engine.message.subject import base_subject, same_subject
from dokos_mail.inbound.absent import NOTHING, Absent
from dokos_mail.inbound.documents import field_length, mail_fields
from dokos_mail.inbound.journal import DUPLICATE, FAILED, IGNORED, JOURNAL, JOURNALLED, PROCESSED
from dokos_mail.inbound.place import Ancestor, Reference

#: Of a longer Message-ID the journal keeps this many characters.
LONGEST_MESSAGE_ID = 500
#: Message-IDs that differ in nothing but case and accents, of which we look at no more.
MOST_ALIKE = 20
#: Seconds by which two clocks of the earth may differ.
LARGEST_OFFSET = 26 * 3600
#: Kinds of Communication that go out and come in as mail.
MAIL_TYPES = ("Communication", "Automated Message")
#: For so long an answer finds its document by its subject alone, as on the hosts.
SUBJECT_DAYS = 60
#: Documents of one correspondent among which a subject is looked for.
MOST_DOCUMENTS = 500


def find_ancestors(message_ids: Sequence[str], account: str, sender: str = "", absent: Absent = NOTHING) -> dict[str, Ancestor]:
	"""Those of the messages that the host knows, by Message-ID.

	Where several Communications carry one Message-ID (mail to several of our accounts), the one of ``account`` is
	taken, and among equals one that is on a document.
	"""
	wanted = set(message_ids)
	rows = _communications(absent.without("Communication", "message_id", wanted))
	rows.sort(key=lambda row: (row.email_account != account, not row.reference_name))
	found: dict[str, Ancestor] = {}
	for row in rows:
		if row.message_id in wanted and row.message_id not in found:
			found[row.message_id] = _ancestor(row.name, row.reference_doctype, row.reference_name)
	if unknown := wanted - set(found):
		found |= _queued(set(absent.without("Email Queue", "message_id", unknown)))
	if unknown := wanted - set(found):
		found |= _named(unknown, sender)
	return found


def _communications(message_ids: list[str]) -> list[frappe._dict]:
	if not message_ids:
		return []
	return frappe.get_all(
		"Communication",
		filters={"message_id": ("in", message_ids), "communication_type": ("in", MAIL_TYPES)},
		fields=["name", "message_id", "reference_doctype", "reference_name", "email_account"],
		order_by="creation asc",
	)


def _queued(message_ids: set[str]) -> dict[str, Ancestor]:
	"""Messages that left through the host's queue without a Communication of that Message-ID."""
	if not message_ids:
		return {}
	rows = frappe.get_all(
		"Email Queue",
		filters={"message_id": ("in", list(message_ids))},
		fields=["message_id", "communication", "reference_doctype", "reference_name"],
		order_by="creation asc",
	)
	return {
		row.message_id: _ancestor(row.communication, row.reference_doctype, row.reference_name)
		for row in rows
		if row.message_id in message_ids
	}


def _named(message_ids: set[str], sender: str) -> dict[str, Ancestor]:
	"""Messages that the host once sent under the name of their Communication, ``<name@site>``, and kept no Message-ID of.

	Only for whom they were sent to: names can be seen in the desk's addresses, Message-IDs cannot.
	"""
	sites = {frappe.local.site.lower(), str(frappe.conf.get("host_name") or "").partition("://")[2].lower()}
	by_name = {}
	for message_id in message_ids:
		name, _at, domain = message_id.rpartition("@")
		if name and domain.lower() in sites:
			by_name[name] = message_id
	if not by_name or not sender:
		return {}
	rows = frappe.get_all(
		"Communication",
		filters={"name": ("in", list(by_name)), "sent_or_received": "Sent", "message_id": ("is", "not set")},
		fields=["name", "recipients", "cc", "bcc", "reference_doctype", "reference_name"],
	)
	return {
		by_name[row.name]: _ancestor(row.name, row.reference_doctype, row.reference_name)
		for row in rows
		if row.name in by_name and sender.lower() in _addresses(row.recipients, row.cc, row.bcc)
	}


def _addresses(*fields: str | None) -> set[str]:
	found = (address for field in fields if field for address in parse_addresses(field.encode()))
	return {address.address.lower() for address in found}


def find_unprocessed(message_ids: Sequence[str], row: str | None, absent: Absent = NOTHING) -> dict[str, str]:
	"""Those of the messages that are in the journal and could not be processed, with the names of their rows.

	``row`` is the message that names them: one that names itself waits for nobody.
	"""
	message_ids = absent.without(JOURNAL, "message_id", message_ids)
	if not message_ids:
		return {}
	rows = frappe.get_all(
		JOURNAL,
		filters={"message_id": ("in", list(message_ids)), "state": FAILED, "communication": ("is", "not set")},
		fields=["name", "message_id"],
		order_by="creation desc",
	)
	return {found.message_id: found.name for found in rows if found.message_id in message_ids and found.name != row}


def find_alike(doctype: str, subject: str, sender: str) -> list[Reference]:
	"""Documents of a type whose correspondent is ``sender`` and whose bare subject is ``subject``, the newest first.

	Only those that somebody touched within SUBJECT_DAYS. None where the type has no field for either.
	"""
	fields = mail_fields(doctype)
	if not (fields.sender and fields.subject and subject and sender):
		return []
	since = now_datetime() - timedelta(days=SUBJECT_DAYS)
	rows = frappe.get_all(
		doctype,
		filters={fields.sender: ("in", sorted({sender, sender.lower()})), "modified": (">=", since)},
		fields=["name", f"{fields.sender} as sender", f"{fields.subject} as subject"],
		order_by="creation desc, name desc",
		limit=MOST_DOCUMENTS,
	)
	length = field_length(doctype, fields.subject)
	found = []
	for row in rows:
		theirs, _answers = base_subject(row.subject or "")
		cut = length is not None and len(row.subject or "") >= length
		if (row.sender or "").strip().lower() == sender.lower() and same_subject(subject, theirs, cut):
			found.append(Reference(doctype, row.name))
	made_in_vain = _made_by_pretenders(found)
	return [reference for reference in found if reference not in made_in_vain]


def _made_by_pretenders(references: Sequence[Reference]) -> set[Reference]:
	"""Those documents that a mail made whose sender was not who it said: nobody's answer is drawn to them by subject."""
	if not references:
		return set()
	on_them = {"reference_doctype": references[0].doctype, "reference_name": ("in", [one.name for one in references])}
	rows = frappe.get_all("Communication", filters=on_them | {"incoming_email": ("is", "set")}, pluck="incoming_email")
	if not rows:
		return set()
	false = {"name": ("in", rows), "rule": "append_to", "authentication": FAIL}
	return {
		Reference(row.reference_doctype, row.reference_name)
		for row in frappe.get_all(JOURNAL, filters=false, fields=["reference_doctype", "reference_name"])
	}


def colleague(address: str) -> str | None:
	"""The user of the site whose address this is, enabled and of the desk; None for any other.

	Databases of the hosts compare without regard to accents and widths of letters: to them jéan@ is jean@, whose domain
	somebody else may own, and sign for.
	"""
	wanted = address.strip().lower()
	rows = frappe.get_all("User", filters={"email": wanted, "enabled": 1, "user_type": "System User"}, fields=["name", "email"])
	return next((row.name for row in rows if (row.email or "").lower() == wanted), None) if wanted else None


def passes_for_colleague(address: str, verdict: str) -> bool:
	"""Whether a message may be taken for one of a user of the site: it says so, and nobody says otherwise."""
	return verdict != FAIL and colleague(address) is not None


def _ancestor(communication: str | None, doctype: str | None, name: str | None) -> Ancestor:
	if not (doctype and name):
		return Ancestor(communication)
	exists = bool(frappe.db.exists("DocType", doctype) and frappe.db.exists(doctype, name))
	return Ancestor(communication, Reference(doctype, name), exists)


@dataclass(frozen=True)
class Copies:
	"""Other records of a message.

	``same`` is the row of the same account with the same content; ``elsewhere`` one of another account;
	``clash`` is True when the account has the Message-ID with other content. ``legacy`` is a Communication of the
	account with this Message-ID that the host received before we did. ``filed`` is whether the host has any Communication
	of this Message-ID.
	"""

	same: str | None = None
	elsewhere: str | None = None
	clash: bool = False
	legacy: str | None = None
	filed: bool = False


def find_copies(
	row: frappe._dict, message_id: str | None, content_hash: str, sent_on: datetime | None = None, absent: Absent = NOTHING
) -> Copies:
	"""Other records of the message of a journal row. Looks at few rows, however many there are of it.

	``sent_on`` is its date in the site's time zone: what the host received before us has no content to compare. Most
	messages have no copy anywhere: whether there is any is asked first, and only then which.
	"""
	done = {"state": ("in", [PROCESSED, DUPLICATE, IGNORED])}
	# One that failed after its Communication was made is there all the same.
	half_done = {"state": ("in", [JOURNALLED, FAILED]), "communication": ("is", "set")}
	ours, content = {"email_account": row.email_account}, {"content_hash": content_hash}
	same = elsewhere = clash = legacy = None
	filed = False
	if not absent.holds(JOURNAL, "content_hash", content_hash) and _are_others(row, content):
		same = _first(row, ours | content | done) or _first(row, ours | content | half_done)
		elsewhere = _first(row, content | {"email_account": ("!=", row.email_account), "state": PROCESSED})
	if message_id and not same:
		unknown = absent.holds("Communication", "message_id", message_id)
		filed = not unknown and bool(frappe.db.exists("Communication", {"message_id": message_id}))
		in_journal = message_id[:LONGEST_MESSAGE_ID]
		if not absent.holds(JOURNAL, "message_id", in_journal) and _are_others(row, {"message_id": in_journal}):
			clash = _first(row, ours | {"message_id": in_journal} | done, in_journal)
		if filed and not clash and (legacy := _legacy(row.email_account, message_id)) and not _same_date(legacy, sent_on):
			clash, legacy = legacy, None
	return Copies(same, elsewhere, bool(clash), legacy, filed)


def introduce(stored: Mapping[str, str], account: str) -> bool:
	"""Let rows of ``account`` that are committed, by their content, know of copies of other accounts, and those of them.

	Two processes that store copies at the same time do not see each other's before both are committed: whoever looks
	last sees both. Returns whether there was anything to write; the caller commits.
	"""
	same = {"content_hash": ("in", list(stored)), "email_account": ("!=", account), "state": PROCESSED}
	copies = frappe.get_all(JOURNAL, filters=same, fields=["name", "content_hash", "other_copy"], order_by="creation desc")
	for copy in copies:
		ours = stored[copy.content_hash]
		frappe.db.set_value(JOURNAL, ours, "other_copy", copy.name, update_modified=False)
		if not copy.other_copy:
			frappe.db.set_value(JOURNAL, copy.name, "other_copy", ours, update_modified=False)
	return bool(copies)


def _are_others(row: frappe._dict, filters: dict[str, object]) -> bool:
	return bool(frappe.db.exists(JOURNAL, filters | {"name": ("!=", row.name)}))


def _first(row: frappe._dict, filters: dict[str, object], message_id: str | None = None) -> str | None:
	"""The first other row; with exactly this ``message_id``, which the database compares without regard to case."""
	found = frappe.get_all(
		JOURNAL,
		filters=filters | {"name": ("!=", row.name)},
		fields=["name", "message_id"],
		order_by="creation asc",
		limit=1 if message_id is None else MOST_ALIKE,
	)
	return next((other.name for other in found if message_id in (None, other.message_id)), None)


def _legacy(account: str, message_id: str) -> str | None:
	"""A received Communication of this account and Message-ID that has no journal row: the host's own."""
	return _without_journal({"message_id": message_id, "email_account": account})


def _same_date(communication: str, sent_on: datetime | None) -> bool:
	"""Whether the host's own Communication may be of a message with that date.

	Scanners and monitors give all their messages one Message-ID. The host took "now" for a date in the future, and its
	time zone may have been another one then: whole half hours do not count.
	"""
	row = frappe.db.get_value("Communication", communication, ["communication_date", "creation"], as_dict=True)
	if sent_on is None or not row.communication_date or sent_on > get_datetime(row.creation):
		return True
	apart = abs((get_datetime(row.communication_date) - sent_on).total_seconds())
	return apart <= LARGEST_OFFSET and min(apart % 1800, -apart % 1800) <= 2


def find_legacy_without_id(account: str, senders: Sequence[str], sent_on: datetime | None) -> str | None:
	"""The host's own Communication of a message without a Message-ID: the same sender at the same second."""
	if not senders or sent_on is None:
		return None
	filters = {"email_account": account, "communication_date": sent_on.replace(microsecond=0), "message_id": ("is", "not set")}
	return _without_journal(filters | {"sender": ("in", [sender.lower() for sender in senders])})


def _without_journal(filters: dict[str, object]) -> str | None:
	rows = frappe.get_all(
		"Communication",
		filters=filters | {"sent_or_received": "Received"},
		fields=["name", "incoming_email"],
		order_by="creation asc",
		limit=MOST_ALIKE,
	)
	# Uninstalling drops the journal, and leaves the pointers into it.
	return next((row.name for row in rows if not (row.incoming_email and frappe.db.exists(JOURNAL, row.incoming_email))), None)
