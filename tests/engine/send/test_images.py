"""Pictures that travel in a mail: only what the caller gives, only pictures, each once."""

from __future__ import annotations

import re
from base64 import b64encode

import pytest

from dokos_mail.engine.send.files import File
from dokos_mail.engine.send.images import MAX_ALL, embedded, kind_of, picture

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
GIF = b"GIF89a" + b"\0" * 20


def resolve(address: str) -> File | None:
	return {"/files/a.png": picture("a.png", PNG), "/files/b": picture("b", GIF)}.get(address)


def test_pictures_become_parts_shown_by_their_content_id() -> None:
	html = '<p>x<img class="c" src="/files/a.png" alt="A > B"><IMG SRC=/files/b width=3><img src="https://ailleurs/c.png"><img src="/files/a.png"/></p>'
	made, files = embedded(html, resolve)
	assert [(each.name, each.type) for each in files] == [("a.png", "image/png"), ("b.gif", "image/gif")]
	assert re.findall(r'src="(cid:[^"]+)"', made) == [
		f"cid:{files[0].content_id}",
		f"cid:{files[1].content_id}",
		f"cid:{files[0].content_id}",
	]
	assert 'alt="A > B"' in made and 'class="c"' in made and "https://ailleurs/c.png" in made
	assert made.lower().count("src=") == 4


def test_data_addresses() -> None:
	html = f'<img src="data:image/png;base64,{b64encode(PNG).decode()}"><img src="data:text/html;base64,PHA+"><img src="data:image/png;base64,?">'
	made, files = embedded(html, lambda address: pytest.fail(address))
	assert len(files) == 1 and files[0].content == PNG
	assert made.count("cid:") == 1 and "data:text/html" in made


def test_embed_is_an_address_and_never_stays() -> None:
	made, files = embedded(
		'<img embed="/files/a.png" src="x"><img embed="/etc/passwd"><img embed="site_config.json" src="/y">', resolve
	)
	assert len(files) == 1 and "embed" not in made
	assert re.findall(r'src="([^"]*)"', made) == [f"cid:{files[0].content_id}", "/y"]
	text = '<p data-embed="site_config.json">embed="site_config.json"</p>'
	assert embedded(text, lambda address: pytest.fail(address)) == (text, [])


def test_what_has_a_content_id_already_is_left_alone() -> None:
	html = '<img src="cid:1@x">'
	assert embedded(html, lambda address: pytest.fail(address)) == (html, [])


@pytest.mark.parametrize("content", [b'{"db_password": "x"}', b"<svg onload=x>", b"", b"RIFF....WAVE", b"%PDF-1.4"])
def test_only_pictures_are_pictures(content: bytes) -> None:
	assert kind_of(content) is None and picture("x.png", content) is None


def test_not_more_than_mail_takes() -> None:
	each = PNG + b"\0" * 2_500_000
	files = {f"/files/{number}.png": picture("x", each + bytes([number])) for number in range(9)}
	made, kept = embedded("".join(f'<img src="{address}">' for address in files), files.get)
	assert sum(len(file.content) for file in kept) <= MAX_ALL and len(kept) == 3
	assert made.count("cid:") == 3 and made.count("/files/") == 6
