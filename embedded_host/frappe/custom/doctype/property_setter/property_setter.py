"""Properties of a DocType or of a field that an app or an administrator changes."""

from __future__ import annotations

from typing import Any

from frappe.host.context import local
from frappe.host.shared import META
from frappe.model.document import Document, get_doc


class PropertySetter(Document):
	def autoname(self) -> None:
		self.name = "-".join(part for part in (self.doc_type, self.field_name or self.row_name or "main", self.property) if part)

	def validate(self) -> None:
		"""There is one setter for a property: a new one takes the place of the old."""
		if self.is_new():
			local.db.delete(
				"Property Setter",
				{"doc_type": self.doc_type, "field_name": self.field_name or ("is", "not set"), "property": self.property, "doctype_or_field": self.doctype_or_field},
			)

	def on_update(self) -> None:
		local.db.epochs.touch(META)

	def after_delete(self) -> None:
		local.db.epochs.touch(META)


def make_property_setter(
	doctype: str,
	fieldname: str | None,
	property: str,
	value: Any,
	property_type: str,
	for_doctype: bool = False,
	validate_fields_for_doctype: bool = True,
	is_system_generated: bool = True,
) -> Any:
	setter = get_doc(
		{
			"doctype": "Property Setter",
			"doctype_or_field": "DocType" if for_doctype else "DocField",
			"doc_type": doctype,
			"field_name": fieldname,
			"property": property,
			"value": value,
			"property_type": property_type,
			"is_system_generated": int(is_system_generated),
		}
	)
	setter.flags.ignore_permissions = True
	return setter.insert()


def delete_property_setter(doc_type: str, property: str | None = None, field_name: str | None = None, row_name: str | None = None) -> None:
	filters = {"doc_type": doc_type, "property": property, "field_name": field_name, "row_name": row_name}
	local.db.delete("Property Setter", {key: value for key, value in filters.items() if value})
	local.db.epochs.touch(META)
