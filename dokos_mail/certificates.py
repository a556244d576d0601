"""Accounts and domains from before this app, through whose connections nobody ever verified a certificate.

They go on as they did, and each server's certificate is looked at once it can be reached: a connection that verifies is
verified from then on; one that does not stays as it is, and its form says why, until somebody decides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint

from dokos_mail.engine.connect.probe import decide, probe
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.errors import CertificateError, MailError
from dokos_mail.engine.kept import keep, recall

#: Domains first: an account that is saved meanwhile takes its domain's settings over.
DOCTYPES = ("Email Domain", "Email Account")
#: Holds, in JSON, for each way that is not verified: null until it was looked at, then what is wrong with it.
FIELD = "certificates"


@dataclass(frozen=True)
class Way:
	"""One of the two connections; the names are fields of both DocTypes."""

	name: str
	verify: str
	server: str
	port: str
	tls: str
	starttls: str


INCOMING = Way("incoming", "validate_ssl_certificate", "email_server", "incoming_port", "use_ssl", "use_starttls")
OUTGOING = Way("outgoing", "validate_ssl_certificate_for_outgoing", "smtp_server", "smtp_port", "use_ssl_for_outgoing", "use_tls")
WAYS = (INCOMING, OUTGOING)


def server_of(row: Mapping[str, Any], way: Way) -> ServerSettings | None:
	"""The server behind a connection, without a login; None where there is none, or nothing is encrypted."""
	if not row.get(way.server) or not (cint(row.get(way.tls)) or cint(row.get(way.starttls))):
		return None
	return ServerSettings(
		host=row[way.server],
		port=cint(row.get(way.port)) or None,
		security="tls" if cint(row.get(way.tls)) else "starttls",
		protocol="smtp" if way is OUTGOING else "imap" if cint(row.get("use_imap")) else "pop3",
		ca_file=frappe.conf.get("ssl_ca_file"),
	)


def unverified(row: Mapping[str, Any]) -> dict[str, None]:
	"""The ways of an account or a domain whose certificates are to be looked at, as FIELD holds them."""
	return {way.name: None for way in WAYS if not cint(row.get(way.verify)) and server_of(row, way)}


def note_unverified(doctype: str, since: str = "") -> None:
	"""Have all that is unverified now looked at, by and by. For rows from before this app; the caller commits."""
	for row in frappe.get_all(doctype, filters={"creation": (">=", since)} if since else {}, fields=["*"]):
		if ways := unverified(row):
			frappe.db.set_value(doctype, row.name, FIELD, json.dumps(ways), update_modified=False)


def waiting(doctype: str) -> list[str]:
	"""Names of those with a connection that nobody could look at yet."""
	return frappe.get_all(doctype, filters={FIELD: ("like", "%null%")}, pluck="name", order_by="name asc")


def look_at(doctype: str, name: str, seen: dict[ServerSettings, MailError | None]) -> None:
	"""Look at one account's or domain's certificates, and note what follows; commits.

	``seen`` holds what was found at servers that others have too. A save in between decides: only a connection that is
	still the one looked at, and still not verified, is changed.
	"""
	row = frappe.db.get_value(doctype, name, "*", as_dict=True)
	found: dict[Way, tuple[ServerSettings, MailError | None]] = {}
	for way in WAYS:
		server = server_of(row, way)
		if server and noted(row).get(way.name, "") is None and not cint(row.get(way.verify)):
			if server not in seen:
				seen[server] = probe(server)
			found[way] = (server, seen[server])
	frappe.db.rollback()
	row = frappe.db.get_value(doctype, name, "*", for_update=True, as_dict=True)
	if not row:
		return
	notes = {each: note for each, note in noted(row).items() if each in unverified(row)}
	values: dict[str, Any] = {}
	for way, (server, error) in found.items():
		if server_of(row, way) != server or cint(row.get(way.verify)):
			continue
		decision = decide(error)
		if decision == "verify":
			values[way.verify] = 1
			notes.pop(way.name, None)
		elif decision == "keep":
			notes[way.name] = json.loads(keep(error))
	values[FIELD] = json.dumps(notes, ensure_ascii=False) if notes else None
	frappe.db.set_value(doctype, name, values, update_modified=False)
	frappe.clear_document_cache(doctype, name)
	frappe.db.commit()


def noted(row: Mapping[str, Any]) -> dict[str, Any]:
	"""What FIELD holds; nothing for what was never written by this."""
	try:
		found = json.loads(row.get(FIELD) or "{}")
	except ValueError:
		return {}
	return found if isinstance(found, dict) else {}


def reason(row: Mapping[str, Any], way: Way) -> MailError | None:
	"""Why a connection is not verified: what is wrong with the server's certificate, where that was seen."""
	note = noted(row).get(way.name)
	return recall(json.dumps(note)) if note else None


def told(error: MailError) -> tuple[str, str]:
	"""What to say of a connection that goes on although its certificate is refused, and what to do."""
	text = _(
		"{0} The connection goes on without a verified certificate, as before this app: anybody may stand in for the server."
	)
	remedy = _("{0} Then tick {1}.").format(error.advice(_), _("Validate SSL Certificate"))
	if error.kind == CertificateError.kind:
		# Its own advice says that nothing is sent, which is not so here.
		remedy = _("Ask whoever runs the server for a valid certificate. Then tick {0}.").format(_("Validate SSL Certificate"))
	return text.format(error.message(_)), remedy


def told_of_domain(row: Mapping[str, Any]) -> list[str]:
	"""What the form of a domain says of its servers' certificates."""
	refused = [reason(row, way) for way in WAYS if way.name in unverified(row)]
	return [" ".join(told(error)) for error in refused if error]
