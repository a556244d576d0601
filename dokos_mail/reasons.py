"""Why a mail is in its state: written in the site's language, for lists, and kept so that a form says it in its reader's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from frappe import _

from dokos_mail.engine.errors import MailError, Words


class Reason(str):
	"""A text in the language of whoever wrote it that knows what it was made of."""

	source: dict[str, Any]


def because(text: str, *values: object, **named: object) -> Reason:
	"""``text``, which is ours and English, filled in. Values that are reasons, or Words, are said anew with it."""
	return _said(
		{
			"text": text,
			"values": [_source(each) for each in values],
			"named": {name: _source(each) for name, each in named.items()},
		}
	)


def listed(words: Iterable[str]) -> Reason:
	"""Words of ours or of the host's, such as labels, with commas between them; nothing for none."""
	parts = [because(word) for word in words]
	return because(", ".join(f"{{{number}}}" for number in range(len(parts))), *parts)


def of_error(error: MailError) -> Reason:
	"""What happened, as :meth:`MailError.message` has it."""
	return because(error.template, **error.params)


def columns(*lines: str | None) -> dict[str, str | None]:
	"""What a row holds of a reason of these lines; of none, nothing."""
	told = [line for line in lines if line]
	if not told:
		return {"reason": None, "reason_detail": None}
	reason = "\n".join(told)
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
		return [_said(line) for line in kept["lines"]] if kept.get("of") == reason else None
	except (ValueError, TypeError, KeyError, IndexError, AttributeError):
		# nothing of ours, or written by another version of this app, whose texts had other holes
		return None


def _source(value: object) -> object:
	if isinstance(value, Reason):
		return value.source
	return {"text": str(value)} if isinstance(value, Words) else str(value)


def _said(source: Any) -> Any:
	if isinstance(source, str):
		return source
	text, values, named = _(source["text"]), source.get("values") or (), source.get("named") or {}
	if values or named:
		text = text.format(*map(_said, values), **{name: _said(each) for name, each in named.items()}).strip()
	said = Reason(text)
	said.source = source
	return said
