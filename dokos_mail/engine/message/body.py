"""Which parts of a message are its text, which are files (RFC 2046, RFC 2387, RFC 1847, RFC 6522).

Every leaf ends as one or the other: nothing is left out but empty parts. A part is text to read only when it is
``text/plain`` or ``text/html``, nothing says it is a file, and its place among its neighbours makes it the body.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from .charset import decode
from .headers import decode_header
from .html import text_to_html
from .model import Attachment
from .names import Names, name_for_type, safe_name
from .source import Source, pieces
from .structure import Part
from .text import html_to_text, lines_in_lf, unflowed
from .transfer import IDENTITY, decoded, measured


@dataclass
class Segment:
	"""A stretch of the body: as text, as HTML, or as both when the sender gave both."""

	text: Part | None = None
	html: Part | None = None


@dataclass
class Plan:
	"""What each leaf is."""

	segments: list[Segment] = field(default_factory=list)
	files: list[Part] = field(default_factory=list)


@dataclass
class Body:
	"""The bodies as sent (HTML unsanitised), and the files."""

	text: str | None = None
	html: str | None = None
	attachments: list[Attachment] = field(default_factory=list)


def file_name(part: Part) -> str | None:
	"""The name the sender gave the part, decoded and otherwise as it is."""
	name = part.disposition.get("filename") or part.content_type.get("name") or part.disposition.get("name")
	return name.strip() or None if name else None


# --- which part is what


def plan(root: Part) -> Plan:
	"""Sort the leaves below ``root`` into text and files, in the order of the message. No recursion."""
	result = Plan()
	# (part, the segment of the alternative it belongs to, whether it is the root of a related or signed part or the like)
	stack: list[tuple[Part, Segment | None, bool]] = [(root, None, True)]
	while stack:
		part, alternative, bodily = stack.pop()
		if part.children is None:
			_place(part, alternative, bodily, result)
			continue
		children = part.children
		if part.type == "multipart/alternative" and bodily:
			segment = alternative
			if segment is None:
				segment = Segment()
				result.segments.append(segment)
			stack.extend((child, segment, True) for child in reversed(children))
		elif part.type == "multipart/related":
			start = _related_root(part)
			stack.extend(
				(child, alternative if child is start else None, bodily and (child is start or not _is_resource(child)))
				for child in reversed(children)
			)
		elif part.type == "multipart/signed":
			stack.extend(
				(child, alternative if child is children[0] else None, bodily and child is children[0])
				for child in reversed(children)
			)
		elif part.type in ("multipart/encrypted", "multipart/form-data"):
			stack.extend((child, None, False) for child in reversed(children))
		else:
			stack.extend((child, alternative, bodily) for child in reversed(children))
	result.segments = [segment for segment in result.segments if segment.text or segment.html]
	return result


def _place(part: Part, alternative: Segment | None, bodily: bool, result: Plan) -> None:
	if not bodily or part.type not in ("text/plain", "text/html") or not _readable(part, result):
		result.files.append(part)
		return
	kind = "text" if part.type == "text/plain" else "html"
	if alternative is None:
		result.segments.append(Segment(**{kind: part}))
	elif getattr(alternative, kind) is None:
		setattr(alternative, kind, part)
	elif _inside_mixed(part):
		# Apple Mail: alternative[text, mixed[html, file, html]]: the stretches after the first
		result.segments.append(Segment(**{kind: part}))
	else:
		result.files.append(part)


def _readable(part: Part, result: Plan) -> bool:
	"""Whether a text part is meant to be read in place."""
	if part.disposition.value not in ("", "inline"):
		return False  # RFC 2183 section 2.8: what is not known is an attachment
	if file_name(part) is None:
		return True
	if part.parent is None:
		return True
	# Named and not said to be an attachment: the body if it stands where the body stands and nothing else does.
	return (not result.files and not any(segment.text or segment.html for segment in result.segments)) or (
		part.parent.type == "multipart/alternative"
	)


def _inside_mixed(part: Part) -> bool:
	parent = part.parent
	while parent is not None and parent.type != "multipart/alternative":
		if parent.type != "multipart/related":
			return True
		parent = parent.parent
	return False


def _related_root(part: Part) -> Part:
	wanted = (part.content_type.get("start") or "").strip("<> ")
	for child in part.children or []:
		if wanted and child.content_id == wanted:
			return child
	return (part.children or [part])[0]


def _is_resource(part: Part) -> bool:
	return part.content_id is not None or file_name(part) is not None or bool(part.location)


# --- reading


class Reader:
	"""Decodes the parts of one message. With ``full`` False nothing is kept in memory but names, sizes and digests."""

	def __init__(self, source: Source, defects: list[str], *, full: bool) -> None:
		self.source, self.defects, self.full = source, defects, full

	def read(self, root: Part) -> Body:
		"""Bodies and files of the message."""
		sorted_parts = plan(root)
		body = Body()
		if self.full:
			body.text, body.html = self._bodies(sorted_parts.segments)
			files = sorted_parts.files
		else:
			files = [part for part in root.leaves()]
			read_in_place = {id(p) for segment in sorted_parts.segments for p in (segment.text, segment.html)}
			files = [part for part in files if id(part) not in read_in_place]
		shown = cids(body.html) if body.html else set()
		names = Names()
		for part in files:
			if part.end > part.start or file_name(part) or part.content_id:
				body.attachments.append(self._file(part, names, shown))
		return body

	def _bodies(self, segments: list[Segment]) -> tuple[str | None, str | None]:
		read = [(self._text(s.text) if s.text else None, self._text(s.html) if s.html else None) for s in segments]
		read = _merged(read)
		texts = [text for text, _ in read if text is not None]
		text = _joined(texts) if texts else None
		if not any(html and html.strip() for _, html in read):
			return text, None
		if len(read) == 1:
			return text, read[0][1]
		# Stretches that are text only are shown too, where they stand, by whoever shows the HTML.
		return text, "\n".join(
			html if html is not None else text_to_html(plain or "")
			for plain, html in read
			if html is not None or (plain or "").strip()
		)

	def _text(self, part: Part) -> str:
		octets = decoded(self._encoded(part), part.encoding, self.defects, text=True)
		is_html = part.type == "text/html"
		text = lines_in_lf(decode(octets, part.content_type.get("charset"), self.defects, html=is_html))
		if not is_html and (part.content_type.get("format") or "").lower() == "flowed":
			text = unflowed(text, (part.content_type.get("delsp") or "").lower() == "yes")
		return text

	def _encoded(self, part: Part) -> bytes:
		if part.encoding in IDENTITY:
			return self.source.original(part.start, part.end)
		return self.source.read(part.start, part.end)  # an encoding made of lines needs their LF

	def _file(self, part: Part, names: Names, shown: set[str]) -> Attachment:
		given = file_name(part)
		name = names.take(safe_name(given, part.type) if given else self._name(part))
		if self.full:
			content = decoded(self._encoded(part), part.encoding, self.defects, text=part.main == "text")
			size, digest = len(content), hashlib.sha256(content).hexdigest()
		else:
			content = None
			read = self.source.original if part.encoding in IDENTITY else self.source.read
			size, digest = measured(pieces(read, part.start, part.end), part.encoding)
		location = part.location.decode("utf-8", "replace").strip(" <>") or None
		return Attachment(name, part.type, size, digest, _inline(part, shown), part.content_id, content, location)

	def _name(self, part: Part) -> str:
		"""A name for a part without one: a forwarded message is named by its subject."""
		if part.type in ("message/rfc822", "message/global") and part.encoding in ("", "7bit", "8bit", "binary"):
			head = self.source.read(part.start, min(part.end, part.start + 65536))
			found = _SUBJECT.search(head.replace(b"\r\n", b"\n").partition(b"\n\n")[0])
			subject = decode_header(found.group(1).replace(b"\n", b"")) if found else ""
			if subject:
				return safe_name(subject.rstrip(".")[:100] + ".eml")
		if part.description:
			described = decode_header(part.description)
			if _HAS_EXTENSION.search(described):
				return safe_name(described, part.type)
		return name_for_type(part.type)


_SUBJECT = re.compile(rb"^subject:[ \t]*([^\n]{0,990}(?:\n[ \t][^\n]{0,990}){0,20})", re.I | re.M)
_HAS_EXTENSION = re.compile(r"^[^/\\\n]{1,120}\.[A-Za-z0-9]{2,4}$")
_CID = re.compile(r"\bcid:([^\s\"'<>)]{1,500})", re.I)


def cids(html: str) -> set[str]:
	"""The Content-IDs that ``html`` names."""
	if "cid:" not in html and "CID:" not in html:
		return set()
	found = {match.group(1).replace("&amp;", "&") for match in _CID.finditer(html)}
	return found | {unquote(name) for name in found}


def _inline(part: Part, shown: set[str]) -> bool:
	"""Whether the part is shown inside the body: the HTML names it, or it says so."""
	if part.content_id is not None and part.content_id in shown:
		return True
	return part.disposition.value == "inline"


def _joined(texts: list[str]) -> str:
	"""Texts one after the other, each beginning on a line of its own."""
	return "".join(text if not text or text.endswith("\n") else text + "\n" for text in texts[:-1]) + texts[-1]


_Read = tuple[str | None, str | None]


def _merged(read: list[_Read]) -> list[_Read]:
	"""Text followed by HTML that says the same is one stretch: senders that mean alternative and say mixed."""
	out: list[_Read] = []
	for text, html in read:
		if (
			out
			and text is None
			and html is not None
			and out[-1][1] is None
			and out[-1][0] is not None
			and _same(out[-1][0], html)
		):
			out[-1] = (out[-1][0], html)
		else:
			out.append((text, html))
	return out


_WORD = re.compile(r"\w+")


def _same(text: str, html: str) -> bool:
	"""Whether nine in ten words of ``text`` are in ``html`` too, and are most of it."""
	ours = set(_words(text))
	theirs = set(_words(html_to_text(html[:200_000])))
	return bool(ours) and len(ours & theirs) * 10 >= len(ours) * 9 and len(theirs) <= len(ours) * 2 + 5


def _words(text: str) -> Iterator[str]:
	return (found.group().lower() for found in _WORD.finditer(text[:100_000]))
