"""Deleting documents, unless others link to them."""

from __future__ import annotations

from typing import Any

import frappe.exceptions as errors
from frappe.host.apps import get_hooks
from frappe.host.context import local
from frappe.host.messages import throw
from frappe.model.meta import get_meta


def delete_doc(
	doctype: str | None = None,
	name: Any = None,
	force: bool = False,
	ignore_permissions: bool = False,
	flags: Any = None,
	ignore_on_trash: bool = False,
	ignore_missing: bool = True,
) -> bool | None:
	"""Delete documents by name, with their children, secrets and attachments. LinkExistsError where others link to them."""
	from frappe.model.document import get_doc

	for each in list(name) if isinstance(name, list) else [name]:
		if not local.db.exists(doctype, each):
			if ignore_missing:
				return False
			raise errors.DoesNotExistError(f"{doctype} {each} not found")
		doc = get_doc(doctype, each)
		if flags:
			doc.flags.update(flags)
		if ignore_permissions:
			doc.flags.ignore_permissions = ignore_permissions
		if not doc.flags.ignore_permissions:
			doc.check_permission("delete")
		if not ignore_on_trash:
			doc.run_method("on_trash")
			doc.flags.in_delete = True
			doc.run_method("on_change")
		if not force:
			check_if_linked(doc)
		_delete_belongings(doc)
		delete_rows(doctype, doc.name)
		if not ignore_on_trash:
			doc.run_method("after_delete")
		local.db.forget_document(doctype, doc.name)
	return None


def delete_rows(doctype: str, name: str) -> None:
	"""The document's row, its children's and its secrets, without any hook."""
	meta = get_meta(doctype)
	if meta.issingle:
		local.db.execute_built("DELETE FROM tabSingles WHERE doctype=?", (doctype,))
	else:
		local.db.execute_built(f"DELETE FROM `tab{doctype}` WHERE name=?", (name,))
	for df in meta.get_table_fields():
		local.db.execute_built(f"DELETE FROM `tab{df.options}` WHERE parent=? AND parenttype=?", (name, doctype))
	local.db.execute_built("DELETE FROM __Auth WHERE doctype=? AND name=?", (doctype, name))
	local.db.forget_document(doctype, name)


def _delete_belongings(doc: Any) -> None:
	"""What the hooks `delete_with_reference` and `clear_reference` name: deleted with the document, or no longer about it."""
	from frappe.model.document import get_doc

	if doc.meta.istable:
		return
	for doctype, (type_field, name_field) in get_hooks("delete_with_reference", {}).items():
		for row in local.db.select(doctype, "name", {type_field: doc.doctype, name_field: doc.name}):
			get_doc(doctype, row.name).delete(ignore_permissions=True)
	for doctype, (type_field, name_field) in get_hooks("clear_reference", {}).items():
		filters = {type_field: doc.doctype, name_field: doc.name}
		if local.db.exists(doctype, filters):
			local.db.set_value(doctype, filters, {type_field: None, name_field: None}, update_modified=False)


def get_link_fields(doctype: str) -> list[tuple[str, str, bool]]:
	"""(parent, fieldname, issingle) of every Link field to a DocType."""

	def build() -> list[tuple[str, str, bool]]:
		found = set(
			local.db.execute_built("SELECT parent, fieldname FROM tabDocField WHERE fieldtype='Link' AND options=?", (doctype,))
		)
		found |= set(
			local.db.execute_built("SELECT dt, fieldname FROM `tabCustom Field` WHERE fieldtype='Link' AND options=?", (doctype,))
		)
		metas = ((parent, fieldname, get_meta(parent)) for parent, fieldname in sorted(found))
		return [
			(parent, fieldname, bool(meta.issingle))
			for parent, fieldname, meta in metas
			if fieldname in meta.columns and not meta.get("is_virtual")
		]

	return local.db.process_cached("link_fields", doctype, build)


def get_dynamic_link_fields() -> list[tuple[str, str, str]]:
	"""(parent, fieldname, field with the DocType) of every Dynamic Link field."""

	def build() -> list[tuple[str, str, str]]:
		found = set(local.db.execute_built("SELECT parent, fieldname, options FROM tabDocField WHERE fieldtype='Dynamic Link'"))
		found |= set(
			local.db.execute_built("SELECT dt, fieldname, options FROM `tabCustom Field` WHERE fieldtype='Dynamic Link'")
		)
		return [row for row in sorted(found) if row[1] in get_meta(row[0]).columns and not get_meta(row[0]).issingle]

	return local.db.process_cached("dynamic_link_fields", "", build)


def check_if_linked(doc: Any) -> None:
	"""LinkExistsError if a document of another kind links to this one."""
	ignored = set(get_hooks("ignore_links_on_delete")) | set(doc.get("ignore_linked_doctypes") or ())
	for parent, fieldname, issingle in get_link_fields(doc.doctype):
		if parent in ignored:
			continue
		if issingle:
			if local.db.get_single_value(parent, fieldname) == doc.name:
				_raise_linked(doc, parent, parent)
			continue
		_check_rows(doc, parent, f"`{fieldname}`=?", (doc.name,), ignored)
	for parent, fieldname, type_field in get_dynamic_link_fields():
		if parent not in ignored:
			_check_rows(doc, parent, f"`{type_field}`=? AND `{fieldname}`=?", (doc.doctype, doc.name), ignored)


def _check_rows(doc: Any, parent: str, condition: str, values: tuple, ignored: set[str]) -> None:
	child = bool(get_meta(parent).istable)
	columns = "name, docstatus, parent, parenttype" if child else "name, docstatus"
	for row in local.db.execute_built(f"SELECT {columns} FROM `tab{parent}` WHERE {condition} LIMIT 20", values, as_dict=True):
		linking_doctype, linking_name = (row.parenttype, row.parent) if child else (parent, row.name)
		if (linking_doctype, linking_name) == (doc.doctype, doc.name) or linking_doctype in ignored or not linking_doctype:
			continue
		_raise_linked(doc, linking_doctype, linking_name)


def _raise_linked(doc: Any, doctype: str, name: str) -> None:
	from frappe.translate import _

	throw(
		_("Cannot delete or cancel because {0} {1} is linked with {2} {3}").format(_(doc.doctype), doc.name, _(doctype), name),
		errors.LinkExistsError,
	)
