"""Accounts of a site that the host has read for years, over connections that it never verified (D6)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mail_servers.dovecot import Dovecot
from tests.bench.quiet import Bench
from tests.bench.test_vanish import receive_by_the_hosts_class, subjects
from tests.mailbox import Mailbox, account_values, new_user, raw

APP = "dokos_mail"


@pytest.fixture
def servers(bench: Bench, tmp_path: Path) -> Iterator[list[Dovecot]]:
	"""One whose certificate verifies, and one whose authority nobody knows."""
	with Dovecot(tmp_path / "good") as good:
		config = bench.sites / "common_site_config.json"
		config.write_text(json.dumps(json.loads(config.read_text()) | {"ssl_ca_file": str(good.certificates.authority)}))
		with Dovecot(tmp_path / "bad", certificates=good.certificates, certificate="foreign") as bad:
			yield [good, bad]


def made_by_the_host(bench: Bench, server: Dovecot) -> Mailbox:
	"""An account that the host's class made and read once, with STARTTLS."""
	user = new_user(server)
	server.add_user(user, "ascii")
	mailbox = Mailbox(server, user, user.partition("@")[0])
	values = account_values(server, user, password="ascii", use_starttls=1, imap_folder=[{"folder_name": "INBOX"}])
	mailbox.put(raw("avant"))
	bench.python(f"frappe.get_doc({values!r}).insert()")
	receive_by_the_hosts_class(bench, mailbox.account)
	return mailbox


def told(bench: Bench, account: str) -> dict[str, object]:
	code = f"frappe.get_attr('dokos_mail.api.account_status')({account!r})"
	return json.loads(bench.python(f"print(__import__('json').dumps({code}, default=str))").strip().splitlines()[-1])


def verifies(bench: Bench, account: str) -> str:
	code = f"print(frappe.db.get_value('Email Account', {account!r}, 'validate_ssl_certificate'))"
	return bench.python(code).strip().splitlines()[-1]


def test_they_go_on_and_are_verified_where_that_can_be(bench: Bench, servers: list[Dovecot]) -> None:
	bench.run("uninstall-app", APP, "--yes", "--no-backup")
	good, bad = (made_by_the_host(bench, server) for server in servers)
	bench.run("install-app", APP)
	for mailbox in (good, bad):
		assert verifies(bench, mailbox.account) == "0"
		mailbox.put(raw("après l'installation"))
		bench.run("mail-pull", "--account", mailbox.account)
		assert subjects(bench, mailbox.account) == ["avant", "après l'installation"]
	bench.python("frappe.get_attr('dokos_mail.jobs.look_at_waiting_certificates')()")
	assert [verifies(bench, mailbox.account) for mailbox in (good, bad)] == ["1", "0"]
	for mailbox in (good, bad):
		mailbox.put(raw("plus tard"))
		bench.run("mail-pull", "--account", mailbox.account)
		assert subjects(bench, mailbox.account)[-1] == "plus tard"
	# nothing is said of a server on this machine
	bench.python(f"frappe.db.set_value('Email Account', {bad.account!r}, 'email_server', 'mail.masociete.test')")
	unsafe = [line for line in told(bench, bad.account)["lines"] if line["state"] == "Unsafe"]
	assert [line["colour"] for line in unsafe] == ["red"]
	assert "without a verified certificate" in unsafe[0]["text"] and "Then tick" in unsafe[0]["remedy"]
	assert told(bench, bad.account)["colour"] == "red"
	assert [line["state"] for line in told(bench, good.account)["lines"] if line["state"] == "Unsafe"] == []
	for mailbox in (good, bad):
		bench.python(f"frappe.db.set_value('Email Account', {mailbox.account!r}, 'enable_incoming', 0)")
