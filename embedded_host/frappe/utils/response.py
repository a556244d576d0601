"""Answers: JSON, downloads and files."""

from __future__ import annotations

import datetime
import decimal
import json
import mimetypes
import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from werkzeug.exceptions import Forbidden, NotFound
from werkzeug.security import safe_join
from werkzeug.utils import redirect, send_file
from werkzeug.wrappers import Response

import frappe
from frappe import _

ACTIVE_CONTENT = (".svg", ".html", ".htm", ".xhtml", ".xml", ".mht", ".shtml")
"""Endings of files that a browser would run: they are always downloaded, never shown."""


def report_error(status: int, error: Exception) -> Response:
	"""An error as JSON. Only a System Manager is shown the traceback."""
	response = frappe.local.response
	for key in ("docs", "type", "filecontent"):
		response.pop(key, None)
	response["exc_type"] = type(error).__name__
	if "System Manager" in frappe.get_roles() and not frappe.local.flags.disable_traceback and status != 404:
		response["exception"] = f"{type(error).__module__}.{type(error).__name__}: {error}"
		response["exc"] = json.dumps([frappe.get_traceback()])
	answer = as_json()
	answer.status_code = status
	return answer


def build_response(response_type: str | None = None) -> Response:
	"""The answer that `frappe.local.response` describes."""
	response = frappe.local.response
	if not response.get("docs"):
		response.pop("docs", None)
	kind = response.get("type") or response_type
	if kind == "json":
		return as_json()
	if kind == "redirect":
		return redirect(response["location"])
	if kind in ("download", "binary", "pdf"):
		return as_raw(kind)
	raise NotImplementedError(f"frappe.local.response.type {kind!r} is not offered by this host")


def as_json() -> Response:
	"""`frappe.local.response` as it stands, with the messages for the user in `_server_messages`."""
	response = frappe.local.response
	status = response.pop("http_status_code", None) or 200
	if frappe.local.message_log:
		response["_server_messages"] = json.dumps([json.dumps(d, default=json_handler) for d in frappe.local.message_log])
	if frappe.local.flags.error_message:
		response["_error_message"] = frappe.local.flags.error_message
	return Response(json.dumps(response, default=json_handler, separators=(",", ":")), status=status, mimetype="application/json")


def as_raw(kind: str) -> Response:
	"""A file made by a method: `response.filename` and `response.filecontent` (str or bytes)."""
	response = frappe.local.response
	filename = response.get("filename") or "download"
	guessed = {"binary": "application/octet-stream", "pdf": "application/pdf"}.get(kind) or mimetypes.guess_type(filename)[0]
	answer = Response(
		response.get("filecontent") or b"", mimetype=response.get("content_type") or guessed or "application/unknown"
	)
	_say_name(answer, filename, response.get("display_content_as") or "attachment")
	return answer


def _say_name(response: Response, filename: str, disposition: str) -> None:
	"""Content-Disposition with a name in any script (RFC 6266)."""
	if filename.lower().endswith(ACTIVE_CONTENT):
		disposition = "attachment"
	plain = filename.encode("ascii", "replace").decode().replace('"', "'").replace("\\", "_")
	plain = "".join(c if c.isprintable() else "_" for c in plain)
	response.headers["Content-Disposition"] = f"{disposition}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename)}"


def json_handler(value: Any) -> Any:
	"""What JSON has no type for."""
	if isinstance(value, datetime.timedelta):
		hours, seconds = divmod(int(value.total_seconds()), 3600)
		return f"{hours}:{seconds // 60:02}:{seconds % 60:02}"
	if isinstance(value, datetime.date | datetime.time):
		return str(value)
	if isinstance(value, decimal.Decimal):
		return float(value)
	if hasattr(value, "as_dict"):
		return value.as_dict(no_nulls=True)
	if isinstance(value, Iterable):
		return list(value)
	return str(value)


def download_private_file(path: str) -> Response:
	"""A private file, if a File row of that address may be read by the user."""
	for name in frappe.get_all("File", filters={"file_url": path}, pluck="name"):
		if frappe.get_doc("File", name).is_downloadable():
			return _send(frappe.get_site_path("private", "files"), path.removeprefix("/private/files/"))
	raise Forbidden(_("You don't have permission to access this file"))


def send_public_file(path: str) -> Response:
	"""A public file of the site."""
	return _send(frappe.get_site_path("public", "files"), path.removeprefix("/files/"))


def send_asset(path: str) -> Response:
	"""A file below an installed app's public folder: `/assets/<app>/...`."""
	_empty, _assets, app, rest = [*path.split("/", 3), ""][:4]
	if app not in frappe.get_installed_apps():
		raise NotFound
	return _send(frappe.get_app_path(app, "public"), rest)


def _send(folder: str, relative: str) -> Response:
	"""A file below `folder`; never one outside it, whatever the relative path or a link says."""
	path = safe_join(os.path.abspath(folder), relative)
	if not path or not os.path.isfile(path) or not os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep):
		raise NotFound
	response = send_file(path, frappe.local.request.environ)
	if path.lower().endswith(ACTIVE_CONTENT) and os.path.basename(folder) == "files":
		_say_name(response, os.path.basename(path), "attachment")
	return response
