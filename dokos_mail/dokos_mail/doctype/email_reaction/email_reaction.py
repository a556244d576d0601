from __future__ import annotations

from frappe.model.document import Document


class EmailReaction(Document):
	"""What is to be done because a mail came: an automatic answer, a notice. Written by ``dokos_mail.inbound`` alone."""
