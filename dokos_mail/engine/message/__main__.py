"""``python -m dokos_mail.engine.message FILE...``: one JSON object per line for each raw message.

So that anyone can compare this reader with any other. Message identifiers are printed without angle brackets.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .model import Address, Message
from .parse import FULL_UP_TO, parse

_HELP = """\
Each line has: file, message_id, in_reply_to, references, subject, from, to, cc, reply_to (lists of {name, address}),
date (ISO 8601 with offset, or null), text, html, attachments (name, type, size, sha256, inline, content_id),
auto_submitted, report (or null), defects.

message_id, in_reply_to, references and content_id are WITHOUT angle brackets. text has LF line ends. Attachments are
measured as decoded; those not encoded in transfer are octet for octet as in the file, line ends included.
The exit status is 0 whatever the files hold; a file that cannot be read has a line too, which says why in defects.
"""


def as_dict(file: str, message: Message) -> dict[str, object]:
	"""The line for one message."""
	return {
		"file": file,
		"message_id": message.message_id,
		"in_reply_to": message.in_reply_to,
		"references": message.references,
		"subject": message.subject,
		"from": _addresses(message.from_),
		"to": _addresses(message.to),
		"cc": _addresses(message.cc),
		"reply_to": _addresses(message.reply_to),
		"date": message.date.isoformat() if message.date else None,
		"text": message.text,
		"html": message.html,
		"attachments": [
			{
				"name": attachment.name,
				"type": attachment.type,
				"size": attachment.size,
				"sha256": attachment.sha256,
				"inline": attachment.inline,
				"content_id": attachment.content_id,
			}
			for attachment in message.attachments
		],
		"auto_submitted": message.auto_submitted,
		"report": None
		if message.report is None
		else {
			"kind": message.report.kind,
			"recipients": message.report.recipients,
			"original_message_id": message.report.original_message_id,
		},
		"defects": message.defects,
	}


def _addresses(addresses: list[Address]) -> list[dict[str, str]]:
	return [{"name": address.name, "address": address.address} for address in addresses]


def line(file: str, full_up_to: int = FULL_UP_TO) -> str:
	"""The JSON line for a file, without a line end."""
	try:
		message = parse(Path(file), full_up_to=full_up_to)
	except (OSError, ValueError) as error:
		message = Message(defects=[f"the file cannot be read: {error}"])
	text = json.dumps(as_dict(file, message), ensure_ascii=False)
	return text.encode("utf-8", "replace").decode("utf-8")


def main(arguments: list[str] | None = None) -> int:
	"""Entry point. Always 0, unless the arguments are wrong."""
	parser = argparse.ArgumentParser(
		prog="python -m dokos_mail.engine.message",
		description="Print one JSON object per line for each raw message.",
		epilog=_HELP,
		formatter_class=argparse.RawDescriptionHelpFormatter,
	)
	parser.add_argument("files", nargs="+", metavar="FILE")
	parser.add_argument(
		"--full-up-to",
		type=int,
		default=FULL_UP_TO,
		metavar="OCTETS",
		help="read only the structure of larger messages (%(default)s)",
	)
	options = parser.parse_args(arguments)
	for file in options.files:
		sys.stdout.buffer.write(line(file, options.full_up_to).encode("utf-8") + b"\n")
	sys.stdout.flush()
	return 0


if __name__ == "__main__":
	sys.exit(main())
