"""Which functions may be called from outside, and by whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe.exceptions as errors
from frappe.host.context import local

whitelisted: set[Any] = set()
guest_methods: set[Any] = set()
xss_safe_methods: set[Any] = set()
allowed_http_methods_for_whitelisted_func: dict[Any, list[str]] = {}
ALL_METHODS = ("GET", "POST", "PUT", "DELETE")


def whitelist(allow_guest: bool = False, xss_safe: bool = False, methods: list[str] | None = None) -> Callable:
	"""Decorator: the function may be called over HTTP by logged-in users (by anyone with `allow_guest`)."""

	def mark(fn: Any) -> Any:
		target = getattr(fn, "__func__", fn)
		whitelisted.add(target)
		allowed_http_methods_for_whitelisted_func[target] = list(methods or ALL_METHODS)
		if allow_guest:
			guest_methods.add(target)
			if xss_safe:
				xss_safe_methods.add(target)
		return fn

	return mark


def is_whitelisted(method: Any) -> None:
	"""PermissionError unless the session's user may call the function."""
	from frappe.translate import _

	method = getattr(method, "__func__", method)
	if local.session.user == "Guest":
		if method not in guest_methods:
			raise errors.PermissionError(_("Login to access {0}").format(getattr(method, "__name__", str(method))))
	elif method not in whitelisted:
		raise errors.PermissionError(_("Function {0} is not whitelisted.").format(getattr(method, "__qualname__", str(method))))


def only_for(roles: Any, message: bool = False) -> None:
	"""PermissionError unless the user has one of the roles. Administrator passes."""
	from frappe.permissions import get_roles
	from frappe.translate import _

	if local.session.user == "Administrator":
		return
	wanted = {roles} if isinstance(roles, str) else set(roles)
	if not wanted & set(get_roles()):
		if message:
			from frappe.host.messages import msgprint

			msgprint(_("This action is only allowed for {0}").format(", ".join(sorted(wanted))), _("Not Permitted"))
		raise errors.PermissionError(_("This action is only allowed for {0}").format(", ".join(sorted(wanted))))


def has_permission(
	doctype: str | None = None,
	ptype: str = "read",
	doc: Any = None,
	user: str | None = None,
	throw: bool = False,
	*,
	parent_doctype: str | None = None,
	**kwargs: Any,
) -> bool:
	from frappe import permissions

	if not doctype and doc is not None:
		doctype = doc.doctype
	allowed = permissions.has_permission(doctype, ptype, doc=doc, user=user, parent_doctype=parent_doctype)
	if throw and not allowed:
		from frappe.translate import _

		# a ValidationError (HTTP 417) on the real host, too
		raise errors.ValidationError(_("No permission for {0}").format(_(doctype)))
	return allowed
