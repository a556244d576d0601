"""Address lists (RFC 5322 section 3.4) as they are found. No text of a list is lost: what is no address becomes a name.

Structure first, decoding after: an encoded word can never become an address, a separator or a bracket. Linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .charset import in_utf_8
from .headers import decode_words, raw_text, to_str, words
from .model import Address

#: Addresses read from one field; the header keeps the rest.
MAX_ADDRESSES = 10_000
MAX_OCTETS = 1_000_000

_PLAIN = re.compile(r"[^\s\"(<>,;:]+")
_SPACE = re.compile(r"\s+")
_ANGLE = re.compile(r"<([^<>]*)>")
_BRACKET_AGAIN = re.compile(r"<\s*<")
_OPEN_ANGLE = re.compile(r"<([^<>,;\s\"(]*)")
_ADDRESS = re.compile(r"[^\s@<>,;\"()]+@[^\s@<>,;\"()]+")
_QUOTED_LOCAL = re.compile(r"\"[^\"]*\"@[^\s@<>,;\"()]+")
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_QUOTE_OR_ESCAPE = re.compile(r"\\.|\"", re.DOTALL)
_PARENTHESIS = re.compile(r"\\.|[()]", re.DOTALL)

#: (kind, text): kind is word, quoted, comment, angle, separator, colon or space
_Token = tuple[str, str]


def parse_addresses(raw: bytes, defects: list[str] | None = None, hint: str | None = None) -> list[Address]:
	"""The mailboxes of an address field. Groups are dissolved; an empty group (undisclosed recipients) gives nothing.

	``address`` is as written, without angle brackets, route and white space; it is "" when an item names none.
	"""
	reader = _Reader(hint)
	if len(raw) > MAX_OCTETS:
		raw = raw[:MAX_OCTETS]
		raw = raw.rpartition(b",")[0] or raw
		if defects is not None:
			defects.append(f"an address field of more than {MAX_OCTETS} octets: the rest is in the original only")
	for token in _tokens(to_str(in_utf_8(raw))):
		reader.take(token)
		if len(reader.found) >= MAX_ADDRESSES:
			if defects is not None:
				defects.append(f"more than {MAX_ADDRESSES} addresses in a field: the rest is in the original only")
			return reader.found
	reader.end_item()
	reader.flush()
	return reader.found


def _tokens(text: str) -> Iterator[_Token]:
	encoded = {word.start: word.end for word in words(text)} if "=?" in text else {}
	starts = sorted(encoded, reverse=True)
	last_semicolon, last = text.rfind(";"), len(text.rstrip()) - 1
	comments = True
	at, size = 0, len(text)
	while at < size:
		if at in encoded:
			yield "word", text[at : encoded[at]]
			at = encoded[at]
			continue
		char = text[at]
		if char == '"':
			close, following = _end_of_quoted(text, at)
			yield "quoted", _QUOTED_PAIR.sub(r"\1", text[at + 1 : close])
			at = following
		elif char == "(" and comments and (close := _end_of_comment(text, at)) > 0:
			yield "comment", text[at + 1 : close]
			at = close + 1
		elif char == "<" and _BRACKET_AGAIN.match(text, at):
			at += 1  # "<<jean@x>>"
		elif char == "<":
			found = _ANGLE.match(text, at) or _OPEN_ANGLE.match(text, at)
			yield "angle", found.group(1)
			at = found.end()
		elif char in ",;":
			yield "separator", char
			at += 1
		elif char == ":":
			# A group, unless nothing could ever end it.
			yield ("colon" if last_semicolon > at or at >= last else "word"), ":"
			at += 1
		elif char in "(>":
			comments = comments and char != "("  # a parenthesis that never closes: from here on they are text
			if char == "(":
				yield "word", char
			at += 1
		elif space := _SPACE.match(text, at):
			yield "space", " "
			at = space.end()
		else:
			end = _PLAIN.match(text, at).end()
			while starts and starts[-1] <= at:
				starts.pop()
			if starts and starts[-1] < end:
				end = starts[-1]
			yield "word", text[at:end]
			at = end


def _end_of_quoted(text: str, at: int) -> tuple[int, int]:
	"""Where the quoted string that begins at ``at`` ends, and what follows begins; never closed: at the next bracket."""
	for found in _QUOTE_OR_ESCAPE.finditer(text, at + 1):
		if found.group() == '"':
			return found.start(), found.end()
	angle = text.find("<", at)
	return (angle, angle) if angle > 0 else (len(text), len(text))


def _end_of_comment(text: str, at: int) -> int:
	"""Where the comment that begins at ``at`` closes, nested ones included, or -1."""
	depth = 0
	for found in _PARENTHESIS.finditer(text, at):
		if found.group() == "(":
			depth += 1
		elif found.group() == ")":
			depth -= 1
			if depth == 0:
				return found.start()
	return -1


class _Reader:
	"""Makes mailboxes of tokens, item by item."""

	def __init__(self, hint: str | None) -> None:
		self.hint = hint
		self.found: list[Address] = []
		self.item: list[_Token] = []
		self.group = False
		#: a name without address before a comma, which may be half of the next one: ``Dupont, Jean <jean@x>``
		self.half = ""

	def take(self, token: _Token) -> None:
		kind, text = token
		if kind == "separator":
			self.end_item()
			if text == ";":
				self.flush()
				self.group = False
		elif kind == "colon" and not self.group and self._may_name_a_group():
			self.item = []
			self.flush()
			self.group = True
		else:
			self.item.append(("word", ":") if kind == "colon" else token)

	def _may_name_a_group(self) -> bool:
		return bool(self.item) and not any(kind == "angle" or (kind == "word" and "@" in text) for kind, text in self.item)

	def flush(self) -> None:
		"""Keep a name that waited for its second half."""
		if self.half:
			self.found.append(Address(self.half, ""))
			self.half = ""

	def end_item(self) -> None:
		"""What has been collected since the last separator becomes addresses."""
		item, self.item = self.item, []
		comment = self._text(text for kind, text in item if kind == "comment")
		item = [token for token in item if token[0] != "comment"]
		if any(kind == "angle" for kind, _ in item):
			self._angles(item, comment)
		else:
			self._bare(item, comment)

	def _angles(self, item: list[_Token], comment: str) -> None:
		name: list[str] = []
		first = True
		for kind, text in item:
			if kind != "angle":
				name.append(text)
				continue
			display = self._text(name)
			name = []
			if first and self.half:
				display = f"{self.half}, {display}" if display else ""
				if display:
					self.half = ""
			first = False
			self.flush()
			for address in _inside_brackets(text):
				self._keep(display or comment, address)
				display = ""
		if rest := self._text(name):
			if self.found and self.found[-1].address:
				last = self.found[-1]
				self.found[-1] = Address(f"{last.name} {rest}".strip(), last.address)
			else:
				self._keep(rest, "")

	def _bare(self, item: list[_Token], comment: str) -> None:
		clusters = _clusters(item)
		if len(clusters) == 1 and item and _one_quoted(item) and _ADDRESS.fullmatch(clusters[0][1:-1]):
			clusters = [clusters[0][1:-1]]  # an address in quotes and nothing else
		if not any(_is_address(cluster) for cluster in clusters):
			name = self._text(text for _, text in item)
			if name:
				self.flush()
				self.half = f"{name} ({comment})" if comment else name
			elif comment:
				self.flush()
				self._keep(comment, "")
			return
		self.flush()
		name: list[str] = []
		for cluster in clusters:
			if _is_address(cluster):
				self._keep(self._text([" ".join(name)]) or comment, cluster)
				name, comment = [], ""
			else:
				name.append(cluster)
		if name:
			last = self.found[-1]
			self.found[-1] = Address(f"{last.name} {self._text([' '.join(name)])}".strip(), last.address)

	def _keep(self, name: str, address: str) -> None:
		address = "".join(_unprintable_out(raw_text(address, self.hint)).split()) if '"' not in address else self._text([address])
		address = address.removeprefix("mailto:")
		if name or address:
			self.found.append(Address(name, address))

	def _text(self, texts: Iterator[str] | list[str]) -> str:
		"""Decoded, white space and control characters as single spaces."""
		text = decode_words("".join(texts), self.hint)
		return text.strip() if text.isprintable() and "  " not in text else " ".join(_unprintable_out(text).split())


def _unprintable_out(text: str) -> str:
	return "".join(char if char.isprintable() else " " for char in text)


def _clusters(item: list[_Token]) -> list[str]:
	"""The item's words as white space parts them; white space around ``@`` parts nothing (RFC 5322 section 4.4)."""
	clusters: list[list[str]] = [[]]
	space = False
	for kind, text in item:
		if kind == "space":
			space = True
			continue
		piece = f'"{text}"' if kind == "quoted" else text
		around_at = bool(clusters[-1]) and (piece.startswith("@") or clusters[-1][-1].endswith("@"))
		if space and clusters[-1] and not around_at:
			clusters.append([])
		clusters[-1].append(piece)
		space = False
	return ["".join(cluster) for cluster in clusters if cluster]


def _one_quoted(item: list[_Token]) -> bool:
	kinds = [kind for kind, _ in item if kind != "space"]
	return kinds == ["quoted"]


def _is_address(cluster: str) -> bool:
	return "@" in cluster and "=?" not in cluster and bool(_ADDRESS.fullmatch(cluster) or _QUOTED_LOCAL.fullmatch(cluster))


def _inside_brackets(text: str) -> list[str]:
	"""The address (or, wrongly, addresses) between angle brackets."""
	text = text.strip() if '"' in text else _SPACE.sub("", text)
	if text.startswith("@") and ":" in text:
		text = text.rpartition(":")[2]  # RFC 5322 section 4.4: an obsolete route
	if text[:7].lower() == "mailto:":
		text = text[7:]
	if text.count("@") > 1 and ("," in text or ";" in text):
		return [address for address in re.split("[,;]", text) if address]
	return [text]
