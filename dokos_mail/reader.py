"""What whoever reads a received mail asks for: remote images once he agreed, where the mail is from and why it is here."""

from __future__ import annotations

import json
import re
from html import escape, unescape
from urllib.parse import quote, urlsplit

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import get_url
from werkzeug.wrappers import Response

from dokos_mail.inbound.journal import JOURNAL
from dokos_mail.inbound.words import in_words
from dokos_mail.mail_access import may_read
from dokos_mail.outbound import queue

ALLOWED = "Remote Image Sender"
#: Mails of a timeline that are asked about at once.
MOST_AT_ONCE = 200

_REMOTE = re.compile(r' data-remote-(?P<attribute>src|background)="(?P<address>[^"]*)"')
#: What a frame with a mail may do: show what is in it, images of the site, and others where its reader agreed.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:{remote}; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"


@frappe.whitelist(methods=["GET"])
def with_images(communication: str) -> Response:
	"""A received mail as a page for a frame, its remote images loaded: its reader agreed. Nothing runs in it."""
	doc = _readable(communication)
	ours = {urlsplit(address).hostname for address in (get_url(), frappe.local.request.host_url)}
	html = _REMOTE.sub(lambda found: _loaded(found, ours), doc.content or "")
	language = escape(frappe.local.lang or "en", quote=True)
	page = f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><base target="_blank"></head><body>{html}</body></html>'
	answer = Response(page, mimetype="text/html")
	answer.headers["Content-Security-Policy"] = _POLICY.format(remote=" https: http:")
	answer.headers["Referrer-Policy"] = "no-referrer"
	answer.headers["X-Content-Type-Options"] = "nosniff"
	return answer


@frappe.whitelist()
def senders_allowed() -> list[str]:
	"""Whose remote images the user always wants to see."""
	return frappe.get_all(ALLOWED, filters={"user": frappe.session.user}, pluck="sender")


@frappe.whitelist(methods=["POST"])
def allow_sender(communication: str) -> str:
	"""Always show the user the remote images of whoever sent this mail; answers the address."""
	sender = (_readable(communication).sender or "").lower()
	if not sender:
		frappe.throw(_("This mail names no sender."))
	if not frappe.db.exists(ALLOWED, {"user": frappe.session.user, "sender": sender}):
		frappe.get_doc({"doctype": ALLOWED, "user": frappe.session.user, "sender": sender}).insert(ignore_permissions=True)
	return sender


@frappe.whitelist()
def about(communication: str) -> dict[str, str]:
	"""Why a received mail is where it is, and where its original is downloaded; empty for one that another way brought."""
	doc = _readable(communication)
	row = frappe.db.get_value(JOURNAL, {"communication": doc.name}, ["name", "rule", "trace", "raw_path"], as_dict=True)
	if row is None:
		return {}
	original = f"/api/method/dokos_mail.api.download_original?name={quote(row.name)}" if row.raw_path else ""
	return {"why": in_words(row.rule, json.loads(row.trace or "[]"), _), "original": original, "row": row.name}


@frappe.whitelist()
def in_timeline(communications: str) -> dict[str, object]:
	"""What is to be said beside mails of a timeline (their names, as a JSON list).

	``deliveries``: what became of each with whom, where there is more to say than *Sent*. ``received``: which came here,
	so that there is something to say of why.
	"""
	names = [name for name in json.loads(communications) if isinstance(name, str)][:MOST_AT_ONCE]
	told = queue.troubles(names)
	came = {"name": ("in", names or [""]), "sent_or_received": "Received", "communication_medium": "Email"}
	received = frappe.get_all("Communication", filters=came, pluck="name")
	readable = {name for name in {*told, *received} if may_read(frappe.get_doc("Communication", name))}
	return {
		"deliveries": {name: lines for name, lines in told.items() if name in readable},
		"received": [name for name in received if name in readable],
	}


def _loaded(found: re.Match[str], ours: set[str | None]) -> str:
	"""A picture's address where a browser loads it; not one of this site, which may do something when it is called."""
	try:
		host = urlsplit(unescape(found["address"])).hostname
	except ValueError:
		return found.group()
	return found.group() if host is None or host in ours else f' {found["attribute"]}="{found["address"]}"'


def _readable(communication: str) -> Document:
	doc = frappe.get_doc("Communication", communication)
	if not may_read(doc):
		frappe.throw(_("You may not read this message."), frappe.PermissionError)
	return doc
