"""Files: content on the disk below private/files or public/files, one File row per attachment."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from frappe.core.doctype.file.exceptions import MaxFileSizeReachedError
from frappe.host.context import local
from frappe.host.messages import throw
from frappe.model.document import Document
from frappe.translate import _
from frappe.utils import cint, get_files_path, random_string

DEFAULT_MAX_SIZE = 25 * 1024 * 1024


class File(Document):
	"""Equal content is kept once on the disk: a second row with it points to the first one's file."""

	no_feed_on_delete = True

	def before_insert(self) -> None:
		self.is_private = 1 if cint(self.is_private) else 0
		if self.is_folder:
			return
		self.folder = self.folder or local.db.get_value(
			"File", {"is_attachments_folder" if self.attached_to_doctype else "is_home_folder": 1}
		)
		if self.get("content") is not None:
			self.save_file(content=self.content, decode=bool(self.get("decode")))
		elif self.file_url:
			self._take_over_url()

	def validate(self) -> None:
		if self.is_folder:
			return
		if not self.file_name and self.file_url:
			self.file_name = unquote(self.file_url).rsplit("/", 1)[-1]
		if self.is_new():
			if self.file_url and not self.file_url.startswith(("http://", "https://", "/files/", "/private/files/")):
				throw(_("URL must start with http:// or https://"))
			self.is_private = 1 if (self.file_url or "").startswith("/private/") else self.is_private
			self.file_type = self._file_type()
		elif self.has_value_changed("is_private"):
			self._move()
		self.file_url = self.file_url or ""

	def _file_type(self) -> str | None:
		kind = mimetypes.guess_type(self.file_name or "")[0]
		extension = mimetypes.guess_extension(kind) if kind else None
		return extension.lstrip(".").upper() if extension else None

	def on_trash(self) -> None:
		if self.is_home_folder or self.is_attachments_folder:
			throw(_("Cannot delete Home and Attachments folders"))
		if self.is_folder and local.db.exists("File", {"folder": self.name}):
			throw(_("Folder {0} is not empty").format(self.name))

	def after_delete(self) -> None:
		"""The file goes with its last row, once the deletion is committed."""
		if self.is_folder or not self.file_url or local.db.exists("File", {"file_url": self.file_url}):
			return
		path = self._path_of(self.file_url)
		if path:
			local.db.after_commit.add(lambda: Path(path).unlink(missing_ok=True))

	# -- content ----------------------------------------------------------------------------------

	def save_file(
		self,
		content: bytes | str | None = None,
		decode: bool = False,
		ignore_existing_file_check: bool = False,
		overwrite: bool = False,
	) -> dict[str, Any] | None:
		"""Write the content, unless a file with the same content and visibility is there."""
		if self.is_folder:
			return None
		data = content.encode() if isinstance(content, str) else (content or b"")
		if decode:
			data = base64.b64decode(data.split(b",", 1)[-1])
		self.file_size = self.check_max_file_size(data)
		self.content_hash = get_content_hash(data)
		self.__dict__.pop("content", None)
		self._content = data
		same = None
		if not ignore_existing_file_check:
			same = local.db.get_value(
				"File", {"content_hash": self.content_hash, "is_private": self.is_private, "file_url": ("is", "set")}, "file_url"
			)
		if same and os.path.isfile(self._path_of(same) or ""):
			self.file_url = same
			self.file_name = self.file_name or unquote(same).rsplit("/", 1)[-1]
			return {"file_name": self.file_name, "file_url": same}
		self.file_name = self.file_name or random_string(10)
		return self.write_file()

	def write_file(self) -> dict[str, Any]:
		"""Write under the file's name, or one made unique with the hash where that is taken. Undone by a rollback."""
		name = safe_name(self.file_name)
		folder = get_files_path(is_private=self.is_private)
		os.makedirs(folder, exist_ok=True)
		if os.path.exists(os.path.join(folder, name)):
			stem, extension = os.path.splitext(name)
			name = f"{stem}{(self.content_hash or random_string(6))[-6:]}{extension}"
			while os.path.exists(os.path.join(folder, name)):
				name = f"{stem}{random_string(6)}{extension}"
		path = os.path.join(folder, name)
		with open(path, "xb") as file:
			file.write(self._content)
			file.flush()
			os.fsync(file.fileno())
		local.db.after_rollback.add(lambda: Path(path).unlink(missing_ok=True))
		self.file_name = name
		self.file_url = f"/private/files/{name}" if self.is_private else f"/files/{name}"
		return {"file_name": name, "file_url": self.file_url}

	def check_max_file_size(self, content: bytes | None = None) -> int:
		"""The size in bytes; MaxFileSizeReachedError over the site's limit."""
		size = len(content if content is not None else self._content)
		limit = get_max_file_size()
		if size > limit:
			throw(_("File size exceeded the maximum allowed size of {0} MB").format(limit // 1048576), MaxFileSizeReachedError)
		return size

	def get_content(self, encodings: Any = None) -> bytes | str:
		"""The bytes, or the text where they are UTF-8 text."""
		if self.is_folder:
			throw(_("Cannot get file contents of a Folder"))
		if self.__dict__.get("_content") is None:
			self._content = Path(self.get_full_path()).read_bytes()
		try:
			return self._content.decode("utf-8")
		except UnicodeDecodeError:
			return self._content

	def get_full_path(self) -> str:
		path = self._path_of(self.file_url or "")
		if not path:
			throw(_("There is some problem with the file url: {0}").format(self.file_url))
		return path

	@staticmethod
	def _path_of(file_url: str) -> str | None:
		for prefix, private in (("/private/files/", True), ("/files/", False)):
			if file_url.startswith(prefix):
				root = os.path.abspath(get_files_path(is_private=private))
				path = os.path.abspath(os.path.join(root, file_url[len(prefix) :]))
				return path if path.startswith(root + os.sep) else None
		return None

	def is_downloadable(self) -> bool:
		return has_permission(self, "read")

	def _take_over_url(self) -> None:
		path = self._path_of(self.file_url)
		if path is None:
			return
		if not os.path.isfile(path):
			throw(_("File {0} does not exist").format(self.file_url), OSError)
		self.is_private = 1 if self.file_url.startswith("/private/") else 0
		self.content_hash = get_content_hash(Path(path).read_bytes())
		self.file_size = os.path.getsize(path)

	def _move(self) -> None:
		source = self._path_of(self.get_doc_before_save().file_url)
		name = os.path.basename(source or "")
		target = get_files_path(name, is_private=self.is_private)
		if source and os.path.isfile(source):
			os.makedirs(os.path.dirname(target), exist_ok=True)
			os.replace(source, target)
			local.db.after_rollback.add(lambda: os.replace(target, source))
		self.file_url = f"/private/files/{name}" if self.is_private else f"/files/{name}"


def has_permission(doc: Any, ptype: str | None = None, user: str | None = None, debug: bool = False) -> bool:
	"""Public files are for everybody; a private one for its owner and who may read (write) what it is attached to."""
	from frappe import permissions
	from frappe.model.document import get_doc

	user = user or local.session.user
	if ptype == "create":
		return permissions.has_permission("File", "create", user=user)
	if not doc.is_private or user == "Administrator" or (user != "Guest" and doc.owner == user):
		return True
	if not (doc.attached_to_doctype and doc.attached_to_name and local.db.exists(doc.attached_to_doctype, doc.attached_to_name)):
		return False
	target = get_doc(doc.attached_to_doctype, doc.attached_to_name)
	return permissions.has_permission(target.doctype, "write" if ptype in ("write", "delete") else "read", doc=target, user=user)


def get_permission_query_conditions(user: str | None = None) -> str:
	"""Lists show public files, one's own, and those of document types that one may read."""
	from frappe.permissions import has_permission as may

	user = user or local.session.user
	if user == "Administrator":
		return ""
	attached = [
		row[0]
		for row in local.db.execute_built("SELECT DISTINCT attached_to_doctype FROM tabFile WHERE attached_to_doctype != ''")
	]
	readable = ", ".join(local.db.escape(name, percent=False) for name in attached if may(name, "read", user=user)) or "''"
	return (
		"`tabFile`.`is_private` = 0 OR (`tabFile`.`attached_to_doctype` IS NULL AND "
		f"`tabFile`.`owner` = {local.db.escape(user, percent=False)}) OR `tabFile`.`attached_to_doctype` IN ({readable})"
	)


def get_max_file_size() -> int:
	"""In bytes: System Settings (in MB), else the site's configuration (in bytes), else 25 MB."""
	setting = cint(local.db.get_single_value("System Settings", "max_file_size")) * 1024 * 1024
	return setting or cint(local.conf.max_file_size) or DEFAULT_MAX_SIZE


def get_content_hash(content: bytes | str) -> str:
	data = content.encode() if isinstance(content, str) else content
	return hashlib.md5(data, usedforsecurity=False).hexdigest()


def safe_name(name: str | None) -> str:
	"""A name for the disk: no folders, no control characters, not longer than file systems take."""
	cleaned = "".join(c for c in (name or "").replace("/", "_").replace("\\", "_") if c.isprintable()).strip() or random_string(
		10
	)
	cleaned = cleaned.replace("#", "_").replace("?", "_").replace("%", "_").lstrip(".") or random_string(10)
	stem, extension = os.path.splitext(cleaned)
	while len((stem + extension).encode()) > 130:
		stem, extension = (stem[:-1], extension) if stem else (extension[:100], "")
	return stem + extension
