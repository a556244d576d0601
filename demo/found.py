"""What the site holds of each message, read from its database and its files as plain data."""

from __future__ import annotations

import hashlib
import json
from email import message_from_bytes

import frappe

from demo.expectations import Expected, Found
from demo.messages import MESSAGES

ROW = (
	"name",
	"email_account",
	"folder",
	"state",
	"reason",
	"subject",
	"sender",
	"message_id",
	"communication",
	"reference_doctype",
	"reference_name",
	"rule",
	"trace",
	"other_copy",
	"possible_duplicate",
	"raw_path",
)
COMMUNICATION = (
	"name",
	"subject",
	"sender",
	"sender_full_name",
	"content",
	"text_content",
	"sent_or_received",
	"in_reply_to",
	"reference_doctype",
	"reference_name",
	"message_id",
)


def identify(message_id: str, subject: str) -> str:
	"""What tells messages of the demo apart in the journal: the Message-ID, or the subject where there is none."""
	return message_id.strip("<> ") or subject


def identities() -> dict[str, str]:
	"""The identity of each message of the demo, by its key."""
	found = {}
	for sent in MESSAGES:
		head = message_from_bytes(sent.raw()[:4096])
		found[sent.key] = identify(head.get("Message-ID", ""), str(head.get("Subject", "")))
	return found


def read_journal() -> list[Found]:
	"""Every row of the journal, in the order of its coming."""
	addresses = dict(frappe.get_all("Email Account", fields=["name", "email_id"], as_list=True))
	rows = frappe.get_all("Incoming Email", fields=list(ROW), order_by="creation asc, idx asc")
	accounts = {row.name: addresses.get(row.email_account, row.email_account) for row in rows}
	found = []
	for row in rows:
		each = Found(dict(row), accounts[row.name], other_account=accounts.get(row.other_copy, ""))
		each.trace = json.loads(row.trace or "[]")
		each.raw_is_whole = _raw_is_whole(row.raw_path)
		if row.communication:
			each.communication = dict(frappe.db.get_value("Communication", row.communication, COMMUNICATION, as_dict=True) or {})
			each.files = _files(row.communication)
		if row.reference_doctype and frappe.db.exists(row.reference_doctype, row.reference_name):
			each.document = frappe.get_doc(row.reference_doctype, row.reference_name).as_dict()
		found.append(each)
	return found


def match(expected: tuple[Expected, ...], journal: list[Found]) -> tuple[list[Found | None], list[Found]]:
	"""What was found of each expectation, None where there is nothing, and what nobody expected."""
	names = identities()
	left = list(journal)
	matched: list[Found | None] = []
	for each in expected:
		for found in left:
			row = found.row
			same = identify(str(row["message_id"] or ""), str(row["subject"] or "")) == names[each.key]
			if same and found.account == each.account:
				matched.append(found)
				left.remove(found)
				break
		else:
			matched.append(None)
	return matched, left


def _raw_is_whole(path: str | None) -> bool:
	"""Whether the raw file is there with the content its name promises (it is named by its SHA-256)."""
	from dokos_mail.inbound.account import raw_store

	if not path:
		return False
	file = raw_store().path(path)
	return file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == file.stem


def _files(communication: str) -> dict[str, bytes]:
	files = {}
	for name in frappe.get_all(
		"File", filters={"attached_to_doctype": "Communication", "attached_to_name": communication}, pluck="name"
	):
		doc = frappe.get_doc("File", name)
		content = doc.get_content()
		files[doc.file_name] = content.encode() if isinstance(content, str) else content
	return files
