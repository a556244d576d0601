"""No rule of SpamAssassin about how a mail is built fires on what we send (its local rules: MIME_*, MISSING_*, HTML_*).

HTML_MESSAGE is not a complaint: it says that there is HTML, and weighs nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import frappe
import pytest

from dokos_mail.outbound.render import for_recipient
from tests.app.test_composing import PNG, account, composed, ground, queued, received, todo

__all__ = ["ground", "todo"]

pytestmark = pytest.mark.usefixtures("ground")

LONG = "<p>Bonjour Madame,</p><p>Veuillez trouver ci-joint notre devis pour la rénovation de votre maison.</p><p>Cordialement</p>"

ANSWER = f"{LONG}<p>Le 3 mars 2026, Client a écrit :</p><blockquote>{LONG}</blockquote>"


def complaints(raw: bytes, folder: Path) -> set[str]:
	"""Rules that fire, by name; everything that needs a network is off."""
	command = [shutil.which("spamassassin") or "spamassassin", "--local", "--test-mode", "--prefspath=/dev/null"]
	command.append(f"--cf=bayes_path {folder}/bayes")
	done = subprocess.run(
		command,
		input=raw,
		capture_output=True,
		timeout=120,
		check=False,
		env={"HOME": str(folder), "PATH": "/usr/bin:/bin:/usr/sbin"},
	)
	report = done.stdout.decode("utf-8", "replace").partition("Content analysis details:")[2]
	assert report, done.stderr.decode()
	return set(re.findall(r"^\s*-?\d+\.\d (\w+)", report, re.MULTILINE))


def complaints_about_the_build(raw: bytes, folder: Path) -> set[str]:
	"""Those of the rules that fire which are about how a mail is built."""
	kinds = ("MIME_", "MISSING_", "HTML_", "MPART_", "INVALID_", "UNPARSEABLE_", "SUBJ_ILLEGAL", "FROM_ILLEGAL")
	return {rule for rule in complaints(raw, folder) if rule.startswith(kinds)} - {"HTML_MESSAGE"}


@pytest.fixture
def mails(todo: frappe._dict) -> Iterator[list[frappe._dict]]:
	account(
		add_signature=1,
		signature="<p>Ma Société</p>",
		footer="<p>Pied du compte</p>",
		send_unsubscribe_message=1,
		track_email_status=1,
		brand_logo="https://masociete.test/logo.png",
	)
	picture = frappe.get_doc({"doctype": "File", "file_name": "plan.png", "content": PNG + b"x" * 3000, "is_private": 1}).insert()
	yield [
		composed(todo, LONG, subject="Devis n° 12 — été 2026"),
		composed(todo, "<p>Ok</p>", subject="Ok", cc="", bcc="cache@x.test"),
		composed(todo, f'{LONG}<img src="{picture.file_url}">', subject="Plan"),
		composed(todo, f'<img src="{picture.file_url}">', subject="Photo"),
		composed(todo, LONG * 40 + "<table><tr><td>Poste</td><td>1 200 €</td></tr></table>" * 60, subject="Le détail de l'offre"),
		composed(todo, ANSWER, subject="Re: Votre question", in_reply_to=received(todo, "contact@masociete.test").name),
		composed(todo, "<p>👋 مرحبا — שלום</p>", subject="👋 مرحبا"),
		queued(
			message=LONG,
			subject="Avis d'échéance",
			header=["Échéance", "orange"],
			reference_doctype="ToDo",
			reference_name=todo.name,
		),
		queued(
			message="Texte sans balises", subject="Avis", attachments=[{"fname": "Relevé d'août.pdf", "fcontent": b"%PDF-1.4 x"}]
		),
	]


def test_no_rule_about_the_build_of_a_mail_fires(mails: list[frappe._dict], tmp_path: Path) -> None:
	fired = {rule for row in mails for rule in complaints_about_the_build(for_recipient(row, "client@x.test"), tmp_path)}
	assert fired == set()


def test_the_rules_would_fire(tmp_path: Path) -> None:
	"""So that silence above means something."""
	assert {"MISSING_DATE", "MISSING_MID", "MIME_HTML_ONLY"} <= complaints(
		b"From: a@b.test\r\nTo: c@d.test\r\nSubject: x\r\nContent-Type: text/html\r\nMIME-Version: 1.0\r\n\r\n<p>x</p>\r\n",
		tmp_path,
	)
