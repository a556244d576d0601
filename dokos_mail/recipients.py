"""What recipients of our mail call, who have no account here: the page to unsubscribe, the picture that tells of reading.

A GET only shows. What is asked for is signed, so that nobody asks for another (rows O4 and O5).
"""

from __future__ import annotations

from base64 import b64decode
from importlib import import_module
from urllib.parse import urlsplit

import frappe
from frappe import _
from frappe.utils import cint, get_url
from werkzeug.wrappers import Response

from dokos_mail import host
from dokos_mail.outbound import links
from dokos_mail.outbound.links import Ticket
from dokos_mail.outbound.opened import opened
from dokos_mail.outbound.unsubscribe import about, is_unsubscribed, subscribe_again
from dokos_mail.outbound.unsubscribe import unsubscribe as stop_mail

_PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


@frappe.whitelist(allow_guest=True, methods=["GET", "POST"])
def unsubscribe(token: str | None = None, everything: str | None = None, again: str | None = None) -> Response:
	"""The page behind "Unsubscribe": shown by GET, acted on by POST, by its button or a mail program (RFC 8058)."""
	ticket = links.verify(token, "unsubscribe")
	if ticket is None:
		return _page("unknown", 400)
	if frappe.local.request.method != "POST":
		return _page("unsubscribed" if is_unsubscribed(ticket) else "asks", ticket=ticket, token=token)
	if cint(again):
		subscribe_again(ticket)
		return _page("subscribed", ticket=ticket, token=token)
	stop_mail(ticket, bool(cint(everything)))
	return _page("unsubscribed", ticket=ticket, token=token)


@frappe.whitelist(allow_guest=True, methods=["GET"])
def pixel(token: str | None = None) -> Response:
	"""The picture in a recipient's copy. Whoever asks gets it; only a signed request is noted."""
	ticket = links.verify(token, "pixel")
	if ticket and opened(ticket, frappe.local.request.headers.get("User-Agent", ""), frappe.session.user != "Guest"):
		frappe.local.flags.commit = True
	answer = Response(_PIXEL, mimetype="image/gif")
	answer.headers["Cache-Control"] = "no-store, private, max-age=0"
	return answer


@frappe.whitelist(allow_guest=True, methods=["GET", "POST"])
def hosts_unsubscribe(doctype: str | None = None, name: str | None = None, email: str | None = None) -> Response:
	"""The host's own links to unsubscribe, in mail from before this app: they led to an act by GET, and lead to our page."""
	if not (doctype and name and email) or not host.owns_mail():
		return _page("unknown", 400)
	if not import_module("frappe.utils.verified_command").verify_request():
		return _page("unknown", 400)
	token = links.sign(Ticket("unsubscribe", email.strip().lower(), "", "", doctype, name))
	answer = Response(status=303)
	answer.headers["Location"] = f"{urlsplit(links.UNSUBSCRIBE_PAGE).path}?token={token}"
	return answer


@frappe.whitelist(allow_guest=True, methods=["GET"])
def hosts_pixel(name: str | None = None) -> Response:
	"""The host's own picture, in mail from before this app: anybody could mark any mail as read with it. It notes nothing."""
	return pixel()


def _page(kind: str, status: int = 200, ticket: Ticket | None = None, token: str | None = None) -> Response:
	frappe.local.lang = host.readers_language()
	values: dict[str, object] = {"kind": kind, "lang": frappe.local.lang or "en", "site": urlsplit(get_url()).hostname or ""}
	if ticket:
		is_global = "global_unsubscribe" in about(ticket, False)
		document = "" if is_global else f"{_(ticket.doctype)} {ticket.docname}"
		values |= {"address": ticket.recipient, "document": document, "token": token}
		values["csrf_token"] = frappe.session.data.get("csrf_token") if frappe.session.user != "Guest" else ""
	page = frappe.get_template("templates/unsubscribe.html").render(values | {"_": _})
	answer = Response(page, status=status, mimetype="text/html")
	answer.headers["Content-Security-Policy"] = _POLICY
	answer.headers["Referrer-Policy"] = "no-referrer"
	answer.headers["Cache-Control"] = "no-store"
	return answer
