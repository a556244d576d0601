"""The desk's pages: a login, and one shell in which `public/desk.js` draws home, lists and forms."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from werkzeug.exceptions import NotFound
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

import frappe
from frappe import _
from frappe.sessions import get as get_boot
from frappe.sessions import get_csrf_token
from frappe.utils.response import json_handler


@functools.lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
	environment = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True)
	environment.policies["json.dumps_kwargs"] = {"default": json_handler}
	return environment


def get_response(path: str) -> Response:
	"""The page at a path: `/`, `/login`, `/app` and what is below it."""
	if path == "/":
		return redirect("/app")
	if path == "/login":
		return (
			redirect("/app")
			if frappe.session.user != "Guest"
			else page("login", _("Login"), expired=frappe.local.form_dict.expired)
		)
	if path != "/app" and not path.startswith("/app/"):
		raise NotFound
	if frappe.session.user == "Guest":
		return to_login(frappe.local.request)
	if frappe.db.get_value("User", frappe.session.user, "user_type") == "Website User":
		raise frappe.PermissionError
	scripts = [url for url in frappe.get_hooks("app_include_js") if url.startswith("/assets/")]
	return page("desk", frappe.local.site, boot=boot(), scripts=scripts)


def boot() -> dict[str, Any]:
	"""What the pages know before they ask: the user, the DocTypes that the user may read, texts in the user's language."""
	doctypes = frappe.get_all("DocType", filters={"istable": 0}, fields=["name", "module", "issingle"], order_by="name asc")
	out = get_boot()
	out["csrf_token"] = get_csrf_token()
	out["doctypes"] = [d for d in doctypes if frappe.has_permission(d.name, "read")]
	out["workspaces"] = workspaces()
	return out


def workspaces() -> list[dict[str, Any]]:
	"""The public workspaces that apps ship as files in their modules (`<module>/workspace/<name>/<name>.json`), this host's last."""
	paths = (
		path
		for app in reversed(frappe.get_installed_apps())
		for path in sorted(Path(frappe.get_app_path(app)).glob("*/workspace/*/*.json"))
	)
	found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
	shown = ("name", "title", "links", "shortcuts")
	return [{key: each.get(key) for key in shown} for each in found if each.get("public") and not each.get("is_hidden")]


def page(name: str, title: str, status: int = 200, **context: Any) -> Response:
	"""One of the templates beside this file."""
	boot = {"lang": frappe.local.lang, "messages": messages(), **context.pop("boot", {})}
	html = _templates().get_template(f"{name}.html").render(title=title, boot=boot, _=_, **context)
	return Response(html, status=status, mimetype="text/html")


def messages() -> dict[str, str]:
	"""Every text that installed apps translate into the language of the request."""
	return frappe.translate.get_all_translations(frappe.local.lang)


def to_login(request: Request) -> Response:
	"""To the login page, and from there back to what was wanted."""
	expired = "&expired=1" if frappe.local.response.get("session_expired") else ""
	return redirect(f"/login?redirect-to={quote(request.full_path.rstrip('?'))}{expired}")


def message_page(status: int) -> Response:
	"""What a person is told when a request fails; no detail of the error."""
	said = {
		401: (_("Session Expired"), _("Your session has expired, please login again to continue.")),
		403: (_("Not Permitted"), _("You do not have enough permissions to complete the action")),
		404: (_("Not Found"), _("The resource you are looking for is not available")),
	}
	title, text = said.get(status, (_("Server Error"), _("Something went wrong. It was noted in the Error Log.")))
	return page("message", title, status, text=text)
