"""The life of a document: new, insert, save, delete, and the methods and hooks called on the way."""

from __future__ import annotations

import json
from typing import Any

import frappe.exceptions as errors
from frappe.host.access import whitelist
from frappe.host.context import _dict, local
from frappe.host.messages import msgprint, throw
from frappe.model.base_document import BaseDocument
from frappe.model.meta import get_meta
from frappe.model.naming import set_new_name, validate_name
from frappe.model.validation import DocumentValidation
from frappe.utils import cstr, now


def get_doc(*args: Any, **kwargs: Any) -> Any:
	"""A document from the database (DocType, name or filters), or a new one from a dict or keywords."""
	from frappe.model.controller import get_controller

	if args and isinstance(args[0], BaseDocument):
		return args[0]
	if args and isinstance(args[0], dict):
		kwargs = args[0]
		args = ()
	if args and not isinstance(args[0], str):
		raise ValueError("First non keyword argument must be a string or dict")
	doctype = args[0] if args else kwargs.get("doctype")
	if not doctype:
		raise ValueError('"doctype" is a required key')
	return get_controller(doctype)(*args, **kwargs) if args else get_controller(doctype)(kwargs)


class Document(DocumentValidation, BaseDocument):
	"""What all controllers derive from."""

	doctype: Any = None
	name: Any = None
	owner: Any = None
	creation: Any = None
	modified: Any = None
	modified_by: Any = None

	def __init__(self, *args: Any, **kwargs: Any) -> None:
		self.doctype = None
		self.name = None
		self.flags = _dict()
		if args and isinstance(args[0], str):
			self.doctype = args[0]
			self.name = self.doctype if len(args) == 1 else args[1]
			self.flags.for_update = kwargs.get("for_update")
			self.load_from_db()
			return
		if args and isinstance(args[0], dict):
			kwargs = args[0]
		if not kwargs:
			raise ValueError("Illegal arguments")
		super().__init__(kwargs)
		self.init_child_tables()
		self.init_valid_columns()

	def __repr__(self) -> str:
		state = "unsaved" if not self.name else self.name
		return f"<{type(self).__name__}: {state}>"

	def __str__(self) -> str:
		return f"{type(self).__name__}({self.name or 'unsaved'})"

	# -- reading ----------------------------------------------------------------------------------

	def load_from_db(self) -> Any:
		lock = bool(self.flags.for_update)
		self.flags.ignore_children = True
		if self.meta.issingle:
			values: Any = local.db.get_singles_dict(self.doctype, for_update=lock)
			if not values:
				values = new_doc(self.doctype).get_valid_dict()
				values.pop("__islocal", None)
			values["name"] = self.doctype
		else:
			values = local.db.get_value(self.doctype, self.name, "*", as_dict=True, for_update=lock, order_by=None)
			if not values:
				from frappe.translate import _

				throw(_("{0} {1} not found").format(_(self.doctype), self.name), errors.DoesNotExistError)
		self.__dict__.pop("__islocal", None)
		BaseDocument.__init__(self, values)
		self.init_valid_columns()
		if self.meta.issingle:
			self.__dict__.update(self.get_valid_dict(ignore_virtual=True))
		self.flags.pop("ignore_children", None)
		for df in self.meta.get_table_fields():
			rows = local.db.execute_built(
				f"SELECT * FROM `tab{df.options}` WHERE parent=? AND parenttype=? AND parentfield=? ORDER BY idx",
				(self.name, self.doctype, df.fieldname),
				as_dict=True,
			)
			self.set(df.fieldname, rows)
		if hasattr(self, "__setup__"):
			self.__setup__()
		return self

	def reload(self) -> Any:
		self.load_from_db()
		return self

	def get_latest(self) -> Any:
		if not self.__dict__.get("_doc_before_save"):
			self.load_doc_before_save()
		return self._doc_before_save

	def get_doc_before_save(self) -> Any:
		"""The document as it was in the database before this save; None for a new one."""
		return self.__dict__.get("_doc_before_save")

	def load_doc_before_save(self, *, raise_exception: bool = False) -> None:
		self._doc_before_save = None
		if self.is_new():
			return
		try:
			self._doc_before_save = get_doc(self.doctype, self.name, for_update=True)
		except errors.DoesNotExistError:
			if raise_exception:
				raise
			local.message_log.pop()

	def has_value_changed(self, fieldname: str) -> bool:
		from frappe.model.base_document import _cast

		previous = self.get_doc_before_save()
		if not previous:
			return True
		old, new = previous.get(fieldname), self.get(fieldname)
		df = self.meta.get_field(fieldname)
		if df and df.fieldtype in ("Date", "Datetime", "Time") and old is not None:
			new = _cast(df, new)
		return old != new

	def db_get(self, fieldname: Any) -> Any:
		return local.db.get_value(self.doctype, self.name, fieldname)

	# -- permissions ------------------------------------------------------------------------------

	def check_permission(self, permtype: str = "read") -> None:
		if not self.has_permission(permtype):
			self.raise_no_permission_to(permtype)

	def has_permission(self, permtype: str = "read", *, user: str | None = None) -> bool:
		from frappe.permissions import has_permission

		if self.flags.ignore_permissions:
			return True
		return has_permission(self.doctype, permtype, doc=self, user=user)

	def raise_no_permission_to(self, perm_type: str) -> None:
		from frappe.translate import _

		message = _("Insufficient Permission for {0}").format(_(self.doctype)) + f" ({_(perm_type)})"
		local.flags.error_message = message
		raise errors.PermissionError(message)

	# -- writing ----------------------------------------------------------------------------------

	def insert(
		self,
		ignore_permissions: bool | None = None,
		ignore_links: bool | None = None,
		ignore_if_duplicate: bool = False,
		ignore_mandatory: bool | None = None,
		set_name: str | None = None,
		set_child_names: bool = True,
	) -> Any:
		"""Write a new document and its children, through every check and hook."""
		for flag, value in (
			("ignore_permissions", ignore_permissions),
			("ignore_links", ignore_links),
			("ignore_mandatory", ignore_mandatory),
		):
			if value is not None:
				self.flags[flag] = value
		self.set("__islocal", True)
		self._set_defaults()
		self.set_user_and_timestamp()
		self.set_docstatus()
		self.check_if_latest()
		self._validate_links()
		self.check_permission("create")
		self.run_method("before_insert")
		self.set_new_name(set_name=set_name, set_child_names=set_child_names)
		self.set_parent_in_children()
		self.validate_higher_perm_levels()
		self.flags.in_insert = True
		self.run_before_save_methods()
		self._validate()
		self.set_docstatus()
		self.flags.in_insert = False
		if self.meta.issingle:
			self.update_single(self.get_valid_dict(ignore_virtual=True))
		else:
			self.db_insert(ignore_if_duplicate=ignore_if_duplicate)
		for row in self.get_all_children():
			row.db_insert()
		self.run_method("after_insert")
		self.flags.in_insert = True
		self.run_post_save_methods()
		self.flags.in_insert = False
		self.__dict__.pop("__islocal", None)
		self.__dict__.pop("__unsaved", None)
		return self

	def save(self, *args: Any, **kwargs: Any) -> Any:
		return self._save(*args, **kwargs)

	def _save(self, ignore_permissions: bool | None = None) -> Any:
		"""Write a document that exists (or insert it), through every check and hook."""
		if ignore_permissions is not None:
			self.flags.ignore_permissions = ignore_permissions
		if self.is_new() or not self.name:
			return self.insert()
		self.check_permission("write")
		self.set_user_and_timestamp()
		self.set_docstatus()
		self.check_if_latest()
		self.set_parent_in_children()
		self.set_name_in_children()
		self.validate_higher_perm_levels()
		self._validate_links()
		self.run_before_save_methods()
		self._validate()
		self.set_docstatus()
		if self.meta.issingle:
			self.update_single(self.get_valid_dict(ignore_virtual=True))
		else:
			self.db_update()
		self.update_children()
		self.run_post_save_methods()
		self.__dict__.pop("__unsaved", None)
		return self

	def update_single(self, d: dict[str, Any]) -> None:
		local.db.execute_built("DELETE FROM tabSingles WHERE doctype=?", (self.doctype,))
		for field, value in d.items():
			if field not in ("doctype", "name"):
				local.db.execute_built(
					"INSERT INTO tabSingles (doctype, field, value) VALUES (?, ?, ?)", (self.doctype, field, value)
				)

	def update_children(self) -> None:
		for df in self.meta.get_table_fields():
			self.update_child_table(df.fieldname, df)

	def update_child_table(self, fieldname: str, df: _dict | None = None) -> None:
		df = df or self.meta.get_field(fieldname)
		names = []
		for row in self.get(df.fieldname) or []:
			row.db_update()
			names.append(row.name)
		if df.options in (self.flags.ignore_children_type or []):
			return
		keep = f" AND name NOT IN ({', '.join('?' * len(names))})" if names else ""
		local.db.execute_built(
			f"DELETE FROM `tab{df.options}` WHERE parent=? AND parenttype=? AND parentfield=?{keep}",
			[self.name, self.doctype, fieldname, *names],
		)

	def set_new_name(self, force: bool = False, set_name: str | None = None, set_child_names: bool = True) -> None:
		if self.flags.name_set and not force and not set_name:
			return
		if self.get("__newname"):
			self.name = validate_name(self.doctype, self.get("__newname"))
			self.flags.name_set = True
			return
		if set_name:
			self.name = validate_name(self.doctype, set_name)
		else:
			set_new_name(self)
		if set_child_names:
			for row in self.get_all_children():
				set_new_name(row)
		self.flags.name_set = True

	def set_user_and_timestamp(self) -> None:
		self._original_modified = self.modified
		self.modified = now()
		self.modified_by = local.session.user
		if self.is_new() and not (local.flags.in_install or local.flags.in_patch or local.flags.in_migrate):
			self.creation = self.modified
			self.owner = self.modified_by
		if self.is_new():
			self.creation = self.creation or self.modified
			self.owner = self.owner or self.modified_by
		for row in self.get_all_children():
			row.modified = self.modified
			row.modified_by = self.modified_by
			row.owner = row.owner or self.owner
			row.creation = row.creation or self.creation
		local.flags.currently_saving.append((self.doctype, self.name))

	def set_docstatus(self) -> None:
		self.docstatus = self.docstatus or 0
		for row in self.get_all_children():
			row.docstatus = self.docstatus

	def _set_defaults(self) -> None:
		if local.flags.in_import:
			return
		self.update_if_missing(new_values(self.doctype))
		for df in self.meta.get_table_fields():
			rows = self.get(df.fieldname)
			if rows:
				defaults = new_values(df.options)
				for row in rows:
					row.update_if_missing(defaults)

	def check_if_latest(self) -> None:
		"""TimestampMismatchError where another save came in between."""
		from frappe.translate import _

		self.load_doc_before_save(raise_exception=True)
		previous = self._doc_before_save
		if int(self.docstatus) or (previous and int(previous.docstatus)):
			raise NotImplementedError("the embedded host does not offer submitted and cancelled documents")
		if previous and cstr(previous.modified) != cstr(self._original_modified):
			msgprint(
				_("Error: Document has been modified after you have opened it")
				+ f" ({previous.modified}, {self._original_modified}). "
				+ _("Please refresh to get the latest document."),
				raise_exception=errors.TimestampMismatchError,
			)

	def set_parent_in_children(self) -> None:
		for row in self.get_all_children():
			row.parent = self.name
			row.parenttype = self.doctype

	def set_name_in_children(self) -> None:
		for row in self.get_all_children():
			if not row.name:
				set_new_name(row)

	# -- methods and hooks ------------------------------------------------------------------------

	def run_method(self, method: str, *args: Any, **kwargs: Any) -> Any:
		"""The controller's method, then what `doc_events` of the installed apps name for this DocType and for `*`.

		Each hook gets (doc, method name, ...); what a function returns is passed on as on the real hosts: dicts are
		merged, otherwise the last answer counts.
		"""
		own = getattr(self, method, None)
		answer = own(*args, **kwargs) if callable(own) else None
		for handler in self.meta.doc_events.get(method, ()):
			answer = _merged(answer, handler(self, method, *args, **kwargs))
		return answer

	def run_before_save_methods(self) -> None:
		self.reset_seen()
		self.run_method("before_validate")
		if not self.flags.ignore_validate:
			self.run_method("validate")
			self.run_method("before_save")

	def run_post_save_methods(self) -> None:
		self.run_method("on_update")
		self.clear_cache()
		if self.flags.get("notify_update", True):
			self.notify_update()
		self.run_method("on_change")
		if (self.doctype, self.name) in local.flags.currently_saving:
			local.flags.currently_saving.remove((self.doctype, self.name))

	def clear_cache(self) -> None:
		from frappe.host.documents import clear_document_cache

		clear_document_cache(self.doctype, self.name, is_new=bool(self.flags.in_insert))

	def reset_seen(self) -> None:
		if self.meta.track_seen and not self.meta.issingle and not self.is_new():
			local.db.set_value(self.doctype, self.name, "_seen", json.dumps([local.session.user]), update_modified=False)

	def notify_update(self) -> None:
		from frappe.host.errors import publish_realtime

		publish_realtime(
			"doc_update",
			{"modified": self.modified, "doctype": self.doctype, "name": self.name},
			doctype=self.doctype,
			docname=self.name,
			after_commit=True,
		)

	def db_set(
		self, fieldname: Any, value: Any = None, update_modified: bool = True, notify: bool = False, commit: bool = False
	) -> None:
		"""Write one field (or a dict of fields) at once, without validation."""
		if isinstance(fieldname, dict):
			self.update(fieldname)
		else:
			self.set(fieldname, value)
		if update_modified and (self.doctype, self.name) not in local.flags.currently_saving:
			self.set("modified", now())
			self.set("modified_by", local.session.user)
		if not self.get_doc_before_save():
			self.load_doc_before_save()
		self.run_method("before_change")
		if self.name is None:
			return
		local.db.set_value(
			self.doctype, self.name, fieldname, value, self.modified, self.modified_by, update_modified=update_modified
		)
		self.run_method("on_change")
		if notify:
			self.notify_update()
		if commit:
			local.db.commit()

	def delete(self, ignore_permissions: bool = False, force: bool = False) -> None:
		from frappe.model.delete_doc import delete_doc

		delete_doc(self.doctype, self.name, ignore_permissions=ignore_permissions, flags=self.flags, force=force)

	@whitelist()
	def rename(self, name: str, merge: bool = False, force: bool = False, validate_rename: bool = True) -> Any:
		from frappe.model.rename_doc import rename_doc

		self.name = rename_doc(doc=self, new=name, merge=merge, force=force, validate=validate_rename)
		return self.reload()

	def is_whitelisted(self, method_name: str) -> None:
		from frappe.host.access import is_whitelisted

		is_whitelisted(getattr(self, method_name))

	def set_onload(self, key: str, value: Any) -> None:
		self.__dict__.setdefault("__onload", _dict())[key] = value

	def add_comment(
		self,
		comment_type: str = "Comment",
		text: str | None = None,
		comment_email: str | None = None,
		comment_by: str | None = None,
	) -> Any:
		"""A Comment on this document."""
		return get_doc(
			{
				"doctype": "Comment",
				"comment_type": comment_type,
				"comment_email": comment_email or local.session.user,
				"comment_by": comment_by or local.session.user,
				"reference_doctype": self.doctype,
				"reference_name": self.name,
				"content": text or comment_type,
			}
		).insert(ignore_permissions=True)


