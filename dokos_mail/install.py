"""Brings a host in line with our definitions, at installation and after every migrate, and takes it all back.

A host that has the DocTypes keeps them: what ours have besides becomes Custom Fields and Property Setters of this
app's module, which the host removes with the app. A host that has none gets the definitions as they stand. Doing it
again changes nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import frappe
from frappe import _
from frappe.modules.import_file import import_file_by_path
from frappe.utils import now_datetime

from dokos_mail import certificates, desk_links, host, schema
from dokos_mail.inbound import reactions
from dokos_mail.inbound.handback import hand_back
from dokos_mail.jobs import react
from dokos_mail.other_classes import print_other_classes
from dokos_mail.outbound.handback import hand_back_queue, in_the_hosts_words

MODULE = "Dokos Mail"
#: Children first: a table's rows must exist before the field that shows them.
DOCTYPES = ("IMAP Folder", "Email Queue Recipient", "Email Domain", "Email Account", "Email Queue")
#: The pointer that keeps a message from becoming two Communications, whatever is cut when.
COMMUNICATION_FIELD = {
	"fieldname": "incoming_email",
	"fieldtype": "Data",
	"label": "Incoming Email",
	"hidden": 1,
	"unique": 1,
	"no_copy": 1,
	"read_only": 1,
	"print_hide": 1,
	"report_hide": 1,
}
#: DocTypes whose rows from before this app have been seen to. Kept over an uninstallation, as their columns are.
SETTLED = "dokos_mail_settled"
#: When the app was uninstalled: rows made since then are the host's own, and were not seen to.
REMOVED = "dokos_mail_removed"


#: What is looked for in the host's tables for every mail, or every minute. With names of their own: PostgreSQL has one
#: index of a name in a whole site, and the host's usual names are taken.
INDEXES = {
	"mail_queue_message_id": ("Email Queue", "message_id(140)"),
	"mail_queue_sent_copy": ("Email Queue", "sent_copy"),
	"mail_in_reply_to": ("Communication", "in_reply_to"),
	"mail_contact_email": ("Contact Email", "email_id"),
}


def before_install() -> None:
	"""Let the host see our module: its map of modules is older than this app, and DocTypes would be passed over."""
	for key in ("app_modules", "module_app", "installed_app_modules"):
		frappe.cache().delete_value(key)
	frappe.local.app_modules = None
	frappe.local.module_app = None
	frappe.setup_module_map()


def before_migrate() -> None:
	"""Have the hooks of every app read again, whole.

	Dokos 3.40 translates a title while its own hooks.py is being imported. Where translations are not cached, as after
	every migrate, that asks for hooks, and what there is of them halfway stays in both caches, the site's and this
	process's: without the host's scheduled jobs, whose rows migrate then deletes. By now that import is over.
	"""
	# Of any DocType: with it goes what the process remembers, and nothing else that migrating needs.
	frappe.clear_cache(doctype="Scheduled Job Type")
	frappe.cache().delete_value("app_hooks")
	frappe.get_hooks()


def after_install() -> None:
	"""Bring the host in line for the first time, or the first time since the app was uninstalled."""
	bring_in_line()
	if since := _stored(REMOVED):
		for doctype in DOCTYPES:
			keep_working(doctype, since)
		frappe.db.set_default(REMOVED, "")
	print_other_classes()


def after_migrate() -> None:
	"""Bring the host in line again: it, or this app, may be newer."""
	bring_in_line()
	print_other_classes()


def after_app_install(_app: str) -> None:
	"""Another app was installed: it may bring a class of its own for one of our DocTypes."""
	frappe.clear_cache()
	print_other_classes()


def before_uninstall() -> None:
	"""Refuse while mail is journalled and not processed, since uninstalling drops the journal; then hand back to the host.

	Answers and notices that are due are seen to; those that are not are lost, and named. Mail that waits to be sent is
	left to the host's own sending. Runs for a dry run as well: what it does must be right for a site that keeps the app.
	"""
	waiting = frappe.db.count("Incoming Email", {"state": "Journalled"}) if host.has_doctype("Incoming Email") else 0
	if waiting:
		frappe.throw(_("{0} received emails are not processed yet. Process them before the app is removed.").format(waiting))
	if host.has_doctype("Email Reaction"):
		see_to_reactions()
	if frappe.db.has_column("Email Queue", "claim_token"):
		hand_back_queue()
	if host.has_doctype("Email Folder"):
		hand_back()


def see_to_reactions() -> None:
	"""Carry out what received mail set off and is due; say what of the rest goes with the app. Commits."""
	react()
	waiting = frappe.get_all(reactions.REACTION, filters={"state": reactions.WAITING}, fields=["kind", "correspondent", "due_on"])
	for row in waiting:
		lost = " ".join(filter(None, [_(row.kind), row.correspondent]))
		print(_("Not done when the app is removed: {0}, due on {1}.").format(lost, frappe.utils.format_datetime(row.due_on)))


def after_uninstall() -> None:
	"""Remove what the host leaves of ours: rows of scheduled jobs that name functions that are no more, links to our lists."""
	if host.has_doctype("Incoming Email"):
		# A dry run, in which the host calls this all the same.
		return
	for name in frappe.get_all("Scheduled Job Type", filters={"method": ("like", "dokos_mail.%")}, pluck="name"):
		frappe.delete_doc("Scheduled Job Type", name, ignore_permissions=True, force=True)
	desk_links.remove_links()
	in_the_hosts_words()
	frappe.db.set_default(REMOVED, str(now_datetime()))
	frappe.db.commit()


def bring_in_line() -> None:
	"""Everything the app needs of the host, whatever the host has already."""
	for doctype in DOCTYPES:
		if frappe.db.get_value("DocType", doctype, "module") in (None, MODULE):
			import_file_by_path(str(definition_path(doctype)), force=True)
			frappe.clear_cache(doctype=doctype)
		else:
			adapt(doctype)
	sync_fields("Communication", [schema.custom_field(COMMUNICATION_FIELD) | {"insert_after": "message_id"}])
	for name, (doctype, field) in INDEXES.items():
		frappe.db.add_index(doctype, [field], name)
	desk_links.add_links()


def definition_path(doctype: str) -> Path:
	"""Our JSON of a DocType."""
	name = frappe.scrub(doctype)
	return Path(frappe.get_app_path("dokos_mail", "doctype", name, f"{name}.json"))


def adapt(doctype: str) -> None:
	"""Make the host's own DocType ours, by what it lacks and what differs on purpose."""
	definition = json.loads(definition_path(doctype).read_text(encoding="utf-8"))
	standard = frappe.get_all(
		"DocField",
		filters={"parent": doctype, "parenttype": "DocType"},
		fields=["fieldname", "fieldtype", "label", "options", "description", "depends_on", "fetch_from"],
		order_by="idx asc",
	)
	wanted = schema.plan(definition, standard)
	sync_fields(doctype, wanted.fields, {row.fieldname for row in standard})
	sync_setters(doctype, wanted.setters)
	if doctype not in _remembered(SETTLED):
		keep_working(doctype)
		_remember(SETTLED, {*_remembered(SETTLED), doctype})


