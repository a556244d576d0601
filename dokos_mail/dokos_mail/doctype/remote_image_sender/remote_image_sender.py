from __future__ import annotations

from frappe.model.document import Document


class RemoteImageSender(Document):
	"""A sender whose remote images a user always wants to see. Written by ``dokos_mail.reader`` alone."""
