"""The final bytes of one recipient's copy of a queued mail."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from email.message import Message

import frappe
from frappe.utils import cint, get_url

from dokos_mail import host
from dokos_mail.engine.send import mime, placeholders
from dokos_mail.engine.send.addresses import mailbox
from dokos_mail.engine.send.files import File, file_part
from dokos_mail.files import octets
from dokos_mail.other_apps import hooks
from dokos_mail.outbound import links
from dokos_mail.outbound.compose import OFFER_UNSUBSCRIBE

BEFORE_SEND = "mail_before_send"


def for_recipient(queue_row: frappe._dict, recipient: str) -> bytes:
	"""What a recipient is sent: placeholders filled, attachments in it, other apps' ``mail_before_send`` heard.

	The row's ``message`` is left as it is. The Message-ID is the same for every recipient and every attempt.
	"""
	message = mime.parse(queue_row.message or "")
	found = mailbox(recipient)
	address = found.address if found else recipient
	fill(message, queue_row, address)
	for file in attachments(queue_row):
		_attach(message, file)
	message = ask_other_apps(message, queue_row, address)
	return mime.serialise(message)


def for_sent_folder(queue_row: frappe._dict) -> bytes:
	"""The message as its sender files it: everybody but blind recipients in it, and nobody's own links.

	Whoever opens this copy is its sender: neither does he read it for a recipient, nor unsubscribe one by a click.
	"""
	message = mime.parse(queue_row.message or "")
	shown = [each.recipient for each in queue_row.recipients if not cint(each.get("is_bcc"))]
	placeholders.fill(message, recipient=", ".join(shown), unsubscribe_url=get_url())
	mime.set_field(message, OFFER_UNSUBSCRIBE, None)
	for file in attachments(queue_row):
		_attach(message, file)
	return mime.serialise(message)


def fill(message: Message, queue_row: frappe._dict, recipient: str) -> None:
	"""Placeholders and the fields that name the recipient."""
	account = _account(queue_row)
	tracked = bool(queue_row.communication and account and cint(account.track_email_status))
	unsubscribe = links.unsubscribe_url(queue_row, recipient)
	placeholders.fill(
		message,
		recipient=recipient,
		unsubscribe_url=unsubscribe,
		pixel_url=links.pixel_url(queue_row, recipient) if tracked else "",
	)
	if mime.field(message, OFFER_UNSUBSCRIBE):
		mime.set_field(message, OFFER_UNSUBSCRIBE, None)
		mime.set_field(message, "List-Unsubscribe", f"<{unsubscribe}>")
		if unsubscribe.startswith("https://") and links.has_page_of_ours(queue_row):
			mime.set_field(message, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click")


def _account(queue_row: frappe._dict) -> frappe._dict | None:
	if not queue_row.email_account:
		return None
	return frappe.db.get_value("Email Account", queue_row.email_account, ["name", "track_email_status"], as_dict=True)


def attachments(queue_row: frappe._dict) -> Iterator[File]:
	"""The files named by a row, read now: File documents and prints. What came with its content is in the message."""
	for each in frappe.parse_json(queue_row.attachments or "[]"):
		if each.get("fid") or each.get("file_url"):
			filters = {"name": each["fid"]} if each.get("fid") else {"file_url": each["file_url"]}
			document = frappe.get_doc("File", filters)
			yield File(document.file_name, octets(document))
		elif cint(each.get("print_format_attachment")):
			made = frappe.get_attr("frappe.attach_print")(
				**{key: value for key, value in each.items() if key != "print_format_attachment"}
			)
			content = made["fcontent"]
			yield File(made["fname"], content.encode("utf-8") if isinstance(content, str) else content)


def _attach(message: Message, file: File) -> None:
	if message.get_content_type() != "multipart/mixed":
		_wrap(message)
	message.attach(file_part(file))


def _wrap(message: Message) -> None:
	"""A message of one part becomes the first part of a ``multipart/mixed``."""
	inner = copy.copy(message)
	inner._headers = [(name, value) for name, value in message.raw_items() if name.lower().startswith("content-")]
	outer = mime.multipart("mixed", inner)
	for name, _value in inner.raw_items():
		del message[name]
	message["Content-Type"] = mime.field(outer, "Content-Type")
	message.set_payload([inner])


def ask_other_apps(message: Message, queue_row: frappe._dict, recipient: str) -> Message:
	"""Call the functions that apps name under ``mail_before_send``: they may change the message in place.

	One that raises is reported with the app's name, and what it did to the message and wrote is undone; the mail goes on.
	"""
	for hook in hooks(BEFORE_SEND):
		changed = mime.parse(mime.serialise(message))
		frappe.db.savepoint(BEFORE_SEND)
		try:
			hook(changed, queue_row, recipient)
		except Exception as error:
			if isinstance(error, host.job_timeouts()):
				raise
			_undo()
			hook.failed(error)
			continue
		message = changed
	return message


def _undo() -> None:
	"""Undo what a hook wrote. Where it committed, the savepoint is gone, and all that was written before is safe."""
	try:
		frappe.db.rollback(save_point=BEFORE_SEND)
	except Exception:
		frappe.db.rollback()
