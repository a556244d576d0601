"""What becomes of a mail when it is queued, on every host: sender, bodies, signatures, footers, fields of the thread."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.message import Message
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, get_datetime, get_system_timezone, get_url

from dokos_mail import host
from dokos_mail.engine.message.headers import decode_header
from dokos_mail.engine.message.html import text_to_html
from dokos_mail.engine.send import closing, headers, images, layout, mime, placeholders, plain
from dokos_mail.engine.send import compose as engine
from dokos_mail.engine.send.addresses import NULL_SENDER, Mailbox, mailbox, mailboxes, of_field
from dokos_mail.engine.send.files import File
from dokos_mail.engine.send.sender import Choice
from dokos_mail.outbound.host_body import style_sheets
from dokos_mail.outbound.images import resolver
from dokos_mail.outbound.sender import Facts, chain, choice_for, gather

#: The field that says that a message was completed. A row made again from another one is not completed twice.
MARK = "X-Mailer"
MARKED = "Dokos Mail"
#: Field left for :mod:`dokos_mail.outbound.render`: mail programs are to offer unsubscribing.
OFFER_UNSUBSCRIBE = "X-Dokos-Mail-Offer"
#: What a Data field of the host holds.
DATA_LENGTH = 140
_ACCOUNT_FIELDS = [
	"name",
	"email_id",
	"add_signature",
	"signature",
	"footer",
	"brand_logo",
	"send_unsubscribe_message",
	"track_email_status",
]


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
	title, *_color = [header] if isinstance(header, str) else header or [""]
	files = [
		File(str(each["fname"]), each["fcontent"].encode() if isinstance(each["fcontent"], str) else bytes(each["fcontent"]))
		for each in attachments
		if each.get("fcontent") is not None
	]
	draft = engine.Draft(
		from_=mailbox(sender) or Mailbox("", ""),
		subject=subject,
		html=layout.page(html, title=subject, heading=title, container=with_container or bool(title)),
		text=text or "",
		date=datetime.now(timezone.utc),
		message_id=message_id,
		to=[each for one in recipients for each in mailboxes(one)] if shown else (),
		cc=[each for one in cc for each in mailboxes(one)] if shown else (),
		reply_to=mailboxes(reply_to),
		in_reply_to=(in_reply_to or "").strip("<>"),
		attachments=files,
		extra=extra,
	)
	return engine.compose(draft).decode("utf-8")


@dataclass
class Parts:
	"""What a stored message consists of."""

	html: str = ""
	text: str = ""
	images: list[File] = field(default_factory=list)
	attachments: list[Message] = field(default_factory=list)


def complete(queue_row: Document) -> None:
	"""Make the message of a row that is about to be queued what it must be. A message that was completed stays as it is.

	The sender is chosen again, with what the row knows of the document; signatures, footers, the link to unsubscribe
	and pictures are put in; fields of the thread are set. A mail that no account of the site can send (the host has one
	in its configuration, or a service of its own) keeps the sender that the host gave it. One that nothing can send
	yet is left as it is, and comes here again when something can.
	"""
	message = mime.parse(queue_row.message or "")
	if mime.field(message, MARK) == MARKED:
		return
	facts = gather(queue_row, message)
	choice = choice_for(queue_row, facts)
	if not choice and not queue_row.email_account and not queue_row.account_of_host():
		return
	name = choice.account if choice else queue_row.email_account
	account = frappe.db.get_value("Email Account", name, _ACCOUNT_FIELDS, as_dict=True) if name else None
	if choice:
		_set_sender(message, queue_row, choice)
	_set_fields(message, queue_row, facts)
	try:
		made = _bodies(message, queue_row, facts, account or frappe._dict())
	except Exception as error:
		if isinstance(error, host.job_timeouts()):
			raise
		# whoever sends a mail in passing is not to fail for its looks
		frappe.log_error(title=_("An email was queued without signature and footer"))
		made = message
	mime.set_field(made, MARK, MARKED)
	queue_row.message = mime.serialise(made).decode("utf-8", "replace")
	if queue_row.get("unsubscribe_params") and not queue_row.unsubscribe_param:
		# the host writes it under a name that its own DocType has not
		params = json.dumps(queue_row.get("unsubscribe_params"))
		queue_row.unsubscribe_param = params if len(params) <= DATA_LENGTH else None
	_tell_communication(facts, choice)


def _set_sender(message: Message, queue_row: Document, choice: Choice) -> None:
	mime.set_field(message, "From", headers.addresses("From", [choice.from_]))
	mime.set_field(message, "Reply-To", headers.addresses("Reply-To", choice.reply_to) or None)
	if mime.field(message, "Disposition-Notification-To"):
		receipt = choice.reply_to or (choice.from_,)
		mime.set_field(message, "Disposition-Notification-To", headers.addresses("Disposition-Notification-To", receipt))
	queue_row.email_account = choice.account
	queue_row.envelope_sender = choice.envelope_sender
	named = f"{choice.from_.name} <{choice.from_.address}>" if choice.from_.name else choice.from_.address
	queue_row.sender = named if len(named) <= DATA_LENGTH else choice.from_.address


def _set_fields(message: Message, queue_row: Document, facts: Facts) -> None:
	"""Fields that depend on the document, and on whether a person or a program wrote the mail."""
	for name in ("Bcc", "List-Unsubscribe"):
		mime.set_field(message, name, None)
	# it repeats the sender that was asked for, which the From of this account is there not to show
	mime.set_field(message, "X-Original-From", None)
	if facts.answered and facts.answered.message_id:
		*earlier, answered = chain(facts.answered)
		engine.set_thread(message, answered, earlier)
	if frappe.flags.mail_answers_by_itself:
		# RFC 3834 sections 3.1.7 and 3.3: nobody answers it, and no bounce of it comes back
		mime.set_field(message, "Auto-Submitted", "auto-replied")
		mime.set_field(message, "X-Auto-Response-Suppress", "All")
		queue_row.envelope_sender = NULL_SENDER
	elif not facts.composed:
		if not mime.field(message, "Auto-Submitted"):
			mime.set_field(message, "Auto-Submitted", "auto-generated")
		mime.set_field(message, "X-Auto-Response-Suppress", "OOF, AutoReply")
	mime.set_field(message, "Date", format_datetime(_date(queue_row)))
	if not mime.field(message, "Message-ID"):
		made = host.new_message_id()
		mime.set_field(message, "Message-ID", f"<{made}>")
		queue_row.message_id = queue_row.message_id or made
	if facts.communication:
		for name, written in (("To", facts.communication.recipients), ("Cc", facts.communication.cc)):
			shown = _as_written(of_field(mime.field(message, name)), mailboxes(written))
			if shown:
				mime.set_field(message, name, headers.addresses(name, shown))
	if not mime.field(message, "To"):
		# whoever is written to is in the envelope; some filters take a message without this field for spam
		mime.set_field(message, "To", "undisclosed-recipients:;")


def _as_written(shown: Sequence[Mailbox], written: Sequence[Mailbox]) -> list[Mailbox]:
	"""The recipients shown, in the order and with the names that the sender gave: the host keeps neither."""
	order = {each.key: number for number, each in enumerate(written)}
	names = {each.key: each for each in written}
	return [names.get(each.key, each) for each in sorted(shown, key=lambda each: order.get(each.key, len(order)))]


def _date(queue_row: Document) -> datetime:
	"""When the mail is from: now, or when it is to be sent."""
	zone = ZoneInfo(get_system_timezone())
	now = datetime.now(zone)
	if queue_row.send_after:
		return max(now, get_datetime(queue_row.send_after).replace(tzinfo=zone))
	return now


def _bodies(message: Message, queue_row: Document, facts: Facts, account: frappe._dict) -> Message:
	"""The message with its bodies made anew: same header, same attachments."""
	parts = take_apart(message)
	html = parts.html or layout.page(text_to_html(parts.text), title=_subject(message))
	unsubscribe = bool(cint(account.send_unsubscribe_message)) or placeholders.UNSUBSCRIBE in html + parts.text
	before = html
	# inlined twice: here it also mends the markup, so that what is left open swallows nothing that follows
	html = _signed(layout.css_inlined(html, style_sheets()), facts, account)
	if account.brand_logo:
		html = layout.with_logo(html, account.brand_logo, get_url())
	html, pictures = images.embedded(html, resolver(public_too=facts.composed))
	footer = closing.footer(
		_footers(account),
		unsubscribe=_("Unsubscribe from these emails", lang=reader_language(queue_row)) if unsubscribe else "",
		copies=queue_row.expose_recipients == "footer",
		pixel=bool(queue_row.communication),
	)
	footer = footer.replace(placeholders.COPIES, closing.as_html(copies_in_words(queue_row)))
	html = layout.css_inlined(layout.with_footer(html, footer), style_sheets())
	html = layout.absolute(html.replace(placeholders.COPIES, ""), get_url())
	text = plain.plain_text(html)
	if parts.text and plain.is_of_its_own(parts.text, before):
		text = plain.own_text(
			parts.text, [plain.plain_text(each) for each in (*_signatures(facts, account), layout.absolute(footer, get_url()))]
		)
	made = engine.body(text, html, [*parts.images, *pictures])
	for attachment in parts.attachments:
		made.attach(attachment)
	for name, value in message.raw_items():
		if not name.lower().startswith("content-"):
			made[name] = str(value)
	if unsubscribe and not facts.composed:
		mime.set_field(made, OFFER_UNSUBSCRIBE, "1")
	return made


def _subject(message: Message) -> str:
	return decode_header(mime.field(message, "Subject").encode("utf-8", "surrogateescape"))


def take_apart(message: Message) -> Parts:
	"""The bodies, pictures and attachments of a message that the host or :func:`build` made.

	What stands inline and is no picture is left out: the host puts in whatever file ``embed=`` names.
	"""
	parts = Parts()
	for part in message.walk():
		kind = part.get_content_type()
		disposition = mime.field(part, "Content-Disposition").partition(";")[0].strip().lower()
		if part.is_multipart() and part.get_content_maintype() == "multipart":
			continue
		if disposition == "attachment" or kind not in ("text/plain", "text/html"):
			_take_file(parts, part, disposition)
		elif kind == "text/html":
			parts.html = parts.html or mime.get_text(part)
		else:
			parts.text = parts.text or mime.get_text(part)
	return parts


def _take_file(parts: Parts, part: Message, disposition: str) -> None:
	content_id = mime.field(part, "Content-ID").strip().strip("<>")
	if disposition != "inline" or not content_id:
		parts.attachments.append(part)
		return
	found = images.picture(part.get_filename() or "image", part.get_payload(decode=True) or b"")
	if found:
		parts.images.append(File(found.name, found.content, found.type, content_id))


def _signatures(facts: Facts, account: frappe._dict) -> tuple[str, str]:
	"""The user's signature and the account's, as they were typed."""
	users = frappe.db.get_value("User", facts.user, "email_signature") if facts.user else None
	return users or "", (account.signature or "") if cint(account.add_signature) else ""


def _signed(html: str, facts: Facts, account: frappe._dict) -> str:
	start, end = layout.body_of(html)
	return html[:start] + closing.sign(html[start:end], *_signatures(facts, account)) + html[end:]


def _footers(account: frappe._dict) -> closing.Footers:
	standard = [] if cint(frappe.db.get_default("disable_standard_email_footer")) else frappe.get_hooks("default_mail_footer")
	return closing.Footers(account.footer or "", frappe.db.get_default("email_footer_address") or "", standard or [])


def reader_language(queue_row: Document) -> str:
	"""The language of the reader where there is one and he is a user of the site, otherwise the site's."""
	rows = queue_row.recipients or []
	if len(rows) == 1 and (reader := mailbox(rows[0].recipient)):
		if language := frappe.db.get_value("User", {"email": reader.address}, "language"):
			return language
	return host.site_language()


