"""A mail that came in, read in its document's timeline; one that could not be processed, understood and processed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import frappe
import pytest
from playwright.sync_api import Locator, expect

from mail_servers.dovecot import Dovecot
from tests.browser.conftest import another_origin
from tests.mailbox import account_values, new_user

PIXEL = b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect width="60" height="40" fill="#c60"/></svg>'


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
	"""A sender's server of images, and what was asked of it."""
	yield from another_origin(PIXEL, "image/svg+xml")


@pytest.fixture
def account(dovecot: Dovecot, forget: list[tuple[str, str]], site: Any) -> tuple[str, str]:
	"""An account whose mail becomes an Opportunity: its name, and its user on the mail server."""
	user = new_user(dovecot)
	name = frappe.get_doc(account_values(dovecot, user, append_to="Opportunity")).insert().name
	frappe.db.commit()
	forget.append(("Email Account", name))
	return name, user


def mail_of(sender: str, to: str, subject: str, images: str, picture: str) -> bytes:
	"""What a customer's program writes: HTML with a remote image, what he answers to, and a file."""
	mail = EmailMessage()
	mail["From"], mail["To"], mail["Subject"] = f"Élodie Martin <{sender}>", to, subject
	mail["Message-ID"], mail["Date"] = f"<{uuid4().hex}@client.test>", "Fri, 20 Nov 2026 09:30:00 +0100"
	mail.set_content("Votre lecteur n'affiche pas le HTML.\n")
	html = f"""<p>Bonjour,</p><p>Pouvez-vous nous envoyer un <b>devis</b> pour notre toiture ?</p>
<script>parent.document.title = "owned"</script><p><img src="{images}/{picture}" width="60" height="40"></p><p>Élodie Martin</p>
<p>Le 18 nov. 2026 à 10:00, Commercial a écrit :</p><blockquote><p>Dites-nous ce qu'il vous faut.</p></blockquote>"""
	mail.add_alternative(html, subtype="html")
	mail.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="Plan de la toiture.pdf")
	return mail.as_bytes()


def pull(desk: Any, account: str) -> Locator:
	"""Press *Pull Now* on the account's form; what it ends with."""
	desk.open(f"email-account/{account}")
	desk.press("Relever maintenant")
	told = desk.page.locator(".msgprint:visible")
	expect(told).to_be_visible()
	return told


def opened_document(desk: Any, told: Locator, subject: str, forget: list[tuple[str, str]]) -> Locator:
	"""Follow the link to the document that a mail became; the mail in its timeline."""
	told.locator("tr", has_text=subject).locator("a[href*='/opportunity/']").click()
	desk.page.wait_for_function("cur_frm && cur_frm.doctype === 'Opportunity' && cur_frm.doc.creation")
	desk.settle()
	forget.insert(0, ("Opportunity", desk.page.evaluate("cur_frm.docname")))
	return mail_shown(desk)


def mail_shown(desk: Any) -> Locator:
	item = desk.page.locator(".page-container:visible .timeline-item[data-doctype=Communication]").first
	expect(item.locator("iframe")).to_be_visible()
	return item


