"""The seed page, followed sentence by sentence on the desk, with a real mail server and a worker; the guides' pictures.

What is quoted is the page's own. `make pictures` keeps the pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe
import pytest
from playwright.sync_api import expect

from tests.browser.company import COMMERCIAL, PASSWORD, WORKING, Mail
from tests.browser.conftest import go
from tests.browser.walker import Walker

pytestmark = pytest.mark.embedded


def the_settings(marie: Walker, list_name: str) -> None:
	"""« Accueil > Paramètres > Email / Notifications > ... »"""
	page = marie.page
	page.get_by_label(marie.say("Accueil"), exact=True).click()
	page.locator(".places").get_by_role("link", name=marie.say("Paramètres"), exact=True).click()
	page.wait_for_url("**/app/settings")
	card = page.locator("section.card", has=page.get_by_role("heading", name=marie.say("Email / Notifications")))
	card.get_by_role("link", name=marie.say(list_name), exact=True).click()
	expect(page.get_by_role("heading", level=1)).to_have_text(marie.say(list_name))


def a_domain(marie: Walker, mail: Mail) -> None:
	"""Chapter 1."""
	page = marie.page
	the_settings(marie, "Nom de domaine email")
	marie.picture("1-1-list")
	# « Allez sur la liste Nom de domaine email, cliquez sur Ajouter un Nouveau nom de domaine. »
	marie.button("Ajouter un Nouveau nom de domaine").click()
	marie.start()
	# « Indiquez un Exemple d'adresse email : Ex. hello@dokos.io »
	marie.hint(marie.fill("Exemple d'adresse email", "hello@masociete.test"), "Ex. hello@dokos.io")
	expect(marie.field("Nom de domaine").locator("input")).to_have_value("masociete.test")
	# « Pour Gmail, voici les informations ici. Pour Outlook, voici les informations ici. »
	for provider, address in (
		("Gmail", "https://support.google.com/mail/answer/7126229"),
		("Outlook", "https://support.microsoft.com/office/c82de912-adcc-4787-8283-45a1161f3cc3"),
	):
		expect(page.get_by_role("link", name=provider)).to_have_attribute("href", address)
	# « Il est nécessaire que sur votre compte messagerie, l'accès IMAP soit activé. »
	warning = page.locator(".alert-warning")
	expect(warning).to_be_visible()
	if marie.language == "fr":
		expect(warning).to_have_text("Il est nécessaire que, sur votre compte de messagerie, l'accès IMAP soit activé.")

	marie.chapter("Emails entrants")
	marie.hint(marie.fill("Serveur email entrant", mail.server.host), "Ex. imap.gmail.com, SSL0.OVH.NET")
	marie.tick("Utiliser IMAP")
	marie.tick("Utiliser SSL")
	# « Si vous ne renseignez pas ce champ, dokos utilisera les ports standards »
	marie.hint(marie.fill("Port", str(mail.server.ports["imaps"])), "Laissez vide pour le port standard : IMAP 993 avec SSL")
	# « Ancienne API non utilisée actuellement »
	marie.hint(marie.field("Taille maximale de la pièce jointe"), "non utilisé")

	marie.chapter("Emails sortants")
	marie.hint(marie.fill("Serveur email sortant", mail.relay.host), "Ex. smtp.gmail.com, SSL0.OVH.NET")
	marie.tick("Utiliser TLS")
	# « Si vous ne renseignez pas ce champ, dokos utilisera le port 587. »
	marie.hint(marie.fill("Port", str(mail.relay.port)), "587")
	marie.saved()
	expect(page.get_by_role("heading", level=1)).to_have_text("masociete.test")
	page.evaluate("scrollTo(0, 0)")
	marie.picture("1-2-domain")


def a_provider(marie: Walker) -> None:
	"""What the page says of Gmail, taken from the address by one click; settings by hand appear only where they are asked for."""
	page = marie.page
	marie.start()
	marie.fill("Adresse email", "jean.dupond@gmail.com")
	expect(page.locator(".notice")).to_contain_text("imap.gmail.com")
	marie.picture("2-1-provider")
	page.get_by_role("button", name="GMail").click()
	marie.start()
	expect(marie.field("Service").locator("select")).to_have_value("GMail")
	marie.tick("Recevoir les emails de ce compte")
	# « Pour les éléments de paramétrage du compte, voir la section concernant les noms de domaine email »
	expect(marie.field("Utiliser IMAP").get_by_role("checkbox")).to_be_checked()
	expect(marie.field("Serveur email").locator("input")).to_have_value("imap.gmail.com")
	expect(marie.field("Utiliser SSL").get_by_role("checkbox")).to_be_checked()
	expect(marie.field("Port").locator("input")).to_have_value("993")
	marie.field("Taille maximale de la pièce jointe")
	marie.tick("Envoyer des emails depuis ce compte")
	expect(marie.field("Serveur SMTP").locator("input")).to_have_value("smtp.gmail.com")
	expect(marie.field("Utiliser TLS").get_by_role("checkbox")).to_be_checked()
	expect(marie.field("Port").locator("input")).to_have_value("587")
	page.reload()
	page.wait_for_selector("body.ready")


def an_account(marie: Walker) -> None:
	"""Chapter 2."""
	page = marie.page
	the_settings(marie, "Compte email")
	add = marie.say("Ajouter {0}").format(marie.say("Compte email"))
	page.locator(".head").get_by_role("button", name=add).click()
	page.on("dialog", lambda dialog: dialog.accept())
	a_provider(marie)

	# 2.1 Nouveau compte email
	marie.start()
	marie.fill("Adresse email", COMMERCIAL)
	marie.tick("Utiliser un email d'identification différent")
	marie.hint(marie.fill("Identifiant de connexion à la boîte email", COMMERCIAL), "Ex. jean123456")
	# « il est important d'activer Mot de passe d'application »
	marie.hint(marie.fill("Mot de passe", PASSWORD), "mots de passe d'application")
	# « Lors de leur prochaine connexion, un popup leur demandera de définir leur mot de passe »
	marie.hint(marie.field("En attente du mot de passe"), "il sera demandé à son utilisateur lors de sa prochaine connexion")
	marie.hint(marie.field("Encoder le mot de passe en ASCII"), "n'acceptent pas d'autres caractères")
	# « Ex. Notifications ou Jean Dupond »
	marie.hint(marie.fill("Nom du compte email", "Commercial"), "« Notifications » ou « Jean Dupond »")
	# « Si vous avez configuré un domaine email, sélectionnez le ici »: its address chose it already
	expect(marie.field("Domaine").locator("input")).to_have_value("masociete.test")
	page.evaluate("scrollTo(0, 0)")
	marie.picture("2-1-account")

	incoming = marie.chapter("Réception d'emails")
	marie.tick("Recevoir les emails de ce compte")
	marie.hint(append := marie.field("Ajouter à"), "lié à un document existant ou à un nouveau document de ce type")
	# « Vous pouvez ajouter de nouveaux types de document via le hook email_append_to »: the example app did
	append.locator("input").fill("opportun")
	page.get_by_role("option", name="Opportunity").click()
	marie.tick("Définir comme étant le compte d'email entrant par défaut")
	# « Choisissez entre TOUS et NON LUS pour la première synchronisation »
	sync = marie.choose("Option de synchronisation d'email", "TOUS")
	expect(sync.locator("option")).to_have_text([marie.say("TOUS"), marie.say("NON LUS")])
	marie.choose("Nbre d'emails à récupérer lors de la synchronisation initiale", "100")
	incoming.scroll_into_view_if_needed()
	incoming.evaluate("section => scrollBy(0, section.getBoundingClientRect().top - 130)")
	marie.picture("2-2-incoming")

	links = marie.chapter("Liens automatiques")
	# « dokos va générer une adresse email spécifique pour chaque document » « ne fonctionne qu'avec un seul compte email »
	option = marie.tick("Autoriser les liens automatiques dans les documents")
	marie.hint(option, "Chaque document reçoit une adresse email spécifique")
	marie.hint(option, "Un seul compte")
	marie.picture("2-3-links", links)

	unreplied = marie.chapter("Notifications en l'absence de réponse")
	marie.tick("Notifier si aucune réponse")
	# « Pour 2 jours, entrez 60*24*2 et dokos pourra calculer le nombre de minutes. »
	marie.hint(minutes := marie.fill("Notifier si aucune réponse dans (en min)", "60*24*2"), "60*24*2 pour deux jours")
	expect(minutes.locator("input")).to_have_value("2880")
	marie.fill("Envoyer une notification à", "direction@masociete.test")
	marie.picture("2-4-unreplied", unreplied)

	outgoing = marie.chapter("Envoi d'emails")
	marie.tick("Envoyer des emails depuis ce compte")
	marie.tick("Définir comme étant le compte d'emails sortants par défaut")
	# « C'est l'option recommandée lorsque votre nom comporte des caractères spéciaux »
	marie.hint(marie.field("Toujours utiliser l'adresse email du compte comme expéditeur"), "caractères spéciaux")
	# « Cette option est prioritaire par rapport à l'option ci-dessus. »
	marie.hint(marie.tick("Toujours utiliser le nom du compte en tant que nom d'expéditeur"), "prioritaire")
	# « Ajoute un lien Se désinscrire en bas de chaque email »
	marie.hint(marie.tick("Ajouter un lien de désabonnement dans les emails"), "« Se désinscrire » en bas de chaque email")
	# « il suffit qu'un seul le lise pour qu'il soit considéré comme lu »
	marie.hint(marie.tick("État du courrier électronique"), "il suffit qu'un seul le lise")
	marie.hint(marie.field("Désactiver l'authentification sur le server SMTP"), "sans authentification")
	marie.picture("2-5-outgoing", outgoing)

	signature = marie.chapter("Signature")
	marie.tick("Ajouter une signature")
	# « ajoutée au dessus du pied de page et sous la signature individuelle de l'utilisateur envoyant l'email »
	marie.hint(
		marie.fill("Signature", "Ma Société, 12 rue des Lilas"), "au-dessus du pied de page et sous la signature individuelle"
	)
	marie.picture("2-6-signature", signature)

	answer = marie.chapter("Réponses automatiques")
	marie.tick("Activer les réponses automatiques")
	# « formater votre message avec des variables en utilisant le language Jinja »
	marie.hint(marie.fill("Message de réponse automatique", "Bonjour {{ sender_full_name }}, merci."), "langage Jinja")
	marie.picture("2-7-auto-reply", answer)

	foot = marie.chapter("Pied de page")
	# « au dessus du pied de page global défini dans les paramètres système »: three levels
	marie.hint(marie.fill("Contenu du pied de page", "SARL au capital de 10 000 euros"), "au-dessus du pied de page global")
	marie.picture("2-8-footer", foot)

	marie.saved()
	# the check follows the save, by itself
	expect(page.locator(".notice.green").get_by_text(WORKING if marie.language == "fr" else marie.say(WORKING))).to_have_count(2)
	expect(page.locator(".title-area .pill")).to_have_text(marie.say("Fonctionne"))
	page.evaluate("scrollTo(0, 0)")
	marie.picture("2-9-working")


HTML = """<p>Bonjour,</p><p>Pouvez-vous nous envoyer un <b>devis</b> pour notre toiture ?</p>
<img src="https://images.client.test/logo.png" width="60" height="40"><p>Élodie Martin</p>
<p>Le 18 nov. 2026 à 10:00, Commercial a écrit :</p><blockquote><p>Dites-nous ce qu'il vous faut.</p></blockquote>"""


