"""What a machine says of a message of ours: bounces and delays (RFC 3464), complaints (RFC 5965), receipts (RFC 8098),
automatic answers (RFC 3834), and the bounces of servers that follow none of these.

Only what is plainly said counts. A person's mail that speaks of a bounce is no bounce.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from .bounces_of_others import failures
from .fields import read_fields
from .headers import decode_header
from .ids import message_id
from .model import Message, Report
from .source import MemorySource, Source
from .structure import Part
from .text import html_to_text
from .transfer import decoded

_MAX_OCTETS = 256 * 1024
_MAX_RECIPIENTS = 1000
_STATUS_TYPES = frozenset(
	("message/delivery-status", "message/global-delivery-status", "message/x-delivery-status", "message/xdelivery-status")
)
_RECEIPT_TYPES = frozenset(("message/disposition-notification", "message/global-disposition-notification"))
_ORIGINAL_TYPES = frozenset(
	("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers")
)
_KINDS = {"failed": "bounce", "delayed": "delay", "delivered": "receipt", "relayed": "receipt", "expanded": "receipt"}
#: Feedback of RFC 5965 and RFC 6650 that is a reader's complaint.
_COMPLAINTS = frozenset(("abuse", "fraud", "virus", "other", "opt-out", "opt-out-list", "miscategorized", "unsubscribe"))

_Recipient = dict[str, "str | None"]


def read_report(message: Message, root: Part, source: Source) -> Report | None:
	"""The report that ``message`` is, or None. Reads at most 256 KiB of each part it needs."""
	parts = {leaf.type: leaf for leaf in _first_leaves(root)}
	report: Report | None = None
	for type_, part in parts.items():
		if type_ in _STATUS_TYPES:
			report = _delivery_status(_content(part, source))
		elif type_ in _RECEIPT_TYPES:
			report = _disposition(_content(part, source))
		elif type_ == "message/feedback-report":
			report = _feedback(_content(part, source))
		if report is not None:
			break
	report = report or _microsoft_complaint(message, parts, source) or _unstandard(message, parts, source) or _auto_reply(message)
	if report is not None and report.original_message_id is None:
		answered = message.in_reply_to or (message.references[-1] if message.references else None)
		report.original_message_id = _original(parts, source) or _original_in_text(message) or answered
	return report


def _first_leaves(root: Part) -> Iterator[Part]:
	for number, leaf in enumerate(root.leaves()):
		if number >= 50:
			return
		yield leaf


def _content(part: Part, source: Source) -> bytes:
	return decoded(source.read(part.start, min(part.end, part.start + _MAX_OCTETS)), part.encoding, [])


def _groups(content: bytes) -> list[list[tuple[str, str]]]:
	"""The groups of fields that blank lines part, names in lower case."""
	groups: list[list[tuple[str, str]]] = []
	for block in re.split(rb"\n(?:[ \t]*\n)+", content.replace(b"\r\n", b"\n").strip(b"\n"))[: _MAX_RECIPIENTS + 1]:
		fields = read_fields(MemorySource(block + b"\n"), 0, top=False)
		groups.append([(name.decode("ascii").lower(), decode_header(value)) for name, value in fields.items])
	return groups


def _delivery_status(content: bytes) -> Report | None:
	recipients: list[_Recipient] = []
	original: str | None = None
	envelope: str | None = None
	for group in _groups(content):
		current: dict[str, str] = {}
		for name, value in group:
			if name in ("original-envelope-id", "x-original-message-id") and "@" in value:
				original = original or message_id(value)
			elif name == "original-envelope-id":
				envelope = envelope or _XTEXT.sub(lambda found: chr(int(found.group(1), 16)), value.strip())[:140]
			if name in current and name == "final-recipient":
				_add(recipients, current)
				current = {}
			current.setdefault(name, value)
		_add(recipients, current)
	kinds = {_KINDS[recipient["action"]] for recipient in recipients if recipient["action"] in _KINDS}
	for kind in ("bounce", "delay", "receipt"):
		if kind in kinds:
			return Report(kind, recipients, original, envelope)
	return None


def _add(recipients: list[_Recipient], fields: dict[str, str]) -> None:
	address = _typed(fields.get("original-recipient", "")) or _typed(fields.get("final-recipient", ""))
	if "@" not in address:
		address = _typed(fields.get("final-recipient", "")) or address
	status = _STATUS.search(fields.get("status", ""))
	action = re.split(r"[\s(;]", fields.get("action", "").strip().lower() or "-", maxsplit=1)[0]
	if not address or (action == "-" and status is None):
		return
	if action not in _KINDS:
		# "Action: fail", or none: the class of the status says it
		first = status.group()[0] if status else ""
		action = {"5": "failed", "4": "delayed", "2": "delivered"}.get(first, "failed" if action.startswith("fail") else action)
	diagnostic = fields.get("diagnostic-code")
	status = status or _ENHANCED.search(diagnostic or "")
	recipient: _Recipient = {
		"address": address,
		"action": action,
		"status": status.group() if status else None,
		"diagnostic": _untyped(diagnostic) if diagnostic else None,
	}
	if recipient not in recipients:
		recipients.append(recipient)


_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_STATUS_LINE = re.compile(rb"^status:[ \t]{0,9}([245]\.\d{1,3}\.\d{1,3})", re.M | re.I)
_XTEXT = re.compile(r"\+([0-9A-F]{2})")


def _typed(value: str) -> str:
	"""The address in ``rfc822; <address>``; xtext (RFC 3461 section 4) undone."""
	text = _untyped(value).strip("<> \"'")
	return _XTEXT.sub(lambda found: chr(int(found.group(1), 16)), text) if "+" in text and "@" not in text else text


def _untyped(value: str) -> str:
	"""What a server said, without the kind before it, in one line however the field was folded."""
	kind, semicolon, rest = value.partition(";")
	return " ".join((rest if semicolon and re.fullmatch(r"\s*[A-Za-z0-9-]{1,40}\s*", kind) else value).split())


def _disposition(content: bytes) -> Report | None:
	fields = {name: value for group in reversed(_groups(content)) for name, value in reversed(group)}
	mode, _, what = fields.get("disposition", "").lower().rpartition(";")
	disposition = what.partition("/")[0].strip()
	if not disposition:
		return None
	# a filter, not a reader, threw it away: how RFC 5429 section 2.2 refuses a message
	refused = disposition == "deleted" and mode.strip().startswith("automatic-action")
	recipient: _Recipient = {
		"address": _typed(fields.get("original-recipient", "")) or _typed(fields.get("final-recipient", "")),
		"action": "failed" if refused else disposition,
		"status": None,
		"diagnostic": fields.get("error") or fields.get("failure"),
	}
	return Report("bounce" if refused else "receipt", [recipient], message_id(fields.get("original-message-id", "")))


def _feedback(content: bytes) -> Report | None:
	pairs = [pair for group in _groups(content) for pair in group]
	kind = next((value.strip().lower() for name, value in pairs if name == "feedback-type"), "")
	if kind not in _COMPLAINTS:
		return None
	recipients: list[_Recipient] = []
	for name, value in pairs:
		address = value.strip("<> ")
		if (
			name in ("original-rcpt-to", "removal-recipient")
			and address
			and address not in [one["address"] for one in recipients]
		):
			recipients.append({"address": address, "action": kind, "status": None, "diagnostic": None})
	return Report("complaint", recipients[:_MAX_RECIPIENTS])


def _microsoft_complaint(message: Message, parts: dict[str, Part], source: Source) -> Report | None:
	"""A complaint as Microsoft's Junk Mail Reporting Program sends it: the mail itself, with the reader's address in its header."""
	part = parts.get("message/rfc822")
	if part is None or not message.subject.lower().startswith("complaint about message from"):
		return None
	reader = read_fields(MemorySource(_content(part, source)), 0, top=True).get(b"x-hmxmroriginalrecipient")
	address = decode_header(reader).strip("<> ") if reader is not None else ""
	recipient: _Recipient = {"address": address, "action": "abuse", "status": None, "diagnostic": None}
	return Report("complaint", [recipient]) if "@" in address else None


# --- bounces outside of the standard

_DAEMON = re.compile(r"mailer-?daemon|postmaster|mail.?delivery|mdaemon|mail-?system|^mailer@|^daemon@", re.I)
#: Who a machine says it is where its address does not.
_DAEMON_NAME = re.compile(
	r"(?:mail(?:er)?[ -]?(?:daemon|delivery (?:sub)?system|delivery service|administrator|system)|postmaster|system administrator|"
	r"administrateur système|microsoft (?:outlook|exchange))",
	re.I,
)
_BOUNCE_SUBJECT = re.compile(
	r"undeliver|delivery (?:status )?(?:notification|failure|error|problem|report)|returned mail|failure notice|delivery failed|mail failure|"
	r"mail delivery|failure delivery|mail could not be|mail failed|mail not delivered|failed mail|non.?delivery|unknown user|processing error|(?:message|mail) (?:\S{1,80} ){0,4}(?:could not be|not|delayed|has not)|nondeliverable|returned to sender|mail system error|user unknown|"
	r"non remis|non distribu|échec de (?:la )?(?:remise|distribution)|unzustellbar|nicht zugestellt|no se puede entregar|mancato recapito",
	re.I,
)
_PASSED_ON = re.compile(r"^\s*(?:fwd?|tr|wg|rv|i|doorst)\s*:", re.I)
_DELAY = re.compile(
	r"\bdelayed\b|not yet been delivered|will (?:be retried|retry|keep trying|continue trying)|warning: (?:message|could not)|still (?:trying|being retried)|"
	r"remise (?:différée|retardée)|pas encore été (?:remis|distribué)",
	re.I,
)
_ADDRESS = r"[^\s<>()\[\],;:\"'`=/]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
#: An address that begins a line: how nearly all of them list those who failed.
_LISTED = re.compile(
	rf"^[ \t>*-]{{0,12}}(?:(?:to|rcpt to|recipient|failed recipient|user)[: ]{{1,3}})?[<\"'\[]?(?:smtp:)?({_ADDRESS})[>\"'\]]?(.{{0,400}})",
	re.M | re.I,
)
_ANYWHERE = re.compile(rf"({_ADDRESS})([^\s,;]{{0,20}})")
_FAILURE = re.compile(
	r"\b[45]\d\d\b|unknown|not (?:be )?(?:found|deliver|listed|exist|recogni|valid)|doesn.t|fail|reject|unable|can ?not|could not|invalid|disabled|quota|"
	r"unreachable|no such|inconnu|impossible|n'existe",
	re.I,
)
_NOT_A_RECIPIENT = re.compile(r"^(?:mailer-daemon|postmaster|abuse|support|help\w*|admin\w*|webmaster|root|security)@", re.I)
_ORIGINAL_BEGINS = re.compile(
	r"^[ \t>]*(?:-{2,}(?!.{0,60}(?:address|recipient)).{0,40}(?:original|copy|returned|undelivered|unsent|headers|below|following)|received:|return-path:|original message)|"
	r"below this line is a copy|is (?:a copy|the original) ?(?:of)?[^\n]{0,40}message",
	re.I | re.M,
)
_ABOUT_SUBJECT = re.compile(rf"({_ADDRESS})")
#: An enhanced status code (RFC 3463), and no part of a server's address.
_ENHANCED = re.compile(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.]*\d)")


def _unstandard(message: Message, parts: dict[str, Part], source: Source) -> Report | None:
	"""A bounce as older servers write it: as one that is known does, or from a daemon, saying so, and naming addresses."""
	ours = _by_its_words(message)
	if ours is None and not _looks_like_one(message):
		return None
	delayed, failed = failures(source)
	if not delayed and not failed:
		return ours or _of_nobody_named(message, parts)
	if ours is not None and ours.kind == "delay":
		delayed, failed = sorted({*delayed, *failed}), []  # it takes a warning that names X-Failed-Recipients for a failure
	said = {(one["address"] or "").lower(): one for one in ours.recipients} if ours else {}
	text = _words_of_its_own(message)
	recipients = []
	for action, addresses in (("failed", failed), ("delayed", delayed)):
		for address in addresses[:_MAX_RECIPIENTS]:
			words = said.get(address.lower(), {})
			status = words.get("status") or _status_beside(address, text)
			recipients.append({"address": address, "action": action, "status": status, "diagnostic": words.get("diagnostic")})
	# a report that something on the way wrapped in another message still says it of its one recipient
	if len(recipients) == 1 and recipients[0]["status"] is None and (line := _STATUS_LINE.search(source.read(0, _MAX_OCTETS))):
		recipients[0]["status"] = line.group(1).decode()
	return Report("bounce" if failed else "delay", recipients)


def _of_nobody_named(message: Message, parts: dict[str, Part]) -> Report | None:
	"""A bounce that names its recipient by his name alone: a daemon's, without a sender, saying so, with the mail itself."""
	says_so = _is_daemon(message) and _has_null_sender(message) and _BOUNCE_SUBJECT.search(message.subject)
	return Report("bounce", []) if says_so and _ORIGINAL_TYPES & parts.keys() else None


