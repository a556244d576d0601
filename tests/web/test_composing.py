"""A user writes a mail in the desk, and no account of the site can send it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import frappe
import pytest

from tests.host.visitor import Visitor


@pytest.fixture
def nobody_sends(site: object) -> Iterator[None]:
	sending = frappe.get_all("Email Account", filters={"enable_outgoing": 1}, pluck="name")
	frappe.db.set_value("Email Account", {"name": ("in", sending or [""])}, "enable_outgoing", 0)
	frappe.clear_cache()
	frappe.db.commit()
	yield
	frappe.db.rollback()
	frappe.db.set_value("Email Account", {"name": ("in", sending or [""])}, "enable_outgoing", 1)
	frappe.clear_cache()
	frappe.db.commit()


def test_whoever_writes_a_mail_that_nothing_can_send_is_told_at_once(
	nobody_sends: None, logged_in: Callable[..., Visitor]
) -> None:
	"""What code sends in passing waits; a person who presses the button learns it there and then, and nothing is half done."""
	subject = f"Devis {uuid4().hex}"
	person = logged_in("System Manager")
	person.http.headers["X-Frappe-CSRF-Token"] = person.open_desk()
	mail = {"doctype": "User", "name": person.user, "recipients": "anna@client.test", "subject": subject, "content": "<p>x</p>"}
	answer = person.call("frappe.core.doctype.communication.email.make", **mail, send_email=1)
	assert answer.status_code >= 400
	assert "Email Account" in answer.text and "OutgoingEmailError" in answer.text
	frappe.db.rollback()
	assert not frappe.db.exists("Communication", {"subject": subject})
	assert not frappe.db.exists("Email Queue", {"message": ("like", f"%{subject}%")})
