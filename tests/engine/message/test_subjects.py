"""Odd subjects with a known answer: what a reader of the mail was meant to see."""

from __future__ import annotations

import base64

import pytest

from dokos_mail.engine.message.headers import decode_header
from dokos_mail.engine.message.parse import parse


def b(text: str, charset: str) -> bytes:
	return b"=?" + charset.encode() + b"?B?" + base64.b64encode(text.encode(charset)) + b"?="


JAPANESE = "お見積もりの件につきまして"

SUBJECTS: list[tuple[bytes, str]] = [
	# plain
	(b"Bonjour", "Bonjour"),
	(b"", ""),
	(b"   spaces around   ", "spaces around"),
	(b"two  spaces inside", "two  spaces inside"),
	(b"Re: Re: [liste] sujet", "Re: Re: [liste] sujet"),
	(b"a = b? yes?=", "a = b? yes?="),
	(b"=?", "=?"),
	(b"=??=", "=??="),
	(b"=?utf-8?=", "=?utf-8?="),
	(b"=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
	(b"100 =? 200", "100 =? 200"),
	(b"tab\tinside", "tab inside"),
	# one word
	(b"=?utf-8?q?caf=C3=A9?=", "café"),
	(b"=?UTF-8?Q?CAF=C3=89?=", "CAFÉ"),
	(b"=?utf-8?b?Y2Fmw6k=?=", "café"),
	(b"=?iso-8859-1?q?d=E9j=E0_vu?=", "déjà vu"),
	(b"=?ISO-8859-15?Q?10_=A4?=", "10 €"),
	(b"=?windows-1252?Q?=80_=93x=94?=", "€ “x”"),
	(b"=?iso-8859-1?Q?=80_=93x=94?=", "€ “x”"),  # labelled Latin-1, meant Windows-1252
	(b"=?utf-8?q?a_=5F_b?=", "a _ b"),
	(b"=?utf-8?q?=3D=3F=3D?=", "=?="),
	(b"=?utf-8*fr?q?=C3=A9t=C3=A9?=", "été"),
	(b"=?us-ascii?q?plain?=", "plain"),
	(b"=?utf-8?q??=", ""),
	(b"=?utf-8?b??=", ""),
	# several words, and text between
	(b"Re: =?utf-8?q?caf=C3=A9?= menu", "Re: café menu"),
	(b"=?utf-8?q?caf=C3=A9?= menu", "café menu"),
	(b"Re: =?utf-8?Q?caf=C3=A9?=", "Re: café"),
	(b"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
	(b"=?utf-8?q?a_?= =?utf-8?q?b?=", "a b"),
	(b"=?utf-8?q?a?= =?utf-8?q?_b?=", "a b"),
	(b"=?utf-8?q?a?=\n =?utf-8?q?b?=", "ab"),
	(b"=?utf-8?q?a?=\n\t =?utf-8?b?w6k=?=", "aé"),
	(b"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
	(b"=?utf-8?q?=C3=A9?= =?iso-8859-1?q?=E9?= =?utf-8?b?w6k=?=", "ééé"),
	(b"one\n two\n =?utf-8?q?trois?=", "one two trois"),
	(b"=?utf-8?q?Objet_=3A?= x", "Objet : x"),
	# no white space where it should be
	(b"a=?utf-8?q?b?=", "ab"),
	(b"=?utf-8?q?a?=b", "ab"),
	(b"=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
	(b"(=?utf-8?q?=C3=A9?=)", "(é)"),
	(b'"=?utf-8?q?=C3=A9?="', '"é"'),
	(b"[=?utf-8?q?=C3=A9?=] x", "[é] x"),
	# characters cut by words
	(b"=?utf-8?q?caf=C3?= =?utf-8?q?=A9?=", "café"),
	(b"=?utf-8?b?Y2Fmww==?= =?utf-8?b?qQ==?=", "café"),
	(b"=?utf-8?b?Y2Fmw6?= =?utf-8?b?kgb2s=?=", "café ok"),
	(b"=?utf-8?b?Y2Fmw?= =?utf-8?b?6kgb2s=?=", "café ok"),
	(b"=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC_?= =?utf-8?Q?5?=", "€ 5"),
	(b"=?gb2312?B?xOM=?= =?gb2312?B?usM=?=", "你好"),
	(b"=?gb2312?B?xA==?= =?gb2312?B?4w==?=", "你"),
	# without padding, each by itself, cut inside of characters
	(b"=?gb2312?B?udg?=\n =?gb2312?B?09q6z82stcTO?=\n =?gb2312?B?yszix+u72Li0?=", "关于合同的问题请回复"),
	(
		b"=?Shift_JIS?B?gqiMqZDPguA?= =?Shift_JIS?B?gg?= =?Shift_JIS?B?6ILMjI+CyYLC?= =?Shift_JIS?B?gquC3A?=",
		"お見積もりの件につきま",
	),
	(b"=?utf-8?B?RnJhbsOnb2lzIA?= =?utf-8?B?TQ?= =?utf-8?B?ww?= =?utf-8?B?vGxsZXI?=", "François Müller"),
	# broken base64
	(b"=?utf-8?b?Y2Fmw6k?=", "café"),
	(b"=?utf-8?b?Y2Fm w6k=?=", "café"),
	(b"=?utf-8?b?Y2Fmw6k==?=", "café"),
	(b"=?utf-8?b?Y2Fm!w6k=?=", "café"),
	(b"=?utf-8?b?Y2Fmw6k=IQ==?=", "café!"),
	# broken Q
	(b"=?utf-8?q?100=?=", "100="),
	(b"=?utf-8?q?caf=c3=a9?=", "café"),
	(b"=?utf-8?q?=ZZ=C3=A9?=", "=ZZé"),
	(b"=?utf-8?q?with spaces =C3=A9?=", "with spaces é"),
	(b"=?utf-8?Q?Really??=", "Really?"),
	(b"=?utf-8?Q?Really?=3F_yes?=", "Really?? yes"),
	(b"=?utf-8?q?never closed", "never closed"),
	(b"=?utf-8?q?one =?utf-8?q?_two?=", "one two"),
	# 8-bit octets inside words
	("=?utf-8?q?café?=".encode(), "café"),
	("=?utf-8?q?café?=".encode("latin-1"), "café"),
	("=?iso-8859-1?q?café_=E9?=".encode("latin-1"), "café é"),
	("=?utf-8?b?café?=".encode(), "café"),
	# 8-bit octets outside of words
	("café".encode(), "café"),
	("café".encode("latin-1"), "café"),
	("Ré: “devis”".encode("cp1252"), "Ré: “devis”"),
	("café =?utf-8?q?=C3=A9?=".encode("latin-1"), "café é"),
	("é=?utf-8?q?=C3=A9?=é".encode(), "ééé"),
	# charsets
	(b"=?x-unknown?q?caf=E9?=", "café"),
	(b"=?x-unknown?q?caf=C3=A9?=", "café"),
	(b"=?unknown-8bit?q?caf=C3=A9?=", "café"),
	(b"=?ansi?q?caf=E9?=", "café"),
	(b"=?utf8?q?caf=C3=A9?=", "café"),
	(b"=?utf-8?q?caf=E9?=", "café"),  # labelled UTF-8, is Latin-1
	(b"=?iso-8859-1?q?caf=C3=A9?=", "cafÃ©"),  # valid Latin-1: nobody can know
	(b"=?us-ascii?q?caf=C3=A9?=", "café"),
	(b"=?cp-850?q?caf=82?=", "café"),
	(b"=?utf-7?q?caf+AOk-?=", "café"),
	(b"=?unicode-1-1-utf-7?q?caf+AOk-?=", "café"),
	(b("Привет", "koi8-r"), "Привет"),
	(b("Привет", "windows-1251"), "Привет"),
	(b("สวัสดี", "cp874").replace(b"cp874", b"windows-874"), "สวัสดี"),
	(b("שלום", "iso8859-8").replace(b"iso8859-8", b"iso-8859-8-i"), "שלום"),
	(b("镕基", "gb18030").replace(b"gb18030", b"gb2312"), "镕基"),
	(b("똠방각하", "cp949").replace(b"cp949", b"ks_c_5601-1987"), "똠방각하"),
	(b(JAPANESE, "iso-2022-jp"), JAPANESE),
	(b(JAPANESE, "shift_jis"), JAPANESE),
	(b(JAPANESE[:5], "iso-2022-jp") + b"\n " + b(JAPANESE[5:], "iso-2022-jp"), JAPANESE),
	# Japanese cut between two words, which do not return to ASCII
	(b"=?iso-2022-jp?B?GyRCJCo4KxsoQg==?=\n =?iso-2022-jp?B?GyRCQFEkYiRqGyhC?=", "お見積もり"),
	(b"=?iso-2022-jp?B?GyRCJCo4Kw==?=\n =?iso-2022-jp?B?QFEkYiRqGyhC?=", "お見積もり"),
	(b"=?iso-2022-jp?B?GyRCJCo4Kw==?=\n =?iso-2022-jp?B?GyRCQFEkYiRqGyhC?=", "お見積もり"),
	(b("①②", "cp932").replace(b"cp932", b"shift_jis"), "①②"),
	(b("測試", "big5"), "測試"),
	# nothing dangerous comes out
	(b"=?utf-8?q?a=00b?=", "ab"),
	(b"=?utf-8?q?a=0D=0ABcc=3A_x?=", "a  Bcc: x"),
	(b"=?utf-8?q?=F0=9F=98=80?=", "😀"),
	(b"=?utf-8?b?8J+Y?= =?utf-8?b?gA==?=", "😀"),
]


@pytest.mark.parametrize(("raw", "expected"), SUBJECTS, ids=range(len(SUBJECTS)))
def test_subject(raw: bytes, expected: str) -> None:
	assert parse(b"Subject: " + raw + b"\n\nx\n").subject == expected


def test_there_are_enough_of_them() -> None:
	assert len(SUBJECTS) >= 79


def test_raw_octets_take_the_charset_of_the_body() -> None:
	raw = b"Subject: " + "Ёлка".encode("koi8-r") + b"\nContent-Type: text/plain; charset=koi8-r\n\n" + "Ёлка".encode("koi8-r")
	assert parse(raw).subject == "Ёлка"


def test_a_body_without_high_octets_vouches_for_no_charset() -> None:
	assert parse(b"Subject: caf\xe9\nContent-Type: text/plain; charset=utf-8\n\nx").subject == "café"


@pytest.mark.parametrize("size", [2_000, 20_000])
def test_as_many_words_as_there_are(size: int) -> None:
	assert decode_header(b" ".join([b"=?utf-8?q?=C3=A9?="] * size)) == "é" * size
