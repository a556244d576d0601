"""`frappe.modules.utils`"""

from __future__ import annotations

from frappe.host.apps import get_module_app, scrub
from frappe.model.controller import load_doctype_module

__all__ = ["get_module_app", "load_doctype_module", "scrub"]
