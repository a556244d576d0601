"""``frappe.sendmail`` on a host without a mail module of its own: its arguments become Email Queue rows.

A mail that no account can send is queued all the same, and somebody is told: code that sends a mail in passing goes on.
Only where a person sends a mail there and then is that an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, split_emails

from dokos_mail.engine.send.addresses import mailbox
from dokos_mail.host import new_message_id
from dokos_mail.outbound.compose import build

#: More recipients than this get a row each.
MOST_IN_ONE = 100
LIST_PARTS = ("recipients", "cc", "bcc")


def sendmail(
	recipients: str | Sequence[str] | None = None,
	sender: str | None = None,
	subject: str | None = None,
	message: str | None = None,
	as_markdown: bool = False,
	delayed: bool = True,
	reference_doctype: str | None = None,
	reference_name: str | None = None,
	unsubscribe_method: str | None = None,
	unsubscribe_params: Mapping[str, object] | None = None,
	unsubscribe_message: str | None = None,
	add_unsubscribe_link: int = 1,
	attachments: Sequence[Mapping[str, object]] | None = None,
	content: str | None = None,
	doctype: str | None = None,
	name: str | None = None,
	reply_to: str | None = None,
	queue_separately: bool = False,
	cc: str | Sequence[str] | None = None,
	bcc: str | Sequence[str] | None = None,
	message_id: str | None = None,
	in_reply_to: str | None = None,
	send_after: str | datetime | None = None,
	expose_recipients: str | None = None,
	send_priority: int = 1,
	communication: str | None = None,
	now: bool | None = None,
	read_receipt: bool | None = None,
	is_notification: bool = False,
	inline_images: Sequence[Mapping[str, object]] | None = None,
	template: str | None = None,
	args: Mapping[str, object] | None = None,
	header: str | Sequence[str] | None = None,
	with_container: bool = False,
	x_priority: int | None = None,
	email_headers: Mapping[str, str] | None = None,
	**_ignored: object,
) -> object | None:
	"""Queue a mail; the row, or None where nobody is left to send it to. Arguments as the host's.

	:param recipients, cc, bcc: lists, or texts with commas. Whoever unsubscribed from the document, or from all mail,
		is left out.
	:param template: a template below ``templates/emails`` of an installed app, filled with ``args``.
	:param now, delayed: ``now``, or ``delayed`` False, sends in this very call; what cannot leave waits.
	:param attachments: File names (``fid``), addresses of files (``file_url``), or contents (``fname``, ``fcontent``).
	"""
	doctype, docname = doctype or reference_doctype, name or reference_name
	to, copies, blind = (_addresses(each) for each in (recipients, cc, bcc))
	gone = _unsubscribed(doctype, docname, [*to, *copies])
	to, copies = ([each for each in found if _key(each) not in gone] for found in (to, copies))
	if not (to or copies):
		return None
	html = content or message or ""
	if template:
		html = frappe.get_template(f"templates/emails/{template}.html").render(dict(args or {}))
	if as_markdown:
		html = "".join(f"<p>{escape(part)}</p>" for part in html.split("\n\n"))
	given, named = _attachments([*(attachments or ()), *_as_attachments(inline_images)])
	extra = list((email_headers or {}).items())
	if read_receipt and sender:
		extra.append(("Disposition-Notification-To", sender))
	if x_priority:
		extra.append(("X-Priority", str(x_priority)))
	if is_notification:
		extra.append(("Auto-Submitted", "auto-generated"))
	message_id = (message_id or new_message_id()).strip("<>")
	separately = bool(queue_separately) or len(to) > MOST_IN_ONE
	shown = None if separately else expose_recipients
	text = build(
		sender=sender or "",
		subject=subject or _("No Subject"),
		html=html,
		message_id=message_id,
		recipients=to,
		cc=copies,
		expose_recipients=shown,
		reply_to=reply_to,
		in_reply_to=in_reply_to,
		attachments=given,
		header=header,
		with_container=with_container,
		extra=extra,
	)
	values = {
		"doctype": "Email Queue",
		"sender": sender,
		"message": text,
		"message_id": message_id,
		"status": "Not Sent",
		"reference_doctype": doctype,
		"reference_name": docname,
		"communication": communication,
		"send_after": get_datetime(send_after) if send_after else None,
		"priority": cint(send_priority),
		"add_unsubscribe_link": cint(add_unsubscribe_link),
		"unsubscribe_method": unsubscribe_method,
		"unsubscribe_param": json.dumps(unsubscribe_params) if unsubscribe_params else None,
		"expose_recipients": shown,
		"show_as_cc": ",".join(_key(each) for each in copies),
		"attachments": json.dumps(named),
	}
	groups = [[each] for each in [*to, *copies, *blind]] if separately else [[*to, *copies, *blind]]
	hidden = {_key(each) for each in blind}
	row = None
	for group in groups:
		row = _queue(values, group, hidden)
		if now or not delayed:
			row.send()
	return row


def _queue(values: Mapping[str, object], group: Iterable[str], hidden: set[str]) -> object:
	row = frappe.get_doc(dict(values))
	for address in dict.fromkeys(map(_key, group)):
		row.append("recipients", {"recipient": address, "status": "Not Sent", "is_bcc": int(address in hidden)})
	row.insert(ignore_permissions=True)
	if row.communication and not row.email_account and getattr(frappe.local, "request", None):
		frappe.throw(
			_("No Email Account can send this email. Set one up, and make it the default for outgoing emails."),
			frappe.OutgoingEmailError,
		)
	return row


def _addresses(given: str | Iterable[str] | None) -> list[str]:
	"""Addresses, with their names where they have any, in order and each once."""
	if not given:
		return []
	parts = split_emails(given) if isinstance(given, str) else [part for each in given if each for part in split_emails(each)]
	found: dict[str, str] = {}
	for part in parts:
		if "@" in part:
			found.setdefault(_key(part), part)
	return list(found.values())


def _key(address: str) -> str:
	found = mailbox(address)
	return (found.address if found else address).strip()


def _unsubscribed(doctype: str | None, name: str | None, addresses: Sequence[str]) -> set[str]:
	"""Who of these wants no more mail about the document, or none at all."""
	rows = frappe.get_all(
		"Email Unsubscribe",
		filters={"email": ("in", [_key(each) for each in addresses] or [""])},
		fields=["email", "reference_doctype", "reference_name", "global_unsubscribe"],
	)
	gone = {
		row.email.lower()
		for row in rows
		if row.global_unsubscribe or (doctype and (row.reference_doctype, row.reference_name) == (doctype, name))
	}
	return {_key(each) for each in addresses if _key(each).lower() in gone}


def _attachments(given: Iterable[Mapping[str, object]]) -> tuple[list[Mapping[str, object]], list[Mapping[str, object]]]:
	"""Those that come with their content, and those that are named only and read when the mail is sent."""
	contents, named = [], []
	for each in given:
		if isinstance(each, str):
			each = {"fid": each}
		(contents if each.get("fcontent") is not None else named).append(each)
	return contents, named


def _as_attachments(images: Iterable[Mapping[str, object]] | None) -> list[dict[str, object]]:
	return [{"fname": each["filename"], "fcontent": each["filecontent"]} for each in images or ()]
