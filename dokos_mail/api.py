"""What the desk calls. Each function checks who asks."""

from __future__ import annotations

import json

import frappe
from frappe import _

from dokos_mail.inbound.account import STATUS, raw_store
from dokos_mail.inbound.journal import JOURNAL
from dokos_mail.jobs import enqueue_pull

#: Jobs of more than this many messages are left to a worker.
MOST_AT_ONCE = 5


@frappe.whitelist(methods=["POST"])
def pull_now(account: str) -> None:
	"""Enqueue a pull of an account."""
	frappe.get_doc("Email Account", account).check_permission("write")
	enqueue_pull(account)


@frappe.whitelist()
def account_status(account: str) -> dict[str, object]:
	"""How an account's connection is doing."""
	frappe.get_doc("Email Account", account).check_permission("read")
	fields = ["state", "error", "remedy", "error_kind", "last_pull", "last_success", "failing_since", "next_attempt"]
	return frappe.db.get_value(STATUS, {"email_account": account}, fields, as_dict=True) or {"state": "Unknown"}


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


def _may_read_original(row: frappe._dict | None) -> bool:
	if "System Manager" in frappe.get_roles():
		return row is not None
	if not row or not row.communication:
		return False
	return bool(frappe.has_permission("Communication", "read", doc=row.communication))