def _status_beside(address: str, text: str) -> str | None:
	"""The status on a line that names ``address``, or on the next where that names nobody."""
	for line, following in pairwise([*text.splitlines(), ""]):
		if address.lower() in line.lower():
			code = _ENHANCED.search(line) or (_ENHANCED.search(following) if "@" not in following else None)
			if code:
				return code.group()
	return None


def _words_of_its_own(message: Message) -> str:
	"""What a bounce says before it shows the mail that it is about."""
	text = (message.text if message.text is not None else html_to_text((message.html or "")[:65536]))[:65536]
	begins = _ORIGINAL_BEGINS.search(text, 1)
	return text[: begins.start()] if begins else text


def _looks_like_one(message: Message) -> bool:
	"""Whether it is worth asking: a machine wrote it, or its subject says failure and nobody answers or forwards with it."""
	sender = " ".join(address.address for address in (*message.from_, *message.sender))
	if _DAEMON.search(sender) or _DAEMON.search(message.header("Return-Path") or "") or _has_null_sender(message):
		return True
	answers = message.in_reply_to or message.references or _PASSED_ON.match(message.subject)
	return not answers and bool(_BOUNCE_SUBJECT.search(message.subject) or message.auto_submitted)


def _is_daemon(message: Message) -> bool:
	return any(_DAEMON.search(one.address) or _DAEMON_NAME.fullmatch(one.name.strip()) for one in message.from_)