def sync_fields(doctype: str, wanted: list[dict[str, Any]], standard: set[str] | None = None) -> set[str]:
	"""Make the DocType's Custom Fields of this app those wanted. Returns the columns that are new in the table.

	A Custom Field of another owner is left alone, also when it has the name of one of ours. One of ours whose name
	the host now ships is deleted: the host's is used then, with the same column.
	"""
	existing = {
		row.fieldname: row
		for row in frappe.get_all("Custom Field", filters={"dt": doctype}, fields=["name", "module", "fieldname"])
	}
	names = {values["fieldname"] for values in wanted}
	for fieldname, row in existing.items():
		if row.module == MODULE and (fieldname not in names or fieldname in (standard or ())):
			frappe.delete_doc("Custom Field", row.name, ignore_permissions=True, force=True)
	columns = [values["fieldname"] for values in wanted if values["fieldtype"] not in (*schema.LAYOUT, "HTML", "Button", "Table")]
	new = {name for name in columns if not frappe.db.has_column(doctype, name)}
	for values in wanted:
		row = existing.get(values["fieldname"])
		if row is None:
			_write_field(frappe.new_doc("Custom Field"), {"dt": doctype, "module": MODULE, **values})
		elif row.module == MODULE:
			doc = frappe.get_doc("Custom Field", row.name)
			if any((doc.get(key) or "") != (value or "") for key, value in values.items()):
				_write_field(doc, values)
	frappe.clear_cache(doctype=doctype)
	if new:
		frappe.db.updatedb(doctype)
	return new


