"""Small messages beside what must be read from each; the same in LF, CRLF and CR."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dokos_mail.engine.message.__main__ import as_dict
from dokos_mail.engine.message.parse import parse

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.eml"))
ENDS = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}


def matches(expected: object, found: object) -> bool:
	"""Equal; of dicts in lists only the keys that are expected."""
	if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
		return all(matches(one, other) for one, other in zip(expected, found, strict=True))
	if isinstance(expected, dict) and isinstance(found, dict):
		return all(matches(value, found.get(key)) for key, value in expected.items())
	return expected == found


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_message(path: Path) -> None:
	expected = json.loads(path.with_suffix(".json").read_text())
	found = as_dict(path.name, parse(path))
	for key, value in expected.items():
		assert matches(value, found[key]), f"{key}: expected {value!r}, found {found[key]!r}"
	assert not any("could not be read" in defect for defect in found["defects"])


@pytest.mark.parametrize("ends", ["crlf", "cr"])
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_line_ends_change_nothing(path: Path, ends: str) -> None:
	raw = path.read_bytes()
	found = as_dict(path.name, parse(raw.replace(b"\n", ENDS[ends])))
	expected = as_dict(path.name, parse(raw))
	for message in (found, expected):
		for attachment in message["attachments"]:
			# What is not encoded in transfer keeps the line ends it came with.
			if attachment["type"].startswith(("text/", "message/", "application/pgp-", "application/octet-stream")):
				del attachment["size"], attachment["sha256"]
	assert found == expected


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_from_memory_and_from_file_alike(path: Path) -> None:
	assert parse(path) == parse(path.read_bytes())


def test_every_message_has_its_expectation() -> None:
	assert CORPUS
	assert {path.stem for path in CORPUS} == {path.stem for path in CORPUS[0].parent.glob("*.json")}


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_doubled_carriage_returns_are_line_ends_too(path: Path) -> None:
	if b"base64" in path.read_bytes():
		return
	raw = path.read_bytes()
	assert parse(raw.replace(b"\n", b"\r\r\n")).subject == parse(raw).subject
