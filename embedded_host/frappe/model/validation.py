"""The checks that every document passes when it is saved."""

from __future__ import annotations

from typing import Any

import frappe.exceptions as errors
from frappe.host.context import STANDARD_USERS, local
from frappe.host.messages import bold, msgprint, throw
from frappe.model import optional_fields, table_fields
from frappe.model.meta import get_meta
from frappe.translate import _
from frappe.utils import cint, cstr, flt, split_emails, strip_html, validate_email_address


def _has_content(value: str, df: Any) -> bool:
	"""Whether a text is more than tags; a picture is content where the field draws it."""
	drawn = df.fieldtype == "Text Editor" or (df.fieldtype == "Code" and df.options == "HTML")
	return bool(strip_html(value).strip()) or (drawn and "<img" in value)


class DocumentValidation:
	"""Mixed into Document."""

	def _validate(self: Any) -> None:
		self._validate_mandatory()
		for doc in (self, *self.get_all_children()):
			doc._validate_data_fields()
			doc._validate_selects()
			doc._validate_non_negative()
			doc._validate_length()
			doc._sync_autoname_field()
			doc._sanitize_content()
			doc._save_passwords()
		if self.is_new():
			for fieldname in optional_fields:
				self.set(fieldname, None)
		else:
			self.validate_set_only_once()

	def _row_prefix(self: Any) -> str:
		return f"{bold(_(self.doctype))} {_('Row')} #{self.idx}: " if self.get("parentfield") else ""

	def _get_missing_mandatory_fields(self: Any) -> list[tuple[str, str]]:
		missing = []
		for df in self.meta.mandatory_fields:
			value = self.get(df.fieldname)
			if value in (None, "", []) or (isinstance(value, str) and not _has_content(value, df)):
				if df.fieldtype in table_fields:
					message = f"{_('Error')}: {_('Data missing in table')}: {_(df.label)}"
				elif self.get("parentfield"):
					message = f"{_('Error')}: {self._row_prefix()}{_('Value missing for')}: {_(df.label)}"
				else:
					message = _("Error: Value missing for {0}: {1}").format(_(df.parent), _(df.label))
				missing.append((df.fieldname, message))
		if self.meta.istable:
			missing += [
				(name, f"{_('Error')}: {_('Value missing for')} {name}")
				for name in ("parent", "parenttype")
				if not self.get(name)
			]
		return missing

	def _validate_mandatory(self: Any) -> None:
		if self.flags.ignore_mandatory:
			return
		missing = self._get_missing_mandatory_fields()
		for row in self.get_all_children():
			missing += row._get_missing_mandatory_fields()
		if missing:
			for _fieldname, message in missing:
				msgprint(message)
			raise errors.MandatoryError(f"[{self.doctype}, {self.name}]: {', '.join(name for name, _message in missing)}")

	def _validate_data_fields(self: Any) -> None:
		from frappe.utils import validate_url

		for df in self.meta.email_fields:
			value = self.get(df.fieldname)
			if not value:
				continue
			if df.options == "Email" and not (value in STANDARD_USERS and self.owner in STANDARD_USERS):
				for address in split_emails(value):
					validate_email_address(address, throw=True)
			elif df.options == "URL":
				validate_url(value, throw=True)

	def _validate_selects(self: Any) -> None:
		if local.flags.in_import:
			return
		for fieldname, choices in self.meta.choices.items():
			if not self.__dict__.get(fieldname):
				continue
			value = cstr(self.get(fieldname)).strip()
			self.set(fieldname, value)
			if value not in choices:
				df = self.meta.by_name[fieldname]
				listed = '", "'.join(_(option) for option in df.options.split("\n"))
				prefix = _("Row #{0}:").format(self.idx) if self.get("parentfield") else ""
				throw(_('{0} {1} cannot be "{2}". It should be one of "{3}"').format(prefix, _(df.label), value, listed))

	def _validate_non_negative(self: Any) -> None:
		for df in self.meta.non_negative_fields:
			if flt(self.get(df.fieldname)) < 0:
				throw(_("Value cannot be negative for {0}: {1}").format(_(df.parent), bold(_(df.label))), errors.NonNegativeError)

	def _validate_length(self: Any) -> None:
		if local.flags.in_install or self.meta.issingle:
			return
		for fieldname, counted, limit in self.meta.lengths:
			value = self.__dict__.get(fieldname)
			if value is None or (counted != "number" and type(value) is str and len(value) * 4 <= limit):
				continue
			if counted == "number":
				size = abs(cint(value))
			else:
				size = len(cstr(value)) if counted == "characters" else len(cstr(value).encode())
			if size > limit:
				df = self.meta.by_name[fieldname]
				where = (
					_("{0}, Row {1}").format(_(self.doctype), self.idx)
					if self.get("parentfield")
					else f"{_(self.doctype)} {self.name}"
				)
				throw(
					_("{0}: '{1}' ({3}) will get truncated, as max characters allowed is {2}").format(
						where, _(df.label), limit, value
					),
					errors.CharacterLengthExceededError,
					title=_("Value too big"),
				)

	def _sync_autoname_field(self: Any) -> None:
		fieldname = self.meta.autonamed_field
		if fieldname and self.name and self.name != self.get(fieldname):
			self.set(fieldname, self.name)

	def _sanitize_content(self: Any) -> None:
		"""HTML in fields that show HTML is cleaned; fields of code, files, and those marked to be left alone are left alone."""
		from frappe.utils.html_utils import sanitize_html

		if local.flags.in_install:
			return
		for fieldname in self.meta.sanitised_columns:
			value = self.__dict__.get(fieldname)
			if isinstance(value, str) and ("<" in value or ">" in value):
				linkify = self.meta.fieldtypes[fieldname] == "Text Editor"
				self.set(fieldname, sanitize_html(value, linkify=linkify))

	def _save_passwords(self: Any) -> None:
		from frappe.utils.password import remove_encrypted_password, set_encrypted_password

		ignored = self.flags.ignore_save_passwords
		if ignored is True:
			return
		for df in self.meta.password_fields:
			if ignored and df.fieldname in ignored:
				continue
			password = self.get(df.fieldname)
			if not password:
				remove_encrypted_password(self.doctype, self.name, df.fieldname)
			elif not self.is_dummy_password(password):
				set_encrypted_password(self.doctype, self.name, password, df.fieldname)
				self.set(df.fieldname, "*" * len(password))

	def validate_set_only_once(self: Any) -> None:
		before = self.get_doc_before_save()
		if not before:
			return
		for df in self.meta.fields:
			if (
				df.set_only_once
				and df.fieldtype not in table_fields
				and cstr(self.get(df.fieldname)) != cstr(before.get(df.fieldname))
			):
				throw(_("Value cannot be changed for {0}").format(bold(_(df.label))), errors.CannotChangeConstantError)

	def validate_higher_perm_levels(self: Any) -> None:
		"""Fields of a permission level the user has no write right for go back to what they were."""
		if self.flags.ignore_permissions or local.flags.in_install or local.session.user == "Administrator":
			return
		fields = self.meta.get_high_permlevel_fields()
		if not fields:
			return
		allowed = self.get_permlevel_access()
		reference: Any = None
		for df in fields:
			if df.permlevel in allowed or df.fieldname in (self.flags.ignore_permlevel_for_fields or []):
				continue
			if reference is None:
				from frappe.model.document import new_values

				reference = new_values(self.doctype) if self.is_new() else self.get_latest()
			self.set(df.fieldname, reference.get(df.fieldname))

	def get_permlevel_access(self: Any, permission_type: str = "write") -> list[int]:
		from frappe.permissions import get_roles

		roles = get_roles()
		rows = self.meta.get_permissions(self.get("parenttype"))
		return sorted({row.permlevel for row in rows if row.role in roles and row.get(permission_type)})

	def apply_fieldlevel_read_permissions(self: Any) -> None:
		"""Take away values that the user may not read."""
		if local.session.user == "Administrator":
			return
		fields = self.meta.get_high_permlevel_fields()
		if fields:
			allowed = self.get_permlevel_access("read")
			for df in fields:
				if df.permlevel not in allowed:
					self.__dict__.pop(df.fieldname, None)

	# -- links ------------------------------------------------------------------------------------

	def _validate_links(self: Any) -> None:
		if self.flags.ignore_links:
			return
		invalid = [label for doc in (self, *self.get_all_children()) for label in doc.get_invalid_links()]
		if invalid:
			throw(_("Could not find {0}").format(", ".join(invalid)), errors.LinkValidationError)

	def get_invalid_links(self: Any) -> list[str]:
		"""Links that lead nowhere. Sets the name as it is written there, and fetched fields."""
		invalid = []
		for fieldname, is_fixed, options in self.meta.links_out:
			docname = self.__dict__.get(fieldname)
			if not docname:
				continue
			label = self.meta.by_name[fieldname].label
			if not isinstance(docname, str | int):
				throw(_("Invalid value for {0}, expected text").format(_(label)), errors.LinkValidationError)
			doctype = options if is_fixed else self.get(options)
			if not doctype:
				throw(_("{0} must be set first").format(self.meta.get_label(options or "")))
			if get_meta(doctype).issingle:
				continue
			fetched = [f for f in self.meta.get_fields_to_fetch(fieldname) if not (f.fetch_if_empty and self.get(f.fieldname))]
			columns = ["name", *(f.fetch_from.split(".")[-1] for f in fetched)]
			values = local.db.get_value(doctype, str(docname), columns, as_dict=True, order_by=None)
			if not values:
				row = f"{_('Row')} #{self.idx}: " if self.get("parentfield") else ""
				invalid.append(f"{row}{_(label)}: {docname}")
				continue
			self.set(fieldname, values.name)
			for field in fetched:
				self.set(field.fieldname, values.get(field.fetch_from.split(".")[-1]))
		return invalid
