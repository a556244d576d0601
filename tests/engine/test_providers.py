"""The table of known providers: every row usable, and nothing claimed about a domain that is not the provider's."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import dokos_mail
from dokos_mail.engine.connect.settings import DEFAULT_PORTS
from dokos_mail.engine.providers import PROVIDERS, SERVICES, Provider, domain_of, provider, settings_for

DEFINITION = json.loads((Path(dokos_mail.__file__).parent / "doctype/email_account/email_account.json").read_text())


def field(name: str) -> dict[str, object]:
	return next(row for row in DEFINITION["fields"] if row["fieldname"] == name)


def test_the_service_field_offers_exactly_the_table() -> None:
	assert tuple(str(field("service")["options"]).split("\n")) == ("", *SERVICES)


@pytest.mark.parametrize("known", PROVIDERS, ids=lambda known: known.service)
def test_a_provider_is_whole(known: Provider) -> None:
	ports = {("imap", "tls"): 993, ("pop3", "tls"): 995, ("smtp", "tls"): 465, ("smtp", "starttls"): 587}
	for protocol, server in (("imap", known.imap), ("pop3", known.pop3), ("smtp", known.smtp)):
		if server is None:
			continue
		assert server.host == server.host.strip().lower() and "." in server.host
		assert server.port == ports[protocol, server.security] == DEFAULT_PORTS[protocol, server.security == "tls"]
	for url in (known.help_url, known.password_url):
		assert not url or urlsplit(url).scheme == "https"
	assert known.help_url
	fieldnames = {row["fieldname"] for row in DEFINITION["fields"]}
	assert set(known.account_settings()) <= fieldnames
	assert provider(known.service) is known
	for domain in known.domains:
		assert provider(f"jean@{domain}") is known


def test_an_address_gives_its_providers_settings() -> None:
	assert settings_for("Jean.Dupond@GMail.com ") == {
		"email_server": "imap.gmail.com",
		"incoming_port": "993",
		"use_imap": 1,
		"use_ssl": 1,
		"use_starttls": 0,
		"smtp_server": "smtp.gmail.com",
		"smtp_port": "587",
		"use_tls": 1,
		"use_ssl_for_outgoing": 0,
	}


def test_the_seeds_ovh_server() -> None:
	assert settings_for("OVH")["email_server"] == "SSL0.OVH.NET".lower()


def test_pop3_where_the_provider_has_it() -> None:
	assert settings_for("GMail", pop3=True)["email_server"] == "pop.gmail.com"
	assert settings_for("GMail", pop3=True)["use_imap"] == 0
	assert settings_for("iCloud", pop3=True)["use_imap"] == 1


def test_a_provider_that_only_sends_proposes_no_incoming_server() -> None:
	assert "email_server" not in settings_for("Sendgrid")
	assert provider("Sendgrid").account_settings()["login_id"] == "apikey"


def test_microsoft_starts_with_oauth() -> None:
	assert provider("someone@hotmail.fr").account_settings()["auth_method"] == "OAuth"
	assert provider("someone@orange.fr").account_settings()["auth_method"] == "Basic"


@pytest.mark.parametrize(
	"address", ["", "@", "dokos.io", "hello@dokos.io", "x@notgmail.com", "x@gmail.com.evil.test", "Frappe Mail"]
)
def test_an_unknown_domain_or_service_gives_nothing(address: str) -> None:
	assert provider(address) is None and settings_for(address) == {}


def test_two_providers_never_claim_one_domain() -> None:
	domains = [domain for known in PROVIDERS for domain in known.domains]
	assert len(domains) == len(set(domains))


@pytest.mark.parametrize(
	("address", "domain"), [("hello@Dokos.IO.", "dokos.io"), ("dokos.io", "dokos.io"), ('"a@b"@c.test', "c.test"), ("", "")]
)
def test_domain_of(address: str, domain: str) -> None:
	assert domain_of(address) == domain
