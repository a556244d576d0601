"""Every string a user sees is English in the source and has a French translation."""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "dokos_mail"
FRENCH = APP / "translations" / "fr.csv"
MARKS = ("_", "N_", "_lt")
SHOWN = ("label", "description", "placeholder")
IN_SCRIPTS = re.compile(r"""(?<![\w.$])__\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)""")
IN_TEMPLATES = re.compile(r"""(?<![\w.$])_\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
# Names of companies, numbers and series are the same in every language.
UNTRANSLATED = ("service", "initial_sync_count", "naming_series")


def python_strings(code: str) -> Iterator[str]:
	"""Strings of ``_()`` and its like. What is not a plain string could never be translated, so it is an error."""
	for node in ast.walk(ast.parse(code)):
		if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS and node.args:
			if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
				yield node.args[0].value
			elif isinstance(node.args[0], ast.JoinedStr | ast.BinOp):
				raise AssertionError(f"not a plain string: {ast.unparse(node)}")


def script_strings(code: str, pattern: re.Pattern[str] = IN_SCRIPTS) -> Iterator[str]:
	for quoted in pattern.findall(code):
		assert not (quoted[0] == "`" and "${" in quoted), f"not a plain string: {quoted}"
		yield ast.literal_eval(quoted) if quoted[0] != "`" else quoted[1:-1]


def doctype_strings(definition: dict, untranslated: Collection[str] = ()) -> Iterator[str]:
	"""The DocType's name, and labels, descriptions and choices of its fields, but for choices of ``untranslated`` fields."""
	yield definition["name"]
	yield from (definition[key] for key in ("description",) if definition.get(key))
	for row in (*definition.get("actions", []), *definition.get("links", [])):
		yield from (row[key] for key in ("label", "group") if row.get(key))
	for field in definition.get("fields", []):
		yield from (field[key] for key in SHOWN if field.get(key))
		if field["fieldtype"] == "HTML" and field.get("options"):
			yield field["options"]
		if field["fieldtype"] == "Select" and field["fieldname"] not in untranslated:
			yield from (option for option in (field.get("options") or "").split("\n") if option.strip() and not option.isdigit())


def workspace_strings(definition: dict) -> Iterator[str]:
	"""The workspace's name, cards, links and shortcuts, and what it says beside their counts."""
	yield definition["title"]
	for row in (*definition["links"], *definition["shortcuts"]):
		yield from (row[key] for key in ("label", "format") if row.get(key))
	for block in json.loads(definition.get("content") or "[]"):
		yield from (block["data"][key] for key in ("text", "title") if block["data"].get(key))


def sources() -> dict[str, str]:
	"""Every string of the app that a user sees, with a file it stands in."""
	found: dict[str, str] = {}
	for path in sorted(APP.rglob("*")):
		strings: Iterator[str] = iter(())
		if path.suffix == ".py":
			strings = python_strings(path.read_text(encoding="utf-8"))
		elif path.suffix == ".js":
			strings = script_strings(path.read_text(encoding="utf-8"))
		elif path.suffix in (".html", ".txt") and "templates" in path.parts:
			strings = script_strings(path.read_text(encoding="utf-8"), IN_TEMPLATES)
		elif path.suffix == ".json" and path.parent.parent.name == "doctype":
			strings = doctype_strings(json.loads(path.read_text(encoding="utf-8")), UNTRANSLATED)
		elif path.suffix == ".json" and path.parent.parent.name == "workspace":
			strings = workspace_strings(json.loads(path.read_text(encoding="utf-8")))
		for string in strings:
			found.setdefault(string, str(path.relative_to(ROOT)))
	return found


@pytest.fixture(scope="module")
def french() -> dict[str, str]:
	with FRENCH.open(encoding="utf-8", newline="") as file:
		rows = [row for row in csv.reader(file) if row]
	assert all(len(row) in (2, 3) for row in rows)
	twice = {row[0] for row in rows if [other[0] for other in rows].count(row[0]) > 1 and len(row) == 2}
	assert twice == set()
	return {row[0]: row[1] for row in rows}


def test_every_string_has_its_translation(french: dict[str, str]) -> None:
	found = sources()
	assert len(found) > 100
	missing = {string: where for string, where in found.items() if not french.get(string, "").strip()}
	assert missing == {}


def test_no_translation_of_what_is_gone(french: dict[str, str]) -> None:
	assert sorted(set(french) - set(sources())) == []


def test_placeholders_survive_translation(french: dict[str, str]) -> None:
	def holes(text: str) -> list[str]:
		return sorted(re.findall(r"\{\w*\}|<[^>]+>", text))

	assert [source for source, translation in french.items() if holes(source) != holes(translation)] == []


@pytest.mark.parametrize(
	("strings", "expected"),
	[
		(python_strings('_("One {0}").format(1)\nclass X:\n\tt = N_("Two" " and more")'), ["One {0}", "Two and more"]),
		(script_strings("frm.set_intro(__('Three')); foo.__('no'); __(\"Fo\\\"ur\", [1])"), ["Three", 'Fo"ur']),
		(script_strings('<p>{{ _("Five") }}</p>', IN_TEMPLATES), ["Five"]),
	],
)
def test_strings_are_found(strings: Iterator[str], expected: list[str]) -> None:
	assert sorted(strings) == sorted(expected)


# ---- what was never given to be translated

#: Functions that show what they are given, and the arguments by which they are given it.
TELLING = {"frappe.throw", "frappe.msgprint", "click.echo", "click.secho", "frappe.publish_progress"}
WORDS = re.compile(r"[A-Za-z]{3,}")
KEYS = r"(?:label|title|message|description|placeholder|primary_action_label)\s*:\s*"
CALLS = r"(?:msgprint|throw|show_alert|confirm|prompt|add_custom_button|add_inner_button|add_actions_menu_item|set_intro)\(\s*"
IN_QUOTES = re.compile(rf"""(?:{KEYS}|{CALLS}|textContent\s*=\s*|\.title\s*=\s*)("[^"\n]*"|'[^'\n]*'|`[^`]*`)""")
BETWEEN_TAGS = re.compile(r">([^<>{}$`]*[A-Za-z]{3,}[^<>{}$`]*)<")


def naked_in_python(code: str) -> Iterator[str]:
	"""Texts that are shown as they stand in the source."""
	for node in ast.walk(ast.parse(code)):
		if not (isinstance(node, ast.Call) and ast.unparse(node.func) in TELLING):
			continue
		for given in (*node.args[:1], *(each.value for each in node.keywords if each.arg in ("msg", "title", "message"))):
			parts = given.values if isinstance(given, ast.JoinedStr) else [given]
			yield from (part.value for part in parts if isinstance(part, ast.Constant) and WORDS.search(str(part.value)))


def naked_in_scripts(code: str) -> Iterator[str]:
	code = IN_SCRIPTS.sub("__(", re.sub(r"^\s*//.*$", "", code, flags=re.MULTILINE))
	while (plain := re.sub(r"\$\{[^{}]*\}", "", code)) != code:
		code = plain
	for found in (*IN_QUOTES.findall(code), *BETWEEN_TAGS.findall(re.sub(r"=>", "", code))):
		if WORDS.search(re.sub(r"<[^>]*>", "", found)):
			yield found


def naked_in_templates(html: str) -> Iterator[str]:
	html = re.sub(r"<(style|script)\b.*?</\1>|<!--.*?-->|\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", html, flags=re.DOTALL)
	html = re.sub(r"<!?/?[a-zA-Z](?:[^>\"']|\"[^\"]*\"|'[^']*')*>", "\n", html)
	yield from (line.strip() for line in html.splitlines() if WORDS.search(line))


def test_nothing_is_shown_that_nobody_could_translate() -> None:
	host = ROOT / "embedded_host" / "frappe"
	found = {}
	for folder, suffix, naked in (
		(APP, "*.py", naked_in_python),
		(APP, "*.js", naked_in_scripts),
		(APP / "templates", "*.html", naked_in_templates),
		(host / "www", "*.html", naked_in_templates),
	):
		paths = list(folder.rglob(suffix))
		assert paths, folder
		found |= {
			str(path.relative_to(ROOT)): texts for path in paths if (texts := list(naked(path.read_text(encoding="utf-8"))))
		}
	assert found == {}


@pytest.mark.parametrize(
	("naked", "hidden", "shown"),
	[
		(naked_in_python, 'frappe.throw("No server")', 'frappe.throw(_("No server"))'),
		(naked_in_python, 'frappe.msgprint(x, title=f"{n} emails")', 'frappe.msgprint(x, title=f"{n}: {m}")'),
		(naked_in_python, 'click.echo("Done")', 'click.echo(_("Done"))'),
		(naked_in_scripts, 'frappe.msgprint("Nothing came")', 'frappe.msgprint(__("Nothing came"))'),
		(naked_in_scripts, "const d = { label: 'Message' }", "const d = { label: __('Message') }"),
		(naked_in_scripts, "message: `<p>Received ${n}</p>`", "message: `<p>${__('Received {0}', [n])}</p>`"),
		(naked_in_scripts, "rows = `<th>Subject</th>${more}`", 'rows = `<th class="wide">${subject}</th>`'),
		(naked_in_scripts, 'button.textContent = "Show images"', 'button.textContent = __("Show images")'),
		(naked_in_templates, "<p>Goodbye</p>", '<p title="x">{{ _("Goodbye") | e }}</p>'),
	],
)
def test_what_is_hidden_from_translators_is_found(naked: Callable[[str], Iterator[str]], hidden: str, shown: str) -> None:
	assert list(naked(hidden)) and not list(naked(shown))
