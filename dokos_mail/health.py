"""How an account's connections are doing: noted by whoever used them, told to whoever looks after the account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from dokos_mail import certificates, other_classes
from dokos_mail.engine.errors import MailError
from dokos_mail.engine.kept import keep, recall
from dokos_mail.plain import plain

STATUS = "Email Account Status"
#: What a form that shows the account listens for; it then asks again.
EVENT = "dokos_mail_account"
#: A check that nobody has begun after this time has no worker to begin it.
PATIENCE = timedelta(seconds=60)
LOCAL_SERVERS = ("localhost", "127.0.0.1", "::1")
#: The columns of each direction: state, what happened, what to do, the error itself, since when it fails.
INCOMING = ("state", "error", "remedy", "error_detail", "failing_since")
OUTGOING = ("outgoing_state", "outgoing_error", "outgoing_remedy", "outgoing_detail", "outgoing_failing_since")
#: Colours of the states, the worst first.
COLOURS = {
	"Failing": "red",
	"Unsafe": "red",
	"Replaced": "red",
	"Replacing": "orange",
	"Awaiting": "orange",
	"Waiting": "orange",
	"Checking": "blue",
	"Working": "green",
}


def summary(receives: str | None, sends: str | None) -> str:
	"""The state of an account for its list, from the states of its two directions: the worse one."""
	return next((state for state in ("Failing", "Checking", "Working") if state in (receives, sends)), "")


def expected(account: frappe._dict) -> tuple[str, str | None]:
	"""The states of receiving and sending just after the account's settings were saved."""
	tried = not account.awaiting_password
	return "Checking" if tried and account.receives_here() else "Unknown", "Checking" if tried and account.sends_here() else None


def mark_checking(account: frappe._dict) -> None:
	"""Say that the connections are about to be checked, within the caller's transaction. A resting account rests no more."""
	states = dict(zip((INCOMING[0], OUTGOING[0]), expected(account), strict=True))
	values = states | {"checking_since": now_datetime(), "next_attempt": None}
	if name := frappe.db.get_value(STATUS, {"email_account": account.name}, "name"):
		frappe.db.set_value(STATUS, name, values)
	else:
		frappe.get_doc({"doctype": STATUS, "email_account": account.name, **values}).insert(ignore_permissions=True)


def failure(error: MailError, columns: tuple[str, ...] = INCOMING) -> dict[str, object]:
	"""What a status row holds of an error. Texts in the site's language are for lists; a form has them in the reader's."""
	return dict(zip(columns, ("Failing", plain(error.message(_)), plain(error.advice(_)), keep(error)), strict=False))


def record_outgoing(status: str, error: MailError | None) -> None:
	"""Note on a status row how sending went, and commit it."""
	failing_since = OUTGOING[4]
	if error is None:
		values: dict[str, object] = dict.fromkeys(OUTGOING) | {"outgoing_state": "Working"}
	else:
		since = frappe.db.get_value(STATUS, status, failing_since)
		values = failure(error, OUTGOING) | {failing_since: since or now_datetime()}
	frappe.db.set_value(STATUS, status, values | {"outgoing_checked": now_datetime()})
	frappe.db.commit()


def announce(account: str) -> None:
	"""Bring the account's list up to date, and let forms that show the account ask again.

	The event says nothing else: whoever may read an account may listen.
	"""
	row = frappe.db.get_value(STATUS, {"email_account": account}, [INCOMING[0], OUTGOING[0]])
	state = summary(*row) if row else ""
	if (frappe.db.get_value("Email Account", account, "connection_state") or "") != state:
		frappe.db.set_value("Email Account", account, "connection_state", state, update_modified=False)
		frappe.clear_document_cache("Email Account", account)
		frappe.db.commit()
	frappe.publish_realtime(EVENT, {"account": account}, doctype="Email Account", docname=account)


