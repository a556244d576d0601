"""Contacts of correspondents, linked to the mail they wrote."""

from __future__ import annotations

from functools import lru_cache

import frappe
from frappe.model.base_document import get_controller
from frappe.model.document import Document

from dokos_mail.engine.message.addresses import parse_addresses
from dokos_mail.engine.message.authentication import FAIL
from dokos_mail.engine.message.model import Message
from dokos_mail.engine.message.robots import is_nobodys
from dokos_mail.host import find_picture, picture_finder
from dokos_mail.inbound import surroundings
from dokos_mail.inbound.absent import NOTHING, Absent
from dokos_mail.plain import plain

#: Stands for a picture that is looked for later.
_LATER = "-"


def link_contacts(communication: frappe._dict, *, may_make: bool, absent: Absent = NOTHING) -> list[str]:
	"""Link the sender's contact to a received mail, and what that contact is linked to.

	The contact is made when there is none, the account has ``create_contact`` on, and ``may_make`` allows it: see
	:func:`is_a_correspondent`. Done before the Communication is written, in its transaction. Returns those that were made:
	they are for :func:`pictures_later`.
	"""
	made = _link(communication, communication.sender, communication.sender_full_name, may_make, absent)
	return [made] if made else []


def link_correspondents(communication: frappe._dict) -> None:
	"""Link the contacts of a mail that we did not place: one that is sent, or that the host's own class received.

	Those of whom it was sent to, or else its sender's alone: whom a stranger names beside us is nobody's correspondent.
	"""
	sent = communication.get("sent_or_received") != "Received"
	_link(communication, communication.get("sender"), communication.get("sender_full_name"), not sent)
	if not sent:
		return
	for field in ("recipients", "cc", "bcc"):
		for one in parse_addresses((communication.get(field) or "").encode()):
			_link(communication, one.address, one.name, True)


def _link(
	communication: frappe._dict, address: str | None, full_name: str | None, may_make: bool, absent: Absent = NOTHING
) -> str | None:
	"""Link the contact of an address; returns one that was made for it."""
	address = (address or "").strip().lower()
	if "@" not in address:
		return None
	contact = None if absent.holds("Contact Email", "email_id", address) else _contact_of(address)
	made = None
	if not contact and may_make and _wanted(communication.get("email_account")) and not _is_ours_or_nobodys(address, absent):
		made = _make_contact(address, full_name)
	if made:
		links = [("Contact", made.name), *((link.link_doctype, link.link_name) for link in made.get("links") or [])]
	elif contact:
		links = [("Contact", contact), *_links_of(contact)]
	else:
		return None
	there = {(link.link_doctype, link.link_name) for link in communication.get("timeline_links") or []}
	for doctype, name in links:
		if (doctype, name) not in there:
			communication.append("timeline_links", {"link_doctype": doctype, "link_name": name})
	return made.name if made else None


def _links_of(contact: str) -> list[tuple[str, str]]:
	filters = {"parenttype": "Contact", "parent": contact}
	rows = frappe.get_all("Dynamic Link", filters=filters, fields=["link_doctype", "link_name"])
	return [(link.link_doctype, link.link_name) for link in rows]


def _contact_of(address: str) -> str | None:
	"""The contact of exactly this address, case aside: the database takes a letter with an accent for the one without."""
	filters = {"email_id": address, "parenttype": "Contact"}
	rows = frappe.get_all("Contact Email", filters=filters, fields=["parent", "email_id"], order_by="creation asc")
	return next((row.parent for row in rows if (row.email_id or "").strip().lower() == address), None)


def is_a_correspondent(message: Message, verdict: str, own_address: str) -> bool:
	"""Whether a message's sender is somebody to remember: no robot, no list, no address that nobody reads, not the
	account itself, and nobody who pretends to be somebody else."""
	address = message.from_[0].address if message.from_ else ""
	if not address or message.auto_submitted or message.report or verdict == FAIL:
		return False
	return not is_nobodys(address) and address.lower() != own_address


def _wanted(account: str | None) -> bool:
	return bool(account and frappe.get_cached_value("Email Account", account, "create_contact"))


def _is_ours_or_nobodys(address: str, absent: Absent) -> bool:
	"""Whether behind an address is no person to remember: one that nobody reads, an account's, a document's own."""
	ours = absent.without("Email Account", "email_id", sorted({address, without_detail(address)}))
	return is_nobodys(address) or bool(ours and frappe.db.exists("Email Account", {"email_id": ("in", ours)}))


def without_detail(address: str) -> str:
	"""The address of an account, of one with a detail: ``a@b`` of ``a+x@b``."""
	local, _at, domain = address.rpartition("@")
	return f"{local.partition('+')[0]}@{domain}"


def _make_contact(address: str, full_name: str | None) -> Document | None:
	name = plain(full_name or "").strip()
	if not name or "@" in name:
		name = address.partition("@")[0].replace(".", " ").replace("_", " ").title()
	first, _, last = name.partition(" ")
	doc = contact_class()(
		{
			"doctype": "Contact",
			"first_name": first[:140],
			"last_name": last[:140],
			"email_ids": [{"email_id": address, "is_primary": 1}],
		}
	)
	frappe.db.savepoint("contact")
	try:
		return doc.insert(ignore_permissions=True)
	except Exception as error:
		if surroundings.have_failed(error):
			raise
		# A mail is worth more than its contact: say it where the administrator looks, and go on.
		frappe.db.rollback(save_point="contact")
		frappe.clear_messages()
		frappe.log_error(title=f"Contact of {address}")
		return None


def contact_class() -> type:
	"""The class of a contact that is made while mail is being filed."""
	return _of_mail(get_controller("Contact"))


@lru_cache(maxsize=4)
def _of_mail(host_class: type) -> type:
	return type("ContactOfMail", (_ContactOfMail, host_class), {})


class _ContactOfMail:
	"""The host's Contact (or what another app made of it), made while mail is being filed."""

	def validate(self) -> None:
		"""The host asks gravatar.com for a picture, and waits for as long as that takes: it is asked afterwards."""
		above = getattr(super(), "validate", None)
		if above is None:
			return
		self.image = self.get("image") or _LATER
		try:
			above()
		finally:
			if self.image == _LATER:
				self.image = None


def pictures_later(contacts: list[str]) -> None:
	"""Have pictures looked for, of contacts that are committed, where the host does so when a contact is made."""
	if contacts and picture_finder():
		frappe.enqueue("dokos_mail.inbound.contacts.find_pictures", queue="long", contacts=list(contacts))
		contacts.clear()


def find_pictures(contacts: list[str]) -> None:
	"""Give contacts the pictures that the host finds for them (job). Safe to run twice."""
	for name in contacts:
		row = frappe.db.get_value("Contact", name, ["email_id", "image"], as_dict=True)
		if row and row.email_id and not row.image and (picture := find_picture(row.email_id)):
			frappe.db.set_value("Contact", name, "image", picture, update_modified=False)
			frappe.db.commit()
