"""Content-Transfer-Encodings undone, whole and in pieces."""

from __future__ import annotations

import base64
import binascii
import hashlib
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.message.transfer import decoded, measured


def undone(body: bytes, encoding: str, text: bool = False) -> tuple[bytes, list[str]]:
	defects: list[str] = []
	return decoded(body, encoding, defects, text=text), defects


@given(st.binary(max_size=2000))
def test_what_is_encoded_comes_back(data: bytes) -> None:
	assert undone(base64.encodebytes(data), "base64") == (data, [])
	assert undone(quopri.encodestring(data.replace(b"\r", b"")), "quoted-printable") == (data.replace(b"\r", b""), [])
	lines = b"begin 644 x\n" + b"".join(binascii.b2a_uu(data[at : at + 45]) for at in range(0, len(data), 45)) + b"`\nend\n"
	assert undone(lines, "x-uuencode") == (data, [])
	assert undone(data, "8bit") == (data, [])


@given(st.binary(max_size=400), st.integers(1, 50), st.sampled_from(["base64", "quoted-printable", "7bit", "binary"]))
def test_in_pieces_as_whole(data: bytes, size: int, encoding: str) -> None:
	body = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}.get(encoding, bytes)(data)
	whole = decoded(body, encoding, [])
	pieces = (body[at : at + size] for at in range(0, len(body), size))
	assert measured(pieces, encoding) == (len(whole), hashlib.sha256(whole).hexdigest())


@given(st.binary(max_size=400), st.integers(1, 50))
def test_rubbish_in_pieces_as_whole(data: bytes, size: int) -> None:
	whole = decoded(data, "base64", [])
	pieces = (data[at : at + size] for at in range(0, len(data), size))
	assert measured(pieces, "base64") == (len(whole), hashlib.sha256(whole).hexdigest())


@pytest.mark.parametrize(
	("body", "expected"),
	[
		(b"SGVsbG8=", b"Hello"),
		(b"SGVsbG8", b"Hello"),
		(b"SGVs\n!bG8=", b"Hello"),
		(b"SGVsbG8=IQ==", b"Hello!"),
		(b"SGVsbG8=\n\nIHlvdQ==\n", b"Hello you"),
		(b"SGVsbG8x=A", b"Hello1"),
		(b"=", b""),
		(b"", b""),
	],
)
def test_base64_as_it_comes(body: bytes, expected: bytes) -> None:
	assert undone(body, "base64")[0] == expected


@pytest.mark.parametrize(
	("body", "expected"),
	[
		(b"SGVs" * 247 + b"!\r\n IGFsbA==\r\n", b"Hel" * 247 + b" all"),  # a server broke a line that was too long
		(b"SGVs\n!bG8g\n#eW91\n", b"Hello you"),
		(b"SGVsbG8=\n____________\nListe\n", b"Hello\n____________\nListe\n"),
		(b"SGVsbG8=\nhttps://liste.example/\n", b"Hello\nhttps://liste.example/\n"),
	],
)
def test_a_text_in_base64_as_it_comes(body: bytes, expected: bytes) -> None:
	assert undone(body, "base64", text=True)[0] == expected


@pytest.mark.parametrize(
	("body", "expected"),
	[
		(b"caf=E9", b"caf\xe9"),
		(b"caf=e9", b"caf\xe9"),
		(b"one =\ntwo", b"one two"),
		(b"one =\r\ntwo", b"one two"),
		(b"one =  \ntwo", b"one two"),
		(b"100=", b"100"),
		(b"=ZZ", b"=ZZ"),
		(b"raw \xe9", b"raw \xe9"),
	],
)
def test_quoted_printable_as_it_comes(body: bytes, expected: bytes) -> None:
	assert undone(body, "quoted-printable")[0] == expected


def test_defects_are_said() -> None:
	assert undone(b"SGVs*bG8=", "base64")[1] == ["base64 with 1 octets that are none of it"]
	assert undone(b"SGVsb", "base64")[1] == ["base64 is cut off"]
	assert undone(b"x", "x-odd") == (b"x", ["unknown Content-Transfer-Encoding 'x-odd': kept as it is"])
	assert undone(b"no begin\n", "x-uuencode") == (b"no begin\n", ["labelled uuencode and is not: kept as it is"])
