"""Mail that its account cannot send for days: it is kept, and whoever wrote it is told once.

A thousand mails of one writer are one notice: nothing more is said to her of an account while a mail that she was told of
still waits for it.
"""

from __future__ import annotations

from typing import Any

import frappe
from frappe import _
from frappe.utils import now_datetime

from dokos_mail.engine.send import row as states
from dokos_mail.engine.send.retry import FOR
from dokos_mail.outbound import account as accounts
from dokos_mail.outbound import notice
from dokos_mail.outbound.claim import QUEUE, WAITING


def tell_writers() -> int:
	"""Tell whoever wrote mail that has waited for two days because of its account; how many were told. Commits.

	What fails for the recipient's sake has been given up by then, with a notice of its own.
	"""
	table = frappe.qb.DocType(QUEUE)
	found = _waited(table).select(table.owner, table.email_account).distinct().run()
	return sum(_tell_writer(owner, account or "") for owner, account in found)


def no_account() -> str:
	"""What is said where no account sends a mail."""
	return _("No Email Account sends this email: none is the default for outgoing emails.")


def tell(row: frappe._dict, reason: str) -> bool:
	"""Tell a waiting row's writer why it waits, unless she knows of this account. Returns whether she was told now.

	All that she has waiting for the account is marked as told of.
	"""
	hers = {"owner": row.owner, "email_account": row.email_account or ("is", "not set")}
	known = frappe.db.exists(QUEUE, hers | {"notified": 1, "status": ("in", [*WAITING, "Sending"])})
	if not known:
		notice.tell(row, states.WAITING, reason)
	frappe.db.set_value(QUEUE, hers | {"notified": 0, "status": ("in", WAITING)}, "notified", 1, update_modified=False)
	return not known


def _waited(table: Any) -> Any:
	"""Rows that wait for two days since they were to leave, and whose writer does not know."""
	before = now_datetime() - FOR
	untried = table.first_try.isnull() & (table.creation <= before) & (table.send_after.isnull() | (table.send_after <= before))
	return frappe.qb.from_(table).where(
		table.status.isin(WAITING) & (table.notified == 0) & ((table.first_try <= before) | untried)
	)


def _tell_writer(owner: str, account: str) -> bool:
	table = frappe.qb.DocType(QUEUE)
	of_account = table.email_account == account if account else table.email_account.isnull() | (table.email_account == "")
	oldest = _waited(table).where((table.owner == owner) & of_account).select(table.name).orderby(table.creation).limit(1).run()
	if not oldest:
		return False
	row = frappe.get_doc(QUEUE, oldest[0][0])
	reason = _reason(row)
	told = bool(reason) and tell(row, reason)
	frappe.db.commit()
	return told


def _reason(row: frappe._dict) -> str:
	"""What its account has that keeps the row, and what to do; empty where the account sends."""
	account = accounts.sending_account(row)
	if account is None:
		return no_account()
	if account.is_hosts_service():
		return ""
	return accounts.failure(account) or accounts.paced(account) or ""
