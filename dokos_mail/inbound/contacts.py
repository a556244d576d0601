"""Contacts of correspondents, linked to the mail they wrote."""

from __future__ import annotations

import frappe

from dokos_mail.engine.message.addresses import parse_addresses
from dokos_mail.engine.message.authentication import FAIL
from dokos_mail.engine.message.model import Message
from dokos_mail.engine.message.robots import is_nobodys
from dokos_mail.inbound import surroundings


def link_contacts(communication: frappe._dict, *, may_make: bool) -> None:
	"""Link the sender's contact to a received mail, and what that contact is linked to.

	The contact is made when there is none, the account has ``create_contact`` on, and ``may_make`` allows it: see
	:func:`is_a_correspondent`. Done before the Communication is written, in its transaction.
	"""
	_link(communication, communication.sender, communication.sender_full_name, may_make)


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


def _link(communication: frappe._dict, address: str | None, full_name: str | None, may_make: bool) -> None:
	address = (address or "").strip().lower()
	if "@" not in address:
		return
	contact = _contact_of(address)
	if not contact and may_make and _wanted(communication.get("email_account")) and not _is_ours_or_nobodys(address):
		contact = _make_contact(address, full_name)
	if not contact:
		return
	links = [("Contact", contact)]
	links += [
		(link.link_doctype, link.link_name)
		for link in frappe.get_all(
			"Dynamic Link",
			filters={"parenttype": "Contact", "parent": contact},
			fields=["link_doctype", "link_name"],
		)
	]
	there = {(link.link_doctype, link.link_name) for link in communication.get("timeline_links") or []}
	for doctype, name in links:
		if (doctype, name) not in there:
			communication.append("timeline_links", {"link_doctype": doctype, "link_name": name})


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


def _is_ours_or_nobodys(address: str) -> bool:
	"""Whether behind an address is no person to remember: one that nobody reads, an account's, a document's own."""
	local, _at, domain = address.rpartition("@")
	account = f"{local.partition('+')[0]}@{domain}"
	return is_nobodys(address) or bool(frappe.db.exists("Email Account", {"email_id": ("in", sorted({address, account}))}))


def _make_contact(address: str, full_name: str | None) -> str | None:
	name = (full_name or "").strip()
	if not name or "@" in name:
		name = address.partition("@")[0].replace(".", " ").replace("_", " ").title()
	first, _, last = name.partition(" ")
	doc = frappe.get_doc(
		{
			"doctype": "Contact",
			"first_name": first[:140],
			"last_name": last[:140],
			"email_ids": [{"email_id": address, "is_primary": 1}],
		}
	)
	frappe.db.savepoint("contact")
	try:
		return doc.insert(ignore_permissions=True).name
	except Exception as error:
		if surroundings.have_failed(error):
			raise
		# A mail is worth more than its contact: say it where the administrator looks, and go on.
		frappe.db.rollback(save_point="contact")
		frappe.clear_messages()
		frappe.log_error(title=f"Contact of {address}")
		return None
