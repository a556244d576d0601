"""Imports point one way, each side keeps to its own business, and no error is swallowed."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "dokos_mail"
OURS = ("dokos_mail", "embedded_host", "examples", "demo", "mail_servers", "benchmarks", "tests")

# A module may import from its own level and from those below it; a new one has to be given a level here.
LEVELS = {
	"engine": 0,
	"schema": 0,
	"plain": 0,
	"files": 1,
	"host": 1,
	"holder": 1,
	"asked_of_core": 2,
	"append_to": 1,
	"desk_links": 2,
	"certificates": 1,
	"other_classes": 1,
	"other_apps": 1,
	"health": 1,
	"detail_kept": 1,
	"document_address": 1,
	"inbound": 2,
	"outbound": 2,
	"doctype": 3,
	"dokos_mail": 3,
	"checks": 3,
	"jobs": 3,
	"api": 3,
	"commands": 3,
	"listen": 3,
	"mail_access": 1,
	"reader": 3,
	"reasons": 1,
	"reports": 3,
	"recipients": 3,
	"timeline": 3,
	"install": 3,
	"hooks": 4,
}


def modules(*folders: str) -> list[Path]:
	return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py") if "build" not in path.parts)


def imported(tree: ast.AST, package: str = "") -> Iterator[str]:
	"""Dotted names of what a piece of code of ``package`` imports."""
	for node in ast.walk(tree):
		if isinstance(node, ast.Import):
			yield from (alias.name for alias in node.names)
		elif isinstance(node, ast.ImportFrom):
			above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
			module = ".".join([*above, *filter(None, [node.module])])
			yield from (f"{module}.{alias.name}" for alias in node.names)


def tree_of(path: Path) -> ast.Module:
	return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def place_of(path: Path) -> str:
	"""The part of the app that a module belongs to, a key of LEVELS; empty for the package itself."""
	first = path.relative_to(APP).parts[0]
	return "" if first == "__init__.py" else first.removesuffix(".py")


def violations(path: Path, tree: ast.Module, here: str) -> list[str]:
	"""Imports of an app module that point the wrong way."""
	found = []
	package = ".".join(path.relative_to(ROOT).parent.parts) if path.is_absolute() else ""
	for name in imported(tree, package):
		parts = name.split(".")
		if parts[0] in ("frappe", "embedded_host") and here in ("", "engine"):
			found.append(f"{path}: imports {name}")
		if parts[0] in ("demo", "tests", "mail_servers", "benchmarks", "crm", "sqlite3"):
			found.append(f"{path}: imports {name}")
		if parts[0] != "dokos_mail" or len(parts) < 2 or not here:
			continue
		there = parts[1]
		if there not in LEVELS:
			continue
		if LEVELS[there] > LEVELS[here] or {here, there} == {"inbound", "outbound"}:
			found.append(f"{path}: {here} imports {name}")
	return found


def test_imports_point_one_way() -> None:
	paths = modules("dokos_mail")
	unknown = {place for path in paths if (place := place_of(path)) and place not in LEVELS}
	assert unknown - {"public", "templates", "translations", "www", "config", "patches"} == set()
	found = [
		each for path in paths if place_of(path) in {"", *LEVELS} for each in violations(path, tree_of(path), place_of(path))
	]
	assert found == []


@pytest.mark.parametrize(
	("here", "code"),
	[
		("engine", "import frappe"),
		("engine", "from frappe.utils import now"),
		("engine", "def late():\n\tfrom dokos_mail.inbound import store"),
		("inbound", "from dokos_mail.jobs import pull_account"),
		("inbound", "from dokos_mail.outbound import queue"),
		("jobs", "import sqlite3"),
		("doctype", "import dokos_mail.hooks"),
	],
)
def test_an_import_the_wrong_way_is_found(here: str, code: str) -> None:
	assert violations(Path("x.py"), ast.parse(code), here)


def test_controllers_import_little_when_loaded() -> None:
	"""On Dokos an import that fails in a controller during `migrate` costs the host its DocType (see the contract)."""
	allowed = set(sys.stdlib_module_names) | {"frappe"}
	hooks = tree_of(APP / "hooks.py")
	named = [
		value.value
		for node in hooks.body
		if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("override_doctype_class", "extend_doctype_class")
		for value in node.value.values
	]
	assert named
	paths = [ROOT / (dotted.rsplit(".", 1)[0].replace(".", "/") + ".py") for dotted in named]
	# what the controllers load to correct the host's own functions keeps to the same
	for path in (*paths, APP / "asked_of_core.py", APP / "outbound" / "host_body.py", APP / "outbound" / "__init__.py"):
		for node in tree_of(path).body:
			if isinstance(node, ast.Import | ast.ImportFrom):
				for name in imported(node):
					assert name.split(".")[0] in allowed or name.startswith(
						("dokos_mail.host", "dokos_mail.doctype", "dokos_mail.asked_of_core", "dokos_mail.outbound.host_body")
					), f"{path}: {name}"


def test_embedded_host_knows_nothing_of_mail() -> None:
	words = re.compile(r"imaplib|poplib|smtplib|dokos_mail|Email (Account|Domain)|IMAP|Incoming Email", re.IGNORECASE)
	paths = [*modules("embedded_host"), *(ROOT / "embedded_host").rglob("*.js")]
	assert len(paths) > 20
	found = [
		f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
		for path in paths
		for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
		if words.search(line)
	]
	assert found == []


def test_the_embedded_desk_stays_small() -> None:
	"""A record of what the app's scripts use, not a framework: at most 2,000 lines with something on them."""
	scripts = (ROOT / "embedded_host" / "frappe" / "public").glob("*.js")
	lines = [line for path in scripts for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
	assert len(lines) <= 2000


def test_app_knows_nothing_of_the_embedded_host() -> None:
	found = [
		path
		for path in modules("dokos_mail")
		if re.search("sqlite|embedded_host", path.read_text(encoding="utf-8"), re.IGNORECASE)
	]
	assert found == []


def swallowed(tree: ast.AST) -> list[int]:
	"""Lines where an error ends without a word."""
	lines = []
	for node in ast.walk(tree):
		if isinstance(node, ast.ExceptHandler):
			silent = all(isinstance(each, ast.Pass) or ast.unparse(each) == "..." for each in node.body)
			if silent or node.type is None:
				lines.append(node.lineno)
		if isinstance(node, ast.Call) and re.fullmatch(r"(contextlib\.)?suppress", ast.unparse(node.func)):
			if any(ast.unparse(each) in ("Exception", "BaseException") for each in node.args):
				lines.append(node.lineno)
	return lines


def test_no_error_is_swallowed() -> None:
	found = [f"{path.relative_to(ROOT)}:{line}" for path in modules(*OURS) for line in swallowed(tree_of(path))]
	assert found == []


@pytest.mark.parametrize(
	"code",
	["try:\n\tf()\nexcept ValueError:\n\tpass", "try:\n\tf()\nexcept:\n\tg()", "with suppress(Exception):\n\tf()"],
)
def test_a_swallowed_error_is_found(code: str) -> None:
	assert swallowed(ast.parse(code))


def test_nothing_sleeps_and_nothing_is_left_undone() -> None:
	"""Waiting by the clock and postponed work. This file, which names them, is left out."""
	words = re.compile(r"\btime\.sleep\b|\bTODO\b|\bFIXME\b|pytest\.(skip|xfail)|mark\.(skip|xfail)")
	found = [
		f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
		for path in modules(*OURS)
		if path != Path(__file__)
		for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
		if words.search(line)
	]
	assert found == []


def test_annotations_are_lazy() -> None:
	"""Python 3.10 is supported: annotations are never evaluated when a module is loaded."""
	found = []
	for path in modules("dokos_mail"):
		tree = tree_of(path)
		has_code = any(isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AnnAssign) for node in tree.body)
		if has_code and "__future__.annotations" not in set(imported(tree)):
			found.append(path)
	assert found == []
