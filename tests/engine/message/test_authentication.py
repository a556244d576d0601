"""What the receiving server says of a sender, and that nobody else can say it for him (RFC 8601)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.message.authentication import (
	EXCHANGE_ONLINE,
	LEARNT_DOMAINS,
	LEARNT_FROM,
	Observation,
	authenticate,
	learn,
	read_results,
	topmost_server,
	trusted_servers,
)
from dokos_mail.engine.message.model import Message
from dokos_mail.engine.message.parse import parse

OURS = frozenset({"mx.masociete.test"})


def message(*fields: str, sender: str = "Élodie <elodie@client.test>") -> Message:
	lines = [f"Authentication-Results: {field}" for field in fields]
	return parse("\r\n".join([*lines, f"From: {sender}", "Subject: x", "", "texte"]).encode())


@pytest.mark.parametrize(
	("field", "verdict"),
	[
		("mx.masociete.test; dmarc=pass header.from=client.test", "pass"),
		("mx.masociete.test 1; dmarc=pass (p=REJECT; sp=none) header.from=client.test; spf=softfail", "pass"),
		("MX.Masociete.TEST; DMARC=Pass header.from=CLIENT.test", "pass"),
		("mx.masociete.test; dmarc=fail (p=none dis=none) header.from=client.test", "fail"),
		("mx.masociete.test; spf=pass smtp.mailfrom=bounce@client.test; dmarc=fail header.from=client.test", "fail"),
		("mx.masociete.test; dkim=pass header.d=client.test header.s=s1", "pass"),
		("mx.masociete.test; dkim=pass header.i=@mail.client.test", "pass"),
		('mx.masociete.test; dkim=pass (2048-bit key; secure) header.d="client.test"', "pass"),
		("mx.masociete.test; dkim=pass header.d=liste.test", "unknown"),
		("mx.masociete.test; dkim=pass header.d=test", "unknown"),
		("mx.masociete.test; dkim=pass header.d=evil-client.test", "unknown"),
		("mx.masociete.test; dkim=fail (bad signature) header.d=client.test", "unknown"),
		("mx.masociete.test; spf=pass smtp.mailfrom=client.test", "pass"),
		("mx.masociete.test; spf=pass smtp.mailfrom=bounces.routeur.test", "unknown"),
		("mx.masociete.test; spf=fail smtp.mailfrom=client.test", "fail"),
		("mx.masociete.test; spf=fail smtp.mailfrom=autre.test", "unknown"),
		("mx.masociete.test; spf=fail smtp.mailfrom=client.test; dkim=pass header.d=client.test", "pass"),
		("mx.masociete.test; spf=softfail smtp.mailfrom=client.test", "unknown"),
		("mx.masociete.test; dmarc=pass header.from=banque.test", "unknown"),
		("mx.masociete.test; dmarc=none; spf=neutral; dkim=none", "unknown"),
		("mx.masociete.test; none", "unknown"),
		("mx.masociete.test; dmarc=temperror", "unknown"),
		("mx.masociete.test (comment (nested; dmarc=fail)); dkim=pass header.d=client.test", "pass"),
		("mx.masociete.test; (never closed dmarc=fail", "unknown"),
		('mx.masociete.test; x="; dmarc=fail"', "unknown"),
		("", "unknown"),
		(";;;===", "unknown"),
	],
)
def test_what_our_server_says(field: str, verdict: str) -> None:
	assert authenticate(message(field), OURS).verdict == verdict


def test_the_reason_is_the_servers_own() -> None:
	found = authenticate(message("mx.masociete.test; dmarc=fail (p=none) header.from=client.test"), OURS)
	assert found.reason == "dmarc=fail header.from=client.test"


@pytest.mark.parametrize("result", ["dmarc=pass header.from=client.test", "dmarc=fail header.from=client.test"])
def test_what_another_server_says_is_not_heard(result: str) -> None:
	assert authenticate(message(f"mx.client.test; {result}"), OURS).verdict == "unknown"
	assert authenticate(message(f"mx.masociete.test; {result}"), frozenset()).verdict == "unknown"


def test_a_forged_field_turns_no_fail_into_a_pass() -> None:
	"""A server that leaves forged fields of its own name in place: they stand below its own."""
	real, forged = (
		"mx.masociete.test; dmarc=fail header.from=client.test",
		"mx.masociete.test; dmarc=pass header.from=client.test",
	)
	assert authenticate(message(real, forged), OURS).verdict == "fail"
	assert authenticate(message(forged, real), OURS).verdict == "fail"


def test_a_forged_field_below_adds_no_pass() -> None:
	real, forged = "mx.masociete.test; spf=none", "mx.masociete.test; dmarc=pass header.from=client.test"
	assert authenticate(message(real, forged), OURS).verdict == "unknown"


def test_exchange_online_leaves_its_name_out() -> None:
	field = (
		"spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=client.test; dkim=none (message not signed) header.d=none;"
		"dmarc=bestguesspass action=none header.from=client.test;compauth=pass reason=109"
	)
	assert read_results(field).server == EXCHANGE_ONLINE
	assert authenticate(message(field), trusted_servers(EXCHANGE_ONLINE)).verdict == "pass"
	assert authenticate(message(field), OURS).verdict == "unknown"


def test_two_from_fields_are_a_trick() -> None:
	raw = b"Authentication-Results: mx.masociete.test; dmarc=pass\r\nFrom: a@client.test\r\nFrom: b@banque.test\r\n\r\nx"
	assert authenticate(parse(raw), OURS).verdict == "fail"


def test_two_senders_of_two_domains_are_not_confirmed() -> None:
	field = "mx.masociete.test; dmarc=pass header.from=client.test"
	assert authenticate(message(field, sender="a@client.test, b@banque.test"), OURS).verdict == "unknown"


@given(st.text(max_size=200))
def test_no_field_raises(value: str) -> None:
	read_results(value)


@given(st.lists(st.sampled_from(["spf", "dkim", "dmarc"]), max_size=4), st.sampled_from(["pass", "fail", "none"]))
def test_a_stranger_never_moves_a_verdict_upwards(methods: list[str], result: str) -> None:
	"""Whatever fields he writes below the server's own: a fail stays one, an unknown becomes no pass."""
	forged = "; ".join(
		["mx.masociete.test", *(f"{name}={result} header.from=client.test header.d=client.test" for name in methods)]
	)
	fail, unknown = "mx.masociete.test; dmarc=fail header.from=client.test", "mx.masociete.test; dmarc=none"
	assert authenticate(message(fail, forged), OURS).verdict == "fail"
	assert authenticate(message(unknown, forged), OURS).verdict != "pass"


