"""Our lists among the host's own settings: one link each in the workspaces that offer Email Account.

The host's workspaces stay the host's. When a newer host brings one anew, the link goes with the old one and is put
back by the migrate that did so.
"""

from __future__ import annotations

import frappe

from dokos_mail import host

LINK = "Workspace Link"
#: What is added, behind the host's link to this.
ADDED = "Incoming Email"
BEHIND = ("Email Domain", "Email Account")


def add_links() -> None:
	"""Add what is missing, and nothing twice."""
	if not host.has_doctype(LINK):
		return
	for workspace in _hosts_workspaces():
		rows = frappe.get_all(
			LINK,
			filters={"parent": workspace, "parenttype": "Workspace"},
			fields=["name", "idx", "type", "link_to", "link_count"],
			order_by="idx asc",
		)
		if any(row.link_to == ADDED for row in rows):
			continue
		before = max((row for row in rows if row.link_to in BEHIND), key=lambda row: row.idx)
		for row in rows:
			if row.idx > before.idx:
				frappe.db.set_value(LINK, row.name, "idx", row.idx + 1, update_modified=False)
		card = next((row for row in reversed(rows) if row.idx < before.idx and row.type == "Card Break"), None)
		if card and card.link_count:
			frappe.db.set_value(LINK, card.name, "link_count", card.link_count + 1, update_modified=False)
		link = frappe.new_doc(LINK)
		link.update(
			{"parent": workspace, "parenttype": "Workspace", "parentfield": "links", "idx": before.idx + 1, "type": "Link"}
		)
		link.update({"label": ADDED, "link_to": ADDED, "link_type": "DocType"})
		link.db_insert()
		_forget(workspace)


def remove_links() -> None:
	"""Take away what was added. Numbers that then lack one are no matter to the host."""
	if not host.has_doctype(LINK):
		return
	for row in frappe.get_all(LINK, filters={"link_to": ADDED, "parenttype": "Workspace"}, fields=["name", "parent", "idx"]):
		cards = {"parent": row.parent, "type": "Card Break", "idx": ("<", row.idx), "link_count": (">", 0)}
		for card in frappe.get_all(LINK, filters=cards, fields=["name", "link_count"], order_by="idx desc", limit=1):
			frappe.db.set_value(LINK, card.name, "link_count", card.link_count - 1, update_modified=False)
		frappe.db.delete(LINK, {"name": row.name})
		_forget(row.parent)


def _hosts_workspaces() -> list[str]:
	having = frappe.get_all(LINK, filters={"link_to": ("in", BEHIND), "parenttype": "Workspace"}, pluck="parent", distinct=True)
	return frappe.get_all(
		"Workspace", filters={"name": ("in", having), "module": ("!=", "Dokos Mail"), "public": 1}, pluck="name"
	)


def _forget(workspace: str) -> None:
	frappe.clear_document_cache("Workspace", workspace)
	frappe.cache().delete_key("bootinfo")
