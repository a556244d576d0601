"""What installation leaves on a host, that doing it again changes nothing, and that others' choices stay."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import frappe
import pytest
from frappe.utils import add_to_date, now_datetime

import dokos_mail
from dokos_mail import certificates, host, install, schema
from dokos_mail.inbound.rules import Rules

DOCTYPE = "Contact"


@pytest.fixture(autouse=True)
def undone(site: object) -> Iterator[None]:
	yield
	frappe.db.rollback()
	frappe.clear_messages()


@pytest.fixture
def tidied(site: object) -> Iterator[None]:
	"""Takes back the Custom Fields and Property Setters that a test makes on DOCTYPE."""
	yield
	frappe.db.rollback()
	for doctype, key in (("Custom Field", "dt"), ("Property Setter", "doc_type")):
		for name in frappe.get_all(doctype, filters={key: DOCTYPE}, pluck="name"):
			frappe.delete_doc(doctype, name, ignore_permissions=True, force=True)
	frappe.clear_cache(doctype=DOCTYPE)
	frappe.db.commit()


def ours() -> dict[str, list[dict[str, Any]]]:
	"""What the host holds in the app's name, with when it was last changed."""
	filters = {"module": install.MODULE}
	return {
		doctype: frappe.get_all(doctype, filters=filters, fields=["name", "modified"], order_by="name asc")
		for doctype in ("Custom Field", "Property Setter")
	}


def wanted(*fieldnames: str, **properties: Any) -> list[dict[str, Any]]:
	row = {"fieldtype": "Data", "label": "Mail Test", **properties}
	return [schema.custom_field({"fieldname": name, **row}) | {"insert_after": ""} for name in fieldnames]


def owner_of(fieldname: str) -> str | None:
	return frappe.db.get_value("Custom Field", {"dt": DOCTYPE, "fieldname": fieldname}, "module")


@pytest.mark.parametrize("doctype", install.DOCTYPES)
def test_every_field_of_the_definition_is_on_the_host(site: object, doctype: str) -> None:
	defined = json.loads(install.definition_path(doctype).read_text(encoding="utf-8"))["fields"]
	meta = frappe.get_meta(doctype)
	columns = [row for row in defined if row["fieldtype"] not in schema.LAYOUT]
	assert [row["fieldname"] for row in columns if not meta.get_field(row["fieldname"])] == []
	stored = [row["fieldname"] for row in columns if row["fieldtype"] not in ("HTML", "Button", "Table")]
	assert [name for name in stored if not frappe.db.has_column(doctype, name)] == []


@pytest.mark.parametrize("doctype", install.DOCTYPES)
def test_no_field_stands_twice(site: object, doctype: str) -> None:
	names = [row.fieldname for row in frappe.get_meta(doctype).fields]
	assert len(names) == len(set(names))


def test_again_changes_nothing(site: object) -> None:
	install.bring_in_line()
	before = ours()
	definitions = frappe.get_all("DocType", filters={"name": ("in", install.DOCTYPES)}, fields=["name", "module"])
	install.bring_in_line()
	install.after_migrate()
	assert ours() == before
	assert frappe.get_all("DocType", filters={"name": ("in", install.DOCTYPES)}, fields=["name", "module"]) == definitions


def test_a_host_keeps_its_own_document_types(site: object) -> None:
	for doctype in install.DOCTYPES:
		module = frappe.db.get_value("DocType", doctype, "module")
		assert module == ("Email" if host.owns_mail() or doctype.startswith("Email Queue") else install.MODULE)


def test_the_services_are_offered(site: object) -> None:
	from dokos_mail.engine.providers import SERVICES

	options = frappe.get_meta("Email Account").get_field("service").options.split("\n")
	assert set(SERVICES) <= set(options) and len(options) == len(set(options))


def test_a_message_is_one_communication(site: object) -> None:
	values = {"doctype": "Communication", "subject": "Bonjour", "communication_medium": "Email", "sender": "a@x.test"}
	for _number in range(2):
		frappe.get_doc(values).insert(ignore_permissions=True)
	frappe.get_doc(values | {"incoming_email": "f" * 40}).insert(ignore_permissions=True)
	with pytest.raises(frappe.UniqueValidationError):
		frappe.get_doc(values | {"incoming_email": "f" * 40}).insert(ignore_permissions=True)


