"""The site's database: one SQLite file in the site's folder."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from frappe.host.context import local

if TYPE_CHECKING:
	from collections.abc import Iterator

	from frappe.database.database import Database


def get_db() -> Database:
	from frappe.database.database import Database

	return Database(local.site_path)


@contextmanager
def savepoint(catch: type[BaseException] | tuple[type[BaseException], ...] = Exception) -> Iterator[None]:
	"""Undo what was written inside if one of these exceptions is raised there, and go on."""
	from frappe.utils import random_string

	name = f"sp{random_string(10)}"
	local.db.savepoint(name)
	try:
		yield
	except catch:
		local.db.rollback(save_point=name)
	else:
		local.db.release_savepoint(name)
