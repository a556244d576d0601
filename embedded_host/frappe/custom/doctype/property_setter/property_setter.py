"""Properties of a DocType or of a field that an app or an administrator changes."""

from __future__ import annotations

from frappe.host.context import local
from frappe.host.shared import META
from frappe.model.document import Document


class PropertySetter(Document):
	def autoname(self) -> None:
		self.name = "-".join(part for part in (self.doc_type, self.field_name or self.row_name or "main", self.property) if part)

	def validate(self) -> None:
		"""There is one setter for a property: a new one takes the place of the old."""
		if self.is_new():
			local.db.delete(
				"Property Setter",
				{
					"doc_type": self.doc_type,
					"field_name": self.field_name or ("is", "not set"),
					"property": self.property,
					"doctype_or_field": self.doctype_or_field,
				},
			)

	def on_update(self) -> None:
		local.db.epochs.touch(META)

	def after_delete(self) -> None:
		local.db.epochs.touch(META)
