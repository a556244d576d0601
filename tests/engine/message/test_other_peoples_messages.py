"""Messages that other people's parsers are tested with: read whole, in any line ends, and not worse than Python does."""

from __future__ import annotations

import email
import hashlib
from email.message import Message as StdlibMessage

from dokos_mail.engine.message.identity import content_hash
from dokos_mail.engine.message.model import Message
from dokos_mail.engine.message.parse import parse
from dokos_mail.engine.message.reply import split_reply


def broken(message: Message) -> bool:
	return any("could not be read" in defect for defect in message.defects)


def test_there_are_many(other_peoples_messages: dict[str, bytes]) -> None:
	assert len(other_peoples_messages) >= 450


def test_read_in_any_line_ends(other_peoples_messages: dict[str, bytes]) -> None:
	for name, raw in other_peoples_messages.items():
		if b"\r" in raw.replace(b"\r\n", b"") or b"\0" in raw:
			continue  # binary, or bare CRs inside: not the same message in other line ends
		raw = raw.replace(b"\r\n", b"\n")
		as_lf, as_crlf, as_cr = (parse(raw.replace(b"\n", ends)) for ends in (b"\n", b"\r\n", b"\r"))
		for message in (as_crlf, as_cr):
			assert not broken(message), name
			assert (message.subject, message.from_, message.to, message.date) == (
				as_lf.subject,
				as_lf.from_,
				as_lf.to,
				as_lf.date,
			), name
			assert (message.text, message.html) == (as_lf.text, as_lf.html), name
			assert [file.name for file in message.attachments] == [file.name for file in as_lf.attachments], name
		assert content_hash(raw) == content_hash(raw.replace(b"\n", b"\r\n")), name


def test_structure_only_finds_the_same_files(other_peoples_messages: dict[str, bytes]) -> None:
	for name, raw in other_peoples_messages.items():
		full, structure = parse(raw), parse(raw, full_up_to=0)
		assert structure.structure_only and not broken(structure)
		assert (structure.subject, structure.headers) == (full.subject, full.headers), name
		found = [(file.name, file.type) for file in structure.attachments]
		assert found == [(file.name, file.type) for file in full.attachments], name
		for one, other in zip(structure.attachments, full.attachments, strict=True):
			assert one.content is None
			if not one.type.startswith("text/"):
				assert (one.size, one.sha256) == (other.size, other.sha256), name


def leaves(message: StdlibMessage) -> list[StdlibMessage]:
	if message.get_content_maintype() == "message" or not message.is_multipart():
		return [message]
	return [leaf for part in message.get_payload() for leaf in leaves(part)]


def test_no_file_is_lost_that_python_finds(other_peoples_messages: dict[str, bytes]) -> None:
	checked = 0
	for name, raw in other_peoples_messages.items():
		message = parse(raw)
		digests = {file.sha256 for file in message.attachments}
		for leaf in leaves(email.message_from_bytes(raw)):
			if leaf.get_content_maintype() in ("text", "multipart", "message"):
				continue
			content = leaf.get_payload(decode=True)
			if content and name not in RUBBISH:
				assert hashlib.sha256(content).hexdigest() in digests, name
				checked += 1
	assert checked > 30


#: Where base64 is none, and more of it is decoded here than Python decodes.
RUBBISH: set[str] = set()


def test_histories_are_found(other_peoples_messages: dict[str, bytes]) -> None:
	replies = {name: raw for name, raw in other_peoples_messages.items() if name.startswith("talon") and name.endswith(".eml")}
	assert len(replies) >= 10
	for name, raw in replies.items():
		if "thunderbird" in name:
			continue  # the answer stands below the quotation
		reply, quoted = split_reply(parse(raw).text or "")
		assert reply.strip().startswith("Hello") and quoted, name
		assert "Hi" not in reply, name
