"""The slice of the frappe API that the app uses, on SQLite. What each name promises is in API.md beside this package."""

from __future__ import annotations

from typing import Any

from frappe import exceptions
from frappe.exceptions import *  # noqa: F403
from frappe.host.access import has_permission, is_whitelisted, only_for, whitelist
from frappe.host.apps import (
	call,
	get_all_apps,
	get_app_path,
	get_attr,
	get_file_items,
	get_hooks,
	get_installed_apps,
	get_module,
	get_module_list,
	get_module_path,
	get_pymodule_path,
	scrub,
	setup_module_map,
)
from frappe.host.context import (
	STANDARD_USERS,
	_dict,
	connect,
	default_sites_path,
	destroy,
	get_request_header,
	get_site_config,
	get_site_path,
	init,
	local,
	set_user,
)
from frappe.host.messages import bold, clear_last_message, clear_messages, msgprint, throw

__version__ = "embedded"

conf = local("conf")
db = local("db")
flags = local("flags")
form_dict = local("form_dict")
response = local("response")
session = local("session")
message_log = local("message_log")

from frappe.host.documents import (  # noqa: E402
	as_json,
	clear_cache,
	clear_document_cache,
	copy_doc,
	get_cached_doc,
	get_cached_value,
	get_system_settings,
	get_value,
	parse_json,
)
from frappe.host.errors import get_traceback, log_error, logger, publish_progress, publish_realtime  # noqa: E402
from frappe.host.mail import sendmail  # noqa: E402
from frappe.host.store import cache  # noqa: E402
from frappe.host.template import get_template, render_template  # noqa: E402
from frappe.model.db_query import get_all, get_list  # noqa: E402
from frappe.model.delete_doc import delete_doc  # noqa: E402
from frappe.model.document import get_doc, new_doc  # noqa: E402
from frappe.model.meta import get_meta  # noqa: E402
from frappe.model.rename_doc import rename_doc  # noqa: E402
from frappe.permissions import get_roles  # noqa: E402
from frappe.query_builder import QueryBuilder as qb  # noqa: E402
from frappe.translate import _  # noqa: E402
from frappe.utils.data import generate_hash  # noqa: E402


def enqueue(*args: Any, **kwargs: Any) -> Any:
	"""Run a function in a worker."""
	from frappe.utils.background_jobs import enqueue as put

	return put(*args, **kwargs)


def enqueue_doc(*args: Any, **kwargs: Any) -> Any:
	"""Run a document's method in a worker."""
	from frappe.utils.background_jobs import enqueue_doc as put

	return put(*args, **kwargs)


def __getattr__(name: str) -> Any:
	if name.startswith("__"):
		raise AttributeError(name)
	raise AttributeError(f"the embedded host does not offer frappe.{name}")