def copies_in_words(queue_row: Document) -> str:
	"""Who got the mail, where the sender wants that said at its foot. Blind recipients are never named."""
	if queue_row.expose_recipients != "footer":
		return ""
	language = reader_language(queue_row)
	copied = [each.address for each in mailboxes(queue_row.show_as_cc)]
	hidden = {each.key for each in (*mailboxes(queue_row.show_as_cc), *mailboxes(queue_row.get("show_as_bcc")))}
	shown = [
		each.address
		for row in queue_row.recipients
		for each in mailboxes(row.recipient)
		if each.key not in hidden and not cint(row.get("is_bcc"))
	]
	if shown and copied:
		words = _("This email was sent to {0}, with a copy to {1}", lang=language)
		return words.format(", ".join(shown), ", ".join(copied))
	return _("This email was sent to {0}", lang=language).format(", ".join(shown or copied))


def _tell_communication(facts: Facts, choice: Choice | None) -> None:
	"""The Communication knows the account it left through and what it answers."""
	if not facts.composed:
		return
	told = {}
	if choice and facts.communication.email_account != choice.account:
		told["email_account"] = choice.account
	if facts.answered and not facts.communication.in_reply_to:
		told["in_reply_to"] = facts.answered.name
	if told:
		frappe.db.set_value("Communication", facts.communication.name, told, update_modified=False)


