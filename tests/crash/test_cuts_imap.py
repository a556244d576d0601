"""IMAP: a pull killed at every step, in every situation, loses nothing, makes nothing twice and keeps its promises."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mail_servers.faults import Faults
from tests.crash import messages
from tests.crash.enumeration import World, cuts, difference
from tests.crash.servers import Folder

# Hundreds of processes each: some forty seconds on a quiet machine.
pytestmark = [pytest.mark.embedded, pytest.mark.timeout(1200)]


def first_synchronisation(make: Callable[..., World]) -> World:
	world = make("imap", mark_as_read=1)
	world.server.boxes["INBOX"].put(*messages.ALL)
	return world


def new_mail(make: Callable[..., World], **settings: object) -> World:
	world = make("imap", **settings)
	world.server.boxes["INBOX"].put(messages.ROOT, messages.WITHOUT_ID)
	world.pull()
	world.server.boxes["INBOX"].put(messages.REPLY, messages.with_file(), messages.LATER)
	return world


def new_mail_on_no_document(make: Callable[..., World]) -> World:
	return new_mail(make, append_to=None)


def several_folders(make: Callable[..., World]) -> World:
	rows = [{"folder_name": "INBOX"}, {"folder_name": "Archives", "append_to": "Opportunity"}]
	world = make("imap", append_to=None, imap_folder=rows, mark_as_read=1)
	world.server.boxes["INBOX"].put(messages.ROOT, messages.LATER)
	world.server.boxes["Archives"] = Folder(uidvalidity=9)
	world.server.boxes["Archives"].put(messages.with_file(), messages.LATER)
	return world


def uidvalidity_changes(make: Callable[..., World]) -> World:
	world = make("imap")
	inbox = world.server.boxes["INBOX"]
	inbox.put(messages.ROOT, messages.WITHOUT_ID, messages.with_file())
	world.pull()
	inbox.renumber(1234, 40)
	inbox.put(messages.REPLY)
	return world


def a_message_refused(make: Callable[..., World]) -> World:
	world = make("imap", mark_as_read=1)
	world.server.boxes["INBOX"].put(messages.ROOT, messages.LATER, messages.WITHOUT_ID)
	world.server.faults = Faults(refused=frozenset({2}))
	return world


def an_unfetched_message_given(make: Callable[..., World]) -> World:
	world = a_message_refused(make)
	world.pull()
	world.server.faults = Faults()
	world.server.boxes["INBOX"].put(messages.REPLY)
	return world


def failed_and_processed_again(make: Callable[..., World]) -> World:
	world = make("imap")
	world.server.boxes["INBOX"].put(messages.POISON, messages.ROOT)
	world.pull("cannot parse")
	return world


SITUATIONS = {
	"first synchronisation": (first_synchronisation, "pull", ""),
	"new mail": (new_mail, "pull", ""),
	"several messages in one transaction": (new_mail_on_no_document, "pull", ""),
	"another app's hook commits amid several": (new_mail_on_no_document, "pull", "hook commits"),
	"several folders": (several_folders, "pull", ""),
	"UIDVALIDITY changes": (uidvalidity_changes, "pull", ""),
	"a message refused": (a_message_refused, "pull", ""),
	"an unfetched message given": (an_unfetched_message_given, "pull", ""),
	"a message fails": (failed_and_processed_again, "process again", ""),
	"another app's hook commits": (new_mail, "pull", "hook commits"),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_cut_at_every_step(
	situation: str, make_world: Callable[..., World], record_property: Callable[[str, object], None]
) -> None:
	prepare, job, setting = SITUATIONS[situation]
	done = 0
	for where, expected, found in cuts(prepare(make_world), job, setting):
		wrong = difference(expected, found)
		assert not wrong, f"{where}\n{wrong}"
		done += 1
	record_property("cuts", done)
	assert done > 10


def test_a_wrong_order_is_noticed(make_world: Callable[..., World]) -> None:
	"""The proof that this enumeration can fail: the position kept before the rows loses mail at some cut."""
	wrong = cuts(first_synchronisation(make_world), "pull", "position before rows", resumed_with="")
	assert any(found["rows"] != expected["rows"] for _where, expected, found in wrong)
