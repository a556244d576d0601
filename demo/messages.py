"""The mail of the demo: what a small solar company receives in a week, with the faults such mail really has.

``MESSAGES`` is in the order of sending; those of the second ``wave`` are sent after the first pull.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from demo.mime import (
	CRLF,
	encoded_words,
	file_part,
	message,
	multipart,
	part,
	pdf,
	plain,
	png,
	quoted_word,
	text_part,
)

COMMERCIAL = "commercial@masociete.test"
SUPPORT = "support@masociete.test"
FOLDER = "À relancer"
"""A folder of the commercial mailbox that has its own Append To: ToDo."""

LOGO = png(160, 48)
PLAN = pdf("Plan de masse - toiture sud")
METER = "mois;kWh\r\njanvier;412\r\nfévrier;388\r\n".encode()
PHOTO = png(1024, 1024, seed=7)
INVITATION = "\r\n".join(
	[
		"BEGIN:VCALENDAR",
		"VERSION:2.0",
		"PRODID:-//Mairie de Sérigny//Agenda//FR",
		"METHOD:REQUEST",
		"BEGIN:VEVENT",
		"UID:visite-chantier-0312@mairie-serigny.test",
		"DTSTAMP:20260303T081500Z",
		"DTSTART:20260312T130000Z",
		"DTEND:20260312T143000Z",
		"SUMMARY:Visite de chantier – école élémentaire",
		"LOCATION:12 rue des Érables\\, Sérigny",
		"ORGANIZER:mailto:travaux@mairie-serigny.test",
		f"ATTENDEE;RSVP=TRUE:mailto:{COMMERCIAL}",
		"END:VEVENT",
		"END:VCALENDAR",
		"",
	]
).encode()


@dataclass(frozen=True)
class Sent:
	"""One message to send. ``folder``: its reader has moved it there before the pull."""

	key: str
	says: str
	sender: str
	recipients: tuple[str, ...]
	raw: Callable[[], bytes]
	wave: int = 1
	folder: str = ""


def quote_request() -> bytes:
	subject = encoded_words("Demande de devis : ombrière photovoltaïque, étude et pose à Châteauroux – été 2026")
	return part(
		[
			("From", f"{quoted_word('Zoé Lefèvre')} <zoe.lefevre@ateliers-lefevre.test>"),
			("To", COMMERCIAL),
			("Subject", subject),
			("Date", "Mon, 2 Mar 2026 09:12:44 +0100"),
			("Message-ID", "<devis-7f31@ateliers-lefevre.test>"),
			("MIME-Version", "1.0"),
			("Content-Type", "text/plain; charset=utf-8"),
			("Content-Transfer-Encoding", "8bit"),
		],
		(
			"Bonjour,\r\n\r\nNous souhaitons couvrir notre parking (48 places) d'une ombrière.\r\n"
			"Pouvez-vous nous faire parvenir un devis avant l'été ?\r\n\r\nBien à vous,\r\nZoé Lefèvre\r\n"
		).encode(),
	)


def newsletter() -> bytes:
	html = """<html><head><style>body { position: fixed } p { color: #333 }</style></head><body>
<p>Bonjour,</p><p>Votre brochure est <b>très</b> claire. Que pensez-vous de ce logo sur vos panneaux&nbsp;?</p>
<img src="cid:logo@agence-lumiere.test" alt="Agence Lumière" width="160">
<img src="https://suivi.agence-lumiere.test/ouvert.gif?c=commercial" width="1" height="1">
<script>document.location = "https://suivi.agence-lumiere.test/"</script>
<p onclick="alert(1)"><a href="https://agence-lumiere.test/">Agence Lumière</a></p></body></html>"""
	text = "Bonjour,\n\nVotre brochure est très claire. Que pensez-vous de ce logo sur vos panneaux ?\n"
	related = multipart(
		"related",
		"rel-5521",
		text_part(html, "html", "iso-8859-1"),
		file_part(
			LOGO,
			'image/png; name="logo.png"',
			("Content-ID", "<logo@agence-lumiere.test>"),
			("Content-Disposition", 'inline; filename="logo.png"'),
		),
	)
	return message(
		[
			("From", f'"{quoted_word("Agence Lumière")}" <contact@agence-lumiere.test>'),
			("To", COMMERCIAL),
			("Subject", f"{quoted_word('Rénovation énergétique : ')}\r\n {encoded_words('votre avis nous intéresse')}"),
			("Date", "Mon, 2 Mar 2026 10:03:00 +0100"),
			("Message-ID", "<20260302090300.5521@agence-lumiere.test>"),
		],
		multipart("alternative", "alt-5521", text_part(text), part([related[0]], related[1])),
	)


def specifications() -> bytes:
	rfc2231 = "attachment;\r\n filename*0*=utf-8''Cahier%20des%20charges%20;\r\n filename*1*=%C3%A9t%C3%A9%202026.pdf"
	outlook = f'text/csv; name="{encoded_words("Relevé compteur n°7.csv")}"'
	return message(
		[
			("From", "Jean-Noël Gaspard <jn.gaspard@domaine-du-clos.test>"),
			("To", f"Service commercial <{COMMERCIAL}>"),
			("Subject", encoded_words("Cahier des charges – domaine du Clos")),
			("Date", "Mon, 2 Mar 2026 11:47:09 +0100"),
			("Message-ID", "<CAF=clos.0001@domaine-du-clos.test>"),
		],
		multipart(
			"mixed",
			"mix-clos",
			text_part("Bonjour,\n\nVoici le cahier des charges et notre relevé.\n\nJean-Noël Gaspard\n"),
			file_part(PLAN, "application/pdf", ("Content-Disposition", rfc2231)),
			file_part(METER, outlook, ("Content-Disposition", "attachment")),
		),
	)


def trade_fair() -> bytes:
	return plain(
		[
			("From", "Salon Énergies Ouest <exposants@salon-energies.test>"),
			("To", f"{COMMERCIAL}, {SUPPORT}"),
			("Subject", "Salon Énergies Ouest : votre stand B12 est confirmé"),
			("Date", "Mon, 2 Mar 2026 14:20:31 +0100"),
			("Message-ID", "<stand-B12.2026@salon-energies.test>"),
		],
		"Madame, Monsieur,\n\nVotre stand B12 est confirmé pour les 9 et 10 avril.\n",
	)


def web_form() -> bytes:
	return part(
		[
			("From", "www@formulaires.test"),
			("To", COMMERCIAL),
			("Subject", "Formulaire de contact: M. Ndiaye, maison individuelle"),
			("Date", "Mon, 2 Mar 2026 18:55:02 +0100"),
		],
		b"Nom: M. Ndiaye\r\nTel: 06 00 00 00 00\r\nProjet: 6 kWc en surimposition\r\n",
	)


def broken() -> bytes:
	headers = (
		b"From: Ren\xe9 Dupr\xe9 <rene.dupre@vieux-logiciel.test>\r\n"
		b"To: commercial@masociete.test\r\n"
		b"Subject: Facture pro forma n\xb0 118 \xe0 corriger\r\n"
		b"Date: Lundi 2 mars 2026 vers 19h\r\n"
		b"Message-ID: <118@vieux-logiciel.test>\r\n"
		b'Content-Type: multipart/mixed; boundary="jamais ferm\xe9e"\r\n'
		b"MIME-Version: 1.0\r\n"
	)
	body = (
		b"--jamais ferm\xe9e\r\nContent-Type: text/plain; charset=x-inconnu\r\n"
		b"Content-Transfer-Encoding: 8bit\r\n\r\nLa quantit\xe9 est \xe0 revoir.\r\n"
		b"--jamais ferm\xe9e\r\nContent-Type: application/pdf; name=proforma.pdf\r\nContent-Transfer-Encoding: base64\r\n"
		b"Content-Disposition: attachment; filename=proforma.pdf\r\n\r\nJVBERi0xLjQK%%%pas du base64\r\n"
	)
	return headers + CRLF + body


def lying_charset() -> bytes:
	return part(
		[
			("From", "Comptabilite <compta@grossiste-ouest.test>"),
			("To", COMMERCIAL),
			("Subject", "Votre remise de fin d'annee"),
			("Date", "Tue, 3 Mar 2026 08:31:00 +0100"),
			("Message-ID", "<remise.88412@grossiste-ouest.test>"),
			("Content-Type", "text/plain; charset=us-ascii"),
			("Content-Transfer-Encoding", "8bit"),
		],
		"Votre remise s'élève à 1 250 € – elle sera déduite de la prochaine commande.\r\n".encode("cp1252"),
	)


def invitation() -> bytes:
	calendar = part(
		[("Content-Type", "text/calendar; charset=utf-8; method=REQUEST"), ("Content-Transfer-Encoding", "8bit")], INVITATION
	)
	return message(
		[
			("From", f"{encoded_words('Mairie de Sérigny – travaux')} <travaux@mairie-serigny.test>"),
			("To", COMMERCIAL),
			("Subject", encoded_words("Invitation : visite de chantier, école élémentaire")),
			("Date", "Tue, 3 Mar 2026 09:15:00 +0100"),
			("Message-ID", "<visite-chantier-0312@mairie-serigny.test>"),
		],
		multipart(
			"mixed",
			"mix-cal",
			text_part("Vous êtes invité à la visite du chantier, jeudi 12 mars à 14 h.\n"),
			calendar,
			file_part(
				INVITATION, 'application/ics; name="invite.ics"', ("Content-Disposition", 'attachment; filename="invite.ics"')
			),
		),
	)


def follow_up() -> bytes:
	return plain(
		[
			("From", "Aïcha Benali <a.benali@residence-les-cedres.test>"),
			("To", COMMERCIAL),
			("Subject", "Résidence Les Cèdres : décision reportée au 30 avril"),
			("Date", "Tue, 3 Mar 2026 10:02:18 +0100"),
			("Message-ID", "<cedres-30-04@residence-les-cedres.test>"),
		],
		"Bonjour,\n\nLe conseil syndical a reporté sa décision. Rappelez-moi fin avril.\n\nAïcha Benali\n",
	)


def breakdown() -> bytes:
	return plain(
		[
			("From", "Luc Martin <luc.martin@ferme-des-tilleuls.test>"),
			("To", SUPPORT),
			("Subject", "Onduleur en défaut E-031 depuis hier"),
			("Date", "Tue, 3 Mar 2026 11:30:00 +0100"),
			("Message-ID", "<panne-e031@ferme-des-tilleuls.test>"),
		],
		"Bonjour,\n\nL'onduleur affiche E-031 et ne produit plus.\n\nLuc Martin\n",
	)


def photos() -> bytes:
	return message(
		[
			("From", "Luc Martin <luc.martin@ferme-des-tilleuls.test>"),
			("To", SUPPORT),
			("Subject", "Photo de la toiture"),
			("Date", "Tue, 3 Mar 2026 11:34:00 +0100"),
			("Message-ID", "<photo-toiture@ferme-des-tilleuls.test>"),
		],
		multipart(
			"mixed",
			"mix-photo",
			text_part("Ci-joint la photo.\n"),
			file_part(PHOTO, 'image/png; name="toiture.png"', ("Content-Disposition", 'attachment; filename="toiture.png"')),
		),
	)


def forwarded() -> bytes:
	original = plain(
		[
			("From", "Fabricant <sav@onduleurs.test>"),
			("To", "luc.martin@ferme-des-tilleuls.test"),
			("Subject", "Rappel de série : modèle HX-3"),
			("Date", "Wed, 25 Feb 2026 16:00:00 +0100"),
			("Message-ID", "<rappel-hx3@onduleurs.test>"),
		],
		"Votre onduleur HX-3 est concerné par un rappel.\n",
	)
	return message(
		[
			("From", "Luc Martin <luc.martin@ferme-des-tilleuls.test>"),
			("To", SUPPORT),
			("Subject", encoded_words("Tr : Rappel de série : modèle HX-3")),
			("Date", "Tue, 3 Mar 2026 11:40:00 +0100"),
			("Message-ID", "<tr-rappel@ferme-des-tilleuls.test>"),
		],
		multipart(
			"mixed",
			"mix-fwd",
			text_part("Je vous transmets ce que j'ai reçu du fabricant.\n"),
			part([("Content-Type", "message/rfc822"), ("Content-Disposition", "attachment")], original),
		),
	)


def scan(page: int) -> bytes:
	return message(
		[
			("From", "Copieur du depot <copieur@masociete.test>"),
			("To", SUPPORT),
			("Subject", "Document numerise"),
			("Date", f"Wed, 4 Mar 2026 08:0{page}:00 +0100"),
			("Message-ID", "<scan@copieur.masociete.test>"),
		],
		multipart(
			"mixed",
			"mix-scan",
			text_part(f"Page {page}\n"),
			file_part(
				pdf(f"Bon de livraison {page}"),
				"application/pdf",
				("Content-Disposition", f'attachment; filename="numerisation-{page}.pdf"'),
			),
		),
	)


def first_page() -> bytes:
	return scan(1)


def second_page() -> bytes:
	return scan(2)


def reply() -> bytes:
	return plain(
		[
			("From", "Zoé Lefèvre <zoe.lefevre@ateliers-lefevre.test>"),
			("To", COMMERCIAL),
			("Subject", "Re: Demande de devis : ombrière photovoltaïque"),
			("Date", "Wed, 4 Mar 2026 09:00:00 +0100"),
			("Message-ID", "<devis-7f32@ateliers-lefevre.test>"),
			("In-Reply-To", "<devis-7f31@ateliers-lefevre.test>"),
			("References", "<devis-7f31@ateliers-lefevre.test>"),
		],
		"J'oubliais : le parking est en pente de 4 %.\n\nLe 2 mars 2026 à 09:12, Zoé Lefèvre a écrit :\n"
		"> Nous souhaitons couvrir notre parking (48 places) d'une ombrière.\n",
	)


def references_only() -> bytes:
	return plain(
		[
			("From", "Paul Lefèvre <paul.lefevre@ateliers-lefevre.test>"),
			("To", COMMERCIAL),
			("Subject", "Accès au chantier"),
			("Date", "Wed, 4 Mar 2026 09:40:00 +0100"),
			("Message-ID", "<acces-1@ateliers-lefevre.test>"),
			("References", "<devis-7f31@ateliers-lefevre.test> <jamais-recu@ateliers-lefevre.test>"),
		],
		"Le portail nord est le plus large. Je remplace Zoé cette semaine.\n",
	)


def reply_to_other_account() -> bytes:
	return plain(
		[
			("From", "Jean-Noël Gaspard <jn.gaspard@domaine-du-clos.test>"),
			("To", SUPPORT),
			("Subject", "Re: Cahier des charges – domaine du Clos"),
			("Date", "Wed, 4 Mar 2026 10:10:00 +0100"),
			("Message-ID", "<CAF=clos.0002@domaine-du-clos.test>"),
			("In-Reply-To", "<CAF=clos.0001@domaine-du-clos.test>"),
		],
		"Une question technique sur le même dossier : quelle section de câble ?\n",
	)


def breakdown_again() -> bytes:
	return plain(
		[
			("From", "Luc Martin <luc.martin@ferme-des-tilleuls.test>"),
			("To", SUPPORT),
			("Subject", "Re: Onduleur en défaut E-031 depuis hier"),
			("Date", "Wed, 4 Mar 2026 10:45:00 +0100"),
			("Message-ID", "<panne-e031-2@ferme-des-tilleuls.test>"),
			("In-Reply-To", "<panne-e031@ferme-des-tilleuls.test>"),
			("References", "<panne-e031@ferme-des-tilleuls.test>"),
		],
		"Il vient de repartir tout seul. Passez quand même.\n",
	)


ZOE = "zoe.lefevre@ateliers-lefevre.test"
LUC = "luc.martin@ferme-des-tilleuls.test"
CLOS = "jn.gaspard@domaine-du-clos.test"
COPIER = "copieur@masociete.test"

MESSAGES = (
	Sent("quote-request", "a first mail, subject in several encoded words", ZOE, (COMMERCIAL,), quote_request),
	Sent("newsletter", "HTML, inline image, tracker, script", "contact@agence-lumiere.test", (COMMERCIAL,), newsletter),
	Sent("specifications", "two attachments with accents in their names", CLOS, (COMMERCIAL,), specifications),
	Sent("trade-fair", "one message to two accounts", "exposants@salon-energies.test", (COMMERCIAL, SUPPORT), trade_fair),
	Sent("web-form", "no Message-ID", "www@formulaires.test", (COMMERCIAL,), web_form),
	Sent("broken", "broken MIME, raw 8-bit headers, no such date", "rene.dupre@vieux-logiciel.test", (COMMERCIAL,), broken),
	Sent("lying-charset", "says ASCII, is windows-1252", "compta@grossiste-ouest.test", (COMMERCIAL,), lying_charset),
	Sent("invitation", "a calendar invitation", "travaux@mairie-serigny.test", (COMMERCIAL,), invitation),
	Sent(
		"follow-up",
		f"moved to the folder {FOLDER}",
		"a.benali@residence-les-cedres.test",
		(COMMERCIAL,),
		follow_up,
		folder=FOLDER,
	),
	Sent("breakdown", "to an account without Append To", LUC, (SUPPORT,), breakdown),
	Sent("photos", "a photo of 3 MB", LUC, (SUPPORT,), photos),
	Sent("forwarded", "a message forwarded as an attachment", LUC, (SUPPORT,), forwarded),
	Sent("scan-1", "a scanner's first page", COPIER, (SUPPORT,), first_page),
	Sent("reply", "a reply, by In-Reply-To", ZOE, (COMMERCIAL,), reply, wave=2),
	Sent(
		"references", "a reply, by References alone", "paul.lefevre@ateliers-lefevre.test", (COMMERCIAL,), references_only, wave=2
	),
	Sent("other-account", "a reply, sent to another account", CLOS, (SUPPORT,), reply_to_other_account, wave=2),
	Sent("breakdown-again", "a reply to a mail without document", LUC, (SUPPORT,), breakdown_again, wave=2),
	Sent("sent-twice", "the very first mail, sent once more", ZOE, (COMMERCIAL,), quote_request, wave=2),
	Sent("scan-2", "same Message-ID as page 1, other content", COPIER, (SUPPORT,), second_page, wave=2),
)
