"""A DocType as a document: saving it makes its table."""

from __future__ import annotations

from typing import Any

import frappe.exceptions as errors
from frappe.host.context import local
from frappe.host.shared import META
from frappe.model.document import Document


class DocType(Document):
	def on_update(self) -> None:
		local.db.epochs.touch(META)
		local.db.updatedb(self.name)
		local.db.epochs.touch(META)
		run_module_method(self, "on_doctype_update")

	def on_trash(self) -> None:
		if not self.custom and not (local.flags.in_uninstall or local.flags.in_migrate or local.flags.in_install):
			raise errors.PermissionError("Standard DocTypes cannot be deleted.")

	def after_delete(self) -> None:
		local.db.epochs.touch(META)


def run_module_method(doc: Any, method: str) -> None:
	"""Call the function of that name in the DocType's module, where there is one."""
	from frappe.model.controller import load_doctype_module

	if doc.custom:
		return
	try:
		module = load_doctype_module(doc.name, doc.module)
	except ImportError as error:
		if not isinstance(error.__cause__, ModuleNotFoundError):
			raise
		return
	if hasattr(module, method):
		getattr(module, method)()
