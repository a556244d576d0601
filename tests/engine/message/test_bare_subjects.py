"""Subjects without their prefixes, in the languages that people answer in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.message.subject import base_subject, same_subject


@pytest.mark.parametrize(
	("subject", "base", "answers"),
	[
		("Devis", "devis", False),
		("Re: Devis", "devis", True),
		("RE : Devis", "devis", True),
		("Ré: Devis", "ré: devis", False),
		("Rép : Devis", "devis", True),
		("RÉP: Re: devis", "devis", True),
		("Re[2]: Devis", "devis", True),
		("Re^3: Devis", "devis", True),
		("AW: Devis", "devis", True),
		("Réf. : Devis", "réf. : devis", False),
		("TR: Devis", "devis", False),
		("TR : Re: Devis", "devis", True),
		("Fwd: Devis", "devis", False),
		("WG: AW: Devis", "devis", True),
		("SV: Devis", "devis", True),
		("Odp: Devis", "devis", True),
		("Re: Devis", "devis", True),
		("[support] Re: Devis", "devis", True),
		("Re: [EXTERNE] Devis", "devis", True),
		("***SPAM*** Re: Devis", "devis", True),
		("[seul]", "[seul]", False),
		("Re:", "", True),
		("Re: Re: ", "", True),
		("", "", False),
		# flaw 16: what only looks like a prefix
		("Facture requise: 12", "facture requise: 12", False),
		("relance client:", "relance client:", False),
		("Reponse: oui", "reponse: oui", False),
		("Transport: demain", "transport: demain", False),
		("RER: retard", "rer: retard", False),
		("  Re:   Deux   espaces ", "deux espaces", True),
		("Re: caf\u0065\u0301 \u2060menu", "café menu", True),
	],
)
def test_bare_subjects(subject: str, base: str, answers: bool) -> None:
	assert base_subject(subject) == (base, answers)


@given(st.text(max_size=60))
def test_answering_changes_no_bare_subject(subject: str) -> None:
	base, _answers = base_subject(subject)
	assert base_subject(f"Re: {subject}") == (base, True)


def test_nothing_is_the_same_as_nothing() -> None:
	assert not same_subject("", "")
	assert not same_subject("devis", "")


def test_a_subject_that_was_cut_to_fit() -> None:
	long = "x" * 200
	assert same_subject(long, long[:140], other_was_cut=True)
	assert not same_subject(long, long[:140])
	assert not same_subject("y" + long, long[:140], other_was_cut=True)
	assert not same_subject("dev", "devis", other_was_cut=True)
