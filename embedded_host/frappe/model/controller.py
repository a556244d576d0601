"""Which class a DocType's documents are."""

from __future__ import annotations

import importlib
import os
from typing import Any

from frappe.host.apps import HOST_APP, get_hooks, get_module_app, get_module_path, scrub
from frappe.host.context import local
from frappe.model.meta import get_meta, host_definitions


def get_controller(doctype: str) -> type[Any]:
	"""The class that the last installed app overrides it with, extended by `extend_doctype_class`, else the one of its module."""
	if local.db is None:
		return import_controller(doctype)
	return local.db.process_cached("controller", doctype, lambda: import_controller(doctype))


def import_controller(doctype: str) -> type[Any]:
	from frappe.model.base_document import BaseDocument
	from frappe.model.document import Document

	meta = get_meta(doctype)
	if meta.custom:
		return Document
	overrides = get_hooks("override_doctype_class", {}).get(doctype)
	if overrides:
		module_path, classname = overrides[-1].rsplit(".", 1)
		cls = getattr(importlib.import_module(module_path), classname, None)
		if cls is None:
			raise ImportError(f"{doctype}: {classname} does not exist in module {module_path}")
	else:
		cls = standard_class(doctype, meta.module)
	if not issubclass(cls, BaseDocument):
		raise ImportError(f"{doctype}: {cls.__name__} is not a subclass of BaseDocument")
	extensions = get_hooks("extend_doctype_class", {}).get(doctype) or []
	if extensions:
		mixins = []
		for path in reversed(extensions):
			module_path, classname = path.rsplit(".", 1)
			mixins.append(getattr(importlib.import_module(module_path), classname))
		cls = type(f"Extended{cls.__name__}", (*mixins, cls), {})
	return cls


def load_doctype_module(doctype: str, module: str | None = None, prefix: str = "", suffix: str = "") -> Any:
	"""The Python module of a DocType: <app>.<module>.doctype.<name>.<name>"""
	module = module or get_meta(doctype).module
	app = HOST_APP if doctype in host_definitions() else get_module_app(module)
	name = scrub(doctype)
	path = f"{app}.{scrub(module)}.doctype.{name}.{prefix}{name}{suffix}"
	try:
		return importlib.import_module(path)
	except ModuleNotFoundError as error:
		raise ImportError(f"Module import failed for {doctype} ({path}): {error}") from error


def standard_class(doctype: str, module: str) -> type[Any]:
	"""A DocType of an app must have its class. The host's own, and those without a folder, need none."""
	from frappe.model.document import Document

	try:
		found = load_doctype_module(doctype, module)
	except ImportError as error:
		if isinstance(error.__cause__, ModuleNotFoundError) and not _has_folder(doctype, module):
			return Document
		raise
	cls = getattr(found, doctype.replace(" ", "").replace("-", ""), None)
	if cls is None:
		raise ImportError(doctype)
	return cls


def _has_folder(doctype: str, module: str) -> bool:
	"""Whether an app keeps files of the DocType in its module. The host's folders often hold no more than the JSON."""
	if doctype in host_definitions():
		return False
	return os.path.isdir(get_module_path(module, "doctype", doctype))
