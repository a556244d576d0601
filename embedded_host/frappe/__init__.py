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
	get_newargs,
	get_pymodule_path,
	scrub,
	setup_module_map,
	unscrub,
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
from frappe.host.messages import bold, clear_last_message, clear_messages, get_message_log, msgprint, throw

__version__ = "embedded"

conf = local("conf")
db = local("db")
flags = local("flags")
form = form_dict = local("form_dict")
lang = local("lang")
request = local("request")
response = local("response")
session = local("session")
user = local("user")
message_log = local("message_log")
error_log = local("error_log")

from frappe.host.documents import (  # noqa: E402
	as_json,
	clear_cache,
	clear_document_cache,
	copy_doc,
	get_cached_doc,
	get_cached_value,
	get_last_doc,
	get_single,
	get_single_value,
	get_system_settings,
	get_value,
	parse_json,
	set_value,
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
from frappe.translate import _, get_user_lang  # noqa: E402
from frappe.utils.data import as_unicode, cstr, generate_hash, safe_decode  # noqa: E402


def get_lang() -> str:
	return local.lang or "en"


def delete_doc_if_exists(doctype: str, name: str, force: bool = False) -> None:
	delete_doc(doctype, name, force=force, ignore_missing=True)


def reload_doc(module: str, dt: str | None = None, dn: str | None = None, force: bool = False, **kwargs: Any) -> bool:
	from frappe.modules import reload_doc as reload

	return reload(module, dt, dn, force=force)


def reload_doctype(doctype: str, force: bool = False, reset_permissions: bool = False) -> bool:
	return reload_doc(scrub(get_meta(doctype).module), "doctype", scrub(doctype), force=force)


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
