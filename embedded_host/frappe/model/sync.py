"""Bringing a site's DocTypes in line with the files of its apps."""

from __future__ import annotations

from pathlib import Path

from frappe.host.apps import _app_folder
from frappe.host.context import local
from frappe.model.meta import host_definitions
from frappe.modules.import_file import import_file_by_path


def doc_files(app: str) -> list[str]:
	"""<app>/<module>/doctype/*/*.json of every module, child tables first."""
	found: list[Path] = []
	for module in local.app_modules.get(app) or []:
		for path in sorted(Path(_app_folder(app), module, "doctype").glob("*/*.json")):
			if path.stem == path.parent.name:
				found.append(path)
	return [str(path) for path in sorted(found, key=lambda path: '"istable": 1' not in path.read_text(encoding="utf-8"))]


def sync_for(app: str, force: bool = False) -> list[str]:
	"""Import the DocTypes of an app whose files are new or changed; their paths."""
	imported = []
	for path in doc_files(app):
		if import_file_by_path(path, force=force):
			imported.append(path)
			local.db.commit()
	return imported


def sync_all(force: bool = False) -> None:
	from frappe.host.apps import get_installed_apps
	from frappe.host.documents import clear_cache

	for app in get_installed_apps():
		sync_for(app, force)
	clear_cache()


def create_host_tables() -> None:
	"""The tables of the host's own DocTypes, from their files, before there is any row."""
	from frappe.database.schema import create_infrastructure
	from frappe.model.meta import get_meta

	local.db.begin()
	create_infrastructure(local.db)
	for doctype in host_definitions():
		local.db.updatedb(doctype, get_meta(doctype, cached=False))
	local.db.commit()
