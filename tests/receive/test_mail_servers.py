"""The servers that other tests stand on: both programs, the relay before them, and the two as one process."""

from __future__ import annotations

import json
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dokos_mail.engine.connect.imap import open_imap
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.receive.rawstore import RawStore
from mail_servers.dovecot import Dovecot
from mail_servers.pymap import Pymap
from mail_servers.relay import Relay
from mail_servers.server import MailServer
from tests.receive.boxes import fetch_all

ROOT = Path(__file__).resolve().parents[2]
USERS = {"commercial@masociete.test": "déjà vu", "support@masociete.test": "b"}
MAIL = "Subject: Bonjour\r\n\r\n.Été\r\n".encode()


@pytest.mark.parametrize("program", [Dovecot, lambda *a: Dovecot(*a, storage="sdbox"), Pymap], ids=["maildir", "sdbox", "pymap"])
def test_mail_through_the_relay(program: Callable[..., MailServer], tmp_path: Path, store: RawStore) -> None:
	with program(tmp_path / "server", USERS) as server, Relay(server, users=USERS, certificates=server.certificates) as relay:
		with smtplib.SMTP(relay.host, relay.port) as client:
			client.starttls(context=ssl.create_default_context(cafile=str(server.certificates.authority)))
			client.ehlo()
			client.user, client.password = "support@masociete.test", "b"
			client.auth("PLAIN", client.auth_plain)
			refused = client.sendmail(
				"elodie@client.test",
				["commercial+Opportunity@masociete.test", "support@masociete.test", "nobody@masociete.test"],
				MAIL,
				mail_options=["BODY=8BITMIME"],
			)
		assert list(refused) == ["nobody@masociete.test"]
		assert refused["nobody@masociete.test"][0] == 550
		assert [accepted.sender for accepted in relay.accepted] == ["elodie@client.test"]
		settings = ServerSettings(
			"127.0.0.1",
			"commercial@masociete.test",
			"déjà vu",
			port=server.ports["imap"],
			security="starttls",
			ca_file=str(server.certificates.authority),
		)
		with open_imap(settings) as session:
			assert session.select("INBOX").exists == 1
			(message,) = fetch_all(session, store, session.search("UNSEEN"))
		text = store.read(message.raw.path).replace(b"\r\n", b"\n")
		head, _, body = text.partition(b"\n\n")
		assert b"Return-Path: <elodie@client.test>" in head
		assert b"Delivered-To: commercial+Opportunity@masociete.test" in head
		assert body == ".Été\n".encode()
		assert server.flags("support@masociete.test") == {1: frozenset()}


def test_auth_may_be_required(tmp_path: Path) -> None:
	with Dovecot(tmp_path, USERS) as server, Relay(server, users=USERS, auth_required=True) as relay:
		with smtplib.SMTP(relay.host, relay.port) as client:
			with pytest.raises(smtplib.SMTPResponseException) as caught:
				client.sendmail("a@b.test", ["support@masociete.test"], MAIL)
			assert caught.value.smtp_code == 530
			with pytest.raises(smtplib.SMTPAuthenticationError):
				client.login("support@masociete.test", "wrong")


def test_mail_stays_over_a_restart(tmp_path: Path) -> None:
	with Dovecot(tmp_path, USERS) as server:
		(uid,) = server.append("support@masociete.test", MAIL)
		ports, validity = dict(server.ports), server.uidvalidity("support@masociete.test")
		server.restart()
		assert server.ports == ports
		assert server.uids("support@masociete.test") == [uid]
		assert server.uidvalidity("support@masociete.test") == validity


def test_stopping_ends_every_process(tmp_path: Path) -> None:
	with Dovecot(tmp_path, USERS) as server:
		server.append("support@masociete.test", MAIL)
		group = server.pid
		with server.client("support@masociete.test"):
			server.stop()
		left = [stat for stat in Path("/proc").glob("[0-9]*/stat") if _group(stat) == group]
		assert left == []


def _group(stat: Path) -> int | None:
	"""The process group, or None for a process that has ended and waits only to be counted."""
	try:
		state, _parent, group = stat.read_text().rpartition(")")[2].split()[:3]
	except OSError:
		return None
	return None if state == "Z" else int(group)


@pytest.mark.parametrize("program", ["dovecot", "pymap"])
def test_both_as_one_process(tmp_path: Path, program: str) -> None:
	def command(action: str, *more: str) -> subprocess.CompletedProcess[str]:
		line = [sys.executable, "-m", "mail_servers", action, "--folder", str(tmp_path), *more]
		return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

	assert command("status").returncode == 1
	started = command("start", "--program", program, "--user", "support@masociete.test:b")
	try:
		state = json.loads(started.stdout)
		assert state["program"] == program
		assert json.loads(command("start").stdout) == state, "one that runs is left as it is"
		assert command("status").returncode == 0
		with smtplib.SMTP(state["host"], state["ports"]["smtp"]) as client:
			client.sendmail("a@b.test", ["support@masociete.test"], b"Subject: x\r\n\r\nx\r\n")
	finally:
		assert command("stop").stdout == "Stopped.\n"
	assert command("status").returncode == 1
	again = json.loads(command("start", "--program", program).stdout)
	try:
		assert again["ports"] == state["ports"]
		settings = ServerSettings(
			again["host"],
			"support@masociete.test",
			"b",
			port=again["ports"]["imap"],
			security="starttls",
			ca_file=again["authority"],
		)
		with open_imap(settings) as session:
			assert session.select("INBOX").exists == 1, "users and mail are kept"
	finally:
		command("stop")
