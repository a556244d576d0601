from __future__ import annotations

import frappe

from dokos_mail.plain import plain

#: What was kept as it came, and the hosts' report view draws as HTML.
KEPT = {
	"Incoming Email": ("subject", "reason", "authentication_reason", "imap_flags"),
	"Email Account Status": ("error", "remedy", "outgoing_error", "outgoing_remedy"),
	"Email Folder": ("error",),
	"Email Reaction": ("reason",),
	"Undeliverable Address": ("reason",),
}


def execute() -> None:
	"""Rows that were written before, as they are written now. Nothing else of them changes; done twice, nothing does."""
	for doctype, fields in KEPT.items():
		for field in fields:
			for row in frappe.get_all(doctype, filters={field: ("like", "%<%")}, fields=["name", field]):
				frappe.db.set_value(doctype, row.name, field, plain(row[field]), update_modified=False)
