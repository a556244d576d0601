"""Messages to measure with: seeded, so that every run and every machine measures the same ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from email.message import EmailMessage

_WORDS = (
	"bonjour madame monsieur devis facture commande livraison réunion élément reçu envoyé merci cordialement "
	"société projet délai contrat référence produit équipe client janvier février août décembre"
).split()


def messages(count: int, seed: int = 1, large: dict[int, int] | None = None) -> Iterator[bytes]:
	"""``count`` messages with a median of about 8 KB; ``large`` gives the size in octets of single ones by index."""
	rng = random.Random(seed)
	for index in range(count):
		size = (large or {}).get(index)
		yield message(rng, index, size or int(rng.lognormvariate(8.5, 0.7)))


def message(rng: random.Random, index: int, size: int) -> bytes:
	"""One message of about ``size`` octets: text, HTML, and an attachment when it is large."""
	mail = EmailMessage()
	mail["From"] = f"Élodie Martin {index} <elodie.{index}@client.test>"
	mail["To"] = "commercial@masociete.test"
	mail["Subject"] = f"Demande n° {index} : {' '.join(rng.choices(_WORDS, k=5))}"
	mail["Message-ID"] = f"<{index}.{rng.getrandbits(64):x}@client.test>"
	mail["Date"] = "Mon, 02 Nov 2026 09:30:00 +0100"
	if index % 3 == 1:
		mail["References"] = f"<{index - 1}.unknown@client.test>"
	body = min(size, 6000)
	text = "\n".join(" ".join(rng.choices(_WORDS, k=9)) for _ in range(body // 130 + 1))
	mail.set_content(text, cte="quoted-printable")
	mail.add_alternative("<p>" + text.replace("\n", "</p><p>") + "</p>", subtype="html", cte="quoted-printable")
	rest = size - 2 * body
	if rest > 2000:
		mail.add_attachment(rng.randbytes(rest * 3 // 4), maintype="application", subtype="pdf", filename="devis é.pdf")
	for number, part in enumerate(mail.walk()):
		if part.is_multipart():
			part.set_boundary(f"part-{index}-{number}")
	return mail.as_bytes()
