"""What servers say, in the words that providers really use, and whom it is about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.send.verdict import verdict

# code, enhanced, text, stage -> scope, permanent
SAID = [
	# the recipient's own affair
	(550, "5.1.1", "The email account that you tried to reach does not exist.", "rcpt", "recipient", True),
	(550, "", "User unknown", "rcpt", "recipient", True),
	(550, "", "No such user here", "rcpt", "recipient", True),
	(553, "", "sorry, that domain isn't in my list of allowed rcpthosts", "rcpt", "recipient", True),
	(550, "5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", "rcpt", "recipient", True),
	(550, "5.1.1", "Adresse d au moins un destinataire invalide. OFR204_416", "rcpt", "recipient", True),
	(552, "5.2.2", "The recipient's inbox is out of storage space", "rcpt", "recipient", True),
	(452, "4.2.2", "The recipient's inbox is over quota", "rcpt", "recipient", False),
	(552, "", "Mailbox full", "rcpt", "recipient", True),
	(550, "5.2.1", "The email account that you tried to reach is disabled.", "rcpt", "recipient", True),
	(450, "4.2.1", "The user you are trying to contact is receiving mail too quickly", "rcpt", "recipient", False),
	(450, "4.2.0", "<a@b.test>: Recipient address rejected: Greylisted", "rcpt", "recipient", False),
	(451, "4.7.1", "Greylisting in action, please come back later", "rcpt", "recipient", False),
	(450, "4.7.1", "<a@b.test>: Recipient address rejected: try again later", "rcpt", "recipient", False),
	(550, "5.7.1", "<a@b.test>: Recipient address rejected: Access denied", "rcpt", "recipient", True),
	(450, "4.1.2", "<a@b.test>: Recipient address rejected: Domain not found", "rcpt", "recipient", False),
	(450, "4.1.1", "<a@b.test>: Recipient address rejected: unverified address", "rcpt", "recipient", False),
	(556, "5.1.10", "Recipient address has null MX", "rcpt", "recipient", True),
	(521, "5.3.2", "host does not accept mail", "rcpt", "recipient", True),
	(452, "4.5.3", "Too many recipients", "rcpt", "recipient", False),
	(451, "4.4.1", "No answer from host", "rcpt", "recipient", False),
	(554, "5.7.1", "<a@b.test>: Recipient address rejected: spam trap", "rcpt", "recipient", True),
	# the account: login, quota, blocks
	(535, "5.7.8", "Username and Password not accepted", "login", "account", True),
	(535, "", "authentication failed", "mail", "account", True),
	(530, "5.7.0", "Authentication Required", "mail", "account", True),
	(530, "5.7.57", "Client not authenticated to send mail", "mail", "account", True),
	(534, "5.7.9", "Application-specific password required", "login", "account", True),
	(454, "4.7.0", "Too many login attempts, please try again later.", "login", "account", False),
	(454, "", "Throttling failure: Maximum sending rate exceeded.", "end", "account", False),
	(550, "5.4.5", "Daily user sending limit exceeded.", "mail", "account", False),
	(550, "5.4.5", "Daily user sending limit exceeded.", "rcpt", "account", False),
	(550, "5.4.5", "Daily user sending limit exceeded.", "end", "account", False),
	(452, "4.4.5", "Insufficient system storage", "mail", "account", False),
	(452, "4.4.5", "Insufficient system storage", "rcpt", "account", False),
	(451, "4.7.1", "limit of 2 messages per hour exceeded", "mail", "account", False),
	(421, "", "Too many concurrent SMTP connections", "connect", "account", False),
	(421, "4.7.0", "Try again later, closing connection.", "mail", "account", False),
	(421, "4.3.2", "Service not active", "rcpt", "account", False),
	(421, "4.2.1", "Mailbox busy, closing channel", "rcpt", "account", False),
	(421, "", "Service refuse. Veuillez essayer plus tard.", "end", "account", False),
	(450, "", "try later", "mail", "account", False),
	(450, "", "try later", "rcpt", "account", False),
	(450, "", "Requested mail action not taken: Mail send limit exceeded", "mail", "account", False),
	(554, "", "Transaction failed: Mail send limit exceeded", "end", "account", False),
	(451, "", "You have reached your daily messaging limit", "end", "account", False),
	(550, "", "You have exceeded your hourly sending quota", "rcpt", "account", False),
	(452, "4.3.1", "Insufficient system resources", "mail", "account", False),
	(451, "4.3.0", "Temporary server error", "rcpt", "account", False),
	(432, "4.3.2", "STOREDRV.ClientSubmit; sender thread limit exceeded", "end", "account", False),
	(451, "4.7.500", "Server busy. Please try again later", "mail", "account", False),
	(554, "5.2.2", "mailbox full; STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "end", "account", False),
	(550, "5.7.501", "Service unavailable. Spam abuse detected from IP range.", "mail", "account", False),
	(550, "5.7.705", "Access denied, tenant has exceeded threshold", "mail", "account", False),
	(554, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "rcpt", "account", False),
	(554, "5.7.1", "<a@b.test>: Relay access denied", "rcpt", "account", True),
	(550, "", "Relaying denied", "rcpt", "account", True),
	(550, "", "Unauthenticated senders not allowed", "mail", "account", True),
	(450, "4.7.1", "Client host rejected: cannot find your hostname", "rcpt", "account", False),
	(550, "", "Too many messages from this sender, slow down", "mail", "account", False),
	(451, "4.7.1", "Rate limit exceeded", "mail", "account", False),
	# this message
	(552, "5.3.4", "Message size exceeds fixed limit", "mail", "message", True),
	(552, "5.2.3", "Your message exceeded size limits", "end", "message", True),
	(552, "", "Message too big", "end", "message", True),
	(553, "5.7.1", "<me@b.test>: Sender address rejected: not owned by user x", "mail", "message", True),
	(553, "5.7.1", "<me@b.test>: Sender address rejected: not owned by user x", "rcpt", "message", True),
	(550, "5.7.60", "SMTP; Client does not have permissions to send as this sender", "end", "message", True),
	(550, "5.1.8", "Sender address rejected: Domain not found", "rcpt", "message", True),
	(554, "", "Message rejected: Email address is not verified.", "end", "message", True),
	(554, "5.7.1", "Message rejected as spam", "end", "message", True),
	(550, "5.7.26", "This message does not pass authentication checks (SPF and DKIM both do not pass)", "end", "message", True),
	(554, "5.6.0", "Message content rejected", "end", "message", True),
	(450, "", "later", "end", "message", False),
	(550, "", "refused", "data", "message", True),
]  # fmt: skip


@pytest.mark.parametrize(("code", "enhanced", "text", "stage", "scope", "permanent"), SAID)
def test_what_providers_say(code: int, enhanced: str, text: str, stage: str, scope: str, permanent: bool) -> None:
	found = verdict(code, enhanced, text, stage)
	assert (found.scope, found.permanent) == (scope, permanent), found


@given(
	code=st.integers(400, 599),
	enhanced=st.one_of(st.just(""), st.builds("{}.{}.{}".format, st.sampled_from("45"), st.integers(0, 9), st.integers(0, 999))),
	text=st.text(max_size=60),
	stage=st.sampled_from(["connect", "login", "mail", "rcpt", "data", "end"]),
)
def test_any_refusal_has_a_verdict(code: int, enhanced: str, text: str, stage: str) -> None:
	found = verdict(code, enhanced, text, stage)
	assert found.scope in ("recipient", "message", "account")
	assert found.reason
	if stage in ("connect", "login") or code == 421:
		assert found.scope == "account"
	if stage != "rcpt" and enhanced[2:3] not in ("1", "3", "5"):
		assert found.scope != "recipient"
	if code < 500 and enhanced[:1] != "5" and found.reason not in ("size",):
		assert not found.permanent


@pytest.mark.parametrize("code", [421, 432, 454, 530, 534, 535, 538])
@pytest.mark.parametrize("stage", ["connect", "login", "mail", "rcpt", "data", "end"])
def test_codes_that_are_always_the_accounts(code: int, stage: str) -> None:
	assert verdict(code, "", "", stage).scope == "account"
