"""What the host surely has none of, asked for several messages at once.

Most mail is no copy of anything, answers nothing that we know, and each of these questions costs a statement. Only "there
is none" is answered from here, and only as long as no message that carries the value was processed since: whatever may be
there is looked up when a message's turn comes.
"""

from __future__ import annotations

from collections.abc import Iterable

import frappe


class Absent:
	"""Values that a field of a document type surely has in no row; of what was never looked up nothing is known."""

	def __init__(self) -> None:
		self._values: dict[tuple[str, str], set[str]] = {}

	def look_up(self, doctype: str, field: str, values: Iterable[str | None], **filters: object) -> None:
		"""Find out which of ``values`` the field has in no row, of those that ``filters`` let through."""
		asked = {value for value in values if value}
		if not asked:
			return
		rows = frappe.get_all(doctype, filters={**filters, field: ("in", sorted(asked))}, pluck=field)
		wanted, found = {value.casefold() for value in asked}, {str(value).casefold() for value in rows}
		# A database may take two values for one that we tell apart. Then nothing is certain, and each is looked up by itself.
		if found <= wanted:
			self._values.setdefault((doctype, field), set()).update(wanted - found)

	def holds(self, doctype: str, field: str, value: str | None) -> bool:
		"""Whether no row surely has ``value``."""
		return bool(value) and str(value).casefold() in self._values.get((doctype, field), ())

	def without(self, doctype: str, field: str, values: Iterable[str]) -> list[str]:
		"""Those of ``values`` that some row may have."""
		return [value for value in values if not self.holds(doctype, field, value)]

	def forget(self, values: Iterable[str | None], doctype: str | None = None) -> None:
		"""These may have come to be meanwhile, in rows of any document type, or of one."""
		gone = {value.casefold() for value in values if value}
		for (of, _field), known in self._values.items():
			if doctype in (None, of):
				known -= gone


#: Nothing was looked up.
NOTHING = Absent()
