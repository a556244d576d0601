"""A mail with all that a mail can have, written in a desk, and what it must be when it arrives: all of it in order, once each."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import frappe

from mail_servers.relay import Accepted
from mail_servers.smtp_faults import FaultySmtp
from tests.app.test_spam_rules import complaints_about_the_build

SUBJECT, WRITTEN = "Devis n° 12 — été 2026", "Voici notre devis."
#: What Marie Dupond's signature says, and what stands at the foot of each mail of the site.
SIGNS, SITES_FOOTER = "Marie Dupond, ventes", "12 rue des Lilas\n75000 Paris"
IN_ORDER = (WRITTEN, SIGNS, "Ma Société de Test", "SARL au capital", "12 rue des Lilas", "Se désinscrire")
#: A little square that a browser draws.
LOGO = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
#: Of each text that is looked for: how many elements draw it themselves, and where the first stands.
_WHERE = """texts => texts.map(text => {
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	const found = [];
	while (walker.nextNode()) {
		const node = walker.currentNode;
		if (!node.textContent.includes(text)) continue;
		const range = document.createRange();
		range.selectNode(node);
		const box = range.getBoundingClientRect();
		if (box.height && node.parentElement.checkVisibility()) found.push(box.top);
	}
	return [found.length, found[0]];
})"""


def dressed_account(make_account: Callable[..., Any], server: FaultySmtp) -> tuple[Any, str]:
	"""An account that puts into a mail all that it can, through which everybody sends; and the File that is its logo."""
	logo = frappe.get_doc({"doctype": "File", "file_name": f"{uuid4().hex}.png", "content": LOGO, "is_private": 0}).insert()
	account = make_account(
		server,
		default_outgoing=1,
		add_signature=1,
		signature="<p>Ma Société de Test</p>",
		footer="<p>SARL au capital de 10 000 euros</p>",
		send_unsubscribe_message=1,
		track_email_status=1,
		brand_logo=logo.file_url,
	)
	return account, logo.name


def read(raw: bytes) -> EmailMessage:
	return message_from_bytes(raw, policy=policy.default)


def page_of(mail: EmailMessage) -> str:
	"""The HTML of a mail, its own pictures in it, as a mail program shows it."""
	html = mail.get_body(("html",)).get_content()
	for part in mail.walk():
		if name := part["Content-ID"]:
			content = b64encode(part.get_payload(decode=True)).decode("ascii")
			html = html.replace(f"cid:{name.strip('<>')}", f"data:{part.get_content_type()};base64,{content}")
	return html


def assert_whole(
	browser: Any, accepted: Accepted, account: Any, people: tuple[str, str], folder: Path, picture: Path | None = None
) -> None:
	"""What a server took is the mail of Marie Dupond, ``people`` her address and whom she wrote to, as it must be."""
	writer, to = people
	mail = read(accepted.raw)
	assert (mail["Subject"], mail["To"]) == (SUBJECT, to)
	assert mail["From"] == f"Marie Dupond <{writer}>" and accepted.sender == account.email_id
	assert mail.get_content_type() == "multipart/mixed" and mail["Auto-Submitted"] is None
	assert_in_order(browser, accepted.raw, IN_ORDER, picture)
	assert complaints_about_the_build(accepted.raw, folder) == set()


def assert_in_order(browser: Any, raw: bytes, texts: Sequence[str], picture: Path | None = None) -> None:
	"""The logo above everything, then these texts one below the other, each once: drawn without any network, and in the plain text."""
	mail = read(raw)
	context = browser.new_context(viewport={"width": 760, "height": 900}, offline=True)
	try:
		page = context.new_page()
		page.set_content(page_of(mail))
		logo = page.locator("img.brand-logo")
		assert logo.count() == 1
		assert logo.evaluate("each => each.complete && each.naturalWidth > 0"), "the logo is in the mail"
		where = page.evaluate(_WHERE, list(texts))
		assert [count for count, _top in where] == [1] * len(texts), list(zip(texts, where, strict=True))
		tops = [logo.bounding_box()["y"], *(top for _count, top in where)]
		assert tops == sorted(set(tops)), list(zip(["logo", *texts], tops, strict=True))
		assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off at the side"
		if picture:
			picture.parent.mkdir(parents=True, exist_ok=True)
			page.screenshot(path=picture, full_page=True)
	finally:
		context.close()
	plain = mail.get_body(("plain",)).get_content()
	at = [plain.find(text) for text in texts]
	assert -1 not in at and at == sorted(at) and all(plain.count(text) == 1 for text in texts), plain
