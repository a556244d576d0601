"""Who may read a mail, where the host's own answer is too wide: whoever has a role that reads Communications reads all."""

from __future__ import annotations

import frappe
from frappe.model.document import Document

#: Roles whose users read everybody's mail.
EVERYBODYS = frozenset(("System Manager", "Super Email User"))


def may_read(communication: Document) -> bool:
	"""Whether the user may read a mail: one's own, one of an account of one's own, or one on a document that one may read.

	The host's lists are narrowed in the same way; its forms are not.
	"""
	user = frappe.session.user
	if not communication.has_permission("read"):
		return False
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
	return any(doctype and name and _may_read_document(doctype, name) for doctype, name in documents)


def _may_read_document(doctype: str, name: str) -> bool:
	if not (frappe.db.exists("DocType", doctype) and frappe.db.exists(doctype, name)):
		return False
	return bool(frappe.has_permission(doctype, "read", doc=name))
