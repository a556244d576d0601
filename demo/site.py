"""The demo's site: made once with the host's own commands, then its e-mail domain and its two accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import frappe

from demo.messages import COMMERCIAL, FOLDER, SUPPORT
from demo.place import APPS, SITE, Place

DOMAIN = "masociete.test"


def make(place: Place, say: Callable[[str], None]) -> None:
	"""Make the site, or bring one made before up to date."""
	place.sites.mkdir(exist_ok=True)
	(place.sites / "apps.txt").write_text("\n".join(["frappe", *APPS]) + "\n")
	if not place.memory.made:
		say("new-site")
		place.run("new-site", SITE, "--admin-password", place.memory.admin_password, "--force")
		for app in APPS:
			say(f"install-app {app}")
			place.run("--site", SITE, "install-app", app)
		place.memory.made = True
		place.remember()
	else:
		say("migrate")
		place.run("--site", SITE, "migrate")


@contextmanager
def connected(place: Place) -> Iterator[Any]:
	"""The site, as Administrator; what is written is committed at the end."""
	frappe.init(site=SITE, sites_path=str(place.sites))
	frappe.connect()
	try:
		yield frappe
		frappe.db.commit()
	finally:
		frappe.destroy()


def configure(place: Place, servers: dict[str, Any]) -> None:
	"""The Email Domain and the accounts, as an administrator types them; only what is missing or has moved."""
	place.run("--site", SITE, "set-config", "ssl_ca_file", servers["authority"])
	ports = servers["ports"]
	imaps = "imaps" in ports
	settings = {
		"email_server": "localhost",
		"use_imap": 1,
		"use_ssl": int(imaps),
		"use_starttls": int(not imaps),
		"incoming_port": str(ports["imaps" if imaps else "imap"]),
		"smtp_server": "localhost",
		"smtp_port": str(ports["smtp"]),
	}
	with connected(place):
		if not frappe.db.exists("Email Domain", DOMAIN):
			frappe.get_doc({"doctype": "Email Domain", "email_id": f"hello@{DOMAIN}", "domain_name": DOMAIN, **settings}).insert()
		domain = frappe.get_doc("Email Domain", DOMAIN)
		if any(str(domain.get(field) or 0) != str(value) for field, value in settings.items()):
			domain.update(settings)
			domain.save()
		folders = [{"folder_name": "INBOX"}, {"folder_name": FOLDER, "append_to": "ToDo"}]
		_account(place, "Commercial", COMMERCIAL, append_to="Opportunity", imap_folder=folders)
		_account(place, "Support", SUPPORT)


def _account(place: Place, name: str, address: str, **fields: object) -> None:
	if frappe.db.exists("Email Account", {"email_id": address}):
		return
	frappe.get_doc(
		{
			"doctype": "Email Account",
			"email_account_name": name,
			"email_id": address,
			"domain": DOMAIN,
			"password": place.memory.mail_password,
			"enable_incoming": 1,
			"use_imap": 1,
			"email_sync_option": "ALL",
			**fields,
		}
	).insert()