def _has_null_sender(message: Message) -> bool:
	return (message.header("Return-Path") or "").replace(" ", "") == "<>"


def _by_its_words(message: Message) -> Report | None:
	"""A bounce from a daemon, with a subject or a header that says so, naming addresses."""
	named = [address.strip(" <>") for value in message.header_all("X-Failed-Recipients") for address in value.split(",")]
	says_so = _BOUNCE_SUBJECT.search(message.subject) or _DELAY.search(message.subject)
	if not named and not ((_is_daemon(message) or _has_null_sender(message)) and says_so):
		return None
	text = _words_of_its_own(message)
	recipients: dict[str, _Recipient] = {}
	for address in named:
		if "@" in address:
			recipients[address.lower()] = {"address": address, "action": None, "status": None, "diagnostic": None}
	ours = {address.address.lower() for address in (*message.from_, *message.to)}
	for found in _LISTED.finditer(text):
		_failed(found, text, recipients, ours, bool(named))
	if not recipients:
		for found in _ANYWHERE.finditer(text):
			if _FAILURE.search(text, max(0, found.start() - 100), found.end() + 100):
				_failed(found, text, recipients, ours, bool(named))
	if not recipients and (about := _ABOUT_SUBJECT.search(message.subject)):
		recipients[about.group(1)] = {"address": about.group(1), "action": None, "status": None, "diagnostic": None}
	if not recipients:
		return None
	if len(recipients) == 1 and (code := _ENHANCED.search(text)):
		only = next(iter(recipients.values()))
		only["status"] = only["status"] or code.group()
	kind = (
		"delay"
		if _DELAY.search(message.subject) or (_DELAY.search(text) and not re.search(r"permanent|giv(?:ing|en) up", text))
		else "bounce"
	)
	for recipient in recipients.values():
		recipient["action"] = "delayed" if kind == "delay" else "failed"
	return Report(kind, list(recipients.values()))


