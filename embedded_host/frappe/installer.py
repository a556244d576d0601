"""Making a site, installing apps on it and taking them away again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import frappe.exceptions as errors
from frappe.host.access import only_for
from frappe.host.apps import HOST_APP, get_all_apps, get_attr, get_hooks, get_installed_apps, get_module_list, setup_module_map
from frappe.host.context import connect, default_sites_path, destroy, init, local
from frappe.host.documents import clear_cache

FOLDERS = ("db", "private/files", "public/files", "locks", "logs")


def new_site(
	site: str,
	*,
	sites_path: str | None = None,
	admin_password: str = "admin",
	force: bool = False,
	config: dict[str, Any] | None = None,
) -> None:
	"""Make a site with the host's DocTypes, and leave nothing behind where that fails."""
	from cryptography.fernet import Fernet

	sites_path = os.path.abspath(sites_path or default_sites_path())
	folder = Path(sites_path, site)
	if folder.exists():
		if not force:
			raise errors.ValidationError(f"Site {site} already exists")
		shutil.rmtree(folder)
	try:
		for name in FOLDERS:
			Path(folder, name).mkdir(parents=True, exist_ok=True)
		values = {"db_type": "sqlite", "encryption_key": Fernet.generate_key().decode(), **(config or {})}
		Path(folder, "site_config.json").write_text(json.dumps(values, indent=1, sort_keys=True), encoding="utf-8")
		destroy()
		init(site, sites_path=sites_path)
		_install_host(admin_password)
	except BaseException:
		destroy()
		shutil.rmtree(folder, ignore_errors=True)
		raise
	destroy()


def _install_host(admin_password: str) -> None:
	from frappe import sessions
	from frappe.model.sync import create_host_tables, sync_for
	from frappe.modules.patch_handler import set_all_patches_as_completed
	from frappe.utils.install import after_install

	local.flags.in_install_db = True
	connect()
	create_host_tables()
	sessions.create_table()
	local.flags.in_install_db = False
	local.flags.in_install = HOST_APP
	add_module_defs(HOST_APP)
	sync_for(HOST_APP, force=True)
	add_to_installed_apps(HOST_APP)
	after_install(admin_password)
	set_all_patches_as_completed(HOST_APP)
	_sync_jobs()
	local.flags.in_install = False
	local.db.commit()


def _sync_jobs() -> None:
	from frappe.core.doctype.scheduled_job_type.scheduled_job_type import sync_jobs

	sync_jobs()


def install_app(name: str, force: bool = False) -> None:
	"""Install an app of the sites' apps.txt, in the order of the real host: before_install, DocTypes, after_install, jobs."""
	from frappe.model.sync import sync_for
	from frappe.modules.patch_handler import set_all_patches_as_completed

	local.flags.in_install = name
	try:
		clear_cache()
		hooks = get_hooks(app_name=name)
		for required in hooks.required_apps or []:
			if required not in get_installed_apps():
				install_app(required)
		local.flags.in_install = name
		if name not in get_all_apps():
			raise errors.AppNotInstalledError(f"App {name} not in apps.txt")
		if name in get_installed_apps() and not force:
			print(f"App {name} already installed")
			return
		if name != HOST_APP:
			only_for("System Manager")
		for method in hooks.before_install or []:
			if get_attr(method)() is False:
				return
		for method in get_hooks("before_app_install"):
			get_attr(method)(name)
		setup_module_map()
		add_module_defs(name)
		sync_for(name, force=force)
		add_to_installed_apps(name)
		set_all_patches_as_completed(name)
		for method in hooks.after_install or []:
			get_attr(method)()
		for method in get_hooks("after_app_install"):
			get_attr(method)(name)
		_sync_jobs()
		for method in hooks.after_sync or []:
			get_attr(method)()
		local.db.commit()
	finally:
		local.flags.in_install = False
	clear_cache()


def add_module_defs(app: str) -> None:
	from frappe.model.document import get_doc

	for module in get_module_list(app):
		if not local.db.exists("Module Def", module):
			doc = get_doc({"doctype": "Module Def", "app_name": app, "module_name": module})
			doc.flags.ignore_permissions = True
			doc.insert()


def add_to_installed_apps(app: str) -> None:
	_set_installed_apps([*(each for each in get_installed_apps() if each != app), app])


def remove_from_installed_apps(app: str) -> None:
	_set_installed_apps([each for each in get_installed_apps() if each != app])


def _set_installed_apps(apps: list[str]) -> None:
	local.db.set_global("installed_apps", json.dumps(apps))
	clear_cache()
	local.db.commit()


def remove_app(app_name: str, dry_run: bool = False, force: bool = False) -> None:
	"""Take an app away with its DocTypes and everything that belongs to its modules."""
	from frappe.model.delete_doc import delete_doc

	if app_name not in get_installed_apps() and not force:
		print(f"App {app_name} not installed on Site {local.site}")
		return
	local.flags.in_uninstall = True
	hooks = get_hooks(app_name=app_name)
	for method in hooks.before_uninstall or []:
		get_attr(method)()
	modules = [row.name for row in local.db.select("Module Def", "name", {"app_name": app_name})]
	doctypes = [row for module in modules for row in local.db.select("DocType", ["name", "issingle"], {"module": module})]
	if not dry_run:
		for doctype, fieldname in _with_link_to_module():
			for module in modules:
				for row in local.db.select(doctype, "name", {fieldname: module}):
					delete_doc(doctype, row.name, ignore_on_trash=False, force=True, ignore_permissions=True)
		for row in doctypes:
			delete_doc("DocType", row.name, ignore_on_trash=True, force=True)
			if not row.issingle:
				local.db.sql_ddl(f"DROP TABLE IF EXISTS `tab{row.name}`")
		for module in modules:
			delete_doc("Module Def", module, ignore_on_trash=True, force=True)
		local.db.epochs.touch("meta")
		remove_from_installed_apps(app_name)
		for method in hooks.after_uninstall or []:
			_attribute(method)()
		local.db.commit()
	local.flags.in_uninstall = False
	clear_cache()


def _attribute(method: str) -> Any:
	"""A function of an app that is no longer among the installed ones."""
	from frappe.host.apps import get_module

	module, _dot, name = method.rpartition(".")
	return getattr(get_module(module), name)


def _with_link_to_module() -> list[tuple[str, str]]:
	"""(DocType, field) of everything but DocTypes that says which module it belongs to."""
	from frappe.model.delete_doc import get_link_fields

	return [(parent, field) for parent, field, single in get_link_fields("Module Def") if not single and parent != "DocType"]
