from __future__ import annotations

from frappe.model.document import Document


class EmailReaction(Document):
	"""What is to be done because a mail came: an automatic answer, a notice. Written by ``dokos_mail.inbound`` alone."""

	def onload(self) -> None:
		"""Why it is in its state in the reader's language, made when a form is opened and never stored."""
		from dokos_mail import reasons

		self.reason = reasons.in_words(self.reason, self.reason_detail)
