"""Bytes to text, whatever the declared charset says.

Guarantee: no byte is dropped. Where a byte has no meaning in the charset that was chosen, it is read as Windows-1252
and the defects say so. The result holds no NUL and no lone surrogate, so that any database takes it.
"""

from __future__ import annotations

import codecs
import re
from encodings.aliases import aliases as _STANDARD
from functools import lru_cache

from .guess import guess

#: Names seen in real mail that Python does not know, or knows as a subset of what senders mean by them.
_ALIASES = {
	"ansi": "cp1252",
	"ansi_x3.4-1968": "ascii",
	"ansi-1252": "cp1252",
	"win-1252": "cp1252",
	"windows": "cp1252",
	"cp-850": "cp850",
	"cp-1252": "cp1252",
	"x-cp1252": "cp1252",
	"windows-874": "cp874",
	"windows874": "cp874",
	"tis-620": "cp874",
	"iso-8859-11": "cp874",
	"windows-936": "gb18030",
	"windows-949": "cp949",
	"windows-950": "cp950",
	"windows-31j": "cp932",
	"iso-8859-1": "cp1252",
	"iso8859-1": "cp1252",
	"iso_8859-1": "cp1252",
	"8859-1": "cp1252",
	"latin1": "cp1252",
	"latin-1": "cp1252",
	"l1": "cp1252",
	"iso-8859-9": "cp1254",
	"latin-9": "iso8859-15",
	"latin9": "iso8859-15",
	"iso-8859-8-i": "iso8859-8",
	"iso-8859-8-e": "iso8859-8",
	"iso-8859-6-i": "iso8859-6",
	"iso-8859-6-e": "iso8859-6",
	"unicode-1-1-utf-7": "utf-7",
	"x-unicode-2-0-utf-7": "utf-7",
	"unicode-1-1-utf-8": "utf-8",
	"unicode-2-0-utf-8": "utf-8",
	"x-utf-8": "utf-8",
	"utf8mb4": "utf-8",
	"utf-8mb4": "utf-8",
	"gb2312": "gb18030",
	"gb_2312-80": "gb18030",
	"gbk": "gb18030",
	"x-gbk": "gb18030",
	"x-euc-cn": "gb18030",
	"ks_c_5601-1987": "cp949",
	"ks_c_5601": "cp949",
	"ks-c-5601-1987": "cp949",
	"ksc5601": "cp949",
	"euc-kr": "cp949",
	"x-windows-949": "cp949",
	"shift_jis": "cp932",
	"shift-jis": "cp932",
	"sjis": "cp932",
	"x-sjis": "cp932",
	"ms_kanji": "cp932",
	"big5": "cp950",
	"x-x-big5": "cp950",
	"x-mac-roman": "mac_roman",
	"macintosh": "mac_roman",
	"x-mac-ce": "mac_latin2",
	"x-mac-cyrillic": "mac_cyrillic",
	"x-euc-jp": "euc_jp",
	"koi8": "koi8_r",
	"koi": "koi8_r",
	"iso-2022-jp-ms": "iso2022_jp",
	"cp50220": "iso2022_jp",
	"cp50221": "iso2022_jp",
	"cp50222": "iso2022_jp",
	"dos-862": "cp862",
	"dos-720": "cp720",
	"ansi_x3.110-1983": "cp1252",
}

#: Codecs no mail means: not charsets, slow by design, or able to hide anything.
_REFUSED = frozenset(
	"base64_codec bz2_codec hex_codec quopri_codec rot_13 uu_codec zlib_codec idna punycode undefined unicode_escape "
	"raw_unicode_escape mbcs oem charmap utf_8_sig".split()
)


def _key(name: str) -> str:
	return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


# Only names known beforehand reach codecs.lookup(): it remembers every name it was asked for, for ever.
_KNOWN = {_key(alias): codec for alias, codec in _STANDARD.items() if codec not in _REFUSED}
_KNOWN |= {_key(codec): codec for codec in _STANDARD.values() if codec not in _REFUSED}
_KNOWN |= {_key(name): name for name in ("koi8_u", "cp720", "cp737", "cp856", "cp874", "cp875", "cp1006", "koi8_t", "utf_8_sig")}
_KNOWN |= {_key(alias): codec for alias, codec in _ALIASES.items()}


@lru_cache(maxsize=512)
def codec_for(declared: str) -> str | None:
	"""The Python codec for a charset name as mail has it, or None when nothing is known by that name."""
	if len(declared) > 60:
		return None
	return _KNOWN.get(_key(declared))


