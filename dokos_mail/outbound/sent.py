"""The copy in the Sent folder (row O9): once per message, over one login for all that wait."""

from __future__ import annotations

import frappe
from frappe import _

from dokos_mail.engine.connect.imap import open_imap
from dokos_mail.engine.errors import CommandRefused, FolderMissing, MailError
from dokos_mail.engine.send.filing import append, files_by_itself, has_message, sent_folder
from dokos_mail.outbound import account as accounts
from dokos_mail.outbound.claim import QUEUE

#: Messages filed over one login, before others' turn.
BATCH = 200


def was_filed(account: frappe._dict, message_id: str) -> bool:
	"""Whether the provider, if it is one that files what it sends, has filed that message. False when nobody can tell."""
	settings = accounts.incoming_settings(account)
	if settings is None or not files_by_itself(account.smtp_server or ""):
		return False
	try:
		with open_imap(settings) as session:
			return has_message(session, sent_folder(session, account.get("sent_folder_name") or ""), message_id)
	except MailError:
		frappe.log_error(title=_("Sent folder of {0}").format(account.name))
		return False


def accounts_with_copies() -> list[str]:
	"""Names of the accounts that have copies to file."""
	return sorted(filter(None, frappe.get_all(QUEUE, filters={"sent_copy": "Wanted"}, pluck="email_account", distinct=True)))


def file_copies(account_name: str) -> int:
	"""File the copies that wait for this account; how many were. Commits after each.

	A copy that is there already, the provider's or one of a process that died, is not put there again.
	"""
	account = frappe.get_cached_doc("Email Account", account_name)
	waiting = {"email_account": account_name, "sent_copy": "Wanted"}
	names = frappe.get_all(QUEUE, filters=waiting, pluck="name", order_by="creation asc", limit_page_length=BATCH)
	if not names:
		return 0
	settings = accounts.incoming_settings(account)
	if settings is None or files_by_itself(account.smtp_server or ""):
		_done(names, "Not Possible" if settings is None else "Filed")
		return 0
	filed = 0
	try:
		with open_imap(settings) as session:
			folder = sent_folder(session, account.get("sent_folder_name") or "")
			for name in names:
				row = frappe.get_doc(QUEUE, name)
				copy = _copy(row)
				frappe.db.commit()
				if not has_message(session, folder, row.message_id or ""):
					append(session, folder, copy)
				_done([name], "Filed")
				filed += 1
	except (FolderMissing, CommandRefused) as error:
		# Neither passes by itself: no folder of that name, or no room in it.
		frappe.log_error(title=_("Sent folder of {0}").format(account_name), message=f"{error.message(_)} {error.advice(_)}")
		_done(names[filed:], "Not Possible")
	except MailError:
		# The server is away: the copies wait.
		frappe.logger("dokos_mail").warning(f"Sent folder of {account_name}", exc_info=True)
	return filed


def _copy(row: frappe._dict) -> bytes:
	"""The message as its sender would file it: nobody's own links in it, everybody in To and Cc."""
	from dokos_mail.outbound.render import for_sent_folder

	return for_sent_folder(row)


def _done(names: list[str], state: str) -> None:
	frappe.db.set_value(QUEUE, {"name": ("in", names)}, "sent_copy", state, update_modified=False)
	frappe.db.commit()
