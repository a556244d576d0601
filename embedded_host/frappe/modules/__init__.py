"""`frappe.modules`"""

from __future__ import annotations

from frappe.host.apps import get_module_app, get_module_path, scrub
from frappe.model.controller import load_doctype_module

__all__ = ["get_doc_path", "get_module_app", "get_module_path", "load_doctype_module", "reload_doc", "scrub"]


def get_doc_path(module: str, doctype: str, name: str) -> str:
	return get_module_path(module, doctype, name)


def reload_doc(module: str, dt: str | None = None, dn: str | None = None, force: bool = False, reset_permissions: bool = False) -> bool:
	"""Import a document again from its file."""
	import os

	from frappe.modules.import_file import import_file_by_path

	name = scrub(dn or "")
	return import_file_by_path(os.path.join(get_module_path(module, dt or "", name), f"{name}.json"), force=force)
