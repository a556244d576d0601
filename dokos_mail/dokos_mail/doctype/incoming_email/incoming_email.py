from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document


class IncomingEmail(Document):
	"""The journal's row: one message that a mail server handed over. Written by ``dokos_mail.inbound`` alone."""

	def on_trash(self) -> None:
		"""The identity must stay, or the message would be imported again."""
		if not frappe.flags.in_uninstall:
			frappe.throw(_("A journal row cannot be deleted: the message would be imported again at the next pull."))
