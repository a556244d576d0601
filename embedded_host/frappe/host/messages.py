"""What is said to the user: messages, and errors that carry one."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from frappe.exceptions import ValidationError
from frappe.host.context import _dict, local


def msgprint(
	msg: Any,
	title: str | None = None,
	raise_exception: bool | type[Exception] | Exception = False,
	as_list: bool = False,
	indicator: str | None = None,
	alert: bool = False,
) -> None:
	"""Add a message to the response, and raise if asked to."""
	if as_list and isinstance(msg, list | tuple):
		msg = "<ul>" + "".join(f"<li>{each}</li>" for each in msg) + "</ul>"
	entry = _dict(message=msg)
	for key, value in (("title", title), ("indicator", indicator), ("alert", alert)):
		if value:
			entry[key] = value
	if raise_exception:
		entry.setdefault("indicator", "red")
		entry.raise_exception = 1
	if not local.flags.mute_messages:
		local.message_log.append(entry)
	if local.flags.print_messages and msg:
		print(msg, file=sys.stderr)
	if not raise_exception:
		return
	if isinstance(raise_exception, Exception):
		raise raise_exception
	raise (raise_exception if isinstance(raise_exception, type) else ValidationError)(msg)


def throw(
	msg: Any, exc: type[Exception] | Exception = ValidationError, title: str | None = None, as_list: bool = False
) -> NoReturn:
	"""Raise `exc` with this message, which the user is shown."""
	msgprint(msg, title=title, raise_exception=exc, indicator="red", as_list=as_list)
	raise AssertionError("unreachable")


def clear_messages() -> None:
	local.message_log = []


def clear_last_message() -> None:
	if local.message_log:
		local.message_log.pop()


def bold(text: Any) -> str:
	return f"<strong>{text}</strong>"
