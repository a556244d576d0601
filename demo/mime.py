"""Raw messages written by hand: Python's own composer is too well-behaved for what mailboxes really hold."""

from __future__ import annotations

import random
import struct
import zlib
from base64 import b64encode, encodebytes
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from quopri import encodestring

CRLF = b"\r\n"


def base64_word(data: bytes, charset: str = "UTF-8") -> str:
	"""One encoded word (RFC 2047) in B encoding; ``data`` may end in the middle of a character."""
	return f"=?{charset}?B?{b64encode(data).decode()}?="


def quoted_word(text: str, charset: str = "iso-8859-1") -> str:
	"""One encoded word in Q encoding."""
	safe = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/"
	octets = text.encode(charset)
	quoted = "".join("_" if byte == 0x20 else chr(byte) if byte in safe else f"={byte:02X}" for byte in octets)
	return f"=?{charset}?Q?{quoted}?="


def encoded_words(text: str, octets: int = 36) -> str:
	"""A folded header of several encoded words, cut every ``octets`` octets, characters cut in two as well.

	RFC 2047 section 5 forbids the cut inside a character; many senders do it all the same.
	"""
	data = text.encode()
	return "\r\n ".join(base64_word(data[start : start + octets]) for start in range(0, len(data), octets))


def part(headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
	"""Headers (Latin-1 at most), an empty line, the body as given."""
	return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in headers) + CRLF + body


def text_part(text: str, subtype: str = "plain", charset: str = "utf-8") -> bytes:
	"""A text part in quoted-printable."""
	body = encodestring(text.replace("\n", "\r\n").encode(charset)).replace(b"\r\n", b"\n").replace(b"=0D\n", b"\n")
	return part(
		[("Content-Type", f"text/{subtype}; charset={charset}"), ("Content-Transfer-Encoding", "quoted-printable")],
		body.replace(b"\n", CRLF),
	)


def file_part(content: bytes, content_type: str, *headers: tuple[str, str]) -> bytes:
	"""A part in base64."""
	return part(
		[("Content-Type", content_type), ("Content-Transfer-Encoding", "base64"), *headers],
		encodebytes(content).replace(b"\n", CRLF),
	)


def multipart(subtype: str, boundary: str, *parts: bytes) -> tuple[tuple[str, str], bytes]:
	"""The Content-Type header and the body of a multipart."""
	delimiter = f"--{boundary}".encode()
	body = b"".join(delimiter + CRLF + each + CRLF for each in parts) + delimiter + b"--" + CRLF
	return ("Content-Type", f'multipart/{subtype}; boundary="{boundary}"'), body


def message(headers: Sequence[tuple[str, str]], content: tuple[tuple[str, str], bytes]) -> bytes:
	"""A whole message: its headers, MIME-Version, and what :func:`multipart` gave."""
	content_type, body = content
	return part([*headers, ("MIME-Version", "1.0"), content_type], body)


def plain(headers: Sequence[tuple[str, str]], text: str) -> bytes:
	"""A plain message as a well-behaved program sends it: UTF-8, headers encoded by Python."""
	composed = EmailMessage(policy=SMTP)
	for name, value in headers:
		composed[name] = value
	composed.set_content(text)
	return bytes(composed)


def png(width: int, height: int, seed: int | None = None) -> bytes:
	"""A PNG picture: a blue gradient, or noise that does not compress when there is a ``seed``."""
	noise = random.Random(seed)
	rows = []
	for row in range(height):
		shade = 255 * row // height
		line = noise.randbytes(3 * width) if seed is not None else bytes((30, 90, 120 + shade // 2)) * width
		rows.append(b"\0" + line)

	def chunk(kind: bytes, data: bytes) -> bytes:
		return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

	header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
	return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"".join(rows), 1)) + chunk(b"IEND", b"")


def pdf(line: str) -> bytes:
	"""A PDF of one page with one line of text on it."""
	drawing = b"BT /F1 18 Tf 60 770 Td (" + line.encode("latin-1") + b") Tj ET"
	objects = [
		b"<</Type/Catalog/Pages 2 0 R>>",
		b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
		b"<</Length %d>>stream\n%s\nendstream" % (len(drawing), drawing),
		b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
	]
	content, offsets = b"%PDF-1.4\n", []
	for number, each in enumerate(objects, 1):
		offsets.append(len(content))
		content += b"%d 0 obj\n%s\nendobj\n" % (number, each)
	table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
	count = len(objects) + 1
	return content + (
		b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
		% (count, table, count, len(content))
	)
