"""The site's own pictures, for mail: files below its files folders, which whoever sends may read. Nothing else, nothing remote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import frappe
from frappe.utils import get_files_path, get_url

from dokos_mail.engine.send import images
from dokos_mail.engine.send.files import File


def site_file(address: str) -> Path | None:
	"""The file behind an address of the site's files; None for any other, and for what leads out of their folders."""
	path = _own_path(address)
	for prefix, private in (("/private/files/", True), ("/files/", False)):
		if path.startswith(prefix):
			folder = Path(get_files_path(is_private=private)).resolve()
			file = (folder / path.removeprefix(prefix)).resolve()
			return file if folder in file.parents and file.is_file() else None
	return None


def _own_path(address: str) -> str:
	"""The path of an address of this site, as ``/files/x.png``; "" for another site's."""
	address = address.strip()
	home = get_url().rstrip("/")
	if address.startswith(f"{home}/"):
		address = address.removeprefix(home)
	parts = urlsplit(address)
	if parts.scheme or parts.netloc or "\0" in address or "\\" in address:
		return ""
	path = unquote(parts.path)
	return path if path.startswith("/") else f"/{path}"


def resolver(*, public_too: bool) -> Callable[[str], File | None]:
	"""What :func:`images.embedded` asks. Public pictures may stay links, which anybody can load; private ones cannot."""

	def resolve(address: str) -> File | None:
		file = site_file(address)
		if not file:
			return None
		path = _own_path(address)
		private = path.startswith("/private/")
		if (private and not may_read(path)) or not (private or public_too) or file.stat().st_size > images.MAX_ONE:
			return None
		return images.picture(file.name, file.read_bytes())

	return resolve


def may_read(file_url: str) -> bool:
	"""Whether the user who sends may read one of the File documents of a private file."""
	names = frappe.get_all("File", filters={"file_url": file_url}, pluck="name")
	return any(frappe.has_permission("File", "read", doc=name) for name in names)
