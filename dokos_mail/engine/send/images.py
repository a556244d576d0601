"""Images of a mail that travel in it: each ``<img>`` whose file the caller has becomes a part, shown by its Content-ID.

Nothing is read or loaded here: the caller's ``resolve`` is asked, and only pictures that mail programs show are taken.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from binascii import Error
from collections.abc import Callable
from html import escape
from urllib.parse import unquote_to_bytes

from .extents import Element, Extents
from .files import File, file_name

#: What a picture's first octets are, and the file name ending that goes with it. SVG is no picture in mail programs.
_KINDS: tuple[tuple[bytes, str, str], ...] = (
	(b"\x89PNG\r\n\x1a\n", "image/png", "png"),
	(b"\xff\xd8\xff", "image/jpeg", "jpg"),
	(b"GIF87a", "image/gif", "gif"),
	(b"GIF89a", "image/gif", "gif"),
	(b"BM", "image/bmp", "bmp"),
)
#: Octets of one picture and of all together; more stay links.
MAX_ONE = 3_000_000
MAX_ALL = 8_000_000

_SOURCE = re.compile(r"""\s(?:src|embed)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"']+)""", re.I)
_DATA = re.compile(r"data:image/[\w.+-]+(?P<options>(?:;[\w=.+-]+)*),(?P<content>.*)", re.I | re.S)


def kind_of(content: bytes) -> str | None:
	"""The type of a picture by its first octets; None for whatever else it is, whatever its name."""
	if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
		return "image/webp"
	return next((kind for start, kind, _ending in _KINDS if content.startswith(start)), None)


def picture(name: str, content: bytes) -> File | None:
	"""A picture as an inline file, or None when that content is none, or too large."""
	kind = kind_of(content)
	if not kind or len(content) > MAX_ONE:
		return None
	name = file_name(name)
	if "." not in name:
		name = f"{name}.{next((ending for _start, each, ending in _KINDS if each == kind), 'webp')}"
	return File(name, content, kind, f"{hashlib.sha256(content).hexdigest()[:24]}@inline")


def embedded(html: str, resolve: Callable[[str], File | None]) -> tuple[str, list[File]]:
	"""The HTML with its images as parts, and the parts. ``resolve`` gives the picture of an address, or None.

	``data:`` addresses, which most mail programs do not show, are resolved here. An attribute ``embed`` is treated as
	the address, as hosts' templates have it; it never stays, whether it is resolved or not.
	"""
	if "<img" not in html.lower():
		return html, []
	found: dict[str, File] = {}
	pieces: list[str] = []
	at = 0
	room = MAX_ALL
	for element in Extents(html).elements:
		if element.tag != "img" or not element.attributes.keys() & {"src", "embed"}:
			continue
		wanted = element.attributes.get("embed") or element.attributes.get("src", "")
		file = _of_data(wanted) if wanted[:5].lower() == "data:" else resolve(wanted) if wanted[:4].lower() != "cid:" else None
		if file and file.content_id not in found and len(file.content) > room:
			file = None
		if file:
			room -= 0 if file.content_id in found else len(file.content)
			found[file.content_id] = file
		if file or "embed" in element.attributes:
			source = f"cid:{file.content_id}" if file else element.attributes.get("src", "")
			pieces += [html[at : element.start], _with_source(html, element, source)]
			at = element.inner_start
	return "".join([*pieces, html[at:]]), list(found.values())


def _with_source(html: str, element: Element, source: str) -> str:
	tag = _SOURCE.sub("", html[element.start : element.inner_start])
	return f'{tag[:4]} src="{escape(source)}"{tag[4:]}' if source else tag


def _of_data(address: str) -> File | None:
	found = _DATA.fullmatch(address)
	if not found or len(address) > MAX_ONE * 2:
		return None
	content = unquote_to_bytes(found["content"])
	if ";base64" in found["options"].lower():
		try:
			content = b64decode(re.sub(rb"\s", b"", content), validate=True)
		except Error:
			return None
	return picture("image", content)
