"""What an app's `commands.py` builds its commands with."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

import frappe


def pass_context(fn: Callable) -> Callable:
	"""The command gets an object with `sites`, `force` and `verbose` as its first argument."""

	@functools.wraps(fn)
	def inner(context: click.Context, *args: Any, **kwargs: Any) -> Any:
		return fn(frappe._dict(context.obj or {}), *args, **kwargs)

	return click.pass_context(inner)


def get_site(context: Any, raise_err: bool = True) -> str | None:
	"""The site that was named; an error with exit status where none was."""
	sites = context.sites or []
	if sites:
		return sites[0]
	if raise_err:
		raise click.UsageError("Please specify --site sitename")
	return None
