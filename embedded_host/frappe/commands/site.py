"""`bench new-site`, `install-app`, `migrate` and the like."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

import frappe
from frappe.commands import get_site, pass_context


@contextmanager
def connected(context: Any) -> Iterator[str]:
	"""The named site, connected as Administrator, its transaction committed at the end."""
	site = get_site(context)
	frappe.init(site)
	try:
		frappe.connect()
		yield site
		frappe.db.commit()
	finally:
		frappe.destroy()


@click.command("new-site")
@click.argument("site")
@click.option("--admin-password", default="admin", help="Administrator's password.")
@click.option("--force", is_flag=True, help="Replace a site of that name.")
@click.option("--install-app", "install_apps", multiple=True, help="App to install after the site is made.")
@click.option("--set-default", is_flag=True, help="Make it the site that is used where none is named.")
@pass_context
def new_site(context: Any, site: str, admin_password: str, force: bool, install_apps: tuple[str, ...], set_default: bool) -> None:
	"""Make a site."""
	from frappe import installer

	os.makedirs(frappe.default_sites_path(), exist_ok=True)
	try:
		installer.new_site(site, admin_password=admin_password, force=force or context.force)
	except frappe.ValidationError as error:
		raise click.ClickException(str(error)) from None
	for app in install_apps:
		_install(frappe._dict(context, sites=[site]), app)
	if set_default:
		_set_common_config("default_site", site)
	click.echo(f"Site {site} is made")


@click.command("install-app")
@click.argument("apps", nargs=-1, required=True)
@click.option("--force", is_flag=True)
@pass_context
def install_app(context: Any, apps: tuple[str, ...], force: bool) -> None:
	"""Install apps on the site."""
	for app in apps:
		_install(context, app, force)


def _install(context: Any, app: str, force: bool = False) -> None:
	from frappe import installer

	_add_to_apps_txt(app)
	with connected(context):
		try:
			installer.install_app(app, force=force)
		except frappe.AppNotInstalledError as error:
			raise click.ClickException(str(error)) from None
	click.echo(f"App {app} is installed")


def _add_to_apps_txt(app: str) -> None:
	"""An app that can be imported counts as fetched; a bench would have written this line at get-app."""
	import importlib.util

	if importlib.util.find_spec(app) is None:
		raise click.ClickException(f"There is no app {app}: it cannot be imported")
	path = Path(frappe.default_sites_path(), "apps.txt")
	names = path.read_text(encoding="utf-8").split() if path.is_file() else ["frappe"]
	if app not in names:
		path.write_text("\n".join([*names, app]) + "\n", encoding="utf-8")


@click.command("uninstall-app")
@click.argument("app")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True)
@click.option("--no-backup", is_flag=True)
@click.option("--force", is_flag=True)
@pass_context
def uninstall_app(context: Any, app: str, yes: bool, dry_run: bool, no_backup: bool, force: bool) -> None:
	"""Take an app away, with its DocTypes and their rows."""
	from frappe import installer

	if not yes and not dry_run:
		click.confirm(f"All doctypes, modules and the data of {app} will be deleted. Continue?", abort=True)
	with connected(context):
		installer.remove_app(app, dry_run=dry_run, force=force)


@click.command("list-apps")
@pass_context
def list_apps(context: Any) -> None:
	"""The apps of the site."""
	with connected(context):
		click.echo("\n".join(frappe.get_installed_apps()))


@click.command("migrate")
@click.option("--skip-failing", is_flag=True)
@pass_context
def migrate(context: Any, skip_failing: bool) -> None:
	"""Bring the site up to date with its apps."""
	from frappe.migrate import migrate

	with connected(context) as site:
		migrate()
		click.echo(f"{site} is up to date")


@click.command("clear-cache")
@pass_context
def clear_cache(context: Any) -> None:
	"""Forget everything that can be built again."""
	with connected(context):
		frappe.clear_cache()


@click.command("execute")
@click.argument("method")
@click.option("--args")
@click.option("--kwargs")
@pass_context
def execute(context: Any, method: str, args: str | None, kwargs: str | None) -> None:
	"""Call a function and print what it answers."""
	with connected(context):
		answer = _function(method)(*json.loads(args or "[]"), **json.loads(kwargs or "{}"))
		if answer is not None:
			click.echo(frappe.as_json(answer))


def _function(name: str) -> Any:
	"""What a dotted name leads to, also where it is no module's but an object's (`frappe.db.count`)."""
	try:
		return frappe.get_attr(name)
	except ModuleNotFoundError:
		first, *rest = name.split(".")
		return functools.reduce(getattr, rest, frappe.get_module(first))


@click.command("set-admin-password")
@click.argument("admin_password")
@pass_context
def set_admin_password(context: Any, admin_password: str) -> None:
	"""Set Administrator's password."""
	from frappe.utils.password import update_password

	with connected(context):
		update_password("Administrator", admin_password)


@click.command("set-config")
@click.argument("key")
@click.argument("value")
@click.option("-g", "--global", "global_", is_flag=True, help="For all sites.")
@click.option("-p", "--parse", is_flag=True, help="Read the value as JSON.")
@pass_context
def set_config(context: Any, key: str, value: str, global_: bool, parse: bool) -> None:
	"""Write a key of the site's (or of the common) configuration."""
	parsed = json.loads(value) if parse else value
	if global_:
		_set_common_config(key, parsed)
	else:
		_write_config(Path(frappe.default_sites_path(), str(get_site(context)), "site_config.json"), key, parsed)


def _set_common_config(key: str, value: Any) -> None:
	_write_config(Path(frappe.default_sites_path(), "common_site_config.json"), key, value)


def _write_config(path: Path, key: str, value: Any) -> None:
	config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
	config[key] = value
	path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")


commands = [new_site, install_app, uninstall_app, list_apps, migrate, clear_cache, execute, set_admin_password, set_config]
