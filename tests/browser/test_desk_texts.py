"""What the host's desk says has its French, nothing is translated that is gone; and scripts use what it offers."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import frappe
import pytest

from tests.test_translations import IN_TEMPLATES, doctype_strings, python_strings, script_strings, workspace_strings

pytestmark = pytest.mark.embedded
HOST = Path(frappe.__file__).parent
LABELS = re.compile(r'label: "((?:[^"\\]|\\.)*)"')


def texts() -> set[str]:
	"""What scripts, pages and Python of the host say, and the labels of its DocTypes."""
	found: set[str] = set()
	for path in (HOST / "public").glob("*.js"):
		code = path.read_text(encoding="utf-8")
		found.update(script_strings(code), LABELS.findall(code))
	for path in (HOST / "www").glob("*.html"):
		found.update(script_strings(path.read_text(encoding="utf-8"), IN_TEMPLATES))
	for path in HOST.rglob("*.py"):
		found.update(python_strings(path.read_text(encoding="utf-8")))
	return {text for text in found if re.search(r"[A-Za-z]{2}", text)}


#: Choices that are names in programs, and formats: the same in every language.
NAMES = {"fieldtype", "date_format", "time_format", "naming_series"}


def labels() -> set[str]:
	"""What the host's DocTypes and workspaces show: their names, labels, descriptions and choices."""
	found: set[str] = set()
	for path in HOST.glob("*/doctype/*/*.json"):
		definition = json.loads(path.read_text(encoding="utf-8"))
		found |= {definition["module"], *doctype_strings(definition, NAMES)}
	for path in HOST.glob("*/workspace/*/*.json"):
		found.update(workspace_strings(json.loads(path.read_text(encoding="utf-8"))))
	return found


@pytest.fixture(scope="module")
def french() -> dict[str, str]:
	with (HOST / "translations" / "fr.csv").open(encoding="utf-8", newline="") as file:
		rows = [row for row in csv.reader(file) if row]
	assert len({row[0] for row in rows}) == len(rows)
	return {row[0]: row[1] for row in rows}


def test_every_text_has_its_french(french: dict[str, str]) -> None:
	assert len(texts()) > 150 and len(labels()) > 400
	assert sorted(text for text in texts() | labels() if not french.get(text, "").strip()) == []


def test_nothing_is_translated_that_is_gone(french: dict[str, str]) -> None:
	assert sorted(set(french) - texts() - labels()) == []


def test_what_is_filled_in_survives(french: dict[str, str]) -> None:
	holes = re.compile(r"\{\w*\}")
	assert [text for text, said in french.items() if sorted(holes.findall(text)) != sorted(holes.findall(said))] == []


def test_scripts_of_apps_use_what_the_desk_offers() -> None:
	listed = set(
		re.findall(r"`(frappe\.[\w.]+)`", (HOST.parent / "API.md").read_text(encoding="utf-8").split("## In the browser")[1])
	)
	root = HOST.parents[1]
	scripts = [path for folder in ("dokos_mail", "examples") for path in (root / folder).rglob("*.js")]
	used = {
		f"{path.relative_to(root)}: {name}"
		for path in scripts
		for name in re.findall(r"(?<![\w.\"'])frappe(?:\??\.\w+)+(?![\w.]*[\"'])", path.read_text(encoding="utf-8"))
		if not any(f"{name.replace('?', '')}.".startswith(f"{each}.") for each in listed)
	}
	assert len(scripts) > 5
	assert used == set()
