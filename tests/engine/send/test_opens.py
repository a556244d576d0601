"""Who loaded the picture in a mail of ours."""

from __future__ import annotations

import pytest

from dokos_mail.engine.send.opens import SOONEST, who_opened

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@pytest.mark.parametrize("agent", [FIREFOX, GMAIL, "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"])
def test_a_reader(agent: str) -> None:
	assert who_opened(agent, 3600, False) == "reader"
	assert who_opened(agent, None, False) == "reader"


@pytest.mark.parametrize(
	"agent",
	[
		"",
		" ",
		"Googlebot/2.1",
		"curl/8.5",
		"python-requests/2.32",
		"Slackbot-LinkExpanding 1.0",
		"BarracudaCentral",
		"Go-http-client/2.0",
	],
)
def test_a_machine(agent: str) -> None:
	assert who_opened(agent, 3600, False) == "machine"


def test_nobody_reads_that_soon() -> None:
	assert who_opened(FIREFOX, SOONEST - 0.1, False) == "machine"
	assert who_opened(FIREFOX, SOONEST, False) == "reader"


def test_one_of_us() -> None:
	assert who_opened(FIREFOX, 3600, True) == "own"
