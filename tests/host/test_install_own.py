"""A site's life on the embedded host: made, given an app, migrated, and without the app again; by the commands of a bench."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import frappe
import pytest

APP = "zz_app"
CARD = {
	"doctype": "DocType",
	"name": "Zz Card",
	"module": "Zz App",
	"autoname": "field:title",
	"field_order": ["title", "state", "note"],
	"fields": [
		{"fieldname": "note", "fieldtype": "Data", "label": "Note"},
		{"fieldname": "title", "fieldtype": "Data", "label": "Title", "reqd": 1},
		{"fieldname": "state", "fieldtype": "Select", "label": "State", "options": "Open\nClosed"},
	],
	"permissions": [{"role": "System Manager", "read": 1, "write": 1, "create": 1}],
}
FILES = {
	"__init__.py": "__version__ = '1.0'",
	"modules.txt": "Zz App\n",
	"patches.txt": "[pre_model_sync]\n# nothing\n\n[post_model_sync]\nzz_app.patches.greet\n",
	"patches/__init__.py": "",
	"patches/greet.py": "import frappe\n\ndef execute():\n\tfrappe.db.set_default('zz_greeted', int(frappe.db.get_default('zz_greeted') or 0) + 1)\n",
	"zz_app/__init__.py": "",
	"zz_app/doctype/__init__.py": "",
	"zz_app/doctype/zz_card/__init__.py": "",
	"zz_app/doctype/zz_card/zz_card.json": json.dumps(CARD),
	"zz_app/doctype/zz_card/zz_card.py": (
		"import frappe\nfrom frappe.model.document import Document\nfrom frappe.types import DF\n\n"
		"class ZzCard(Document):\n\tnote: DF.Data\n\n\tdef validate(self):\n\t\tself.note = 'validated'\n\n"
		"def on_doctype_update():\n\tfrappe.db.add_unique('Zz Card', ['note', 'state'], constraint_name='zz_pair')\n"
	),
	"hooks.py": (
		"app_name = 'zz_app'\nbefore_install = 'zz_app.steps.before_install'\nafter_install = ['zz_app.steps.after_install']\n"
		"after_migrate = 'zz_app.steps.after_migrate'\nbefore_uninstall = 'zz_app.steps.before_uninstall'\n"
		"scheduler_events = {'daily': ['zz_app.steps.every_day']}\n"
	),
	"steps.py": (
		"import frappe\n\ndef note(step):\n\tfrappe.db.set_default('zz_steps', (frappe.db.get_default('zz_steps') or '') + step + ' ')\n\n"
		"def before_install():\n\tassert not frappe.db.exists('DocType', 'Zz Card')\n\tnote('before_install')\n\n"
		"def after_install():\n\tassert frappe.db.exists('DocType', 'Zz Card')\n\tnote('after_install')\n\n"
		"def after_migrate():\n\tnote('after_migrate')\n\ndef before_uninstall():\n\tnote('before_uninstall')\n\ndef every_day():\n\tnote('day')\n\n"
		"def add(a, b=0):\n\treturn a + b\n"
	),
	"commands.py": (
		"import click\nimport frappe\nfrom frappe.commands import get_site, pass_context\n\n@click.command('zz-say')\n@click.argument('word')\n@pass_context\n"
		"def say(context, word):\n\tfrappe.init(get_site(context))\n\tfrappe.connect()\n\tclick.echo(f'{word} {frappe.local.site}')\n\tfrappe.destroy()\n\ncommands = [say]\n"
	),
	"translations/fr.csv": "Hello,Bonjour\nHello,Salut,friends\n",
}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def app(tmp_path: Path) -> Path:
	"""The folder of a small app that can be imported by other processes."""
	root = tmp_path / "apps" / APP
	for name, text in FILES.items():
		(root / name).parent.mkdir(parents=True, exist_ok=True)
		(root / name).write_text(text)
	return root


@pytest.fixture
def bench(app: Path, tmp_path: Path) -> Run:
	"""`bench ...` in a sites folder that is empty at first."""
	sites = tmp_path / "sites"
	path = os.pathsep.join([str(app.parent), os.environ.get("PYTHONPATH", "")])

	def run(*words: str, check: bool = True, site: str = "zz.localhost") -> subprocess.CompletedProcess[str]:
		done = subprocess.run(
			[sys.executable, "-m", "frappe", "--sites-path", str(sites), "--site", site, *words],
			capture_output=True,
			text=True,
			env={**os.environ, "PYTHONPATH": path},
			timeout=120,
		)
		if check:
			assert done.returncode == 0, done.stdout + done.stderr
		return done

	return run


def steps(bench: Run) -> str:
	return json.loads(bench("execute", "frappe.db.get_default", "--args", '["zz_steps"]').stdout)


def test_the_life_of_an_app_on_a_site(bench: Run, app: Path) -> None:
	bench("new-site", "zz.localhost", "--admin-password", "geheim")
	assert bench("list-apps").stdout.split() == ["frappe"]
	bench("install-app", APP)
	assert bench("list-apps").stdout.split() == ["frappe", APP]
	assert steps(bench) == "before_install after_install "
	assert "already" in bench("install-app", APP).stdout

	insert = '{"doctype": "Zz Card", "title": "One"}'
	made = json.loads(bench("execute", "frappe.client.insert", "--args", f"[{insert}]").stdout)
	assert (made["name"], made["note"], made["state"]) == ("One", "validated", "Open")
	again = bench("execute", "frappe.client.insert", "--args", f"[{insert.replace('One', 'Two')}]", check=False)
	assert "UniqueValidationError" in again.stderr

	bench("migrate")
	assert bench("execute", "frappe.db.get_default", "--args", '["zz_greeted"]').stdout == "", (
		"patches are for sites that are older"
	)
	card = {**CARD, "fields": [*CARD["fields"], {"fieldname": "extra", "fieldtype": "Int", "label": "Extra", "default": "7"}]}
	(app / "zz_app/doctype/zz_card/zz_card.json").write_text(json.dumps(card))
	with (app / "patches.txt").open("a") as patches:
		patches.write("zz_app.patches.greet #again\n")
	for _time in range(2):
		bench("migrate")
	assert json.loads(bench("execute", "frappe.db.get_default", "--args", '["zz_greeted"]').stdout) in (1, "1")
	assert json.loads(bench("execute", "frappe.db.get_value", "--args", '["Zz Card", "One", "extra"]').stdout) == 7
	assert steps(bench).count("after_migrate") == 3
	jobs = '["Scheduled Job Type", {"method": "zz_app.steps.every_day"}, "frequency"]'
	assert json.loads(bench("execute", "frappe.db.get_value", "--args", jobs).stdout) == "Daily"

	assert bench("zz-say", "hello").stdout == "hello zz.localhost\n"
	assert json.loads(bench("execute", "zz_app.steps.add", "--args", "[1]", "--kwargs", '{"b": 2}').stdout) == 3
	assert json.loads(bench("execute", "frappe._", "--args", '["Hello", "fr"]').stdout) == "Bonjour"
	assert json.loads(bench("execute", "frappe._", "--args", '["Hello", "fr", "friends"]').stdout) == "Salut"

	bench("uninstall-app", APP, "--yes")
	assert bench("list-apps").stdout.split() == ["frappe"]
	assert json.loads(bench("execute", "frappe.db.table_exists", "--args", '["Zz Card"]').stdout) is False
	assert not bench("execute", "frappe.db.exists", "--args", '["Module Def", "Zz App"]').stdout
	assert steps(bench).endswith("before_uninstall ")
	bench("install-app", APP)
	assert json.loads(bench("execute", "frappe.db.count", "--args", '["Zz Card"]').stdout) == 0


def test_what_cannot_be_done_is_one_line(bench: Run) -> None:
	bench("new-site", "zz.localhost", site="")
	for words, said in (
		(("new-site", "zz.localhost"), "already exists"),
		(("install-app", "no_such_app"), "cannot be imported"),
	):
		failed = bench(*words, check=False)
		assert failed.returncode and said in failed.stderr and "Traceback" not in failed.stderr
	failed = bench("list-apps", check=False, site="nowhere.localhost")
	assert failed.returncode and "nowhere.localhost" in failed.stderr and "Traceback" not in failed.stderr
	assert bench("list-apps", check=False, site="").returncode


def test_a_site_is_laid_out_as_on_a_bench(bench: Run, tmp_path: Path) -> None:
	bench("new-site", "zz.localhost", "--set-default")
	folder = tmp_path / "sites" / "zz.localhost"
	config = json.loads((folder / "site_config.json").read_text())
	assert config["encryption_key"] and config["db_type"] == "sqlite"
	assert {"private/files", "public/files", "logs", "db"} <= {
		str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_dir()
	}
	assert (tmp_path / "sites" / "common_site_config.json").is_file()
	assert bench("list-apps", site="").stdout == "frappe\n", "the default site"
	bench("set-config", "greeting", "hello")
	assert json.loads((folder / "site_config.json").read_text())["greeting"] == "hello"
	bench("set-config", "-g", "-p", "number", "5")
	assert json.loads((tmp_path / "sites" / "common_site_config.json").read_text())["number"] == 5
	bench("set-admin-password", "neu")
	bench("clear-cache")
	checked = bench("execute", "frappe.utils.password.check_password", "--args", '["Administrator", "neu"]')
	assert json.loads(checked.stdout) == "Administrator"


def test_a_site_that_cannot_be_made_leaves_nothing(bench: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
	from frappe import installer

	def broken(_password: str) -> None:
		raise RuntimeError("broken")

	monkeypatch.setattr("frappe.installer._install_host", broken)
	with pytest.raises(RuntimeError):
		installer.new_site("half.localhost", sites_path=str(tmp_path / "half"))
	assert not (tmp_path / "half" / "half.localhost").exists()


def test_definitions_that_no_module_syncs(site: Any, tmp_path: Path) -> None:
	"""A DocType may be imported from anywhere; without a folder in its module its documents are plain."""
	from frappe.model.document import Document
	from frappe.modules.import_file import import_file_by_path

	path = tmp_path / "zz_loose.json"
	path.write_text(json.dumps({**CARD, "name": "Zz Loose", "module": "Core"}))
	assert import_file_by_path(str(path)) and not import_file_by_path(str(path))
	assert [df.fieldname for df in frappe.get_meta("Zz Loose").fields] == ["title", "state", "note"]
	doc = frappe.get_doc({"doctype": "Zz Loose", "title": "x"}).insert()
	assert type(doc) is Document and doc.name == "x"
