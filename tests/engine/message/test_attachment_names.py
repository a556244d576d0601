"""Attachment names: safe, short, each once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.message.names import MAX_OCTETS, Names, name_for_type, safe_name


@pytest.mark.parametrize(
	("given_name", "expected"),
	[
		("devis.pdf", "devis.pdf"),
		("Devis n°12 – été.pdf", "Devis n°12 – été.pdf"),
		("../../etc/passwd", "passwd"),
		("C:\\Users\\jean\\bilan.xls", "bilan.xls"),
		("/tmp/", "tmp"),
		("a/b\\c.txt", "c.txt"),
		("..", "attachment.bin"),
		("", "attachment.bin"),
		("___", "attachment.bin"),
		("a\0b\n.txt", "ab .txt"),
		("a<b>:c?.txt", "a_b__c_.txt"),
		(".htaccess", "htaccess"),
		("trailing. ", "trailing"),
		("CON", "_CON"),
		("nul.txt", "_nul.txt"),
		("gnp\u202eexe.txt", "gnpexe.txt"),
		("e\u0301te\u0301.txt", "été.txt"),
		("\ud800.txt", "txt"),
	],
)
def test_safe_name(given_name: str, expected: str) -> None:
	assert safe_name(given_name) == expected


def test_long_names_keep_their_extension() -> None:
	name = safe_name("é" * 200 + ".pdf")
	assert name.endswith("é.pdf")
	assert MAX_OCTETS - 2 < len(name.encode()) <= MAX_OCTETS


@given(st.text(max_size=300), st.sampled_from(["application/pdf", "image/png", "x/y", ""]))
def test_any_name(text: str, type_: str) -> None:
	name = safe_name(text, type_)
	assert 0 < len(name.encode("utf-8")) <= MAX_OCTETS
	assert not set(name) & set('/\\<>:"|?*\0\n\r')
	assert name not in (".", "..")


def test_each_name_once() -> None:
	names = Names()
	assert [names.take(name) for name in ("a.pdf", "A.pdf", "a.pdf", "a-1.pdf", "b", "b")] == [
		"a.pdf",
		"A-1.pdf",
		"a-2.pdf",
		"a-1-1.pdf",
		"b",
		"b-1",
	]


@given(st.lists(st.sampled_from(["a.pdf", "a-1.pdf", "A.PDF", "x" * 140, "x" * 136 + ".pdf", "é" * 70]), max_size=30))
def test_never_two_alike(given_names: list[str]) -> None:
	names = Names()
	taken = [names.take(name) for name in given_names]
	assert len({name.casefold() for name in taken}) == len(taken)
	assert all(len(name.encode()) <= MAX_OCTETS for name in taken)


@pytest.mark.parametrize(
	("type_", "expected"),
	[
		("application/pdf", "document.pdf"),
		("text/calendar", "invite.ics"),
		("image/gif", "image.gif"),
		("x/unknown", "attachment.bin"),
		("application/ms-tnef", "winmail.dat"),
	],
)
def test_names_by_type(type_: str, expected: str) -> None:
	assert name_for_type(type_) == expected
