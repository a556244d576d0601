"""How far a pull is that somebody asked for and waits for. Read from what the pull itself writes; nothing is kept for it."""

from __future__ import annotations

from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import get_datetime, now_datetime

from dokos_mail.engine.kept import recall
from dokos_mail.health import PATIENCE, STATUS
from dokos_mail.inbound.journal import FAILED, JOURNAL, JOURNALLED, UNFETCHED
from dokos_mail.reasons import in_words

#: So many messages are shown one by one at the end.
MOST_SHOWN = 10
#: After this time whoever waits is told to look later.
LONGEST_WAIT = timedelta(minutes=15)


def how_far(account: str, since: str) -> dict[str, object]:
	"""What a pull of ``account`` has done since a moment, by this site's clock.

	``state`` is waiting, fetching or done; ``received`` counts messages, ``left`` those not processed yet. When it is
	done, ``error`` and ``remedy`` tell what kept the mailbox from being read, and ``mails`` the latest ones.
	"""
	asked = get_datetime(since)
	new = {"email_account": account, "creation": (">=", asked)}
	fields = ["state", "error", "remedy", "error_detail", "last_pull", "lease_token", "lease_until"]
	status = frappe.db.get_value(STATUS, {"email_account": account}, fields, as_dict=True) or frappe._dict()
	told: dict[str, object] = {
		"state": "waiting",
		"received": frappe.db.count(JOURNAL, new),
		"left": frappe.db.count(JOURNAL, new | {"state": JOURNALLED}),
		"failed": frappe.db.count(JOURNAL, new | {"state": ("in", [FAILED, UNFETCHED])}),
		"error": "",
		"remedy": "",
	}
	held = bool(status.lease_token and status.lease_until and get_datetime(status.lease_until) > now_datetime())
	# One that was under way when this one was asked for ends first, and the mail may be the next one's.
	if status.last_pull and get_datetime(status.last_pull) >= asked and not (held and told["left"]):
		told |= {"state": "done", "mails": _latest(new)}
		if status.state == "Failing":
			known = recall(status.error_detail)
			told |= (
				{"error": known.message(_), "remedy": known.advice(_)}
				if known
				else {"error": status.error, "remedy": status.remedy}
			)
	elif held:
		told["state"] = "fetching"
	elif now_datetime() - asked > PATIENCE:
		told |= {
			"state": "done",
			"error": _("The pull has not begun, or was broken off."),
			"remedy": _("See whether the site's workers run, and what the Error Log says."),
		}
	if told["state"] == "fetching" and now_datetime() - asked > LONGEST_WAIT:
		told |= {"state": "done", "mails": _latest(new)}
	return told


def _latest(new: dict[str, object]) -> list[dict[str, object]]:
	fields = ["name", "subject", "sender", "state", "reason", "reason_detail", "reference_doctype", "reference_name"]
	rows = frappe.get_all(JOURNAL, filters=new, fields=fields, order_by="creation desc", limit=MOST_SHOWN)
	for row in rows:
		row["state_label"] = _(row.state)
		row["reason"] = in_words(row.reason, row.pop("reason_detail"))
		row["document"] = f"{_(row.reference_doctype)} {row.reference_name}" if row.reference_name else ""
	return rows
