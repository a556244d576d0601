"""Email Domain: settings held once, handed on to accounts without asking any server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import frappe
import pytest


@pytest.fixture(autouse=True)
def undone(site: object) -> Iterator[None]:
	frappe.clear_messages()
	yield
	frappe.db.rollback()
	frappe.clear_messages()


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
	"""What is enqueued, instead of enqueuing it."""
	asked: list[tuple[str, dict[str, Any]]] = []
	monkeypatch.setattr(frappe, "enqueue", lambda method, **kwargs: asked.append((method, kwargs)))
	return asked


def domain(**values: Any) -> Any:
	name = f"d{uuid4().hex[:8]}.test"
	servers = {"email_server": "imap.nowhere.invalid", "smtp_server": "smtp.nowhere.invalid"}
	return frappe.get_doc({"doctype": "Email Domain", "domain_name": name, "use_imap": 1, "use_ssl": 1, **servers, **values})


def account(of: Any, **values: Any) -> Any:
	address = f"a{uuid4().hex[:8]}@{of.name}"
	return frappe.get_doc(
		{"doctype": "Email Account", "email_id": address, "domain": of.name, "enable_incoming": 1, "password": "x", **values}
	).insert()


def test_the_domain_is_derived_from_the_example_address(site: object) -> None:
	name = f"D{uuid4().hex[:8]}.Test"
	doc = domain(domain_name=None, email_id=f"hello@{name}").insert()
	assert doc.name == doc.domain_name == name.lower()


def test_a_known_providers_settings_are_filled_in(site: object) -> None:
	doc = domain(domain_name="gmail.com", email_server=None, smtp_server=None, use_ssl=0, use_imap=0).insert()
	assert (doc.email_server, doc.use_imap, doc.use_ssl, doc.incoming_port) == ("imap.gmail.com", 1, 1, "993")
	assert (doc.smtp_server, doc.use_tls, doc.smtp_port) == ("smtp.gmail.com", 1, "587")


def test_what_was_typed_is_kept(site: object) -> None:
	doc = domain(domain_name="gmail.com", email_server="imap.mine.test", smtp_server="smtp.mine.test").insert()
	assert (doc.email_server, doc.smtp_server) == ("imap.mine.test", "smtp.mine.test")


def test_an_unknown_domain_needs_servers(site: object) -> None:
	with pytest.raises(frappe.MandatoryError):
		domain(email_server=None, smtp_server=None).insert()


def test_an_address_that_is_none_is_refused(site: object) -> None:
	with pytest.raises(frappe.InvalidEmailAddressError):
		domain(email_id="not an address").insert()


@pytest.mark.parametrize("port", ["imap", "0x1", "70000", "-1", "99 3"])
def test_a_port_that_is_none_is_refused(site: object, port: str) -> None:
	with pytest.raises(frappe.ValidationError, match="port"):
		domain(incoming_port=port).insert()


@pytest.mark.parametrize(("typed", "kept"), [("", None), ("0", None), (None, None), (" 1143 ", "1143"), (993, "993")])
def test_an_empty_port_stays_empty(site: object, typed: object, kept: str | None) -> None:
	doc = domain(incoming_port=typed, smtp_port=typed).insert()
	assert (doc.incoming_port, doc.smtp_port) == (kept, kept)


def test_ssl_comes_before_starttls(site: object) -> None:
	doc = domain(use_ssl=1, use_starttls=1, use_ssl_for_outgoing=1, use_tls=1).insert()
	assert (doc.use_ssl, doc.use_starttls, doc.use_ssl_for_outgoing, doc.use_tls) == (1, 0, 1, 0)


def test_certificates_are_verified_unless_somebody_says_no(site: object) -> None:
	doc = domain().insert()
	doc.reload()
	assert (doc.validate_ssl_certificate, doc.validate_ssl_certificate_for_outgoing) == (1, 1)


def test_an_account_has_its_domains_settings(site: object) -> None:
	of = domain(incoming_port="1993", use_tls=1, validate_ssl_certificate=0, attachment_limit=12).insert()
	made = account(of)
	assert (made.email_server, made.use_imap, made.use_ssl, made.incoming_port) == ("imap.nowhere.invalid", 1, 1, "1993")
	assert (made.smtp_server, made.use_tls, made.validate_ssl_certificate) == ("smtp.nowhere.invalid", 1, 0)
	assert made.attachment_limit == 12
	assert made.get_domain_values(of.name)["incoming_port"] == "1993"


def test_an_account_in_a_domain_finds_it_alone(site: object) -> None:
	of = domain().insert()
	assert account(of, domain=None).domain == of.name
	assert account(of, domain=None, email_server="imap.own.test").domain is None


def test_changing_the_domain_changes_its_accounts(site: object, jobs: list[tuple[str, dict[str, Any]]]) -> None:
	of = domain().insert()
	first, second = account(of), account(of)
	jobs.clear()
	of.update({"email_server": "imap2.nowhere.invalid", "incoming_port": "1143", "use_ssl": 0, "use_starttls": 1})
	of.save()
	for made in (first, second):
		made.reload()
		assert (made.email_server, made.incoming_port, made.use_ssl, made.use_starttls) == ("imap2.nowhere.invalid", "1143", 0, 1)
	assert sorted(kwargs["account"] for _method, kwargs in jobs) == sorted((first.name, second.name))
	assert {method for method, _kwargs in jobs} == {"dokos_mail.jobs.check_account"}
	assert all(kwargs["enqueue_after_commit"] for _method, kwargs in jobs)


def test_a_bad_account_blocks_neither_the_domain_nor_the_others(site: object) -> None:
	of = domain().insert()
	bad, good = account(of), account(of)
	frappe.db.set_value("Email Account", bad.name, {"email_id": "not an address", "append_to": "No Such Type"})
	of.smtp_server = "smtp2.nowhere.invalid"
	of.save()
	assert frappe.db.get_value("Email Account", bad.name, "smtp_server") == "smtp2.nowhere.invalid"
	assert frappe.db.get_value("Email Account", good.name, "smtp_server") == "smtp2.nowhere.invalid"


def test_accounts_are_left_alone_when_nothing_changed(site: object, jobs: list[tuple[str, dict[str, Any]]]) -> None:
	of = domain().insert()
	made = account(of)
	jobs.clear()
	of.reload()
	of.save()
	assert jobs == []
	assert str(frappe.db.get_value("Email Account", made.name, "modified")) == str(made.modified)


def test_the_passwords_of_accounts_survive_a_change_of_the_domain(site: object) -> None:
	of = domain().insert()
	made = account(of, password="mot de passe")
	of.smtp_port = "2525"
	of.save()
	assert frappe.get_doc("Email Account", made.name).get_password("password") == "mot de passe"


def test_a_number_that_is_none_is_zero_for_the_accounts(site: object) -> None:
	"""The hosts' own test records have a server's name in a box."""
	of = domain(use_imap="imap.nowhere.invalid").insert()
	assert account(of).use_imap == 0