def before_serialising(email: object) -> None:
	"""``make_email_body_message`` of a bench: fields that the host's way of folding would damage, as they must be.

	The host hands over its EMail object once for each call of ``sendmail``, before it has a queue row; the rest is done
	by :func:`complete`, which knows the document. Plain strings are kept as they are by the host's policy.
	"""
	root: Message = email.msg_root
	fields = {"Subject": headers.unstructured("Subject", email.subject or "")}
	if email.expose_recipients == "header":
		fields |= {
			name: headers.addresses(name, [each for one in people for each in mailboxes(one)])
			# the names as the host writes them: letters do not matter in mail, and may to who reads the stored text
			for name, people in (("To", email.recipients), ("CC", email.cc))
		}
	if original := mailbox(str(root["X-Original-From"] or "")):
		fields["X-Original-From"] = headers.addresses("X-Original-From", [original])
	for name, value in fields.items():
		del root[name]
		if value:
			root.set_raw(name, value)


def signatures_later(communication: Document, _event: str | None = None) -> None:
	"""Keep the host from putting a signature into a Communication: it knows one level only, and of the default account.

	Both levels are put in when the mail is queued.
	"""
	if communication.get("communication_medium") == "Email" and communication.get("sent_or_received") == "Sent":
		communication.flags.skip_add_signature = True
