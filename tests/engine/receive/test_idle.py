"""What is said while new mail is waited for: every server's manners, without a server and without a clock."""

from __future__ import annotations

import random
import re

import pytest

from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.errors import ConnectionLost, MailError, ProtocolError, Silence
from dokos_mail.engine.receive.idle import (
	ANSWER_SECONDS,
	LONGEST_RESPONSE,
	POLL_SECONDS,
	RENEW_SECONDS,
	Elsewhere,
	News,
	Phase,
	Vigil,
)
from dokos_mail.engine.receive.responses import Response

SETTINGS = ServerSettings("imap.test", "a@b.test", "secret")


class Conversation:
	"""A vigil and the moment it is at."""

	def __init__(self, *capabilities: str, exists: int = 0, elsewhere: tuple[Elsewhere, ...] = ()) -> None:
		self.now = 1000.0
		self.vigil = Vigil(SETTINGS, frozenset(capabilities), exists, elsewhere, self._bye)
		self.vigil.begin(self.now)

	@staticmethod
	def _bye(response: Response) -> MailError:
		return ConnectionLost(detail=response.text.decode())

	def sent(self) -> bytes:
		"""What was sent since the last time."""
		out = bytes(self.vigil.out)
		self.vigil.out.clear()
		return out

	def hear(self, text: str) -> list[News]:
		return self.vigil.take(text.replace("\n", "\r\n").encode(), self.now)

	def later(self, seconds: float) -> None:
		self.now += seconds
		self.vigil.tick(self.now)


def idling(**more: object) -> Conversation:
	talk = Conversation("IDLE", **more)
	assert talk.sent() == b"V1 IDLE\r\n"
	assert talk.hear("+ idling\n") == []
	assert talk.vigil.phase is Phase.IDLING
	return talk


def test_new_mail_is_news_and_what_goes_is_not() -> None:
	talk = idling(exists=3)
	assert talk.hear("* 4 EXISTS\n* 1 RECENT\n") == [News.MAIL]
	assert talk.hear("* 2 EXPUNGE\n") == []
	assert talk.hear("* 3 EXISTS\n") == [], "the same number again says nothing"
	assert talk.hear("* 1 EXPUNGE\n* 3 EXISTS\n") == [News.MAIL], "one went and one came"
	assert talk.hear("* OK Still here\n* OK [ALERT] {5}\n") == []
	assert talk.hear("* 2 FETCH (FLAGS (\\Seen))\n") == [News.FLAGS]
	assert talk.hear("* 2 FETCH (FLAGS (\\Seen))\n* 9 EXISTS\n* 3 FETCH (UID 7 FLAGS ())\n") == [News.FLAGS, News.MAIL]
	assert talk.sent() == b""


def test_it_is_renewed_every_nine_minutes() -> None:
	talk = idling()
	talk.later(9 * 60 - 1)
	assert talk.sent() == b""
	talk.later(1)
	assert talk.sent() == b"DONE\r\n"
	assert talk.hear("* 1 EXISTS\nV1 OK IDLE terminated\n") == [News.MAIL], "what comes in between is not lost"
	assert talk.sent() == b"V2 IDLE\r\n"
	assert talk.hear("+\n") == []
	assert talk.vigil.phase is Phase.IDLING


@pytest.mark.parametrize("words", ["", "+ idling\n"])
def test_a_server_that_says_nothing_more_is_given_up(words: str) -> None:
	talk = Conversation("IDLE")
	talk.hear(words)
	talk.later(RENEW_SECONDS if words else 0)
	with pytest.raises(Silence):
		talk.later(ANSWER_SECONDS)


def test_without_idle_it_is_asked() -> None:
	talk = Conversation()
	assert talk.sent() == b""
	talk.later(POLL_SECONDS)
	assert talk.sent() == b"V1 NOOP\r\n"
	assert talk.hear("* 1 EXISTS\nV1 OK\n") == [News.MAIL]
	assert talk.sent() == b""
	talk.later(POLL_SECONDS)
	assert talk.sent() == b"V2 NOOP\r\n"
	with pytest.raises(Silence):
		talk.later(ANSWER_SECONDS)


@pytest.mark.parametrize("answer", ["V1 BAD no\n", "V1 NO not now\n", "V1 OK done already\n", "+ idling\nV1 OK over\n"])
def test_a_server_that_has_idle_and_does_not_do_it_is_asked(answer: str) -> None:
	talk = Conversation("IDLE")
	talk.sent()
	talk.hear(answer)
	assert talk.vigil.phase is Phase.RESTING
	talk.later(POLL_SECONDS)
	assert talk.sent() == b"V2 NOOP\r\n"


def test_a_server_that_ends_idle_after_a_while_is_told_again() -> None:
	talk = idling()
	talk.now += 300
	talk.hear("V1 OK that was long enough\n")
	assert talk.sent() == b"V2 IDLE\r\n"


def test_other_folders_by_notify() -> None:
	other = (Elsewhere(b"Box", 7, 3), Elsewhere(b'a "b" c', 7, 1))
	talk = Conversation("IDLE", "NOTIFY", elsewhere=other)
	events = b"(MessageNew MessageExpunge FlagChange)"
	assert talk.sent() == b'V1 NOTIFY SET (selected %s) (mailboxes ("Box" "a \\"b\\" c") %s)\r\n' % (events, events)
	talk.hear("V1 OK\n")
	assert talk.sent() == b"V2 IDLE\r\n"
	talk.hear("+ idling\n")
	assert talk.hear("* STATUS Box (MESSAGES 1 UIDNEXT 4)\n") == [News.MAIL]
	assert talk.hear("* STATUS Box (MESSAGES 0 UIDNEXT 4)\n") == []
	assert talk.hear("* STATUS Box (UNSEEN 1)\n") == [News.FLAGS]
	assert talk.hear('* STATUS "a \\"b\\" c" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)\n') == [News.MAIL]
	assert talk.hear("* STATUS {3}\nBox (UIDVALIDITY 8)\n") == [News.MAIL]
	talk.later(POLL_SECONDS)
	assert talk.sent() == b"", "nothing is asked that is told"


