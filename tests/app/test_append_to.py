"""Which document types are offered in Append To."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import frappe
import pytest

from dokos_mail.append_to import append_to_doctypes, append_to_query


@pytest.fixture(autouse=True)
def undone(site: object) -> Iterator[None]:
	yield
	frappe.db.rollback()
	frappe.clear_messages()


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
	"""Let installed apps name these document types in their hooks."""
	ask = frappe.get_hooks

	def name(*doctypes: str) -> None:
		def get_hooks(hook: str | None = None, *args: Any, **kwargs: Any) -> Any:
			return list(doctypes) if hook == "email_append_to" else ask(hook, *args, **kwargs)

		monkeypatch.setattr(frappe, "get_hooks", get_hooks)

	return name


def test_an_apps_hook_is_enough(site: object) -> None:
	"""The example app names Opportunity in its hooks and nothing else about mail."""
	assert "Opportunity" in frappe.get_hooks("email_append_to")
	assert not frappe.db.get_value("DocType", "Opportunity", "email_append_to")
	assert "Opportunity" in append_to_doctypes()


def test_the_flag_of_a_document_type(site: object, hooked: Callable[..., None]) -> None:
	hooked()
	assert "Communication" in append_to_doctypes()
	assert "Opportunity" not in append_to_doctypes()


def test_customize_form(site: object, hooked: Callable[..., None]) -> None:
	hooked()
	assert "Contact" not in append_to_doctypes()
	setter = {"doctype_or_field": "DocType", "doc_type": "Contact", "property": "email_append_to", "property_type": "Check"}
	frappe.get_doc({"doctype": "Property Setter", "value": "1", **setter}).insert()
	assert "Contact" in append_to_doctypes()


def test_what_cannot_take_mail_is_not_offered(site: object, hooked: Callable[..., None]) -> None:
	hooked("Contact", "Has Role", "System Settings", "No Such Type", "Contact")
	offered = append_to_doctypes()
	assert offered.count("Contact") == 1
	assert not {"Has Role", "System Settings", "No Such Type"} & set(offered)
	assert offered == sorted(offered)


def test_the_forms_question(site: object, hooked: Callable[..., None]) -> None:
	hooked("Contact", "User")
	assert append_to_query("DocType", "CONTA", "name", 0, 20, {}) == [["Contact"]]
	everything = [row for (row,) in append_to_query(txt="")]
	assert {"Contact", "User", "Communication"} <= set(everything)
	assert append_to_query(start="1", page_len="1") == [[everything[1]]]


def test_the_question_is_not_for_everybody(site: object) -> None:
	frappe.set_user("Guest")
	try:
		with pytest.raises(frappe.PermissionError):
			append_to_query()
	finally:
		frappe.set_user("Administrator")
