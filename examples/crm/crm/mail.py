"""How this company treats mail, beyond what is set on its accounts."""

import re

import frappe

NAME = re.compile(r"\bOPP-\d{4}-\d{5}\b")


def choose(mail):
	"""Called before a mail is placed.

	``mail`` has account, folder, subject, sender, text, message (all of it), authentication ("pass", "fail" or
	"unknown"), junk, and trial (True when it is only tried out). None leaves the mail to what is set on the account.
	"""
	domain = mail.sender.rpartition("@")[2].lower()
	if domain in (frappe.conf.get("crm_refused_domains") or []):
		return {"refuse": f"{domain} writes nothing that concerns us"}
	if mail.message.header("X-Web-Shop-Order"):
		return {"doctype": None, "reason": "orders are made by the web shop itself"}
	# A document's name in a subject proves nothing: anybody can write it. It counts for the opportunity's own contact,
	# when the receiving server confirms that it is him.
	named = NAME.search(mail.subject)
	if named and mail.authentication == "pass":
		contact = frappe.db.get_value("Opportunity", named.group(), "contact_email")
		if contact and contact.lower() == mail.sender.lower():
			return {"doctype": "Opportunity", "name": named.group(), "reason": "its contact wrote its name"}
	return None


def look_again(communication, mail):
	"""Called after a mail is stored, in a transaction of its own. A lost customer who writes is worth another look."""
	if communication.reference_doctype != "Opportunity" or mail.sent or mail.authentication == "fail":
		return
	if frappe.db.get_value("Opportunity", communication.reference_name, "status") == "Lost":
		opportunity = frappe.get_doc("Opportunity", communication.reference_name)
		opportunity.status = "Open"
		opportunity.save(ignore_permissions=True)


def name_opportunity(message, queue, recipient):
	"""Called before a mail is sent to a recipient; the message may be changed in place."""
	if queue.reference_doctype == "Opportunity":
		del message["X-Opportunity"]
		message["X-Opportunity"] = queue.reference_name
