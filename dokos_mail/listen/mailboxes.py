"""The accounts that a listener can watch, and how to reach them, read again and again at little cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import frappe
from frappe.utils import get_datetime

from dokos_mail import other_classes
from dokos_mail.engine.receive.watch import Target
from dokos_mail.inbound.account import STATUS, status_of

#: What says that an account has to be looked at again.
_MARKS = (
	"name",
	"modified",
	"email_id",
	"login_id",
	"login_id_is_different",
	"email_server",
	"incoming_port",
	"use_ssl",
	"use_starttls",
	"validate_ssl_certificate",
	"auth_method",
	"service",
	"domain",
)


@dataclass(frozen=True)
class Watched:
	"""An account to watch. ``last_success`` is when its server last answered as it should, to whomever."""

	account: str
	target: Target
	keeps_flags: bool
	last_success: datetime | None


class Mailboxes:
	"""The site's accounts by their status row, whose name stays when an account is renamed."""

	def __init__(self) -> None:
		self._known: dict[str, tuple[object, Watched]] = {}

	def read(self, doubtful: set[str]) -> dict[str, Watched]:
		"""The accounts as they are now. Settings are read where something changed, and where they are ``doubtful``.

		POP3, OAuth and the host's own services are left to the scheduler; all of them while another app's class has the accounts.
		"""
		if not other_classes.is_ours():
			return {}
		receiving = {"enable_incoming": 1, "awaiting_password": 0, "use_imap": 1}
		rows = frappe.get_all("Email Account", filters=receiving, fields=list(_MARKS))
		folders: dict[str, list[tuple[str, str]]] = {}
		for row in frappe.get_all(
			"IMAP Folder", filters={"parenttype": "Email Account"}, fields=["parent", "folder_name", "idx"], order_by="idx asc"
		):
			folders.setdefault(row.parent, []).append((row.idx, row.folder_name))
		status = {row.email_account: row for row in frappe.get_all(STATUS, fields=["name", "email_account", "last_success"])}
		found: dict[str, Watched] = {}
		for row in rows:
			key = status[row.name].name if row.name in status else status_of(row.name)
			marks = (tuple(row.values()), tuple(folders.get(row.name, ())))
			before, watched = self._known.get(key, (None, None))
			if watched is None or before != marks or key in doubtful:
				watched = _watched(row.name)
			if watched:
				last_success = status[row.name].last_success if row.name in status else None
				found[key] = Watched(
					watched.account, watched.target, watched.keeps_flags, get_datetime(last_success) if last_success else None
				)
				self._known[key] = (marks, found[key])
		for key in set(self._known).difference(found):
			del self._known[key]
		return found


def _watched(account: str) -> Watched | None:
	settings = frappe.get_doc("Email Account", account)
	if settings.is_left_to_host() or settings.auth_method == "OAuth":
		return None
	folders = [name for name, _append_to in settings.folders()]
	inbox = [name for name in folders if name.upper() == "INBOX"]
	ordered = inbox + [name for name in folders if name not in inbox]
	target = Target(settings.incoming_settings(), tuple(ordered))
	return Watched(account, target, bool(settings.get("keep_read_status")), None)