@pytest.mark.parametrize("answer", ["V1 BAD what?\n", "V1 NO [BADEVENT (FlagChange)] no\n"])
def test_other_folders_by_asking_where_notify_is_refused(answer: str) -> None:
	talk = Conversation("IDLE", "NOTIFY", elsewhere=(Elsewhere(b"Box", 7, 3),))
	talk.sent()
	talk.hear(answer)
	assert talk.sent() == b"V2 IDLE\r\n"
	talk.hear("+ idling\n")
	talk.later(POLL_SECONDS)
	assert talk.sent() == b"DONE\r\n"
	talk.hear("V2 OK\n")
	assert talk.sent() == b'V3 STATUS "Box" (MESSAGES UIDNEXT UIDVALIDITY)\r\n'
	assert talk.hear("* STATUS Box (MESSAGES 1 UIDNEXT 4 UIDVALIDITY 7)\nV3 OK\n") == [News.MAIL]
	assert talk.sent() == b"V4 IDLE\r\n"


def test_a_folder_that_is_gone_stops_nothing() -> None:
	talk = Conversation(elsewhere=(Elsewhere(b"Gone", 7, 3), Elsewhere(b"Box", 7, 3)))
	talk.later(POLL_SECONDS)
	assert talk.sent().count(b"\r\n") == 3
	assert talk.hear("V1 OK\nV2 NO no such folder\n* STATUS Box (UIDNEXT 9 UIDVALIDITY 7)\n") == [News.MAIL]
	assert talk.vigil.phase is Phase.ASKING
	talk.hear("V3 OK\n")
	assert talk.vigil.phase is Phase.RESTING


def test_encoded_names_are_asked_after_whatever_notify_promises() -> None:
	talk = Conversation("IDLE", "NOTIFY", elsewhere=(Elsewhere(b"&AMk-l", 7, 3),))
	assert talk.sent() == b"V1 IDLE\r\n"
	talk.hear("+\n")
	talk.later(POLL_SECONDS)
	assert talk.sent() == b"DONE\r\n"


def test_too_much_to_tell_is_asked_after() -> None:
	talk = Conversation("IDLE", "NOTIFY", elsewhere=(Elsewhere(b"Box", 7, 3),))
	talk.hear("V1 OK\n+\n")
	assert talk.hear("* OK [NOTIFICATIONOVERFLOW] too much\n") == [News.MAIL]


def test_a_bye_is_the_end() -> None:
	talk = idling()
	with pytest.raises(ConnectionLost, match="for maintenance"):
		talk.hear("* BYE down for maintenance\n")


def test_what_never_ends_is_given_up() -> None:
	talk = idling()
	with pytest.raises(ProtocolError):
		for _piece in range(LONGEST_RESPONSE // 1000 + 2):
			talk.vigil.take(b"x" * 1000, talk.now)
	talk = idling()
	with pytest.raises(ProtocolError):
		talk.hear("* STATUS {99999999}\n" + "x" * (LONGEST_RESPONSE + 1))


def test_octets_come_in_any_pieces() -> None:
	chance = random.Random(5)
	words = b"* 4 EXISTS\r\n* STATUS {3}\r\nBox (UIDNEXT 5)\r\n* 2 FETCH (FLAGS ())\r\n* 5 EXISTS\r\n"
	for _run in range(500):
		talk = idling(exists=3)
		rest, news = words, []
		while rest:
			size = chance.randint(1, 20)
			news += talk.vigil.take(rest[:size], talk.now)
			rest = rest[size:]
		assert news.count(News.FLAGS) == 1
		assert 2 <= news.count(News.MAIL) <= 3


def test_servers_of_any_kind_are_answered_or_given_up() -> None:
	"""Whatever is said, in whatever order: there is always a next moment, an answer, or an error that is a MailError."""
	chance = random.Random(6)
	lines = [
		"+ go",
		"+",
		"* 5 EXISTS",
		"* 0 EXISTS",
		"* 1 EXPUNGE",
		"* VANISHED 1:3",
		"* STATUS Box (UIDNEXT 4)",
		"* STATUS",
		"* STATUS Box (((",
		"* BYE",
		"* ",
		"",
		"V1 OK",
		"V2 NO",
		"V3 BAD x",
		"V9 OK",
		"* 99999999999999999999999 EXISTS",
		"* OK [NOTIFICATIONOVERFLOW]",
		"\x00\xff",
	]
	for _run in range(3000):
		talk = Conversation(*chance.sample(["IDLE", "NOTIFY", "CONDSTORE"], chance.randint(0, 3)), elsewhere=(Elsewhere(b"Box"),))
		try:
			for _step in range(chance.randint(1, 25)):
				if chance.random() < 0.3:
					talk.later(max(talk.vigil.due - talk.now, 0))
				else:
					talk.hear(chance.choice(lines) + "\n")
				assert talk.vigil.due > talk.now - 1e-6 or talk.vigil.out
				assert not re.search(rb"[^\x20-\x7e\r\n]", bytes(talk.vigil.out))
		except MailError as error:
			assert error.message()
