"""Messages to be cut among."""

from __future__ import annotations

from email.message import EmailMessage

from tests.mailbox import raw

SENDER = "Élodie Martin <elodie@client.test>"


def with_file() -> bytes:
	mail = EmailMessage()
	mail["From"], mail["Subject"], mail["Message-ID"] = "b@client.test", "avec pièce", "<files@client.test>"
	mail.set_content("voir pièce")
	mail.add_attachment(b"%PDF-1.4 " * 50, maintype="application", subtype="pdf", filename="devis.pdf")
	mail.set_boundary("limite")
	return mail.as_bytes()


ROOT = raw("début", message_id="root@client.test", sender=SENDER)
REPLY = raw("Re: début", message_id="reply@client.test", sender=SENDER, In_Reply_To="<root@client.test>")
BROKEN = b"Subject: cass\xe9\nFrom: c@client.test\nContent-Type: multipart/mixed; boundary=\n\nrien\n"
WITHOUT_ID = raw("sans identifiant", message_id=None, sender=SENDER)
POISON = raw("poison", message_id="poison@client.test", sender=SENDER)
LATER = raw("plus tard", message_id="later@client.test", sender=SENDER)
#: A conversation, a message with a file, one that is broken, one without Message-ID, one that is there twice.
ALL = [ROOT, REPLY, with_file(), BROKEN, WITHOUT_ID, LATER, LATER]
