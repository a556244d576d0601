from __future__ import annotations

from frappe.model.document import Document


class EmailFolder(Document):
	"""How far a folder of an account has been read. Written by ``dokos_mail.inbound`` alone."""
