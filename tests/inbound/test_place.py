"""Placing is a pure function: tried exhaustively over small worlds, and by properties over large ones."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.inbound.place import FINDINGS, RULES, Ancestor, Reference, ancestors, in_words, place

ON_A = Ancestor("comm-a", Reference("Opportunity", "OPP-A"))
ON_B = Ancestor("comm-b", Reference("Opportunity", "OPP-B"))
BARE = Ancestor("comm-bare")
GONE = Ancestor("comm-gone", Reference("Opportunity", "OPP-GONE"), exists=False)


def test_a_reply_goes_where_what_it_answers_is() -> None:
	placement = place("a@x", ["b@x", "a@x"], "Opportunity", {"a@x": ON_A, "b@x": ON_B})
	assert (placement.rule, placement.reference, placement.parent) == ("in_reply_to", ON_A.reference, "comm-a")


def test_references_are_read_from_the_newest_to_the_oldest() -> None:
	placement = place(None, ["old@x", "new@x"], None, {"old@x": ON_A, "new@x": ON_B})
	assert (placement.rule, placement.reference) == ("references", ON_B.reference)


def test_a_first_message_makes_a_new_document() -> None:
	placement = place(None, [], "Opportunity", {})
	assert (placement.rule, placement.create, placement.reference) == ("append_to", "Opportunity", None)


@pytest.mark.parametrize("append_to", [None, "", "Communication"])
def test_without_append_to_it_is_a_communication_by_itself(append_to: str | None) -> None:
	placement = place("a@x", [], append_to, {})
	assert (placement.rule, placement.create, placement.reference) == ("unplaced", None, None)


def test_a_deleted_document_is_passed_over_and_the_thread_kept() -> None:
	placement = place("gone@x", ["a@x"], "Opportunity", {"gone@x": GONE, "a@x": ON_A})
	assert placement.reference == ON_A.reference
	assert placement.parent == "comm-gone"
	assert [step.finding for step in placement.trace] == ["deleted", "decided"]


def test_every_world_of_two_ancestors() -> None:
	"""In-Reply-To and one reference, each in every condition, with and without append_to: the first live one wins."""
	conditions = [None, BARE, GONE, ON_A]
	for first, second, append_to in product(conditions, conditions, [None, "Opportunity"]):
		known = {key: value for key, value in (("1@x", first), ("2@x", second)) if value}
		placement = place("1@x", ["2@x"], append_to, known)
		live = [ancestor for ancestor in (first, second) if ancestor is ON_A]
		if live:
			assert placement.reference == ON_A.reference
			assert placement.create is None
		else:
			assert placement.reference is None
			assert placement.create == append_to
		assert placement.trace[-1].finding in ("decided", "not_set")
		assert all(step.finding in FINDINGS and step.rule in RULES for step in placement.trace)


_ids = st.text("abc@.", min_size=1, max_size=6)


@given(st.none() | _ids, st.lists(_ids, max_size=8), st.dictionaries(_ids, st.sampled_from([ON_A, ON_B, BARE, GONE])))
def test_no_message_reaches_a_document_but_by_naming_a_message_of_it(
	in_reply_to: str | None, references: list[str], known: dict[str, Ancestor]
) -> None:
	placement = place(in_reply_to, references, "Opportunity", known)
	named = {message_id for _rule, message_id in ancestors(in_reply_to, references)}
	reachable = {known[key].reference for key in named if key in known and known[key].exists}
	assert (placement.reference in reachable) if placement.reference else not (reachable - {None})


@given(st.none() | _ids, st.lists(_ids, max_size=8), st.dictionaries(_ids, st.sampled_from([ON_A, ON_B, BARE, GONE])))
def test_messages_that_are_not_named_change_nothing(
	in_reply_to: str | None, references: list[str], known: dict[str, Ancestor]
) -> None:
	named = {message_id for _rule, message_id in ancestors(in_reply_to, references)}
	related = {key: value for key, value in known.items() if key in named}
	assert place(in_reply_to, references, "X", known) == place(in_reply_to, references, "X", related)


def test_a_placement_reads_as_sentences() -> None:
	placement = place("gone@x", ["a@x"], None, {"gone@x": GONE, "a@x": ON_A})
	words = in_words(placement.rule, placement.trace_as_data(), str).splitlines()
	assert words == [
		RULES["references"],
		f"– In-Reply-To gone@x: {FINDINGS['deleted']}",
		f"– References a@x: {FINDINGS['decided']}",
	]
