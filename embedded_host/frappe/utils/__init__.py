"""`frappe.utils`"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from frappe.host.context import get_site_path
from frappe.host.errors import get_traceback
from frappe.utils.data import *  # noqa: F403
from frappe.utils.data import cint, cstr, get_datetime, now


def get_files_path(*path: str, is_private: Any = False) -> str:
	"""A path below the site's private/files or public/files."""
	return get_site_path("private" if is_private else "public", "files", *path)


def parse_json(val: Any) -> Any:
	from frappe.host.documents import parse_json as parsed

	return parsed(val)
