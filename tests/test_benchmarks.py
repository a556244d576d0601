"""The benchmarks measure what they say they do: on a few messages, nothing timed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import corpus, fetching, sending
from benchmarks.setup import place

pytestmark = pytest.mark.embedded


def test_each_role_handles_every_message() -> None:
	messages = list(corpus.messages(12, large={3: 300_000}))
	assert messages == list(corpus.messages(12, large={3: 300_000}))
	with place(messages) as here:
		journalled = here.run("journal")
		processed = here.run("process")
	assert journalled["messages"] == processed["messages"] == 12
	assert journalled["peak"] >= journalled["start"] > 0
	with place(messages) as here:
		assert here.run("journal_one_by_one")["messages"] == 12


def test_fetching_alone_handles_every_message() -> None:
	with fetching.mailbox(corpus.messages(12)) as server:
		imap, pop3 = server.ports["imap"], server.ports["pop3"]
		for way in (fetching.alone, fetching.stored):
			assert way(fetching.imap, imap, 12) > 0
			assert way(fetching.pop3, pop3, 12) > 0
		assert fetching.drain(imap) > 0
		assert fetching.imap_one_by_one(imap, 12) > 0
		assert fetching.pop3_one_by_one(pop3, 12) > 0


def test_sending_alone_and_the_queue(tmp_path: Path) -> None:
	assert all(rate > 0 for rate in sending.rates(4, 2))
	with sending.sink(tmp_path) as (port, authority), place([]) as here:
		assert here.run("send", port=port, authority=authority, count=3)["messages"] == 3


def test_two_workers_and_the_listener() -> None:
	with place(corpus.messages(3), corpus.messages(4, seed=3)) as here:
		one, two = here.run_all("pull_all", {"accounts": ["commercial"]}, {"accounts": ["support"]})
		assert (one["messages"], two["messages"]) == (3, 4)
	with place([]) as here:
		with here.listener():
			done = here.run("arrivals", port=here.server.ports["imap"], count=2)
		assert done["messages"] == 2
		assert done["worst"] >= done["after"]
		authority = str(here.server.certificates.authority)
		watched = here.run("watch", port=here.server.ports["imaps"], authority=authority, count=5)
		assert watched["memory"] > watched["start"] > 0
