"""Files of the site, octet for octet: the hosts make text, and other pictures, of some."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import frappe
from frappe.model.document import Document
from frappe.utils import get_files_path, get_url

#: System Settings: take what a camera wrote into a photograph off what people upload.
_STRIPS_PHOTOGRAPHS = "strip_exif_metadata_from_uploaded_images"


def site_file(address: str) -> Path | None:
	"""The file behind an address of the site's files; None for any other, and for what leads out of their folders."""
	path = own_path(address)
	for prefix, private in (("/private/files/", True), ("/files/", False)):
		if path.startswith(prefix):
			folder = Path(get_files_path(is_private=private)).resolve()
			file = (folder / path.removeprefix(prefix)).resolve()
			return file if folder in file.parents and file.is_file() else None
	return None


def own_path(address: str) -> str:
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


def octets(file: Document) -> bytes:
	"""What a File document holds: read here where it is on this disk, since some hosts make text of whatever can be decoded."""
	if path := site_file(file.file_url or ""):
		return path.read_bytes()
	content = file.get_content()
	return content.encode("utf-8") if isinstance(content, str) else content


@contextmanager
def as_they_came() -> Iterator[None]:
	"""Files made here hold what they are given, octet for octet.

	A bench draws every .jpg anew, unless its System Settings say otherwise: that takes a gigabyte of memory for a photograph
	of twelve megapixels, fails where it is none (iPhones name their HEIC so), and makes another file of what somebody sent.
	"""
	strips = frappe.get_system_settings(_STRIPS_PHOTOGRAPHS)
	settings = getattr(frappe.local, "system_settings", None)
	if strips and settings is not None:
		frappe.local.system_settings = frappe._dict(settings.as_dict(), **{_STRIPS_PHOTOGRAPHS: 0})
	try:
		yield
	finally:
		if strips and settings is not None:
			frappe.local.system_settings = settings
