"""How installed apps take part in mail (row H5): the hooks that they may name in their ``hooks.py``.

``mail_before_place(mail)`` and ``mail_after_store(communication, mail)`` here, ``mail_before_send`` on the way out: see
docs/apps.md. What a hook raises is its own app's affair: whoever calls it says which app it was, and goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import frappe

from dokos_mail.engine.errors import N_
from dokos_mail.reasons import because

BEFORE_PLACE = "mail_before_place"
AFTER_STORE = "mail_after_store"


@dataclass(frozen=True)
class Hook:
	"""One function that an installed app named; it is looked up when it is called, so that a wrong name is an error of its."""

	name: str
	path: str

	@property
	def app(self) -> str:
		"""The app it belongs to."""
		return self.path.partition(".")[0]

	def __call__(self, *args: object) -> object:
		"""Call it. Raises whatever it raises, and what looking it up raises."""
		function: Callable[..., object] = frappe.get_attr(self.path)
		return function(*args)

	def failed(self, error: Exception) -> str:
		"""What to say of an exception of it; written to the Error Log as well, with its traceback."""
		frappe.log_error(title=f"{self.name}: {self.path}"[:140])
		return because(N_("The app {0} failed in {1}: {2}"), self.app, self.name, f"{type(error).__name__}: {error}"[:300])


def hooks(name: str) -> list[Hook]:
	"""The functions that installed apps named under a hook, in the order of their installation."""
	return [Hook(name, path) for path in frappe.get_hooks(name) or []]
