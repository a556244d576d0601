"""Messages in such an order that none is placed before what it answers."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.message.thread import Link, parents_first, read_link


def link(own: str | None, *follows: str) -> Link:
	return Link(own, frozenset(follows))


def test_the_order_is_kept_where_nothing_speaks_against_it() -> None:
	assert parents_first([link("a"), link("b", "a"), link(None), link("c", "elsewhere")]) == [0, 1, 2, 3]


def test_a_parent_comes_first() -> None:
	assert parents_first([link("c", "b", "a"), link("x"), link("b", "a"), link("a")]) == [3, 2, 0, 1]


def test_circles_and_messages_that_name_themselves() -> None:
	assert sorted(parents_first([link("a", "b"), link("b", "a"), link("c", "c")])) == [0, 1, 2]
	assert parents_first([link("a", "a"), link("b", "a")]) == [0, 1]


def test_a_long_thread_backwards() -> None:
	links = [link(str(number), str(number - 1)) for number in range(5000, 0, -1)]
	assert parents_first(links) == list(range(4999, -1, -1))


_names = st.sampled_from("abcdefgh")


@given(st.lists(st.builds(Link, st.none() | _names, st.frozensets(_names, max_size=3)), max_size=12))
def test_each_once_and_no_child_before_its_parent(links: list[Link]) -> None:
	order = parents_first(links)
	assert sorted(order) == list(range(len(links)))
	first = {}
	for number, one in enumerate(links):
		if one.message_id:
			first.setdefault(one.message_id, number)
	parents = {number: {first[name] for name in one.follows if name in first} - {number} for number, one in enumerate(links)}

	def reaches(start: int, goal: int) -> bool:
		seen, todo = set(), [start]
		while todo:
			at = todo.pop()
			if at == goal:
				return True
			if at not in seen:
				seen.add(at)
				todo.extend(parents[at])
		return False

	for number in range(len(links)):
		for parent in parents[number]:
			assert order.index(parent) < order.index(number) or reaches(parent, number)


def test_only_the_header_is_read(tmp_path: Path) -> None:
	path = tmp_path / "m.eml"
	path.write_bytes(
		b"Message-ID: <a@x>\r\nReferences: <r1@x>\r\n <r2@x>\r\nIn-Reply-To: <p@x>\r\n\r\nMessage-ID: <false@x>\r\n"
		+ b"x" * 10_000
	)
	assert read_link(path) == link("a@x", "r1@x", "r2@x", "p@x")
	path.write_bytes(b"")
	assert read_link(path) == Link()
