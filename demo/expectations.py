"""What each message of the demo must have become, as data; ``demo.check`` compares it with what was found of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from demo.messages import COMMERCIAL, FOLDER, INVITATION, LOGO, METER, PHOTO, PLAN, SUPPORT
from demo.mime import pdf

NEW, THREAD, ALONE, DUPLICATE = "new document", "document of its thread", "Communication alone", "nothing new"


@dataclass(frozen=True)
class Expected:
	"""What one message is in one account.

	``outcome`` is one of the four above; ``like`` names the message whose document (THREAD) or record (DUPLICATE) it
	shares, ``answers`` the one whose Communication it must name as the message it answers. ``text`` must all be in the
	text and in the body shown; ``shown`` must be in the body alone, ``hidden`` must not. ``files`` are name and content.
	``document`` are fields of the document it is on.
	"""

	key: str
	account: str
	outcome: str
	rule: str
	subject: str
	sender: str
	sender_name: str
	doctype: str = ""
	like: str = ""
	answers: str = ""
	also_in: str = ""
	folder: str = "INBOX"
	text: tuple[str, ...] = ()
	shown: tuple[str, ...] = ()
	hidden: tuple[str, ...] = ()
	files: tuple[tuple[str, bytes | None], ...] = ()
	document: Mapping[str, object] = field(default_factory=dict)
	possible_duplicate: bool = False


@dataclass
class Found:
	"""A journal row and all that hangs on it; ``account`` is the account's address."""

	row: dict[str, object]
	account: str
	communication: dict[str, object] = field(default_factory=dict)
	files: dict[str, bytes] = field(default_factory=dict)
	document: dict[str, object] = field(default_factory=dict)
	trace: list[dict[str, str]] = field(default_factory=list)
	other_account: str = ""
	raw_is_whole: bool = False


QUOTE = "Demande de devis : ombrière photovoltaïque, étude et pose à Châteauroux – été 2026"
ZOE = "zoe.lefevre@ateliers-lefevre.test"
LUC = "luc.martin@ferme-des-tilleuls.test"
CLOS = "jn.gaspard@domaine-du-clos.test"
COPIER = "copieur@masociete.test"


def opportunity(title: str, party: str, email: str) -> dict[str, object]:
	"""The fields that a first mail fills, and what the app's own defaults and controller add."""
	return {"title": title, "party_name": party, "contact_email": email, "status": "Open"}


