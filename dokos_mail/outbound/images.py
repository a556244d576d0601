"""The site's own pictures, for mail: files below its files folders, which whoever sends may read. Nothing else, nothing remote."""

from __future__ import annotations

from collections.abc import Callable

import frappe

from dokos_mail.engine.send import images
from dokos_mail.engine.send.files import File
from dokos_mail.files import own_path, site_file


def resolver(*, public_too: bool) -> Callable[[str], File | None]:
	"""What :func:`images.embedded` asks. Public pictures may stay links, which anybody can load; private ones cannot."""

	def resolve(address: str) -> File | None:
		file = site_file(address)
		if not file:
			return None
		path = own_path(address)
		private = path.startswith("/private/")
		if (private and not may_read(path)) or not (private or public_too) or file.stat().st_size > images.MAX_ONE:
			return None
		return images.picture(file.name, file.read_bytes())

	return resolve


def may_read(file_url: str) -> bool:
	"""Whether the user who sends may read one of the File documents of a private file."""
	names = frappe.get_all("File", filters={"file_url": file_url}, pluck="name")
	return any(frappe.has_permission("File", "read", doc=name) for name in names)