def test_fields_are_made_changed_and_taken_back(tidied: None) -> None:
	# A column outlives its field, so an earlier run on the same site has left them.
	new = {name for name in ("mail_test_a", "mail_test_b") if not frappe.db.has_column(DOCTYPE, name)}
	assert install.sync_fields(DOCTYPE, wanted("mail_test_a", "mail_test_b")) == new
	assert frappe.db.has_column(DOCTYPE, "mail_test_a") and frappe.db.has_column(DOCTYPE, "mail_test_b")
	assert owner_of("mail_test_a") == install.MODULE
	contact = frappe.get_doc({"doctype": DOCTYPE, "first_name": "Élodie", "mail_test_a": "kept"}).insert()
	assert install.sync_fields(DOCTYPE, wanted("mail_test_a", label="Other")) == set()
	assert frappe.get_meta(DOCTYPE).get_label("mail_test_a") == "Other"
	assert owner_of("mail_test_b") is None
	assert frappe.db.get_value(DOCTYPE, contact.name, "mail_test_a") == "kept"
	frappe.delete_doc(DOCTYPE, contact.name, ignore_permissions=True)


def test_a_field_of_another_owner_is_left_alone(tidied: None) -> None:
	theirs = {"doctype": "Custom Field", "dt": DOCTYPE, "fieldname": "mail_test_c", "fieldtype": "Data", "label": "Theirs"}
	frappe.get_doc(theirs).insert()
	install.sync_fields(DOCTYPE, wanted("mail_test_c"))
	assert frappe.get_meta(DOCTYPE).get_label("mail_test_c") == "Theirs"
	install.sync_fields(DOCTYPE, [])
	assert frappe.db.exists("Custom Field", {"dt": DOCTYPE, "fieldname": "mail_test_c"})


def test_our_field_gives_way_when_the_host_ships_it(tidied: None) -> None:
	install.sync_fields(DOCTYPE, wanted("mail_test_d"))
	install.sync_fields(DOCTYPE, [], standard={"mail_test_d"})
	assert owner_of("mail_test_d") is None
	assert frappe.db.has_column(DOCTYPE, "mail_test_d"), "the column and its values stay"


def setter(value: str) -> dict[str, str]:
	return {
		"doctype_or_field": "DocField",
		"field_name": "first_name",
		"property": "description",
		"property_type": "Small Text",
		"value": value,
	}


def test_setters_are_made_changed_and_taken_back(tidied: None) -> None:
	install.sync_setters(DOCTYPE, [setter("Ours")])
	assert frappe.get_meta(DOCTYPE).get_field("first_name").description == "Ours"
	install.sync_setters(DOCTYPE, [setter("Newer")])
	assert frappe.get_meta(DOCTYPE).get_field("first_name").description == "Newer"
	install.sync_setters(DOCTYPE, [])
	assert frappe.get_meta(DOCTYPE).get_field("first_name").description in (None, "")


def test_an_administrators_choice_is_left_alone(tidied: None) -> None:
	frappe.get_doc({"doctype": "Property Setter", "doc_type": DOCTYPE, **setter("His")}).insert()
	install.sync_setters(DOCTYPE, [setter("Ours")])
	install.sync_setters(DOCTYPE, [])
	assert frappe.get_meta(DOCTYPE).get_field("first_name").description == "His"


def test_uninstalling_waits_for_journalled_mail(site: object) -> None:
	row = frappe.new_doc("Incoming Email")
	row.update({"identity": "e" * 40, "state": "Journalled"})
	row.insert(ignore_permissions=True, ignore_mandatory=True)
	with pytest.raises(frappe.ValidationError, match="not processed"):
		install.before_uninstall()


def test_uninstalling_names_what_goes_with_the_app(site: object, capsys: pytest.CaptureFixture[str]) -> None:
	"""What is due is done before; a reminder for next week is not."""
	later = add_to_date(now_datetime(), days=7)
	for address, due_on in (("later@there.test", later), ("now@there.test", now_datetime())):
		row = {"doctype": "Email Reaction", "kind": "Auto Reply", "state": "Waiting", "due_on": due_on}
		frappe.get_doc(row | {"identity": address, "correspondent": address}).insert(ignore_permissions=True)
	frappe.db.commit()
	try:
		install.see_to_reactions()
		said = capsys.readouterr().out
		assert "later@there.test" in said and "now@there.test" not in said
		# the mail it was about is not there: it was looked at, and dropped
		assert frappe.db.get_value("Email Reaction", {"identity": "now@there.test"}, "state") == "Dropped"
	finally:
		frappe.db.delete("Email Reaction", {"identity": ("in", ["later@there.test", "now@there.test"])})
		frappe.db.commit()


