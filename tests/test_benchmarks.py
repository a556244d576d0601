"""The benchmarks measure what they say they do: on a few messages, nothing timed."""

from __future__ import annotations

import pytest

from benchmarks import corpus
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
