"""The app's life on a real bench: migrate three times, uninstall, install again; nothing of the host's may change.

	cd BENCH/sites; ../env/bin/python .../tests/bench/life.py SITE

For a site of its own, on which the app is installed as it stands (migrate first): it makes accounts there
and leaves them. Prints what it counted after every step and ends with 1 when a count, a password or a scheduled job is not what it was before.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence

import frappe

COUNTED = (
	"Communication",
	"Contact",
	"Email Account",
	"Email Domain",
	"Email Queue",
	"Email Queue Recipient",
	"File",
	"IMAP Folder",
	"Scheduled Job Type",
	"User",
	"User Email",
)
STEPS = (
	("migrate", ["migrate"]),
	("migrate", ["migrate"]),
	("migrate", ["migrate"]),
	("uninstall-app --dry-run", ["uninstall-app", "dokos_mail", "--yes", "--no-backup", "--dry-run"]),
	("uninstall-app", ["uninstall-app", "dokos_mail", "--yes", "--no-backup"]),
	("migrate", ["migrate"]),
	("install-app", ["install-app", "dokos_mail"]),
	("migrate", ["migrate"]),
)


def connected(site: str) -> None:
	frappe.init(site)
	frappe.connect()


def make_rows(site: str) -> None:
	"""Accounts with passwords, folders and mail, as a site of some age has them."""
	connected(site)
	for number in range(3):
		name = f"life-{number}"
		if frappe.db.exists("Email Account", name):
			continue
		values = {"email_id": f"{name}@life.test", "email_account_name": name, "password": f"pässword {number}", "use_imap": 1}
		account = frappe.get_doc(
			{"doctype": "Email Account", "enable_incoming": 1, "email_server": "imap.life.invalid", **values}
		)
		account.append("imap_folder", {"folder_name": "INBOX", "uidvalidity": "77", "uidnext": "12"})
		account.insert()
		mail = {"communication_medium": "Email", "sent_or_received": "Received", "email_account": name, "uid": 11}
		frappe.get_doc({"doctype": "Communication", "subject": name, "sender": "a@life.test", **mail}).insert()
	if not frappe.db.exists("Email Queue", {"email_account": "life-0"}):
		make_waiting_mail()
	# The host's own state of an account, without a job of ours that fails to reach its server.
	frappe.db.set_value("Email Account", {"name": ("like", "life-%")}, "enable_incoming", 0)
	frappe.db.commit()
	frappe.destroy()


def make_waiting_mail() -> None:
	"""A mail that one recipient got and that the other's server deferred, until a year from now."""
	states = {"sent@life.test": ("Sent", "Sent"), "later@life.test": ("Not Sent", "Deferred")}
	recipients = [{"recipient": address, "status": status} for address, (status, _state) in states.items()]
	message = "From: <life-0@life.test>\r\nSubject: Bonjour\r\nMessage-ID: <1@life.test>\r\n\r\nUn message.\r\n"
	row = {"doctype": "Email Queue", "sender": "life-0@life.test", "message": message, "message_id": "1@life.test"}
	queued = frappe.get_doc({**row, "email_account": "life-0", "recipients": recipients}).insert()
	values = {"status": "Partially Sent", "delivery_state": "Deferred", "email_account": "life-0"}
	frappe.db.set_value("Email Queue", queued.name, {**values, "send_after": frappe.utils.add_to_date(None, years=1)})
	for address, (_status, state) in states.items():
		where = {"parent": queued.name, "recipient": address}
		frappe.db.set_value("Email Queue Recipient", where, "delivery_state", state)


def read_translations(site: str) -> None:
	"""Keep Dokos 3.40 alone from losing its hooks while migrating without us: see `install.before_migrate`."""
	connected(site)
	frappe._("Events")
	frappe.destroy()


def without_folders(site: str) -> list[str]:
	"""Accounts that have no row in their folders."""
	connected(site)
	try:
		having = frappe.get_all("IMAP Folder", pluck="parent", distinct=True)
		return frappe.get_all("Email Account", filters={"name": ("not in", having or [""])}, pluck="name")
	finally:
		frappe.destroy()


