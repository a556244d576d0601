"""A host's DocType meets our definition: what becomes a Custom Field, a Property Setter, and in what order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dokos_mail
from dokos_mail.schema import FIELD_PROPERTIES, LAYOUT, ON_PURPOSE, custom_field, field_order, plan, select_options

FOLDER = Path(dokos_mail.__file__).parent / "doctype"
DEFINITIONS = {
	definition["name"]: definition
	for definition in (json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*/*.json")))
}
#: What only we have on Dokos 3.40. The rest of the definitions is the host's, under the host's names.
OURS = {
	"Email Account": {
		"server_section",
		"provider_help",
		"validate_ssl_certificate",
		"enforce_attachment_limit",
		"mark_as_read",
		"delete_from_server",
		"leave_on_server_days",
		"watch_sent_folder",
		"automatic_linking_section",
		"unreplied_section",
		"unreplied_by",
		"unreplied_column",
		"validate_ssl_certificate_for_outgoing",
		"sent_folder_name",
		"sending_pace_section",
		"send_limit_minute",
		"send_limit_hour",
		"send_limit_day",
		"uncertain_delivery",
	},
	"Email Queue": {
		"mail_subject",
		"sent_to",
		"delivery_state",
		"delivery_reason",
		"envelope_sender",
		"first_try",
		"last_try",
		"sent_copy",
		"claim_token",
		"claim_until",
		"notified",
	},
	"Email Queue Recipient": {
		"delivery_state",
		"server_reply",
		"status_code",
		"attempts",
		"next_try",
		"accepted_on",
		"maybe_accepted",
		"is_bcc",
		"delivery_log",
	},
	"Email Domain": {
		"email_id",
		"provider_column",
		"provider_help",
		"validate_ssl_certificate",
		"validate_ssl_certificate_for_outgoing",
		"sent_folder_name",
	},
	"IMAP Folder": set(),
}

Row = dict[str, Any]


def host_rows(doctype: str) -> list[Row]:
	"""The host's rows, in an order that is not ours: the names sorted."""
	rows = [dict(row) for row in DEFINITIONS[doctype]["fields"] if row["fieldname"] not in OURS[doctype]]
	return sorted(rows, key=lambda row: row["fieldname"])


def field(name: str, fieldtype: str = "Data", **properties: Any) -> Row:
	return {"fieldname": name, "fieldtype": fieldtype} | properties


def definition(*fields: Row) -> Row:
	return {"name": "Thing", "fields": list(fields)}


def setter(result: Any, fieldname: str, name: str) -> str | None:
	return next((s["value"] for s in result.setters if (s["field_name"], s["property"]) == (fieldname, name)), None)


@pytest.mark.parametrize("doctype", DEFINITIONS)
def test_a_host_like_dokos_gets_what_it_lacks_in_our_order(doctype: str) -> None:
	result = plan(DEFINITIONS[doctype], host_rows(doctype))
	assert {row["fieldname"] for row in result.fields} == OURS[doctype]
	order = json.loads(setter(result, "", "field_order") or "null")
	assert order == [row["fieldname"] for row in DEFINITIONS[doctype]["fields"]]


@pytest.mark.parametrize("doctype", DEFINITIONS)
def test_a_host_that_has_it_all_needs_nothing(doctype: str) -> None:
	result = plan(DEFINITIONS[doctype], DEFINITIONS[doctype]["fields"])
	assert (result.fields, result.setters) == ([], [])


def test_rows_are_named_by_a_field_of_ours_alone() -> None:
	"""A list's title that the host has a field for is the host's affair."""
	named = {"name": "Email Queue", "title_field": "subject", "fields": [{"fieldname": "subject", "fieldtype": "Data"}]}
	assert setter(plan(named, []), "", "title_field") == "subject"
	assert setter(plan(named, named["fields"]), "", "title_field") is None


@pytest.mark.parametrize("doctype", DEFINITIONS)
def test_what_is_overruled_on_purpose_is_in_the_definition(doctype: str) -> None:
	defined = {row["fieldname"]: row for row in DEFINITIONS[doctype]["fields"]}
	for fieldname, properties in ON_PURPOSE.get(doctype, {}).items():
		assert [name for name in properties if not defined[fieldname].get(name)] == [], fieldname
		assert "fieldtype" not in properties


