"""The host's own hooks."""

from __future__ import annotations

app_name = "frappe"
app_title = "Embedded host"
app_publisher = "Dokos Mail"
app_description = "The slice of the frappe API that the app uses, on SQLite"
app_license = "MIT"
ignore_links_on_delete = [
	"Communication",
	"ToDo",
	"Comment",
	"File",
	"Version",
	"Error Log",
	"Notification Log",
	"Email Queue",
	"Scheduled Job Log",
	"Dynamic Link",
	"Communication Link",
]
