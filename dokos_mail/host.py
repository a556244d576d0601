"""The one place that looks for what the host has. Everything else is the same on every host.

A bench ships its own classes for the DocTypes this app is about, and ours derive from them (Frappe 16 demands it); the
embedded host ships none, and ours are plain documents there.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import make_msgid
from functools import cache, wraps
from importlib import import_module
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

import frappe
from frappe.model.document import Document
from frappe.utils import get_url

P, R = ParamSpec("P"), TypeVar("R")


@cache
def base_class(doctype: str) -> type[Document]:
	"""The class the host has for an e-mail DocType, or Document when the host has no mail module of its own.

	Only the absence of that module is answered with Document. A module that is there and fails to import raises:
	mail without core's class on a bench would break in silence.
	"""
	scrubbed = frappe.scrub(doctype)
	path = f"frappe.email.doctype.{scrubbed}.{scrubbed}"
	try:
		module = import_module(path)
	except ModuleNotFoundError as error:
		if error.name and (path == error.name or path.startswith(f"{error.name}.")):
			return Document
		raise
	return getattr(module, doctype.replace(" ", ""))


def has_doctype(doctype: str) -> bool:
	"""Whether the site has that DocType, whoever brought it."""
	return bool(frappe.db.exists("DocType", doctype))


def owns_mail() -> bool:
	"""Whether the host has a mail module of its own, whose jobs and classes go on beside ours."""
	return base_class("Email Account") is not Document


def new_message_id() -> str:
	"""A Message-ID at the site's address, without angle brackets; nobody can guess it."""
	return make_msgid(domain=urlsplit(get_url()).hostname or "localhost").strip("<>")


def site_language() -> str:
	"""The language in which a site speaks to nobody in particular."""
	return frappe.get_system_settings("language") or frappe.db.get_default("lang") or "en"


def readers_language() -> str:
	"""The language of whoever asks over HTTP: a guest's by what the browser accepts.

	Frappe 15 and 16 choose that too, and then put the site's own in its place, once a guest has been there before.
	"""
	by_browser = getattr(getattr(frappe.local, "request", None), "cookies", None) is not None
	return import_module("frappe.translate").get_language() if owns_mail() and by_browser else frappe.local.lang


def in_site_language(job: Callable[P, R]) -> Callable[P, R]:
	"""What the job writes down for people to read is in the site's language: the hosts run their jobs in English."""

	@wraps(job)
	def speaking(*args: P.args, **kwargs: P.kwargs) -> R:
		before = frappe.local.lang
		frappe.local.lang = site_language()
		try:
			return job(*args, **kwargs)
		finally:
			frappe.local.lang = before

	return speaking


def job_timeouts() -> tuple[type[Exception], ...]:
	"""What the host's worker raises, anywhere, in a job that ran too long."""
	try:
		from rq.timeouts import BaseTimeoutException
	except ModuleNotFoundError:
		from frappe.utils.background_jobs import JobTimeout

		return (JobTimeout,)
	return (BaseTimeoutException,)


def when_over(callback: Callable[[], None]) -> None:
	"""Call ``callback`` after this request's response or this job, where the host can; otherwise nothing is called."""
	request, job = getattr(frappe.local, "request", None), getattr(frappe.local, "job", None)
	callbacks = getattr(request, "after_response", None) or (job or {}).get("after_job")
	if callbacks is not None:
		callbacks.add(callback)


def picture_finder() -> Callable[[str], str] | None:
	"""By what the host asks gravatar.com for the picture of whoever gets a contact; None on one that does not ask."""
	return getattr(frappe.utils, "has_gravatar", None)


def find_picture(address: str) -> str | None:
	"""What the host finds there for an address; None when it finds nothing, or cannot ask."""
	find = picture_finder()
	try:
		return (find(address) if find else None) or None
	except OSError:  # all that requests raises
		return None
