"""Draft, submitted or cancelled."""

from __future__ import annotations


class DocStatus(int):
	def is_draft(self) -> bool:
		return self == 0