def _failed(found: re.Match[str], text: str, recipients: dict[str, _Recipient], ours: set[str], only_named: bool) -> None:
	"""Take note of an address found in the text, and of what is said about it."""
	address = found.group(1).strip(".'")
	key = address.lower()
	if key not in recipients:
		if only_named or key in ours or _NOT_A_RECIPIENT.match(key) or len(recipients) >= _MAX_RECIPIENTS:
			return
		recipients[key] = {"address": address, "action": None, "status": None, "diagnostic": None}
	recipient = recipients[key]
	about = " ".join((found.group(2) + text[found.end() : found.end() + 400].partition("\n\n")[0]).split()).lstrip(">:;,.- ")
	code = _ENHANCED.search(about)
	recipient["status"] = recipient["status"] or (code.group() if code else None)
	recipient["diagnostic"] = recipient["diagnostic"] or about[:400] or None


# --- automatic answers

_AWAY_SUBJECT = re.compile(
	r"^\s*(?:auto(?:matic|mated)?[ -]?(?:reply|response|answer)|out of (?:the )?office|réponse automatique|absence du bureau|"
	r"absent(?:e)? du bureau|message d'absence|abwesenheitsnotiz|automatische antwort|respuesta automática|risposta automatica|automatisch antwoord)\b",
	re.I,
)


