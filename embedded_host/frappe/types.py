"""Names for annotations in controllers (`DF.Data`, `DF.Table[...]`); nothing here has a meaning at run time."""

from __future__ import annotations

from typing import Any


class _Fieldtypes:
	"""Answers any fieldtype name with something that can be used, or subscripted, in an annotation."""

	def __getattr__(self, name: str) -> Any:
		return list if name.startswith("Table") else Any


DF = _Fieldtypes()
