"""Servers and settings that fail: each says what is wrong, on the account, in time; and the next pull recovers."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable

import frappe
import pytest

from dokos_mail.jobs import pull_account
from mail_servers.certificates import Certificates
from mail_servers.dovecot import Dovecot
from mail_servers.faults import Faults, FaultyImap, Silent
from tests.mailbox import Mailbox, raw


def status(mailbox: Mailbox) -> frappe._dict:
	return frappe.db.get_value("Email Account Status", {"email_account": mailbox.account}, "*", as_dict=True)


def fails_with(mailbox: Mailbox, kind: str, within: float = 15) -> frappe._dict:
	"""Pull, expect this failure within that many seconds, and return what the account says of it."""
	started = time.monotonic()
	result = pull_account(mailbox.account)
	assert time.monotonic() - started < within
	assert result is not None
	assert result.error is not None
	assert result.error.kind == kind
	said = status(mailbox)
	assert (said.state, said.error_kind) == ("Failing", kind)
	assert said.error
	assert said.remedy
	assert said.failing_since
	assert said.next_attempt
	password = mailbox.server.users[mailbox.user]
	assert password not in said.error + said.remedy
	return said


def recovers(mailbox: Mailbox, **settings: object) -> None:
	"""With the settings mended, the next pull brings the waiting mail and the account is well again."""
	account = frappe.get_doc("Email Account", mailbox.account)
	account.update(settings)
	account.save()
	frappe.db.commit()
	result = pull_account(mailbox.account)
	assert result is not None
	assert result.error is None
	assert result.processed == {"Processed": 1}
	said = status(mailbox)
	assert (said.state, said.error, said.failing_since, said.failures) == ("Working", None, None, 0)


def test_wrong_password(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(password="pas le bon")
	mailbox.put(raw())
	said = fails_with(mailbox, "login_refused")
	assert mailbox.user in said.error
	recovers(mailbox, password=mailbox.server.users[mailbox.user])


def test_wrong_host(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(email_server="imap.masociete.invalid")
	mailbox.put(raw())
	said = fails_with(mailbox, "host_not_found")
	assert "imap.masociete.invalid" in said.error
	recovers(mailbox, email_server=mailbox.server.host)


def test_wrong_port(make_mailbox: Callable[..., Mailbox], unused_tcp_port: int) -> None:
	mailbox = make_mailbox(incoming_port=str(unused_tcp_port))
	mailbox.put(raw())
	said = fails_with(mailbox, "connection_refused")
	assert str(unused_tcp_port) in said.error
	recovers(mailbox, incoming_port=str(mailbox.server.ports["imap"]))


@pytest.mark.parametrize(
	("certificate", "kind"),
	[("expired", "certificate_expired"), ("other_name", "certificate_foreign"), ("foreign", "certificate_untrusted")],
)
def test_certificates_are_verified(
	certificate: str,
	kind: str,
	make_mailbox: Callable[..., Mailbox],
	dovecot: Dovecot,
	tmp_path: object,
	site_config: Callable[..., None],
) -> None:
	certificates = Certificates(tmp_path / "tls")
	site_config(ssl_ca_file=str(certificates.authority))
	with Dovecot(tmp_path / "dovecot", dict(dovecot.users), certificate=certificate, certificates=certificates) as bad:
		mailbox = make_mailbox(use_ssl=1, incoming_port=str(bad.ports["imaps"]))
		bad.add_user(mailbox.user, dovecot.users[mailbox.user])
		mailbox.put(raw())
		fails_with(mailbox, kind)
		starttls = make_mailbox(use_ssl=0, use_starttls=1, incoming_port=str(bad.ports["imap"]))
		bad.add_user(starttls.user, dovecot.users[starttls.user])
		fails_with(starttls, kind)
	recovers(mailbox, use_ssl=0, incoming_port=str(mailbox.server.ports["imap"]))


def test_failures_rest_longer_each_time_and_never_switch_the_account_off(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(email_server="imap.masociete.invalid")
	waits = []
	for _attempt in range(3):
		said = fails_with(mailbox, "host_not_found")
		waits.append(said.next_attempt - said.last_pull)
	assert waits == sorted(waits)
	assert waits[0] < waits[2]
	assert frappe.db.get_value("Email Account", mailbox.account, "enable_incoming")


def to_faulty(server: FaultyImap | Silent) -> dict[str, object]:
	return {"email_server": server.host, "incoming_port": str(server.port)}


def test_a_server_that_accepts_and_says_nothing(make_mailbox: Callable[..., Mailbox]) -> None:
	with Silent() as silent:
		mailbox = make_mailbox(**to_faulty(silent))
		mailbox.put(raw())
		fails_with(mailbox, "silence", within=30)
	recovers(mailbox, incoming_port=str(mailbox.server.ports["imap"]))


def faulty_messages(count: int) -> dict[int, bytes]:
	return {uid: raw(f"n° {uid}").replace(b"\n", b"\r\n") for uid in range(1, count + 1)}


def states(mailbox: Mailbox) -> dict[str, str]:
	rows = frappe.get_all("Incoming Email", filters={"email_account": mailbox.account}, fields=["uid", "state"])
	return {row.uid: row.state for row in rows}


def test_a_server_that_dies_in_mid_fetch(make_mailbox: Callable[..., Mailbox]) -> None:
	with FaultyImap(faulty_messages(5), Faults(die_in=(3, 100))) as server:
		mailbox = make_mailbox(**to_faulty(server))
		fails_with(mailbox, "connection_lost")
		server.faults = Faults()
		result = pull_account(mailbox.account)
		assert result is not None
		assert result.error is None
	assert states(mailbox) == {str(uid): "Processed" for uid in range(1, 6)}
	assert status(mailbox).state == "Working"


def test_a_message_at_which_the_server_always_dies_holds_back_no_other(make_mailbox: Callable[..., Mailbox]) -> None:
	with FaultyImap(faulty_messages(5), Faults(die_in=(3, 100))) as server:
		mailbox = make_mailbox(**to_faulty(server))
		for _attempt in range(6):
			pull_account(mailbox.account)
		expected = {"1": "Processed", "2": "Processed", "3": "Unfetched", "4": "Processed", "5": "Processed"}
		assert states(mailbox) == expected
		server.faults = Faults()
		pull_account(mailbox.account)
	assert states(mailbox)["3"] == "Processed"


def test_a_message_that_is_listed_and_not_given_is_recorded_and_tried_again(make_mailbox: Callable[..., Mailbox]) -> None:
	with FaultyImap(faulty_messages(3), Faults(refused=frozenset({2}))) as server:
		mailbox = make_mailbox(**to_faulty(server))
		result = pull_account(mailbox.account)
		assert result is not None
		assert result.error is None
		assert states(mailbox) == {"1": "Processed", "2": "Unfetched", "3": "Processed"}
		reason = frappe.db.get_value("Incoming Email", {"email_account": mailbox.account, "uid": "2"}, "reason")
		assert reason
		server.faults = Faults()
		pull_account(mailbox.account)
	assert states(mailbox) == {"1": "Processed", "2": "Processed", "3": "Processed"}


def test_a_throttled_login_is_told_from_a_wrong_password(make_mailbox: Callable[..., Mailbox]) -> None:
	answers = {name: b"NO [UNAVAILABLE] Too many simultaneous connections" for name in ("LOGIN", "AUTHENTICATE")}
	with FaultyImap(faulty_messages(1), Faults(answers=answers)) as server:
		mailbox = make_mailbox(**to_faulty(server))
		fails_with(mailbox, "throttled")


def test_a_full_disk_keeps_mail_on_the_server_and_says_so(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	mailbox.put(raw("reste sur le serveur"))

	def no_room(*_arguments: object) -> int:
		raise OSError(errno.ENOSPC, "No space left on device")

	with monkeypatch.context() as patch:
		patch.setattr(os, "fsync", no_room)
		fails_with(mailbox, "storage_full")
	assert states(mailbox) == {}
	recovers(mailbox)
