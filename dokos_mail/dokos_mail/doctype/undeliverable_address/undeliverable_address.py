from __future__ import annotations

from frappe.model.document import Document


class UndeliverableAddress(Document):
	"""An address at which a mail of ours failed for good, or whose owner complained. A System Manager may forget it."""
