"""Who is told that a mail did not arrive everywhere, or waits for days: by a notice in the desk, never by a mail.

Whoever wrote it. What no person wrote (a job's mail, or one that a visitor of the website set off) is the affair of those
who look after the site: all its System Managers, once a day for each account as long as they have not read the notice,
since programs write mail by the hundred.
"""

from __future__ import annotations

import re
from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import escape_html, now_datetime

from dokos_mail.engine.errors import N_
from dokos_mail.engine.message.headers import decode_header
from dokos_mail.engine.send import mime
from dokos_mail.engine.send import row as states
from dokos_mail.host import site_language
from dokos_mail.outbound.claim import QUEUE, WAITING
from dokos_mail.reasons import in_language

NOTICE = "Notification Log"
#: Logins that are nobody: jobs run as Administrator, and on most sites no person ever does.
_NOBODY = ("Administrator", "Guest")
#: For so long one that was not read stands for all further mail that no person wrote.
_STANDS_FOR_OTHERS = timedelta(days=1)
_TEXTS = {
	states.UNCERTAIN: N_("Nobody knows whether this email was sent: {0}"),
	states.WAITING: N_("This email still waits to be sent, and is kept: {0}"),
	states.REFUSED: N_("This email could not be sent: {0}"),
}
_OF_MANY = {
	states.UNCERTAIN: N_("Nobody knows whether some automatic emails were sent, the last one: {0}"),
	states.WAITING: N_("Automatic emails still wait to be sent, and are kept, the last one: {0}"),
	states.REFUSED: N_("Automatic emails could not be sent, the last one: {0}"),
}


def tell(row: frappe._dict, state: str, reason: str) -> None:
	"""Tell of a queue row that it is in ``state``, and why: a Reason in the language of whoever is told. The caller commits."""
	frappe.db.set_value(QUEUE, row.name, "notified", 1, update_modified=False)
	writer = writer_of(row)
	for user in [writer] if writer else managers():
		frappe.db.savepoint("notice")
		try:
			_tell(user, row, state, reason, is_writer=bool(writer))
		except frappe.ValidationError:
			# Another app's validation. The state on the row says the same.
			frappe.db.rollback(save_point="notice")
			frappe.log_error(title=_("Notice of {0}").format(row.name))


def writer_of(row: frappe._dict) -> str | None:
	"""The user of the desk who wrote a mail, or whose doing set it off; None for mail of programs and of visitors."""
	of_mail = ["owner", "user", "sent_or_received"]
	mail = frappe.db.get_value("Communication", row.communication, of_mail, as_dict=True) if row.communication else None
	if mail and mail.sent_or_received == "Sent" and _uses_desk(mail.user or mail.owner):
		return mail.user or mail.owner
	owner = frappe.db.get_value(QUEUE, row.name, "owner")
	return owner if owner not in _NOBODY and _uses_desk(owner) else None


def _uses_desk(user: str | None) -> bool:
	return bool(user and frappe.db.exists("User", {"name": user, "enabled": 1, "user_type": "System User"}))


def managers() -> list[str]:
	"""Those who look after the site: its System Managers; Administrator where there is no other."""
	having = frappe.get_all("Has Role", filters={"role": "System Manager", "parenttype": "User"}, pluck="parent")
	wanted = {"name": ("in", sorted(set(having).difference(_NOBODY)) or [""]), "enabled": 1, "user_type": "System User"}
	return frappe.get_all("User", filters=wanted, pluck="name", order_by="name asc") or ["Administrator"]


def _tell(user: str, row: frappe._dict, state: str, reason: str, *, is_writer: bool) -> None:
	kind = state if state in _TEXTS else states.REFUSED
	unread = None if is_writer else _unread(user, row)
	language = frappe.db.get_value("User", user, "language") or site_language()
	text = _((_OF_MANY if unread else _TEXTS)[kind], lang=language)
	# both are shown as HTML; a subject may be a stranger's, the reason is a server's
	values = {
		"document_type": QUEUE,
		"document_name": row.name,
		"subject": text.format(escape_html(subject_of(row)[:150])),
		"email_content": escape_html(in_language(reason, language)).replace("\n", "<br>"),
	}
	if is_writer and row.communication and "System Manager" not in frappe.get_roles(user):
		# the queue is for System Managers; its delivery is told on the mail as well
		values |= {"document_type": "Communication", "document_name": row.communication}
	if unread:
		frappe.db.set_value(NOTICE, unread, values)
		return
	notice = frappe.new_doc(NOTICE)
	notice.update({"for_user": user, "from_user": user, "type": "Alert"} | values)
	notice.insert(ignore_permissions=True)


def _unread(user: str, row: frappe._dict) -> str | None:
	"""A fresh notice that a user has not read, about mail of the same account which no person wrote either and which is as far."""
	fresh = {"for_user": user, "read": 0, "document_type": QUEUE, "creation": (">", now_datetime() - _STANDS_FOR_OTHERS)}
	waits = frappe.db.get_value(QUEUE, row.name, "status") in WAITING
	fields = ["name", "document_name"]
	for one in frappe.get_all(NOTICE, filters=fresh, fields=fields, order_by="creation desc", limit=20):
		about = ["name", "email_account", "status", "communication"]
		other = frappe.db.get_value(QUEUE, one.document_name, about, as_dict=True)
		same = other and other.email_account == row.email_account and (other.status in WAITING) == waits
		if same and writer_of(other) is None:
			return one.name
	return None


def subject_of(row: frappe._dict) -> str:
	"""The mail's subject, as readers see it."""
	head = re.split(r"\r?\n\r?\n", row.message or "", maxsplit=1)[0]
	subject = decode_header(mime.field(mime.parse(head), "Subject").encode("utf-8", "surrogateescape"))
	return " ".join(subject.split())
