"""Jinja templates, in a sandbox."""

from __future__ import annotations

from typing import Any

from jinja2 import ChoiceLoader, DebugUndefined, PackageLoader, TemplateError
from jinja2.sandbox import SandboxedEnvironment

import frappe.exceptions as errors
from frappe.host.context import local


def get_jenv() -> SandboxedEnvironment:
	from frappe import utils
	from frappe.host.apps import get_attr, get_hooks, get_installed_apps
	from frappe.translate import _

	if local.jenv is None:
		loaders = []
		for app in reversed(get_installed_apps()):
			try:
				loaders.append(PackageLoader(app, ""))
			except ValueError:
				continue
		env = SandboxedEnvironment(loader=ChoiceLoader(loaders), undefined=DebugUndefined)
		env.globals.update(
			_=_,
			frappe={
				"_": _,
				"utils": {
					name: getattr(utils, name)
					for name in ("cint", "flt", "formatdate", "format_datetime", "get_url", "escape_html")
				},
				"session": local.session,
				"format_date": utils.format_date,
			},
		)
		for method in get_hooks("jinja", {}).get("methods", []) if isinstance(get_hooks("jinja", {}), dict) else []:
			env.globals[method.rsplit(".", 1)[-1]] = get_attr(method)
		local.jenv = env
	return local.jenv


def get_template(path: str) -> Any:
	return get_jenv().get_template(path)


def render_template(
	template: str, context: dict[str, Any] | None = None, is_path: bool | None = None, safe_render: bool = True
) -> str:
	"""A template (its text, or its path below an app) with values; a name without a value stays as it is written.

	Templates cannot reach private attributes.
	"""
	from frappe.host.messages import throw
	from frappe.translate import _

	if not template:
		return ""
	if is_path is None:
		is_path = template.endswith((".html", ".md", ".txt")) and "\n" not in template and "{" not in template
	if not is_path and safe_render and ".__" in template:
		throw(_("Illegal template"))
	try:
		env = get_jenv()
		compiled = env.get_template(template) if is_path else env.from_string(template)
		return compiled.render(context or {})
	except TemplateError as error:
		throw(f"{_('Error in template')}: {error}", errors.ValidationError)
