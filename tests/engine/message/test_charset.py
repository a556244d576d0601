"""Bytes to text: every byte comes out as something, and a false label is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.message.charset import codec_for, decode

TEXTS = [
	("café", "utf-8", "utf-8"),
	("café", "latin-1", "iso-8859-1"),
	("café €", "cp1252", "windows-1252"),
	("café €", "cp1252", "iso-8859-1"),
	("café €", "cp1252", "ansi"),
	("café", "cp850", "cp-850"),
	("café", "mac_roman", "macintosh"),
	("café", "utf-16", "utf-16"),
	("café", "utf-16-le", "utf-16le"),
	("café", "utf-7", "unicode-1-1-utf-7"),
	("Привет", "koi8-r", "koi8-r"),
	("Привіт", "koi8-u", "koi8-u"),
	("สวัสดี", "cp874", "windows-874"),
	("שלום", "iso8859-8", "iso-8859-8-i"),
	("镕基", "gb18030", "gb2312"),
	("똠방", "cp949", "ks_c_5601-1987"),
	("①", "cp932", "shift_jis"),
	("髙﨑", "cp932", "x-sjis"),
	("日本語", "iso-2022-jp", "iso-2022-jp"),
	("日本語", "euc_jp", "x-euc-jp"),
	("測試", "cp950", "big5"),
	("ğış", "cp1254", "iso-8859-9"),
]


@pytest.mark.parametrize(("text", "codec", "declared"), TEXTS, ids=range(len(TEXTS)))
def test_declared(text: str, codec: str, declared: str) -> None:
	defects: list[str] = []
	assert decode(text.encode(codec), declared, defects) == text
	assert not defects


@pytest.mark.parametrize(
	"declared", [None, "", "x-unknown", "us-ascii", "nonsense", "zlib", "rot13", "unicode_escape", "idna", "utf-8"]
)
def test_false_or_missing_labels(declared: str | None) -> None:
	defects: list[str] = []
	assert decode("un café".encode("cp1252"), declared, defects) == "un café"
	assert decode("un café".encode(), declared) == "un café"
	assert defects


def test_a_guess_for_another_script() -> None:
	text = "Уважаемые коллеги, просим прислать предложение до пятницы. Спасибо за понимание и до встречи. " * 3
	assert decode(text.encode("koi8-r")) == text
	assert decode(text.encode("cp1251")) == text


def test_japanese_without_a_label() -> None:
	assert decode("日本語".encode("iso-2022-jp")) == "日本語"


def test_strays_in_utf_8_stay_readable() -> None:
	defects: list[str] = []
	assert decode("déjà vu à Noël, ".encode() * 5 + "été".encode("latin-1"), "utf-8", defects) == "déjà vu à Noël, " * 5 + "été"
	assert defects


def test_html_says_its_charset() -> None:
	assert decode('<meta charset="windows-1251">Привет'.encode("cp1251"), html=True) == '<meta charset="windows-1251">Привет'
	# too little to guess from
	for said in ('<meta charset="windows-1251">да', '<?xml version="1.0" encoding="windows-1251"?>да'):
		assert decode(said.encode("cp1251"), html=True) == said
		assert decode(said.encode("cp1251")) != said


def test_ascii_labelled_utf_16() -> None:
	assert decode(b"plain words", "utf-16") == "plain words"


@pytest.mark.parametrize(
	"name", ["zlib", "bz2", "hex", "uu", "rot13", "idna", "punycode", "undefined", "unicode_escape", "a" * 100, "a\0b"]
)
def test_no_codec_but_charsets(name: str) -> None:
	assert codec_for(name) is None


@given(st.binary(max_size=200), st.sampled_from([None, *[declared for _, _, declared in TEXTS], "x-unknown"]), st.booleans())
def test_any_bytes_any_label(data: bytes, declared: str | None, html: bool) -> None:
	text = decode(data, declared, html=html)
	text.encode("utf-8")
	assert "\0" not in text
