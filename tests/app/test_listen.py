"""``mail-listen`` as a process of its own, on a real server: mail comes in by itself, whatever goes away meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import frappe
import pytest

from dokos_mail.inbound.account import STATUS, status_of
from mail_servers.dovecot import Dovecot
from mail_servers.faults import Silent
from tests.mailbox import Mailbox, account_values, new_user, raw

SECONDS = 60


class Running:
	"""A listener that runs, and what it said so far."""

	def __init__(self, process: subprocess.Popen[str]) -> None:
		self.process = process
		self.said: list[str] = []
		self._more = threading.Condition()
		self._reader = threading.Thread(target=self._read, daemon=True)
		self._reader.start()

	def _read(self) -> None:
		assert self.process.stderr
		for line in self.process.stderr:
			with self._more:
				self.said.append(line.rstrip())
				self._more.notify_all()

	def wait_for(self, words: str, after: int = 0) -> None:
		"""Wait until it has said ``words``, leaving the first ``after`` lines out."""
		with self._more:
			assert self._more.wait_for(lambda: any(words in line for line in self.said[after:]), SECONDS), self.said

	def end(self) -> int:
		"""SIGTERM, and its exit status."""
		self.process.terminate()
		code = self.process.wait(SECONDS)
		self._reader.join(SECONDS)
		return code


@contextmanager
def listener(site: object, *options: str) -> Iterator[Running]:
	"""A listener that runs until the block ends."""
	frappe.db.commit()
	words = [sys.executable, "-m", "frappe"] if site.host == "embedded" else ["bench"]
	command = [*words, "--site", site.name, "mail-listen", *options]
	process = subprocess.Popen(
		command, cwd=site.sites_path, env=os.environ | site.env, stderr=subprocess.PIPE, text=True, start_new_session=True
	)
	running = Running(process)
	try:
		yield running
	finally:
		if process.poll() is None:
			os.killpg(process.pid, signal.SIGKILL)
			process.wait()


def rows(mailbox: Mailbox) -> list[frappe._dict]:
	frappe.db.rollback()
	return frappe.get_all(
		"Incoming Email",
		filters={"email_account": mailbox.account},
		fields=["subject", "state", "uid", "communication"],
		order_by="received_on asc, creation asc, idx asc",
	)


def wait_until(condition: Callable[[], bool], seconds: float = SECONDS) -> float:
	"""Wait for what another process does; returns the seconds it took."""
	began, pause = monotonic(), threading.Event()
	while not condition():
		assert monotonic() - began < seconds, "it did not happen"
		pause.wait(0.05)
	return monotonic() - began


def processed(mailbox: Mailbox, count: int) -> Callable[[], bool]:
	return lambda: [row.state for row in rows(mailbox)] == ["Processed"] * count


def status(mailbox: Mailbox, field: str) -> object:
	frappe.db.rollback()
	return frappe.db.get_value(STATUS, {"email_account": mailbox.account}, field)


def test_mail_is_a_document_soon_after_it_arrives(site: object, make_mailbox: Callable[..., Mailbox]) -> None:
	"""Also where nobody asks for what becomes of flags."""
	mailbox = make_mailbox(append_to="Opportunity", keep_read_status=0)
	with listener(site) as running:
		running.wait_for(f"{mailbox.account}: waiting for mail")
		assert rows(mailbox) == []
		mailbox.put(raw("arrivé tout seul"))
		took = wait_until(lambda: [row.state for row in rows(mailbox)] == ["Processed"])
		assert took < 20
		mailbox.put(raw("un autre"))
		wait_until(lambda: [row.state for row in rows(mailbox)] == ["Processed", "Processed"])
		assert running.end() == 0
	frappe.db.rollback()
	assert not frappe.db.get_value(STATUS, status_of(mailbox.account), "listener")


def test_accounts_come_change_and_go_while_it_runs(site: object, make_mailbox: Callable[..., Mailbox]) -> None:
	first = make_mailbox()
	with listener(site, "--refresh", "1") as running:
		running.wait_for(f"{first.account}: waiting for mail")
		second = make_mailbox(imap_folder=[{"folder_name": "Box"}, {"folder_name": "INBOX"}])
		second.server.create_folder(second.user, "Box")
		running.wait_for(f"{second.account}: waiting for mail")
		second.put(raw("en dossier"), folder="Box")
		wait_until(processed(second, 1))

		frappe.rename_doc("Email Account", first.account, f"{first.account} bis")
		frappe.db.commit()
		first.account += " bis"
		first.put(raw("après le changement de nom"))
		wait_until(processed(first, 1))

		said = len(running.said)
		account = frappe.get_doc("Email Account", second.account)
		account.password = "faux"
		account.save()
		frappe.db.commit()
		running.wait_for(f"{second.account}: 127.0.0.1 refuses the login", after=said)
		wait_until(lambda: status(second, "error_kind") == "login_refused")
		account.reload()
		account.password = second.server.users[second.user]
		account.save()
		frappe.db.commit()
		second.put(raw("avec le bon mot de passe"))
		wait_until(processed(second, 2))
		wait_until(lambda: status(second, "state") == "Working")

		frappe.db.set_value("Email Account", first.account, "enable_incoming", 0)
		frappe.db.commit()
		wait_until(lambda: status(first, "listener") is None)
		assert running.end() == 0


def test_the_mail_server_goes_away_and_comes_back(
	site: object, tmp_path_factory: pytest.TempPathFactory, make_mailbox: Callable[..., Mailbox]
) -> None:
	with Dovecot(tmp_path_factory.mktemp("another")) as server:
		user = new_user(server)
		account = frappe.get_doc(account_values(server, user)).insert().name
		frappe.db.commit()
		mailbox = Mailbox(server, user, account)
		with listener(site) as running:
			running.wait_for(f"{account}: waiting for mail")
			said = len(running.said)
			server.restart()
			running.wait_for(f"{account}: waiting for mail", after=said)
			mailbox.put(raw("après le redémarrage"))
			wait_until(processed(mailbox, 1))
		frappe.db.set_value("Email Account", account, "enable_incoming", 0)
		frappe.db.commit()


def test_a_second_listener_waits_until_the_first_is_gone(site: object, mailbox: Mailbox) -> None:
	with listener(site, "--refresh", "1") as first, listener(site, "--refresh", "1") as second:
		first.wait_for("listening for new mail")
		second.wait_for("listening for new mail")
		wait_until(lambda: any("waiting for mail" in line for line in first.said + second.said))
		one, other = (first, second) if any("waiting for mail" in line for line in first.said) else (second, first)
		assert not any(f"{mailbox.account}: waiting" in line for line in other.said)
		os.killpg(one.process.pid, signal.SIGKILL)
		one.process.wait()
		other.wait_for(f"{mailbox.account}: waiting for mail")
		mailbox.put(raw("chez l'autre"))
		wait_until(processed(mailbox, 1))


@pytest.mark.embedded
def test_the_database_goes_away_and_comes_back(site: object, mailbox: Mailbox) -> None:
	with listener(site, "--refresh", "0.3") as running:
		running.wait_for(f"{mailbox.account}: waiting for mail")
		frappe.destroy()
		config, away = site.path / "site_config.json", site.path / "away.json"
		config.rename(away)
		running.wait_for("The site could not be read")
		said = len(running.said)
		mailbox.put(raw("pendant ce temps"))
		running.wait_for(mailbox.account, after=said)
		away.rename(config)
		running.wait_for("The site can be read again")
		site.connect()
		wait_until(processed(mailbox, 1))
		assert running.end() == 0


def test_two_workers_and_a_listener_store_each_message_once_in_order(site: object, mailbox: Mailbox) -> None:
	"""Two processes that pull all the time, as workers of the host would, and a listener, while mail arrives."""
	messages = 60
	code = (
		"from dokos_mail.jobs import pull_account\n"
		f"import sys\naccount = {mailbox.account!r}\n"
		"for line in sys.stdin:\n"
		"\tresult = pull_account(account)\n"
		"\tfrappe.db.rollback()\n"
		"\tprint('busy' if result is None else result.journalled, flush=True)\n"
	)
	lead = f"import frappe\nfrappe.init({site.name!r}, sites_path={str(site.sites_path)!r})\nfrappe.connect()\n"
	with listener(site) as running:
		running.wait_for(f"{mailbox.account}: waiting for mail")
		workers = [
			subprocess.Popen(
				[sys.executable, "-c", lead + code],
				stdin=subprocess.PIPE,
				stdout=subprocess.PIPE,
				cwd=site.sites_path,
				env=os.environ | site.env,
				text=True,
			)
			for _worker in range(2)
		]
		try:
			for number in range(messages):
				mailbox.put(raw(f"message {number:03}"))
				for worker in workers:
					worker.stdin.write("pull\n")
					worker.stdin.flush()
			answers = [worker.communicate(timeout=SECONDS)[0].split() for worker in workers]
		finally:
			for worker in workers:
				worker.kill()
				worker.wait()
		wait_until(processed(mailbox, messages))
		assert running.end() == 0
	found = rows(mailbox)
	assert [row.subject for row in found] == [f"message {number:03}" for number in range(messages)]
	assert len({row.communication for row in found}) == messages
	assert len({row.uid for row in found}) == messages
	assert all(len(said) == messages for said in answers), "no pull failed"
	assert "busy" in answers[0] + answers[1], "they got in each other's way"
	made = frappe.get_all("Opportunity", filters={"contact_email": "elodie@client.test"}, pluck="name")
	assert len(made) >= messages


def test_the_listener_ends_while_it_connects_to_nobody(site: object, make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox()
	with Silent() as silent:
		frappe.db.set_value("Email Account", mailbox.account, "incoming_port", str(silent.port))
		frappe.db.commit()
		with listener(site) as running:
			wait_until(lambda: silent.connections > 0)
			began = monotonic()
			assert running.end() == 0
			assert monotonic() - began < 30
