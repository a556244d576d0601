"""What a host's own DocType needs so that it becomes ours: a function of plain data, without a host.

The definition (our JSON) meets the host's DocField rows. What the host lacks becomes Custom Fields; what differs on
purpose becomes Property Setters; the order of fields is made for each host. A field's type is never changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]

#: Fields that only arrange a form. A host that has others than ours keeps its own arrangement.
LAYOUT = ("Tab Break", "Section Break", "Column Break")

#: Properties of a definition's field that a Custom Field takes over.
FIELD_PROPERTIES = (
	"fieldtype",
	"label",
	"options",
	"default",
	"description",
	"depends_on",
	"mandatory_depends_on",
	"fetch_from",
	"collapsible",
	"collapsible_depends_on",
	"hidden",
	"reqd",
	"unique",
	"read_only",
	"no_copy",
	"non_negative",
	"in_list_view",
	"in_standard_filter",
	"print_hide",
	"report_hide",
	"translatable",
)
_CHECKS = frozenset(
	(
		"collapsible",
		"hidden",
		"reqd",
		"unique",
		"read_only",
		"no_copy",
		"non_negative",
		"in_list_view",
		"in_standard_filter",
		"print_hide",
		"report_hide",
		"translatable",
	)
)
_PROPERTY_TYPES = {"label": "Data", "options": "Text", "hidden": "Check"}

#: Where the definition overrules the host, property by property. Everything else of a host's field stays the host's.
ON_PURPOSE: dict[str, dict[str, tuple[str, ...]]] = {
	"Email Domain": {
		"use_imap": ("description",),
		"email_server": ("description",),
		"use_starttls": ("depends_on",),
		"validate_ssl_certificate": ("depends_on", "description"),
		"incoming_port": ("description",),
		"attachment_limit": ("description",),
		"smtp_server": ("description",),
		"validate_ssl_certificate_for_outgoing": ("depends_on", "description"),
		"smtp_port": ("description",),
		"sent_folder_name": ("description",),
	},
	"Email Account": {
		"login_id_is_different": ("description",),
		"login_id": ("description",),
		"password": ("description",),
		"awaiting_password": ("description",),
		"ascii_encode_password": ("description",),
		"email_account_name": ("description",),
		"domain": ("description",),
		"service": ("options", "description"),
		"use_imap": ("depends_on",),
		"email_server": ("depends_on", "label", "description"),
		"use_ssl": ("depends_on",),
		"use_starttls": ("depends_on",),
		"validate_ssl_certificate": ("depends_on", "description", "fetch_from"),
		"incoming_port": ("depends_on", "description"),
		"attachment_limit": ("depends_on", "description"),
		"section_break_12": ("depends_on",),
		"append_to": ("depends_on", "description"),
		"default_incoming": ("description",),
		"email_sync_option": ("depends_on", "description"),
		"initial_sync_count": ("depends_on", "description"),
		"create_contact": ("depends_on",),
		"imap_folder": ("depends_on", "description"),
		"enable_automatic_linking": ("depends_on", "description"),
		"notify_if_unreplied": ("depends_on",),
		"unreplied_for_mins": ("description",),
		"send_notification_to": ("description",),
		"smtp_server": ("depends_on", "label", "description"),
		"use_tls": ("depends_on",),
		"use_ssl_for_outgoing": ("depends_on",),
		"smtp_port": ("depends_on", "description"),
		"default_outgoing": ("depends_on", "description"),
		"always_use_account_email_id_as_sender": ("depends_on", "description"),
		"always_use_account_name_as_sender_name": ("depends_on", "description"),
		"send_unsubscribe_message": ("depends_on",),
		"track_email_status": ("depends_on", "description"),
		"no_smtp_authentication": ("depends_on", "description"),
		"sent_folder_name": ("depends_on", "description"),
		"signature": ("description",),
		"auto_reply": ("depends_on",),
		"enable_auto_reply": ("depends_on",),
		"auto_reply_message": ("description",),
		"footer": ("description",),
	},
	"Email Queue": {"status": ("options",)},
	"IMAP Folder": {
		"folder_name": ("description",),
		"append_to": ("description",),
	},
}


@dataclass(frozen=True)
class Plan:
	"""What a host should hold of ours for one DocType.

	``fields``: Custom Fields in the order in which they are to be made, each with ``insert_after``.
	``setters``: Property Setters. Neither says who owns them nor touches what others made.
	"""

	doctype: str
	fields: list[dict[str, Any]] = field(default_factory=list)
	setters: list[dict[str, Any]] = field(default_factory=list)


def plan(definition: Row, host_fields: Sequence[Row], on_purpose: Mapping[str, Iterable[str]] | None = None) -> Plan:
	"""Compare our definition with the host's own rows.

	:param definition: the DocType as our JSON has it (``name``, ``fields``).
	:param host_fields: the host's DocField rows in the host's order. Not its meta: that has Custom Fields in it.
	:param on_purpose: properties of host fields that ours replace; by default ON_PURPOSE of the DocType.
	"""
	doctype = definition["name"]
	on_purpose = ON_PURPOSE.get(doctype, {}) if on_purpose is None else on_purpose
	ours = [row for row in definition["fields"]]
	host = {row["fieldname"]: row for row in host_fields}
	arranged_by_host = has_foreign_layout(ours, host_fields)
	missing = [row for row in ours if row["fieldname"] not in host and not (arranged_by_host and row["fieldtype"] in LAYOUT)]
	order = field_order(ours, host_fields)
	result = Plan(doctype)
	wanted = {row["fieldname"]: row for row in missing}
	for position, fieldname in enumerate(order):
		if fieldname in wanted:
			result.fields.append(custom_field(wanted[fieldname]) | {"insert_after": order[position - 1] if position else ""})
	for row in ours:
		if standard := host.get(row["fieldname"]):
			result.setters.extend(_setters(row, standard, on_purpose.get(row["fieldname"], ())))
	if (title := definition.get("title_field")) in wanted:
		# rows of a list are named by what the host has no field for
		about = {"doctype_or_field": "DocType", "field_name": "", "property": "title_field", "property_type": "Data"}
		result.setters.append(about | {"value": title})
	if order != [row["fieldname"] for row in host_fields]:
		result.setters.append(
			{
				"doctype_or_field": "DocType",
				"field_name": "",
				"property": "field_order",
				"property_type": "Data",
				"value": json.dumps(order),
			}
		)
	return result


def custom_field(row: Row) -> dict[str, Any]:
	"""A definition's field as the values of a Custom Field, every property given so that they can be compared."""
	values = {name: row.get(name, 0 if name in _CHECKS else "") for name in FIELD_PROPERTIES}
	return {"fieldname": row["fieldname"]} | values


