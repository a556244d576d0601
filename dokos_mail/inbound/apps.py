"""Other apps are asked before a mail is placed, and told after it is stored (row H5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import frappe
from frappe import _

from dokos_mail.engine.message.model import Message
from dokos_mail.inbound import surroundings
from dokos_mail.inbound.place import Choice, Reference
from dokos_mail.other_apps import Hook


@dataclass(frozen=True)
class ReceivedMail:
	"""What other apps see of a mail.

	``row`` is the name of its Incoming Email, None in a trial; ``authentication`` is "pass", "fail" or "unknown";
	``junk`` is the sign by which it is junk, or empty; ``sent`` means one of ours found in the Sent folder. In a
	``trial`` nothing is stored, and whatever a hook writes is rolled back.
	"""

	account: str
	folder: str
	message: Message
	authentication: str = "unknown"
	junk: str = ""
	sent: bool = False
	trial: bool = False
	row: str | None = None

	@property
	def subject(self) -> str:
		return self.message.subject

	@property
	def sender(self) -> str:
		"""The address in From, as written; empty when there is none."""
		return self.message.from_[0].address if self.message.from_ else ""

	@property
	def text(self) -> str:
		return self.message.text or ""


def ask(asked: Sequence[Hook], mail: ReceivedMail) -> tuple[Choice | None, list[str]]:
	"""The first app's answer, and what is to be said of those that failed.

	Nothing of the mail is written yet: a hook that fails is rolled back, and the next one is asked.
	"""
	remarks: list[str] = []
	for hook in asked:
		try:
			choice = _choice(hook, hook(mail))
		except Exception as error:
			if surroundings.have_failed(error):
				raise
			frappe.db.rollback()
			remarks.append(hook.failed(error))
			continue
		if choice:
			return choice, remarks
	return None, remarks


def _choice(hook: Hook, answer: object) -> Choice | None:
	if answer is None:
		return None
	if not isinstance(answer, Mapping) or not set(answer) & {"doctype", "refuse"}:
		raise TypeError(f"the answer is {answer!r}, not None, {{'doctype': …, 'name': …}}, {{'doctype': …}} or {{'refuse': …}}")
	reason = str(answer.get("reason") or "")
	if "refuse" in answer:
		return Choice(hook.app, refused=True, reason=str(answer["refuse"] or ""))
	doctype, name = answer["doctype"], answer.get("name")
	if not doctype:
		return Choice(hook.app, reason=reason)
	there = bool(frappe.db.exists("DocType", doctype))
	if name:
		exists = there and bool(frappe.db.exists(doctype, name))
		return Choice(hook.app, Reference(str(doctype), str(name)), reason=reason, exists=exists)
	if not there:
		raise ValueError(_("There is no document type {0}.").format(doctype))
	return Choice(hook.app, create=str(doctype), reason=reason)


def tell(told: Sequence[Hook], communication: str, mail: ReceivedMail) -> list[str]:
	"""Tell other apps of a mail that is stored and committed; returns what is to be said of those that failed.

	Each in a transaction of its own: what one writes stays when another fails.
	"""
	remarks: list[str] = []
	for hook in told:
		try:
			hook(frappe.get_doc("Communication", communication), mail)
			frappe.db.commit()
		except Exception as error:
			if surroundings.have_failed(error):
				raise
			frappe.db.rollback()
			remarks.append(hook.failed(error))
	return remarks
