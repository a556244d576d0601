"""Who may do what: roles, the DocPerm rows of a DocType, "only if owner", and what the apps' hooks say."""

from __future__ import annotations

from typing import Any

from frappe.host.apps import get_attr, get_hooks
from frappe.host.context import _dict, local
from frappe.model.meta import get_meta

AUTOMATIC_ROLES = ("Guest", "All")
SYSTEM_USER_ROLE = "Desk User"
rights = (
	"select",
	"read",
	"write",
	"create",
	"delete",
	"submit",
	"cancel",
	"amend",
	"print",
	"email",
	"report",
	"import",
	"export",
	"share",
)


def get_roles(user: str | None = None, with_standard: bool = True) -> list[str]:
	"""The roles of a user; Administrator has all of them."""
	user = user or local.session.user
	if user == "Guest":
		return ["Guest"]
	cached = local.role_permissions.get(("roles", user))
	if cached is None:
		db = local.db
		if user == "Administrator":
			cached = [row[0] for row in db.execute_built("SELECT name FROM tabRole")]
		else:
			cached = [
				row[0] for row in db.execute_built("SELECT role FROM `tabHas Role` WHERE parent=? AND parenttype='User'", (user,))
			]
			cached += [role for role in AUTOMATIC_ROLES if role not in cached]
			if db.get_value("User", user, "user_type", order_by=None) == "System User":
				cached.append(SYSTEM_USER_ROLE)
		local.role_permissions[("roles", user)] = cached
	return list(cached) if with_standard else [role for role in cached if role not in AUTOMATIC_ROLES]


def get_role_permissions(doctype_meta: Any, user: str | None = None, is_owner: bool | None = None) -> _dict:
	"""{right: 0 or 1}, and under `if_owner` the rights that only the owner has."""
	meta = get_meta(doctype_meta) if isinstance(doctype_meta, str) else doctype_meta
	user = user or local.session.user
	if user == "Administrator":
		return _dict({right: 1 for right in rights}, if_owner={})
	key = (meta.name, user, bool(is_owner))
	if key in local.role_permissions:
		return local.role_permissions[key]
	roles = get_roles(user)
	rows = [row for row in meta.permissions if row.role in roles and row.permlevel == 0]
	perms = _dict(if_owner=_dict())
	for right in rights:
		granted = [row for row in rows if row.get(right)]
		always = any(not row.if_owner for row in granted)
		perms[right] = int(always or bool(granted and is_owner))
		if granted and not always:
			perms.if_owner[right] = 1
			if right in ("read", "select", "create"):
				perms[right] = 1
	if perms.read:
		perms.select = 1
	local.role_permissions[key] = perms
	return perms


def has_permission(
	doctype: str, ptype: str = "read", doc: Any = None, user: str | None = None, *, parent_doctype: str | None = None
) -> bool:
	"""Whether a user may do this with the DocType, or with one document (or its name)."""
	user = user or local.session.user
	if user == "Administrator":
		return True
	meta = get_meta(doctype)
	if meta.istable:
		return has_child_permission(doctype, ptype, doc, user, parent_doctype)
	if isinstance(doc, str | int):
		from frappe.model.document import get_doc

		doc = get_doc(doctype, doc)
	if doc is None:
		return bool(get_role_permissions(meta, user)[ptype])
	is_owner = (doc.get("owner") or "").lower() == user.lower() or doc.is_new()
	perms = get_role_permissions(meta, user, is_owner=is_owner)
	if not perms[ptype] or (perms.if_owner.get(ptype) and not is_owner):
		return False
	return has_controller_permissions(doc, ptype, user)


def has_child_permission(doctype: str, ptype: str, doc: Any, user: str, parent_doctype: str | None) -> bool:
	parenttype = (doc.get("parenttype") if doc is not None and not isinstance(doc, str) else None) or parent_doctype
	if not parenttype:
		return False
	parent = getattr(doc, "parent_doc", None) or (doc.get("parent") if doc is not None and not isinstance(doc, str) else None)
	return has_permission(parenttype, ptype, doc=parent, user=user)


def has_controller_permissions(doc: Any, ptype: str, user: str) -> bool:
	"""What the apps' `has_permission` hooks say: each has to say yes, silence is a no (the strictest of the real hosts)."""
	hooks = get_hooks("has_permission", {})
	for method in [*(hooks.get(doc.doctype) or []), *(hooks.get("*") or [])]:
		if not get_attr(method)(doc=doc, ptype=ptype, user=user):
			return False
	return True


def list_condition(doctype: str, user: str, ptype: str = "read") -> str:
	"""The SQL condition that leaves a user only the rows he may read; PermissionError where there are none."""
	import frappe.exceptions as errors

	if user == "Administrator":
		return ""
	meta = get_meta(doctype)
	perms = get_role_permissions(meta, user)
	if not perms.read and not perms.select:
		raise errors.PermissionError(f"Insufficient Permission for {doctype}")
	conditions = []
	if perms.if_owner.get("read"):
		conditions.append(f"`tab{doctype}`.`owner` = {local.db.escape(user, percent=False)}")
	hooks = get_hooks("permission_query_conditions", {})
	for method in [*(hooks.get(doctype) or []), *(hooks.get("*") or [])]:
		condition = get_attr(method)(user)
		if condition:
			conditions.append(f"({condition})")
	return " AND ".join(conditions)
