"""What a server's refusal means: is it the recipient, this message, or the whole account; for now or for good.

A pure function of the reply: code, enhanced status code (RFC 3463), words, and the step it answers. Enhanced codes
come first, since they are precise; words next, for what providers say about quotas and blocks under any code; the
three digits last. An account's trouble never counts against a recipient: the account rests and the mail waits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Scope = Literal["recipient", "message", "account"]

#: The sending account has used up what its provider lets it send, or is told to slow down.
_QUOTA = re.compile(
	r"quota(?! of the recipient)|(?:daily|hourly|minute|sending|send|message|messaging|mail|rate|user|outgoing|submission|relay)[ -]?"
	r"(?:\w+ ){0,2}limit|limit (?:\w+ ){0,6}(?:exceed|reach)|(?:exceed|reach)\w* (?:\w+ ){0,5}(?:limit|quota|threshold|rate|maximum)"
	r"|too (?:many|much) (?:\w+ )?(?:message|mail|e-?mail|connection|request|session|login|concurrent|command|error)"
	r"|too (?:fast|quickly|frequent)|slow down|throttl|rate[ -]?(?:limit|exceed|control)|maximum sending rate|unsolicited mail originating",
	re.IGNORECASE,
)
#: This machine, or the account, is not wanted as a sender.
_BLOCK = re.compile(
	r"spamhaus|block ?list|blacklist|\brbl\b|dnsbl|\bblocked\b|\bbanned\b|\blisted (?:at|by|in|on)\b|poor reputation|reputation"
	r"|(?:client|sender|your) (?:host|ip|address|account)\S* (?:\w+ ){0,3}(?:rejected|blocked|denied|suspended|disabled|restricted)"
	r"|account (?:\w+ ){0,3}(?:suspended|disabled|locked|compromised)|cannot find your (?:reverse )?host|\bhelo\b|\behlo\b",
	re.IGNORECASE,
)
#: The account has to log in first, or may not send through this server.
_LOGIN = re.compile(
	r"relay(?:ing)? (?:access )?(?:denied|not permitted|not allowed|prohibited)|(?:unable|not permitted|not allowed) to relay|"
	r"not relay|(?:must|need to|please) (?:\w+ ){0,3}(?:authenticate|log ?in)|authentication (?:is )?required|"
	r"(?:not|un) ?authenticated|starttls",
	re.IGNORECASE,
)
#: The recipient's own affair, whatever the code.
_MAILBOX = re.compile(
	r"mailbox (?:is |has )?(?:\w+ )?(?:full|unavailable|not found|disabled|inactive|does not|busy|over)|over ?quota|quota of the recipient"
	r"|(?:mailbox|recipient|user|inbox)\S* (?:\w+ ){0,3}(?:over|exceed\w*|out of) (?:\w+ ){0,3}(?:quota|storage|space|size)"
	r"|recipient\S* (?:address )?(?:rejected|unknown)|unknown (?:user|recipient|mailbox)|no such (?:user|mailbox|recipient)"
	r"|user (?:unknown|not found)|does not exist|gr[ae]y-?list|(?:you are trying|trying) to contact is receiving",
	re.IGNORECASE,
)
#: What is wrong is in this message, for all that the same words speak of blocking: Gmail's answer to a program as
#: attachment is "552 5.7.0 This message was blocked because its content presents a potential security issue".
_CONTENT = re.compile(
	r"\b(?:virus|malware|phishing|infected|attachment|content|security issue)\b|\b(?:this|your|the) (?:e-?mail|mail|message)"
	r" (?:\w+ ){0,3}(?:blocked|rejected|spam|unsolicited)|message (?:\w+ )?(?:blocked|rejected)",
	re.IGNORECASE,
)
#: Yet it is not where the words go on to say that it is the sender, not the message.
_OF_HOST = re.compile(
	r"spamhaus|block ?list|blacklist|\brbl\b|dnsbl|\bip\b|\bhost\b|reputation|account|\blisted\b", re.IGNORECASE
)
#: The sender's address is not one that this login may use.
_SENDER = re.compile(
	r"sender\S* (?:address )?(?:rejected|denied|not (?:allowed|owned|verified))|send as|sendas|not owned by|from address|"
	r"address (?:is )?not verified|not (?:allowed|authori[sz]ed) to (?:send|use)(?: \w+){0,3} (?:as|from|sender)",
	re.IGNORECASE,
)


@dataclass(frozen=True)
class Verdict:
	"""Whom the refusal is about, whether trying again makes no sense (``permanent``), and a stable word for it.

	For the account ``permanent`` means that somebody has to change something; its mail waits in either case.
	"""

	scope: Scope
	permanent: bool
	reason: str


def verdict(code: int, enhanced: str = "", text: str = "", stage: str = "end") -> Verdict:
	"""What a negative reply means.

	:param stage: "connect", "login", "mail", "rcpt", "data" or "end": the step that was answered.
	"""
	lasting = code // 100 == 5 if code else enhanced.startswith("5")
	subject, _dot, detail = enhanced.partition(".")[2].partition(".")
	if stage in ("connect", "login"):
		return Verdict("account", lasting, "login" if stage == "login" else "connection")
	if code == 421:
		return Verdict("account", False, "later")
	if code in (432, 454, 530, 534, 535, 538):
		return Verdict("account", lasting, "login")
	if code in (500, 502, 503) or (stage == "mail" and (code, subject) in ((501, "5"), (555, "5"))):
		# it does not take the commands that it offered, or is at another step than we are: no message is at fault for that
		return Verdict("account", lasting, "login") if _LOGIN.search(text) else Verdict("account", False, "protocol")
	if (found := _by_status(code, subject, detail, text, stage, lasting)) is not None:
		return found
	return _by_words(text, stage, lasting) or _by_code(code, stage, lasting)


def _by_status(code: int, subject: str, detail: str, text: str, stage: str, lasting: bool) -> Verdict | None:
	"""What the enhanced status says; None where it is too general to say."""
	if (subject, detail) == ("4", "5"):
		return Verdict("account", False, "quota")
	if (subject, detail) in (("3", "4"), ("2", "3")):
		return Verdict("message", True, "size")
	if (subject, detail) == ("5", "3"):
		return Verdict("recipient", False, "number of recipients")
	if subject == "1":
		return Verdict("message", lasting, "sender") if detail in ("7", "8") else Verdict("recipient", lasting, "address")
	if subject == "2":
		return _of_mailbox(detail, text, stage, lasting)
	if subject == "3":
		return Verdict("recipient", lasting, "host") if lasting and stage == "rcpt" else Verdict("account", False, "server")
	if subject == "4" and stage == "rcpt":
		return _by_words(text, stage, lasting) or Verdict("recipient", lasting, "route")
	if subject == "6":
		return Verdict("message", lasting, "content")
	if subject == "7":
		return _of_policy(detail, text, stage, lasting)
	return None


def _of_mailbox(detail: str, text: str, stage: str, lasting: bool) -> Verdict:
	"""x.2.y is about a mailbox: the recipient's, but where a provider so names its sender's quota."""
	if (_QUOTA.search(text) and not _MAILBOX.search(text)) or "SubmissionQuota" in text:
		return Verdict("account", False, "quota")
	if stage == "rcpt":
		return Verdict("recipient", lasting, "mailbox")
	return Verdict("message", lasting, "mailbox")


def _of_policy(detail: str, text: str, stage: str, lasting: bool) -> Verdict:
	"""x.7.y is a policy: anybody's, as the words say. Microsoft's 5.7.5xx and 5.7.7xx are the tenant's standing."""
	if detail == "60" or (_SENDER.search(text) and not _MAILBOX.search(text)):
		return Verdict("message", lasting, "sender")
	if detail in ("57", "3", "8", "9", "14", "139") and stage != "end":
		return Verdict("account", lasting, "login")
	if re.fullmatch(r"[57]\d\d", detail):
		return Verdict("account", False, "blocked")
	if found := _by_words(text, stage, lasting):
		return found
	if stage == "rcpt":
		return Verdict("recipient", lasting, "policy")
	return Verdict("message", lasting, "policy") if lasting or stage == "end" else Verdict("account", False, "policy")


def _by_words(text: str, stage: str, lasting: bool) -> Verdict | None:
	if stage == "rcpt" and _MAILBOX.search(text):
		return Verdict("recipient", lasting, "mailbox")
	if _LOGIN.search(text):
		return Verdict("account", lasting, "login")
	if _QUOTA.search(text):
		return Verdict("account", False, "quota")
	if stage == "end" and _CONTENT.search(text) and not _OF_HOST.search(text):
		return Verdict("message", lasting, "content")
	if _BLOCK.search(text):
		return Verdict("account", False, "blocked")
	if _SENDER.search(text):
		return Verdict("message", lasting, "sender")
	return None


def _by_code(code: int, stage: str, lasting: bool) -> Verdict:
	"""The three digits alone: what they most often are, by the step."""
	if not lasting:
		# 450 and its like without a reason are most often the provider's own brake; the rest is short, and harmless if not.
		return Verdict("message", False, "later") if stage == "end" and code == 450 else Verdict("account", False, "later")
	if stage == "rcpt":
		return Verdict("recipient", True, "size" if code == 552 else "address")
	if code == 552:
		return Verdict("message", True, "size")
	return Verdict("message", True, "refused")
