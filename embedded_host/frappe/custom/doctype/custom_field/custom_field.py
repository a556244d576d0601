"""Fields that an app or an administrator adds to a DocType."""

from __future__ import annotations

from typing import Any

import frappe.exceptions as errors
from frappe.host.apps import scrub
from frappe.host.context import local
from frappe.host.messages import throw
from frappe.host.shared import META
from frappe.model.document import Document, get_doc
from frappe.model.meta import get_meta
from frappe.translate import _


class CustomField(Document):
	def autoname(self) -> None:
		self.set_fieldname()
		self.name = f"{self.dt}-{self.fieldname}"

	def set_fieldname(self) -> None:
		if not self.fieldname:
			if not self.label and self.fieldtype not in ("Section Break", "Column Break", "Tab Break"):
				throw(_("Label is mandatory"))
			base = scrub("".join(c for c in (self.label or f"{self.fieldtype} {self.idx}") if c.isalnum() or c in " _-"))
			self.fieldname = base if base in (None, "") or self.flags.ignore_validate else f"custom_{base}"
		self.fieldname = self.fieldname.lower()

	def validate(self) -> None:
		meta = get_meta(self.dt, cached=False)
		names = [df.fieldname for df in meta.fields]
		if self.is_new() and self.fieldname in names:
			throw(_("A field with the name {0} already exists in {1}").format(self.fieldname, self.dt))
		if self.insert_after == "append":
			self.insert_after = names[-1] if names else ""
		if not self.idx and self.insert_after in names:
			self.idx = names.index(self.insert_after) + 1
		if self.fieldtype in ("Link", "Table", "Table MultiSelect") and not local.db.exists("DocType", self.options):
			throw(
				_("Options must be a valid DocType for field {0}: {1}").format(self.label, self.options),
				WrongOptionsDoctypeLinkError,
			)

	def on_update(self) -> None:
		local.db.epochs.touch(META)
		if not self.flags.ignore_validate:
			local.db.updatedb(self.dt)
			local.db.epochs.touch(META)

	def on_trash(self) -> None:
		"""The column and its values stay; what customises the field goes."""
		local.db.delete("Property Setter", {"doc_type": self.dt, "field_name": self.fieldname})

	def after_delete(self) -> None:
		local.db.epochs.touch(META)


class WrongOptionsDoctypeLinkError(errors.ValidationError): ...


def create_custom_field(doctype: str, df: Any, ignore_validate: bool = False, is_system_generated: bool = True) -> Any:
	"""Add a field unless the DocType has one of that name."""
	df = dict(df)
	if not df.get("fieldname") and df.get("label"):
		df["fieldname"] = scrub(df["label"])
	if local.db.exists("Custom Field", {"dt": doctype, "fieldname": df.get("fieldname")}) or get_meta(doctype).has_field(
		df.get("fieldname")
	):
		return None
	values = {
		"doctype": "Custom Field",
		"dt": doctype,
		"permlevel": 0,
		"fieldtype": "Data",
		"hidden": 0,
		"is_system_generated": int(is_system_generated),
	}
	field = get_doc({**values, **df})
	field.flags.ignore_validate = ignore_validate
	return field.insert(ignore_permissions=True)


def create_custom_fields(custom_fields: dict[Any, Any], ignore_validate: bool = False, update: bool = True) -> None:
	"""{DocType or tuple of them: field or list of fields}; what exists is updated."""
	for doctypes, fields in custom_fields.items():
		for doctype in (doctypes,) if isinstance(doctypes, str) else doctypes:
			for df in [fields] if isinstance(fields, dict) else fields:
				name = local.db.get_value("Custom Field", {"dt": doctype, "fieldname": df["fieldname"]})
				if not name:
					create_custom_field(doctype, dict(df, owner="Administrator"), ignore_validate=ignore_validate)
				elif update:
					field = get_doc("Custom Field", name)
					field.flags.ignore_validate = ignore_validate
					field.update(df)
					field.save()