def state(site: str, accounts_without_folders: Sequence[str] = ()) -> dict[str, object]:
	"""What must stay, in figures."""
	connected(site)
	try:
		found: dict[str, object] = {doctype: frappe.db.count(doctype) for doctype in COUNTED}
		found["Scheduled Job Type"] = frappe.db.count("Scheduled Job Type", {"method": ("not like", "dokos_mail.%")})
		for doctype in ("Custom Field", "Property Setter"):
			rows = [row.module for row in frappe.get_all(doctype, fields=["module"])]
			found[f"{doctype} of others"] = sum(1 for module in rows if module != "Dokos Mail")
		found["Jobs of the host that are stopped"] = frappe.db.count("Scheduled Job Type", not_ours_stopped())
		links = frappe.get_all("Workspace Link", filters=of_others(), fields=["parent", "link_to"], order_by="parent, idx")
		found["Workspace Links"] = _digest(links)
		# An account that has no row gets that of INBOX when it is handed back, if we read it.
		for name in accounts_without_folders:
			frappe.db.delete("IMAP Folder", {"parent": name, "folder_name": "INBOX"})
		found["IMAP Folder"] = frappe.db.count("IMAP Folder")
		found["Folders"] = _digest(frappe.get_all("IMAP Folder", fields=["name", "parent", "folder_name"], order_by="name"))
		frappe.db.rollback()
		queued = frappe.get_all("Email Queue", fields=["name", "status", "send_after"], order_by="name")
		recipients = frappe.get_all("Email Queue Recipient", fields=["name", "parent", "recipient", "status"], order_by="name")
		found["Queue"] = _digest([*queued, *recipients])
		found["Passwords"] = _digest(
			frappe.get_doc("Email Account", name).get_password("password", raise_exception=False)
			for name in frappe.get_all("Email Account", pluck="name", order_by="name")
		)
		found["Secrets"] = frappe.db.sql("select count(*) from `__Auth`")[0][0]
		return found
	finally:
		frappe.destroy()


def of_others() -> dict[str, object]:
	"""Links of the host's and other apps' workspaces that lead to what is not ours."""
	mine = frappe.get_all("Workspace", filters={"module": "Dokos Mail"}, pluck="name")
	doctypes = frappe.get_all("DocType", filters={"module": "Dokos Mail"}, pluck="name")
	return {"parent": ("not in", mine or [""]), "link_to": ("not in", [*doctypes, *mine] or [""]), "type": "Link"}


def not_ours_stopped() -> dict[str, object]:
	return {"method": ("not like", "dokos_mail.%"), "stopped": 1}


def ours(site: str) -> dict[str, int]:
	"""How much there is of the app itself."""
	connected(site)
	try:
		found = {doctype: frappe.db.count(doctype, {"module": "Dokos Mail"}) for doctype in ("Custom Field", "Property Setter")}
		found["Scheduled Job Type"] = frappe.db.count("Scheduled Job Type", {"method": ("like", "dokos_mail.%")})
		for doctype in ("DocType", "Workspace"):
			found[doctype] = frappe.db.count(doctype, {"module": "Dokos Mail"})
		return found
	finally:
		frappe.destroy()


def _digest(values: object) -> str:
	return hashlib.sha256(json.dumps([str(value) for value in values]).encode()).hexdigest()[:12]


def main(site: str) -> int:
	bench = [sys.executable, "-m", "frappe.utils.bench_helper", "frappe", "--site", site]
	make_rows(site)
	bare = without_folders(site)
	before, installed = state(site, bare), ours(site)
	print("before", json.dumps(before), "ours", json.dumps(installed))
	failed = 0
	for title, words in STEPS:
		if title == "migrate" and not ours(site)["DocType"]:
			read_translations(site)
		done = subprocess.run([*bench, *words], capture_output=True, text=True, env=os.environ)
		now, own = state(site, bare), ours(site)
		changed = {key: (before[key], now[key]) for key in before if before[key] != now[key]}
		gone = title == "uninstall-app" and any(own.values())
		failed += bool(done.returncode or changed or gone)
		print(f"{title}: rc {done.returncode}, changed {changed or 'nothing'}, ours {json.dumps(own)}")
		if done.returncode:
			print(done.stdout[-2000:], done.stderr[-2000:])
	if ours(site) != installed:
		failed += 1
		print("installed again, but not the same:", installed, ours(site))
	return 1 if failed else 0


if __name__ == "__main__":
	sys.exit(main(sys.argv[1]))
