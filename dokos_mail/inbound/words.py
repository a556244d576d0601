"""A placement in words: what each rule means, what it looked at, what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from dokos_mail.engine.errors import N_

#: What each rule means, for whoever asks why a mail is where it is.
RULES = {
	"app": N_("An installed app chose its place."),
	"refused": N_("An installed app refused it: it is kept here and becomes nothing."),
	"junk": N_("It is junk: it is put on no document."),
	"in_reply_to": N_("It answers a message of this document (In-Reply-To)."),
	"references": N_("An earlier message of its thread is on this document (References)."),
	"address": N_("It was sent to the address of this document."),
	"waits": N_("It answers a message that could not be processed: once that is, it joins it."),
	"subject": N_("It answers, by its subject, a message of the same correspondent on this document."),
	"append_to": N_("It starts a conversation, and mail of this folder becomes new documents of this type."),
	"taken": N_("It starts a conversation with somebody who has a document of this type already, and there can be only one."),
	"condition": N_("It starts a conversation, and does not meet the condition for a new document."),
	"reported": N_("It reports on this email, which was sent from here."),
	"report": N_("A machine reports on an email, or answers by itself: that makes no document."),
	"sent": N_("It was sent from this account by another program, and answers nothing we know."),
	"unplaced": N_("It answers nothing we know, and mail of this folder is not appended to a document type."),
}

#: What a rule looked at.
TRIED = {
	"authentication": N_("Sender"),
	"app": N_("Installed app"),
	"junk": N_("Junk"),
	"in_reply_to": "In-Reply-To",
	"references": "References",
	"address": N_("Address of a document"),
	"subject": N_("Subject"),
	"report": N_("Report"),
	"condition": N_("Condition"),
	"append_to": N_("Append To"),
}

#: What it found.
FINDINGS = {
	"absent": N_("the message has no such header"),
	"unknown": N_("no message with this Message-ID is known here"),
	"unprocessed": N_("the message with this Message-ID could not be processed yet"),
	"no_document": N_("the message it answers is known, but is on no document"),
	"deleted": N_("the message it answers was on a document that no longer exists"),
	"deleted_choice": N_("there is no such document"),
	"linked_too": N_("linked to this document as well"),
	"address_unknown": N_("no document has this address"),
	"address_deleted": N_("the document of this address no longer exists"),
	"address_of_a_stranger": N_("anybody can guess this address, and the sender has nothing to do with the document"),
	"no_answer": N_("the subject does not say that it is an answer"),
	"robot": N_("a machine wrote it"),
	"none_alike": N_("no document of the same correspondent has this subject"),
	"sender_pass": N_("the receiving server confirms the sender"),
	"sender_fail": N_("the receiving server says that this is not the sender"),
	"refused": N_("refused"),
	"met": N_("met"),
	"not_met": N_("not met"),
	"broken": N_("cannot be evaluated, and is left out of account"),
	"sent": N_("a message of ours makes no new document"),
	"taken": N_("its sender has one already, and the type allows no second one"),
	"not_set": N_("nothing is set in Append To"),
	"decided": N_("decided"),
}

#: A line of a trace: what was looked at, what was found, and what it held.
LINE, LINE_OF_NOTHING = N_("– {0} “{2}”: {1}"), N_("– {0}: {1}")


def in_words(rule: str | None, trace: Iterable[Mapping[str, str]], translate: Callable[[str], str]) -> str:
	"""A kept placement for a reader: what decided, then each rule that was tried and what it found, a line each."""
	lines = [translate(RULES[rule])] if rule in RULES else []
	for step in trace:
		tried, finding = TRIED.get(step["rule"], step["rule"]), FINDINGS.get(step["finding"], step["finding"])
		value = translate(step["value"]) if step["rule"] == "append_to" else step["value"]  # the name of a document type
		lines.append(translate(LINE if value else LINE_OF_NOTHING).format(translate(tried), translate(finding), value))
	return "\n".join(lines)
