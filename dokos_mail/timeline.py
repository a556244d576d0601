"""What a form's timeline is told: the document's own address with its token, where the host would show one that anybody
can guess.

The host puts its own in ``docinfo``, which these methods of its desk answer with; each is called as it is, and its
answer mended.
"""

from __future__ import annotations

import frappe

from dokos_mail.document_address import address_of


@frappe.whitelist()
def getdoc() -> object:
	"""A document for its form."""
	return _with_address("frappe.desk.form.load.getdoc")


@frappe.whitelist()
def get_docinfo() -> object:
	"""What is known about a document."""
	return _with_address("frappe.desk.form.load.get_docinfo")


@frappe.whitelist(methods=["POST", "PUT"])
def savedocs() -> object:
	"""Save a document from its form."""
	return _with_address("frappe.desk.form.save.savedocs")


@frappe.whitelist(methods=["POST", "PUT"])
def cancel() -> object:
	"""Cancel a document from its form."""
	return _with_address("frappe.desk.form.save.cancel")


@frappe.whitelist(methods=["POST", "PUT"])
def discard() -> object:
	"""Discard a draft from its form (Frappe 16)."""
	return _with_address("frappe.desk.form.save.discard")


def _with_address(method: str) -> object:
	"""Call the host's method with what the request gave, and put the document's own address in its answer."""
	answer = frappe.call(frappe.get_attr(method), **frappe.local.form_dict)
	docinfo = frappe.local.response.get("docinfo")
	if docinfo:
		docinfo["document_email"] = address_of(docinfo["doctype"], docinfo["name"])
	return answer
