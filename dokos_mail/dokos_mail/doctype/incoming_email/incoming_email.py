from __future__ import annotations

import json

import frappe
from frappe import _
from frappe.model.document import Document


class IncomingEmail(Document):
	"""The journal's row: one message that a mail server handed over. Written by ``dokos_mail.inbound`` alone."""

	def onload(self) -> None:
		"""Why the mail is where it is, in the reader's language: made when the form is opened, never stored."""
		from dokos_mail.inbound.place import in_words

		self.explanation = in_words(self.rule, json.loads(self.trace or "[]"), _)

	def on_trash(self) -> None:
		"""The identity must stay, or the message would be imported again."""
		if not frappe.flags.in_uninstall:
			frappe.throw(_("A journal row cannot be deleted: the message would be imported again at the next pull."))
