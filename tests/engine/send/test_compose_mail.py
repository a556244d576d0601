"""The bytes of a composed mail, read back by this app's own reader and by Python's."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dokos_mail.engine.message.parse import parse
from dokos_mail.engine.send import mime, placeholders
from dokos_mail.engine.send.addresses import Mailbox
from dokos_mail.engine.send.compose import Draft, compose
from dokos_mail.engine.send.files import File
from dokos_mail.engine.send.images import picture

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
WHEN = datetime(2026, 11, 22, 21, 0, tzinfo=timezone(timedelta(hours=1)))


def draft(**changes: object) -> Draft:
	values = {
		"from_": Mailbox("Jérôme Dupond, SARL", "jerome@société.fr"),
		"subject": "Devis n° 12 — été 2026",
		"html": "<html><body><p>Bonjour été</p></body></html>",
		"text": "Bonjour été\n.\nFrom ici",
		"date": WHEN,
		"message_id": "1.2@site.fr",
		"to": [Mailbox("Client É", "client@x.fr")],
	}
	return Draft(**(values | changes))


def assert_fit_for_the_wire(raw: bytes) -> None:
	assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")
	assert b"\0" not in raw
	assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_a_files_name_stands_where_each_client_looks_for_it() -> None:
	"""RFC 2183 and 2231; older clients read the name of Content-Type alone."""
	raw = compose(
		draft(attachments=[File("Relevé d'août.pdf", b"%PDF"), File("mail.eml", b"From: a@b.fr\n\nx", "message/rfc822")])
	)
	parts = [part for part in message_from_bytes(raw, policy=policy.default).walk() if part.get_content_disposition()]
	for part, name in zip(parts, ["Relevé d'août.pdf", "mail.eml"], strict=True):
		assert part["Content-Disposition"].content_disposition == "attachment"
		assert (part["Content-Disposition"].params["filename"], part["Content-Type"].params["name"]) == (name, name)


def test_everything_comes_back() -> None:
	image = picture("logo.png", PNG)
	raw = compose(
		draft(
			html=f'<p>Bonjour été <img src="cid:{image.content_id}"></p>',
			images=[image],
			attachments=[
				File("Relevé d'août.pdf", b"%PDF" + bytes(range(256)) * 50),
				File("notes.txt", "é".encode()),
				File("vide", b""),
			],
			cc=[Mailbox("", "copie@x.fr")],
			reply_to=[Mailbox("Réponses", "r@x.fr")],
			in_reply_to="c@x",
			references=["a@x", "b@x", "c@x"],
			extra=[("Auto-Submitted", "auto-generated")],
		)
	)
	assert_fit_for_the_wire(raw)
	message = parse(raw)
	assert message.defects == []
	assert message.subject == "Devis n° 12 — été 2026"
	assert (message.from_[0].name, message.from_[0].address) == ("Jérôme Dupond, SARL", "jerome@xn--socit-esab.fr")
	assert [each.address for each in (*message.to, *message.cc, *message.reply_to)] == ["client@x.fr", "copie@x.fr", "r@x.fr"]
	assert message.bcc == [] and b"bcc" not in raw.lower()
	assert (message.message_id, message.in_reply_to, message.references) == ("1.2@site.fr", "c@x", ["a@x", "b@x", "c@x"])
	assert message.date == WHEN
	assert message.text.rstrip() == "Bonjour été\n.\nFrom ici" and "Bonjour été" in message.html
	assert message.auto_submitted
	assert [(each.name, each.inline, each.content) for each in message.attachments] == [
		("logo.png", True, PNG),
		("Relevé d'août.pdf", False, b"%PDF" + bytes(range(256)) * 50),
		("notes.txt", False, "é".encode()),
		("vide", False, b""),
	]


def test_the_shape() -> None:
	image = picture("a.png", PNG)
	message = message_from_bytes(compose(draft(images=[image], attachments=[File("a.bin", b"x")])), policy=policy.default)

	def shape(part: object) -> object:
		return (
			(part.get_content_subtype(), [shape(each) for each in part.iter_parts()])
			if part.is_multipart()
			else part.get_content_type()
		)

	assert shape(message) == (
		"mixed",
		[("alternative", ["text/plain", ("related", ["text/html", "image/png"])]), "application/octet-stream"],
	)
	assert message["Date"].datetime == WHEN and not message.defects


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=2000), st.text(max_size=2000))
def test_any_text_comes_back(text: str, html: str) -> None:
	raw = compose(draft(text=text, html=html))
	assert_fit_for_the_wire(raw)
	parts = list(mime.text_parts(mime.parse(raw)))
	for part, given_text in zip(parts, (text, html), strict=True):
		wanted = re.sub(r"\r\n|\r|\n", "\n", given_text.replace("\0", "")).encode("utf-8", "replace").decode()
		assert mime.get_text(part).rstrip("\n") == wanted.rstrip("\n")


def test_a_line_of_a_million_characters() -> None:
	assert_fit_for_the_wire(compose(draft(text="x" * 1_000_000, html="é" * 300_000, subject="y" * 5000)))


def test_a_message_as_attachment() -> None:
	inner = b"From: a@b.fr\r\nSubject: dedans\r\n\r\ncorps\r\n"
	message = parse(
		compose(draft(attachments=[File("d.eml", inner, "message/rfc822"), File("long.eml", b"From: a@b.fr\n\n" + b"x" * 2000)]))
	)
	assert [each.name for each in message.attachments] == ["d.eml", "long.eml"]
	assert message.attachments[0].type == "message/rfc822" and b"Subject: dedans" in message.attachments[0].content
	assert message.attachments[1].content.endswith(b"x" * 2000)


def test_without_recipients_each_copy_names_its_own() -> None:
	assert mime.field(mime.parse(compose(draft(to=()))), "To") == placeholders.RECIPIENT
	assert mime.field(mime.parse(compose(draft(to=(), cc=[Mailbox("", "c@x.fr")]))), "To") == ""


def test_a_long_conversation_keeps_its_beginning_and_its_end() -> None:
	ids = [f"{number}@x" for number in range(500)]
	references = parse(compose(draft(in_reply_to="499@x", references=ids))).references
	assert references[0] == "0@x" and references[-2:] == ["498@x", "499@x"] and len(references) == 30


@pytest.mark.parametrize("offset", range(0, 90))
def test_a_placeholder_is_filled_wherever_the_line_breaks(offset: int) -> None:
	"""The host replaces in the encoded text, where one line offset in four cuts a placeholder in two."""
	html = f'<p>é</p>{"x" * offset}<a href="{placeholders.UNSUBSCRIBE}">se désinscrire</a>{placeholders.PIXEL}'
	text = f"{'é' * offset} {placeholders.UNSUBSCRIBE} {placeholders.PIXEL}"
	message = mime.parse(compose(draft(html=html, text=text, to=())))
	url = "https://site.fr/x?token=a=b&c=" + "d" * 100
	placeholders.fill(message, recipient="Client É <client@x.fr>", unsubscribe_url=url, pixel_url="https://site.fr/p?a=1&b=2")
	raw = mime.serialise(message)
	assert_fit_for_the_wire(raw)
	read = parse(raw)
	assert [(each.name, each.address) for each in read.to] == [("Client É", "client@x.fr")]
	assert f'href="{url.replace("&", "&amp;")}"' in read.html and 'src="https://site.fr/p?a=1&amp;b=2"' in read.html
	assert url in read.text
	assert "<!--" not in read.html + read.text


def test_a_value_that_looks_like_a_placeholder_stays_what_it_is() -> None:
	values = {placeholders.RECIPIENT: placeholders.PIXEL, placeholders.PIXEL: "image"}
	assert (
		placeholders.replaced(f"a {placeholders.RECIPIENT} b {placeholders.PIXEL} c", values)
		== f"a {placeholders.PIXEL} b image c"
	)


def test_what_has_no_placeholder_keeps_its_octets() -> None:
	raw = compose(draft(attachments=[File("a.txt", placeholders.RECIPIENT.encode())]))
	message = mime.parse(raw)
	placeholders.fill(message, recipient="x@y.fr")
	assert mime.serialise(message) == raw
