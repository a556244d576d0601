"""`frappe.modules`"""

from __future__ import annotations

from frappe.host.apps import get_module_app, get_module_path, scrub
from frappe.model.controller import load_doctype_module

__all__ = ["get_doc_path", "get_module_app", "get_module_path", "load_doctype_module", "reload_doc", "scrub"]


def get_doc_path(module: str, doctype: str, name: str) -> str:
	return get_module_path(module, doctype, name)
