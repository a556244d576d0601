"""Bringing a site up to date with its apps."""

from __future__ import annotations

from frappe.host.apps import get_attr, get_hooks, get_installed_apps, setup_module_map
from frappe.host.context import local
from frappe.host.documents import clear_cache
from frappe.installer import add_module_defs
from frappe.model.sync import create_host_tables, sync_all
from frappe.modules.patch_handler import run_all


def migrate() -> None:
	"""Patches before the DocTypes, DocTypes, patches after, scheduler jobs, then the apps' `after_migrate`."""
	from frappe.core.doctype.scheduled_job_type.scheduled_job_type import sync_jobs

	clear_cache()
	local.flags.in_migrate = True
	try:
		for method in get_hooks("before_migrate"):
			get_attr(method)()
		setup_module_map()
		create_host_tables()
		run_all(patch_type="pre_model_sync")
		for app in get_installed_apps():
			add_module_defs(app)
		sync_all()
		run_all(patch_type="post_model_sync")
		sync_jobs()
		local.db.commit()
		for method in get_hooks("after_migrate"):
			get_attr(method)()
		local.db.commit()
	finally:
		local.flags.in_migrate = False
	clear_cache()
	local.db.commit()
