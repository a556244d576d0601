from __future__ import annotations

from frappe.model.document import Document


class EmailAccountStatus(Document):
	"""How an account's connection is doing, and who pulls it now. Its name is the account's key in the journal."""
