"""`frappe.utils`"""

from __future__ import annotations

import os
from functools import cached_property  # noqa: F401
from typing import Any

from frappe.host.context import local
from frappe.utils.data import *  # noqa: F403
from frappe.utils.data import cint, cstr, get_datetime, now  # noqa: F401


def get_site_path(*path: str) -> str:
	from frappe.host.context import get_site_path as site_path

	return site_path(*path)


def get_files_path(*path: str, is_private: Any = False) -> str:
	"""A path below the site's private/files or public/files."""
	return get_site_path("private" if is_private else "public", "files", *path)


def get_bench_path() -> str:
	return os.path.dirname(os.path.abspath(local.sites_path))


def get_traceback(with_context: bool = False) -> str:
	from frappe.host.errors import get_traceback as traceback_text

	return traceback_text(with_context)


def get_table_name(table_name: str, wrap_in_backticks: bool = False) -> str:
	name = table_name if table_name.startswith("__") else f"tab{table_name}"
	return f"`{name}`" if wrap_in_backticks else name


def is_cli() -> bool:
	return getattr(local, "request", None) is None


def parse_json(val: Any) -> Any:
	from frappe.host.documents import parse_json as parsed

	return parsed(val)


def create_batch(iterable: Any, size: int) -> Any:
	"""Slices of at most `size`."""
	return (iterable[start : start + size] for start in range(0, len(iterable), size))


def update_progress_bar(txt: str, i: int, l: int, absolute: bool = False) -> None:  # noqa: E741
	"""A bar on the terminal, where there is one."""
	import sys

	if sys.stdout.isatty():
		done = int((i + 1) / max(l, 1) * 40)
		sys.stdout.write(f"\r{txt}: [{'=' * done}{' ' * (40 - done)}] {int((i + 1) / max(l, 1) * 100)}%")
		sys.stdout.flush()


def get_hook_method(hook_name: str, fallback: Any = None) -> Any:
	from frappe.host.apps import get_attr, get_hooks

	methods = get_hooks(hook_name)
	return get_attr(methods[0]) if methods else fallback


def call_hook_method(hook: str, *args: Any, **kwargs: Any) -> Any:
	from frappe.host.apps import get_attr, get_hooks

	answer = None
	for method in get_hooks(hook):
		answer = answer or get_attr(method)(*args, **kwargs)
	return answer
