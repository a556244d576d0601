"""File names of attachments: safe to store and to offer for download, and as much as possible the sender's."""

from __future__ import annotations

import mimetypes
import re
import unicodedata

#: Longest name in octets of UTF-8; hosts store names in 140 characters.
MAX_OCTETS = 140

_FORBIDDEN = re.compile(r'[<>:"|?*]')
#: Controls, and characters that reorder or hide what is read: a name must not look like another one.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
_RESERVED = frozenset(("con", "prn", "aux", "nul", "clock$", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))))
_SPACES = re.compile(r"\s+")

#: Name for a part without one, by type; the rest is asked of ``mimetypes``' built-in table.
_BY_TYPE = {
	"text/plain": "text.txt",
	"text/html": "page.html",
	"text/calendar": "invite.ics",
	"application/ics": "invite.ics",
	"text/vcard": "contact.vcf",
	"text/x-vcard": "contact.vcf",
	"text/x-amp-html": "amp.html",
	"text/rfc822-headers": "headers.txt",
	"text/x-markdown": "text.md",
	"text/markdown": "text.md",
	"message/rfc822": "message.eml",
	"message/global": "message.eml",
	"message/news": "message.eml",
	"message/delivery-status": "delivery-status.txt",
	"message/global-delivery-status": "delivery-status.txt",
	"message/disposition-notification": "disposition-notification.txt",
	"message/feedback-report": "feedback-report.txt",
	"application/pdf": "document.pdf",
	"application/ms-tnef": "winmail.dat",
	"application/vnd.ms-tnef": "winmail.dat",
	"application/pkcs7-signature": "smime.p7s",
	"application/x-pkcs7-signature": "smime.p7s",
	"application/pkcs7-mime": "smime.p7m",
	"application/x-pkcs7-mime": "smime.p7m",
	"application/pgp-signature": "signature.asc",
	"application/pgp-encrypted": "version.txt",
	"application/pgp-keys": "key.asc",
	"application/zip": "archive.zip",
	"application/json": "data.json",
	"application/xml": "data.xml",
	"text/xml": "data.xml",
	"text/csv": "data.csv",
	"image/jpeg": "image.jpg",
	"image/jpg": "image.jpg",
	"image/pjpeg": "image.jpg",
	"image/webp": "image.webp",
	"image/heic": "image.heic",
	"image/svg+xml": "image.svg",
	"audio/mpeg": "audio.mp3",
	"audio/ogg": "audio.ogg",
	"audio/amr": "audio.amr",
	"video/mp4": "video.mp4",
}
_TABLE = mimetypes.MimeTypes(filenames=())  # not the machine's own files: the same name everywhere


def name_for_type(type_: str) -> str:
	"""A name for a part that has none."""
	if type_ in _BY_TYPE:
		return _BY_TYPE[type_]
	extension = _TABLE.guess_extension(type_) or ".bin"
	main = type_.partition("/")[0]
	return (main if main in ("image", "audio", "video", "text") else "attachment") + extension


def safe_name(name: str, type_: str = "application/octet-stream") -> str:
	"""``name`` without path parts, controls and characters that file systems refuse, at most MAX_OCTETS long.

	A name of which nothing is left is made from the type.
	"""
	name = unicodedata.normalize("NFC", _INVISIBLE.sub("", _SPACES.sub(" ", name[-4096:])))
	name = name.replace("\\", "/").rstrip("/ ").rpartition("/")[2]
	name = _FORBIDDEN.sub("_", name).strip(" ").lstrip(".").rstrip(". ")
	if not name.strip("_ "):
		return name_for_type(type_)
	if name.partition(".")[0].strip().lower() in _RESERVED:
		name = "_" + name
	return _shortened(name)


def _shortened(name: str, room: int = MAX_OCTETS) -> str:
	"""Cut so that it fits, its extension (up to 20 octets) kept."""
	if len(name.encode("utf-8", "replace")) <= room:
		return name
	stem, dot, extension = name.rpartition(".")
	if not stem or len(extension.encode("utf-8", "replace")) > 20:
		stem, dot, extension = name, "", ""
	end = (dot + extension).encode("utf-8", "replace")
	return stem.encode("utf-8", "replace")[: room - len(end)].decode("utf-8", "ignore").rstrip(". ") + end.decode("utf-8")


class Names:
	"""Names of one message: no two alike (case ignored). The second ``a.pdf`` is ``a-1.pdf``."""

	def __init__(self) -> None:
		self._used: set[str] = set()
		self._next: dict[str, int] = {}

	def take(self, name: str) -> str:
		"""``name``, or the first free variant of it."""
		key = name.casefold()
		if key not in self._used:
			self._used.add(key)
			return name
		stem, dot, extension = name.rpartition(".")
		if not stem:
			stem, dot, extension = name, "", ""
		while True:
			number = self._next[key] = self._next.get(key, 0) + 1
			suffix = f"-{number}"
			room = MAX_OCTETS - len((suffix + dot + extension).encode())
			candidate = _shortened(stem, room) + suffix + dot + extension
			if candidate.casefold() not in self._used:
				self._used.add(candidate.casefold())
				return candidate
