"""Whether documents of the mail DocTypes are of our classes: another app may bring its own, and the host knows one only.

The class of the app that stands last among the installed ones is used, for every document. One that derives from ours
is as good as ours. Otherwise our own part rests, and the other app's class, with the host's jobs, does as it did.
"""

from __future__ import annotations

from dataclasses import dataclass

import frappe
from frappe import _
from frappe.model.base_document import get_controller

#: What these classes are about, for whoever reads that one of them is another's.
DOCTYPES = ("Email Account", "Email Domain", "IMAP Folder", "Email Queue")
APP = "dokos_mail"


@dataclass(frozen=True)
class OtherClass:
	"""A class that another app brings for one of our DocTypes; ``used`` when it, not ours, is the documents' class."""

	doctype: str
	path: str
	used: bool

	@property
	def app(self) -> str:
		"""The app's name, as the site lists it."""
		return self.path.partition(".")[0]

	def said(self) -> str:
		"""What this means."""
		if self.used:
			return _("The app {0} replaces the class of {1}: Dokos Mail does not do its work there.").format(
				self.app, _(self.doctype)
			)
		return _("Dokos Mail takes the place of a class that the app {0} brings for {1}: what that one does is not done.").format(
			self.app, _(self.doctype)
		)

	def remedy(self) -> str:
		"""What to do."""
		if self.used:
			return _(
				"In Installed Applications, Update Hooks Resolution Order, put Dokos Mail after {0}, or remove one of the two apps."
			).format(self.app)
		return _("If it is missed, ask the authors of {0} to derive it from {1}, and put {0} after Dokos Mail.").format(
			self.app, _our_path(self.doctype)
		)


def is_ours(doctype: str = "Email Account") -> bool:
	"""Whether documents of that type are of our class, or of one that derives from it."""
	return issubclass(get_controller(doctype), frappe.get_attr(_our_path(doctype)))


def other_classes(*doctypes: str) -> list[OtherClass]:
	"""Classes that others bring for these DocTypes (by default all of ours) and that do not derive from ours."""
	overrides = frappe.get_hooks("override_doctype_class") or {}
	found = []
	for doctype in doctypes or DOCTYPES:
		paths = overrides.get(doctype) or []
		if _our_path(doctype) is None or not frappe.db.exists("DocType", doctype):
			continue
		ours = frappe.get_attr(_our_path(doctype))
		for path in paths:
			if not issubclass(frappe.get_attr(path), ours):
				found.append(OtherClass(doctype, path, path == paths[-1]))
	return found


def print_other_classes() -> None:
	"""Say it to whoever installs or migrates."""
	for other in other_classes():
		print(f"{other.said()} {other.remedy()}")


def lines(*doctypes: str) -> list[dict[str, object]]:
	"""What a form says of it: red where ours is not used, orange where theirs is not."""
	return [
		{
			"title": other.app,
			"state": "Replaced" if other.used else "Replacing",
			"text": other.said(),
			"remedy": other.remedy(),
			"colour": "red" if other.used else "orange",
		}
		for other in other_classes(*doctypes)
	]


def _our_path(doctype: str) -> str | None:
	paths = frappe.get_hooks("override_doctype_class", app_name=APP).get(doctype)
	return paths[-1] if paths else None
