"""The app's life on a real bench: migrate three times, uninstall, install again; nothing of the host's may change.

	cd BENCH/sites; ../env/bin/python .../tests/bench/life.py SITE

For a site of its own, on which the app is installed: it makes accounts there and leaves them. Prints what it counted
after every step and ends with 1 when a count, a password or a scheduled job is not what it was before.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import frappe

COUNTED = (
	"Communication",
	"Contact",
	"Email Account",
	"Email Domain",
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
	# The host's own state of an account, without a job of ours that fails to reach its server.
	frappe.db.set_value("Email Account", {"name": ("like", "life-%")}, "enable_incoming", 0)
	frappe.db.commit()
	frappe.destroy()


def read_translations(site: str) -> None:
	"""Keep Dokos 3.40 alone from losing its hooks while migrating without us: see `install.before_migrate`."""
	connected(site)
	frappe._("Events")
	frappe.destroy()


def state(site: str) -> dict[str, object]:
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
		found["Folders"] = _digest(frappe.get_all("IMAP Folder", fields=["name", "parent", "folder_name"], order_by="name"))
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
	before, installed = state(site), ours(site)
	print("before", json.dumps(before), "ours", json.dumps(installed))
	failed = 0
	for title, words in STEPS:
		if title == "migrate" and not ours(site)["DocType"]:
			read_translations(site)
		done = subprocess.run([*bench, *words], capture_output=True, text=True, env=os.environ)
		now, own = state(site), ours(site)
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
