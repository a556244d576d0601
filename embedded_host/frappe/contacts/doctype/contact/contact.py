"""People and their addresses."""

from __future__ import annotations

from frappe.host.messages import throw
from frappe.model.document import Document
from frappe.model.naming import append_number_if_name_exists
from frappe.translate import _


class Contact(Document):
	def autoname(self) -> None:
		"""The full name (or an address), with the first document it is linked to, and a number where that is taken."""
		self.name = self._full_name() or (self.email_ids[0].email_id if self.email_ids else "")
		if self.links:
			self.name = f"{self.name}-{self.links[0].link_name.strip()}"
		if self.name:
			self.name = append_number_if_name_exists("Contact", self.name)

	def _full_name(self) -> str:
		return " ".join(part for part in (self.first_name, self.middle_name, self.last_name, self.company_name) if part).strip()

	def validate(self) -> None:
		self.full_name = self._full_name()
		primary = [row for row in self.email_ids if row.is_primary]
		if len(primary) > 1:
			throw(_("Only one {0} can be set as primary.").format(_("Email ID")))
		if self.email_ids and not primary:
			self.email_ids[0].is_primary = 1
			primary = self.email_ids[:1]
		self.email_id = primary[0].email_id.strip() if primary else ""
