"""The queue left so that the host's own sending goes on with what waits, and with nothing else, once this app is gone.

The host sends a row that waits to each of its recipients that is not *Sent*. It knows nothing of recipients that a
server refused, whose delivery is uncertain, or who unsubscribed meanwhile.
"""

from __future__ import annotations

import frappe
from frappe import _

from dokos_mail.engine.send import row as states
from dokos_mail.outbound import outcome
from dokos_mail.outbound.claim import QUEUE, RECIPIENT, WAITING
from dokos_mail.outbound.queue import see_to_what_was_left

#: Not to be sent to again unless somebody asks for it.
ASIDE = (states.REFUSED, states.UNCERTAIN, states.CANCELLED)


def hand_back_queue() -> None:
	"""Leave in the rows that wait only recipients that are to be sent to, or were. Commits; again changes nothing.

	The others get a row of their own, which has ended. Raises ValidationError while another process is sending: the row
	that it holds says nothing yet. Rows that are not sent before some time, deferred ones too, keep that time.
	"""
	see_to_what_was_left()
	held = {"status": "Sending", "claim_token": ("is", "set")}
	if count := frappe.db.count(QUEUE, held):
		frappe.throw(_("{0} emails are being sent at this moment. Wait until they are sent, then remove the app.").format(count))
	some = {"parenttype": QUEUE, "status": ("!=", "Sent"), "delivery_state": ("in", ASIDE)}
	for name in sorted(set(frappe.get_all(RECIPIENT, filters=some, pluck="parent"))):
		if frappe.db.get_value(QUEUE, name, "status") in WAITING:
			_set_aside(frappe.get_doc(QUEUE, name))
	frappe.db.commit()


def _set_aside(row: frappe._dict) -> None:
	"""Give those of a row's recipients that are over a copy of the row."""
	recipients = outcome.recipients_of(row.name)
	over = [each for each in recipients if each.state in ASIDE]
	apart = frappe.get_doc({**row.as_dict(), "name": None, "recipients": [], "email_reaction": None})
	apart.name = frappe.generate_hash(length=10)
	apart.db_insert()
	for each in over:
		frappe.db.set_value(RECIPIENT, each.name, "parent", apart.name, update_modified=False)
	outcome.finish(apart, over, None)
	outcome.finish(row, [each for each in recipients if each not in over], None)


def in_the_hosts_words() -> None:
	"""Rows in a status that the host has not get the nearest that it has; the caller commits. For when the app is gone."""
	table = frappe.qb.DocType(QUEUE)
	ours = (table.status == "Expired") & (table.delivery_state == states.CANCELLED)
	frappe.qb.update(table).set(table.status, "Error").set(table.error, _("Cancelled")).where(ours).run()
