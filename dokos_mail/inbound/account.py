"""What the way in needs to know of an Email Account besides its settings: its key, its health, its raw files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import frappe
from frappe.utils import get_datetime, now_datetime

from dokos_mail.engine.errors import MailError
from dokos_mail.engine.receive.rawstore import RawStore
from dokos_mail.health import STATUS, announce, failure

#: After the first failure an account rests one minute, then twice as long each time, up to this.
LONGEST_REST = timedelta(minutes=30)


def raw_store() -> RawStore:
	"""The site's raw messages, below ``private/files`` because only what lies there is in a backup."""
	return RawStore(Path(frappe.get_site_path("private", "files", "mail")).resolve())


def status_of(account: str) -> str:
	"""Name of the account's status row, made when missing.

	The name never changes, also when the account is renamed: it is the account's key in the journal.
	"""
	name = frappe.db.get_value(STATUS, {"email_account": account}, "name")
	if name:
		return name
	try:
		doc = frappe.get_doc({"doctype": STATUS, "email_account": account, "state": "Unknown"})
		doc.insert(ignore_permissions=True)
	except (frappe.DuplicateEntryError, frappe.UniqueValidationError):
		# Another process made it a moment ago.
		frappe.db.rollback()
		return frappe.db.get_value(STATUS, {"email_account": account}, "name")
	frappe.db.commit()
	return doc.name


def record_checking(account: str) -> None:
	"""Say that the account's connection is being checked."""
	_record(account, {"state": "Checking", "checking_since": now_datetime()})


def record_success(account: str, *, pulled: bool) -> None:
	"""The server answered as it should; ``pulled`` when its mail was read as well."""
	now = now_datetime()
	values = {
		"state": "Working",
		"error": None,
		"remedy": None,
		"error_kind": None,
		"error_detail": None,
		"failing_since": None,
		"next_attempt": None,
		"failures": 0,
		"last_success": now,
	}
	if pulled:
		values["last_pull"] = now
	_record(account, values)


def record_failure(account: str, error: MailError, *, rest: bool = True) -> None:
	"""The server, or a folder, could not be used: say so on the account.

	``rest`` lets the account rest before the next attempt; it is not for one folder's sake that the others wait.
	"""
	now = now_datetime()
	name = status_of(account)
	before = frappe.db.get_value(STATUS, name, ["failures", "failing_since"], as_dict=True)
	failures = (before.failures or 0) + 1
	pause = min(timedelta(minutes=2 ** min(failures - 1, 10)), LONGEST_REST)
	values = failure(error) | {
		"error_kind": error.kind,
		"failing_since": before.failing_since or now,
		"next_attempt": now + pause if rest else None,
		"failures": failures,
		"last_pull": now,
	}
	_record(account, values)


def is_due(account: str) -> bool:
	"""Whether a scheduled pull may try now, or the account still rests after a failure."""
	next_attempt = frappe.db.get_value(STATUS, {"email_account": account}, "next_attempt")
	if not next_attempt:
		return True
	# A time further off than any rest was written by a clock that went wrong since, or in summer time.
	return not now_datetime() < get_datetime(next_attempt) <= now_datetime() + LONGEST_REST


def _record(account: str, values: dict[str, object]) -> None:
	frappe.db.set_value(STATUS, status_of(account), values)
	frappe.db.commit()
	announce(account)
