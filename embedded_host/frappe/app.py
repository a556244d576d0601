"""The WSGI application: one request is one transaction.

POST, PUT, PATCH and DELETE commit when they succeed and roll back when they do not; a GET never leaves anything written
(unless `frappe.local.flags.commit` asks for it). Callbacks registered for after the commit run after it.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from werkzeug.exceptions import BadRequest, HTTPException, NotFound
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import ClosingIterator

import frappe
import frappe.api
import frappe.auth
import frappe.handler
from frappe import _
from frappe.utils import cint
from frappe.utils.response import build_response, download_private_file, report_error, send_asset, send_public_file
from frappe.www import desk

UNSAFE_HTTP_METHODS = frozenset(("POST", "PUT", "DELETE", "PATCH"))
MAX_BODY = 25 * 1024 * 1024
"""Bytes a request may have unless the site's configuration says otherwise (`max_file_size`)."""

CONTENT_SECURITY_POLICY = (
	"default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
	"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)


_site: str = ""
_sites_path: str | None = None
"""What `application` serves: set by whoever runs it."""


def application(environ: dict, start_response: Any) -> Any:
	"""The WSGI application; one site to a process."""
	response = answer(Request(environ))
	return ClosingIterator(response(environ, start_response), frappe.destroy)


def answer(request: Request) -> Response:
	"""Answer one request; `frappe.local` is left for whoever closes the response."""
	try:
		init_request(request)
		response = route(request)
		if request.method in UNSAFE_HTTP_METHODS or frappe.local.flags.commit:
			frappe.db.commit()
		else:
			frappe.db.rollback()
		frappe.local.session_obj.update()
	except HTTPException as error:
		_rollback()
		known = error.code in (403, 404) and getattr(frappe.local, "db", None)
		response = desk.message_page(error.code) if known else error.get_response(request.environ)
	except Exception as error:
		response = handle_exception(request, error)
	process_response(request, response)
	return response


def init_request(request: Request) -> None:
	"""Set up the site, the arguments and the session of a request."""
	frappe.init(site=_site, sites_path=_sites_path, force=True)
	frappe.local.request = request
	frappe.local.request_ip = request.remote_addr or "127.0.0.1"
	request.max_content_length = request.max_form_memory_size = cint(frappe.local.conf.get("max_file_size")) or MAX_BODY
	frappe.connect(set_admin_as_user=False)
	frappe.local.form_dict = make_form_dict(request)
	refuse_other_origins(request)
	frappe.auth.HTTPRequest()


def make_form_dict(request: Request) -> frappe._dict:
	"""The arguments: a JSON object in the body, else the query and the form."""
	if request.is_json and request.get_data():
		try:
			args = json.loads(request.get_data(as_text=True))
		except ValueError:
			raise BadRequest("The body is not JSON") from None
		if not isinstance(args, dict):
			raise BadRequest("Invalid request arguments")
		args = {**request.args.to_dict(), **args}
	else:
		args = {**request.args.to_dict(), **request.form.to_dict()}
	# `_` is what scripts add so that an answer is not cached
	args.pop("_", None)
	return frappe._dict(args)


def refuse_other_origins(request: Request) -> None:
	"""A page of another origin cannot make a browser change anything here, whether or not the session has a token yet."""
	origin = request.headers.get("Origin")
	if request.method in UNSAFE_HTTP_METHODS and origin and urlsplit(origin).netloc != request.host:
		frappe.local.flags.disable_traceback = True
		frappe.throw(_("Invalid Request"), frappe.CSRFTokenError)


def route(request: Request) -> Response:
	"""Find who answers."""
	path = request.path
	if frappe.local.form_dict.cmd:
		return frappe.handler.handle() or build_response("json")
	if path.startswith("/api/"):
		return frappe.api.handle(request)
	if path.startswith("/private/files/"):
		return download_private_file(path)
	if request.method not in ("GET", "HEAD"):
		raise NotFound
	if path.startswith("/files/"):
		return send_public_file(path)
	if path.startswith("/assets/"):
		return send_asset(path)
	return desk.get_response(path)


def handle_exception(request: Request, error: Exception) -> Response:
	"""The answer to an error: JSON for a program, a page for a person. What nobody expected goes to the Error Log."""
	status = getattr(error, "http_status_code", 500)
	_rollback()
	if not getattr(frappe.local, "db", None):
		frappe.logger().error("a request failed before the site was there", exc_info=True)
		return Response("The site cannot be reached.", status=503, mimetype="text/plain")
	if status >= 500:
		frappe.log_error(title=request.path)
		frappe.db.commit()
	accept = request.headers.get("Accept", "")
	is_ajax = request.headers.get("X-Requested-With") == "XMLHttpRequest"
	if (
		is_ajax
		or "application/json" in accept
		or frappe.local.form_dict.cmd
		or (request.path.startswith("/api/") and not accept.startswith("text"))
	):
		return report_error(status, error)
	if status in (401, 403) and frappe.session.user == "Guest" and request.method in ("GET", "HEAD"):
		return desk.to_login(request)
	return desk.message_page(status)


def _rollback() -> None:
	if getattr(frappe.local, "db", None):
		frappe.db.rollback()


def process_response(request: Request, response: Response) -> None:
	"""Cookies, and the headers that every answer has."""
	if manager := getattr(frappe.local, "cookie_manager", None):
		manager.flush_cookies(response)
	response.headers.setdefault("X-Content-Type-Options", "nosniff")
	response.headers.setdefault("Referrer-Policy", "same-origin")
	response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
	if not request.path.startswith(("/assets/", "/files/")):
		response.headers.setdefault("Cache-Control", "no-store")
