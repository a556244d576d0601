"""What a recipient, a row and an account get for each thing that a server may do, and that all of it leaves once it stops.

One message to two recipients and one message behind it: nothing is lost, nothing is sent twice (but where the answer after the
dot never came, which is the gap that is named), a recipient's trouble is his, and an account's trouble rests the account.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import frappe
import pytest
from frappe.utils import now_datetime

from dokos_mail import jobs
from dokos_mail.engine import errors
from dokos_mail.engine.send.verdict import Verdict
from dokos_mail.outbound import account as accounts
from dokos_mail.outbound import queue
from dokos_mail.outbound.notice import managers
from mail_servers.certificates import Certificates
from mail_servers.smtp_faults import AFTER_END, CLOSE, END, RESET, SILENCE, FaultySmtp, SmtpFaults
from tests.outbound.test_queue import later, recipients, states, stored

Smtp = Callable[..., FaultySmtp]
Make = Callable[..., object]

ANNA, BERT = "anna@there.test", "bert@there.test"
#: What the account of a case is noted to suffer from; WORKS where nothing is.
WORKS = None


@dataclass(frozen=True)
class Case:
	"""``anna`` and ``bert``: their states after the first run, as one word where they are the same. ``says`` is in Anna's words,
	or in the account's. ``again``: how often Anna's server got the message in the end (2 in the named gap, 0 if refused)."""

	faults: dict[str, object] = field(default_factory=dict)
	states: tuple[str, str] = ("Deferred", "Deferred")
	account: str | None = WORKS
	says: str = ""
	again: int = 1
	options: dict[str, object] = field(default_factory=dict)
	values: dict[str, object] = field(default_factory=dict)


def answers(**said: bytes) -> dict[str, object]:
	return {"answers": {END if step == "end" else step: words for step, words in said.items()}}


def at(step: str, what: str) -> dict[str, object]:
	return {"instead": {step: what}}


BOTH = ("Deferred", "Deferred")
WAIT = ("Waiting", "Waiting")
GONE = ("Refused", "Refused")
FINE = ("Sent", "Sent")
LOGIN = {"no_smtp_authentication": 0, "password": "juste"}


def knows(mechanism: str, said: list[bytes]) -> bool:
	return mechanism != "XOAUTH2"


CASES = {
	# the connection
	"greets with 421": Case(answers(greeting=b"421 too many connections"), WAIT, "throttled", "too many connections"),
	"greets with 554": Case(answers(greeting=b"554 5.7.1 your address is listed"), WAIT, "server_refuses", "your address is listed"),
	"greets with garbage": Case(answers(greeting=b"\xff\xfeSSH-2.0"), WAIT, "bad_greeting"),
	"no EHLO, but HELO": Case(answers(EHLO=b"502 5.5.1 what?"), FINE),
	"neither EHLO nor HELO": Case({"answers": {"EHLO": b"550 no", "HELO": b"550 go away"}}, WAIT, "server_refuses", "go away"),
	"EHLO answered by garbage": Case(answers(EHLO=b"<html>"), WAIT, "protocol"),
	# login
	"535": Case(answers(AUTH=b"535 5.7.8 bad credentials"), WAIT, "login_refused", "bad credentials", 1, {"login": knows}, LOGIN),
	"454 at the login": Case(answers(AUTH=b"454 4.7.0 too many"), WAIT, "throttled", "too many", 1, {"login": knows}, LOGIN),
	"no login offered": Case({}, WAIT, "login_not_offered", "offers no login", 0, {}, LOGIN),
	"CRAM-MD5 only": Case({}, FINE, options={"login": knows, "auth": "AUTH CRAM-MD5"}, values=LOGIN),
	"AUTH=LOGIN": Case({}, FINE, options={"login": knows, "auth": "AUTH=LOGIN"}, values=LOGIN),
	"only ways that we have not": Case({}, WAIT, "login_method_missing", "NTLM", 0, {"login": knows, "auth": "AUTH NTLM"}, LOGIN),
	# the account, whatever the step
	"421 at MAIL": Case(answers(MAIL=b"421 4.3.2 shutting down"), BOTH, "throttled", "shutting down"),
	"421 at RCPT": Case(answers(RCPT=b"421 4.3.2 shutting down"), BOTH, "throttled", "shutting down"),
	"421 at DATA": Case(answers(DATA=b"421 4.3.2 shutting down"), BOTH, "throttled", "shutting down"),
	"421 at the end": Case(answers(end=b"421 4.3.2 shutting down"), BOTH, "throttled", "shutting down"),
	"quota at MAIL": Case(answers(MAIL=b"550 5.4.5 Daily sending quota exceeded"), BOTH, "quota_reached", "Daily sending quota"),
	"quota at the end": Case(answers(end=b"550 5.4.5 Daily sending quota exceeded"), BOTH, "quota_reached", "Daily sending quota"),
	"block": Case(answers(RCPT=b"550 5.7.1 Client host blocked using zen.spamhaus.org"), BOTH, "server_refuses", "spamhaus"),
	"454": Case(answers(MAIL=b"454 4.7.0 Temporary authentication failure"), BOTH, "throttled", "Temporary authentication"),
	"530": Case(answers(MAIL=b"530 5.7.0 Authentication required"), BOTH, "login_refused", "Authentication required"),
	"451 without a status": Case(answers(MAIL=b"451 local error in processing"), BOTH, "throttled", "local error"),
	"no command understood": Case(answers(MAIL=b"500 command unrecognized"), BOTH, "command_refused", "unrecognized"),
	"another order wanted": Case(answers(RCPT=b"503 5.5.1 bad sequence"), BOTH, "command_refused", "bad sequence"),
	"many lines": Case(answers(MAIL=b"550-5.4.5 Daily user sending\r\n550 5.4.5 limit exceeded"), BOTH, "quota_reached", "limit exceeded"),
	# the recipient
	"one unknown": Case({"answers": {f"RCPT {ANNA}": b"550 5.1.1 no such user"}}, ("Refused", "Sent"), says="no such user", again=0),
	"one unknown, no status": Case({"answers": {f"RCPT {ANNA}": b"550 unknown user"}}, ("Refused", "Sent"), says="unknown", again=0),
	"one greylisted": Case({"answers": {f"RCPT {ANNA}": b"451 4.7.1 Greylisted, come back later"}}, ("Deferred", "Sent"), says="Greylisted"),
	"one full": Case({"answers": {f"RCPT {ANNA}": b"452 4.2.2 mailbox full"}}, ("Deferred", "Sent"), says="mailbox full"),
	"only so many at a time": Case({"answers": {f"RCPT {BERT}": b"452 4.5.3 too many recipients"}, "once": True}, FINE),
	"only so many, in few words": Case({"answers": {f"RCPT {BERT}": b"452 later"}}, ("Sent", "Deferred")),
	# the message
	"too large after all": Case(answers(end=b"552 5.3.4 message too large"), GONE, says="message too large", again=0),
	"a SIZE that is smaller": Case({}, GONE, says="takes 0.0 MB at most", again=0, options={"extensions": ["SIZE 100"]}),
	"spam": Case(answers(end=b"554 5.7.1 message rejected as spam"), GONE, says="rejected as spam", again=0),
	"what is in it": Case(
		answers(end=b"552 5.7.0 This message was blocked because its content presents a potential security issue"),
		GONE, says="security issue", again=0,
	),
	"451 at the end": Case(answers(end=b"451 4.7.1 greylisted"), BOTH, says="greylisted"),
	# broken off: nothing was taken, and the next message does not meet the same
	"reset at MAIL": Case(at("MAIL", RESET), BOTH, "connection_lost"),
	"closed at RCPT": Case(at("RCPT", CLOSE), BOTH, "connection_lost"),
	"reset at DATA": Case(at("DATA", RESET), BOTH, "connection_lost"),
	"silence at MAIL": Case(at("MAIL", SILENCE), BOTH, "silence"),
	"silence at DATA": Case(at("DATA", SILENCE), BOTH, "silence"),
	"garbage at RCPT": Case(answers(RCPT=b"ok"), BOTH, "protocol"),
	"closed after the dot, not taken": Case(at(END, CLOSE), BOTH, "connection_lost"),
	# the gap that is named: taken, and the answer never came
	"reset after the dot": Case(at(AFTER_END, RESET), BOTH, "connection_lost", "sent already", 2),
	"silence after the dot": Case(at(AFTER_END, SILENCE), BOTH, "silence", "sent already", 2),
	"garbage after the dot": Case(answers(**{"after .": b"<html>"}), BOTH, "protocol", "sent already", 2),
	# what costs nothing
	"no PIPELINING": Case({}, FINE, options={"extensions": ["8BITMIME"]}),
	"PIPELINING that loses commands": Case({}, FINE, options={"loses_pipelined": True}),
	"a session for one message": Case({}, FINE, options={"most_messages": 1}),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr("dokos_mail.engine.send.smtp.ANSWER_WAITS", 0.05)
	monkeypatch.setattr("dokos_mail.engine.send.smtp.END_WAITS", 0.05)


def status(account: object) -> frappe._dict:
	return frappe.get_all("Email Account Status", filters={"email_account": account.name}, fields=["*"])[0]


@pytest.mark.parametrize("name", CASES)
def test_whatever_a_server_does(name: str, smtp: Smtp, make_account: Make, queued: Make) -> None:
	case = CASES[name]
	server = smtp(SmtpFaults(**case.faults), **case.options)
	account = make_account(server, **case.values)
	row, behind = queued(account, ANNA, BERT), queued(account, "carl@there.test")
	jobs.send_account_mail(account.name)
	assert (states(row)[ANNA], states(row)[BERT]) == case.states, recipients(row)
	noted = status(account)
	assert (noted.outgoing_state == "Failing") == bool(case.account)
	if case.account:
		assert f'"{case.account}"' in noted.outgoing_detail
		# it rests: what stands behind did not meet the same
		assert (stored(behind).status, states(behind)) == ("Not Sent", {"carl@there.test": "Waiting"})
		assert account.name in queue.why(stored(behind))
	else:
		assert not noted.outgoing_next_attempt
	assert case.says in f"{recipients(row)[ANNA].server_reply} {noted.outgoing_error or ''}"
	connections = server.connections
	jobs.send_account_mail(account.name)
	assert server.connections == connections or not case.account

	server.faults = SmtpFaults()
	if name in ("no login offered", "only ways that we have not"):
		return
	for each in (row, behind):
		later(each)
	jobs.send_account_mail(account.name)
	taken = Counter(address for each in server.accepted for address in each.recipients)
	expected = {ANNA: case.again, BERT: 0 if case.states[1] == "Refused" else case.again or 1, "carl@there.test": 1}
	if case.options.get("extensions") == ["SIZE 100"] or case.states == GONE:
		expected["carl@there.test"] = 0
	assert taken == Counter({address: times for address, times in expected.items() if times})
	assert {stored(each).status for each in (row, behind)} <= {"Sent", "Error"}
	assert stored(row).claim_token is None


@pytest.mark.parametrize("kind", ["expired", "other_name", "foreign"])
@pytest.mark.parametrize("implicit", [True, False])
def test_a_certificate_that_is_not_to_be_trusted(
	kind: str, implicit: bool, smtp: Smtp, make_account: Make, queued: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
	"""No mail, no password: everything waits, and the account says why."""
	certificates = Certificates(tmp_path_factory.mktemp("tls"))
	server = smtp(certificate=certificates[kind].server_context(), implicit_tls=implicit, login=knows)
	account = make_account(server, use_ssl_for_outgoing=int(implicit), use_tls=int(not implicit), **LOGIN)
	row = queued(account, ANNA)
	jobs.send_account_mail(account.name)
	assert (states(row), stored(row).status) == ({ANNA: "Waiting"}, "Not Sent")
	assert "certificate" in queue.why(stored(row))
	assert not [line for line in server.commands if not line.startswith((b"EHLO", b"STARTTLS"))]


def test_a_server_that_takes_and_never_says_so_gets_it_three_times_at_most(smtp: Smtp, make_account: Make, queued: Make) -> None:
	"""Then a person is asked, whatever the account's policy: each try may have been one more copy."""
	server = smtp(SmtpFaults(instead={AFTER_END: RESET}))
	row = queued(make_account(server, uncertain_delivery="Send Again"), ANNA)
	for _try in range(6):
		jobs.send_account_mail(row.email_account)
		later(row)
	assert server.count == 3
	assert (states(row), stored(row).status) == ({ANNA: "Uncertain"}, "Error")
	assert sorted(frappe.get_all("Notification Log", {"document_name": row.name}, pluck="for_user")) == managers()