def _windows_1252(error: UnicodeError) -> tuple[str, int]:
	"""Error handler: read what cannot be decoded byte by byte as Windows-1252."""
	if not isinstance(error, UnicodeDecodeError):
		raise error
	octets = error.object[error.start : error.end]
	return _byte_by_byte(octets), error.end


def _byte_by_byte(octets: bytes) -> str:
	try:
		return octets.decode("cp1252")
	except UnicodeDecodeError:
		return "".join(_CP1252[octet] for octet in octets)


# Windows-1252 leaves five octets undefined; WHATWG gives them the control character of the same number.
_CP1252 = [bytes([octet]).decode("cp1252", "ignore") or chr(octet) for octet in range(256)]
codecs.register_error("dokos-mail-1252", _windows_1252)


def decode(data: bytes, declared: str | None = None, defects: list[str] | None = None, *, html: bool = False) -> str:
	"""Decode ``data``; ``declared`` is the charset the message claims, if any.

	Order: the declared charset when it fits (but see :func:`_belied`); UTF-8; what an HTML document says of itself; a guess; Windows-1252.
	Adds one line to ``defects`` whenever the declaration was not simply true.
	"""
	defects = [] if defects is None else defects
	codec = codec_for(declared) if declared else None
	if declared and codec is None and declared.strip() and not _says_nothing(declared):
		defects.append(f"unknown charset {declared[:60]!r}")
	if data.isascii() and codec not in _NOT_ASCII and b"\x1b" not in data:
		return clean(data.decode("ascii"))
	if (text := _belied(data, codec)) is not None:
		defects.append(f"charset {(declared or 'none')[:60]!r} does not fit: read as {text[1]}")
		return clean(text[0])
	text = _strict(data, codec) if codec and codec != "ascii" else None
	if text is not None:
		return clean(text)
	if codec and codec not in ("ascii", "utf_8", "utf-8"):
		salvaged = _mostly(data, codec)
		if salvaged is not None and _strict(data, "utf-8") is None:
			defects.append(f"some bytes are not {declared}: read as Windows-1252")
			return clean(salvaged)
	text, why = _undeclared(data, html)
	if declared or why != "UTF-8":
		defects.append(f"charset {declared[:60]!r} does not fit: read as {why}" if declared else f"no charset: read as {why}")
	return clean(text)


#: Codecs under which ASCII bytes are not ASCII text.
_NOT_ASCII = frozenset(
	"utf-7 utf_7 utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le hz cp037 cp424 cp500 cp875 cp1026 cp1140 cp273".split()
)


def _says_nothing(declared: str) -> bool:
	return _key(declared) in {
		"x_unknown",
		"unknown",
		"unknown_8bit",
		"default",
		"default_charset",
		"none",
		"8bit",
		"binary",
		"charset",
	}


#: A character of several octets in UTF-8 (RFC 3629).
_UTF_8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
#: So many of them are no accident, in a charset of one octet a character, and in one of two.
_NO_ACCIDENT = {False: 2, True: 6}


def _belied(data: bytes, codec: str | None) -> tuple[str, str] | None:
	"""Text that is what its octets say rather than its label, though they fit that too; and the charset it is in."""
	if b"\x1b$" in data and not (codec or "").startswith(("iso2022", "hz")):
		for escaped in ("iso2022_jp", "iso2022_kr"):
			if data.isascii() and (text := _strict(data, escaped)) is not None:
				return text, escaped
	if codec is None or codec in ("ascii", "utf_8", "utf-8") or data.isascii() or codec.startswith(("utf", "iso2022", "hz")):
		return None
	# Programs that write UTF-8 and say what they said before they did. Whoever writes "Ã©" and means it writes an "é" too.
	enough = _NO_ACCIDENT[codec in _OF_TWO_OCTETS]
	found = _UTF_8.findall(data[:65536])
	if len(found) >= enough and (text := _strict(data, "utf-8")) is not None:
		return text, "UTF-8"
	return None


_OF_TWO_OCTETS = frozenset("gb18030 cp932 cp949 cp950 euc_jp euc_kr gb2312 gbk big5 big5hkscs shift_jis johab".split())


def _strict(data: bytes, codec: str) -> str | None:
	"""``data`` in ``codec`` if every byte fits, else None."""
	if codec.startswith(("utf_16", "utf_32")) and b"\0" not in data and data.isascii():
		return data.decode("ascii")  # a label gone wrong: UTF-16 of Latin text is full of NULs
	if codec == "cp1252":
		return data.decode(codec, "dokos-mail-1252")
	try:
		return data.decode(codec)
	except (UnicodeError, LookupError):
		return _as_microsoft_does(data) if codec == "iso2022_jp" else None


