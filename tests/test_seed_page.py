"""The user's own page decides the words and the order of the two forms (feature H4)."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[1] / "dokos_mail"

#: Chapters of the page, with the fields in its order and the words it uses for them.
DOMAIN = {
	"1.1": [("email_id", "Exemple d'adresse email")],
	"1.2 Emails entrants": [
		("email_server", "Serveur email entrant"),
		("use_imap", "Utiliser IMAP"),
		("use_ssl", "Utiliser SSL"),
		("incoming_port", "Port"),
		("attachment_limit", "Taille maximale de la pièce jointe"),
	],
	"1.3 Emails sortants": [
		("smtp_server", "Serveur email sortant"),
		("use_tls", "Utiliser TLS"),
		("smtp_port", "Port"),
	],
}
ACCOUNT = {
	"2.1": [
		("email_id", "Adresse email"),
		("login_id_is_different", "Utiliser un email d'identification différent"),
		("login_id", "Identifiant de connexion à la boîte email"),
		("password", "Mot de passe"),
		("awaiting_password", "En attente du mot de passe"),
		("ascii_encode_password", "Encoder le mot de passe en ASCII"),
		("email_account_name", "Nom du compte email"),
		("domain", "Domaine"),
		("service", "Service"),
	],
	"2.2 Réception d'emails": [
		("enable_incoming", "Recevoir les emails de ce compte"),
		("use_imap", "Utiliser IMAP"),
		("email_server", "Serveur email"),
		("use_ssl", "Utiliser SSL"),
		("incoming_port", "Port"),
		("attachment_limit", "Taille maximale de la pièce jointe"),
		("append_to", "Ajouter à"),
		("default_incoming", "Définir comme étant le compte d'email entrant par défaut"),
		("email_sync_option", "Option de synchronisation d'email"),
		("initial_sync_count", "Nbre d'emails à récupérer lors de la synchronisation initiale"),
	],
	"2.3 Liens automatiques": [("enable_automatic_linking", "Autoriser les liens automatiques dans les documents")],
	"2.4 Notifications en l'absence de réponse": [
		("notify_if_unreplied", "Notifier si aucune réponse"),
		("unreplied_for_mins", "Notifier si aucune réponse dans (en min)"),
		("send_notification_to", "Envoyer une notification à"),
	],
	"2.5 Envoi d'emails": [
		("enable_outgoing", "Envoyer des emails depuis ce compte"),
		("smtp_server", "Serveur SMTP"),
		("use_tls", "Utiliser TLS"),
		("smtp_port", "Port"),
		("default_outgoing", "Définir comme étant le compte d'emails sortants par défaut"),
		("always_use_account_email_id_as_sender", "Toujours utiliser l'adresse email du compte comme expéditeur"),
		("always_use_account_name_as_sender_name", "Toujours utiliser le nom du compte en tant que nom d'expéditeur"),
		("send_unsubscribe_message", "Ajouter un lien de désabonnement dans les emails"),
		("track_email_status", "État du courrier électronique"),
		("no_smtp_authentication", "Désactiver l'authentification sur le server SMTP"),
	],
	"2.6 Signature": [("add_signature", "Ajouter une signature"), ("signature", "Signature")],
	"2.7 Réponses automatiques": [
		("enable_auto_reply", "Activer les réponses automatiques"),
		("auto_reply_message", "Message de réponse automatique"),
	],
	"2.8 Pied de page": [("footer", "Contenu du pied de page")],
}
PAGES = {"email_domain": DOMAIN, "email_account": ACCOUNT}


def fields(doctype: str) -> list[dict]:
	definition = json.loads((APP / "doctype" / doctype / f"{doctype}.json").read_text(encoding="utf-8"))
	assert definition["field_order"] == [row["fieldname"] for row in definition["fields"]]
	return definition["fields"]


@pytest.fixture(scope="module")
def french() -> dict[str, str]:
	with (APP / "translations" / "fr.csv").open(encoding="utf-8", newline="") as file:
		return {row[0]: row[1] for row in csv.reader(file) if row}


@pytest.mark.parametrize("doctype", PAGES)
def test_fields_stand_in_the_pages_order(doctype: str) -> None:
	wanted = [name for chapter in PAGES[doctype].values() for name, _label in chapter]
	assert [row["fieldname"] for row in fields(doctype) if row["fieldname"] in wanted] == wanted


@pytest.mark.parametrize("doctype", PAGES)
def test_fields_have_the_pages_words(doctype: str, french: dict[str, str]) -> None:
	labels = {row["fieldname"]: french[row["label"]] for row in fields(doctype) if row.get("label")}
	for chapter in PAGES[doctype].values():
		for name, label in chapter:
			assert labels[name].removesuffix(" (Mo)") == label


def test_chapters_are_sections(french: dict[str, str]) -> None:
	for doctype, page in PAGES.items():
		sections = [french[row["label"]] for row in fields(doctype) if row["fieldtype"] == "Section Break" and row.get("label")]
		titles = [chapter.partition(" ")[2] for chapter in page if " " in chapter]
		assert [title for title in sections if title in titles] == titles


def test_the_document_types_and_choices_have_the_pages_words(french: dict[str, str]) -> None:
	assert french["Email Domain"] == "Nom de domaine email"
	assert french["Email Account"] == "Compte email"
	assert (french["ALL"], french["UNSEEN"]) == ("TOUS", "NON LUS")


@pytest.mark.parametrize(("guide", "language"), [("guide-administrateur.md", "fr"), ("administrator-guide.md", "en")])
def test_the_guides_show_the_pictures_that_the_walk_takes(guide: str, language: str) -> None:
	"""Each picture that is taken is shown, each that is shown is there, and the chapters are the page's."""
	docs = APP.parent / "docs"
	text = (docs / guide).read_text(encoding="utf-8")
	shown = re.findall(r"!\[[^\]]+\]\(images/(\w+)/([\w-]+)\.png\)", text)
	assert {folder for folder, _name in shown} == {language}
	assert {name for _folder, name in shown} == {path.stem for path in (docs / "images" / language).iterdir()}
	code = "".join((APP.parent / "tests/browser" / name).read_text() for name in ("test_seed_walk.py", "test_desk_company.py"))
	assert {name for _folder, name in shown} <= set(re.findall(r'"(\d[\w-]+)"', code))
	chapters = [line.split()[1].rstrip(".") for line in text.splitlines() if re.match(r"##+ \d", line)]
	assert chapters == ["1", "1.1", "1.2", "1.3", "2", *(f"2.{number}" for number in range(1, 9)), "3"]
