"""Two signatures, three footers, the link and the logo: in order, once each, in HTML and in text (rows S1, S2, O4)."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dokos_mail.engine.send.closing import Footers, footer, is_empty, sign
from dokos_mail.engine.send.extents import Extents, bare
from dokos_mail.engine.send.layout import absolute, body_of, css_inlined, page, with_footer, with_logo
from dokos_mail.engine.send.placeholders import COPIES, PIXEL, UNSUBSCRIBE
from dokos_mail.engine.send.plain import is_of_its_own, own_text, plain_text

USERS = '<div class="ql-editor read-mode"><p>Jean Dupond</p><p>Ventes &amp; conseil</p></div>'
ACCOUNTS = "<p>Ma Société — <b>12 rue des Lilas</b></p>"
HISTORY = (
	"<div><br></div><div>---</div><p>On 2 août 2026, client@x.fr wrote:</p>"
	"<blockquote>Bonjour,<br>Jean Dupond<br>Ventes &amp; conseil<br>Ma Société — 12 rue des Lilas</blockquote>"
)


def in_order(html: str, *texts: str) -> bool:
	words = Extents(html).words
	at = -1
	for text in texts:
		found = words.find(bare(text), at + 1)
		if found <= at:
			return False
		at = found
	return True


def count(html: str, text: str) -> int:
	return Extents(html).words.count(bare(text))


BODIES = {
	"nothing yet": "<p>Bonjour,</p><p>Voici le devis.</p>",
	"in the editor's div": '<div class="ql-editor read-mode"><p>Bonjour,</p><p>Voici le devis.</p></div>',
	"already signed": f"<p>Bonjour,</p><p>Voici le devis.</p><br>{USERS}",
	"signed, the markup changed": "<div>Bonjour,<br>Voici le devis.<br><br>Jean&nbsp;Dupond<br>\n<i>Ventes &#38; conseil</i></div>",
	"signed in one div with the text": "<div>Bonjour, Voici le devis.<p>Jean Dupond</p><p>Ventes &amp; conseil</p></div>",
	"signed with both": f"<p>Bonjour, Voici le devis.</p>{USERS}{ACCOUNTS}",
	"text, not HTML": "Bonjour, Voici le devis.",
	"not closed": "<div><p>Bonjour, <b>Voici le devis.",
	"a word of the signature in the text": "<p>Bonjour, Voici le devis.</p><p>Jean Dupond vous appellera.</p>",
}


@pytest.mark.parametrize("history", ["", HISTORY], ids=["alone", "answer"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_both_signatures_once_each_in_order(body: str, history: str) -> None:
	signed = sign(body + history, USERS, ACCOUNTS)
	written = signed.split("<blockquote>")[0]
	assert count(written, "Jean Dupond Ventes & conseil") == 1
	assert count(written, "Ma Société — 12 rue des Lilas") == 1
	assert in_order(
		signed, "Voici le devis.", "Jean DupondVentes & conseil", "Ma Société", *(["wrote:", "Bonjour,"] if history else [])
	)
	assert sign(signed, USERS, ACCOUNTS) == signed, "done again, nothing changes"


def test_a_signature_in_the_history_only_does_not_count() -> None:
	body = f"<p>Merci.</p><blockquote>{USERS}{ACCOUNTS}</blockquote>"
	assert in_order(sign(body, USERS, ACCOUNTS), "Merci.", "Jean Dupond", "Ma Société", "Jean Dupond", "Ma Société")


TABLE = "<table><tbody><tr><td><img src='/files/logo.png'></td><td>Jean Dupond<br>Ventes &amp; conseil</td></tr></tbody></table>"


@pytest.mark.parametrize("users", [TABLE, f"<table><tr><td>{USERS}</td></tr></table>", f"<ul><li>{USERS}</li></ul>"])
def test_a_signature_in_a_table(users: str) -> None:
	"""What is put between the rows of a table is shown above it."""
	for body in ("<p>Bonjour</p>", f"<p>Bonjour</p>{users}", f"<div><p>Bonjour</p>{users}<p>PS : à demain</p></div>"):
		signed = sign(body, users, ACCOUNTS)
		account = Extents(signed).first(lambda element: element.attributes.get("data-signature") == "account")
		assert account.parent is None or account.parent.tag == "div"
		assert in_order(signed, "Bonjour", "Jean Dupond", "Ma Société")
		assert in_order(css_inlined(signed), "Bonjour", "Jean Dupond", "Ma Société")
		assert sign(signed, users, ACCOUNTS) == signed


def test_histories_of_mail_programs() -> None:
	for history in (
		"<div class='gmail_quote'>Le 2 août, x a écrit :<blockquote>b</blockquote></div>",
		"<div class='moz-cite-prefix'>Le 2 août, x a écrit :</div><blockquote type='cite'>b</blockquote>",
		"<p>Le <b>2 août</b>, x a écrit :<br></p><blockquote>b<blockquote>a</blockquote></blockquote><div><br></div>",
	):
		assert in_order(sign(f"<p>Merci</p>{history}", USERS, ACCOUNTS), "Merci", "Jean Dupond", "Ma Société", "Le 2 août")


def test_a_name_in_the_text_is_no_signature() -> None:
	assert count(sign("<p>Bonjour Jean, tout va bien.</p>", "Jean", ACCOUNTS), "Jean") == 2
	for body in ("<p>Bonjour Jean, voici.</p><p>Jean</p>", f"<p>Bonjour Jean, voici.</p><p>Jean</p>{ACCOUNTS}"):
		signed = sign(body, "Jean", ACCOUNTS)
		assert count(signed, "Jean") == 2 and in_order(signed, "voici.", "Jean", "Ma Société")


def test_a_quotation_in_the_middle_is_not_the_history() -> None:
	body = "<p>Vous écriviez :</p><blockquote>le 12</blockquote><p>Entendu pour le 12.</p>"
	assert in_order(sign(body, USERS, ""), "Entendu pour le 12.", "Jean Dupond")


def test_one_level_alone_and_none() -> None:
	assert in_order(sign("<p>a</p>", USERS, ""), "a", "Jean Dupond")
	assert in_order(sign("<p>a</p>", "", ACCOUNTS), "a", "Ma Société")
	assert sign("<p>a</p>", "<p><br></p>", '<div class="ql-editor"></div>') == "<p>a</p>"
	assert in_order(sign(f"<p>a</p>{ACCOUNTS}", USERS, ACCOUNTS), "a", "Jean Dupond", "Ma Société"), "the user's goes above"


def test_signatures_typed_as_plain_lines() -> None:
	signed = sign("<p>a</p>", "Jean <jean@x.fr>\nVentes", "")
	assert "Jean &lt;jean@x.fr&gt;<br>Ventes" in signed


def test_a_signature_that_is_a_picture() -> None:
	picture = '<img src="/files/signature.png">'
	assert sign("<p>a</p>", picture, "").count("signature.png") == 1
	there = '<p>a</p><p><img src="https://site/files/signature.png?fid=1"></p>'
	assert sign(there, picture, "") == there


def test_footers_in_order_and_then_the_link() -> None:
	made = footer(
		Footers("<p>Pied du compte</p>", "Ma Société\n12 rue des Lilas", ["<span>Envoyé par Dokos</span>"]),
		unsubscribe="Se désinscrire",
		copies=True,
		pixel=True,
	)
	assert in_order(made, "Pied du compte", "Ma Société", "12 rue des Lilas", "Envoyé par Dokos", "Se désinscrire")
	for placeholder in (COPIES, PIXEL, f'href="{UNSUBSCRIBE}"'):
		assert made.count(placeholder) == 1
	assert made.index(COPIES) < made.index(UNSUBSCRIBE) < made.index(PIXEL)
	assert footer(Footers()) == "" and footer(Footers("<p><br></p>", " ", [""])) == ""


def laid_out(body: str) -> str:
	html = page(body, title="Devis", heading="Bonjour", container=True)
	start, end = body_of(html)
	html = html[:start] + sign(html[start:end], USERS, ACCOUNTS) + html[end:]
	foot = footer(Footers("<p>Pied du compte</p>", "Adresse", ["Standard"]), unsubscribe="Se désinscrire")
	return with_footer(css_inlined(with_logo(html, "/files/logo.png", "https://site")), foot)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_page_and_its_text(body: str) -> None:
	order = [
		"Voici le devis.",
		"Jean DupondVentes & conseil",
		"Ma Société — 12 rue des Lilas",
		"Pied du compte",
		"Adresse",
		"Standard",
		"Se désinscrire",
	]
	html = laid_out(body)
	text = plain_text(html)
	for made in (html, text.replace("&", "&amp;").replace("<", "&lt;")):
		assert in_order(made, *order)
		assert all(count(made, each) == 1 for each in order)
	assert html.index("logo.png") < html.index("Voici le devis.")


def test_a_host_that_laid_out_the_mail_itself() -> None:
	host = (
		'<html><body><table class="body-table"><tr><td><table class="email-body"><tr><td valign="top"><p>Texte</p></td></tr></table>'
		'<table class="email-footer"><tr><td data-email-footer="true"><p>Pied de l\'app</p><div class="email-footer-container">'
		"ancien <!--email_open_check--></div></td></tr></table></td></tr></table></body></html>"
	)
	start, end = body_of(host)
	assert host[start:end] == "<p>Texte</p>"
	made = with_footer(host, footer(Footers("nouveau")))
	assert "ancien" not in made and in_order(made, "Texte", "Pied de l'app", "nouveau")
	assert made.count("email-footer-container") == 1
	assert in_order(with_footer("<p>nu</p>", footer(Footers("pied"))), "nu", "pied")


def test_the_logo_comes_once() -> None:
	once = with_logo(page("x"), "/files/a.png?x=1&y=2", "https://site")
	assert with_logo(once, "/files/a.png?x=1&y=2", "https://site") == once
	assert 'src="/files/a.png?x=1&amp;y=2"' in once


def test_styles_become_attributes_and_nothing_is_loaded() -> None:
	html = (
		'<html><head><link rel="stylesheet" href="file:///etc/passwd"><link rel="stylesheet" href="http://127.0.0.1:9/x.css">'
		"<style>p { color: red } @media (max-width: 600px) { p { color: blue } }</style></head><body><p>a</p></body></html>"
	)
	made = css_inlined(html, "p { margin: 0 }")
	assert re.search(r'<p style="[^"]*color: red', made) and "margin: 0" in made
	assert "<link" not in made and "@media" in made


def test_rules_that_stay_are_there_once() -> None:
	"""The host has inlined its sheets before us, and we do so before and after the signatures."""
	sheet = "@media print { .x { color: red } .y { color: blue } } @media screen { .x { color: green } } .y { margin: 0 }"
	html = page('<p class="x">a</p>')
	for _time in range(3):
		html = css_inlined(html, sheet)
		assert html.count("@media screen {") == html.count("color: red }") == html.count("color: blue") == 1


def test_broken_styles_do_no_harm() -> None:
	html = '<link rel=stylesheet href="http://x/y.css"><p style="a:b:c;;;}{">texte</p><style>p{color:red}</style>'
	made = css_inlined(html)
	assert "texte" in made and "<link" not in made


def test_addresses_of_the_site_in_full() -> None:
	html = '<a href="/app/x">a</a><img src=\'/files/b.png\'><a href="//autre.fr/">c</a><a href="#d">d</a><a href="/">e</a>'
	made = absolute(html, "https://site.fr/")
	assert '"https://site.fr/app/x"' in made and "'https://site.fr/files/b.png'" in made
	assert '"//autre.fr/"' in made and '"#d"' in made


def test_a_text_of_its_own_is_kept_and_signed() -> None:
	html = '<p>Bonjour, <a href="https://x.fr/y">cliquez</a></p>'
	assert not is_of_its_own("Bonjour, [cliquez](https://x.fr/y)\n\nUnsubscribe: <!--unsubscribe_url-->".split("\n\n")[0], html)
	written = "Votre facture numéro 12 est jointe à ce message."
	assert is_of_its_own(written, html)
	made = own_text(f"{written}\n\nUnsubscribe: {UNSUBSCRIBE}\n", ["Jean Dupond\nVentes", "Pied", "Jean Dupond\nVentes"])
	assert made == f"{written}\n\nJean Dupond\nVentes\n\nPied"


def test_nothing_to_see() -> None:
	assert is_empty("") and is_empty("<div><p><br></p>&nbsp;</div>") and is_empty("\u200b")
	assert not is_empty("<img src=x>") and not is_empty("<hr>") and not is_empty("a")


PIECES = (
	"<p> </p> <div> </div> <table> <tr> <td> </td> </tr> </table> <b> <br> <blockquote> </blockquote> <!-- --> <style> </style> <script> "
	'</script> <title> <textarea> <svg> <![CDATA[ <p </body> </html> texte &amp; &#233 é < "> --- <img&#32;src=x>'
).split()


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
@example("<title>")
@example("<svg><title><table>")
@example("<script><!--<script>")
@example("<table><tr>")
@example("<script><!--")
def test_whatever_the_body_is_what_belongs_below_it_is_seen(body: str) -> None:
	html = css_inlined(page(body))
	start, end = body_of(html)
	html = html[:start] + sign(html[start:end], USERS, ACCOUNTS) + html[end:]
	text = bare(plain_text(css_inlined(with_footer(html, footer(Footers("Pied du compte"), unsubscribe="Se désinscrire")))))
	for each in ("Jean DupondVentes & conseil", "Ma Société", "Pied du compte", "Se désinscrire"):
		assert bare(each) in text


def test_long_and_deep_bodies_cost_little() -> None:
	from time import process_time

	started = process_time()
	for body in ("<p>ligne de texte</p>" * 5_000, "<div>" * 5_000 + "x", "</i>" * 10_000 + "<b>" * 10_000, "<p>a" * 10_000):
		sign(body, USERS, ACCOUNTS)
	assert process_time() - started < 10
