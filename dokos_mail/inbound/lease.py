"""One puller per account at a time, on any number of machines: a lease on the account's status row.

Only conditional UPDATEs and row locks hold on every database and between machines, so the lease is a token and an end
time on the row. A holder that died on this machine is recognised at once; one that died elsewhere is waited out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import frappe
from frappe.utils import now_datetime

from dokos_mail.holder import died_here, new_token

#: A lease that is not renewed ends after this time.
DURATION = timedelta(seconds=120)
#: One that ends later than this was written by a clock that has been put back since.
INCREDIBLE = timedelta(minutes=10)
#: A holder that is at work renews its lease when this much of it is gone.
RENEW_AFTER = timedelta(seconds=20)


class LeaseHeld(Exception):
	"""Another process pulls this account now."""


class LeaseLost(Exception):
	"""Our lease ran out and another process took it, or the account was renamed or deleted: commit nothing more."""


class Lease:
	"""A lease held on the status row ``status`` under ``token``."""

	def __init__(self, status: str, token: str, until: datetime) -> None:
		self.status = status
		self.account = frappe.db.get_value("Email Account Status", status, "email_account")
		self.token = token
		self.until = until

	def fence(self, **noted: object) -> None:
		"""Renew within the caller's transaction, with ``noted`` in fields of the row; the commit that follows is then ours alone.

		Raises LeaseLost when the token on the row is no longer ours, or the account has another name.
		"""
		until = now_datetime() + DURATION
		values = {"lease_until": until, **noted}
		# Once for each message, under the locks of what was written for it: the query builder would take as long as the statement.
		frappe.db.sql(
			f"update `tabEmail Account Status` set {', '.join(f'`{field}`=%s' for field in values)} where name=%s and lease_token=%s",
			(*values.values(), self.status, self.token),
		)
		row = frappe.db.get_value("Email Account Status", self.status, ["lease_token", "email_account"])
		if not row or tuple(row) != (self.token, self.account):
			frappe.db.rollback()
			raise LeaseLost(self.status)
		self.until = until

	def renew(self) -> None:
		"""Renew and commit when a good part of the lease is gone. Never call it inside a transaction."""
		if self.until - now_datetime() < DURATION - RENEW_AFTER:
			self.fence()
			frappe.db.commit()


@contextmanager
def hold(status: str) -> Iterator[Lease]:
	"""Hold the lease of a status row, committing around it. Raises LeaseHeld when somebody else has it."""
	lease = _take(status)
	try:
		yield lease
	finally:
		frappe.db.rollback()
		_give_back(lease)


def _take(status: str) -> Lease:
	now = now_datetime()
	token, until = new_token(), now + DURATION
	table = frappe.qb.DocType("Email Account Status")
	frappe.db.commit()
	holder = frappe.db.get_value("Email Account Status", status, "lease_token")
	free = table.lease_token.isnull() | (table.lease_token == "") | table.lease_until.isnull() | (table.lease_until < now)
	free = free | (table.lease_until > now + INCREDIBLE)
	if holder and died_here(holder):
		free = free | (table.lease_token == holder)
	(
		frappe.qb.update(table).set(table.lease_token, token).set(table.lease_until, until).where((table.name == status) & free)
	).run()
	frappe.db.commit()
	if frappe.db.get_value("Email Account Status", status, "lease_token") != token:
		raise LeaseHeld(status)
	return Lease(status, token, until)


def _give_back(lease: Lease) -> None:
	table = frappe.qb.DocType("Email Account Status")
	(
		frappe.qb.update(table)
		.set(table.lease_token, None)
		.set(table.lease_until, None)
		.where((table.name == lease.status) & (table.lease_token == lease.token))
	).run()
	frappe.db.commit()
