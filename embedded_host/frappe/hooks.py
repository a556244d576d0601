"""The host's own hooks."""

from __future__ import annotations

app_name = "frappe"
app_title = "Embedded host"
app_publisher = "Dokos Mail"
app_description = "The slice of the frappe API that the app uses, on SQLite"
app_license = "MIT"
has_permission = {"File": "frappe.core.doctype.file.file.has_permission"}
permission_query_conditions = {"File": "frappe.core.doctype.file.file.get_permission_query_conditions"}

scheduler_events = {"daily": ["frappe.sessions.clear_expired_sessions"]}

ignore_links_on_delete = [
	"Communication",
	"ToDo",
	"Email Unsubscribe",
	"File",
	"Version",
	"Comment",
	"Notification Log",
	"Email Queue",
]

# what is deleted with the document it is about, and what stays but is no longer about it: the fields that say so
delete_with_reference = {
	"Comment": ["reference_doctype", "reference_name"],
	"ToDo": ["reference_type", "reference_name"],
	"Version": ["ref_doctype", "docname"],
	"Email Unsubscribe": ["reference_doctype", "reference_name"],
	"Notification Log": ["document_type", "document_name"],
	"File": ["attached_to_doctype", "attached_to_name"],
}
clear_reference = {"Communication": ["reference_doctype", "reference_name"]}
