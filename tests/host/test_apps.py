"""Installed apps, their hooks and customisations; what a request or a job has around it; texts and moments."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import frappe
import pytest
from frappe import _
from frappe.custom.doctype.custom_field.custom_field import create_custom_field, create_custom_fields
from frappe.utils import random_string

from tests.host.probes import NAMED, THING, thing

pytestmark = pytest.mark.usefixtures("probes")


# -- apps and hooks ---------------------------------------------------------------------------------


def test_hooks_are_lists_and_dicts_of_lists(host_hooks: Any) -> None:
	host_hooks("zz_probe", {"key": "value", "list": ["a", "b"]})
	assert frappe.get_hooks("zz_probe") == {"key": ["value"], "list": ["a", "b"]}
	assert frappe.get_hooks("app_name")[0] == "frappe"
	assert frappe.get_hooks("no_such_hook") == [] and frappe.get_hooks("no_such_hook", default={}) == {}
	assert frappe.get_hooks("app_name", app_name="frappe") == ["frappe"]
	assert frappe.get_hooks().app_name[0] == "frappe"


def test_installed_apps() -> None:
	assert frappe.get_installed_apps()[0] == "frappe"
	assert frappe.scrub("Zz Some-Thing") == "zz_some_thing"
	assert frappe.get_attr("frappe.utils.now_datetime") is frappe.utils.now_datetime
	assert frappe.get_module("frappe.utils") is frappe.utils
	frappe.setup_module_map()
	assert frappe.local.module_app["core"] == "frappe" and "core" in frappe.local.app_modules["frappe"]


def test_documents_of_a_file(tmp_path: Path) -> None:
	from frappe.modules.import_file import import_file_by_path

	name = random_string(8)
	path = tmp_path / "role.json"
	path.write_text(json.dumps({"doctype": "Role", "name": name, "role_name": name, "modified": "2024-01-01 00:00:00.000000"}))
	import_file_by_path(str(path), force=True)
	assert frappe.db.exists("Role", name)
	import_file_by_path(str(path), force=True)
	assert frappe.db.count("Role", {"name": name}) == 1


# -- customisation ----------------------------------------------------------------------------------


@pytest.fixture
def undone(probes: None) -> Any:
	"""Takes every customisation of the probes away again."""
	yield
	frappe.db.rollback()
	for doctype, field in (("Custom Field", "dt"), ("Property Setter", "doc_type")):
		for name in frappe.get_all(doctype, {field: ("in", [THING, NAMED])}, pluck="name"):
			frappe.delete_doc(doctype, name, force=True)
	frappe.db.commit()
	frappe.clear_cache(doctype=THING)
	frappe.clear_cache(doctype=NAMED)


def test_custom_fields(undone: None) -> None:
	create_custom_field(
		THING,
		{
			"fieldname": "zz_extra",
			"fieldtype": "Data",
			"label": "Extra",
			"insert_after": "title",
			"module": "Core",
			"default": "d",
		},
	)
	names = [df.fieldname for df in frappe.get_meta(THING).fields]
	assert names[names.index("title") + 1] == "zz_extra"
	assert frappe.db.has_column(THING, "zz_extra")
	doc = thing(zz_extra="x").insert()
	assert frappe.get_doc(THING, doc.name).zz_extra == "x"
	assert thing().insert().zz_extra == "d"
	row = frappe.get_doc("Custom Field", {"dt": THING, "fieldname": "zz_extra"})
	assert (row.name, row.module) == (f"{THING}-zz_extra", "Core")
	row.delete()
	frappe.clear_cache(doctype=THING)
	assert not frappe.get_meta(THING).has_field("zz_extra") and frappe.db.has_column(THING, "zz_extra")


def test_several_custom_fields(undone: None) -> None:
	fields = {
		THING: [
			{"fieldname": "zz_section", "fieldtype": "Section Break", "label": "S", "insert_after": "title"},
			{"fieldname": "zz_check", "fieldtype": "Check", "label": "C", "insert_after": "zz_section", "default": "1"},
		],
		NAMED: {"fieldname": "zz_key", "fieldtype": "Data", "label": "K", "unique": 1},
	}
	create_custom_fields(fields)
	names = [df.fieldname for df in frappe.get_meta(THING).fields]
	assert names[names.index("title") + 1 :][:2] == ["zz_section", "zz_check"]
	assert thing().insert().zz_check == 1
	frappe.get_doc({"doctype": NAMED, "title": "a", "zz_key": "k"}).insert()
	with pytest.raises(frappe.UniqueValidationError):
		frappe.get_doc({"doctype": NAMED, "title": "b", "zz_key": "k"}).insert()
	fields[THING][1]["label"] = "Changed"
	create_custom_fields(fields)
	assert frappe.get_meta(THING).get_label("zz_check") == "Changed"
	assert frappe.db.count("Custom Field", {"dt": THING, "fieldname": ("like", "zz_%")}) == 2


def setter(fieldname: str | None, key: str, value: Any, kind: str = "Data") -> Any:
	return frappe.get_doc(
		{
			"doctype": "Property Setter",
			"doctype_or_field": "DocField" if fieldname else "DocType",
			"doc_type": THING,
			"field_name": fieldname,
			"property": key,
			"value": value,
			"property_type": kind,
			"module": "Core",
		}
	).insert()


def test_property_setters(undone: None) -> None:
	made = setter("note", "label", "Remark")
	setter("note", "reqd", "1", "Check")
	setter("kind", "options", "\nA\nB\nC", "Text")
	frappe.clear_cache(doctype=THING)
	assert frappe.get_meta(THING).get_label("note") == "Remark"
	assert frappe.get_meta(THING).get_field("note").reqd == 1
	assert made.name == f"{THING}-note-label" and made.module == "Core"
	with pytest.raises(frappe.MandatoryError):
		thing().insert()
	assert thing(note="n", kind="C").insert().kind == "C"
	setter("note", "label", "Other")
	assert frappe.db.count("Property Setter", {"doc_type": THING, "property": "label"}) == 1
	frappe.delete_doc("Property Setter", made.name)
	frappe.clear_cache(doctype=THING)
	assert frappe.get_meta(THING).get_label("note") == "Note"


def test_the_order_of_fields(undone: None) -> None:
	setter(None, "field_order", json.dumps(["note", "title", "no_such_field"]), "Data")
	frappe.clear_cache(doctype=THING)
	names = [df.fieldname for df in frappe.get_meta(THING).fields]
	assert names.index("note") < names.index("title")
	assert len(names) == len(set(names)) and "kind" in names


def test_properties_of_the_doctype(undone: None) -> None:
	setter(None, "title_field", "note")
	frappe.clear_cache(doctype=THING)
	assert frappe.get_meta(THING).title_field == "note"


def test_columns_come_with_updatedb(undone: None) -> None:
	row = frappe.get_doc(
		{
			"doctype": "Custom Field",
			"dt": THING,
			"fieldname": "zz_late",
			"fieldtype": "Int",
			"label": "L",
			"insert_after": "title",
		}
	)
	row.db_insert()
	row.db_set("name", row.name, update_modified=False) if not row.name else None
	frappe.clear_cache(doctype=THING)
	frappe.db.updatedb(THING)
	assert frappe.db.has_column(THING, "zz_late")


# -- around a request or a job ----------------------------------------------------------------------


def test_the_site(site: Any) -> None:
	assert frappe.local.site == site.name
	assert frappe.conf.get("no_such_key") is None and frappe.local.conf is not None
	assert frappe.flags.get("no_such_flag") is None
	frappe.flags.zz = 1
	assert frappe.local.flags.zz == 1
	assert frappe.session.user == "Administrator"
	frappe.set_user("Guest")
	assert frappe.session.user == "Guest"
	frappe.set_user("Administrator")


def test_dicts_with_attributes() -> None:
	value = frappe._dict(a=1)
	value.b = 2
	assert (value.a, value["b"], value.c) == (1, 2, None)
	assert value.copy().a == 1 and isinstance(value.copy(), frappe._dict)
	assert value.update({"c": 3}).c == 3
	assert frappe.parse_json('{"a": 1}').a == 1 and frappe.parse_json("[1]") == [1] and frappe.parse_json(5) == 5


def test_json() -> None:
	moment = datetime.datetime(2024, 1, 2, 3, 4, 5)
	assert json.loads(frappe.as_json({"b": moment, "a": [1, None]})) == {"a": [1, None], "b": "2024-01-02 03:04:05"}
	assert json.loads(frappe.as_json({"d": thing()}))["d"]["title"] == "One"


def test_the_cache_is_shared_by_processes(site: Any) -> None:
	cache, key = frappe.cache(), f"zz-{random_string(8)}"
	assert cache.get_value(key) is None
	cache.set_value(key, {"a": [1, "é"]})
	assert cache.get_value(key) == {"a": [1, "é"]}
	assert site.python(f"print(frappe.cache().get_value({key!r})['a'])").stdout.strip() == "[1, 'é']"
	cache.delete_value(key)
	assert cache.get_value(key) is None
	other = key + "other"
	assert cache.get_value(other, lambda: "made") == "made" == cache.get_value(other)
	cache.delete_value(other)
	cache.hset(key + "h", "field", 3)
	assert cache.hget(key + "h", "field") == 3 and cache.hget(key + "h", "other") is None
	cache.hdel(key + "h", "field")
	assert cache.hget(key + "h", "field") is None
	brief = key + "brief"
	cache.set_value(brief, 1, expires_in_sec=100)
	assert cache.get_value(brief, expires=True) == 1
	cache.delete_key(brief)
	assert cache.get_value(brief, expires=True) is None


def test_the_cache_is_outside_the_transaction() -> None:
	key = f"zz-{random_string(8)}"
	frappe.cache().set_value(key, 1)
	frappe.db.rollback()
	assert frappe.cache().get_value(key) == 1
	frappe.cache().delete_value(key)


def test_errors_are_logged() -> None:
	title = f"Zz {random_string(8)}"
	try:
		raise ZeroDivisionError
	except ZeroDivisionError:
		frappe.log_error(title=title)
		assert "ZeroDivisionError" in frappe.get_traceback()
	assert "ZeroDivisionError" in frappe.db.get_value("Error Log", {"method": title}, "error")
	frappe.log_error(title=title + "2", message="said", reference_doctype=THING, reference_name="x")
	row = frappe.get_doc("Error Log", {"method": title + "2"})
	assert (row.error, row.reference_doctype, row.reference_name) == ("said", THING, "x")
	frappe.logger("zz").info("written")


def test_realtime_and_progress_need_nobody_to_listen() -> None:
	frappe.publish_realtime("zz", {"a": 1})
	frappe.publish_realtime("zz", {"a": 1}, user="Administrator", after_commit=True)
	frappe.publish_progress(50, title="Half", description="way")


def test_translations(monkeypatch: pytest.MonkeyPatch) -> None:
	assert _("Not a text anybody translates, {0}") == "Not a text anybody translates, {0}"
	assert _("") == ""
	before = frappe.local.lang
	frappe.local.lang = "fr"
	try:
		assert _("Not a text anybody translates") == "Not a text anybody translates"
	finally:
		frappe.local.lang = before


def test_templates() -> None:
	assert frappe.render_template("Hi {{ name }}{% if more %}!{% endif %}", {"name": "Ada", "more": 1}) == "Hi Ada!"
	assert frappe.render_template("{{ missing }}", {"name": "Ada"}) == "{{ missing }}"
	with pytest.raises(Exception):
		frappe.render_template("{{ name.__class__ }}", {"name": "x"})


# -- texts, numbers, moments ------------------------------------------------------------------------


def test_numbers() -> None:
	from frappe.utils import cint, cstr, flt

	assert [cint(each) for each in ("12", "1.7", None, "", "x", True, 3)] == [12, 1, 0, 0, 0, 1, 3]
	assert cint("x", 5) == 5
	assert [flt(each) for each in ("1,234.5", None, "x", 2)] == [1234.5, 0.0, 0.0, 2.0]
	assert flt("1.256", 2) == 1.26
	assert (cstr(None), cstr(5), cstr(b"\xc3\xa9"), cstr("x")) == ("", "5", "é", "x")


def test_moments() -> None:
	from frappe.utils import (
		add_to_date,
		convert_utc_to_system_timezone,
		get_datetime,
		getdate,
		now,
		now_datetime,
	)

	moment = datetime.datetime(2024, 2, 29, 12, 0, 0)
	assert get_datetime("2024-02-29 12:00:00") == get_datetime("2024-02-29 12:00:00.000000") == moment == get_datetime(moment)
	assert get_datetime("2024-02-29") == datetime.datetime(2024, 2, 29)
	assert getdate("2024-02-29") == datetime.date(2024, 2, 29) == getdate(moment)
	assert add_to_date(moment, hours=1) == datetime.datetime(2024, 2, 29, 13)
	assert add_to_date(moment, days=-1, minutes=-5) == datetime.datetime(2024, 2, 28, 11, 55)
	assert add_to_date("2024-02-29", years=1) == "2025-02-28"
	assert add_to_date("2024-02-29 12:00:00", minutes=1) == "2024-02-29 12:01:00.000000"
	assert now_datetime().tzinfo is None and abs(get_datetime(now()) - now_datetime()).total_seconds() < 5
	utc = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
	assert abs(convert_utc_to_system_timezone(utc).replace(tzinfo=None) - now_datetime()).total_seconds() < 5
	assert frappe.utils.formatdate("2024-02-29", "dd-mm-yyyy") == "29-02-2024"


def test_addresses() -> None:
	from frappe.utils import split_emails, validate_email_address

	assert validate_email_address("ada@example.com") == "ada@example.com"
	assert validate_email_address("Ada <ada@example.com>") == "ada@example.com"
	assert validate_email_address("a@example.com, b@example.com") == "a@example.com, b@example.com"
	assert not validate_email_address("no address") and not validate_email_address("")
	with pytest.raises(frappe.InvalidEmailAddressError):
		validate_email_address("no address", throw=True)
	assert split_emails('a@x.fr, "Doe, J" <j@x.fr>') == ["a@x.fr", '"Doe, J" <j@x.fr>']


def test_texts() -> None:
	from frappe.utils import escape_html, get_link_to_form, get_url, strip_html

	assert strip_html("<p>a &amp; <b>b</b></p>") == "a &amp; b"
	assert escape_html("<a href='x'>") == "&lt;a href=&#x27;x&#x27;&gt;" or "&lt;a" in escape_html("<a href='x'>")
	assert frappe.bold("x") in ("<b>x</b>", "<strong>x</strong>")
	assert get_url("/x").endswith("/x") and get_url("/x").startswith("http") and get_url("https://a.b/c") == "https://a.b/c"
	assert 'href="http' in get_link_to_form(THING, "a b") and "zz-thing/a%20b" in get_link_to_form(THING, "a b")
	assert len(frappe.generate_hash(length=12)) == 12 and frappe.generate_hash() != frappe.generate_hash()
	assert len(random_string(9)) == 9


def test_more_moments() -> None:
	from frappe.utils import (
		cast,
		convert_utc_to_timezone,
		format_datetime,
		get_system_timezone,
		get_time,
		nowdate,
		nowtime,
		today,
	)

	noon = datetime.datetime(2024, 7, 1, 12)
	assert convert_utc_to_timezone(noon, "Europe/Paris").hour == 14
	assert convert_utc_to_timezone(noon, get_system_timezone()).tzinfo is not None
	assert nowdate() == today() == frappe.utils.now()[:10] and ":" in nowtime()
	assert get_time("10:11:12") == datetime.time(10, 11, 12)
	assert format_datetime(noon, "dd-MM-yyyy HH:mm") == "01-07-2024 12:00"
	assert (cast("Int", "5"), cast("Check", "0"), cast("Float", "1.5"), cast("Data", None)) == (5, 0, 1.5, "")
	assert cast("Date", "2024-07-01") == datetime.date(2024, 7, 1) and cast("Datetime", "2024-07-01 12:00:00") == noon


def test_more_texts() -> None:
	from frappe.utils import compare, extract_email_id, get_url_to_form, validate_url

	assert extract_email_id("Ada <ada@example.com>") == "ada@example.com"
	assert validate_url("https://a.b/c") and not validate_url("no address")
	assert get_url_to_form(THING, "x").endswith("/zz-thing/x")
	assert compare(1, "<", 2) and compare("a", "in", ["a"]) and not compare("a", "=", "b")
	assert frappe.utils.parse_json('{"a": 1}').a == 1
	assert frappe.utils.get_site_path("private").endswith("private")
	assert frappe.utils.generate_hash(length=5)
	try:
		raise ZeroDivisionError
	except ZeroDivisionError:
		assert "ZeroDivisionError" in frappe.utils.get_traceback()


@pytest.mark.parametrize(
	("error", "status"),
	[
		(frappe.ValidationError, 417),
		(frappe.AuthenticationError, 401),
		(frappe.CSRFTokenError, 400),
		(frappe.CannotChangeConstantError, 417),
		(frappe.CharacterLengthExceededError, 417),
		(frappe.DataError, 417),
		(frappe.DoesNotExistError, 404),
		(frappe.DuplicateEntryError, 409),
		(frappe.ImplicitCommitError, 417),
		(frappe.InvalidColumnName, 417),
		(frappe.InvalidEmailAddressError, 417),
		(frappe.LinkExistsError, 417),
		(frappe.LinkValidationError, 417),
		(frappe.MandatoryError, 417),
		(frappe.NameError, 409),
		(frappe.NonNegativeError, 417),
		(frappe.OutgoingEmailError, 501),
		(frappe.PermissionError, 403),
		(frappe.SessionExpired, 401),
		(frappe.TimestampMismatchError, 417),
		(frappe.UniqueValidationError, 417),
		(frappe.AppNotInstalledError, 417),
	],
)
def test_errors_have_their_status(error: type[Exception], status: int) -> None:
	assert error.http_status_code == status
	assert issubclass(error, Exception)


def test_errors_without_a_status() -> None:
	for error in (frappe.SecurityException, frappe.QueryDeadlockError, frappe.IncorrectSitePath):
		assert issubclass(error, Exception)


def test_calls_with_the_arguments_that_a_function_takes() -> None:
	assert frappe.call(lambda a, b=2: (a, b), a=1, c=3) == (1, 2)
	assert frappe.call("frappe.utils.cint", s="5") == 5


def test_files_that_list_something(tmp_path: Path) -> None:
	(tmp_path / "list.txt").write_text("a\n\n# no\nb\n")
	assert frappe.get_file_items(str(tmp_path / "list.txt")) == ["a", "b"]
	assert "Core" in frappe.get_module_list("frappe")
	assert "frappe" in frappe.get_all_apps() or "frappe" in frappe.get_installed_apps()
	assert frappe.get_pymodule_path("frappe", "public").endswith("frappe/public")


def test_outside_a_request(site: Any) -> None:
	frappe.local.form_dict.zz = 1
	assert frappe.form_dict.zz == 1
	frappe.local.response["zz"] = 2
	assert frappe.response["zz"] == 2
	assert isinstance(frappe.message_log, list)
	assert frappe.get_site_config().db_name or frappe.get_site_config().db_type
	assert set(frappe.STANDARD_USERS) == {"Guest", "Administrator"}
	frappe.msgprint("one")
	frappe.clear_last_message()
	assert "one" not in str(frappe.local.message_log)


def test_a_connection_of_ones_own(site: Any) -> None:
	frappe.destroy()
	frappe.init(site.name, sites_path=str(site.sites_path))
	frappe.connect()
	assert frappe.local.site == site.name and frappe.db.count("User") >= 2
	frappe.set_user("Administrator")


def test_global_values() -> None:
	key = f"zz_{random_string(5)}".lower()
	frappe.db.set_global(key, "v")
	assert frappe.db.get_global(key) == "v"


def test_a_template_of_an_app() -> None:
	assert frappe._("x") == "x" and callable(frappe.get_template)


@pytest.mark.embedded
def test_what_is_not_offered_is_named() -> None:
	with pytest.raises(AttributeError, match=r"does not offer frappe\.no_such_name"):
		frappe.no_such_name  # noqa: B018


@pytest.mark.embedded
def test_sendmail_is_an_apps(host_hooks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
	import frappe.handler

	with pytest.raises(TypeError):
		frappe.sendmail(recipient="x@example.com")
	ask = frappe.host.mail.get_hooks

	def sent_by(*methods: str) -> None:
		named = lambda hook, *given, **more: list(methods) if hook == "sendmail" else ask(hook, *given, **more)  # noqa: E731
		monkeypatch.setattr(frappe.host.mail, "get_hooks", named)

	sent_by()
	with pytest.raises(NotImplementedError, match="no installed app sends mail"):
		frappe.sendmail(recipients=["x@example.com"], subject="s")
	monkeypatch.setattr(frappe.handler, "zz_sendmail", lambda **given: given, raising=False)
	sent_by("frappe.handler.zz_sendmail")
	assert frappe.sendmail(["x@example.com"], subject="s", now=True) == {
		"recipients": ["x@example.com"],
		"subject": "s",
		"now": True,
	}
