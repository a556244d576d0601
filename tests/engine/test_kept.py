"""An error that was written down is the same error when it is read."""

from __future__ import annotations

import json
import re

import pytest

from dokos_mail.engine import errors
from dokos_mail.engine.errors import MailError, Words
from dokos_mail.engine.kept import keep, recall

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MailError)]


def backwards(text: str) -> str:
	"""A translation that leaves the holes of a text as they are."""
	return (
		text.upper()
		.replace("{HOST}", "{host}")
		.replace("{DETAIL}", "{detail}")
		.replace("{PORT}", "{port}")
		.replace("{LOGIN}", "{login}")
		.replace("{FOLDER}", "{folder}")
	)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_kind_comes_back(kind: type[MailError]) -> None:
	holes = re.findall(r"\{(\w+)\}", kind.template + kind.remedy)
	error = kind(**{hole: f"<{hole}>" for hole in holes})
	again = recall(keep(error))
	assert type(again) is kind
	assert (again.message(), again.advice(), again.kind) == (error.message(), error.advice(), error.kind)


def test_words_of_ours_are_still_translated() -> None:
	error = MailError(detail=Words("it is a web server."))
	assert recall(keep(error)).message(backwards) == error.message(backwards)
	assert "IT IS A WEB SERVER." in recall(keep(error)).message(backwards)


@pytest.mark.parametrize(
	"text",
	[
		None,
		"",
		"{",
		"[]",
		"{}",
		'"x"',
		'{"kind": "no such kind", "params": {}}',
		'{"kind": 1}',
		'{"kind": "message_too_large", "params": {}}',
	],
)
def test_what_no_error_wrote_is_none(text: str | None) -> None:
	assert recall(text) is None


def test_what_is_kept_is_json() -> None:
	assert json.loads(keep(MailError(detail=OSError("gone"))))["params"]["detail"] == "gone"
