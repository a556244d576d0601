"""Connections from before this app, whose certificates nobody verified (D6)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import frappe
import pytest

from dokos_mail import certificates, install, jobs
from dokos_mail.health import told
from mail_servers.dovecot import Dovecot
from mail_servers.relay import Relay
from tests.mailbox import Mailbox

UNVERIFIED = {"validate_ssl_certificate": 0, "validate_ssl_certificate_for_outgoing": 0}


@pytest.fixture
def relay(dovecot: Dovecot) -> Iterator[Relay]:
	relay = Relay(dovecot, certificates=dovecot.certificates)
	relay.start()
	yield relay
	relay.stop()


@pytest.fixture
def old(make_mailbox: Callable[..., Mailbox], relay: Relay) -> Callable[..., str]:
	"""Makes an account as the host had it, encrypted both ways; nothing is verified."""

	def make(**settings: Any) -> str:
		sending = {"enable_outgoing": 1, "smtp_server": relay.host, "smtp_port": str(relay.port), "use_tls": 1}
		values = {**sending, "no_smtp_authentication": 1, "use_starttls": 1, **settings}
		account = make_mailbox(**values).account
		frappe.db.set_value("Email Account", account, {**UNVERIFIED, certificates.FIELD: None})
		frappe.db.commit()
		return account

	return make


def note(account: str) -> None:
	row = frappe.db.get_value("Email Account", account, "*", as_dict=True)
	frappe.db.set_value("Email Account", account, certificates.FIELD, json.dumps(certificates.unverified(row)))
	frappe.db.commit()


def state(account: str) -> tuple[int, int, dict[str, Any]]:
	row = frappe.db.get_value("Email Account", account, "*", as_dict=True)
	return row.validate_ssl_certificate, row.validate_ssl_certificate_for_outgoing, certificates.noted(row)


def test_what_verifies_is_verified_from_then_on(
	old: Callable[..., str], dovecot: Dovecot, site_config: Callable[..., None]
) -> None:
	site_config(ssl_ca_file=str(dovecot.certificates.authority))
	account = old()
	note(account)
	modified = frappe.db.get_value("Email Account", account, "modified")
	jobs.look_at_waiting_certificates()
	assert state(account) == (1, 1, {})
	# whoever has the form open can still save it
	assert frappe.db.get_value("Email Account", account, "modified") == modified
	assert account not in certificates.waiting("Email Account")


def test_what_does_not_goes_on_and_says_why(old: Callable[..., str]) -> None:
	account = old()
	note(account)
	jobs.look_at_waiting_certificates()
	incoming, outgoing, notes = state(account)
	assert (incoming, outgoing, set(notes)) == (0, 0, {"incoming", "outgoing"})
	assert account not in certificates.waiting("Email Account")
	doc = frappe.get_doc("Email Account", account)
	refused = certificates.reason(doc, certificates.INCOMING)
	assert refused and refused.kind == "certificate_untrusted"
	frappe.local.lang = "en"
	doc.email_server = doc.smtp_server = "mail.masociete.test"
	lines = [line for line in told(doc, receives=True, sends=True)["lines"] if line["state"] == "Unsafe"]
	assert [line["title"] for line in lines] == ["Receiving", "Sending"]
	for line in lines:
		assert "without a verified certificate" in line["text"] and "Then tick" in line["remedy"]


def test_a_server_that_cannot_be_reached_is_looked_at_again(
	old: Callable[..., str], dovecot: Dovecot, unused_tcp_port: int, site_config: Callable[..., None]
) -> None:
	site_config(ssl_ca_file=str(dovecot.certificates.authority))
	account = old(smtp_port=str(unused_tcp_port))
	note(account)
	jobs.look_at_waiting_certificates()
	assert state(account) == (1, 0, {"outgoing": None})
	assert account in certificates.waiting("Email Account")


def test_what_somebody_decides_meanwhile_stays(old: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
	account = old()
	note(account)
	look = certificates.probe

	def save_meanwhile(server: Any) -> Any:
		found = look(server)
		doc = frappe.get_doc("Email Account", account)
		doc.update({"email_server": "ailleurs.masociete.test", "validate_ssl_certificate_for_outgoing": 1})
		doc.save()
		frappe.db.commit()
		return found

	monkeypatch.setattr(certificates, "probe", save_meanwhile)
	certificates.look_at("Email Account", account, {})
	assert state(account) == (0, 1, {"incoming": None})


def test_nothing_that_is_verified_or_in_clear_is_looked_at(make_mailbox: Callable[..., Mailbox]) -> None:
	for values in ({}, {"use_ssl": 1, "validate_ssl_certificate": 1}):
		account = make_mailbox(**values).account
		row = frappe.db.get_value("Email Account", account, "*", as_dict=True)
		assert certificates.unverified(row) == {}


def test_rows_from_before_are_noted(old: Callable[..., str]) -> None:
	account = old()
	install.keep_working("Email Account")
	assert state(account) == (0, 0, {"incoming": None, "outgoing": None})
	frappe.db.rollback()


def test_a_domain_says_so_too(site: object, dovecot: Dovecot, relay: Relay) -> None:
	values = {"email_server": dovecot.host, "incoming_port": str(dovecot.ports["imap"]), "use_imap": 1, "use_starttls": 1}
	values |= {"smtp_server": relay.host, "smtp_port": str(relay.port), "use_tls": 1}
	name = f"{frappe.generate_hash(length=8)}.test"
	frappe.get_doc({"doctype": "Email Domain", "domain_name": name, **values, **UNVERIFIED}).insert()
	try:
		row = frappe.db.get_value("Email Domain", name, "*", as_dict=True)
		frappe.db.set_value("Email Domain", name, certificates.FIELD, json.dumps(certificates.unverified(row)))
		frappe.db.commit()
		certificates.look_at("Email Domain", name, {})
		doc = frappe.get_doc("Email Domain", name)
		doc.run_method("onload")
		assert len(doc.get("__onload").certificates) == 2
	finally:
		frappe.delete_doc("Email Domain", name, force=True)
		frappe.db.commit()


def test_the_job_is_queued_while_something_waits(old: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
	account, queued = old(), []
	monkeypatch.setattr(frappe, "enqueue", lambda method, **_options: queued.append(method))
	for doctype in certificates.DOCTYPES:
		for name in certificates.waiting(doctype):
			frappe.db.set_value(doctype, name, certificates.FIELD, None)
	jobs.look_at_certificates()
	assert queued == []
	note(account)
	jobs.look_at_certificates()
	assert queued == ["dokos_mail.jobs.look_at_waiting_certificates"]
