"""What a mail written in a desk must be when it arrives: all of it in order, once each, in its text and as a browser draws it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

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
