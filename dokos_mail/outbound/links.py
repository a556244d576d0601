"""Links in a mail that say who reads it: signed, so that nobody can make one up.

A token is readable and bound to its purpose: changing any of it, or using it for something else, makes it worthless.
It names an Email Queue row and a recipient; there is no time limit, since mail is read years later.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from importlib import import_module
from urllib.parse import urlencode

import frappe
from frappe.utils import get_url
from frappe.utils.password import get_encryption_key

from dokos_mail import host

UNSUBSCRIBE_PAGE = "/api/method/dokos_mail.recipients.unsubscribe"
PIXEL_IMAGE = "/api/method/dokos_mail.recipients.pixel"
#: The host's own page, which acts on a GET: mail of ours leads to ours instead.
HOSTS_PAGE = "/api/method/frappe.email.queue.unsubscribe"


@dataclass(frozen=True)
class Ticket:
	"""What a signed link says: for whom, and about what. ``communication`` and the reference may be empty."""

	purpose: str
	recipient: str
	queue: str
	communication: str = ""
	doctype: str = ""
	docname: str = ""
	account: str = ""


def _signature(payload: bytes) -> bytes:
	# a key of our own, made from the site's, so that a signature of ours is good for nothing else
	key = hmac.new(get_encryption_key().encode(), b"dokos_mail links", hashlib.sha256).digest()
	return hmac.new(key, payload, hashlib.sha256).digest()[:20]


def sign(ticket: Ticket) -> str:
	"""The token of a ticket: characters that need no encoding in an address."""
	fields = [getattr(ticket, name) for name in Ticket.__dataclass_fields__]
	payload = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
	return _text(_signature(payload) + payload)


def verify(token: object, purpose: str) -> Ticket | None:
	"""The ticket of a token that we signed for this purpose; None for anything else, whatever it is."""
	if not isinstance(token, str) or len(token) > 4000 or not token.isascii():
		return None
	try:
		octets = urlsafe_b64decode(token + "=" * (-len(token) % 4))
	except ValueError:
		return None
	given, payload = octets[:20], octets[20:]
	if not hmac.compare_digest(given, _signature(payload)):
		return None
	ticket = Ticket(*json.loads(payload))
	return ticket if ticket.purpose == purpose and _text(octets) == token else None


def _text(octets: bytes) -> str:
	return urlsafe_b64encode(octets).decode("ascii").rstrip("=")


def ticket_for(queue_row: frappe._dict, recipient: str, purpose: str) -> Ticket:
	"""What a link in the copy of ``recipient`` says."""
	return Ticket(
		purpose,
		recipient.strip().lower(),
		queue_row.name or "",
		queue_row.communication or "",
		queue_row.reference_doctype or "",
		queue_row.reference_name or "",
		queue_row.email_account or "",
	)


def unsubscribe_url(queue_row: frappe._dict, recipient: str) -> str:
	"""The page where a recipient unsubscribes. An app that named a page of its own (``unsubscribe_method``) gets that."""
	method = queue_row.unsubscribe_method
	if method and method != HOSTS_PAGE and host.owns_mail():
		return _page_of_another_app(queue_row, recipient, method)
	return get_url(f"{UNSUBSCRIBE_PAGE}?token={sign(ticket_for(queue_row, recipient, 'unsubscribe'))}")


def _page_of_another_app(queue_row: frappe._dict, recipient: str, method: str) -> str:
	"""As the host signs it: the page checks that with the host's own function."""
	params = {"email": recipient, "doctype": queue_row.reference_doctype or "", "name": queue_row.reference_name or ""}
	params |= frappe.parse_json(queue_row.unsubscribe_param or "{}")
	signed = import_module("frappe.utils.verified_command").get_signed_params(urlencode(params))
	return get_url(f"{method}?{signed}")


def has_page_of_ours(queue_row: frappe._dict) -> bool:
	"""Whether the link leads to our page, which answers the POST of a mail program (RFC 8058)."""
	return not host.owns_mail() or queue_row.unsubscribe_method in (None, "", HOSTS_PAGE)


def pixel_url(queue_row: frappe._dict, recipient: str) -> str:
	"""The image whose loading says that the mail was, probably, read."""
	return get_url(f"{PIXEL_IMAGE}?token={sign(ticket_for(queue_row, recipient, 'pixel'))}")
