"""POP3: a pull killed at every step loses nothing, makes nothing twice, and deletes what it promised and no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mail_servers.faulty_pop3 import Pop3Faults
from tests.crash import messages
from tests.crash.enumeration import World, cuts, difference

# Hundreds of processes each: some forty seconds on a quiet machine.
pytestmark = [pytest.mark.embedded, pytest.mark.timeout(1200)]


def deleted(make: Callable[..., World]) -> World:
	world = make("pop3", delete_from_server=1)
	world.server.put(*messages.ALL)
	return world


def left_for_a_week(make: Callable[..., World]) -> World:
	world = make("pop3", delete_from_server=1, leave_on_server_days=7)
	world.server.put(messages.ROOT, messages.WITHOUT_ID)
	world.pull()
	world.change(age_days=8)
	world.server.put(messages.REPLY, messages.with_file())
	return world


def a_uidl_comes_back(make: Callable[..., World]) -> World:
	world = make("pop3")
	world.server.put(messages.ROOT, messages.LATER)
	world.pull()
	kept = world.server.messages.pop("id-0")
	world.pull()
	world.server.messages |= {"id-0": messages.REPLY.replace(b"\n", b"\r\n"), "again": kept}
	return world


def without_uidl(make: Callable[..., World]) -> World:
	world = make("pop3", delete_from_server=1)
	world.server.capabilities = None
	world.server.faults = Pop3Faults(answers={"UIDL": b"-ERR unknown"})
	world.server.put(messages.ROOT, messages.LATER, messages.LATER)
	return world


def a_message_refused(make: Callable[..., World]) -> World:
	world = make("pop3", delete_from_server=1)
	world.server.faults = Pop3Faults(answers={"RETR 2": b"-ERR it is damaged"})
	world.server.put(messages.ROOT, messages.LATER, messages.WITHOUT_ID)
	return world


SITUATIONS = {
	"deleted once stored": deleted,
	"left for a week": left_for_a_week,
	"a UIDL comes back": a_uidl_comes_back,
	"a server without UIDL": without_uidl,
	"a message refused": a_message_refused,
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_cut_at_every_step(
	situation: str, make_world: Callable[..., World], record_property: Callable[[str, object], None]
) -> None:
	done = 0
	for where, expected, found in cuts(SITUATIONS[situation](make_world)):
		wrong = difference(expected, found)
		assert not wrong, f"{where}\n{wrong}"
		done += 1
	record_property("cuts", done)
	assert done > 10


def test_a_wrong_order_is_noticed(make_world: Callable[..., World]) -> None:
	"""The proof that this enumeration can fail: deleting before the journal has the message loses it at some cut."""
	wrong = cuts(deleted(make_world), "pull", "deletion before rows", resumed_with="")
	assert any(found["rows"] != expected["rows"] for _where, expected, found in wrong)
