"""Folder names on the wire: modified UTF-7 (RFC 3501 section 5.1.3), both ways, and quoting."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

_PLAIN_OR_NOT = re.compile(r"([\x20-\x7e]+)|([^\x20-\x7e]+)")
_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")


def encode_folder(name: str) -> bytes:
	"""The name as it is sent. ASCII stands for itself, ``&`` is ``&-``, the rest is base64 of UTF-16."""

	def encode(match: re.Match[str]) -> str:
		plain, other = match.groups()
		if plain:
			return plain.replace("&", "&-")
		data = b64encode(other.encode("utf-16-be", "surrogatepass")).rstrip(b"=").replace(b"/", b",")
		return f"&{data.decode('ascii')}-"

	return _PLAIN_OR_NOT.sub(encode, name).encode("ascii")


def decode_folder(raw: bytes) -> str:
	"""The name as it is read. What is not modified UTF-7 is taken for UTF-8, which some servers send, or Latin-1."""
	decoded = _from_modified(raw)
	if decoded is not None and encode_folder(decoded) == raw:
		return decoded
	try:
		return raw.decode("utf-8")
	except UnicodeDecodeError:
		return raw.decode("latin-1")


def _from_modified(raw: bytes) -> str | None:
	try:
		return _SHIFTED.sub(_decode_shifted, raw).decode("utf-8") if raw.isascii() else None
	except (UnicodeDecodeError, Base64Error):
		return None


def _decode_shifted(match: re.Match[bytes]) -> bytes:
	data = match[1]
	if not data:
		return b"&"
	padded = data.replace(b",", b"/") + b"=" * (-len(data) % 4)
	return b64decode(padded, validate=True).decode("utf-16-be").encode("utf-8")


def quote(raw: bytes) -> bytes:
	"""A quoted string (RFC 3501 section 4.3). ``raw`` has no line breaks in it, which an encoded name never has."""
	return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
