"""Which document types mail may be appended to (row I9)."""

from __future__ import annotations

from collections.abc import Mapping

import frappe
from frappe import _


def append_to_doctypes() -> list[str]:
	"""Names of the document types offered in Append To, sorted.

	Those that carry the flag ``email_append_to``, those that got it through Customize Form, and those that any
	installed app lists under ``email_append_to`` in its hooks. A name that the site does not have, a child table or a
	single document is left out: nothing could be made of it.
	"""
	flagged = frappe.get_all("DocType", filters={"email_append_to": 1}, pluck="name")
	customized = frappe.get_all("Property Setter", filters={"property": "email_append_to", "value": "1"}, pluck="doc_type")
	hooked = [str(_entry(entry).get("doctype")) for entry in frappe.get_hooks("email_append_to") or []]
	usable = {"name": ("in", sorted({*flagged, *customized, *hooked})), "istable": 0, "issingle": 0}
	return sorted(frappe.get_all("DocType", filters=usable, pluck="name"))


def hooked_fields(doctype: str) -> dict[str, str]:
	"""What installed apps' ``email_append_to`` says of a document type's fields; empty where no app says anything.

	An entry is a name, or a dict with ``doctype`` and any of ``subject_field``, ``sender_field`` and
	``sender_name_field``. The app that was installed last counts.
	"""
	said: dict[str, str] = {}
	for entry in map(_entry, frappe.get_hooks("email_append_to") or []):
		if entry.get("doctype") == doctype:
			said |= {key: str(value) for key, value in entry.items() if value}
	return said


def _entry(entry: object) -> Mapping[str, object]:
	return entry if isinstance(entry, Mapping) else {"doctype": entry}


def only_for_readers_of_accounts() -> None:
	"""Raise PermissionError for whoever may not read e-mail accounts. The hosts' own check raises different errors."""
	if not frappe.has_permission("Email Account", "read"):
		frappe.throw(_("You may not see email accounts."), frappe.PermissionError)


@frappe.whitelist()
def append_to_query(
	doctype: str | None = None,
	txt: str | None = None,
	searchfield: str | None = None,
	start: int | str = 0,
	page_len: int | str = 20,
	filters: object = None,
) -> list[list[str]]:
	"""Rows for the Append To field of a form, in the shape of the desk's link queries.

	``txt`` is looked for in the name and in its translation.
	"""
	only_for_readers_of_accounts()
	wanted = (txt or "").casefold()
	found = [name for name in append_to_doctypes() if wanted in name.casefold() or wanted in _(name).casefold()]
	return [[name] for name in found[int(start or 0) :][: int(page_len or 20)]]