def told(account: frappe._dict, *, receives: bool, sends: bool, more: Sequence[Mapping[str, object]] = ()) -> dict[str, object]:
	"""What the form says of an account's connections, in the reader's language: lines, and the colour of the worst.

	:param receives, sends: whether this app uses the connection; what is left to the host is the host's to tell.
	:param more: what others have to say of the account, as lines without a colour.
	"""
	lines: list[dict[str, object]] = []
	row = frappe._dict()
	if account.awaiting_password:
		lines.append(_awaiting(account.name))
	elif receives or sends:
		row = frappe.db.get_value(STATUS, {"email_account": account.name}, "*", as_dict=True) or frappe._dict()
		if receives:
			lines.append(_line(_("Receiving"), row, INCOMING))
		if sends and row.outgoing_state:
			lines.append(_line(_("Sending"), row, OUTGOING))
		lines += _unsafe(account, receives, sends)
	elif not (account.enable_incoming or account.enable_outgoing):
		text = _("This account neither receives nor sends yet.")
		lines.append({"title": "", "state": "Idle", "text": text, "remedy": ""})
	lines += [*more, *other_classes.lines("Email Account", "Email Queue")]
	lines = [line | {"colour": COLOURS.get(str(line["state"]), "blue")} for line in lines if line["text"]]
	states = {line["state"] for line in lines}
	colour = next((COLOURS[state] for state in COLOURS if state in states), "blue")
	return {
		"lines": lines,
		"colour": colour,
		"checking": bool({"Checking", "Waiting"} & states),
		"state": summary(row.state if receives else None, row.outgoing_state if sends else None),
	}


def _line(title: str, row: Mapping[str, object], columns: tuple[str, ...]) -> dict[str, object]:
	state, error, remedy, detail, since = (row.get(column) for column in columns)
	line: dict[str, object] = {"title": title, "state": state, "text": "", "remedy": ""}
	if state == "Working":
		line["text"] = _("The connection works.")
	elif state == "Checking":
		waits = row.get("checking_since") and now_datetime() - get_datetime(row["checking_since"]) > PATIENCE
		line["text"] = _("The connection is being checked.")
		if waits:
			line["state"], line["text"] = "Waiting", _("The check waits for a background worker.")
			line["remedy"] = _("If this goes on, see whether the site's workers run.")
	elif state == "Failing":
		known = recall(detail)
		line["text"], line["remedy"] = (known.message(_), known.advice(_)) if known else (error, remedy)
		if since:
			line["since"] = str(since)
	return line


def _awaiting(account: str) -> dict[str, object]:
	"""An account that waits for its password: who is asked for it."""
	users = frappe.get_all("User Email", filters={"email_account": account, "awaiting_password": 1}, pluck="parent")
	line: dict[str, object] = {"title": _("Awaiting password"), "state": "Awaiting", "remedy": ""}
	if users:
		line["text"] = _("At their next login these users are asked for it: {0}.").format(", ".join(sorted(set(users))))
	else:
		line["text"] = _("No user has this inbox, so nobody is asked for it.")
		line["remedy"] = _(
			"Make a user with this email address, add the account to a user's Email Inbox, or type the password here."
		)
	return line


def _unsafe(account: frappe._dict, receives: bool, sends: bool) -> list[dict[str, object]]:
	"""What is not as safe as it could be, by choice or since before this app was there."""
	found = []
	ways = (
		(receives, _("Receiving"), account.email_server, account.use_ssl or account.use_starttls, "validate_ssl_certificate"),
		(
			sends,
			_("Sending"),
			account.smtp_server,
			account.use_tls or account.use_ssl_for_outgoing,
			"validate_ssl_certificate_for_outgoing",
		),
	)
	for (used, title, server, encrypted, verified), way in zip(ways, certificates.WAYS, strict=True):
		if not used or server in LOCAL_SERVERS:
			continue
		refused = certificates.reason(account, way)
		if not encrypted:
			text = _("The connection is not encrypted: passwords and emails can be read on their way.")
			remedy = _("Choose SSL/TLS; nearly every server has it.")
		elif account.get(verified) is not None and not cint(account.get(verified)):
			text = _("The server's certificate is not verified: anybody may stand in for the server.")
			remedy = _("Tick {0}. If the connection fails then, ask whoever runs the server for a valid certificate.").format(
				_("Validate SSL Certificate")
			)
			if refused:
				text, remedy = certificates.told(refused)
		else:
			continue
		found.append({"title": title, "state": "Unsafe", "text": text, "remedy": remedy})
	return found