def a_mail(marie: Walker, mail: Mail) -> None:
	"""A customer writes; the mail is a document, is read and answered."""
	page = marie.page
	mail.arrives("Demande de devis : toiture", HTML)
	marie.button("Relever maintenant").click()
	progress = page.get_by_role("dialog", name=marie.say("Relève de {0}").format("Commercial"))
	told = page.get_by_role("dialog", name=marie.say("Relever maintenant"))
	expect(progress.or_(told).first).to_be_visible()
	expect(told).to_contain_text(marie.say("Un nouvel email."))
	marie.picture("3-1-pulled")
	told.get_by_role("cell").nth(2).get_by_role("link").click()
	page.wait_for_url("**/app/opportunity/*")
	expect(page.get_by_role("heading", level=1)).to_have_text("Demande de devis : toiture")
	# « une adresse email spécifique pour chaque document »
	expect(page.locator(".timeline")).to_contain_text("commercial+")

	item = page.locator(".timeline-item").first
	frame = item.frame_locator("iframe")
	expect(frame.get_by_text("devis")).to_be_visible()
	expect(item.get_by_role("link", name="Plan de la toiture.pdf")).to_be_visible()
	expect(marie.button("Afficher les images", item)).to_be_visible()
	expect(frame.get_by_text("Dites-nous")).to_be_hidden()
	item.evaluate("node => node.closest('.timeline').scrollIntoView()")
	page.evaluate("scrollBy(0, -120)")
	marie.picture("3-2-reading")
	frame.locator("summary").click()
	expect(frame.get_by_text("Dites-nous")).to_be_visible()
	marie.button("Pourquoi est-il ici ?", item).click()
	expect(page.get_by_role("dialog")).to_contain_text("In-Reply-To")
	original = page.get_by_role("dialog").get_by_role("link", name=marie.say("Télécharger le message d'origine"))
	assert f"Delivered-To: {COMMERCIAL}" in page.request.get(original.get_attribute("href") or "").text()
	marie.picture("3-3-why")
	page.keyboard.press("Escape")

	marie.button("Répondre", item).click()
	dialog = page.get_by_role("dialog")
	dialog.get_by_role("textbox", name="Message").press("Control+Home")
	page.keyboard.type("Bonjour, voici notre devis.")
	marie.picture("3-4-answering")
	marie.button("Envoyer", dialog).click()
	expect(dialog).to_be_hidden()
	expect(page.locator(".timeline-item")).to_have_count(2)


def the_lists(marie: Walker) -> None:
	for picture, path in (("3-5-received", "incoming-email"), ("3-6-queue", "email-queue"), ("0-workspace", "dokos-mail")):
		go(marie.page, f"/app/{path}")
		marie.page.wait_for_load_state("networkidle")
		marie.picture(picture)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_page_is_followed_to_the_answer_of_the_first_mail(
	walk: Callable[..., Walker], mail: Mail, worker: None, site: Any, language: str
) -> None:
	marie = walk(language)
	a_domain(marie, mail)
	an_account(marie)
	a_mail(marie, mail)
	site.bench("execute", "dokos_mail.jobs.send_waiting_mail")
	the_lists(marie)
	frappe.db.rollback()
	account = frappe.get_doc("Email Account", "Commercial")
	assert (account.domain, account.unreplied_for_mins, account.append_to) == ("masociete.test", 2880, "Opportunity")
	answers = [each.raw.decode() for each in mail.relay.accepted if each.recipients == ("elodie@client.test",)]
	(answer,) = [each for each in answers if "Auto-Submitted" not in each]
	assert "From: Commercial <" in answer
	for part in ("voici notre devis", "Ma Soci", "SARL au capital"):
		assert part in answer, part
