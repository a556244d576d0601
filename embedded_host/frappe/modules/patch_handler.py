"""Patches: each line of an app's patches.txt runs once on a site."""

from __future__ import annotations

from frappe.host.apps import get_attr, get_file_items, get_installed_apps, get_pymodule_path
from frappe.host.context import local


def get_patches_from_app(app: str, section: str | None = None) -> list[str]:
	"""The patches of one app; `section` is `pre_model_sync` or `post_model_sync` (a file without sections is the first)."""
	import os

	lines = get_file_items(os.path.join(get_pymodule_path(app), "patches.txt"))
	sections: dict[str, list[str]] = {"pre_model_sync": [], "post_model_sync": []}
	current = "pre_model_sync"
	for line in lines:
		if line.startswith("["):
			current = line.strip("[]")
		else:
			sections.setdefault(current, []).append(line)
	return sections[section] if section else [patch for group in sections.values() for patch in group]


def executed(patch: str) -> bool:
	return bool(local.db.exists("Patch Log", {"patch": patch}))


def update_patch_log(patch: str) -> None:
	from frappe.model.document import get_doc

	get_doc({"doctype": "Patch Log", "patch": patch}).insert(ignore_permissions=True)


def set_all_patches_as_completed(app: str) -> None:
	"""A fresh installation has no use for patches."""
	for patch in get_patches_from_app(app):
		if not executed(patch):
			update_patch_log(patch)


def run_all(skip_failing: bool = False, patch_type: str | None = None) -> None:
	for app in get_installed_apps():
		for patch in get_patches_from_app(app, patch_type):
			if not executed(patch):
				run_single(patch)


def run_single(patch: str) -> None:
	"""One patch in a transaction of its own."""
	local.flags.in_patch = True
	try:
		if patch.startswith("execute:"):
			import frappe

			exec(patch.split("execute:", 1)[1], {"frappe": frappe})
		else:
			get_attr(patch.split()[0] + ".execute")()
		update_patch_log(patch)
		local.db.commit()
	except Exception:
		local.db.rollback()
		raise
	finally:
		local.flags.in_patch = False
