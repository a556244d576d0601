"""Renaming a document: its row, its children, and every link to it."""

from __future__ import annotations

from typing import Any

import frappe.exceptions as errors
from frappe.host.context import local
from frappe.host.messages import throw
from frappe.model.delete_doc import get_dynamic_link_fields, get_link_fields


def rename_doc(
	doctype: str | None = None,
	old: str | None = None,
	new: str = "",
	force: bool = False,
	merge: bool = False,
	ignore_permissions: bool = False,
	ignore_if_exists: bool = False,
	doc: Any = None,
	validate: bool = True,
) -> str:
	"""The new name. `before_rename(old, new, merge)` may answer another one; `after_rename` comes last."""
	from frappe.model.document import get_doc
	from frappe.model.naming import validate_name
	from frappe.translate import _

	doc = doc or get_doc(doctype, old)
	doctype, old = doc.doctype, doc.name
	if merge:
		raise NotImplementedError("the embedded host does not offer rename_doc(merge=True)")
	if validate:
		new = validate_name(doctype, new)
	if old == new:
		throw(_("No changes made because old and new name are the same."))
	if not (ignore_permissions or doc.has_permission("write")):
		raise errors.PermissionError(_("You need write permission to rename"))
	if not (force or ignore_permissions) and not doc.meta.allow_rename:
		throw(_("{0} not allowed to be renamed").format(_(doctype)))
	answer = doc.run_method("before_rename", old, new, merge)
	if isinstance(answer, dict):
		new = answer.get("new") or new
	elif isinstance(answer, str):
		new = answer
	if local.db.exists(doctype, new) and new.lower() != old.lower():
		if ignore_if_exists:
			return old
		throw(_("Another {0} with name {1} exists, select another name").format(doctype, new), errors.ValidationError)
	_rename_rows(doc, old, new)
	local.db.forget_document(doctype, old)
	renamed = get_doc(doctype, new)
	renamed.flags.update(doc.flags)
	renamed.run_method("after_rename", old, new, merge)
	local.db.forget_document(doctype, new)
	return new


def _rename_rows(doc: Any, old: str, new: str) -> None:
	run = local.db.execute_built
	run(f"UPDATE `tab{doc.doctype}` SET name=? WHERE name=?", (new, old))
	autoname = doc.meta.autoname or ""
	if autoname.startswith("field:"):
		run(f"UPDATE `tab{doc.doctype}` SET `{autoname[6:]}`=? WHERE name=?", (new, new))
	for df in doc.meta.get_table_fields():
		run(f"UPDATE `tab{df.options}` SET parent=? WHERE parent=? AND parenttype=?", (new, old, doc.doctype))
	run("UPDATE __Auth SET name=? WHERE doctype=? AND name=?", (new, doc.doctype, old))
	touched = set()
	for parent, fieldname, issingle in get_link_fields(doc.doctype):
		if issingle:
			run("UPDATE tabSingles SET value=? WHERE doctype=? AND field=? AND value=?", (new, parent, fieldname, old))
		else:
			run(f"UPDATE `tab{parent}` SET `{fieldname}`=? WHERE `{fieldname}`=?", (new, old))
		touched.add(parent)
	for parent, fieldname, type_field in get_dynamic_link_fields():
		run(f"UPDATE `tab{parent}` SET `{fieldname}`=? WHERE `{fieldname}`=? AND `{type_field}`=?", (new, old, doc.doctype))
		touched.add(parent)
	run("UPDATE tabFile SET attached_to_name=? WHERE attached_to_name=? AND attached_to_doctype=?", (new, old, doc.doctype))
	for parent in touched:
		local.db.forget_document(parent)
