"""`embedded_host/API.md` says what the host offers: nothing is used that is not in it, nothing is in it that no test holds."""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Iterator
from pathlib import Path

import frappe
import frappe.utils
import pytest
from frappe.database.database import Database
from frappe.host.store import CacheStore
from frappe.model.document import Document

ROOT = Path(__file__).resolve().parents[2]
API = (ROOT / "embedded_host" / "API.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.+?) \|(?: (.*?) \|)? (test_\w+\.py::test_\w+) \|$", API, re.MULTILINE)
LISTED = {
	name.strip("`")
	for cell, _here, _test in ROWS
	for name in [cell]
	if cell.startswith("`frappe.") or cell.startswith("`Document.")
}
OWN = set(re.findall(r"`((?:frappe|Document)[\w.()]+)`", API.split("## What it keeps for itself")[1].split("\n## ")[0]))
LEAVES = {
	"frappe.local",
	"frappe.conf",
	"frappe.flags",
	"frappe.session",
	"frappe.form_dict",
	"frappe.response",
	"frappe.utils",
	"frappe.db",
	"frappe.qb",
}
"""Objects whose attributes are looked up under a name of their own, or are plain data."""


def _dotted(node: ast.Attribute) -> str | None:
	parts = [node.attr]
	value = node.value
	while isinstance(value, ast.Attribute):
		parts.append(value.attr)
		value = value.value
	return ".".join([value.id, *reversed(parts)]) if isinstance(value, ast.Name) else None


def used(source: str) -> Iterator[str]:
	"""The frappe names in a module, in full; imported names count where they are imported."""
	tree = ast.parse(source)
	for node in ast.walk(tree):
		if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "frappe":
			yield from (f"{node.module}.{alias.name}" for alias in node.names)
		elif isinstance(node, ast.Attribute):
			name = _dotted(node)
			if name and name.startswith("frappe."):
				yield name


def is_listed(name: str) -> bool:
	"""Whether the name is in the table, or is data of an object that is, or a module on the way to a name."""
	parts = name.split(".")
	prefixes = {".".join(parts[:end]) for end in range(2, len(parts) + 1)}
	if prefixes & LISTED - {"frappe.utils", "frappe.db", "frappe.qb"} or any(each.startswith(f"{name}.") for each in LISTED):
		return True
	return name in LEAVES or any(name.startswith(f"{leaf}.") for leaf in LEAVES - {"frappe.utils", "frappe.db", "frappe.qb"})


def test_the_app_uses_only_what_is_listed() -> None:
	missing = {
		f"{path.relative_to(ROOT)}: {name}"
		for path in (ROOT / "dokos_mail").rglob("*.py")
		for name in used(path.read_text(encoding="utf-8"))
		if not is_listed(name) or name in OWN
	}
	assert not missing


def test_the_scan_sees_what_is_not_listed() -> None:
	source = "import frappe\nfrom frappe.utils import no_such\nfrappe.db.no_such(frappe.db.get_value('x'))\nfrappe.local.response.x = frappe.no_such\n"
	assert {name for name in used(source) if not is_listed(name)} == {
		"frappe.utils.no_such",
		"frappe.db.no_such",
		"frappe.no_such",
	}


@pytest.mark.parametrize(("name", "test"), [(cell, test) for cell, _here, test in ROWS])
def test_a_listed_name_has_a_test(name: str, test: str) -> None:
	module, function = test.split("::")
	source = (ROOT / "tests" / "host" / module).read_text(encoding="utf-8")
	assert re.search(rf"^def {function}\(", source, re.MULTILINE)
	for word in re.findall(r"`frappe\.[\w.()]+`|`Document\.\w+`", name):
		assert re.search(rf"\b{re.escape(word.strip('`').rsplit('.', 1)[1])}\b", source), f"{module} does not mention {word}"


def _offered() -> Iterator[str]:
	for name, value in vars(frappe).items():
		if not name.startswith("_") and not isinstance(value, types.ModuleType) and name not in ("annotations", "Any"):
			yield f"frappe.{name}"
	for prefix, owner in (("frappe.db", Database), ("Document", Document), ("frappe.cache()", CacheStore)):
		yield from (f"{prefix}.{name}" for name in dir(owner) if not name.startswith("_"))
	for name, value in vars(frappe.utils).items():
		if callable(value) and not name.startswith("_") and str(getattr(value, "__module__", "")).startswith("frappe"):
			yield f"frappe.utils.{name}"


def test_what_is_offered_is_listed() -> None:
	assert not {name for name in _offered() if name not in LISTED | OWN}


def test_the_host_knows_nothing_of_mail() -> None:
	"""Its Python names no DocType of mail, no protocol and not the app; hooks.py is data."""
	words = re.compile(r"dokos_mail|email account|email domain|imap|smtp|pop3|message-id|email queue", re.IGNORECASE)
	said = {
		f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
		for path in (ROOT / "embedded_host").rglob("*.py")
		if path.name != "hooks.py"
		for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
		if words.search(line)
	}
	assert not said
