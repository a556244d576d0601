from __future__ import annotations

import json
from urllib.parse import quote

import frappe
from frappe import _
from frappe.model.document import Document


class IncomingEmail(Document):
	"""The journal's row: one message that a mail server handed over. Written by ``dokos_mail.inbound`` alone."""

	def onload(self) -> None:
		"""What a form shows besides, made when it is opened and never stored: why the mail is where it is, and in
		its state, in the reader's language, and where its original is downloaded."""
		from dokos_mail import reasons
		from dokos_mail.inbound.words import in_words

		self.reason = reasons.in_words(self.reason, self.reason_detail)
		self.explanation = in_words(self.rule, json.loads(self.trace or "[]"), _)
		if self.raw_path:
			self.original = f"/api/method/dokos_mail.api.download_original?name={quote(self.name)}"

	@frappe.whitelist()
	def try_placing(self) -> None:
		"""Say where the message would go if it came now; nothing is stored (a button of the form)."""
		from dokos_mail.api import explain_mail

		explained = explain_mail(name=self.name)
		frappe.msgprint("<br>".join(map(frappe.utils.escape_html, explained["lines"])), title=_("Where it would go now"))

	def on_trash(self) -> None:
		"""The identity must stay, or the message would be imported again."""
		if not frappe.flags.in_uninstall:
			frappe.throw(_("A journal row cannot be deleted: the message would be imported again at the next pull."))