@pytest.mark.parametrize(
	("text", "names"), [("a.test, B.test;c.test\nd.test", {"a.test", "b.test", "c.test", "d.test"}), (None, set())]
)
def test_names_as_they_are_typed(text: str | None, names: set[str]) -> None:
	assert trusted_servers(text) == names


# Learning


def seen(count: int = LEARNT_FROM, server: str = "mx.masociete.test", domains: int = LEARNT_DOMAINS) -> list[Observation]:
	return [Observation(server, f"client{number % domains}.test") for number in range(count)]


def test_a_server_is_learnt_that_signs_everything() -> None:
	assert learn(seen()) == "mx.masociete.test"
	assert topmost_server(message("mx.masociete.test; none", "autre.test; none")) == "mx.masociete.test"


@pytest.mark.parametrize(
	"observations",
	[
		[],
		seen(LEARNT_FROM - 1),
		seen(domains=LEARNT_DOMAINS - 1),
		seen(server=""),
		[Observation("", "tous.test"), *seen(LEARNT_FROM - 1)],
		[Observation("mx.autre.test", "client1.test"), *seen(LEARNT_FROM - 1)],
		[*seen(LEARNT_FROM // 2 - 1), *[Observation("mx.masociete.test", "bavard.test")] * (LEARNT_FROM // 2 + 1)],
	],
	ids=["nothing", "few", "few domains", "unsigned", "one unsigned", "two servers", "one domain wrote most"],
)
def test_a_server_is_not_learnt_that_may_be_a_strangers(observations: list[Observation]) -> None:
	assert learn(observations) is None


@given(st.integers(0, LEARNT_FROM - 1))
def test_one_honest_message_without_it_unlearns_a_forged_name(position: int) -> None:
	forged = seen(server="mx.forged.test")
	forged[position] = Observation("", "honnête.test")
	assert learn(forged) is None
