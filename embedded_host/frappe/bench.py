"""The console script `bench`: `bench --site SITE COMMAND`, with the commands of the host and of the apps in apps.txt."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import Any

import click

import frappe


class Bench(click.Group):
	"""A group whose commands are looked for in `<app>.commands` when they are asked for."""

	def _found(self) -> dict[str, click.Command]:
		found: dict[str, click.Command] = {}
		for app in frappe.get_all_apps(sites_path=frappe.default_sites_path()):
			for command in _commands_of(app):
				found.setdefault(command.name or "", command)
		return found

	def list_commands(self, ctx: click.Context) -> list[str]:
		return sorted(self._found())

	def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
		return self._found().get(cmd_name)

	def invoke(self, ctx: click.Context) -> Any:
		try:
			return super().invoke(ctx)
		except frappe.IncorrectSitePath as error:
			raise click.ClickException(str(error)) from None


def _commands_of(app: str) -> list[click.Command]:
	if app == "frappe":
		names = ["frappe.commands.site", "frappe.commands.server"]
	elif importlib.util.find_spec(app) is None or importlib.util.find_spec(f"{app}.commands") is None:
		return []
	else:
		names = [f"{app}.commands"]
	return [command for name in names for command in importlib.import_module(name).commands]


def _use_sites_path(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
	if value:
		os.environ["SITES_PATH"] = os.path.abspath(value)
	return value


@click.command(cls=Bench, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--site", default=None, envvar="FRAPPE_SITE", help="The site to work on.")
@click.option(
	"--sites-path", default=None, is_eager=True, expose_value=False, callback=_use_sites_path, help="The folder of the sites."
)
@click.option("--force", is_flag=True)
@click.option("--verbose", is_flag=True)
@click.pass_context
def main(ctx: click.Context, site: str | None, force: bool, verbose: bool) -> None:
	"""The embedded host's bench."""
	site = site or frappe.get_site_config(frappe.default_sites_path()).default_site
	ctx.obj = {"sites": [site] if site else [], "force": force, "verbose": verbose, "profile": False}


def run() -> None:
	sys.path.insert(0, os.getcwd())
	try:
		main(prog_name="bench")
	except frappe.IncorrectSitePath as error:
		sys.exit(f"Error: {error}")


if __name__ == "__main__":
	run()
