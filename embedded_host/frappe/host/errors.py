"""What went wrong, kept: Error Log rows and log files; and messages to open browsers."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from logging.handlers import RotatingFileHandler
from typing import Any

from frappe.host.context import local

_loggers: dict[str, logging.Logger] = {}
TITLE_LENGTH = 140


def get_traceback() -> str:
	"""The traceback of the exception being handled, "" where there is none."""
	kind, value, tb = sys.exc_info()
	return "".join(traceback.format_exception(kind, value, tb)) if value else ""


def log_error(
	title: str | None = None, message: str | None = None, reference_doctype: str | None = None, reference_name: str | None = None
) -> Any:
	"""Insert an Error Log row, with the current traceback unless a text is given. It is part of the transaction."""
	from frappe.model.document import get_doc

	trace = None
	if message:
		if "\n" in (title or ""):
			trace, title = title, message
		else:
			trace = message
	title = title or "Error"
	if not trace and "\n" in title:
		trace, title = title, title.strip().splitlines()[-1]
	log = get_doc(
		{
			"doctype": "Error Log",
			"method": str(title)[:TITLE_LENGTH],
			"error": str(trace or get_traceback()),
			"reference_doctype": reference_doctype,
			"reference_name": reference_name,
		}
	)
	return log.insert(ignore_permissions=True)


def logger(module: str | None = None) -> logging.Logger:
	"""A logger that writes <site>/logs/<module>.log."""
	module = module or "frappe"
	site_path = getattr(local, "site_path", None) or "."
	key = f"{module}-{site_path}"
	if key not in _loggers:
		folder = os.path.join(site_path, "logs")
		os.makedirs(folder, exist_ok=True)
		made = logging.getLogger(key)
		made.propagate = False
		handler = RotatingFileHandler(os.path.join(folder, f"{module}.log"), maxBytes=1_000_000, backupCount=5, delay=True)
		handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
		made.addHandler(handler)
		made.setLevel(logging.INFO)
		_loggers[key] = made
	return _loggers[key]


def publish_realtime(
	event: str | None = None,
	message: Any = None,
	room: str | None = None,
	user: str | None = None,
	doctype: str | None = None,
	docname: str | None = None,
	task_id: str | None = None,
	after_commit: bool = False,
) -> None:
	"""This host has no open channel to browsers; what would be sent is in `frappe.local.realtime_log` for tests."""
	local.realtime_log.append((event, message))
	del local.realtime_log[:-100]


def publish_progress(
	percent: float,
	title: str | None = None,
	doctype: str | None = None,
	docname: str | None = None,
	description: str | None = None,
	task_id: str | None = None,
) -> None:
	publish_realtime("progress", {"percent": percent, "title": title, "description": description})
