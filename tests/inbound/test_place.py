"""Placing is a pure function: tried exhaustively over small worlds, and by properties over large ones."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dokos_mail.engine.message.authentication import FAIL, PASS, UNKNOWN
from dokos_mail.inbound import words
from dokos_mail.inbound.place import (
	BROKEN,
	MET,
	NOT_MET,
	AddressedDocument,
	Ancestor,
	Choice,
	Condition,
	Facts,
	Placement,
	Reference,
	World,
	ancestors,
	place,
)
from dokos_mail.inbound.words import FINDINGS, RULES, TRIED, in_words

ON_A = Ancestor("comm-a", Reference("Opportunity", "OPP-A"))
ON_B = Ancestor("comm-b", Reference("Opportunity", "OPP-B"))
BARE = Ancestor("comm-bare")
GONE = Ancestor("comm-gone", Reference("Opportunity", "OPP-GONE"), exists=False)
ADDRESSED = Reference("Task", "ADDRESSED")
ALIKE = Reference("Opportunity", "OPP-ALIKE")
CHOSEN = Reference("Project", "CHOSEN")
ANSWER = Facts(subject="devis", answers=True)


def replied(in_reply_to: str | None, references: list[str], append_to: str | None, known: dict[str, Ancestor]) -> Placement:
	return place(Facts(in_reply_to, references), World(known, append_to=append_to))


def test_a_reply_goes_where_what_it_answers_is() -> None:
	placement = replied("a@x", ["b@x", "a@x"], "Opportunity", {"a@x": ON_A, "b@x": ON_B})
	assert (placement.rule, placement.reference, placement.parent) == ("in_reply_to", ON_A.reference, "comm-a")


def test_references_are_read_from_the_newest_to_the_oldest() -> None:
	placement = replied(None, ["old@x", "new@x"], None, {"old@x": ON_A, "new@x": ON_B})
	assert (placement.rule, placement.reference) == ("references", ON_B.reference)


def test_a_first_message_makes_a_new_document() -> None:
	placement = replied(None, [], "Opportunity", {})
	assert (placement.rule, placement.create, placement.reference) == ("append_to", "Opportunity", None)


@pytest.mark.parametrize("append_to", [None, "", "Communication"])
def test_without_append_to_it_is_a_communication_by_itself(append_to: str | None) -> None:
	placement = place(replace(ANSWER, in_reply_to="a@x"), World(append_to=append_to, alike=lambda: [ALIKE]))
	assert (placement.rule, placement.create, placement.reference) == ("unplaced", None, None)


def test_a_deleted_document_is_passed_over_and_the_thread_kept() -> None:
	placement = replied("gone@x", ["a@x"], "Opportunity", {"gone@x": GONE, "a@x": ON_A})
	assert placement.reference == ON_A.reference
	assert placement.parent == "comm-gone"
	assert [step.finding for step in placement.trace] == ["deleted", "decided"]


def test_every_world_of_two_ancestors() -> None:
	"""In-Reply-To and one reference, each in every condition, with and without append_to: the first live one wins."""
	conditions = [None, BARE, GONE, ON_A]
	for first, second, append_to in product(conditions, conditions, [None, "Opportunity"]):
		known = {key: value for key, value in (("1@x", first), ("2@x", second)) if value}
		placement = replied("1@x", ["2@x"], append_to, known)
		live = [ancestor for ancestor in (first, second) if ancestor is ON_A]
		if live:
			assert placement.reference == ON_A.reference
			assert placement.create is None
		else:
			assert placement.reference is None
			assert placement.create == append_to
		assert placement.trace[-1].finding in ("decided", "not_set")


# Every combination of what bears on a message, against the order of the rules said once more, in another way

CHOICES = {
	"none": None,
	"document": Choice("app", CHOSEN),
	"gone": Choice("app", CHOSEN, exists=False),
	"new": Choice("app", create="Project"),
	"by itself": Choice("app"),
	"refuse": Choice("app", refused=True, reason="no"),
}
EVERYTHING = list(
	product(
		CHOICES,
		("", "X-Spam-Flag: YES"),  # junk
		(None, "known", "failed"),  # the thread
		(None, True, False),  # an address of a document, accepted or not
		(None, "Opportunity"),  # append_to
		(True, False),  # the subject answers
		(True, False),  # there is a document alike
		(PASS, FAIL, UNKNOWN),
		(True, False),  # a robot wrote it
		(MET, NOT_MET, BROKEN),
		(True, False),  # from the Sent folder
		("", "auto-reply"),  # a report
	)
)


def expected(
	choice: str,
	junk: str,
	thread: str | None,
	address: bool | None,
	append_to: str | None,
	answers: bool,
	alike: bool,
	authentication: str,
	robot: bool,
	condition: str,
	sent: bool,
	report: str,
) -> tuple[str, Reference | None, str | None]:
	"""(rule, document, type of a new document)"""
	if choice == "refuse":
		return "refused", None, None
	if junk:
		return "junk", None, None
	if choice in ("document", "new", "by itself"):
		return "app", CHOICES[choice].reference, CHOICES[choice].create
	if thread == "known":
		return "in_reply_to", ON_A.reference, None
	if address:
		return "address", ADDRESSED, None
	if sent:
		return "sent", None, None
	if thread == "failed":
		return "waits", None, None
	if append_to and answers and alike and not robot and authentication != FAIL:
		return "subject", ALIKE, None
	if report:
		return "report", None, None
	if not append_to:
		return "unplaced", None, None
	if condition == NOT_MET:
		return "condition", None, None
	return "append_to", None, append_to


def test_every_combination() -> None:
	assert len(EVERYTHING) == 6 * 2 * 3 * 3 * 2 * 2 * 2 * 3 * 2 * 3 * 2 * 2
	for case in EVERYTHING:
		choice, junk, thread, address, append_to, answers, alike, authentication, robot, condition, sent, report = case
		facts = Facts(
			"parent@x" if thread else None,
			subject="devis",
			answers=answers,
			robot=robot,
			report=report,
			junk=junk,
			sent=sent,
			authentication=authentication,
		)
		world = World(
			known={"parent@x": ON_A} if thread == "known" else {},
			unprocessed={"parent@x": "row"} if thread == "failed" else {},
			addressed=() if address is None else (AddressedDocument("a+b@x", ADDRESSED, address, "unknown"),),
			chosen=CHOICES[choice],
			append_to=append_to,
			alike=lambda found=alike: [ALIKE] if found else [],
			condition=lambda state=condition: Condition(state, "words"),
		)
		placement = place(facts, world)
		assert (placement.rule, placement.reference, placement.create) == expected(*case), case
		assert placement.rule in RULES
		assert all(step.finding in FINDINGS and step.rule in TRIED for step in placement.trace)
		# an accepted address links as well, whatever decides, and one that is not never does
		linked = {placement.reference, *placement.links}
		assert (ADDRESSED in linked) == (address is True and placement.rule not in ("junk",)), case
		assert (placement.waits_for == "row") == (placement.rule == "waits")


def test_the_thread_keeps_the_mail_and_the_address_links_it_too() -> None:
	world = World({"a@x": ON_A}, addressed=[AddressedDocument("x+1@x", ADDRESSED), AddressedDocument("x+2@x", ON_A.reference)])
	placement = place(Facts("a@x"), world)
	assert (placement.reference, placement.links) == (ON_A.reference, (ADDRESSED,))


def test_two_addresses_of_documents() -> None:
	other = Reference("Task", "OTHER")
	refused = AddressedDocument("x+3@x", Reference("Task", "SECRET"), False, "unknown")
	world = World(addressed=[refused, AddressedDocument("x+1@x", ADDRESSED), AddressedDocument("x+2@x", other)])
	placement = place(Facts(), world)
	assert (placement.rule, placement.reference, placement.links) == ("address", ADDRESSED, (other,))


def test_what_is_not_needed_is_not_looked_for() -> None:
	"""Documents of the same subject, and a condition, cost a query and an evaluation."""

	def unwanted() -> None:
		raise AssertionError("asked for nothing")

	world = World({"a@x": ON_A}, append_to="Opportunity", alike=unwanted, condition=unwanted)
	assert place(replace(ANSWER, in_reply_to="a@x"), world).rule == "in_reply_to"
	assert place(replace(ANSWER, junk="yes"), world).rule == "junk"
	assert place(Facts(sent=True), world).rule == "sent"


def test_an_app_that_chooses_loses_no_thread() -> None:
	placement = place(Facts("a@x"), World({"a@x": ON_A}, chosen=Choice("app", CHOSEN)))
	assert (placement.reference, placement.parent) == (CHOSEN, "comm-a")


#: What a laden machine takes says nothing of these properties.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
_ids = st.text("abc@.", min_size=1, max_size=6)
_known = st.dictionaries(_ids, st.sampled_from([ON_A, ON_B, BARE, GONE]))
_facts = st.builds(
	Facts,
	st.none() | _ids,
	st.lists(_ids, max_size=8),
	subject=st.text(max_size=8),
	answers=st.booleans(),
	robot=st.booleans(),
	authentication=st.sampled_from([PASS, FAIL, UNKNOWN]),
)


@unhurried
@given(_facts, _known)
def test_no_message_reaches_a_document_but_by_naming_a_message_of_it(facts: Facts, known: dict[str, Ancestor]) -> None:
	"""A stranger, that is whoever is no correspondent of any document, reaches one only by a Message-ID of its."""
	placement = place(facts, World(known, append_to="Opportunity"))
	named = {message_id for _rule, message_id in ancestors(facts.in_reply_to, facts.references)}
	reachable = {known[key].reference for key in named if key in known and known[key].exists}
	assert (placement.reference in reachable) if placement.reference else not (reachable - {None})


@unhurried
@given(_facts, _known, st.dictionaries(_ids, st.just("row")))
def test_messages_that_are_not_named_change_nothing(
	facts: Facts, known: dict[str, Ancestor], unprocessed: dict[str, str]
) -> None:
	"""So the order in which unrelated messages arrive changes nothing either."""
	named = {message_id for _rule, message_id in ancestors(facts.in_reply_to, facts.references)}

	def related(everything: dict) -> dict:
		return {key: value for key, value in everything.items() if key in named}

	whole = place(facts, World(known, unprocessed, append_to="X"))
	assert whole == place(facts, World(related(known), related(unprocessed), append_to="X"))


def test_a_placement_reads_as_sentences() -> None:
	placement = replied("gone@x", ["a@x"], None, {"gone@x": GONE, "a@x": ON_A})
	assert in_words(placement.rule, placement.trace_as_data(), str).splitlines() == [
		RULES["references"],
		f"– In-Reply-To “gone@x”: {FINDINGS['deleted']}",
		f"– References “a@x”: {FINDINGS['decided']}",
	]


def test_it_reads_as_french_sentences_too() -> None:
	file = Path(words.__file__).parents[1] / "translations" / "fr.csv"
	french = {row[0]: row[1] for row in csv.reader(file.open(encoding="utf-8")) if len(row) > 1} | {"Task": "Tâche"}
	facts = replace(ANSWER, in_reply_to="a@x", subject="{0} %s")
	placement = place(facts, World(append_to="Task", condition=lambda: Condition(MET, '"x" in subject')))
	assert in_words(placement.rule, placement.trace_as_data(), lambda text: french.get(text, text)).splitlines() == [
		"Il commence une conversation, et les emails de ce dossier deviennent de nouveaux documents de ce type.",
		"– In-Reply-To « a@x » : aucun message avec ce Message-ID n'est connu ici",
		"– Sujet « {0} %s » : aucun document du même correspondant n'a cet objet",
		'– Condition « "x" in subject » : remplie',
		"– Ajouter à « Tâche » : a décidé",
	]
	everything = [*RULES.values(), *TRIED.values(), *FINDINGS.values(), words.LINE, words.LINE_OF_NOTHING]
	assert [text for text in everything if text not in french and text not in ("In-Reply-To", "References")] == []


def test_a_trace_of_an_older_or_newer_version_can_be_read() -> None:
	assert (
		in_words("unheard of", [{"rule": "new rule", "value": "v", "finding": "new finding"}], str)
		== "– new rule “v”: new finding"
	)
