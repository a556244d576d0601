"""What holds of every message, whatever is in it."""

from __future__ import annotations

import json

from dokos_mail.engine.message.__main__ import as_dict
from dokos_mail.engine.message.html import sanitise
from dokos_mail.engine.message.parse import parse
from dokos_mail.engine.message.reply import split_reply
from dokos_mail.engine.message.text import html_to_text


def check(raw: bytes) -> None:
	"""Read ``raw`` whole and its structure alone; AssertionError where something is lost or cannot be said."""
	message = parse(raw)
	assert not any("could not be read" in defect for defect in message.defects), message.defects
	json.dumps(as_dict("x", message), ensure_ascii=False).encode("utf-8")
	assert message.date is None or message.date.tzinfo is not None
	for attachment in message.attachments:
		assert attachment.content is not None and len(attachment.content) == attachment.size
		assert 0 < len(attachment.name.encode()) <= 140 and "/" not in attachment.name
	names = [attachment.name.casefold() for attachment in message.attachments]
	assert len(set(names)) == len(names)
	structure = parse(raw, full_up_to=-1)
	assert not any("could not be read" in defect for defect in structure.defects), structure.defects
	assert len(structure.attachments) == len(message.attachments)


def check_shown(raw: bytes) -> None:
	"""What is read can be shown: sanitised, as text, and with its history folded."""
	message = parse(raw)
	if message.html is not None:
		sanitise(message.html)
		html_to_text(message.html)
	if message.text is not None:
		assert "".join(split_reply(message.text)) == message.text