#: Changes of charset in one text, each of which costs memory.
_MOST_ESCAPES = 200_000
_ESCAPE = re.compile(rb"\x1b(\$[@B]|\$\([@B]|\([BJI])")


def _as_microsoft_does(data: bytes) -> str | None:
	"""ISO-2022-JP with the half-width letters and the signs (①, ㈱, 髙) that Windows puts into it, or None."""
	if data.count(b"\x1b") > _MOST_ESCAPES:
		return None
	out: list[str] = []
	state = b""
	for number, piece in enumerate(_ESCAPE.split(data)):
		if number % 2:
			state = piece
		elif piece and not piece.isascii():
			return None
		elif state.startswith(b"$"):
			pairs = piece.replace(b"\r", b"").replace(b"\n", b"")
			if len(pairs) % 2 or len(pairs) != len(piece):
				return None
			try:
				out.append(b"".join(_shifted(*pairs[at : at + 2]) for at in range(0, len(pairs), 2)).decode("cp932"))
			except (UnicodeError, ValueError):
				return None
		elif state == b"(I":
			out.append(bytes(octet + 128 if octet > 32 else octet for octet in piece).decode("cp932", "replace"))
		else:
			out.append(piece.decode("ascii"))
	return "".join(out)


def _shifted(row: int, cell: int) -> bytes:
	"""A character of JIS X 0208 as Shift_JIS has it."""
	lead = ((row - 0x21) >> 1) + 0x81
	trail = cell + (0x1F + (cell >= 0x60) if row % 2 else 0x7E)
	return bytes([lead + 0x40 if lead > 0x9F else lead, trail])


def in_utf_8(octets: bytes) -> bytes:
	"""Raw octets of a header, those in ISO-2022-JP (whose ASCII would be taken for quotes and brackets) in UTF-8."""
	if b"\x1b$" not in octets or not octets.isascii():
		return octets
	text = _strict(octets, "iso2022_jp")
	return octets if text is None else text.encode("utf-8", "replace")


def _mostly(data: bytes, codec: str) -> str | None:
	"""``data`` in ``codec`` with its strays read as Windows-1252, if they are few (one in twenty), else None."""
	replaced = data.decode(codec, "replace")
	if replaced.count("\ufffd") * 20 > len(replaced):
		return None
	return data.decode(codec, "dokos-mail-1252")


_META = re.compile(rb"<(?:meta|\?xml)\b[^>]{0,500}?(?:charset|encoding)\s{0,9}=\s{0,9}[\"']?([A-Za-z0-9_.:-]{2,40})", re.I)


def _undeclared(data: bytes, html: bool) -> tuple[str, str]:
	"""Text and the name of the charset it was read in, for bytes nobody vouches for. At least one byte is not ASCII."""
	if (text := _strict(data, "utf-8")) is not None and b"\x1b$" not in data:
		return text, "UTF-8"
	if b"\x1b$" in data and (text := _strict(data, "iso2022_jp")) is not None:
		return text, "ISO-2022-JP"
	if data.startswith((b"\xff\xfe", b"\xfe\xff")) and (text := _strict(data, "utf-16")) is not None:
		return text, "UTF-16"
	if html and (found := _META.search(data[:4096])):
		said = codec_for(found.group(1).decode("ascii"))
		if said and said != "ascii" and not said.startswith(("utf_16", "utf_32")) and (text := _strict(data, said)) is not None:
			return text, f"{said} (as the HTML says)"
	# Mostly UTF-8 with a few strays: two texts joined, or one cut in the middle of a character.
	replaced = data.decode("utf-8", "replace")
	if (wrong := replaced.count("\ufffd")) * 4 < len(replaced) - len(replaced.encode("ascii", "ignore")) and wrong * 20 < len(
		replaced
	):
		return data.decode("utf-8", "dokos-mail-1252"), "UTF-8, its strays as Windows-1252"
	if (guessed := guess(data)) and (text := _strict(data, guessed) or _mostly(data, guessed)) is not None:
		return text, f"{guessed} (guessed)"
	return data.decode("cp1252", "dokos-mail-1252"), "Windows-1252"


_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
	"""``text`` without NUL, lone surrogates (replaced by U+FFFD) and a byte order mark at its start."""
	if "\0" in text:
		text = text.replace("\0", "")
	if not text.isascii():
		text = _SURROGATE.sub("\ufffd", text)
		if text.startswith("\ufeff"):
			text = text[1:]
	return text
