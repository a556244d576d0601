"""Modified UTF-7, both ways (T17)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.receive.utf7 import decode_folder, encode_folder, quote


@pytest.mark.parametrize(
	("name", "raw"),
	[
		("INBOX", b"INBOX"),
		("Envoyés", b"Envoy&AOk-s"),
		("Éléments envoyés", b"&AMk-l&AOk-ments envoy&AOk-s"),
		("R&D", b"R&-D"),
		("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
		("a\tb", b"a&AAk-b"),
		("📧", b"&2D3c5w-"),
	],
)
def test_known_names(name: str, raw: bytes) -> None:
	assert encode_folder(name) == raw
	assert decode_folder(raw) == name


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_name_comes_back(name: str) -> None:
	raw = encode_folder(name)
	assert all(0x20 <= octet <= 0x7E for octet in raw)
	assert decode_folder(raw) == name


@given(st.binary())
def test_no_octets_from_a_server_are_an_error(raw: bytes) -> None:
	assert isinstance(decode_folder(raw), str)


def test_what_is_not_modified_utf7_is_read_for_what_it_is() -> None:
	assert decode_folder("Envoyés".encode()) == "Envoyés"
	assert decode_folder("Envoyés".encode("latin-1")) == "Envoyés"
	assert decode_folder(b"A & B") == "A & B"


def test_quoting() -> None:
	assert quote(b'say "hi" \\ bye') == b'"say \\"hi\\" \\\\ bye"'
