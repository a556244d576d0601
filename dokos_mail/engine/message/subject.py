"""Subjects without what answering and forwarding put before them, in the languages our users correspond in."""

from __future__ import annotations

import re
import unicodedata
from html import unescape

_ANSWERS = "re|réf|ref|rép|rep|réponse|aw|antw|antwort|sv|vs|odp|res|r|ynt|回复|答复|回覆|відп|на|отв"  # answers
_FORWARDS = "fw|fwd|tr|wg|i|rv|enc|vl|doorst|trans|pd|转发|轉寄"
#: ``Re:``, ``RE[2] :``, ``Aw.:``; anchored, and the colon is needed: "Facture requise: 12" and "TRANSPORT" are not touched.
_PREFIX = re.compile(
	rf"^\s*(?:(?P<answer>{_ANSWERS})|(?P<forward>{_FORWARDS}))\s?(?:[\[(]\d{{1,3}}[\])]|\^\d{{1,3}})?\s?[::]", re.I
)
#: What lists and filters put before a subject: ``[support]``, ``[EXTERNAL]``, ``***SPAM***``.
_TAG = re.compile(r"^\s*(?:\[[^\[\]]{1,40}\]|\*{3,5}[^*]{1,20}\*{3,5}|\{[^{}]{1,20}\})\s*")
#: What may stand for angle brackets, besides entities.
_BRACKETS = str.maketrans("‹›", "<>")
_MOST_PREFIXES = 20


def base_subject(subject: str) -> tuple[str, bool]:
	"""(The subject to compare by, whether the message says that it answers one.)

	Compared without prefixes and tags, case, accents' encoding, invisible characters and extra spaces; with angle
	brackets however a host's field keeps them. Empty when nothing is left: then nothing may be concluded from it.
	"""
	text = unicodedata.normalize("NFKC", unescape(subject).translate(_BRACKETS))
	text = "".join(char for char in text if unicodedata.category(char) != "Cf")
	answers = False
	for _ in range(_MOST_PREFIXES):
		if found := _PREFIX.match(text):
			answers = answers or bool(found["answer"])
		elif not ((found := _TAG.match(text)) and text[found.end() :].strip()):
			break
		text = text[found.end() :]
	return " ".join(text.casefold().split()), answers


def same_subject(base: str, other: str, other_was_cut: bool = False) -> bool:
	"""Whether two subjects of :func:`base_subject` are one; ``other`` may have been cut to fit its field."""
	if not base or not other:
		return False
	return base == other or (other_was_cut and base.startswith(other))
