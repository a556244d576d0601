"""Whether a machine wrote a message, and by which sign (RFC 3834 section 2, and what senders did before and beside it)."""

from __future__ import annotations

import re

from .model import Message

_PRECEDENCE = frozenset(("bulk", "list", "junk", "auto_reply", "auto-reply"))
_LISTS = ("List-Id", "List-Unsubscribe", "List-Post", "Feedback-ID")
_REPLIES = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply", "X-Mail-Autoreply", "Autoresponder")
#: Local parts of addresses behind which nobody reads, in the languages of those who write to us.
_NOBODY = re.compile(
	r"(?:^|[._+-])(?:(?:do[._-]?)?(?:not?|never)[._-]?(?:reply|respond|answer)|ne[._-]?pas[._-]?repondre|nepasrepondre|pas[._-]?de[._-]?reponse|"
	r"keine[._-]?antwort|nicht[._-]?antworten|no[._-]?responder|non[._-]?rispondere|niet[._-]?beantwoorden)(?:$|[._+-])|"
	r"^(?:mailer-?daemon|postmaster|bounces?|listserv|majordomo|mdaemon|owner-.+|.+-(?:request|owner|bounces?|errors?))$|"
	r"^(?:bounces?|prvs|srs[01]?|msprvs1|btv1)[=+-]",
	re.I,
)
_SAYS_NO = frozenset(("", "no", "false", "0", "none"))


def robot_reason(message: Message) -> str | None:
	"""The header that says so, as ``Name: value``; None when nothing says that a machine wrote the message.

	Mailing lists count: whoever wrote, no machine should answer.
	"""
	headers: dict[str, str] = {}
	for name, value in message.headers:
		headers.setdefault(name.lower(), value)

	def said(name: str) -> str:
		return f"{name}: {headers[name.lower()]}"[:200]

	auto = headers.get("auto-submitted")
	if auto is not None and auto.partition(";")[0].partition("(")[0].strip().lower() not in _SAYS_NO:
		return said("Auto-Submitted")
	if headers.get("precedence", "").strip().lower() in _PRECEDENCE:
		return said("Precedence")
	if headers.get("x-precedence", "").strip().lower() in _PRECEDENCE:
		return said("X-Precedence")
	suppressed = {word.strip().lower() for word in headers.get("x-auto-response-suppress", "").split(",")}
	if suppressed & {"all", "oof", "autoreply"}:
		return said("X-Auto-Response-Suppress")
	for name in _REPLIES:
		if headers.get(name.lower(), "no").strip().lower() not in _SAYS_NO:
			return said(name)
	for name in _LISTS:
		if name.lower() in headers:
			return said(name)
	if "return-path" in headers and headers["return-path"].replace(" ", "") == "<>":
		return said("Return-Path")
	kind = headers.get("content-type", "").partition(";")[0].strip().lower()
	if kind in ("multipart/report", "message/delivery-status", "message/disposition-notification"):
		return f"Content-Type: {kind}"
	return None


def is_nobodys(address: str) -> bool:
	"""Whether an address is one that nobody reads, by its local part: no-reply addresses, daemons, lists' own."""
	local = address.rpartition("@")[0] or address
	return bool(_NOBODY.search(local.strip().strip('"')))