def test_a_received_mail_is_read(
	make_user: Callable[..., str],
	enter: Callable[..., Any],
	account: tuple[str, str],
	dovecot: Dovecot,
	elsewhere: tuple[str, list[str]],
	forget: list[tuple[str, str]],
) -> None:
	(name, user), (images, asked) = account, elsewhere
	sender = f"elodie-{uuid4().hex[:6]}@client.test"
	dovecot.append(user, [mail_of(sender, user, "Devis : toiture", images, "logo-1")])
	desk = enter(make_user("fr"))
	item = opened_document(desk, pull(desk, name), "Devis : toiture", forget)

	# in a frame where nothing runs, its history folded, its file beside it, and nobody asked for its images
	frame = item.frame_locator("iframe")
	expect(frame.get_by_text("devis")).to_be_visible()
	assert "allow-scripts" not in (item.locator("iframe").get_attribute("sandbox") or "allow-scripts")
	assert desk.page.title() != "owned"
	expect(frame.get_by_text("Dites-nous")).to_be_hidden()
	expect(item.get_by_text("Plan de la toiture.pdf").first).to_be_visible()
	expect(item.get_by_role("button", name="Afficher les images")).to_be_visible()
	assert asked == []
	item.scroll_into_view_if_needed()
	desk.picture("lire-1-email")
	frame.locator("summary").click()
	expect(frame.get_by_text("Dites-nous")).to_be_visible()
	desk.picture("lire-2-historique")

	item.get_by_role("button", name="Pourquoi est-il ici ?").click()
	expect(desk.dialog).to_contain_text("Ajouter à « Opportunité » : a décidé")
	original = desk.dialog.get_by_role("link", name="Télécharger").get_attribute("href")
	desk.arrived()
	desk.picture("lire-3-pourquoi")
	assert "Devis : toiture" in desk.page.request.get(original or "").text()
	desk.close_dialog()

	# once: the page shows them, and the next time they are asked for again
	with desk.page.expect_response(f"{images}/logo-1"):
		item.get_by_role("button", name="Afficher les images").click()
	expect(item.get_by_role("button", name="Afficher les images")).to_have_count(0)
	expect(frame.locator("img")).to_be_visible()
	desk.picture("lire-4-images")
	desk.page.reload()
	item = mail_shown(desk)
	expect(item.get_by_role("button", name="Toujours pour cet expéditeur")).to_be_visible()
	assert asked == ["/logo-1"]

	# always for this sender: his next mail too, and nobody else's
	item.get_by_role("button", name="Toujours pour cet expéditeur").click()
	expect(item.get_by_role("button", name="Afficher les images")).to_have_count(0)
	for of, picture in ((sender, "logo-2"), ("autre@client.test", "logo-3")):
		dovecot.append(user, [mail_of(of, user, f"Suite {picture}", images, picture)])
	told = pull(desk, name)
	links = [
		told.locator("tr", has_text=f"Suite logo-{n}").locator("a[href*='/opportunity/']").get_attribute("href") for n in (2, 3)
	]
	for link in links:
		forget.insert(0, ("Opportunity", (link or "").rpartition("/")[2]))
		desk.open((link or "").partition("/app/")[2])
		item = mail_shown(desk)
		expect(item.get_by_role("button", name="Afficher les images")).to_have_count(0 if link == links[0] else 1)
	assert "/logo-2" in asked and "/logo-3" not in asked


def test_a_failed_one_is_understood_and_processed_again(
	make_user: Callable[..., str],
	enter: Callable[..., Any],
	account: tuple[str, str],
	dovecot: Dovecot,
	forget: list[tuple[str, str]],
) -> None:
	name, user = account
	subject = f"Véranda {uuid4().hex[:6]}"
	mandatory = {"doc_type": "Opportunity", "doctype_or_field": "DocField", "field_name": "notes", "property": "reqd"}
	setter = frappe.get_doc({"doctype": "Property Setter", **mandatory, "value": "1", "property_type": "Check"}).insert()
	frappe.db.commit()
	forget.insert(0, ("Property Setter", setter.name))
	dovecot.append(user, [mail_of("elodie@client.test", user, subject, "http://127.0.0.1:9", "logo")])
	desk = enter(make_user("fr"))
	expect(pull(desk, name)).to_contain_text("Un n'a pas pu être traité.")
	desk.picture("echec-1-releve")

	desk.open_list("incoming-email?state=Failed")
	row = desk.page.locator(".page-container:visible .list-row", has_text=subject)
	expect(row).to_contain_text("Échec")
	desk.picture("echec-2-liste")
	row.get_by_role("link", name=subject).click()
	desk.page.wait_for_function("cur_frm && cur_frm.doctype === 'Incoming Email' && cur_frm.doc.creation")
	desk.settle()
	expect(desk.page.locator(".page-container:visible .indicator-pill:visible").first).to_have_text("Échec")
	expect(desk.field("reason")).to_contain_text("Notes")
	desk.picture("echec-3-fiche")
	original = desk.field("original").locator("a[href]").first.get_attribute("href")
	assert subject.split()[1] in desk.page.request.get(original or "").text()

	frappe.delete_doc("Property Setter", setter.name)
	frappe.db.commit()
	desk.field("process_again_button").get_by_role("button").click()
	expect(desk.page.locator(".page-container:visible .indicator-pill:visible").first).to_have_text("Traité")
	expect(desk.field("reference_doctype")).to_contain_text("Opportuni")
	desk.picture("echec-4-traite")
	forget.insert(0, ("Opportunity", desk.page.evaluate("cur_frm.doc.reference_name")))
