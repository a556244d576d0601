"""Octets that nobody vouches for: short texts, as mail has them, in what their writers most likely wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.message.charset import decode
from dokos_mail.engine.message.guess import guess
from dokos_mail.engine.message.parse import parse

SHORT = [
	("お見積もりの件につきまして", ["cp932", "euc_jp"]),
	("請求書を送付いたします。ご確認ください。", ["cp932", "euc_jp"]),
	("PDFファイルを添付します", ["cp932", "euc_jp"]),
	("关于合同的问题，请您尽快回复我们", ["gb18030"]),
	("请查收附件中的发票", ["gb18030"]),
	("關於合同的問題，請您盡快回覆", ["cp950"]),
	("견적서를 첨부하였습니다. 확인 부탁드립니다.", ["cp949"]),
	("Добрый день, высылаю счёт", ["cp1251", "koi8_r", "iso8859_5", "cp866"]),
	("Доброго дня, надсилаю рахунок", ["cp1251"]),
	("Καλημέρα σας, σας στέλνω το τιμολόγιο", ["cp1253"]),
	("שלום רב, מצורפת החשבונית שביקשת", ["cp1255"]),
	("مرحبا، أرسل لكم الفاتورة", ["cp1256"]),
	("เรียนคุณสมชาย กรุณาส่งใบเสนอราคา", ["cp874"]),
	("Proszę o przesłanie oferty na części", ["cp1250", "iso8859_2"]),
	("Děkuji za nabídku, příští týden vám zašlu objednávku", ["cp1250", "iso8859_2"]),
	("Prosím o zaslanie ponuky, ďakujem za rýchlu odpoveď", ["cp1250", "iso8859_2"]),
	("Köszönöm az ajánlatot, a szerződést jövő hétfőn küldöm", ["cp1250", "iso8859_2"]),
	("Bună ziua, vă mulţumesc pentru ofertă şi aştept factura", ["cp1250", "iso8859_2"]),
	("Poštovani, molimo vas ponudu za sljedeći mjesec, može li već sutra", ["cp1250", "iso8859_2"]),
	("Sayın yetkili, şirketiniz için bir teklif hazırlıyoruz", ["cp1254"]),
]


@pytest.mark.parametrize(("text", "codec"), [(text, codec) for text, codecs in SHORT for codec in codecs])
def test_a_short_text(text: str, codec: str) -> None:
	defects: list[str] = []
	assert decode(text.encode(codec), None, defects) == text
	assert defects == [f"no charset: read as {guess(text.encode(codec))} (guessed)"]


WESTERN = [
	"Été à la plage, déjà",
	"où ça ? là-bas, à côté",
	"«\xa0Créée à Noël\xa0»",
	"ÉTÉ À NÎMES",
	"Grüße aus Köln, schönes Wochenende",
	"¿Dónde está el señor Núñez?",
	"Ação e reação: não há opções",
	"på ön är räven",
	"øl, æbler og brød på øen",
	"déjà l’été – 10 € – “oui”",
	"Góðan dag, ég þakka fyrir tilboðið og svara á morgun",
	"Gràcies, això és el pressupost que vàrem demanar, fins aviat",
	"Tere, täname pakkumise eest, ootame järgmisel nädalal õiget arvet",
	"è è è è, perché no? Sì, così è più facile: città, università",
	"René Núñez à São Paulo, Jürgen in København",
]


@pytest.mark.parametrize("text", WESTERN)
@pytest.mark.parametrize("declared", [None, "utf-8", "us-ascii", "x-unknown"])
def test_western_text_is_taken_for_nothing_else(text: str, declared: str | None) -> None:
	assert decode(text.encode("cp1252"), declared) == text


_WORDS = "été à déjà où ça là côté noël créée forêt naïve reçu dès règle île août garçon façade maïs œuvre".split()


@given(st.lists(st.sampled_from([*_WORDS, *map(str.upper, _WORDS), "le", "facture", "n°12", "10\xa0€", "«", "»"]), max_size=30))
def test_french_is_french(words: list[str]) -> None:
	assert guess(" ".join(words).encode("cp1252")) is None


@given(st.binary(max_size=6000))
def test_any_octets(data: bytes) -> None:
	found = guess(data)
	assert found is None or data.decode(found, "replace")


def test_a_raw_subject_and_name() -> None:
	raw = (
		b"From: " + "山田さま".encode("cp932") + b" <y@x.jp>\nSubject: " + "お見積もりの件につきまして".encode("cp932") + b"\n\nx"
	)
	assert parse(raw).subject == "お見積もりの件につきまして"


# labels that fit and are wrong


@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1252", "iso-8859-15", "windows-1251", "koi8-r"])
def test_utf_8_under_an_older_label(declared: str) -> None:
	defects: list[str] = []
	assert decode("Été à la plage".encode(), declared, defects) == "Été à la plage"
	assert defects == [f"charset {declared!r} does not fit: read as UTF-8"]


@pytest.mark.parametrize(
	("text", "declared"),
	[
		("les accents s'affichent comme Ã© au lieu de é", "iso-8859-1"),  # whoever means it writes both
		("Ã©", "iso-8859-1"),
		("NÃO À AÇÃO", "iso-8859-1"),
		("Привет, как дела?", "windows-1251"),
		("关于合同的问题", "gb2312"),
		("お見積もりの件につきまして", "shift_jis"),
		("안녕하세요", "euc-kr"),
	],
)
def test_a_true_label_is_believed(text: str, declared: str) -> None:
	codec = {"iso-8859-1": "cp1252", "gb2312": "gb18030"}.get(declared, declared)
	assert decode(text.encode(codec), declared) == text


@pytest.mark.parametrize("declared", [None, "utf-8", "us-ascii", "iso-8859-1"])
def test_japanese_in_escapes_under_any_label(declared: str | None) -> None:
	assert decode("お見積もりの件".encode("iso-2022-jp"), declared) == "お見積もりの件"


def test_japanese_as_windows_writes_it() -> None:
	raw = b"\x1b$B-!-j\x1b(B ok \x1b(I1\x1b(B \x1b$B|b\x1b(B"
	assert decode(raw, "iso-2022-jp") == "①㈱ ok ｱ 髙"
	assert decode(raw, "cp50220") == "①㈱ ok ｱ 髙"


def test_raw_japanese_in_a_header() -> None:
	name, subject = "山田太郎".encode("iso-2022-jp"), "お見積もり".encode("iso-2022-jp")
	message = parse(b"From: " + name + b" <y@x.jp>\nSubject: " + subject + b"\n\nx")
	assert (message.from_[0].name, message.from_[0].address, message.subject) == ("山田太郎", "y@x.jp", "お見積もり")
