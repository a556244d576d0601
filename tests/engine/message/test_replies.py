"""Replies and the history below them: both kept, told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.message.reply import split_reply

HISTORIES = [
	"Le lun. 3 janv. 2024 à 10:00, Jean Dupont <j@x.example> a écrit :\n\n> bla\n> bla\n",
	"Le 03/01/2024 à 10:00, Jean Dupont a écrit :\n> bla\n",
	"Le lun. 3 janv. 2024 à 10:00, Jean Dupont\n<j@x.example> a écrit :\n\n> bla\n",
	"On Mon, Jan 1, 2024 at 10:00 AM Bob <bob@x.example> wrote:\n\n> q\n",
	"On Mon, Jan 1, 2024 at 10:00 AM Bob\n<bob@x.example> wrote:\n> q\n",
	"On Jan 1, 2024, at 4:19 PM, bob wrote:\n\n> Hi\n",
	"Am 01.01.2024 um 10:00 schrieb Hans <h@x.example>:\n> q\n",
	"El lun, 1 ene 2024 a las 10:00, Ana (<a@x.example>) escribió:\n\n> q\n",
	"Il giorno lun 1 gen 2024 alle ore 10:00 Ugo <u@x.example> ha scritto:\n\n> q\n",
	"Op ma 1 jan 2024 om 10:00 schreef Jan <j@x.example>:\n> q\n",
	"2024-01-01 10:00 GMT+01:00 Jean <j@x.example>:\n\n> q\n",
	"02.04.2012 14:20 пользователь <bob@x.example> написал:\n> q\n",
	"-----Message d'origine-----\nDe : Jean\nEnvoyé : lundi\n\nbla\n",
	"-----Original Message-----\nFrom: bob\n\nbla\n",
	"________________________________\nFrom: A <a@b.example>\nSent: Monday\nTo: y\nSubject: z\n\nb\n",
	"________________________________\nDe : A <a@b.example>\nEnvoyé : lundi\nÀ : y\nObjet : z\n\nb\n",
	"De : Jean Dupont <j@x.example>\nEnvoyé : lundi 1 janvier\nÀ : moi\nObjet : RE: devis\n\nbla\n",
	"*De :* Jean Dupont\n*Date :* lundi 1 janvier\n*À :* moi\n*Objet :* devis\n\nbla\n",
	"Von: A <a@b.example>\nGesendet: Montag\nAn: c\nBetreff: d\n\nu\n",
	"De: Ana <a@b.example>\nEnviado el: lunes\nPara: c\nAsunto: d\n\nu\n",
	"> only marked\n> lines\n",
	"---------- Forwarded message ---------\nFrom: a\n\nx\n",
	"Début du message réexpédié :\n\nDe: a\n",
]


@pytest.mark.parametrize("history", HISTORIES, ids=range(len(HISTORIES)))
@pytest.mark.parametrize(
	"reply", ["Oui, merci.\n\n", "Bonjour,\n\nUn point : d'accord.\n\n-- \nJean\n\n", "Le devis est bon :\n- un\n- deux\n\n"]
)
def test_history_is_found(reply: str, history: str) -> None:
	assert split_reply(reply + history) == (reply, history)


@pytest.mark.parametrize(
	"text",
	[
		"",
		"Bonjour",
		"De rien : à bientôt\n",
		"Le prix : 10 €\n",
		"On the other hand: no.\n",
		"De : Paris\nmerci\n",
		"> only a quotation\n> nothing else\n",
		"On Monday, Bob wrote:\n> q\n\nMy answer is below the quotation, as it should be.\n",
		"> question one?\nYes, and this is a sentence of the one who answers.\n",
		"Jean wrote a letter.\nIt was long.\n",
	],
)
def test_no_history(text: str) -> None:
	assert split_reply(text) == (text, "")


@pytest.mark.parametrize(
	"text",
	[
		"Bonjour,\n> one?\nYes, the first point is right as you say, and so on.\n> two?\nNo.\n",
		"Salut\nOn Monday, Bob wrote:\n> q\n\nMy answer is below the quotation, as it should be.\n",
		"Voici mes réponses :\n> un ?\noui\n> deux ?\nnon\n> trois ?\nà voir\n> quatre ?\npeut-être\n",
	],
)
def test_what_is_written_below_a_quotation_stays(text: str) -> None:
	assert split_reply(text) == (text, "")


@pytest.mark.parametrize(
	("answers", "rest"),
	[
		("Voici mes réponses :\n> un ?\noui\n> deux ?\nnon\n> trois ?\nà voir\n", "> quatre ?\n"),
		("Salut\n" + "> q\n" * 12 + "Une réponse à moi, au milieu, longue de plus de quarante lettres.\n", "> q\n" * 3),
	],
	ids=["short ones", "a long one"],
)
def test_only_what_stands_below_the_last_answer_is_history(answers: str, rest: str) -> None:
	assert split_reply(answers + rest) == (answers, rest)


def test_answers_between_quoted_lines_stay() -> None:
	text = "> one?\nYes, the first point is right as you say.\n> two?\nNo, the second one needs another look by us.\n"
	assert split_reply(text) == (text, "")


def test_a_footer_after_the_history_goes_with_it() -> None:
	history = "On Monday, Bob wrote:\n> q\n_______________\nlist footer\n"
	assert split_reply("ok\n" + history) == ("ok\n", history)


def test_the_first_of_several_histories() -> None:
	history = HISTORIES[0] + HISTORIES[3]
	assert split_reply("ok\n" + history) == ("ok\n", history)


@given(
	st.lists(
		st.sampled_from(
			[
				"ok\n",
				"\n",
				"> q\n",
				"On Monday, Bob wrote:\n",
				"De : a\n",
				"À : b\n",
				"Objet : c\n",
				"-- \n",
				"x\x0cy\\1\n",
				"____________________\n",
			]
		)
	).map("".join)
)
def test_nothing_is_lost(text: str) -> None:
	reply, quoted = split_reply(text)
	assert reply + quoted == text
	assert reply.strip() or not text.strip() or not quoted


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
	"text",
	[
		"x" * 5_000_000,
		"On a\n" * 200_000,
		("On " + "a " * 400 + "\n") * 5_000,
		"De : a\n" * 100_000,
		"> a\nOn x@y\n" * 100_000,
		("le" + " a" * 150 + " @ :\n") * 5_000,
	],
	ids=range(6),
)
def test_bounded_time(text: str) -> None:
	reply, quoted = split_reply(text)
	assert len(reply) + len(quoted) == len(text)
