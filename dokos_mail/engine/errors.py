"""What can go wrong between us and a mail server, in words an administrator understands.

One root, :class:`MailError`; each child says what happened (``template``), what to do (``remedy``), and whether
trying again makes sense (``retry``). Texts are English and are translated by the caller: the engine knows no host.
"""

from __future__ import annotations

from collections.abc import Callable


def N_(text: str) -> str:
	"""Mark a text for translation without translating it (gettext's convention)."""
	return text


class MailError(Exception):
	"""Root of all errors of the engine.

	``kind`` is stable and machine-readable. ``retry`` is True when the same attempt may succeed later without anybody
	changing a setting. ``params`` fill the texts; they never hold a secret.
	"""

	kind = "error"
	retry = True
	template = N_("The mail server could not be used: {detail}")
	remedy = N_("Try again later. If it goes on, ask whoever runs the mail server.")

	def __init__(self, **params: object) -> None:
		self.params: dict[str, object] = {"host": "", "port": "", "detail": "", "login": "", "folder": ""} | params
		super().__init__(self.message())

	def message(self, translate: Callable[[str], str] = str) -> str:
		"""What happened, in one sentence."""
		return translate(self.template).format(**self.params)

	def advice(self, translate: Callable[[str], str] = str) -> str:
		"""What to do next, in one sentence."""
		return translate(self.remedy).format(**self.params)