def has_foreign_layout(ours: Sequence[Row], host_fields: Sequence[Row]) -> bool:
	"""Whether the host arranges its form with breaks that the definition does not know."""
	known = {row["fieldname"] for row in ours}
	return any(row["fieldtype"] in LAYOUT and row["fieldname"] not in known for row in host_fields)


def field_order(ours: Sequence[Row], host_fields: Sequence[Row]) -> list[str]:
	"""The order of fields for one host; every field of the host and every missing one of ours, once.

	A host whose breaks are all ours gets the definition's order, the seed page's, and its further fields stay
	behind the neighbour they had. A host that arranges its form otherwise (tabs) keeps its own order; ours stand
	behind the field they follow in the definition, and our breaks are left out, since they would cut its sections.
	"""
	host_order = [row["fieldname"] for row in host_fields]
	if has_foreign_layout(ours, host_fields):
		mine = [row["fieldname"] for row in ours if row["fieldtype"] not in LAYOUT]
		return _inserted(host_order, mine)
	return _inserted([row["fieldname"] for row in ours], host_order)


def _inserted(order: Sequence[str], others: Sequence[str]) -> list[str]:
	"""``order`` with those of ``others`` that it lacks, each behind the one it follows in ``others``.

	One that follows nothing stands before the next that is there, or last.
	"""
	result = list(order)
	for position, name in enumerate(others):
		if name in result:
			continue
		if position:
			result.insert(result.index(others[position - 1]) + 1, name)
		else:
			following = next((other for other in others[1:] if other in result), None)
			result.insert(result.index(following) if following else len(result), name)
	return result


def _setters(row: Row, standard: Row, properties: Iterable[str]) -> list[dict[str, Any]]:
	found = []
	for name in properties:
		value = row.get(name) or ""
		if name == "options":
			if row["fieldtype"] != "Select" or standard["fieldtype"] != "Select":
				continue
			value = select_options(standard.get("options") or "", value)
		if value != (standard.get(name) or ""):
			found.append(
				{
					"doctype_or_field": "DocField",
					"field_name": row["fieldname"],
					"property": name,
					"property_type": _PROPERTY_TYPES.get(name, "Small Text"),
					"value": value,
				}
			)
	return found


def select_options(host: str, ours: str) -> str:
	"""The host's options, all of them and in their order, then those of ours that it lacks."""
	options = host.split("\n")
	return "\n".join(options + [option for option in ours.split("\n") if option not in options])