def _merged(first: Any, second: Any) -> Any:
	if isinstance(first, dict) and isinstance(second, dict):
		return _dict(first, **second)
	return second if second is not None else first


def new_values(doctype: str) -> dict[str, Any]:
	"""The values that the fields of a new document begin with."""
	from frappe import defaults
	from frappe.utils import nowdate, nowtime

	meta = get_meta(doctype)
	out = dict(meta.static_defaults)
	for fieldname, kind in meta.dynamic_defaults:
		if kind == "link":
			default = defaults.get_user_default(fieldname)
			if default:
				out[fieldname] = default
		else:
			out[fieldname] = {"user": lambda: local.session.user, "now": now, "today": nowdate, "time": nowtime}[kind]()
	return out


def new_doc(doctype: str, parent_doc: Any = None, parentfield: str | None = None, as_dict: bool = False, **kwargs: Any) -> Any:
	"""A new document with its defaults, not yet saved."""
	values = _dict(new_values(doctype), doctype=doctype, owner=local.session.user, docstatus=0)
	values["__islocal"] = 1
	if parent_doc is not None:
		values.update(parent=parent_doc.name, parenttype=parent_doc.doctype, parentfield=parentfield)
	values.update(kwargs)
	if as_dict:
		return values
	doc = get_doc(values)
	doc.set("__unsaved", 1)
	return doc
