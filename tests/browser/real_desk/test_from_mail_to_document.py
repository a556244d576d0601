"""Domain and account made by an administrator, a mail that becomes a document of a custom app, an answer to it."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import uuid4

import frappe
from playwright.sync_api import expect

from mail_servers.dovecot import Dovecot
from mail_servers.relay import Relay
from tests.mailbox import PASSWORD


def test_from_the_first_setting_to_the_answer(
	site: Any, make_user: Callable[..., str], enter: Callable[..., Any], dovecot: Dovecot, forget: list[tuple[str, str]]
) -> None:
	domain = f"d{uuid4().hex[:8]}.test"
	address = f"commercial@{domain}"
	subject = f"Demande de devis {uuid4().hex[:6]}"
	dovecot.add_user(address, PASSWORD)
	with Relay(dovecot, outside=True) as relay:
		desk = enter(make_user("fr"))
		desk.open("email-domain/new")
		desk.fill("email_id", f"hello@{domain}")
		desk.fill("email_server", dovecot.host)
		desk.tick("use_imap")
		desk.fill("incoming_port", str(dovecot.ports["imap"]))
		desk.fill("smtp_server", relay.host)
		desk.fill("smtp_port", str(relay.port))
		desk.save()
		forget.append(("Email Domain", domain))
		desk.picture("parcours-1-domaine")

		desk.open("email-account/new")
		desk.fill("email_id", address)
		desk.page.wait_for_function("cur_frm.doc.domain")
		assert desk.page.evaluate("cur_frm.doc.domain") == domain, "the address is in a domain of the site"
		desk.fill("password", PASSWORD)
		desk.fill("email_account_name", f"Commercial {domain[:4]}")
		desk.tick("enable_incoming")
		desk.tab(1)
		# an app's hook is all it takes
		desk.link("append_to", "Opportunit")
		assert desk.page.evaluate("cur_frm.doc.append_to") == "Opportunity"
		desk.tab(0)
		desk.tick("enable_outgoing")
		desk.tab(2)
		desk.tick("no_smtp_authentication")
		desk.save()
		account = desk.page.evaluate("cur_frm.docname")
		forget.insert(0, ("Email Account", account))
		expect(desk.headline).to_contain_text("Réception")
		expect(desk.headline).to_contain_text("Envoi")
		expect(desk.headline.get_by_text("La connexion fonctionne.")).to_have_count(2)
		desk.picture("parcours-2-compte")

		mail = EmailMessage()
		mail["From"], mail["To"], mail["Subject"] = "Élodie Martin <elodie@client.test>", address, subject
		mail["Message-ID"], mail["Date"] = f"<{uuid4().hex}@client.test>", "Fri, 20 Nov 2026 09:30:00 +0100"
		mail.set_content("Pouvez-vous nous envoyer un devis ?\n")
		with smtplib.SMTP(relay.host, relay.port) as smtp:
			smtp.send_message(mail)
		desk.press("Relever maintenant")
		told = desk.page.locator(".msgprint:visible")
		expect(told).to_contain_text(subject)
		desk.picture("parcours-3-releve")
		told.locator("a[href*='/opportunity/']").click()

		desk.page.wait_for_function("cur_frm && cur_frm.doctype === 'Opportunity' && cur_frm.doc.creation")
		frappe.db.rollback()
		opportunity = desk.page.evaluate("cur_frm.docname")
		forget.insert(0, ("Opportunity", opportunity))
		timeline = desk.page.locator(".page-container:visible .new-timeline")
		expect(timeline).to_contain_text("Élodie Martin")
		desk.picture("parcours-4-document")

		timeline.locator(".timeline-item", has_text="Élodie Martin").locator(".action-btn.reply, .reply").first.click()
		composer = desk.page.locator(".modal.show")
		recipients = composer.locator(".frappe-control[data-fieldname=recipients] input")
		expect(recipients).to_have_value(re.compile("elodie@client.test"))
		# the dialog takes the focus to its first field when it has appeared, also from who is typing elsewhere by then
		expect(recipients).to_be_focused()
		editor = composer.locator(".ql-editor").first
		editor.press_sequentially("Voici notre devis. ")
		expect(editor).to_contain_text("Voici notre devis.")
		desk.picture("parcours-5-reponse")
		composer.locator(".standard-actions .btn-primary").click()
		expect(composer).to_have_count(0)
		desk.settle()
		frappe.db.rollback()
		site.bench("execute", "frappe.email.queue.flush")
		answers = [each for each in relay.accepted if "elodie@client.test" in each.recipients]
		assert [each.sender for each in answers] == [address]
		answer = message_from_bytes(answers[0].raw, policy=default)
		assert "Voici notre devis" in answer.get_body(("plain",)).get_content()
