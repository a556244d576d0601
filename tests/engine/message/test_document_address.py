"""A document's own address: made, and found again in whatever a server does to it."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.message.document_address import MOST, Addressed, addressed_documents, document_address, new_token
from dokos_mail.engine.message.parse import parse

ACCOUNT = "Contact@Masociete.test"
TOKEN = "k7qy2mvxw3ha5t6b"


def found(*fields: str, accounts: tuple[str, ...] = (ACCOUNT,)) -> list[str]:
	raw = "\n".join(["From: jean@client.test", *fields, "", "x"]).encode()
	return [one.detail for one in addressed_documents(parse(raw), accounts)]


@given(st.binary(min_size=10, max_size=10))
def test_a_token_is_found_again(octets: bytes) -> None:
	token = new_token(lambda count: octets[:count])
	address = document_address(ACCOUNT, token)
	(one,) = addressed_documents(parse(f"To: <{address.upper()}>\n\nx".encode()), [ACCOUNT])
	assert one.token == token


def test_tokens_differ() -> None:
	assert len({new_token(os.urandom) for _ in range(1000)}) == 1000


def test_as_long_as_a_server_must_accept() -> None:
	assert document_address("a" * 47 + "@b.test", TOKEN) == "a" * 47 + f"+{TOKEN}@b.test"
	assert document_address("a" * 48 + "@b.test", TOKEN) is None
	assert document_address("no address", TOKEN) is None


@pytest.mark.parametrize(
	"field",
	[
		"To: contact+{0}@masociete.test",
		'Cc: "Devis" <CONTACT+{0}@MASOCIETE.TEST>, autre@x.test',
		"Bcc: contact+{0}@masociete.test",
		"Delivered-To: contact+{0}@masociete.test",
		"X-Original-To: <contact+{0}@masociete.test>",
		"Envelope-To: autre@x.test, contact+{0}@masociete.test",
	],
)
def test_where_an_address_is_looked_for(field: str) -> None:
	assert [detail.lower() for detail in found(field.format(TOKEN))] == [TOKEN]


@pytest.mark.parametrize(
	"field",
	[
		"Subject: contact+{0}@masociete.test",
		"From: contact+{0}@masociete.test",
		"To: contact+{0}@elsewhere.test",
		"To: other+{0}@masociete.test",
		"To: contact@masociete.test",
		"To: contact+@masociete.test",
		"Received: from x for <contact+{0}@masociete.test>",
	],
)
def test_where_it_is_not(field: str) -> None:
	assert found(field.format(TOKEN)) == []


def test_each_once_and_not_without_end() -> None:
	assert found(f"To: contact+{TOKEN}@masociete.test", f"Delivered-To: Contact+{TOKEN}@masociete.test") == [TOKEN]
	assert len(found("To: " + ", ".join(f"contact+x{number}@masociete.test" for number in range(500)))) == MOST


def test_an_account_that_has_a_plus_itself() -> None:
	assert found(f"To: a+b+{TOKEN}@x.test", accounts=("a+b@x.test",)) == [TOKEN]


@pytest.mark.parametrize(
	("detail", "meant"),
	[
		("Task=TASK-0001", ("Task", "TASK-0001")),
		("Task+TASK-0001", ("Task", "TASK-0001")),
		("Sales%20Order=SO%2F1", ("Sales Order", "SO/1")),
		("Sales+Order=SO-1", ("Sales Order", "SO-1")),
		("Task=A=B", ("Task", "A=B")),
	],
)
def test_the_old_form(detail: str, meant: tuple[str, str]) -> None:
	assert meant in Addressed("x", detail).unsigned()
	assert Addressed("x", detail).token is None


@pytest.mark.parametrize("detail", ["", "=", "+", "Task=", "=TASK", "newsletter"])
def test_no_old_form(detail: str) -> None:
	assert Addressed("x", detail).unsigned() == []
