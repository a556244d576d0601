"""The table between documents and their own e-mail addresses (row L1)."""

from __future__ import annotations

import os

import frappe

from dokos_mail.engine.message.document_address import document_address, new_token

TABLE = "Document Email Address"


def linking_addresses() -> list[str]:
	"""The addresses of the accounts whose mail is linked with documents by the address it was sent to."""
	return frappe.get_all("Email Account", filters={"enable_incoming": 1, "enable_automatic_linking": 1}, pluck="email_id")


def address_of(doctype: str, name: str, account: str | None = None) -> str | None:
	"""The own address of a document, made at the first call; None where linking is off or the address would be too long.

	``account`` is the address of the account that is to get its mail, where it matters which. The caller sees to who may know
	it. The first call writes, and asks for a commit after a request that only reads.
	"""
	accounts = linking_addresses()
	if not accounts or frappe.get_meta(doctype).issingle or frappe.get_meta(doctype).istable:
		return None
	made_on = frappe.db.get_value(doctype, name, "creation")
	if made_on is None:
		return None
	about = {"reference_doctype": doctype, "reference_name": name, "made_on": str(made_on)}
	token = frappe.db.get_value(TABLE, about, "name", order_by="creation asc")
	if not token and not frappe.flags.read_only:
		token = new_token(os.urandom)
		frappe.get_doc({"doctype": TABLE, "token": token, **about}).insert(ignore_permissions=True)
		frappe.local.flags.commit = True
	return document_address(account or accounts[0], token) if token else None


def document_of(token: str) -> tuple[str, str, bool] | None:
	"""The document that a token stands for: type, name, and whether it is still there; None for a token of nobody's.

	A document that was made later under the same name is another one.
	"""
	row = frappe.db.get_value(TABLE, token, ["reference_doctype", "reference_name", "made_on"], as_dict=True)
	if row is None:
		return None
	doctype, name = row.reference_doctype, row.reference_name
	made_on = frappe.db.get_value(doctype, name, "creation") if frappe.db.exists("DocType", doctype) else None
	return doctype, name, made_on is not None and str(made_on) == row.made_on
