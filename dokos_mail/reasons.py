"""Why a mail is in its state: written in the site's language, for lists, and kept so that a form says it in its reader's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import frappe
from frappe import _

from dokos_mail.engine.errors import MailError, Words
from dokos_mail.plain import plain


class Reason(str):
	"""A text in the language of whoever wrote it that knows what it was made of."""

	source: dict[str, Any]


def because(text: str, *values: object, **named: object) -> Reason:
	"""``text``, which is ours and English, filled in. Values that are reasons, or Words, are said anew with it."""
	return said_again(
		{
			"text": text,
			"values": [_source(each) for each in values],
			"named": {name: _source(each) for name, each in named.items()},
		}
	)


def listed(words: Iterable[str]) -> Reason:
	"""Words of ours or of the host's, such as labels, with commas between them; nothing for none."""
	return joined((because(word) for word in words), ", ")


def joined(parts: Iterable[str], between: str = "\n") -> Reason:
	"""Several reasons, or texts, as one."""
	parts = list(parts)
	return because(between.join(f"{{{number}}}" for number in range(len(parts))), *parts)


def of_error(error: MailError) -> Reason:
	"""What happened, as :meth:`MailError.message` has it."""
	return because(error.template, **error.params)


def advice_of(error: MailError) -> Reason:
	"""What to do about it, as :meth:`MailError.advice` has it."""
	return because(error.remedy, **error.params)


def columns(*lines: str | None) -> dict[str, str | None]:
	"""What a row holds of a reason of these lines; of none, nothing."""
	told = [line for line in lines if line]
	if not told:
		return {"reason": None, "reason_detail": None}
	reason = plain("\n".join(told))
	# whoever else writes a reason does not know of the detail: it counts only with the reason it belongs to
	detail = {"of": reason, "lines": [_source(line) for line in told]}
	return {"reason": reason, "reason_detail": json.dumps(detail, ensure_ascii=False)}


def lines_of(reason: str | None, detail: str | None) -> list[str]:
	"""The lines of the reason that a row holds, in the language of whoever asks, as far as they are ours."""
	known = _recalled(reason, detail)
	return [_(line) for line in (reason or "").split("\n") if line] if known is None else known


def in_words(reason: str | None, detail: str | None) -> str:
	"""The reason that a row holds, in the language of whoever asks."""
	return "\n".join(lines_of(reason, detail))


def _recalled(reason: str | None, detail: str | None) -> list[str] | None:
	try:
		kept = json.loads(detail or "{}")
		return [said_again(line) for line in kept["lines"]] if kept.get("of") == reason else None
	except (ValueError, TypeError, KeyError, IndexError, AttributeError):
		# nothing of ours, or written by another version of this app, whose texts had other holes
		return None


def told(text: str, source: Any) -> str:
	"""A text that was kept with its ``source``, in the language of whoever asks; as it is where that is not known."""
	try:
		return said_again(source) if source else text
	except (TypeError, KeyError, IndexError, AttributeError):
		# written by another version of this app, whose texts had other holes
		return text


def in_language(reason: str, language: str) -> str:
	"""A reason for somebody who speaks ``language``, whoever is served now."""
	before, frappe.local.lang = frappe.local.lang, language
	try:
		return said_again(reason.source) if isinstance(reason, Reason) else reason
	finally:
		frappe.local.lang = before


def _source(value: object) -> object:
	if isinstance(value, Reason):
		return value.source
	return {"text": str(value)} if isinstance(value, Words) else str(value)


def said_again(source: Any) -> Any:
	"""What a reason's ``source`` says in the language of whoever asks; a text is itself."""
	if isinstance(source, str):
		return source
	text, values, named = _(source["text"]), source.get("values") or (), source.get("named") or {}
	if values or named:
		text = text.format(*map(said_again, values), **{name: said_again(each) for name, each in named.items()}).strip()
	said = Reason(text)
	said.source = source
	return said
