"""A reply apart from the history it quotes. Both are kept: ``reply + quoted`` is the text, character for character.

Own rules rather than ``email-reply-parser``: that one changes the text it splits, drops signatures, knows English only,
raises on a backslash in a quoting line, and takes twenty seconds for some texts of 5 KB.
"""

from __future__ import annotations

import re

#: Lines among which the beginning of the history is looked for.
_MAX_LINES = 20_000
_MAX_LINE = 1_000
#: Longest text (in characters) that is looked at: in a longer one nobody looks for the reply, and each line costs memory.
MAX_TEXT = 1_000_000

#: "On Monday, Bob wrote:" in the languages our users correspond in; may be broken over up to four lines.
_WROTE = re.compile(
	r"""^[>\s]*(?:
		(?:on|le|am|el|il|op|em|den|på)\b.{4,300}?\b(?:wrote|a\s+écrit|ecrit|schrieb|escribió|escribio|ha\s+scritto|schreef|escreveu|skrev).{0,80}?\s?:
		| .{4,200}?\bvia\b.{0,100}\bwrote\s?:
		| (?:le|on)\s.{4,120}?\s<?[^\s<>]{1,100}@[^\s<>]{1,100}>?\s*(?:wrote|a\s+écrit|écrivait|a\s+envoyé)?\s*:
		| .{2,200}?\s<?[^\s<>]{1,100}@[^\s<>]{1,100}>?\s+(?:wrote|writes|a\s+écrit|schrieb|escribió|ha\s+scritto)\s?:
		| \d{1,2}[./]\d{1,2}[./]\d{2,4}.{4,300}?(?:написал|написала|пишет|a\s+écrit|schrieb)\s?:
		| \d{4}[-/.]\d{1,2}[-/.]\d{1,2}.{4,200}?<[^\s<>]{1,100}@[^\s<>]{1,100}>\s?:
	)\s*$""",
	re.I | re.X | re.S,
)
_WROTE_BEGINS = re.compile(r"^[>\s]*(?:on|le|am|el|il|op|em|den|på)\b|.*(?:@|\bvia\b|wrote|écrit)|^\d{1,4}[-/.]\d", re.I)
_DIVIDER = re.compile(
	r"^[>\s]*(?:[-_=]{2,40}\s?"
	r"(?:original message|message d['’]origine|message original|message transféré|forwarded message|reply message|"
	r"ursprüngliche nachricht|weitergeleitete nachricht|mensaje original|messaggio originale|oorspronkelijk bericht|"
	r"mensagem original|ursprungligt meddelande|message d'origine)\s?[-_=]{2,40}"
	r"|begin forwarded message\s?:|début du message (?:réexpédié|transféré)\s?:|-{5,}\s?forwarded by .{1,200})\s*$",
	re.I,
)
_FIELD = re.compile(
	r"^[>\s]*\*?(?:"
	r"(?P<from>from|de|von|da|van|från|expéditeur)|(?P<sent>sent|date|envoyé|envoyé le|gesendet|datum|enviado|enviado el|fecha|data|inviato|verzonden|skickat)"
	r"|(?P<to>to|à|a|an|para|aan|till|destinataire|cc|copie)|(?P<subject>subject|objet|betreff|asunto|oggetto|onderwerp|assunto|ämne)"
	r")\s?\*?\s?:\*?\s*(?P<value>.*)$",
	re.I,
)
_RULE = re.compile(r"^\s*_{20,}\s*$")


def split_reply(text: str) -> tuple[str, str]:
	"""(what the sender wrote, the quoted history). A text that is all quotation, or none, or too long, comes back whole as the first.

	Text written below a quotation, or between its lines, belongs to the reply: that quotation is not split off.
	"""
	if len(text) > MAX_TEXT:
		return text, ""
	lines = text.splitlines(keepends=True)
	starts = _history(lines)
	if starts is None:
		return text, ""
	reply = "".join(lines[:starts])
	if not reply.strip():
		return text, ""
	return reply, "".join(lines[starts:])


def _history(lines: list[str]) -> int | None:
	"""The number of the line where the history begins, or None."""
	rest = _Rest(lines)
	for number, line in enumerate(lines[:_MAX_LINES]):
		shown = line[:_MAX_LINE].rstrip()
		if not shown:
			continue
		if _DIVIDER.match(shown) or _outlook(lines, number):
			return number
		if _RULE.match(shown) and _outlook(lines, _next(lines, number + 1)):
			return number
		length = _wrote(lines, number)
		if length and rest.is_quoted(number + length):
			return number
		if shown.startswith(">") and rest.is_quoted(number):
			return number
	return None


class _Rest:
	"""Whether what follows a line is history, for any line of a text: counted once, from the end."""

	def __init__(self, lines: list[str]) -> None:
		marked = [number for number, line in enumerate(lines) if line.lstrip().startswith(">")]
		self.last = marked[-1] if marked else -1
		after = (line for line in lines[self.last + 1 :] if line.strip())
		self.ends_well = _signature_only(next(after, ""))
		#: for each line up to the last quoted one: how many lines with text, and unmarked ones, stand from there on
		self.filled = [0] * (self.last + 2)
		self.unmarked = [0] * (self.last + 2)
		self.own_words = -1  # the last unmarked line too long to be the end of a quoted line that was wrapped
		for number in range(self.last, -1, -1):
			text = lines[number].strip()
			own = bool(text) and not text.startswith(">") and not _wrote(lines, number)
			self.filled[number] = self.filled[number + 1] + bool(text)
			self.unmarked[number] = self.unmarked[number + 1] + own
			if own and len(text) >= 40 and self.own_words < 0:
				self.own_words = number

	def is_quoted(self, number: int) -> bool:
		"""Whether from ``number`` on there is history only: quoted lines, or lines that are not marked at all."""
		if number > self.last:
			return True
		return self.ends_well and self.own_words < number and self.unmarked[number] * 4 <= self.filled[number]


def _next(lines: list[str], number: int) -> int:
	while number < len(lines) and not lines[number].strip():
		number += 1
	return number


def _wrote(lines: list[str], number: int) -> int:
	"""How many lines from ``number`` on are a quoting line ("On … wrote:"), or 0."""
	if not _WROTE_BEGINS.match(lines[number][:_MAX_LINE]):
		return 0
	joined = ""
	for count, line in enumerate(lines[number : number + 4], start=1):
		joined = f"{joined} {line[:_MAX_LINE].strip()}".strip()
		if len(joined) > 600:
			return 0
		if joined.endswith(":"):
			return count if _WROTE.match(joined) else 0
	return 0


def _signature_only(first: str) -> bool:
	"""Whether what begins with this line is nothing, a signature, or a list's footer."""
	first = first.strip()
	return not first or first == "--" or (len(first) >= 8 and not first.strip("_-="))


def _outlook(lines: list[str], number: int) -> bool:
	"""Whether a block "From: … Sent: … To: … Subject: …" begins here: a sender, and two of the others right after it."""
	if number >= len(lines):
		return False
	first = _FIELD.match(lines[number][:_MAX_LINE].strip())
	if first is None or not first["from"] or not first["value"].strip():
		return False
	kinds: set[str] = set()
	for line in lines[number + 1 : number + 12]:
		found = _FIELD.match(line[:_MAX_LINE].strip())
		if found:
			kinds.add(next(kind for kind in ("from", "sent", "to", "subject") if found[kind]))
	return len(kinds & {"sent", "to", "subject"}) >= 2
