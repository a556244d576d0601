"""Two things that the host does to every mail it composes, done without reading files it should not and loading nothing.

The host puts in whatever file a mail's HTML names under ``embed=``, from anywhere on the disk, and loads the style sheets
that its ``<link>`` name, from anywhere at all, before any hook of ours is asked. So these two functions of its
``email_body`` module are replaced, once in each process, and are the host's own on sites that do not have this app.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import frappe

from dokos_mail import host

# Nothing of the engine is imported up here: the controller of Email Account imports this, see there.

APP = "dokos_mail"
MODULE = "frappe.email.email_body"


def correct_body() -> None:
	"""Replace them; again, or where the host has no mail module, this does nothing.

	Called before each request and job, and when the class of Email Account is loaded.
	"""
	if not host.owns_mail():
		return
	module = import_module(MODULE)
	for name, ours in (("get_filecontent_from_path", picture_of_site), ("inline_style_in_html", with_styles_inlined)):
		theirs = getattr(module, name, None)
		if theirs and not hasattr(theirs, "replaced_by_dokos_mail"):
			setattr(module, name, _where_installed(ours, theirs))


def _where_installed(ours: Callable[..., Any], theirs: Callable[..., Any]) -> Callable[..., Any]:
	@functools.wraps(theirs)
	def answer(*args: Any, **kwargs: Any) -> Any:
		return (ours if APP in frappe.get_installed_apps() else theirs)(*args, **kwargs)

	answer.replaced_by_dokos_mail = True
	return answer


def picture_of_site(path: str | None) -> bytes | None:
	"""The picture that ``embed=`` names: one of the site's files that the sender may read, or one that an app ships."""
	from dokos_mail.engine.send import images
	from dokos_mail.files import site_file
	from dokos_mail.outbound.images import may_read

	address = f"/{(path or '').lstrip('/')}"
	file = _asset(address) or site_file(address)
	if not file or (address.startswith("/private/") and not may_read(address)) or file.stat().st_size > images.MAX_ONE:
		return None
	content = file.read_bytes()
	return content if images.kind_of(content) else None


def _asset(address: str) -> Path | None:
	"""A file below the bench's assets, by its name alone: what apps ship is linked there from elsewhere."""
	if not address.startswith("/assets/") or os.path.normpath(address) != address or "\0" in address:
		return None
	file = Path(frappe.local.sites_path or ".", address.lstrip("/"))
	return file if file.is_file() else None


def with_styles_inlined(html: str) -> str:
	"""The HTML with the style sheets that apps name for mail, and its own, as attributes."""
	from dokos_mail.engine.send import layout

	return layout.css_inlined(html, style_sheets())


def style_sheets() -> str:
	"""The style sheets that apps name for mail (``email_css``), where the host bundles such."""
	if not host.owns_mail():
		return ""
	bundled = import_module("frappe.utils.jinja_globals").bundled_asset
	files = (_asset(bundled(path)) for path in frappe.get_hooks("email_css"))
	return "\n".join(file.read_text(encoding="utf-8") for file in files if file)