EXPECTED = (
	Expected(
		"quote-request",
		COMMERCIAL,
		NEW,
		"append_to",
		QUOTE,
		ZOE,
		"Zoé Lefèvre",
		"Opportunity",
		text=("parking (48 places) d'une ombrière",),
		document=opportunity(QUOTE, "Zoé Lefèvre", ZOE),
	),
	Expected(
		"newsletter",
		COMMERCIAL,
		NEW,
		"append_to",
		"Rénovation énergétique : votre avis nous intéresse",
		"contact@agence-lumiere.test",
		"Agence Lumière",
		"Opportunity",
		text=("claire. Que pensez-vous de ce logo",),
		shown=("<b>très</b>", 'src="/private/files/', 'alt="Agence Lumière"', 'href="https://agence-lumiere.test/"'),
		hidden=("<script", "document.location", "onclick", ' src="https://suivi', 'src="cid:', "position: fixed", "<style"),
		files=(("logo.png", LOGO),),
		document=opportunity(
			"Rénovation énergétique : votre avis nous intéresse", "Agence Lumière", "contact@agence-lumiere.test"
		),
	),
	Expected(
		"specifications",
		COMMERCIAL,
		NEW,
		"append_to",
		"Cahier des charges – domaine du Clos",
		CLOS,
		"Jean-Noël Gaspard",
		"Opportunity",
		text=("Voici le cahier des charges et notre relevé.",),
		files=(("Cahier des charges été 2026.pdf", PLAN), ("Relevé compteur n°7.csv", METER)),
		document=opportunity("Cahier des charges – domaine du Clos", "Jean-Noël Gaspard", CLOS),
	),
	Expected(
		"trade-fair",
		COMMERCIAL,
		NEW,
		"append_to",
		"Salon Énergies Ouest : votre stand B12 est confirmé",
		"exposants@salon-energies.test",
		"Salon Énergies Ouest",
		"Opportunity",
		also_in=SUPPORT,
		text=("Votre stand B12 est confirmé pour les 9 et 10 avril.",),
		document=opportunity(
			"Salon Énergies Ouest : votre stand B12 est confirmé", "Salon Énergies Ouest", "exposants@salon-energies.test"
		),
	),
	Expected(
		"trade-fair",
		SUPPORT,
		ALONE,
		"unplaced",
		"Salon Énergies Ouest : votre stand B12 est confirmé",
		"exposants@salon-energies.test",
		"Salon Énergies Ouest",
		also_in=COMMERCIAL,
		text=("Votre stand B12 est confirmé pour les 9 et 10 avril.",),
	),
	Expected(
		"web-form",
		COMMERCIAL,
		NEW,
		"append_to",
		"Formulaire de contact: M. Ndiaye, maison individuelle",
		"www@formulaires.test",
		"www@formulaires.test",
		"Opportunity",
		text=("Projet: 6 kWc en surimposition",),
		document=opportunity(
			"Formulaire de contact: M. Ndiaye, maison individuelle", "www@formulaires.test", "www@formulaires.test"
		),
	),
	Expected(
		"broken",
		COMMERCIAL,
		NEW,
		"append_to",
		"Facture pro forma n° 118 à corriger",
		"rene.dupre@vieux-logiciel.test",
		"René Dupré",
		"Opportunity",
		text=("La quantité est à revoir.",),
		files=(("proforma.pdf", None),),
		document=opportunity("Facture pro forma n° 118 à corriger", "René Dupré", "rene.dupre@vieux-logiciel.test"),
	),
	Expected(
		"lying-charset",
		COMMERCIAL,
		NEW,
		"append_to",
		"Votre remise de fin d'annee",
		"compta@grossiste-ouest.test",
		"Comptabilite",
		"Opportunity",
		text=("Votre remise s'élève à 1 250 € – elle sera déduite",),
		document=opportunity("Votre remise de fin d'annee", "Comptabilite", "compta@grossiste-ouest.test"),
	),
	Expected(
		"invitation",
		COMMERCIAL,
		NEW,
		"append_to",
		"Invitation : visite de chantier, école élémentaire",
		"travaux@mairie-serigny.test",
		"Mairie de Sérigny – travaux",
		"Opportunity",
		text=("Vous êtes invité à la visite du chantier, jeudi 12 mars à 14 h.",),
		files=(("invite.ics", INVITATION), ("invite-1.ics", INVITATION)),
		document=opportunity(
			"Invitation : visite de chantier, école élémentaire", "Mairie de Sérigny – travaux", "travaux@mairie-serigny.test"
		),
	),
	Expected(
		"follow-up",
		COMMERCIAL,
		NEW,
		"append_to",
		"Résidence Les Cèdres : décision reportée au 30 avril",
		"a.benali@residence-les-cedres.test",
		"Aïcha Benali",
		"ToDo",
		folder=FOLDER,
		text=("Le conseil syndical a reporté sa décision.",),
		document={
			"description": "Résidence Les Cèdres : décision reportée au 30 avril",
			"sender": "a.benali@residence-les-cedres.test",
			"status": "Open",
		},
	),
	Expected(
		"breakdown",
		SUPPORT,
		ALONE,
		"unplaced",
		"Onduleur en défaut E-031 depuis hier",
		LUC,
		"Luc Martin",
		text=("L'onduleur affiche E-031 et ne produit plus.",),
	),
	Expected(
		"photos",
		SUPPORT,
		ALONE,
		"unplaced",
		"Photo de la toiture",
		LUC,
		"Luc Martin",
		text=("Ci-joint la photo.",),
		files=(("toiture.png", PHOTO),),
	),
	Expected(
		"forwarded",
		SUPPORT,
		ALONE,
		"unplaced",
		"Tr : Rappel de série : modèle HX-3",
		LUC,
		"Luc Martin",
		text=("Je vous transmets ce que j'ai reçu du fabricant.",),
		hidden=("concerné par un rappel",),
		files=(("Rappel de série _ modèle HX-3.eml", None),),
	),
	Expected(
		"scan-1",
		SUPPORT,
		ALONE,
		"unplaced",
		"Document numerise",
		COPIER,
		"Copieur du depot",
		text=("Page 1",),
		files=(("numerisation-1.pdf", pdf("Bon de livraison 1")),),
	),
	Expected(
		"reply",
		COMMERCIAL,
		THREAD,
		"in_reply_to",
		"Re: Demande de devis : ombrière photovoltaïque",
		ZOE,
		"Zoé Lefèvre",
		"Opportunity",
		like="quote-request",
		answers="quote-request",
		text=("J'oubliais : le parking est en pente de 4 %.",),
		shown=("mail-quoted",),
		document={"title": QUOTE},
	),
	Expected(
		"references",
		COMMERCIAL,
		THREAD,
		"references",
		"Accès au chantier",
		"paul.lefevre@ateliers-lefevre.test",
		"Paul Lefèvre",
		"Opportunity",
		like="quote-request",
		answers="quote-request",
		text=("Le portail nord est le plus large.",),
		document={"title": QUOTE, "contact_email": ZOE},
	),
	Expected(
		"other-account",
		SUPPORT,
		THREAD,
		"in_reply_to",
		"Re: Cahier des charges – domaine du Clos",
		CLOS,
		"Jean-Noël Gaspard",
		"Opportunity",
		like="specifications",
		answers="specifications",
		text=("quelle section de câble ?",),
		document={"title": "Cahier des charges – domaine du Clos"},
	),
	Expected(
		"breakdown-again",
		SUPPORT,
		ALONE,
		"unplaced",
		"Re: Onduleur en défaut E-031 depuis hier",
		LUC,
		"Luc Martin",
		answers="breakdown",
		text=("Il vient de repartir tout seul.",),
	),
	Expected(
		"sent-twice",
		COMMERCIAL,
		DUPLICATE,
		"",
		QUOTE,
		ZOE,
		"Zoé Lefèvre",
		like="quote-request",
	),
	Expected(
		"scan-2",
		SUPPORT,
		ALONE,
		"unplaced",
		"Document numerise",
		COPIER,
		"Copieur du depot",
		text=("Page 2",),
		files=(("numerisation-2.pdf", pdf("Bon de livraison 2")),),
		possible_duplicate=True,
	),
)
