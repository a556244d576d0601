"""Users: named by their address, with roles and a password."""

from __future__ import annotations

import frappe.exceptions as errors
from frappe.host.context import STANDARD_USERS, local
from frappe.model.document import Document
from frappe.translate import _
from frappe.utils.data import validate_email_address
from frappe.utils.password import update_password


class User(Document):
	_new_password = None

	def autoname(self) -> None:
		"""The name is the address, in lower case; the two standard users keep their names."""
		if self.get("is_admin") or self.get("is_guest"):
			self.name = self.first_name
		else:
			self.email = (self.email or "").strip().lower()
			self.name = self.email

	def validate(self) -> None:
		self._new_password = self.new_password
		self.new_password = ""
		if self.name not in STANDARD_USERS:
			self.email = (self.email or self.name).strip().lower()
			validate_email_address(self.email, throw=True)
		self.full_name = " ".join(part for part in (self.first_name, self.middle_name, self.last_name) if part)
		self.user_type = "System User" if self._has_desk_access() else "Website User"

	def _has_desk_access(self) -> bool:
		names = [row.role for row in self.roles]
		if self.name == "Administrator":
			return True
		return bool(names) and bool(local.db.get_value("Role", {"name": ("in", names), "desk_access": 1}, order_by=None))

	def on_update(self) -> None:
		if self._new_password:
			update_password(
				self.name, self._new_password, logout_all_sessions=bool(self.logout_all_sessions) and not self.flags.in_insert
			)
		local.role_permissions = {}

	def on_trash(self) -> None:
		if self.name in STANDARD_USERS:
			raise errors.ValidationError(_("User {0} cannot be deleted").format(self.name))

	def before_rename(self, old: str, new: str, merge: bool = False) -> None:
		validate_email_address(new, throw=True)

	def after_rename(self, old: str, new: str, merge: bool = False) -> None:
		local.db.set_value("User", new, "email", new)

	def add_roles(self, *roles: str) -> None:
		"""Give the user roles that he lacks, and save."""
		self.append_roles(*roles)
		self.save()

	def append_roles(self, *roles: str) -> None:
		present = {row.role for row in self.roles}
		for role in roles:
			if role not in present:
				self.append("roles", {"role": role})
