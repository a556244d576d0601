"""Default values, of the site and of users (DefaultValue rows)."""

from __future__ import annotations

from typing import Any

from frappe.host.context import _dict, local
from frappe.utils import now, random_string


def get_defaults_for(parent: str = "__default") -> _dict:
	"""{key: value}; a key with several values has a list."""
	out = _dict()
	rows = local.db.execute_built("SELECT defkey, defvalue FROM tabDefaultValue WHERE parent=? ORDER BY creation, idx", (parent,))
	for key, value in rows:
		if key in out:
			out[key] = [*out[key], value] if isinstance(out[key], list) else [out[key], value]
		elif value is not None:
			out[key] = value
	return out


def set_default(key: str, value: Any, parent: str = "__default", parenttype: str | None = None) -> None:
	"""Replace every value of the key."""
	local.db.execute_built("DELETE FROM tabDefaultValue WHERE defkey=? AND parent=?", (key, parent))
	if value is not None:
		add_default(key, value, parent, parenttype)


def add_default(key: str, value: Any, parent: str = "__default", parenttype: str | None = None) -> None:
	moment = now()
	local.db.execute_built(
		"INSERT INTO tabDefaultValue (name, creation, modified, owner, modified_by, parent, parenttype, parentfield, defkey, defvalue) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, 'system_defaults', ?, ?)",
		(
			random_string(10).lower(),
			moment,
			moment,
			local.session.user,
			local.session.user,
			parent,
			parenttype or "__default",
			key,
			value,
		),
	)
	local.role_permissions.pop(("defaults", parent), None)


def get_user_default(key: str, user: str | None = None) -> Any:
	"""The user's value, else the site's."""
	user = user or local.session.user
	cached = local.role_permissions.get(("defaults", user))
	if cached is None:
		cached = {} if local.flags.in_install_db else get_defaults_for("__default") | get_defaults_for(user)
		local.role_permissions[("defaults", user)] = cached
	value = cached.get(key)
	return value[0] if isinstance(value, list) else value
