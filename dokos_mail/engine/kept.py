"""A mail error as text, and back: so that it can be said later, in the language of whoever asks then."""

from __future__ import annotations

import json
from collections.abc import Iterator

from dokos_mail.engine.errors import MailError, Words


def keep(error: MailError) -> str:
	"""The kind of an error and what fills its texts, as JSON. Holds no secret, since no error does."""
	params = {name: _kept(value) for name, value in error.params.items()}
	return json.dumps({"kind": error.kind, "params": params}, ensure_ascii=False)


def recall(text: str | None) -> MailError | None:
	"""The error that :func:`keep` wrote down; None for nothing, or for what no error of today could have written."""
	try:
		found = json.loads(text or "null")
		kind, params = found["kind"], {name: _recalled(value) for name, value in found["params"].items()}
		return next((known(**params) for known in _kinds(MailError) if known.kind == kind), None)
	except (ValueError, TypeError, KeyError, AttributeError):
		# nothing, or written by another version of this app, whose texts had other holes
		return None


def _kept(value: object) -> object:
	if isinstance(value, Words):
		return {"words": str(value)}
	return value if isinstance(value, str | int | float | None) else str(value)


def _recalled(value: object) -> object:
	return Words(value["words"]) if isinstance(value, dict) else value


def _kinds(kind: type[MailError]) -> Iterator[type[MailError]]:
	yield kind
	for child in kind.__subclasses__():
		yield from _kinds(child)
