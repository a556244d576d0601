"""The rows every site begins with."""

from __future__ import annotations

from frappe.host.context import local
from frappe.model.document import get_doc
from frappe.utils.password import update_password

ROLES = ("Administrator", "System Manager", "Desk User", "All", "Guest", "Inbox User", "Super Email User")
WITHOUT_DESK = ("All", "Guest")


def after_install(admin_password: str) -> None:
	for role in ROLES:
		_insert({"doctype": "Role", "role_name": role, "desk_access": int(role not in WITHOUT_DESK)})
	for name, address, extra in (
		("Administrator", "admin@example.com", {"is_admin": 1, "roles": [{"role": "Administrator"}, {"role": "System Manager"}]}),
		("Guest", "guest@example.com", {"is_guest": 1, "roles": [{"role": "Guest"}]}),
	):
		_insert({"doctype": "User", "first_name": name, "email": address, "enabled": 1, **extra})
	update_password("Administrator", admin_password)
	_insert({"doctype": "File", "file_name": "Home", "is_folder": 1, "is_home_folder": 1}, name="Home")
	_insert(
		{"doctype": "File", "file_name": "Attachments", "is_folder": 1, "is_attachments_folder": 1, "folder": "Home"},
		name="Home/Attachments",
	)
	settings = get_doc("System Settings")
	settings.language = local.conf.get("lang") or settings.language
	settings.save()


def _insert(values: dict, name: str | None = None) -> None:
	doc = get_doc(values)
	doc.flags.ignore_permissions = doc.flags.ignore_mandatory = True
	doc.insert(set_name=name)
