"""What a desk calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import frappe
import frappe.handler
import pytest

from tests.host.visitor import Visitor


def test_a_form_loads_its_document(manager: Visitor, contact: Callable[..., Any]) -> None:
	doc = contact(last_name="Curie", email_ids=[{"email_id": "marie@example.com", "is_primary": 1}])
	answer = manager.call("frappe.desk.form.load.getdoc", doctype="Contact", name=doc.name).json()
	(loaded,) = answer["docs"]
	assert (loaded["doctype"], loaded["name"], loaded["last_name"]) == ("Contact", doc.name, "Curie")
	assert loaded["email_ids"][0]["email_id"] == "marie@example.com"
	info = answer["docinfo"]
	assert info["permissions"]["write"] and info["communications"] == [] and info["attachments"] == []


def test_onload_of_the_controller_runs(manager: Visitor, contact: Callable[..., Any], monkeypatch: Any) -> None:
	doc = contact()
	monkeypatch.setattr(type(doc), "onload", lambda self: self.set_onload("hint", "from the server"), raising=False)
	answer = manager.call("frappe.desk.form.load.getdoc", doctype="Contact", name=doc.name).json()
	assert answer["docs"][0]["__onload"]["hint"] == "from the server"


def test_a_form_of_what_does_not_exist_or_is_not_ones_own(manager: Visitor, logged_in: Callable[..., Visitor]) -> None:
	assert "docs" not in manager.call("frappe.desk.form.load.getdoc", doctype="Contact", name="no such").json()
	refused = logged_in().call("frappe.desk.form.load.getdoc", doctype="User", name="Administrator")
	assert refused.status_code == 403
	assert "docs" not in refused.json()


def test_messages_and_files_are_shown_with_their_document(manager: Visitor, contact: Callable[..., Any]) -> None:
	main, linked = contact(), contact()
	message = frappe.get_doc(
		{
			"doctype": "Communication",
			"subject": "Bonjour",
			"content": "<p>x</p>",
			"sent_or_received": "Received",
			"communication_type": "Communication",
			"reference_doctype": "Contact",
			"reference_name": main.name,
			"timeline_links": [{"link_doctype": "Contact", "link_name": linked.name}],
		}
	).insert(ignore_permissions=True)
	file = frappe.get_doc(
		{
			"doctype": "File",
			"file_name": "a.txt",
			"content": b"a",
			"is_private": 1,
			"attached_to_doctype": "Contact",
			"attached_to_name": main.name,
		}
	).insert(ignore_permissions=True)
	frappe.db.commit()
	for doc in (main, linked):
		info = manager.call("frappe.desk.form.load.getdoc", doctype="Contact", name=doc.name).json()["docinfo"]
		assert [each["subject"] for each in info["communications"]] == ["Bonjour"]
	info = manager.call("frappe.desk.form.load.getdoc", doctype="Contact", name=main.name).json()["docinfo"]
	assert [each["file_url"] for each in info["attachments"]] == [file.file_url]
	message.delete(ignore_permissions=True)
	file.delete(ignore_permissions=True)
	frappe.db.commit()


def test_a_form_gets_its_doctype_and_those_of_its_tables(manager: Visitor) -> None:
	docs = manager.call("frappe.desk.form.load.getdoctype", doctype="Contact").json()["docs"]
	by_name = {doc["name"]: doc for doc in docs}
	assert docs[0]["name"] == "Contact"
	assert {"Contact Email", "Dynamic Link"} <= set(by_name)
	fields = {field["fieldname"]: field for field in by_name["Contact"]["fields"]}
	assert fields["first_name"]["fieldtype"] == "Data"
	assert fields["email_ids"]["options"] == "Contact Email"
	assert any(row["role"] == "System Manager" and row["write"] for row in by_name["Contact"]["permissions"])


def test_form_scripts_of_apps_come_with_the_doctype(manager: Visitor, monkeypatch: Any) -> None:
	(doc, *_rest) = manager.call("frappe.desk.form.load.getdoctype", doctype="Email Account").json()["docs"]
	assert 'frappe.ui.form.on("Email Account"' in doc["__js"].replace("'", '"')


def test_list_scripts_come_with_the_doctype(manager: Visitor) -> None:
	(doc, *_rest) = manager.call("frappe.desk.form.load.getdoctype", doctype="Incoming Email").json()["docs"]
	assert "frappe.listview_settings" in doc["__list_js"]


def test_a_form_saves(manager: Visitor, contact: Callable[..., Any]) -> None:
	doc = contact(last_name="before")
	loaded = manager.call("frappe.desk.form.load.getdoc", doctype="Contact", name=doc.name).json()["docs"][0]
	loaded["last_name"] = "after"
	loaded["email_ids"] = [
		{
			"doctype": "Contact Email",
			"__islocal": 1,
			"name": "new-contact-email-1",
			"parentfield": "email_ids",
			"email_id": "a@example.com",
			"is_primary": 1,
		}
	]
	answer = manager.call("frappe.desk.form.save.savedocs", doc=json.dumps(loaded), action="Save")
	assert answer.status_code == 200, answer.text
	saved = answer.json()["docs"][0]
	assert saved["last_name"] == "after"
	assert saved["modified"] != loaded["modified"]
	assert saved["email_ids"][0]["name"] != "new-contact-email-1"
	assert json.loads(json.loads(answer.json()["_server_messages"])[0])["message"] == "Saved"
	stale = manager.call("frappe.desk.form.save.savedocs", doc=json.dumps(loaded), action="Save")
	assert stale.json()["exc_type"] == "TimestampMismatchError"


def test_a_form_saves_what_is_new(manager: Visitor) -> None:
	new = {
		"doctype": "Contact",
		"name": "new-contact-1",
		"__islocal": 1,
		"__unsaved": 1,
		"first_name": f"New {frappe.generate_hash(length=6)}",
	}
	answer = manager.call("frappe.desk.form.save.savedocs", doc=json.dumps(new), action="Save").json()
	saved = answer["docs"][0]
	assert saved["localname"] == "new-contact-1"
	assert saved["name"] != "new-contact-1"
	assert frappe.db.exists("Contact", saved["name"])
	frappe.delete_doc("Contact", saved["name"])
	frappe.db.commit()


def test_saving_keeps_to_the_permissions(logged_in: Callable[..., Visitor]) -> None:
	doc = {"doctype": "Error Log", "__islocal": 1, "name": "new-error-log-1", "method": "x"}
	assert logged_in().call("frappe.desk.form.save.savedocs", doc=json.dumps(doc), action="Save").status_code == 403


def test_a_link_field_proposes(manager: Visitor) -> None:
	tag = frappe.generate_hash(length=8)
	names = [f"{tag} {each}" for each in ("ada", "eve", "zoe")]
	for name in names:
		values = {"role_name": name, "disabled": int(name.endswith("zoe")), "desk_access": int(name.endswith("ada"))}
		frappe.get_doc({"doctype": "Role", **values}).insert()
	frappe.db.commit()
	found = manager.call("frappe.desk.search.search_link", doctype="Role", txt=tag).json()["message"]
	assert [each["value"] for each in found] == names[:2]
	ask = {"doctype": "Role", "txt": tag, "page_length": 5}
	narrowed = manager.call("frappe.desk.search.search_link", **ask, filters={"desk_access": 1}).json()["message"]
	assert [each["value"] for each in narrowed] == names[:1]
	assert manager.call("frappe.desk.search.search_link", doctype="Role", txt=f"{tag}%ada").json()["message"] == []
	for name in names:
		frappe.delete_doc("Role", name)
	frappe.db.commit()


def test_a_link_field_with_a_query_of_its_own(manager: Visitor, probe: Callable[..., str]) -> None:
	def query(doctype: str, txt: str, searchfield: str, start: int, page_len: int, filters: Any) -> list:
		return [[f"{doctype}/{txt}", "why"]]

	answer = manager.call("frappe.desk.search.search_link", doctype="Role", txt="a", query=probe(query)).json()
	assert [(each["value"], each["description"]) for each in answer["message"]] == [("Role/a", "why")]


def test_a_query_that_is_not_whitelisted_is_not_run(manager: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
	run: list[tuple[Any, ...]] = []
	monkeypatch.setattr(frappe.handler, "zz_query", lambda *args, **kwargs: run.append(args) or [["secret"]], raising=False)
	answer = manager.call("frappe.desk.search.search_link", doctype="Contact", txt="a", query="frappe.handler.zz_query")
	# in developer mode 403 and a message, else a page that says 404, with 200 on some
	assert not run and "secret" not in answer.text


def test_what_else_a_form_does_with_a_document(site: Any) -> None:
	"""Each of these answers with what is known about the document, as opening it does: who mends that answer mends them all."""
	from frappe.desk.form import save

	there = set()
	for name, function in vars(save).items():
		if callable(function) and function.__module__ == save.__name__:
			with suppress(frappe.PermissionError):
				frappe.is_whitelisted(function)
				there.add(name)
	more = {"3.": {"cancel"}, "15": {"cancel"}, "16": {"cancel", "discard"}}
	assert there == {"savedocs"} | more.get(frappe.__version__[:2], set())


def test_a_list_view(manager: Visitor, contact: Callable[..., Any]) -> None:
	tag = frappe.generate_hash(length=8)
	names = [contact(last_name=tag, designation=each).name for each in ("b", "a")]
	ask = {"doctype": "Contact", "fields": ["name", "designation"], "filters": [["Contact", "last_name", "=", tag]]}
	answer = manager.call("frappe.desk.reportview.get", **ask, order_by="designation asc", start=0, page_length=20)
	assert answer.json()["message"]["keys"] == ["name", "designation"]
	assert answer.json()["message"]["values"] == [[names[1], "a"], [names[0], "b"]]
	second = manager.call("frappe.desk.reportview.get", **ask, order_by="designation asc", start=1, page_length=1)
	assert second.json()["message"]["values"] == [[names[0], "b"]]
	assert manager.call("frappe.desk.reportview.get_count", **ask).json()["message"] == 2
	assert len(manager.call("frappe.desk.reportview.get_list", **ask).json()["message"]) == 2


def test_a_search_with_columns(manager: Visitor, contact: Callable[..., Any]) -> None:
	doc = contact()
	ask = {"doctype": "Contact", "txt": doc.name, "searchfield": "name"}
	answer = manager.call("frappe.desk.search.search_widget", **ask).json()
	rows = answer.get("message") or answer.get("values") or answer.get("results")
	assert [row[0] for row in rows] == [doc.name]


def test_what_goes_with_a_document(manager: Visitor, contact: Callable[..., Any]) -> None:
	doc = contact()
	info = manager.call("frappe.desk.form.load.get_docinfo", doctype="Contact", name=doc.name).json()["docinfo"]
	assert info["attachments"] == [] and info["communications"] == [] and info["permissions"]["read"]


def test_a_timeline_page_by_page_and_its_comments(manager: Visitor, contact: Callable[..., Any]) -> None:
	doc = contact()
	about = {"reference_doctype": "Contact", "reference_name": doc.name}
	for number in range(3):
		values = {"subject": f"Mail {number}", "content": "x", "communication_date": f"2026-01-0{number + 1} 10:00:00"}
		kind = {"communication_type": "Communication", "sent_or_received": "Received"}
		mail = frappe.get_doc({"doctype": "Communication", **values, **kind, **about}).insert(ignore_permissions=True)
		frappe.db.set_value("Communication", mail.name, "creation", values["communication_date"], update_modified=False)
	frappe.db.commit()
	ask = {"doctype": "Contact", "name": doc.name}
	page = manager.call("frappe.desk.form.load.get_communications", **ask, start=1, limit=1).json()["message"]
	assert [each["subject"] for each in page] == ["Mail 1"]
	comment = {"content": "<p>Hello</p>", "comment_email": "x@example.com", "comment_by": "X", **about}
	made = manager.call("frappe.desk.form.utils.add_comment", **comment)
	assert made.json()["message"]["comment_type"] == "Comment", made.text
	info = manager.call("frappe.desk.form.load.getdoc", **ask).json()["docinfo"]
	assert ["Hello" in each["content"] for each in info["comments"]] == [True]
	for doctype in ("Comment", "Communication"):
		frappe.db.delete(doctype, about)
	frappe.db.commit()


def test_a_written_mail_becomes_a_communication(
	manager: Visitor, logged_in: Callable[..., Visitor], contact: Callable[..., Any]
) -> None:
	doc = contact()
	letter = {"doctype": "Contact", "name": doc.name, "subject": "Bonjour", "content": "<p>x</p>"}
	to = {"recipients": "a@example.com, B <b@example.com>", "cc": "c@example.com", "send_email": 0}
	name = manager.call("frappe.core.doctype.communication.email.make", **letter, **to).json()["message"]["name"]
	frappe.db.rollback()
	mail = frappe.get_doc("Communication", name)
	assert (mail.subject, mail.reference_doctype, mail.reference_name) == ("Bonjour", "Contact", doc.name)
	assert (mail.sent_or_received, mail.communication_medium, mail.cc) == ("Sent", "Email", "c@example.com")
	assert [address.strip() for address in mail.recipients.split(",")] == ["a@example.com", "B <b@example.com>"]
	wrong = manager.call("frappe.core.doctype.communication.email.make", **letter, recipients="nobody")
	assert wrong.json()["exc_type"] == "InvalidEmailAddressError"
	secret = {**letter, "doctype": "Error Log", "name": frappe.log_error("x").name}
	frappe.db.commit()
	assert logged_in().call("frappe.core.doctype.communication.email.make", **secret, **to).status_code == 403
	frappe.delete_doc("Error Log", secret["name"], force=True)
	frappe.delete_doc("Communication", name, force=True)
	frappe.db.commit()