def test_accounts_from_before_go_on_as_they_did(site: object) -> None:
	"""The host never verified a certificate after STARTTLS, nor when sending, and never asked how large an attachment is."""
	values = {
		"doctype": "Email Account",
		"enable_incoming": 1,
		"use_imap": 1,
		"email_server": "imap.nowhere.invalid",
		"password": "x",
	}
	tls = frappe.get_doc(values | {"email_id": "tls@masociete.test", "use_ssl": 1}).insert()
	starttls = frappe.get_doc(values | {"email_id": "starttls@masociete.test", "use_starttls": 1}).insert()
	# whatever a column begins with
	limit = {"attachment_limit": 1, "enforce_attachment_limit": 1}
	frappe.db.set_value("Email Account", tls.name, limit)
	install.keep_working("Email Account")
	for doc in (tls, starttls):
		doc.reload()
	assert (tls.incoming_settings().verify, starttls.incoming_settings().verify) == (True, False)
	assert tls.outgoing_settings().verify is False
	assert Rules(tls.name).largest_attachment is None


def test_rows_made_while_the_app_was_gone_are_the_hosts_too(site: object) -> None:
	values = {"doctype": "Email Account", "enable_incoming": 1, "use_imap": 1, "email_server": "imap.nowhere.invalid"}
	settings = values | {"password": "x", "use_starttls": 1, "validate_ssl_certificate": 1}
	ours = frappe.get_doc(settings | {"email_id": "ours@masociete.test"}).insert()
	frappe.db.set_value("Email Account", ours.name, "creation", add_to_date(now_datetime(), days=-2))
	theirs = frappe.get_doc(settings | {"email_id": "theirs@masociete.test"}).insert()
	install.keep_working("Email Account", str(add_to_date(now_datetime(), days=-1)))
	for doc in (ours, theirs):
		doc.reload()
	assert [doc.validate_ssl_certificate for doc in (ours, theirs)] == [1, 0]
	assert [bool(doc.get(certificates.FIELD)) for doc in (ours, theirs)] == [False, True]


def test_accounts_are_settled_once(site: object, monkeypatch: pytest.MonkeyPatch) -> None:
	"""A choice made since then is not undone by the next migrate."""
	install.bring_in_line()
	settled: list[str] = []
	monkeypatch.setattr(install, "keep_working", settled.append)
	install.bring_in_line()
	assert settled == []


def test_what_every_mail_and_minute_looks_for_has_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
	made = {}
	add_index = frappe.db.add_index

	def add(doctype: str, fields: list[str], index_name: str) -> None:
		made[index_name] = doctype, fields
		add_index(doctype, fields, index_name)

	monkeypatch.setattr(frappe.db, "add_index", add)
	for _again in range(2):
		install.bring_in_line()
	assert made == {name: (doctype, [field]) for name, (doctype, field) in install.INDEXES.items()}
	for doctype, field in install.INDEXES.values():
		assert frappe.db.has_column(doctype, field.partition("(")[0])


def test_what_a_form_says_at_length_is_found_among_the_translations(site: object) -> None:
	"""As the host stored it: some tidy up the HTML of a field, and a text that was changed has no translation any more."""
	with (Path(dokos_mail.__file__).parent / "translations" / "fr.csv").open(encoding="utf-8", newline="") as file:
		french = {row[0] for row in csv.reader(file) if row}
	for doctype in ("Email Domain", "Email Account"):
		assert frappe.get_meta(doctype).get_field("provider_help").options in french


@pytest.mark.parametrize(
	("job", "every"),
	[
		("pull_mailboxes", "* * * * *"),
		("react", "* * * * *"),
		("send_waiting_mail", "* * * * *"),
		("look_at_certificates", "*/10 * * * *"),
		("sweep_journal", "Hourly"),
		("tidy_raw_files", "Daily"),
	],
)
def test_the_scheduler_drives_it_with_no_configuration(site: object, job: str, every: str) -> None:
	"""Row H3. What a worker that died left undone is swept by these."""
	fields = ["frequency", "cron_format", "stopped"]
	row = frappe.db.get_value("Scheduled Job Type", {"method": f"dokos_mail.jobs.{job}"}, fields, as_dict=True)
	assert (row.cron_format or row.frequency, row.stopped) == (every, 0)