def _auto_reply(message: Message) -> Report | None:
	auto = (message.header("Auto-Submitted") or "").lower()
	replied = auto.startswith(("auto-replied", "auto-replied;")) or any(
		message.header(name) is not None
		for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply", "X-Mail-Autoreply")
	)
	replied = replied or (message.header("Precedence") or "").strip().lower() in ("auto_reply", "auto-reply")
	if not replied and not (message.auto_submitted and _AWAY_SUBJECT.match(message.subject)):
		return None
	sender = message.from_[0].address if message.from_ else ""
	return Report(
		"auto-reply",
		[{"address": sender, "action": None, "status": None, "diagnostic": None}] if sender else [],
		message.in_reply_to,
	)


# --- which message it is about


def _original(parts: dict[str, Part], source: Source) -> str | None:
	for type_, part in parts.items():
		if type_ in _ORIGINAL_TYPES:
			value = read_fields(MemorySource(_content(part, source)), 0, top=True).get(b"message-id")
			if value is not None:
				return message_id(decode_header(value))
	return None


_MESSAGE_ID_LINE = re.compile(r"^[ \t>]{0,9}message-id:\s{0,9}(<[^<>\s]{1,500}>)", re.I | re.M)


def _original_in_text(message: Message) -> str | None:
	found = _MESSAGE_ID_LINE.search((message.text or "")[:_MAX_OCTETS])
	return message_id(found.group(1)) if found else None
