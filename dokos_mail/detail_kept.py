"""Whether the server of an account keeps what follows the + of an address, without which documents have no addresses (row L1).

Each mail to such an address shows it (``Rules.observe``). Until one came, somebody may have a test email sent to the
address that the account itself has as a document.
"""

from __future__ import annotations

from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from dokos_mail.document_address import address_of
from dokos_mail.engine.message.document_address import ENVELOPE
from dokos_mail.engine.send import row as states
from dokos_mail.host import new_message_id

STATUS, QUEUE, RECIPIENT = "Email Account Status", "Email Queue", "Email Queue Recipient"
#: A test email that has not come back after this time is taken for lost.
PATIENCE = timedelta(minutes=15)
_REFUSED = frozenset((states.REFUSED, states.BOUNCED))


def send(account: frappe._dict) -> tuple[str, str]:
	"""Queue a test email to an address with a +; returns that, and the account that sends it. What was seen before is forgotten.

	The caller commits.
	"""
	address = address_of("Email Account", account.name, account.email_id)
	if not address:
		frappe.throw(_("The account's address is too long for anything to follow its name."))
	message_id = new_message_id()
	frappe.sendmail(
		recipients=[address],
		sender=account.email_id if cint(account.enable_outgoing) else None,
		subject=_("Test of the addresses of documents"),
		message=_("This email shows that {0} takes emails to {1}.").format(account.email_server or account.name, address),
		reference_doctype="Email Account",
		reference_name=account.name,
		message_id=message_id,
		delayed=True,
		add_unsubscribe_link=0,
	)
	values = {"detail_kept": None, "detail_kept_on": None, "detail_tried_on": now_datetime(), "detail_try": message_id}
	frappe.db.set_value(STATUS, {"email_account": account.name}, values, update_modified=False)
	return address, frappe.db.get_value(QUEUE, {"message_id": message_id}, "email_account") or ""


def lines(account: frappe._dict) -> list[dict[str, object]]:
	"""What the form of an account that links by address says of it, in the reader's language."""
	if not (cint(account.enable_incoming) and cint(account.enable_automatic_linking)) or account.awaiting_password:
		return []
	fields = ["detail_kept", "detail_tried_on", "detail_try"]
	row = frappe.db.get_value(STATUS, {"email_account": account.name}, fields, as_dict=True) or frappe._dict()
	state, text, remedy = _seen(row) if row.detail_kept else _tried(row) if row.detail_tried_on else _unknown()
	return [{"title": _("Addresses of documents"), "state": state, "text": text, "remedy": remedy}]


def _seen(row: frappe._dict) -> tuple[str, str, str]:
	if row.detail_kept == ENVELOPE:
		return "Working", _("The server keeps what follows the +, also of blind copies."), ""
	return (
		"Working",
		_("The server keeps what follows the +."),
		_("It does not record to whom a blind copy went: in Bcc, addresses of documents link nothing."),
	)


def _tried(row: frappe._dict) -> tuple[str, str, str]:
	queued = frappe.db.get_value(QUEUE, {"message_id": row.detail_try}, "name")
	fields = ["delivery_state", "server_reply"]
	sent = frappe.db.get_value(RECIPIENT, {"parent": queued}, fields, as_dict=True) if queued else None
	remedy = _("Ask whoever runs the server for addresses with a + (subaddressing, RFC 5233).")
	if sent and sent.delivery_state in _REFUSED:
		return "Failing", _("A test email to an address with a + was refused: {0}").format(sent.server_reply or ""), remedy
	if now_datetime() - get_datetime(row.detail_tried_on) < PATIENCE:
		return "Checking", _("A test email to an address with a + is on its way."), ""
	return "Failing", _("The test email to an address with a + has not come back: the server probably keeps none."), remedy


def _unknown() -> tuple[str, str, str]:
	return (
		"Unknown",
		_("Whether the server keeps what follows the + is not known yet: no email to such an address has come."),
		_("Try it: {0}.").format(_("Test the Addresses of Documents")),
	)
