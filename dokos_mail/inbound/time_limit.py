"""How long a pull may take: the host ends a job that takes too long wherever it is, so it ends by itself before."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TimeLimit:
	"""``seconds`` from now on; None for no limit."""

	seconds: float | None = None
	_start: float = field(default_factory=time.monotonic)

	def is_up(self) -> bool:
		"""Whether no other message is to be begun."""
		return self._has_passed(1)

	def is_half_up(self) -> bool:
		"""Whether the other half is left, for processing what was fetched."""
		return self._has_passed(0.5)

	def _has_passed(self, part: float) -> bool:
		return self.seconds is not None and time.monotonic() - self._start >= self.seconds * part
