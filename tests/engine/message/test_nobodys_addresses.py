"""Addresses behind which nobody reads."""

from __future__ import annotations

import pytest

from dokos_mail.engine.message.robots import is_nobodys


@pytest.mark.parametrize(
	"address",
	[
		"noreply@client.test",
		"no-reply@client.test",
		"No.Reply@client.test",
		"no_reply+x@client.test",
		"do-not-reply@client.test",
		"donotreply@client.test",
		"ne-pas-repondre@client.test",
		"nepasrepondre@client.test",
		"facturation-noreply@client.test",
		"noreply-facturation@client.test",
		"MAILER-DAEMON@client.test",
		"postmaster@client.test",
		"bounce+123@client.test",
		"owner-liste@client.test",
		"liste-request@client.test",
		"SRS0=abc=xy=client.test=jean@relais.test",
	],
)
def test_nobody(address: str) -> None:
	assert is_nobodys(address)


@pytest.mark.parametrize(
	"address",
	[
		"jean@client.test",
		"norah.reply@client.test",
		"contact@client.test",
		"noel@client.test",
		"reply@client.test",
		"noreplyson@client.test",
		"info@noreply.test",
		"",
	],
)
def test_somebody(address: str) -> None:
	assert not is_nobodys(address)
