from __future__ import annotations

import frappe
from frappe.model.document import Document


class DocumentEmailAddress(Document):
	"""The token in a document's own e-mail address. Written by ``dokos_mail.document_address`` alone."""


def on_doctype_update() -> None:
	# The usual name is taken: PostgreSQL has one index of a name in a whole site.
	frappe.db.add_index("Document Email Address", ["reference_doctype", "reference_name"], "mail_address_reference")
