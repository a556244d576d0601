"""Which listener watches which account, where several run: a hold on each account's status row, renewed together.

A hold is no lock on the mail: two listeners on one account would only have it pulled twice, and the pull's own lease
keeps the pulls apart. It spares servers a second connection, and lets another machine take over.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from dokos_mail.holder import died_here
from dokos_mail.inbound.account import STATUS
from dokos_mail.inbound.lease import INCREDIBLE

#: A hold that is not renewed ends after this time: that long a listener's death on another machine goes unnoticed.
DURATION = timedelta(seconds=60)


def hold(token: str, wanted: Collection[str]) -> set[str]:
	"""Renew what ``token`` holds of the status rows ``wanted``, take what is free of them, give the others back; commits.

	Returns the names of the rows that are held now.
	"""
	frappe.db.commit()
	now = now_datetime()
	until = now + DURATION
	table = frappe.qb.DocType(STATUS)
	rows = frappe.get_all(STATUS, filters={"name": ("in", list(wanted))}, fields=["name", "listener"]) if wanted else []
	dead = {row.listener for row in rows if row.listener and row.listener != token and died_here(row.listener)}
	if rows:
		free = table.listener.isnull() | table.listener.isin(["", token, *dead]) | table.listener_until.isnull()
		free = free | (table.listener_until < now) | (table.listener_until > now + INCREDIBLE)
		(
			frappe.qb.update(table)
			.set(table.listener, token)
			.set(table.listener_until, until)
			.where(table.name.isin([row.name for row in rows]) & free)
		).run()
	held = set(frappe.get_all(STATUS, filters={"listener": token}, pluck="name"))
	if superfluous := held.difference(wanted):
		_give_back(token, superfluous)
	frappe.db.commit()
	return held & set(wanted)


def release(token: str) -> None:
	"""Give everything back, for another listener to take at once; commits."""
	_give_back(token, frappe.get_all(STATUS, filters={"listener": token}, pluck="name"))
	frappe.db.commit()


def _give_back(token: str, names: Collection[str]) -> None:
	if not names:
		return
	table = frappe.qb.DocType(STATUS)
	(
		frappe.qb.update(table)
		.set(table.listener, None)
		.set(table.listener_until, None)
		.where(table.name.isin(list(names)) & (table.listener == token))
	).run()
