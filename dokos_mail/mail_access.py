"""Who may read a mail, where the host's own answer is too wide: whoever has a role that reads Communications reads all.

The hosts narrow their lists to the accounts of the user, and neither their forms nor anything that reads by name.
"""

from __future__ import annotations

import frappe
from frappe.model.document import Document

#: Roles whose users read everybody's mail.
EVERYBODYS = frozenset(("System Manager", "Super Email User"))


def may_read(communication: Document) -> bool:
	"""Whether the user may read a mail: one's own, one of an account of one's own, or one on a document that one may read."""
	return bool(communication.has_permission("read")) and _is_ones_own(communication, frappe.session.user)


def has_permission(doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False) -> bool:
	"""Refuse a mail that is another's, whatever is asked of it; of others, what the host's other hooks say (hook `has_permission`).

	Frappe 16 takes silence for a no. Frappe 15 and Dokos take the first answer for the last word, and ask the last app
	first: so those that would be asked after this one are asked here.
	"""
	user = user or frappe.session.user
	if ptype != "create" and not _is_ones_own(doc, user):
		return False
	for method in reversed(_asked_before_ours()):
		answer = frappe.call(method, doc=doc, ptype=ptype, user=user, debug=debug)
		if answer is not None:
			return bool(answer)
	return True


def _asked_before_ours() -> list[str]:
	"""The hooks of the apps that stand before this one; of all others, should it not be there."""
	ours = f"{__name__}.{has_permission.__name__}"
	named = frappe.get_hooks("has_permission").get("Communication") or []
	return named[: named.index(ours)] if ours in named else named


def in_lists(user: str | None = None) -> str:
	"""The mail that lists show a user: that of the own accounts (hook `permission_query_conditions`)."""
	user = user or frappe.session.user
	if EVERYBODYS & set(frappe.get_roles(user)):
		return ""
	accounts = frappe.get_all("User Email", filters={"parent": user}, pluck="email_account", distinct=True)
	known = ", ".join(frappe.db.escape(account) for account in accounts) or "null"
	own = f"`tabCommunication`.`owner` = {frappe.db.escape(user)}"
	return f"(`tabCommunication`.`communication_medium` != 'Email' or {own} or `tabCommunication`.`email_account` in ({known}))"


def _is_ones_own(communication: Document, user: str) -> bool:
	if communication.communication_medium != "Email" or communication.owner == user or EVERYBODYS & set(frappe.get_roles(user)):
		return True
	account = communication.email_account
	if account and frappe.db.exists("User Email", {"parent": user, "email_account": account}):
		return True
	documents = [(communication.reference_doctype, communication.reference_name)]
	documents += [
		(link.link_doctype, link.link_name)
		for link in communication.get("timeline_links") or ()
		if link.link_doctype != "Contact"
	]
	return any(doctype and name and _may_read_document(doctype, name, user) for doctype, name in documents)


def _may_read_document(doctype: str, name: str, user: str) -> bool:
	# a mail about a mail says nothing: it could be about itself
	if doctype == "Communication" or not (frappe.db.exists("DocType", doctype) and frappe.db.exists(doctype, name)):
		return False
	return bool(frappe.has_permission(doctype, "read", doc=name, user=user))