def test_what_reads_like_the_accounts_trouble_ends_when_only_this_message_has_it(
	smtp: Smtp, make_account: Make, queued: Make
) -> None:
	"""A message that a server always answers like that does not wait for ever; an account that fails waits as long as it takes."""
	server = smtp(SmtpFaults({f"RCPT {ANNA}": b"450 not now"}))
	account = make_account(server)
	row = queued(account, ANNA)
	long_ago = now_datetime() - timedelta(days=5)
	for _try in range(4):
		jobs.send_account_mail(account.name)
		later(row, first_try=long_ago)
	assert states(row) == {ANNA: "Deferred"}
	accounts.wake(account.name)
	queued(account, BERT)
	jobs.send_account_mail(account.name)
	later(row, first_try=long_ago)
	jobs.send_account_mail(account.name)
	assert states(row) == {ANNA: "Refused"}
	assert "not now" in recipients(row)[ANNA].server_reply


@pytest.mark.parametrize(
	("words", "kind"),
	[
		("535 5.7.8 Username and Password not accepted", errors.LoginRefused),
		("534 5.7.9 Application-specific password required", errors.AppPasswordNeeded),
		("535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox", errors.AccessSwitchedOff),
	],
)
def test_a_login_refused_while_sending_says_on_the_account_what_to_do(words: str, kind: type[errors.MailError]) -> None:
	settings = frappe._dict(host="smtp.test", effective_port=587, login="a@site.test")
	assert type(accounts.error_of(Verdict("account", True, "login"), settings, words)) is kind
	assert type(accounts.error_of(Verdict("account", False, "login"), settings, words)) is errors.Throttled