def _write_field(doc: Any, values: dict[str, Any]) -> None:
	"""Save a Custom Field without the host's own change of the table, which comes once, after the last of them."""
	doc.update(values)
	doc.flags.ignore_validate = True
	before = frappe.flags.in_create_custom_fields
	frappe.flags.in_create_custom_fields = True
	try:
		doc.save(ignore_permissions=True)
	finally:
		frappe.flags.in_create_custom_fields = before


def sync_setters(doctype: str, wanted: list[dict[str, Any]]) -> None:
	"""Make the DocType's Property Setters of this app those wanted.

	One that somebody else made for the same property stays as it is: an administrator's choice in Customize Form, or
	another app's.
	"""
	fields = ["name", "module", "field_name", "property", "value"]
	existing = {
		(row.field_name or "", row.property): row
		for row in frappe.get_all("Property Setter", filters={"doc_type": doctype}, fields=fields)
	}
	keys = {(values["field_name"], values["property"]) for values in wanted}
	for key, row in existing.items():
		if row.module == MODULE and key not in keys:
			frappe.delete_doc("Property Setter", row.name, ignore_permissions=True, force=True)
	for values in wanted:
		row = existing.get((values["field_name"], values["property"]))
		if row is None:
			doc = frappe.new_doc("Property Setter")
			doc.update({"doc_type": doctype, "module": MODULE, **values})
			doc.insert(ignore_permissions=True)
		elif row.module == MODULE and row.value != values["value"]:
			doc = frappe.get_doc("Property Setter", row.name)
			doc.value = values["value"]
			doc.save(ignore_permissions=True)
	frappe.clear_cache(doctype=doctype)


def keep_working(doctype: str, since: str = "") -> None:
	"""Rows from before this app go on as they did: what the host never checked is not checked all at once.

	The host verified certificates on implicit TLS when receiving, and nowhere else, also where it has a box for it. It
	deletes what it receives by POP3, always. With ``since``, only rows made from that time on.
	"""
	table = frappe.qb.DocType(doctype)
	rows = frappe.qb.update(table).where(table.creation >= since) if since else frappe.qb.update(table)
	if frappe.db.has_column(doctype, "delete_from_server"):
		rows.set(table.delete_from_server, 1).where(table.use_imap == 0).run()
	if frappe.db.has_column(doctype, "validate_ssl_certificate"):
		rows.set(table.validate_ssl_certificate, 0).where((table.use_starttls == 1) & (table.use_ssl == 0)).run()
	for field in ("validate_ssl_certificate_for_outgoing", "enforce_attachment_limit", "keep_read_status"):
		if frappe.db.has_column(doctype, field):
			rows.set(table[field], 0).run()
	if doctype in certificates.DOCTYPES:
		certificates.note_unverified(doctype, since)


def _stored(key: str) -> str | None:
	"""Read from the table: the cache of defaults may still hold what was there before another process committed."""
	return frappe.db.get_value("DefaultValue", {"defkey": key, "parent": "__default"}, "defvalue")


def _remembered(key: str) -> list[str]:
	return json.loads(_stored(key) or "[]")


def _remember(key: str, names: set[str]) -> None:
	frappe.db.set_default(key, json.dumps(sorted(names)))
