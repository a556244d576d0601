"""Which folders of a mailbox are read, and what the server says they are for."""

from __future__ import annotations

import json
from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from dokos_mail.engine.errors import CommandRefused, FolderMissing
from dokos_mail.engine.receive.imap import ImapSession
from dokos_mail.engine.receive.special_use import sent_folder, special_use
from dokos_mail.inbound.account import STATUS

#: So long what the server says of its folders is believed without asking again.
LIST_AGAIN = timedelta(days=1)


def folders_to_read(session: ImapSession, settings: frappe._dict, status: str) -> list[str]:
	"""Names of the folders to read: the account's own, then the one of sent mail where that is watched.

	Asks the server once a day what its folders are for, and at once for a folder that is new; keeps it on the account's
	``status`` row, and commits. Raises FolderMissing when there is no folder of sent mail to watch.
	"""
	names = [name for name, _append_to in settings.folders()]
	watches = bool(cint(settings.get("watch_sent_folder")))
	if not watches and all(name.upper() == "INBOX" for name in names):
		return names
	asked_for = {"names": sorted(names), "watches": watches, "named": (settings.get("sent_folder_name") or "").strip()}
	known = json.loads(frappe.db.get_value(STATUS, status, "special_folders") or "{}")
	if known.get("asked_for") != asked_for or _is_old(known.get("at")):
		known = _ask(session, known, asked_for)
		frappe.db.set_value(STATUS, status, "special_folders", json.dumps(known), update_modified=False)
		frappe.db.commit()
	sent = known.get("sent")
	return [*names, sent] if watches and sent and sent not in names else names


def missing_sent_folder(settings: frappe._dict, status: str) -> FolderMissing | None:
	"""What to say of an account whose folder of sent mail is to be watched and cannot be found; None when all is well."""
	known = json.loads(frappe.db.get_value(STATUS, status, "special_folders") or "{}")
	if not cint(settings.get("watch_sent_folder")) or known.get("sent"):
		return None
	return FolderMissing(
		host=settings.email_server, folder=_("Sent"), detail=_("the server names no folder of sent mail: type its name")
	)


def _ask(session: ImapSession, known: dict[str, object], asked_for: dict[str, object]) -> dict[str, object]:
	"""What the server says; where it refuses to, what it said before."""
	answer = {"at": str(now_datetime()), "asked_for": asked_for, "folders": {}, "sent": asked_for["named"] or None}
	try:
		listed = session.folders()
	except CommandRefused:
		return answer | {key: known[key] for key in ("folders", "sent") if known.get(key)}
	return answer | {"folders": special_use(listed), "sent": sent_folder(listed, str(asked_for["named"]))}


def _is_old(moment: object) -> bool:
	age = now_datetime() - get_datetime(moment) if moment else LIST_AGAIN
	return not timedelta(0) <= age < LIST_AGAIN
