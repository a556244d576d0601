"""Address fields as they are found: nothing of them is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.message.addresses import MAX_ADDRESSES, parse_addresses

FIELDS: list[tuple[str, list[tuple[str, str]]]] = [
	("bob@x.fr", [("", "bob@x.fr")]),
	("Bob <bob@x.fr>", [("Bob", "bob@x.fr")]),
	("<bob@x.fr>", [("", "bob@x.fr")]),
	("Bob <<bob@x.fr>>", [("Bob", "bob@x.fr")]),
	("Bob<bob@x.fr>", [("Bob", "bob@x.fr")]),
	('"Dupont, Jean" <j@x>, a@b.c', [("Dupont, Jean", "j@x"), ("", "a@b.c")]),
	("Dupont, Jean <j@x>", [("Dupont, Jean", "j@x")]),
	("Alice, Dupont, Jean <j@x>", [("Alice", ""), ("Dupont, Jean", "j@x")]),
	('"a \\"quoted\\" name" <j@x>', [('a "quoted" name', "j@x")]),
	# groups
	("undisclosed-recipients:;", []),
	("undisclosed-recipients:", []),
	("Team: a@b.c, Bob <d@e.f>; z@z.z", [("", "a@b.c"), ("Bob", "d@e.f"), ("", "z@z.z")]),
	("Re: Bob <b@x.fr>", [("Re: Bob", "b@x.fr")]),
	# comments
	("a@b.c (Alice (A.))", [("Alice (A.)", "a@b.c")]),
	("<a@b.c> (Alice)", [("Alice", "a@b.c")]),
	('Jean (le "grand") <j@x>', [("Jean", "j@x")]),
	("Bob (never closed <b@c.d>", [("Bob (never closed", "b@c.d")]),
	# encoded names
	("=?utf-8?q?Ren=C3=A9?= <r@x>", [("René", "r@x")]),
	("=?utf-8?q?Jos=C3=A9?= =?utf-8?q?_M?= <j@x>", [("José M", "j@x")]),
	("=?utf-8?q?Dupont=2C_Jean?= <j@x>", [("Dupont, Jean", "j@x")]),
	("=?utf-8?Q?Dupont, Jean?= <j@x>", [("Dupont, Jean", "j@x")]),
	('"=?utf-8?q?Dupont=2C_J?=" <j@x>', [("Dupont, J", "j@x")]),
	("=?utf-8?q?Jean?=<j@x>", [("Jean", "j@x")]),
	("a@b.c (=?utf-8?q?Ren=C3=A9?=)", [("René", "a@b.c")]),
	# an encoded word is never more than a name
	("=?utf-8?q?boss=40bank.example=3E?= <evil@x>", [("boss@bank.example>", "evil@x")]),
	("=?utf-8?q?boss=40bank.example?=", [("boss@bank.example", "")]),
	("=?utf-8?q?a=40b=2Cc=40d?= <e@f>", [("a@b,c@d", "e@f")]),
	# separators
	("a@b.c; c@d.e", [("", "a@b.c"), ("", "c@d.e")]),
	("a@b.c d@e.f", [("", "a@b.c"), ("", "d@e.f")]),
	("Bob <b@x>, , Al <a@x>,", [("Bob", "b@x"), ("Al", "a@x")]),
	("<a@b.c, d@e.f>", [("", "a@b.c"), ("", "d@e.f")]),
	# brackets
	("Bob b@x.y", [("Bob", "b@x.y")]),
	("Bob <b@x.y", [("Bob", "b@x.y")]),
	("Bob < b@x.y >", [("Bob", "b@x.y")]),
	("<a@b.c> Bob", [("Bob", "a@b.c")]),
	('"never closed <a@b.c>', [("never closed", "a@b.c")]),
	("Real <real@b.c> <evil@x.y>", [("Real", "real@b.c"), ("", "evil@x.y")]),
	("bob@x.fr <alice@x.fr>", [("bob@x.fr", "alice@x.fr")]),
	("Bob <>", [("Bob", "")]),
	("<>", []),
	("", []),
	# forms of the address itself
	("<@relay1,@relay2:u@h>", [("", "u@h")]),
	('"john doe"@x.fr', [("", '"john doe"@x.fr')]),
	('Admin <"System Administrator"@x.fr>', [("Admin", '"System Administrator"@x.fr')]),
	('"a@b.c"', [("", "a@b.c")]),
	("bob @ x.fr", [("", "bob@x.fr")]),
	("<mailto:bob@x.fr>", [("", "bob@x.fr")]),
	("mailto:bob@x.fr", [("", "bob@x.fr")]),
	("Ünï <u@münchen.example>", [("Ünï", "u@münchen.example")]),
	("U <u@xn--mnchen-3ya.example>", [("U", "u@xn--mnchen-3ya.example")]),
	("jean+devis=12@x.fr", [("", "jean+devis=12@x.fr")]),
	# garbage
	("garbage", [("garbage", "")]),
	("foo bar, a@b.c", [("foo bar", ""), ("", "a@b.c")]),
	("a@b@c.d", [("a@b@c.d", "")]),
]


@pytest.mark.parametrize(("field", "expected"), FIELDS, ids=range(len(FIELDS)))
def test_field(field: str, expected: list[tuple[str, str]]) -> None:
	assert [(address.name, address.address) for address in parse_addresses(field.encode())] == expected


def test_latin_1_names() -> None:
	assert parse_addresses("François <f@x>".encode("latin-1"))[0].name == "François"


@given(
	st.lists(st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.[a-z]{2,3}", fullmatch=True), max_size=20),
	st.sampled_from([", ", ",", ";", ",\t", "; "]),
)
def test_every_address_of_a_list_is_found(addresses: list[str], separator: str) -> None:
	found = parse_addresses(separator.join(addresses).encode())
	assert [address.address for address in found] == addresses


@given(st.text(alphabet='ab@<>,;:"()\\ =?', max_size=40))
def test_no_letter_is_lost(text: str) -> None:
	"""Whatever the punctuation: outside of comments and groups' names, letters come out in some address."""
	text = text.replace("(", "").replace(":", "").replace("=?", "")
	found = "".join(address.name + address.address for address in parse_addresses(text.encode()))
	for letter in "ab":
		assert found.count(letter) == text.count(letter)


def test_bounded() -> None:
	defects: list[str] = []
	assert len(parse_addresses(b"a@b.c," * (MAX_ADDRESSES + 5), defects)) == MAX_ADDRESSES
	assert defects
