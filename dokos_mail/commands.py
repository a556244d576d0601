"""The app's own commands: ``bench --site SITE mail-pull`` and ``mail-listen``."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

import click
import frappe
from frappe import _
from frappe.commands import get_site, pass_context


def _connect(context: object) -> None:
	"""Connect to the site, and speak its language: the hosts' commands speak English unless they are told."""
	frappe.init(site=get_site(context))
	frappe.connect()
	frappe.local.lang = frappe.db.get_default("lang") or frappe.local.lang


@click.command("mail-pull")
@click.option("--account", default=None, help="Name of one Email Account; all that receive mail when left out.")
@pass_context
def mail_pull(context: object, account: str | None) -> None:
	"""Pull mail now and say what became of it. Exit status 1 when an account could not be read."""
	_connect(context)
	try:
		failed = _pull_all(account)
	finally:
		frappe.destroy()
	if failed:
		sys.exit(1)


def _pull_all(account: str | None) -> int:
	from dokos_mail.jobs import accounts_to_pull, pull_account

	if account and not frappe.db.exists("Email Account", account):
		raise click.ClickException(_("There is no Email Account {0} on this site.").format(account))
	if account and account not in accounts_to_pull():
		raise click.ClickException(_("{0} does not receive mail: it is not enabled, or waits for its password.").format(account))
	names = [account] if account else accounts_to_pull()
	if not names:
		click.echo(_("No Email Account receives mail on this site."))
	failed = 0
	for name in names:
		with _Bars(name) as bars:
			result = pull_account(name, bars)
		if result is None:
			click.echo(_("{0}: another process is pulling it.").format(name))
			continue
		outcome = ", ".join(f"{_(state)}: {count}" for state, count in sorted(result.processed.items()))
		click.echo(_("{0}: {1} new messages.").format(name, result.journalled) + (f" {outcome}" if outcome else ""))
		if result.error:
			failed += 1
			click.secho(f"{name}: {result.error.message(_)}\n  {result.error.advice(_)}", fg="red", err=True)
	return failed


@click.command("mail-explain")
@click.argument("file", type=click.File("rb"))
@click.option("--account", required=True, help="Name of the Email Account that the message would come to.")
@click.option("--folder", default=None, help="The folder it would lie in; the account's first when left out.")
@pass_context
def mail_explain(context: object, file: BinaryIO, account: str, folder: str | None) -> None:
	"""Say where a message would go, and why, without storing it. FILE is a raw message (.eml); - reads it from the input."""
	_connect(context)
	try:
		from dokos_mail.inbound.explain import explain

		if not frappe.db.exists("Email Account", account):
			raise click.ClickException(_("There is no Email Account {0} on this site.").format(account))
		for line in explain(file.read(), account, folder).lines:
			click.echo(line)
	finally:
		frappe.destroy()


class _Bars:
	"""Progress bars on a terminal, one for each stage; nothing where there is no terminal."""

	def __init__(self, account: str) -> None:
		self.account = account
		self.stage = ""
		self.bar = None

	def __enter__(self) -> _Bars:
		return self

	def __exit__(self, *exc: object) -> None:
		self._close()

	def __call__(self, stage: str, done: int, total: int) -> None:
		if not sys.stderr.isatty() or not total:
			return
		if stage != self.stage or (self.bar and done < self.bar.pos):
			self._close()
			self.stage = stage
			self.bar = click.progressbar(length=total, label=f"{self.account}: {_label(stage)}", file=sys.stderr)
			self.bar.__enter__()
		self.bar.length = total
		self.bar.update(done - self.bar.pos)

	def _close(self) -> None:
		if self.bar:
			self.bar.__exit__(None, None, None)
		self.bar, self.stage = None, ""


def _label(stage: str) -> str:
	return {"fetch": _("fetching"), "process": _("processing")}[stage]


@click.command("mail-listen")
@click.option(
	"--pullers", default=2, show_default=True, type=click.IntRange(1, 32), help="How many accounts are pulled at a time."
)
@click.option("--refresh", default=15.0, show_default=True, help="After how many seconds accounts are looked at again.")
@pass_context
def mail_listen(context: object, pullers: int, refresh: float) -> None:
	"""Wait for new mail on every IMAP account, and receive it when it arrives. Runs until it is told to stop."""
	site = get_site(context)
	frappe.init(site=site)
	sites_path = os.path.abspath(frappe.local.sites_path)
	frappe.destroy()
	from dokos_mail.listen.listener import listen

	listen(site, sites_path, pullers, refresh)


commands = [mail_explain, mail_pull, mail_listen]
