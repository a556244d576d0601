"""What becomes of a mail when it is queued, on every host: sender, bodies, signatures, footers, fields of the thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from frappe.model.document import Document

from dokos_mail.engine.send import compose as engine
from dokos_mail.engine.send.addresses import Mailbox, mailbox, mailboxes
from dokos_mail.engine.send.files import File


def build(
	*,
	sender: str,
	subject: str,
	html: str,
	message_id: str,
	text: str | None = None,
	recipients: Sequence[str] = (),
	cc: Sequence[str] = (),
	expose_recipients: str | None = None,
	reply_to: str | None = None,
	in_reply_to: str | None = None,
	attachments: Sequence[Mapping[str, object]] = (),
	header: str | Sequence[str] | None = None,
	with_container: bool = False,
	extra: Sequence[tuple[str, str]] = (),
) -> str:
	"""The ``message`` of a queue row, as a host without a mail module of its own makes it; :func:`complete` does the rest.

	``attachments`` are those that come with their content (``fname``, ``fcontent``); the row names the others.
	``message_id`` is without angle brackets; ``sender`` may be empty. Recipients are shown where
	``expose_recipients`` is ``"header"``; otherwise each gets a copy that names him alone.
	"""
	shown = expose_recipients == "header"
	asked = mailbox(sender) or Mailbox("", "")
	files = [
		File(str(each["fname"]), each["fcontent"].encode() if isinstance(each["fcontent"], str) else bytes(each["fcontent"]))
		for each in attachments
		if each.get("fcontent") is not None
	]
	draft = engine.Draft(
		from_=asked,
		subject=subject,
		html=html,
		text=text or "",
		date=datetime.now(timezone.utc),
		message_id=message_id,
		to=[each for one in recipients for each in mailboxes(one)] if shown else (),
		cc=[each for one in cc for each in mailboxes(one)] if shown else (),
		reply_to=mailboxes(reply_to),
		in_reply_to=(in_reply_to or "").strip("<>"),
		attachments=files,
		extra=[*([("X-Original-From", sender)] if sender else []), *extra],
	)
	return engine.compose(draft).decode("utf-8")


def complete(queue_row: Document) -> None:
	"""Make the message of a row that is about to be queued what it must be; called once, before it is inserted."""
