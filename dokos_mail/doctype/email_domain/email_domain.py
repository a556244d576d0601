"""Email Domain: server settings held once for every account of a domain (seed page, section 1)."""

from __future__ import annotations

import frappe
from frappe import _
from frappe.utils import cint, validate_email_address

from dokos_mail import host

#: Settings that the accounts of a domain have from it. Names are the host's.
INCOMING = ("email_server", "use_imap", "use_ssl", "use_starttls", "incoming_port", "validate_ssl_certificate")
OUTGOING = (
	"smtp_server",
	"use_tls",
	"use_ssl_for_outgoing",
	"smtp_port",
	"validate_ssl_certificate_for_outgoing",
	"append_emails_to_sent_folder",
	"sent_folder_name",
)
SHARED = (*INCOMING, *OUTGOING, "attachment_limit")


class EmailDomain(host.base_class("Email Domain")):
	"""Saving never connects: each account says itself, later, whether the settings work."""

	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		append_emails_to_sent_folder: DF.Check
		attachment_limit: DF.Int
		domain_name: DF.Data
		email_id: DF.Data | None
		email_server: DF.Data
		incoming_port: DF.Data | None
		sent_folder_name: DF.Data | None
		smtp_port: DF.Data | None
		smtp_server: DF.Data
		use_imap: DF.Check
		use_ssl: DF.Check
		use_ssl_for_outgoing: DF.Check
		use_starttls: DF.Check
		use_tls: DF.Check
		validate_ssl_certificate: DF.Check
		validate_ssl_certificate_for_outgoing: DF.Check
	# end: auto-generated types

	def onload(self) -> None:
		"""What the form says of servers whose certificates are refused."""
		from dokos_mail.certificates import told_of_domain

		self.set_onload("certificates", told_of_domain(self.as_dict()))

	def before_naming(self) -> None:
		"""The name is the domain of the example address, unless one was typed."""
		from dokos_mail.engine.providers import domain_of

		self.domain_name = domain_of(self.domain_name or self.get("email_id") or "")

	def before_validate(self) -> None:
		"""Settings of a known provider stand in for those that nobody typed."""
		if self.email_server or self.smtp_server:
			return
		from dokos_mail.engine.providers import settings_for

		for field, value in (settings_for(self.get("email_id") or "") or settings_for(self.domain_name or "")).items():
			self.set(field, value)

	def validate(self) -> None:
		"""Refuse what no server could mean. Does not call the host's own validation, which connects (row A6)."""
		if self.get("email_id"):
			validate_email_address(self.email_id, True)
		tidy_server_settings(self)

	def on_update(self) -> None:
		"""Hand the settings on to the accounts of the domain, whatever state each of them is in."""
		from dokos_mail.health import mark_checking

		settings = shared_settings(self)
		for account in frappe.get_all("Email Account", filters={"domain": self.name}, pluck="name"):
			held = frappe.db.get_value("Email Account", account, list(settings), as_dict=True)
			changed = {field: value for field, value in settings.items() if (held[field] or "") != (value or "")}
			if changed:
				frappe.db.set_value("Email Account", account, changed)
				frappe.clear_document_cache("Email Account", account)
				mark_checking(frappe.get_doc("Email Account", account))
				frappe.enqueue("dokos_mail.jobs.check_account", account=account, enqueue_after_commit=True)


def shared_settings(domain: EmailDomain) -> dict[str, object]:
	"""What accounts have from their domain, under the same names. A host may lack some of them."""
	account = frappe.get_meta("Email Account")
	fields = [field for field in SHARED if domain.meta.has_field(field) and account.has_field(field)]
	numbers = {field for field in fields if account.get_field(field).fieldtype in ("Check", "Int")}
	return {field: cint(domain.get(field)) if field in numbers else domain.get(field) for field in fields}


def tidy_server_settings(doc: EmailDomain) -> None:
	"""Names without spaces, ports that are ports, one kind of encryption; for Email Domain and Email Account alike.

	An empty port stays empty and means the usual one (rows D3, D5).
	"""
	for field in ("email_server", "smtp_server"):
		doc.set(field, (doc.get(field) or "").strip() or None)
	for field in ("incoming_port", "smtp_port"):
		port = str(doc.get(field) or "").strip()
		if port in ("", "0"):
			doc.set(field, None)
		elif not port.isdecimal() or not 0 < int(port) < 65536:
			frappe.throw(_("{0} is not a port: a port is a number from 1 to 65535.").format(frappe.bold(port)))
		else:
			doc.set(field, str(int(port)))
	if cint(doc.use_ssl):
		doc.use_starttls = 0
	if cint(doc.use_ssl_for_outgoing):
		doc.use_tls = 0
