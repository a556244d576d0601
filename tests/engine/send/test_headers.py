"""Header fields come back exactly as they were given, whoever reads them, and never add one."""

from __future__ import annotations

import re
from email import message_from_string, policy
from email.header import decode_header as stdlib_decode
from email.utils import getaddresses

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dokos_mail.engine.message.addresses import parse_addresses
from dokos_mail.engine.message.headers import decode_header
from dokos_mail.engine.send import headers
from dokos_mail.engine.send.addresses import Mailbox, ascii_domain, mailbox, mailboxes, without_tag

WORDS = st.lists(
	st.one_of(
		st.sampled_from(
			[
				"Devis",
				"n°",
				"12",
				"été",
				"Lefèvre",
				"—",
				"日本語",
				"🎉",
				"=?utf-8?q?x?=",
				"?=",
				"a" * 90,
				"é" * 80,
				'"x"',
				"Re:",
				"(#OPP-1)",
			]
		),
		st.text(min_size=1, max_size=12),
	),
	min_size=1,
	max_size=25,
)
TEXTS = st.one_of(WORDS.map(" ".join), WORDS.map("  ".join), st.text(max_size=200))


def unfolded(value: str) -> str:
	return re.sub(r"\r\n(?=[ \t])", "", value)


@settings(max_examples=3000, deadline=None)
@given(TEXTS)
@example("Devis n° 12 — été 2026 pour la maison de Madame Lefèvre et de ses enfants, à Saint-Étienne-du-Rouvray")
@example("a =?utf-8?q?b?= c")
@example("x\r\nBcc: victime@x.fr")
def test_a_subject_comes_back(text: str) -> None:
	value = headers.unstructured("Subject", text)
	wanted = headers.one_line(text)
	lines = f"Subject: {value}".split("\r\n")
	assert all(len(line) <= 78 for line in lines)
	assert all(line.startswith(" ") and line.strip() for line in lines[1:])
	assert value.isascii() and "\n" not in value.replace("\r\n", "")
	assert decode_header(value.encode()) == " ".join(wanted.split()) or decode_header(value.encode()) == wanted
	pieces = stdlib_decode(unfolded(value))
	assert "".join(piece if isinstance(piece, str) else piece.decode(charset or "ascii") for piece, charset in pieces) == wanted


def test_pythons_own_folding_is_not_used() -> None:
	"""The reason for this module: a subject that Python 3.11 changes. Ours is right whatever Python does."""
	subject = "Réunion du 12 — Ordre du jour définitif pour l'assemblée générale des copropriétaires de l'immeuble"
	assert (
		message_from_string(f"Subject: {headers.unstructured('Subject', subject)}\r\n\r\n", policy=policy.default)["Subject"]
		== subject
	)


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Cn", "Co", "Zl", "Zp")), max_size=60)


@settings(max_examples=1000, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=8))
@example(["Dupond, Jean", "Jérôme <admin@x.fr>", 'Dit "le Grand"', "a\\b", "é" * 60, "x@y.z", "=?utf-8?q?x?="])
def test_names_come_back_and_are_never_addresses(names: list[str]) -> None:
	given_ = [Mailbox(name, f"a{number}@x.fr") for number, name in enumerate(names)]
	value = headers.addresses("To", given_)
	assert value.isascii()
	assert all(len(line) <= 998 for line in value.split("\r\n"))
	found = parse_addresses(value.encode())
	assert [each.address for each in found] == [each.address for each in given_]
	for name, each in zip(names, found, strict=True):
		assert " ".join(each.name.split()) == " ".join(headers.one_line(name).split())
	assert [address for _name, address in getaddresses([unfolded(value)])] == [each.address for each in given_]


def test_a_header_cannot_be_added() -> None:
	for value in (
		headers.unstructured("Subject", "x\r\nBcc: y@z.fr\n\nbody"),
		headers.addresses("To", [Mailbox("x\r\nBcc: y@z.fr", "a@b.fr")]),
		headers.parameters("application/pdf", [("name", 'x"\r\nBcc: y@z.fr', False)]),
		headers.message_ids("In-Reply-To", ["x@y>\r\nBcc: z@z.fr"]),
	):
		assert all(line.startswith(" ") for line in value.split("\r\n")[1:])


@pytest.mark.parametrize(
	"name", ["facture.pdf", "Relevé d'août.pdf", "日本語 " * 30 + ".pdf", 'a"b\\c.pdf', "x" * 200 + ".pdf", "50 %.pdf"]
)
def test_a_file_name_comes_back(name: str) -> None:
	head = f"Content-Disposition: {headers.parameters('attachment', [('filename', name, True)])}\r\n\r\n"
	assert message_from_string(head).get_filename() == name
	assert all(len(line) <= 78 for line in head.split("\r\n"))


def test_references_are_folded_between_identifiers() -> None:
	value = headers.message_ids("References", [f"{'x' * 40}.{number}@exemple.fr" for number in range(20)])
	assert value.count("<") == 20
	assert all(len(line) <= 78 for line in value.split("\r\n"))


def test_domains_in_ascii() -> None:
	assert Mailbox("", "jérôme@Société.fr").wire == "jérôme@xn--socit-esab.fr"
	assert Mailbox("", "jérôme@société.fr").needs_smtputf8 and not Mailbox("", "jerome@société.fr").needs_smtputf8
	assert ascii_domain("straße.de") == "xn--strae-oqa.de"
	assert ascii_domain("not a domain é") == "not a domain é"
	assert without_tag("Sales+opp+1@X.fr") == "sales@x.fr"


def test_mailboxes_as_people_type_them() -> None:
	assert mailboxes('"Dupond, Jean" <jean@x.fr>; marie@x.fr\nOncle <oncle@y.fr>,') == [
		Mailbox("Dupond, Jean", "jean@x.fr"),
		Mailbox("", "marie@x.fr"),
		Mailbox("Oncle", "oncle@y.fr"),
	]
	assert mailboxes(None) == [] and mailboxes("personne") == [] and mailbox("") is None
