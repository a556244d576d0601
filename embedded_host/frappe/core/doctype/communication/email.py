"""The desk's composer: a Communication of what somebody wrote, and its mail."""

from __future__ import annotations

from email.utils import formataddr, make_msgid
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, split_emails, validate_email_address


@frappe.whitelist(methods=["POST"])
def make(
	doctype: str | None = None,
	name: str | None = None,
	content: str | None = None,
	subject: str | None = None,
	recipients: Any = None,
	cc: Any = None,
	bcc: Any = None,
	sender: str | None = None,
	sender_full_name: str | None = None,
	send_email: Any = False,
	send_me_a_copy: Any = False,
	attachments: Any = None,
	read_receipt: Any = None,
	email_template: str | None = None,
	communication_type: str | None = None,
) -> dict[str, str]:
	"""Insert a Communication about a document that the user may send mail about, with `send_email` hand it to `frappe.sendmail`."""
	if doctype and name and not frappe.has_permission(doctype, "email", doc=name):
		raise frappe.PermissionError(_("You are not allowed to send emails related to: {0} {1}").format(_(doctype), name))
	user = frappe.db.get_value("User", frappe.session.user, ["email", "full_name"], as_dict=True)
	given = {"recipients": recipients, "cc": cc, "bcc": bcc}
	lists = {key: each if isinstance(each, list) else split_emails(each or "") for key, each in given.items()}
	for address in (each for addresses in lists.values() for each in addresses):
		validate_email_address(address, throw=True)
	if cint(send_me_a_copy):
		lists["cc"] = [*lists["cc"], user.email]
	files = [frappe.get_doc("File", each) for each in frappe.parse_json(attachments or "[]")]
	for file in files:
		file.check_permission("read")
	message = frappe.get_doc(
		{
			"doctype": "Communication",
			"subject": subject,
			"content": content,
			"sender": sender or formataddr((user.full_name, user.email)),
			"sender_full_name": sender_full_name or user.full_name,
			**{key: ", ".join(addresses) for key, addresses in lists.items()},
			"communication_type": communication_type or "Communication",
			"communication_medium": "Email",
			"sent_or_received": "Sent",
			"status": "Linked",
			"reference_doctype": doctype,
			"reference_name": name,
			"email_template": email_template,
			"read_receipt": cint(read_receipt),
			"has_attachment": int(bool(files)),
			"message_id": make_msgid(domain=frappe.local.site)[1:-1],
		}
	).insert(ignore_permissions=True)
	for file in files:
		copy = {"doctype": "File", **{key: file.get(key) for key in ("file_url", "file_name", "is_private")}}
		attached = {"attached_to_doctype": "Communication", "attached_to_name": message.name}
		frappe.get_doc({**copy, **attached}).insert(ignore_permissions=True)
	if cint(send_email):
		frappe.sendmail(
			**lists,
			expose_recipients="header",
			sender=message.sender,
			subject=subject,
			content=content,
			reference_doctype=doctype,
			reference_name=name,
			attachments=[{"fid": file.name} for file in files],
			message_id=message.message_id,
			delayed=True,
			communication=message.name,
			read_receipt=message.read_receipt,
		)
	return {"name": message.name, "emails_not_sent_to": ""}
