"""Which charset octets are in that nobody vouches for: the one in which they say what its readers write most.

A general detector of charsets wants a page of text. A subject has ten letters and a short mail fifty, of which it takes
French for Polish and Russian for Korean. What is asked here is simpler: of each charset that mail is still written in,
how usual in its languages are the letters that the octets would be. Charsets of Latin letters share most of them: there a
text is in one language, and which one decides.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import log

#: Octets looked at.
_SAMPLE = 4 * 1024
#: With fewer characters that are not ASCII nothing is concluded.
_FEWEST = 4
#: What a charset must reach to be believed, and by how much it must beat Windows-1252.
_LEAST, _LEAD = 0.62, 0.15
#: How likely a character is in a language that does not have it, and by how much another charset of Latin letters must be
#: likelier than Windows-1252 (both as logarithms); how likely a sign is in any language.
_STRANGE, _ODDS, _SIGN = -7.0, 2.5, 0.05
#: A character that comes again is hardly more evidence: words are repeated.
_TWICE = 2


@dataclass(frozen=True)
class Script:
	"""A charset and what is written in it.

	``common`` are the characters beyond ASCII that it is written with, in ``order`` the most usual first; those whose first
	octet in another codec is in a range (``usual``) count for less, and all others for nothing. Where there are
	``languages``, these are the letters of each beside ``common``: they stand among ASCII letters, while in all others
	such characters make words by themselves.
	"""

	codec: str
	common: str
	usual: tuple[str, int, int] | None = None
	order: bool = False
	languages: tuple[str, ...] = ()


_RUSSIAN = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїє"
_LETTERS = ("koi8_r", 0xC0, 0xFF)
_SIMPLIFIED = (
	"的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定"
	"天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见"
	"被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何"
	"电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路"
	"记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运请谢您复件址件件钱邮附件订单价"
)
_TRADITIONAL = (
	"的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多經麼去法學如都同現當沒動面起看定"
	"天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見"
	"被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何"
	"電數安少報才結反受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且權思王象完設式色路"
	"記南品住告類求據程北邊死張該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運請謝您復址錢郵附訂單價貴"
)
_KANA = (
	"".join(map(chr, range(0x3041, 0x3094))) + "".join(map(chr, range(0x30A1, 0x30F7))) + "ー"
	"日一人年大会国本中長出三同時政事自行社見月分議後前民生連五発間対上部東者党地合市業内相方四定今回新場金員九入選立開手米力学問高代明実円関決子動京全目表"
	"戦経通外最言氏現理調体化田当八六約主題下首意法不来作性的要用制治度務強気小七成期公野協取都和統以機平総加山思家話世受区領多県続進正安設保改数記院女初北"
	"件様御願致申上送付名株式部担当知確認見積書請求品番号何卒宜有難座候"
)
_HANGUL = (
	"이다는을에의가고하한지를로사기도은인어리아그나서시대자해정있보게주으일수스것부전라들제원구여습니과면장상세요년신만성국동소안우공미모화문무마까당비오조계유용"
	"입되할거내선러와경관방행드바물치연양저파말위중적간생더실교음분본월식없위회때현감합각개업건였했됩함됨메송첨답님번호확청결품"
)
#: Czech, Slovak, Polish, Hungarian, Romanian, Croatian and Slovene: what each writes beyond ASCII, the most usual first.
_CENTRAL = ("íáéěýžřčšůúóňťď", "áíéýžčúšťôňäľďóĺŕ", "łęąóżśćńź", "áéöóőüíúű", "ăţîşâ", "čšžćđ")
#: French, German, Spanish, Portuguese, Italian, Catalan, Dutch, Swedish and Finnish, Danish and Norwegian, Icelandic,
#: Estonian.
_WEST = (
	"éèàêçùôîâûïëœæüÿ",
	"üäößé",
	"óíáéñúü¿¡",
	"ãçáéíóêõâúàôü",
	"àèùòìéíóî",
	"óàèéçíúòïü·",
	"ëéïóèöüáêà",
	"äöåéü",
	"åøæéôòü",
	"áíðóéöúþæý",
	"õäüöšž",
)
#: What mail in several of them at once is most often written with.
_WESTERN = "éèàçêâîôûùëïœÿÉÈÀÇÊÂÎÔÛÙËÏŒäöüßÄÖÜñáíóúÑÁÍÓÚ¿¡ãõÃÕåøæÅØÆìòðþ"
_PUNCTUATION = "，。？！：；、（）「」『』【】《》“”‘’…・　～"

SCRIPTS = (
	Script("cp932", _KANA + _PUNCTUATION, ("euc_jp", 0xB0, 0xCF)),
	Script("euc_jp", _KANA + _PUNCTUATION, ("euc_jp", 0xB0, 0xCF)),
	Script("gb18030", _SIMPLIFIED + _PUNCTUATION, ("gb2312", 0xB0, 0xD7)),
	Script("cp950", _TRADITIONAL + _PUNCTUATION, ("big5", 0xA4, 0xC6)),
	Script("cp949", _HANGUL + _PUNCTUATION, ("euc_kr", 0xB0, 0xC8)),
	Script("cp1251", _RUSSIAN, _LETTERS, order=True),
	Script("koi8_r", _RUSSIAN, _LETTERS, order=True),
	Script("iso8859_5", _RUSSIAN, _LETTERS, order=True),
	Script("cp866", _RUSSIAN, _LETTERS, order=True),
	Script("cp1253", "αοιετσηνρπκμλυςόίάέήωύώγδθχφβξζ", ("iso8859_7", 0xC1, 0xFE), order=True),
	Script("cp1255", "יוהלאתרמבשנםדחקעפטכןצגךזסףץ", order=True),
	Script("cp1256", "اليمنترودبعقهسفةكحشجصىطخضغذأثزئظإءؤآ،؟", order=True),
	Script("cp874", "านรอกเงยลมวดทสตะปบคีหจพขชใไผโถซธฟฉณญศษภฐแ่้ิ์ัุูำึ็ๆฯฎฏฑฒฬฮ", order=True),
)  # fmt: skip
LATIN = (
	Script("cp1254", "’“”–…€\xa0", languages=("ışüğçöİâîû",)),
	Script("cp1250", "„”“’–…€\xa0", languages=_CENTRAL),
	Script("iso8859_2", "\xa0", languages=_CENTRAL),
)
WESTERN = Script("cp1252", "’‘“”„«»€°–—…•·²³½¼ºª§®©™£´\xa0\xad", languages=_WEST)


def guess(data: bytes) -> str | None:
	"""The codec that ``data``, which is not UTF-8, is most likely in; None when Windows-1252 is as good a guess."""
	sample = _unusual(data[: 4 * _SAMPLE])
	western = _letters(sample, WESTERN, 2)
	ours = sum(western[char] for char in _WESTERN + WESTERN.common) / (western.total() or 1)
	best, found = 0.0, None
	for script in SCRIPTS:
		score = _usualness(sample, script)
		if score > best + 1e-9:
			best, found = score, script.codec
	if found and best >= _LEAST and best >= ours + _LEAD:
		return found
	western = _letters(sample, WESTERN, 3)
	best, found = _likelihood(western, WESTERN) + _ODDS, None
	for script in LATIN:
		letters = _letters(sample, script, 3)
		if letters and letters != western and (score := _likelihood(letters, script)) > best + 1e-9:
			best, found = score, script.codec
	return found


def _unusual(data: bytes) -> bytes:
	"""The lines of ``data`` that are not ASCII, as many as are looked at."""
	if len(data) <= _SAMPLE:
		return data
	return b"\n".join(line for line in data.splitlines() if not line.isascii())[:_SAMPLE]


def _text(sample: bytes, script: Script) -> str:
	"""``sample`` in a charset; empty when it cannot be read in it. A character may be cut at the end."""
	try:
		return codecs.getincrementaldecoder(script.codec)("dokos-mail-1252" if script is WESTERN else "strict").decode(sample)
	except UnicodeError:
		return ""


def _usualness(sample: bytes, script: Script) -> float:
	"""How usual what ``sample`` says in that charset is, from 0 to 1; 0 when it cannot be read in it."""
	weights = _weights(script)
	score, total = 0.0, 0
	for before, stretch, after in _STRETCH.findall(_text(sample, script)):
		total += len(stretch)
		if len(stretch) > 1 or not (before or after):
			score += sum(weights.get(char, 0.0) for char in stretch)
	return score / total if total >= _FEWEST else 0.0


def _letters(sample: bytes, script: Script, together: int) -> Counter[str]:
	"""How often ``sample`` has each character that is not ASCII, in a charset of Latin letters; under "" those that stand
	where no writer puts one: more than so many letters ``together``, or a sign inside of a word."""
	found: Counter[str] = Counter()
	for before, stretch, after in _STRETCH.findall(_text(sample, script)):
		letters = sum(map(str.isalpha, stretch))
		if letters <= together and not (before and after and letters < len(stretch)):
			found.update(stretch)
		else:
			found[""] += len(stretch)
	return found if found.total() >= _FEWEST else Counter()


def _likelihood(found: Counter[str], script: Script) -> float:
	"""How likely (as a logarithm) the likeliest language of a charset has these characters: a text is in one of them."""
	return max(
		sum((min(count, _TWICE) if char else count) * chances.get(char, _STRANGE) for char, count in found.items())
		for chances in (_chances(language, script.common) for language in script.languages)
	)


@lru_cache(maxsize=64)
def _chances(letters: str, signs: str) -> Mapping[str, float]:
	"""The logarithm of how often each of a language's characters is met among them."""
	weights = [1 / (rank + 1) for rank in range(len(letters))]
	chances = dict.fromkeys(signs, log(_SIGN))
	for letter, weight in zip(letters, weights, strict=True):
		chances[letter] = chances[letter.upper()] = log(weight / sum(weights))
	return chances


#: Characters that are not ASCII, with the ASCII letters that touch them.
_STRETCH = re.compile(r"([A-Za-z]?)([^\x00-\x7f]+)(?=([A-Za-z]?))")


@lru_cache(maxsize=32)
def _weights(script: Script) -> Mapping[str, float]:
	"""How usual each character is, from 0 to 1."""
	weights: dict[str, float] = {}
	if script.usual:
		codec, first, last = script.usual
		for lead in range(first, last + 1):
			for octets in (bytes([lead]), *(bytes([lead, trail]) for trail in range(0x40, 0xFF))):
				if len(char := octets.decode(codec, "ignore")) == 1 and char > "\x7f":
					weights[char] = 0.3 if script.order else 0.5
	for rank, char in enumerate(script.common):
		weight = 1.0 - 0.8 * rank / len(script.common) if script.order else 1.0
		weights[char] = max(weights.get(char, 0.0), weight)
	return weights
