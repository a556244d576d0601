"""Documents from JSON files: DocTypes, and any other document an app ships."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from frappe.host.context import local


def import_file_by_path(path: str, force: bool = False) -> bool:
	"""Insert the documents of a file in place of those of the same name; nothing is done where the file is the one
	imported last time (unless `force`). True if something was imported."""
	content = Path(path).read_bytes() if os.path.isfile(path) else b""
	if not content:
		return False
	digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
	docs = json.loads(content)
	imported = False
	for doc in docs if isinstance(docs, list) else [docs]:
		if not force and doc["doctype"] == "DocType" and _known_hash(doc["name"]) == digest:
			continue
		if not force and doc["doctype"] != "DocType" and _is_current(doc):
			continue
		import_doc(doc)
		if doc["doctype"] == "DocType":
			local.db.execute_built("UPDATE tabDocType SET migration_hash=? WHERE name=?", (digest, doc["name"]))
		imported = True
	return imported


def _known_hash(doctype: str) -> str | None:
	rows = local.db.execute_built("SELECT migration_hash FROM tabDocType WHERE name=?", (doctype,))
	return rows[0][0] if rows else None


def _is_current(doc: dict[str, Any]) -> bool:
	from frappe.utils import get_datetime

	stored = local.db.get_value(doc["doctype"], doc.get("name"), "modified", order_by=None) if doc.get("name") else None
	return bool(stored and doc.get("modified") and stored == get_datetime(doc["modified"]))


def import_doc(docdict: dict[str, Any]) -> Any:
	"""Replace one document, without the checks that a user's input gets."""
	from frappe.model.delete_doc import delete_rows
	from frappe.model.document import get_doc

	local.flags.in_import = True
	try:
		docdict["__islocal"] = 1
		order = {fieldname: place for place, fieldname in enumerate(docdict.get("field_order") or [])}
		if order:
			docdict["fields"] = sorted(docdict["fields"], key=lambda df: order.get(df["fieldname"], len(order)))
		doc = get_doc(docdict)
		if local.db.exists(doc.doctype, doc.name):
			delete_rows(doc.doctype, doc.name)
		doc.flags.ignore_permissions = doc.flags.ignore_links = doc.flags.ignore_validate = doc.flags.ignore_mandatory = True
		return doc.insert()
	finally:
		local.flags.in_import = False
