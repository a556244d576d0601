"""What mail sets off, killed at every step: each answer leaves once, each report is written down once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash import child
from tests.crash.enumeration import World, cuts, difference
from tests.mailbox import raw

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(1200)]

RECEIVED = "Sun, 01 Feb 2026 10:00:00 +0100"
OURS = "devis@masociete.test"
FAILED = "perdu@client.test"
BOUNCE = f"""\
From: MAILER-DAEMON@mx.test
To: commercial@masociete.test
Subject: Undelivered Mail Returned to Sender
Message-ID: <bounce@mx.test>
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.test

Final-Recipient: rfc822; {FAILED}
Action: failed
Status: 5.1.1

--b
Content-Type: text/rfc822-headers

Message-ID: <{OURS}>
--b--
""".encode()


def set_off(make: Callable[..., World]) -> World:
	world = make(
		"imap",
		enable_auto_reply=1,
		notify_if_unreplied=1,
		send_notification_to="chef@masociete.test",
		enable_outgoing=1,
		smtp_server="127.0.0.1",
		smtp_port="9",
		no_smtp_authentication=1,
	)
	world.pull()
	world.child(child.queue_mail, FAILED, OURS)
	world.server.boxes["INBOX"].put(raw("Question", sender="anna@client.test", message_id="q@client.test", date=RECEIVED), BOUNCE)
	return world


@pytest.mark.parametrize("setting", ["in February", "hooks commit everywhere"])
def test_cut_at_every_step(
	make_world: Callable[..., World], record_property: Callable[[str, object], None], setting: str
) -> None:
	"""Also where another app commits whenever it can: nothing is done twice, and nothing is forgotten."""
	done = 0
	for where, expected, found in cuts(set_off(make_world), "pull and react", setting):
		wrong = difference(expected, found)
		assert not wrong, f"{where}\n{wrong}"
		assert ["Auto Reply", "Done", "anna@client.test"] in found["reactions"]
		assert found["undeliverable"][0]["times"] == 1
		done += 1
	record_property("cuts", done)
	assert done > 10


@pytest.mark.parametrize("wrong", ["answer without a name", "done before its answer"])
def test_a_wrong_order_is_noticed(make_world: Callable[..., World], wrong: str) -> None:
	wrong = cuts(set_off(make_world), "pull and react", wrong, resumed_with="hooks commit everywhere")
	assert any(found["queued"] != expected["queued"] for _where, expected, found in wrong)
