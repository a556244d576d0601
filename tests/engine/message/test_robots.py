"""Signs that a machine wrote a message, and that none did."""

from __future__ import annotations

import pytest

from dokos_mail.engine.message.parse import parse
from dokos_mail.engine.message.robots import robot_reason


@pytest.mark.parametrize(
	"field",
	[
		"Auto-Submitted: auto-generated",
		"Auto-Submitted: auto-replied; owner-email=x",
		"auto-submitted: AUTO-NOTIFIED",
		"Precedence: bulk",
		"Precedence: list",
		"Precedence: junk",
		"Precedence: auto_reply",
		"X-Auto-Response-Suppress: OOF, AutoReply",
		"X-Auto-Response-Suppress: All",
		"List-Id: <liste.example>",
		"List-Unsubscribe: <https://x.example>",
		"X-Autoreply: yes",
		"X-Autorespond: Absence",
		"Return-Path: <>",
		"Return-Path: < >",
		"Content-Type: multipart/report; report-type=delivery-status",
	],
)
def test_robot(field: str) -> None:
	message = parse(f"From: a@b\n{field}\n\nx".encode())
	assert message.auto_submitted
	assert robot_reason(message).lower().startswith(field.partition(":")[0].lower())


@pytest.mark.parametrize(
	"field",
	[
		"Auto-Submitted: no",
		"Auto-Submitted: No (a comment)",
		"Precedence: normal",
		"Precedence: first-class",
		"X-Auto-Response-Suppress: None",
		"X-Auto-Response-Suppress: DR, RN, NRN",  # receipts only
		"Return-Path: <a@b>",
		"X-Autoreply: no",
		"X-Mailer: Thunderbird",
		"Content-Type: text/plain",
	],
)
def test_human(field: str) -> None:
	message = parse(f"From: a@b\n{field}\n\nx".encode())
	assert not message.auto_submitted
	assert robot_reason(message) is None
