"""An SMTP session that is logged in: one message after another, each recipient with the server's own answer.

``send`` says, for each recipient, what the server said, and never raises: a connection that breaks is an outcome too,
and whether the message may have been taken (``uncertain``) is the most important thing about it. RFC 5321 throughout.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from time import monotonic
from typing import Literal

from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.connect.smtp import Reply, introduce, read_reply, where
from dokos_mail.engine.connect.wire import LOGGING_OUT, Wire
from dokos_mail.engine.errors import N_, AddressNeedsSMTPUTF8, AddressUnusable, MailError, MessageTooLarge, Words
from dokos_mail.engine.send.addresses import ascii_domain

#: Waits in multiples of ``settings.timeout`` (15 seconds): a minute for an answer, five for the one after the last dot,
#: where impatience makes duplicates (RFC 5321 section 4.5.3.2.6).
ANSWER_WAITS, END_WAITS = 4, 20
QUIT_SECONDS = 2.0
#: Recipients told in one go, where the server takes several commands at once (RFC 2920).
PIPELINE = 50
_CHUNK = 64 * 1024
_ADDRESS = re.compile(r"[^\s<>,;:\x00-\x20\x7f()\[\]\\\"@]+@(?:[^\s<>,;:\x00-\x20\x7f()\[\]\\\"@]+|\[[0-9A-Fa-f:.]+\])")

SENDING = Words(N_("while mail was being sent."))
AFTER_THE_DOT = Words(N_("after the whole message was sent, so that it may or may not have been taken."))

Stage = Literal["address", "size", "mail", "rcpt", "data", "end"]


@dataclass(frozen=True)
class Delivery:
	"""What became of one recipient. ``code`` is 0 where no server said anything; then ``error`` says what happened.

	``uncertain``: everything was handed over and the answer never came; the server may have taken the message.
	``stage`` says which step the answer is about: the address itself, the size, MAIL, RCPT, DATA or the end of the data.
	"""

	recipient: str
	accepted: bool
	code: int = 0
	enhanced: str = ""
	text: str = ""
	stage: Stage = "end"
	uncertain: bool = False
	error: MailError | None = None


def open_smtp(settings: ServerSettings, clock: Callable[[], float] = monotonic) -> SmtpSession:
	"""Connect, encrypt, log in where ``settings.login`` names a login. Raises children of MailError only."""
	wire = Wire(settings)
	try:
		extensions = introduce(wire, settings)
	except MailError:
		wire.close()
		raise
	wire.without_deadline(settings.timeout * ANSWER_WAITS, SENDING)
	return SmtpSession(wire, extensions, clock)


class SmtpSession:
	"""A connection logged in by ``open_smtp``. One thread at a time.

	``over`` is True once nothing more can be sent on it; ``messages`` counts the transactions begun.
	"""

	def __init__(self, wire: Wire, extensions: dict[str, str], clock: Callable[[], float] = monotonic) -> None:
		self.wire, self.extensions = wire, extensions
		self.settings: ServerSettings = wire.settings
		self.messages = 0
		#: Whether several commands are sent at once. Some servers, or what stands before them, offer it and lose commands.
		self.pipelining = "PIPELINING" in extensions
		self._clock, self._last_used = clock, clock()
		self._dirty = False

	def __enter__(self) -> SmtpSession:
		return self

	def __exit__(self, *exc_info: object) -> None:
		self.quit()

	@property
	def over(self) -> bool:
		return self.wire.broken

	@property
	def idle(self) -> float:
		"""Seconds since the server last answered."""
		return self._clock() - self._last_used

	@property
	def size_limit(self) -> int:
		"""The largest message that the server takes, in octets; 0 where it does not say (RFC 1870)."""
		word = self.extensions.get("SIZE", "")
		return int(word) if word.isdigit() else 0

	def noop(self) -> bool:
		"""Whether the server still answers. A session that does not is over."""
		try:
			return self._command(b"NOOP").code // 100 == 2
		except MailError:
			return False

	def quit(self) -> None:
		"""Say goodbye, briefly, and close. Never raises."""
		if not self.over:
			# Every message has its answer by now: nothing depends on this one.
			with suppress(MailError):
				self.wire.within(QUIT_SECONDS, LOGGING_OUT)
				self._command(b"QUIT")
		self.wire.close()

	def send(self, envelope_from: str, recipients: Sequence[str], message: bytes, *, envid: str | None = None) -> list[Delivery]:
		"""Send one message; an outcome for each of ``recipients``, in their order. Never raises MailError.

		Line ends become CRLF whatever they were, and lines that begin with a dot get another, so that no text can end
		the message or begin another. A refused recipient stops none of the others. When the server takes only so many
		recipients at a time, the rest follow in further transactions. ``envid`` comes back in delivery reports
		(RFC 3461), where the server knows them.
		"""
		data = canonical(message)
		found: dict[str, Delivery] = {}
		waiting: list[str] = []
		for recipient in dict.fromkeys(recipients):
			refusal = self._unusable(recipient)
			if refusal:
				found[recipient] = Delivery(recipient, False, stage="address", error=refusal)
			else:
				waiting.append(recipient)
		if not self._has("8BITMIME") and not data.isascii():
			data = canonical(seven_bit(data))
		if refusal := self._unusable(envelope_from) if envelope_from else None:
			found |= {each: Delivery(each, False, stage="mail", error=refusal) for each in waiting}
			waiting = []
		elif 0 < self.size_limit < len(data):
			refusal = MessageTooLarge(**where(self.settings), size=_megabytes(len(data)), limit=_megabytes(self.size_limit))
			found |= {each: Delivery(each, False, stage="size", error=refusal) for each in waiting}
			waiting = []
		while waiting:
			outcome = self._transaction(envelope_from, waiting, data, envid)
			found |= outcome
			refused_for_number = [each for each in waiting if _too_many(outcome[each])]
			if len(refused_for_number) == len(waiting) or self.over:
				break
			waiting = refused_for_number
		return [found[recipient] for recipient in recipients]

	# one transaction

	def _transaction(self, sender: str, recipients: Sequence[str], data: bytes, envid: str | None) -> dict[str, Delivery]:
		found: dict[str, Delivery] = {}
		stage: Stage = "mail"
		taken: list[str] = []
		finished = False
		self.messages += 1
		try:
			if self._dirty:
				self._reset()
			self._dirty = True
			opening = self._mail_command(sender, recipients, data, envid)
			reply, answers = self._envelope(opening, recipients)
			if reply.code // 100 != 2:
				return {each: _delivery(each, reply, "mail") for each in recipients}
			stage = "rcpt"
			for recipient, answer in answers.items():
				if answer.code // 100 == 2:
					taken.append(recipient)
				else:
					found[recipient] = _delivery(recipient, answer, "rcpt")
			if not taken:
				return found
			stage = "data"
			reply = self._command(b"DATA")
			if reply.code != 354:
				return found | {each: _delivery(each, reply, "data") for each in taken}
			try:
				self._body(data)
			except MailError:
				if (reply := self._last_words()) is None:
					raise
				return found | {each: _delivery(each, reply, "end") for each in taken}
			stage, finished = "end", True
			self.wire.send(b".\r\n")
			reply = self._answer(AFTER_THE_DOT, END_WAITS)
			self._dirty = reply.code // 100 != 2
			return found | {each: _delivery(each, reply, "end") for each in taken}
		except MailError as error:
			self.wire.close()
			left = [each for each in recipients if each not in found]
			return found | {each: Delivery(each, False, stage=stage, uncertain=finished, error=error) for each in left}

	def _envelope(self, opening: bytes, recipients: Sequence[str]) -> tuple[Reply, dict[str, Reply]]:
		"""MAIL and every RCPT, several at a time where the server takes them so.

		After 421 nothing more is answered: it stands for all the recipients then.
		"""
		answers: dict[str, Reply] = {}
		commands = [b"RCPT TO:<" + self._encoded(each) + b">" + self._rcpt_options(each) + b"\r\n" for each in recipients]
		step = PIPELINE if self.pipelining else 1
		ahead = step if step > 1 else 0
		self.wire.send(b"".join([opening + b"\r\n", *commands[:ahead]]))
		opened = reply = self._answer()
		for number, recipient in enumerate(recipients):
			if self.over or (opened.code // 100 != 2 and number >= ahead):
				break
			if number >= ahead and (number - ahead) % step == 0:
				self.wire.send(b"".join(commands[number : number + step]))
			answers[recipient] = reply = self._answer()
		if self.over:
			return (opened, {}) if not answers else (opened, dict.fromkeys(recipients, reply))
		return opened, answers

	def _body(self, data: bytes) -> None:
		stuffed = re.sub(rb"(?m)^\.", b"..", data)
		view = memoryview(stuffed)
		for start in range(0, len(stuffed), _CHUNK):
			self.wire.send(view[start : start + _CHUNK])

	def _last_words(self) -> Reply | None:
		"""The refusal of a server that hung up in the middle of the text, if it sent one: most often that it is too long."""
		reply = None
		with suppress(MailError):
			reply = read_reply(self.wire, self.settings) if self.wire.buffered else None
		return reply if reply and reply.code // 100 in (4, 5) else None

	def _reset(self) -> None:
		self._command(b"RSET")
		self._dirty = False

	# commands and answers

	def _command(self, line: bytes) -> Reply:
		self.wire.send(line + b"\r\n")
		return self._answer()

	def _answer(self, phase: str = SENDING, waits: float | None = None) -> Reply:
		self.wire.wait, self.wire.phase = self.settings.timeout * (waits or ANSWER_WAITS), phase
		# each answer has its own time: a server may look into every recipient before it says anything
		self.wire.begin()
		try:
			reply = read_reply(self.wire, self.settings)
		finally:
			self.wire.wait, self.wire.phase = self.settings.timeout * ANSWER_WAITS, SENDING
		self._last_used = self._clock()
		if reply.code == 421:
			# The server closes the connection after it (RFC 5321 section 3.8).
			self.wire.close()
		return reply

	# envelope

	def _mail_command(self, sender: str, recipients: Sequence[str], data: bytes, envid: str | None) -> bytes:
		options = []
		if self._has("SIZE"):
			options.append(b"SIZE=%d" % len(data))
		if self._has("8BITMIME") and not data.isascii():
			options.append(b"BODY=8BITMIME")
		addresses = [sender, *recipients]
		head = data.partition(b"\r\n\r\n")[0]
		if self._has("SMTPUTF8") and not (all(map(str.isascii, map(_ascii_domain, addresses))) and head.isascii()):
			options.append(b"SMTPUTF8")
		if self._has("DSN"):
			options.append(b"RET=HDRS")
			if envid:
				options.append(b"ENVID=" + xtext(envid)[:100])
		return b" ".join([b"MAIL FROM:<" + (self._encoded(sender) if sender else b"") + b">", *options])

	def _rcpt_options(self, recipient: str) -> bytes:
		if not self._has("DSN"):
			return b""
		address = _ascii_domain(recipient)
		original = b" ORCPT=rfc822;" + xtext(address) if address.isascii() else b""
		return b" NOTIFY=FAILURE,DELAY" + original

	def _encoded(self, address: str) -> bytes:
		return _ascii_domain(address).encode("utf-8")

	def _unusable(self, address: str) -> MailError | None:
		"""Why no transaction can be begun with this address: anything in it that could end the command, or no SMTPUTF8."""
		if not _ADDRESS.fullmatch(address) and not re.fullmatch(r'"(?:[^"\\\r\n\0]|\\[ -~])+"@[^\s<>@"\x00-\x20]+', address):
			return AddressUnusable(**where(self.settings), detail=address[:200])
		if not _ascii_domain(address).isascii() and not self._has("SMTPUTF8"):
			return AddressNeedsSMTPUTF8(**where(self.settings), detail=address[:200])
		return None

	def _has(self, extension: str) -> bool:
		return extension in self.extensions


def canonical(message: bytes) -> bytes:
	"""The message with CRLF at the end of every line, the last one too, and no bare CR or LF (RFC 5321 section 2.3.8)."""
	data = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
	return data if data.endswith(b"\r\n") else data + b"\r\n"


def seven_bit(message: bytes) -> bytes:
	"""The same message with its 8-bit parts re-encoded, for servers without 8BITMIME (RFC 6152)."""
	return message_from_bytes(message, policy=policy.compat32).as_bytes(
		policy=policy.compat32.clone(cte_type="7bit", max_line_length=0, linesep="\r\n")
	)


def xtext(text: str) -> bytes:
	"""RFC 3461 section 4."""
	return b"".join(b"%c" % each if 33 <= each <= 126 and each not in b"+=" else b"+%02X" % each for each in text.encode())


def _ascii_domain(address: str) -> str:
	"""The address with its domain as DNS has it; as it stands where that cannot be."""
	local, at, domain = address.rpartition("@")
	if domain.isascii():
		return address
	return f"{local}{at}{ascii_domain(domain)}"


def _delivery(recipient: str, reply: Reply, stage: Stage) -> Delivery:
	accepted = stage == "end" and reply.code // 100 == 2
	return Delivery(recipient, accepted, reply.code, reply.enhanced, reply.text, stage)


def _too_many(delivery: Delivery) -> bool:
	"""The server takes no more recipients in this transaction (RFC 5321 section 4.5.3.1.10)."""
	return delivery.stage == "rcpt" and (
		delivery.enhanced in ("4.5.3", "5.5.3")
		or (delivery.code in (452, 552) and "recipients" in delivery.text.lower() and "too many" in delivery.text.lower())
	)


def _megabytes(octets: int) -> str:
	return f"{octets / 1e6:.1f}"
