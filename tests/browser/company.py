"""The company of the pictures: its mail server, the world around it, the process that works in the background."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import frappe
import pytest
from playwright.sync_api import Page

from mail_servers.dovecot import Dovecot
from mail_servers.relay import Relay
from tests.browser.walker import Walker

COMMERCIAL, PAUL = "commercial@masociete.test", "paul@masociete.test"
PASSWORD = "mot de passe d'application"
WORKING = "La connexion fonctionne."


@dataclass
class Mail:
	"""The mail server of the company, and the relay through which mail comes in and goes out."""

	server: Dovecot
	relay: Relay

	def arrives(self, subject: str, html: str, **headers: str) -> None:
		"""A customer writes."""
		mail = EmailMessage()
		mail["From"], mail["To"], mail["Subject"] = "Élodie Martin <elodie@client.test>", COMMERCIAL, subject
		mail["Date"] = "Fri, 20 Nov 2026 09:30:00 +0100"
		for name, value in headers.items():
			mail[name.replace("_", "-")] = value
		mail.set_content("Votre lecteur n'affiche pas le HTML.\n")
		mail.add_alternative(html, subtype="html")
		mail.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="Plan de la toiture.pdf")
		with smtplib.SMTP(self.relay.host, self.relay.port) as smtp:
			smtp.send_message(mail)


@pytest.fixture
def mail(site: Any, tmp_path: Path) -> Iterator[Mail]:
	"""A server with certificates of an authority that the site trusts, as a private one would be."""
	with Dovecot(tmp_path / "dovecot", {COMMERCIAL: PASSWORD, PAUL: PASSWORD}) as server:
		with Relay(server, certificates=server.certificates, users=server.users, outside=True) as relay:
			config = site.path / "site_config.json"
			authority = str(server.certificates.authority)
			config.write_text(json.dumps(json.loads(config.read_text()) | {"ssl_ca_file": authority}))
			yield Mail(server, relay)


@pytest.fixture
def worker(desk: str, site: Any) -> Iterator[None]:
	"""The process that does in the background what a save, a button or the clock asks for."""
	command = [sys.executable, "-m", "frappe", "--site", site.name, "worker"]
	process = subprocess.Popen(command, env={**os.environ, **site.env}, cwd=site.sites_path, start_new_session=True)
	yield
	process.send_signal(signal.SIGTERM)
	assert process.wait(60) == 0


@pytest.fixture
def walk(logged_in: Callable[..., Page], request: pytest.FixtureRequest) -> Callable[..., Walker]:
	pictures = request.config.getoption("--pictures")

	def begin(language: str = "fr", path: str = "/app", **kwargs: Any) -> Walker:
		frappe.db.set_value("User", "marie@example.com", "language", language)
		frappe.db.set_single_value("System Settings", "language", language)
		frappe.db.commit()
		page = logged_in(path, locale=language, width=1200, **kwargs)
		return Walker(page, language, Path(pictures).resolve() if pictures else None)

	return begin
