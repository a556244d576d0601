"""The app's own commands: ``bench --site SITE mail-pull``."""

from __future__ import annotations

import sys

import click
import frappe
from frappe import _
from frappe.commands import get_site, pass_context


@click.command("mail-pull")
@click.option("--account", default=None, help="Name of one Email Account; all that receive mail when left out.")
@pass_context
def mail_pull(context: object, account: str | None) -> None:
	"""Pull mail now and say what became of it. Exit status 1 when an account could not be read."""
	frappe.init(site=get_site(context))
	frappe.connect()
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


commands = [mail_pull]
