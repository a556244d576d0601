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
