"""Mails that are unlike others: very long fields, other scripts, many recipients, markup that reaches for what it should not."""

from __future__ import annotations

import frappe
import pytest

from dokos_mail.engine.send.extents import Extents
from dokos_mail.outbound.render import for_sent_folder
from tests.app.test_composing import JEAN, PNG, account, composed, copy_for, ground, in_order, queued, received, todo
from tests.conftest import Site

__all__ = ["ground", "todo"]

pytestmark = pytest.mark.usefixtures("ground")

#: Fifty of them; more than twenty in To get a row each from some hosts.
PEOPLE = {kind: [f"{kind}{number}@x.test" for number in range(count)] for kind, count in (("to", 20), ("cc", 15), ("bcc", 15))}


@pytest.mark.parametrize("subject", ["long " * 300, "très long " * 150, "x" * 1500, "é" * 1500, "🧾" * 400, "שלום עולם " * 40])
def test_a_subject_of_any_length_and_script(subject: str) -> None:
	account()
	message, raw = copy_for(queued(subject=subject))
	assert message.subject == subject.strip()
	assert max(map(len, raw.partition(b"\r\n\r\n")[0].split(b"\r\n"))) <= 998


def test_a_body_in_any_script(todo: frappe._dict) -> None:
	account(add_signature=1, signature="<p>Ma Société</p>")
	html = '<p dir="rtl">مرحبا بالعالم</p><p>שלום 👩‍👩‍👧 🇫🇷</p><p>Ω ≈ ç √ ∫</p>'
	message, _raw = copy_for(composed(todo, html))
	for words in ("مرحبا بالعالم", "שלום 👩‍👩‍👧 🇫🇷", "Ω ≈ ç √ ∫"):
		assert words in message.text and words in message.html
	assert 'dir="rtl"' in message.html
	assert in_order(message.html, "Ω ≈ ç √ ∫", "Jean Dupond", "Ma Société")


def test_styles_of_the_writer_are_for_his_text(todo: frappe._dict) -> None:
	account(footer="<p>Pied du compte</p>", send_unsubscribe_message=1)
	message, _raw = copy_for(composed(todo, "<style>p, a, div { display: none; color: #abcdef }</style><p>Le texte</p>"))
	found = Extents(message.html)
	hidden = [each for each in found.elements if "#abcdef" in each.attributes.get("style", "")]
	text = "".join(message.html[each.start : each.end] for each in hidden)
	assert "Le texte" in text
	assert "Pied du compte" not in text and "unsubscribe" not in text


@pytest.mark.parametrize("shown", ["header", "footer", None])
def test_no_copy_names_a_blind_recipient(shown: str | None) -> None:
	account(track_email_status=1, send_unsubscribe_message=1)
	row = queued(recipients=PEOPLE["to"], cc=PEOPLE["cc"], bcc=PEOPLE["bcc"], expose_recipients=shown, message="<p>À tous</p>")
	assert {each.recipient for each in row.recipients} == {each for some in PEOPLE.values() for each in some}
	copies = {each: copy_for(row, each)[1] for each in (PEOPLE["to"][0], PEOPLE["cc"][3], PEOPLE["bcc"][7])}
	copies["in the Sent folder"] = for_sent_folder(row)
	for reader, raw in copies.items():
		unfolded = raw.replace(b"=\r\n", b"")
		named = {each for each in PEOPLE["bcc"] if each.encode() in unfolded}
		assert named <= {reader}, f"the copy of {reader}, shown in {shown}"
		if shown == "header":
			assert not named


def test_nothing_outside_is_read_loaded_or_taken_along(site: Site, todo: frappe._dict) -> None:
	"""Whatever the markup: files of the machine, of other users, of other sites, the metadata of a cloud."""
	account()
	secret = site.path / "private" / "files" / "a-dautres.png"
	secret.parent.mkdir(parents=True, exist_ok=True)
	secret.write_bytes(PNG + b"secret")
	html = "".join(
		(
			"<p>x</p>",
			'<img src="file:///etc/passwd"><img src="//localhost/private/files/a-dautres.png">',
			'<img embed="../../site_config.json"><img embed="file:///etc/passwd"><img src="/private/files/a-dautres.png">',
			'<img src="/private/files/%2e%2e/%2e%2e/site_config.json"><img srcset="/private/files/a-dautres.png 2x">',
			'<link rel=stylesheet href="http://169.254.169.254/latest/meta-data/"><link rel="stylesheet" href="file:///etc/passwd">',
			'<style>@import url("http://169.254.169.254/x.css"); p { background: url("file:///etc/passwd") }</style>',
			'<object data="/private/files/a-dautres.png"></object><iframe src="file:///etc/passwd"></iframe>',
		)
	)
	try:
		for row in (queued(message=html), composed(todo, html)):
			message, raw = copy_for(row)
			assert message.attachments == []
			for never in (b"root:", b"db_password", b"encryption_key", b"cid:", b"<link"):
				assert never not in raw.replace(b"=\r\n", b"")
	finally:
		secret.unlink()


def test_an_answer_continues_the_conversation(todo: frappe._dict) -> None:
	"""References name it from its beginning, In-Reply-To the mail that is answered; the identifier is of the site."""
	account(enable_incoming=1)
	first = received(todo, "contact@masociete.test", subject="Question")
	answer = composed(todo, "<p>Réponse</p>", subject="Re: Question", in_reply_to=first.name)
	second = received(todo, "contact@masociete.test", subject="Re: Question", in_reply_to=answer.communication)
	last = composed(todo, "<p>Encore</p>", subject="Re: Question", in_reply_to=second.name)
	message, _raw = copy_for(last)
	assert message.in_reply_to == second.message_id
	assert message.references[:3] == [first.message_id, copy_for(answer)[0].message_id, second.message_id]
	made, _raw = copy_for(queued(message="<p>x</p>"))
	home = frappe.utils.get_url().partition("//")[2].partition(":")[0].partition("/")[0]
	assert made.message_id.endswith(f"@{home}") or made.message_id.endswith(f"@{frappe.local.site}")
	assert JEAN not in made.message_id
