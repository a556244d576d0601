"""Two questions that the host asks of its own EmailAccount class, answered right.

The host names its own class where it looks for an account, so no class of ours is asked, whatever it derives from. Its
answers are replaced on that class, once in each process: here and nowhere else. A process serves other sites as well,
so each answer looks whether this app is on the site, and is the host's own where it is not. A bench without the app
imports nothing of this.
"""

from __future__ import annotations

import functools
from typing import Any

import frappe

from dokos_mail import host

APP = "dokos_mail"
CORRECTED = "dokos_mail_finders"
#: The address of a mail that no account sends yet; it never leaves.
NOBODY = "nobody@example.com"


def correct_finders() -> None:
	"""Replace the host's finders; again, or where the host has none, this does nothing (before each request and job)."""
	if not host.owns_mail():
		return
	core = host.base_class("Email Account")
	if CORRECTED in vars(core):
		return
	setattr(core, CORRECTED, True)
	for name, ours in (("find_incoming", find_incoming), ("find_outgoing", find_outgoing)):
		theirs = getattr(core, name).__func__
		setattr(core, name, classmethod(_where_installed(ours, theirs)))


def _where_installed(ours: Any, theirs: Any) -> Any:
	@functools.wraps(theirs)
	def answer(cls: type, *args: Any, **kwargs: Any) -> Any:
		if APP not in frappe.get_installed_apps():
			return theirs(cls, *args, **kwargs)
		return ours(cls, theirs, *args, **kwargs)

	return answer


def find_incoming(cls: Any, _theirs: Any, match_by_email: str | None = None, match_by_doctype: str | None = None) -> Any:
	"""The account that receives replies: the address's own, else one that feeds the document type, else the default.

	The host looks for "feeds no document type" where it is told none, which is true of any account read by IMAP: with
	it the first of them is the answer, and the default never (row I11). It does not look at what folders feed.
	"""
	if match_by_email and (found := cls.find_one_by_filters(enable_incoming=1, email_id=match_by_email)):
		return found
	if match_by_doctype:
		if found := cls.find_one_by_filters(enable_incoming=1, append_to=match_by_doctype):
			return found
		feeding = {"parenttype": "Email Account", "append_to": match_by_doctype}
		for account in sorted(set(frappe.get_all("IMAP Folder", filters=feeding, pluck="parent"))):
			if found := cls.find_one_by_filters(enable_incoming=1, name=account):
				return found
	return cls.find_default_incoming()


def find_outgoing(_cls: Any, theirs: Any, *args: Any, **kwargs: Any) -> Any:
	"""The host's choice, made anew: it remembers the default account, and then gives it whoever asks for another.

	Where no account sends, the host raises in whatever code sends a mail in passing. That code gets an account that is
	nobody's, and its mail waits in the queue, which tells somebody; who sends a mail in the desk still gets the error,
	since it is asked there whether an account sends.
	"""
	frappe.local.outgoing_email_account = {}
	messages = list(frappe.local.message_log)
	try:
		return theirs(_cls, *args, **kwargs)
	except frappe.OutgoingEmailError:
		frappe.local.message_log = messages
		return frappe.get_doc({"doctype": "Email Account", "email_id": NOBODY})