@pytest.mark.parametrize("doctype", DEFINITIONS)
def test_a_definition_says_nothing_that_a_custom_field_cannot_say(doctype: str) -> None:
	known = {*FIELD_PROPERTIES, "fieldname", "in_global_search"}
	for row in DEFINITIONS[doctype]["fields"]:
		assert set(row) <= known, row["fieldname"]
		assert row["fieldtype"] != "JSON"


def test_our_field_stands_behind_the_one_before_it() -> None:
	result = plan(definition(field("a"), field("mine", label="Mine"), field("b")), [field("a"), field("b")])
	assert [(row["fieldname"], row["insert_after"]) for row in result.fields] == [("mine", "a")]
	assert json.loads(setter(result, "", "field_order") or "") == ["a", "mine", "b"]


def test_our_first_field_stands_first() -> None:
	result = plan(definition(field("mine"), field("a")), [field("a")])
	assert result.fields[0]["insert_after"] == ""


def test_a_field_type_is_never_changed() -> None:
	result = plan(definition(field("port", "Int", options="x")), [field("port", "Data")], {"port": ("fieldtype", "options")})
	assert [s for s in result.setters if s["property"] == "options"] == []
	assert result.fields == []


def test_only_what_is_meant_to_differ_is_set() -> None:
	ours = definition(field("a", label="Ours", description="Better"))
	result = plan(ours, [field("a", label="Theirs", description="Good")], {"a": ("description",)})
	assert [(s["property"], s["value"]) for s in result.setters] == [("description", "Better")]


def test_the_hosts_own_services_are_kept() -> None:
	ours = definition(field("service", "Select", options="\nGMail\nOVH"))
	result = plan(ours, [field("service", "Select", options="\nFrappe Mail\nGMail")], {"service": ("options",)})
	assert setter(result, "service", "options") == "\nFrappe Mail\nGMail\nOVH"
	assert select_options("\nGMail\nOVH", "\nGMail") == "\nGMail\nOVH"


def test_a_host_with_tabs_keeps_its_arrangement() -> None:
	ours = definition(field("s", "Section Break"), field("a"), field("x"), field("own", "Section Break"), field("b"), field("y"))
	host = [field("b"), field("tab", "Tab Break"), field("s", "Section Break"), field("a")]
	result = plan(ours, host)
	assert [row["fieldname"] for row in result.fields] == ["y", "x"], "our section would cut the host's"
	assert json.loads(setter(result, "", "field_order") or "") == ["b", "y", "tab", "s", "a", "x"]


def test_a_hosts_further_field_stays_behind_its_neighbour() -> None:
	ours = [field("b"), field("a")]
	assert field_order(ours, [field("a"), field("new"), field("b")]) == ["b", "a", "new"]


def test_every_property_of_a_custom_field_is_given() -> None:
	values = custom_field(field("a", "Check", label="A"))
	assert set(values) == {"fieldname", *FIELD_PROPERTIES}
	assert (values["hidden"], values["description"]) == (0, "")


names = st.lists(st.sampled_from("abcdefghij"), unique=True, min_size=1)
kinds = st.fixed_dictionaries({name: st.sampled_from(("Data", "Section Break", "Tab Break")) for name in "abcdefghij"})


@given(names, names, kinds)
def test_each_field_stands_once_and_a_foreign_arrangement_survives(
	ours: list[str], host: list[str], kind: dict[str, str]
) -> None:
	our_rows = [field(name, kind[name]) for name in ours]
	host_fields = [field(name, kind[name]) for name in host]
	order = field_order(our_rows, host_fields)
	assert len(order) == len(set(order))
	assert set(host) <= set(order) <= {*ours, *host}
	if any(kind[name] in LAYOUT and name not in ours for name in host):
		assert [name for name in order if name in host] == host
	else:
		assert [name for name in order if name in ours] == ours
	result = plan({"name": "Thing", "fields": our_rows}, host_fields)
	assert {row["fieldname"] for row in result.fields} == set(order) - set(host)
	made = set(host)
	for row in result.fields:
		assert not row["insert_after"] or row["insert_after"] in made, "a field may only stand behind one that is there"
		made.add(row["fieldname"])


@given(names, names, kinds)
def test_a_host_brought_in_line_stays_so(ours: list[str], host: list[str], kind: dict[str, str]) -> None:
	our_rows = [field(name, kind[name]) for name in ours]
	order = field_order(our_rows, [field(name, kind[name]) for name in host])
	assert field_order(our_rows, [field(name, kind[name]) for name in order]) == order
