"""SQL functions for `frappe.qb`: PyPika's, and the few that frappe adds."""

from __future__ import annotations

from typing import Any

from pypika.functions import *  # noqa: F403
from pypika.terms import Function


class Concat_ws(Function):
	def __init__(self, *terms: Any, **kwargs: Any) -> None:
		super().__init__("CONCAT_WS", *terms, **kwargs)


class Round(Function):
	def __init__(self, term: Any, decimal: int = 0, **kwargs: Any) -> None:
		super().__init__("ROUND", term, decimal, **kwargs)


class GroupConcat(Function):
	def __init__(self, column: Any, alias: str | None = None) -> None:
		super().__init__("GROUP_CONCAT", column, alias=alias)
