"""Compare what a message became with what it must become. Pure: plain data in, the differences in words out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import unescape

from demo.expectations import ALONE, DUPLICATE, NEW, THREAD, Expected, Found


def problems(expected: Expected, found: Found | None, firsts: Mapping[str, Found]) -> list[str]:
	"""What is wrong with a message; empty when all is well. ``firsts`` has what was found of each message by its key."""
	if found is None:
		return ["it is not in the journal"]
	return [
		*_journal(expected, found),
		*_place(expected, found, firsts),
		*(_communication(expected, found, firsts) if expected.outcome != DUPLICATE else ()),
		*_document(expected, found),
	]


def _differs(what: str, is_: object, should: object) -> Iterator[str]:
	if is_ != should:
		yield f"{what} is {is_!r}, not {should!r}"


def _journal(expected: Expected, found: Found) -> Iterator[str]:
	state = "Duplicate" if expected.outcome == DUPLICATE else "Processed"
	yield from _differs("the state", found.row["state"], state)
	yield from _differs("the folder", found.row["folder"], expected.folder)
	yield from _differs("the rule", found.row["rule"] or "", expected.rule)
	yield from _differs("possible duplicate", bool(found.row["possible_duplicate"]), expected.possible_duplicate)
	if not found.raw_is_whole:
		yield "the original is not stored whole"
	if expected.also_in:
		yield from _differs("the account that has it too", found.other_account, expected.also_in)


def _place(expected: Expected, found: Found, firsts: Mapping[str, Found]) -> Iterator[str]:
	where = (found.row["reference_doctype"], found.row["reference_name"])
	first = firsts.get(expected.like)
	if expected.outcome == ALONE:
		yield from _differs("its document", where, (None, None))
	elif expected.outcome == NEW:
		yield from _differs("the document's type", where[0], expected.doctype)
		others = (each.row for key, each in firsts.items() if key != expected.key)
		if any((row["reference_doctype"], row["reference_name"]) == where and row["rule"] == "append_to" for row in others):
			yield f"{where[1]} is another message's document"
	elif first is None:
		yield f"{expected.like} was not found"
	elif expected.outcome == THREAD:
		yield from _differs("its document", where, (first.row["reference_doctype"], first.row["reference_name"]))
	else:
		yield from _differs("its Communication", found.row["communication"], first.row["communication"])


def _communication(expected: Expected, found: Found, firsts: Mapping[str, Found]) -> Iterator[str]:
	mail = found.communication
	if not mail:
		yield "it has no Communication"
		return
	yield from _differs("the subject", mail["subject"], expected.subject)
	yield from _differs("the sender", mail["sender"], expected.sender)
	yield from _differs("the sender's name", mail["sender_full_name"], expected.sender_name)
	yield from _differs("the direction", mail["sent_or_received"], "Received")
	for fieldname in ("reference_doctype", "reference_name"):
		yield from _differs(f"the Communication's {fieldname}", mail[fieldname] or None, found.row[fieldname] or None)
	answered = firsts[expected.answers].communication.get("name") if expected.answers in firsts else None
	yield from _differs("what it answers", mail["in_reply_to"] or None, answered)
	text, shown = str(mail["text_content"] or ""), str(mail["content"] or "")
	for piece in expected.text:
		if piece not in " ".join(text.split()):
			yield f"its text lacks {piece!r}"
		if piece not in " ".join(unescape(shown).split()):
			yield f"its body lacks {piece!r}"
	yield from (f"its body lacks {piece!r}" for piece in expected.shown if piece not in shown)
	yield from (f"its body has {piece!r}" for piece in expected.hidden if piece in shown)
	yield from _files(expected, found)


def _files(expected: Expected, found: Found) -> Iterator[str]:
	yield from _differs("the list of its files", sorted(found.files), sorted(name for name, _content in expected.files))
	for name, content in expected.files:
		if content is not None and name in found.files and found.files[name] != content:
			yield f"the content of {name} is not what was sent"


def _document(expected: Expected, found: Found) -> Iterator[str]:
	for fieldname, value in expected.document.items():
		yield from _differs(f"the document's {fieldname}", found.document.get(fieldname), value)
