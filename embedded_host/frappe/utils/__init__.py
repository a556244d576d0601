"""`frappe.utils`"""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any

from frappe.host.context import local
from frappe.utils.data import *  # noqa: F403
from frappe.utils.data import cint, cstr, get_datetime, now


def get_site_path(*path: str) -> str:
	from frappe.host.context import get_site_path as site_path

	return site_path(*path)


def get_files_path(*path: str, is_private: Any = False) -> str:
	"""A path below the site's private/files or public/files."""
	return get_site_path("private" if is_private else "public", "files", *path)


def get_traceback(with_context: bool = False) -> str:
	from frappe.host.errors import get_traceback as traceback_text

	return traceback_text(with_context)


def get_table_name(table_name: str, wrap_in_backticks: bool = False) -> str:
	name = table_name if table_name.startswith("__") else f"tab{table_name}"
	return f"`{name}`" if wrap_in_backticks else name


def parse_json(val: Any) -> Any:
	from frappe.host.documents import parse_json as parsed

	return parsed(val)
