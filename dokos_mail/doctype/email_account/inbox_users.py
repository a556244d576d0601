"""The rows of User that give a user the inbox of an account (row A8).

The desk shows the inbox, and asks for a missing password, by these rows alone.
"""

from __future__ import annotations

import frappe


def set_up_inbox(account: frappe._dict) -> None:
	"""Users whose address is the account's have its inbox; rows that others made for it follow its settings."""
	values = {
		"email_id": account.email_id,
		"awaiting_password": int(account.awaiting_password or 0),
		"enable_outgoing": int(account.enable_outgoing or 0),
		"used_oauth": int(account.auth_method == "OAuth"),
	}
	rows = frappe.get_all("User Email", filters={"email_account": account.name}, fields=["name", "parent", *values])
	for row in rows:
		changed = {field: value for field, value in values.items() if (row[field] or 0) != value}
		if changed:
			frappe.db.set_value("User Email", row.name, changed)
			frappe.clear_document_cache("User", row.parent)
	having = {row.parent for row in rows}
	lacking = [user for user in frappe.get_all("User", filters={"email": account.email_id}, pluck="name") if user not in having]
	for user in lacking:
		doc = frappe.get_doc("User", user)
		doc.append("user_emails", {"email_account": account.name, **values})
		doc.save(ignore_permissions=True)
	if rows or lacking:
		remember_who_is_asked()


def forget_inbox(account: str) -> None:
	"""Take the account's inbox away from every user who has it."""
	for user in sorted(set(frappe.get_all("User Email", filters={"email_account": account}, pluck="parent"))):
		doc = frappe.get_doc("User", user)
		doc.set("user_emails", [row for row in doc.user_emails if row.email_account != account])
		doc.save(ignore_permissions=True)
	remember_who_is_asked()


def remember_who_is_asked() -> None:
	"""Keep the default that the desk reads at login: the users who are asked for a password."""
	waiting = frappe.get_all("User Email", filters={"awaiting_password": 1, "used_oauth": 0}, pluck="parent")
	frappe.db.set_default("email_user_password", ",".join(sorted(set(waiting))))
