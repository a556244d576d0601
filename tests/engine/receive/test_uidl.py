"""Texts ended by a dot, however they are cut, and decisions about what a POP3 mailbox lists."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.receive.dot_text import DotText
from dokos_mail.engine.receive.uidl import Listed, content_key, fingerprint, gone, key, listed, plan

lines = st.lists(st.sampled_from([b".", b"..", b"...", b"a", b"", b".a", b"\r", b"x\ny", b"\xff\0"]), max_size=12)


@given(lines, st.lists(st.integers(0, 80), max_size=8), st.binary(max_size=20))
def test_a_text_comes_back_however_it_is_cut(content: list[bytes], cuts: list[int], rest: bytes) -> None:
	text = b"".join(line + b"\r\n" for line in content)
	wire = (b"\n" + text).replace(b"\n.", b"\n..")[1:] + b".\r\n" + rest
	reader = DotText()
	places = sorted({0, *(cut for cut in cuts if cut < len(wire)), len(wire)})
	came, left = b"", b""
	for start, end in pairwise(places):
		if reader.ended:
			left += wire[start:end]
		else:
			came += reader.feed(wire[start:end])
	assert reader.ended
	assert (came, reader.rest + left) == (text, rest)


@given(st.dictionaries(st.integers(1, 30), st.binary(min_size=1, max_size=4), max_size=12), st.integers(0, 12))
def test_every_message_is_fetched_once_passed_over_or_told_by_content(ids: dict[int, bytes], first: int) -> None:
	messages = listed(dict.fromkeys(ids, 10), ids)
	begun = plan(messages, [], [], first)
	own = [message for message in messages if message.uidl]
	assert [message.number for message in begun.fetch] == [message.number for message in own[max(len(own) - first, 0) :]]
	assert {key(message) for message in begun.fetch} | begun.passed_over == {key(message) for message in own}
	assert set(begun.by_content) == set(messages) - set(own)
	again = plan(messages, {key(message) for message in begun.fetch}, begun.passed_over, None)
	assert again.fetch == ()
	assert again.passed_over == begun.passed_over


def test_a_uidl_that_is_gone_is_forgotten() -> None:
	a, b, c = (Listed(number, 5, name) for number, name in enumerate("abc", 1))
	assert gone([a], [key(a), key(b)], set()) == [key(b)]
	assert plan([a, b], [key(a)], [key(c)], None).passed_over == frozenset()
	assert plan([a, b], [key(a)], [], None).fetch == (b,)


def test_messages_without_uidl_are_gone_only_when_all_others_were_read() -> None:
	known = [content_key("s1", 0), content_key("s2", 0)]
	assert gone([Listed(1, 5)], known, {known[0]}) == [known[1]]
	assert gone([Listed(1, 5)], known, None) == []
	assert gone([], known, set()) == known


def test_listings_are_told_apart() -> None:
	assert fingerprint([]) == ""
	assert len({fingerprint([Listed(1, 5)]), fingerprint([Listed(1, 6)]), fingerprint([Listed(1, 5), Listed(2, 5)])}) == 3
