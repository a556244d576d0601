"""Installed apps: their hooks, modules, paths, and Python names."""

from __future__ import annotations

import importlib
import json
import os
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from frappe.exceptions import AppNotInstalledError, DoesNotExistError
from frappe.host.context import _dict, local

HOST_APP = "frappe"


def scrub(txt: Any) -> str:
	"""`Some Name` -> `some_name`"""
	return str(txt).replace(" ", "_").replace("-", "_").lower()


def get_module(modulename: str) -> ModuleType:
	return importlib.import_module(modulename)


def get_attr(method_string: str) -> Any:
	"""The object behind a dotted name. Only installed apps (and the host) are looked into, as on a bench."""
	app_name = method_string.split(".", 1)[0]
	if not local.flags.in_uninstall and not local.flags.in_install and app_name not in get_installed_apps():
		raise AppNotInstalledError(f"App {app_name} is not installed")
	modulename, _dot, name = method_string.rpartition(".")
	return getattr(get_module(modulename), name)


def call(fn: Any, *args: Any, **kwargs: Any) -> Any:
	"""Call a function (or dotted name) with those of the keyword arguments that it takes."""
	if isinstance(fn, str):
		fn = get_attr(fn)
	return fn(*args, **get_newargs(fn, kwargs))


def get_newargs(fn: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
	"""Those of `kwargs` that `fn` has parameters for; `flags` and `ignore_permissions` never come from outside."""
	import inspect

	parameters = inspect.signature(fn).parameters
	if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
		chosen = dict(kwargs)
	else:
		chosen = {key: value for key, value in kwargs.items() if key in parameters}
	chosen.pop("ignore_permissions", None)
	chosen.pop("flags", None)
	return chosen


def get_all_apps(sites_path: str | None = None) -> list[str]:
	"""The apps of sites/apps.txt, the host first."""
	path = Path(sites_path or local.sites_path, "apps.txt")
	names = path.read_text(encoding="utf-8").split() if path.is_file() else []
	return [HOST_APP] + [name for name in names if name != HOST_APP]


def get_installed_apps() -> list[str]:
	"""The apps installed on the site, in the order they were installed."""
	if local.flags.in_install_db or not getattr(local, "db", None):
		return [HOST_APP]
	installed = local.db.process_cached("installed_apps", "", _read_installed_apps)
	return list(installed)


def _read_installed_apps() -> list[str]:
	return json.loads(local.db.get_global("installed_apps") or "[]") or [HOST_APP]


def _load_app_hooks(app_name: str | None = None) -> dict[str, Any]:
	hooks: dict[str, Any] = {}
	for app in [app_name] if app_name else get_installed_apps():
		module = get_module(f"{app}.hooks")
		for key in dir(module):
			value = getattr(module, key)
			if not key.startswith("_") and not isinstance(value, ModuleType) and not callable(value):
				_append_hook(hooks, key, value)
	return hooks


def _append_hook(target: dict, key: str, value: Any) -> None:
	"""Every value ends in a list: dicts are merged key by key, lists joined in the order of the apps."""
	if isinstance(value, dict):
		inner = target.setdefault(key, {})
		for inner_key, inner_value in value.items():
			_append_hook(inner, inner_key, inner_value)
	else:
		target.setdefault(key, []).extend(value if isinstance(value, list) else [value])


def get_hooks(hook: str | None = None, default: Any = "_KEEP_DEFAULT_LIST", app_name: str | None = None) -> Any:
	"""The hooks of all installed apps (or of one): each value a list, or a dict of lists."""
	if app_name:
		hooks = _load_app_hooks(app_name)
	elif getattr(local, "db", None):
		hooks = local.db.process_cached("hooks", "", _load_app_hooks)
	else:
		hooks = _load_app_hooks(HOST_APP)
	if hook:
		return hooks.get(hook, [] if default == "_KEEP_DEFAULT_LIST" else default)
	return _dict(hooks)


def setup_module_map() -> None:
	"""`local.app_modules` {app: [modules]} and `local.module_app` {module: app}, from each app's modules.txt."""
	apps = get_all_apps()
	for app in get_installed_apps():
		if app not in apps:
			apps.append(app)
	local.app_modules = {app: [scrub(name) for name in _module_names(app)] for app in apps}
	local.module_app = {module: app for app, modules in local.app_modules.items() for module in modules}


@cache
def _app_folder(app: str) -> str:
	return os.path.dirname(os.path.abspath(get_module(app).__file__ or ""))


def _module_names(app: str) -> list[str]:
	path = Path(_app_folder(app), "modules.txt")
	return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()] if path.is_file() else []


def get_module_list(app_name: str) -> list[str]:
	return _module_names(app_name)


def get_module_app(module: str) -> str:
	app = (local.module_app or {}).get(scrub(module))
	if not app:
		raise DoesNotExistError(f"Module {module} not found")
	return app


def get_app_path(app_name: str, *joins: str) -> str:
	return get_pymodule_path(app_name, *joins)


def get_pymodule_path(modulename: str, *joins: str) -> str:
	"""A path below the folder of a Python module; `joins` are scrubbed unless they name a file below public or www."""
	if "public" not in joins and "www" not in joins:
		joins = tuple(scrub(part) for part in joins)
	return os.path.join(_app_folder(scrub(modulename)), *joins)


def get_module_path(module: str, *joins: str) -> str:
	"""A path below the folder of a module (in the sense of modules.txt)."""
	return os.path.join(_app_folder(get_module_app(module)), scrub(module), *(scrub(part) for part in joins))


def get_file_items(path: str) -> list[str]:
	"""The lines of a text file that are neither empty nor comments."""
	if not os.path.isfile(path):
		return []
	lines = (line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
	return [line for line in lines if line and not line.startswith("#")]
