"""Carries what a received report says to the mail it is about: what came in and what went out meet here."""

from __future__ import annotations

import frappe

from dokos_mail.engine.errors import N_
from dokos_mail.engine.message.parse import parse
from dokos_mail.inbound.account import raw_store
from dokos_mail.inbound.journal import JOURNAL
from dokos_mail.inbound.reactions import Drop
from dokos_mail.inbound.reported import find_original
from dokos_mail.outbound.reported import Original, apply


def write_down(row: frappe._dict) -> str:
	"""Write down the report of a journal row; within the caller's transaction. Returns it in words."""
	raw_path = frappe.db.get_value(JOURNAL, row.incoming_email, "raw_path")
	path = raw_store().path(raw_path) if raw_path else None
	if path is None or not path.is_file():
		raise Drop(N_("The original of this message is not kept."))
	report = parse(path).report
	about = find_original(report) if report else None
	if report is None or about is None:
		raise Drop(N_("The mail it is about is no longer known."))
	communication = (
		about.communication if about.communication and frappe.db.exists("Communication", about.communication) else None
	)
	return apply(report, Original(about.queue, communication), row.name)
