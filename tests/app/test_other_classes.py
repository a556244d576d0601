"""Another app's class for one of our DocTypes: said, and left alone. With a second app on the embedded host.

The same on a bench, with its commands and a mailbox: tests/bench/test_other_app.py.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import frappe
import pytest

from dokos_mail import api, jobs, other_classes
from tests.conftest import Site

pytestmark = pytest.mark.embedded

CLASSES = """
from {module} import {name} as Base

class Theirs(Base):
	pass
"""
OURS = ("dokos_mail.doctype.email_account.email_account", "EmailAccount")
PLAIN = ("frappe.model.document", "Document")


@pytest.fixture
def install(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
	"""Install an app whose class for a DocType derives from ``base``; returns its name."""
	from frappe.installer import install_app

	monkeypatch.syspath_prepend(str(tmp_path / "apps"))
	made: list[str] = []

	def make(name: str, doctype: str, base: tuple[str, str]) -> str:
		folder = tmp_path / "apps" / name
		folder.mkdir(parents=True)
		hooks = f"app_name = '{name}'\noverride_doctype_class = {{'{doctype}': '{name}.theirs.Theirs'}}\n"
		theirs = CLASSES.format(module=base[0], name=base[1])
		files = {"__init__.py": "__version__ = '1'", "modules.txt": "", "patches.txt": "", "hooks.py": hooks, "theirs.py": theirs}
		for file, text in files.items():
			(folder / file).write_text(text)
		made.append(name)
		with (site.sites_path / "apps.txt").open("a") as listed:
			listed.write(f"{name}\n")
		install_app(name)
		frappe.clear_cache()
		return name

	yield make
	for module in [module for module in sys.modules if module.partition(".")[0] in made]:
		del sys.modules[module]


def account() -> str:
	values = {"email_id": "autre@masociete.test", "email_server": "imap.masociete.test", "use_imap": 1, "password": "x"}
	return frappe.get_doc({"doctype": "Email Account", "enable_incoming": 1, **values}).insert().name


def test_a_class_in_our_place(install: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
	name = account()
	assert jobs.accounts_to_pull() == [name]
	app = install("zz_helpdesk", "Email Account", PLAIN)
	assert f"The app {app} replaces the class of Email Account" in capsys.readouterr().out
	assert not other_classes.is_ours()
	assert jobs.accounts_to_pull() == [] and jobs.pull_account(name) is None
	jobs.pull_mailboxes()
	jobs.check_account(name)
	jobs.sweep_journal()
	told = api.account_status(name)
	assert told["colour"] == "red" and app in told["lines"][0]["text"] and "Hooks Resolution Order" in told["lines"][0]["remedy"]


def test_a_class_that_derives_from_ours(install: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
	name = account()
	install("zz_friendly", "Email Account", OURS)
	assert "class" not in capsys.readouterr().out
	assert other_classes.is_ours() and other_classes.other_classes() == []
	assert jobs.accounts_to_pull() == [name]


def test_ours_in_the_place_of_theirs(install: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
	app = install("zz_before", "Email Account", PLAIN)
	get_hooks = frappe.get_hooks

	def as_if_installed_before(hook: str | None = None, *args: object, **kwargs: object) -> object:
		found = get_hooks(hook, *args, **kwargs)
		if hook == "override_doctype_class" and not kwargs:
			return found | {"Email Account": list(reversed(found["Email Account"]))}
		return found

	monkeypatch.setattr(frappe, "get_hooks", as_if_installed_before)
	(other,) = other_classes.other_classes()
	assert (other.app, other.used) == (app, False)
	assert "takes the place" in other.said() and "dokos_mail.doctype" in other.remedy()
	assert [line["colour"] for line in other_classes.lines("Email Account")] == ["orange"]


@pytest.mark.parametrize("doctype", ["Email Domain", "IMAP Folder", "Email Queue"])
def test_each_of_our_document_types(install: Callable[..., str], doctype: str) -> None:
	install("zz_each_" + frappe.scrub(doctype), doctype, PLAIN)
	assert [(other.doctype, other.used) for other in other_classes.other_classes()] == [(doctype, True)]
