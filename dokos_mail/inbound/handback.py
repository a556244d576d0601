"""The host's own columns filled so that its class receives from where we stopped, once this app is gone.

The host goes on from the highest UID of an account's Communications, and starts over when a folder's UIDVALIDITY is
not the one it kept. It has one such UID for all folders of an account: with several folders it may pass over new mail
in the one with lower UIDs, as it always did.
"""

from __future__ import annotations

import frappe
from frappe.utils import cint

from dokos_mail.inbound.journal import FOLDER
from dokos_mail.inbound.store import LARGEST_INT


def hand_back() -> None:
	"""Fill the columns of every account that was read by us; the caller commits. Doing it again changes nothing."""
	fields = ["email_account", "folder", "uidvalidity", "last_uid"]
	positions = frappe.get_all(FOLDER, filters={"uidvalidity": ("is", "set")}, fields=fields, order_by="creation asc")
	for account in sorted({row.email_account for row in positions}):
		if frappe.db.exists("Email Account", account):
			of_account = [row for row in positions if row.email_account == account]
			_fill_folders(account, of_account)
			_fill_uids(account, max(cint(row.last_uid) for row in of_account))


def keep_folders_up(account: str) -> None:
	"""Fill the columns of the account's folders after a pull; the caller commits.

	Should this app vanish from the bench without being uninstalled, the host's class goes on from there: it looks for
	UIDVALIDITY in these rows, and for the last UID in the Communications, which have theirs from the beginning.
	"""
	fields = ["folder_name as folder", "uidvalidity", "uidnext"]
	rows = {"parent": account, "parenttype": "Email Account"}
	held = {row.pop("folder"): dict(row) for row in frappe.get_all("IMAP Folder", filters=rows, fields=fields)}
	read = {"email_account": account, "uidvalidity": ("is", "set"), "folder": ("in", list(held))}
	for position in frappe.get_all(FOLDER, filters=read, fields=["folder", "uidvalidity", "last_uid"]) if held else ():
		values = _columns(position)
		if held.get(position.folder) not in (None, values):
			frappe.db.set_value("IMAP Folder", rows | {"folder_name": position.folder}, values, update_modified=False)


def _columns(position: frappe._dict) -> dict[str, str]:
	return {"uidvalidity": position.uidvalidity, "uidnext": str(cint(position.last_uid) + 1)}


def _fill_folders(account: str, positions: list[frappe._dict]) -> None:
	having = frappe.get_all("IMAP Folder", filters={"parent": account, "parenttype": "Email Account"}, pluck="folder_name")
	for row in positions:
		values = _columns(row)
		if row.folder in having:
			where = {"parent": account, "parenttype": "Email Account", "folder_name": row.folder}
			frappe.db.set_value("IMAP Folder", where, values, update_modified=False)
		elif not having and row.folder == "INBOX":
			_add_inbox(account, values)


def _add_inbox(account: str, values: dict[str, str]) -> None:
	"""Without a row we read INBOX, and the host nothing."""
	row = frappe.new_doc("IMAP Folder")
	row.update({"parent": account, "parenttype": "Email Account", "parentfield": "imap_folder", "idx": 1})
	append_to = frappe.db.get_value("Email Account", account, "append_to")
	row.update({"folder_name": "INBOX", "append_to": append_to, **values})
	row.db_insert()
	frappe.clear_document_cache("Email Account", account)


def _fill_uids(account: str, last_uid: int) -> None:
	"""The highest UID among the account's received Communications becomes ``last_uid``.

	Higher ones are of an older numbering, or of another account's mailbox; the host marks such with -1.
	"""
	if last_uid > LARGEST_INT:
		return
	mail = {"email_account": account, "communication_medium": "Email", "sent_or_received": "Received"}
	higher = frappe.get_all("Communication", filters=mail | {"uid": (">", last_uid)}, pluck="name")
	for start in range(0, len(higher), 500):
		names = {"name": ("in", higher[start : start + 500])}
		frappe.db.set_value("Communication", names, "uid", -1, update_modified=False)
	newest = frappe.get_all("Communication", filters=mail, pluck="name", order_by="creation desc", limit=1)
	if newest and last_uid:
		frappe.db.set_value("Communication", newest[0], "uid", last_uid, update_modified=False)
