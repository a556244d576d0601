"""What belongs to one request, job or command: the site, its configuration, the database, the user, the flags."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from werkzeug.local import Local

from frappe.exceptions import IncorrectSitePath


class _dict(dict):
	"""A dict whose keys are also attributes; a missing one is None."""

	__slots__ = ()
	__setattr__ = dict.__setitem__

	def __getattr__(self, key: str) -> Any:
		if key.startswith("__"):
			raise AttributeError(key)
		return self.get(key)

	def __delattr__(self, key: str) -> None:
		self.pop(key, None)

	def update(self, other: Any = None, **kwargs: Any) -> _dict:
		super().update(other or {}, **kwargs)
		return self

	def copy(self) -> _dict:
		return _dict(self)

	def __getstate__(self) -> dict:
		return dict(self)

	def __setstate__(self, state: dict) -> None:
		self.update(state)


local = Local()
STANDARD_USERS = ("Guest", "Administrator")


def default_sites_path() -> str:
	"""SITES_PATH of the environment, else ./sites where there is one, else the current folder (as in a bench's sites)."""
	return os.environ.get("SITES_PATH") or ("sites" if os.path.isdir("sites") else ".")


def get_site_config(sites_path: str | None = None, site_path: str | None = None) -> _dict:
	"""common_site_config.json overlaid with the site's own site_config.json."""
	config = _dict()
	for folder, file in (
		(sites_path or local.sites_path, "common_site_config.json"),
		(site_path or getattr(local, "site_path", None), "site_config.json"),
	):
		path = Path(folder, file) if folder else None
		if path and path.is_file():
			config.update(json.loads(path.read_text(encoding="utf-8")))
	return config


def init(site: str, sites_path: str | None = None, new_site: bool = False, force: bool = False) -> None:
	"""Set up `frappe.local` for a site, without a database connection. Nothing happens where it is set up already."""
	if getattr(local, "initialised", False) and not force:
		return
	sites_path = os.path.abspath(sites_path or default_sites_path())
	site_path = os.path.join(sites_path, site) if site else sites_path
	if site and not new_site and not os.path.isfile(os.path.join(site_path, "site_config.json")):
		raise IncorrectSitePath(f"{site} does not exist in {sites_path}")
	local.site = site
	local.sites_path = sites_path
	local.site_path = site_path
	local.conf = get_site_config(sites_path, site_path)
	local.flags = _dict(currently_saving=[], in_test=bool(os.environ.get("FRAPPE_IN_TEST")))
	local.form_dict = _dict()
	local.response = _dict(docs=[])
	local.message_log = []
	local.realtime_log = []
	local.session = _dict(user="Guest", sid="Guest", data=_dict())
	local.user = "Guest"
	local.lang = local.conf.get("lang") or "en"
	local.db = None
	local.request = None
	local.request_ip = None
	local.module_app = None
	local.app_modules = None
	local.role_permissions = {}
	local.document_cache = {}
	local.jenv = None
	local.initialised = True


def connect(site: str | None = None, db_name: str | None = None, set_admin_as_user: bool = True) -> None:
	"""Open the site's database; the user is Administrator unless told otherwise."""
	from frappe.database import get_db
	from frappe.host.apps import setup_module_map

	if site:
		init(site)
	local.db = get_db()
	setup_module_map()
	if set_admin_as_user:
		set_user("Administrator")


def destroy() -> None:
	"""Close the database (what was not committed is gone) and forget everything of this request or job."""
	db = getattr(local, "db", None)
	if db:
		db.close()
	for name in [key for key, _value in local]:
		delattr(local, name)


def set_user(username: str) -> None:
	"""Act as this user from now on."""
	local.session.user = username
	local.session.sid = username
	local.session.data = _dict()
	local.user = username
	local.role_permissions = {}
	local.form_dict = _dict()


def get_site_path(*joins: str) -> str:
	"""A path below the site's folder."""
	return os.path.join(local.site_path, *joins)


def get_request_header(key: str, default: str | None = None) -> str | None:
	"""A header of the request that is being answered."""
	request = getattr(local, "request", None)
	return request.headers.get(key, default) if request else default
