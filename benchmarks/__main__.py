"""``make bench``: each figure a ratio against a named baseline, both measured in this run, the ratio first."""

from __future__ import annotations

import random
import sys

from benchmarks import corpus
from benchmarks.setup import place

MB = 1_000_000


def journalling(count: int = 2000) -> None:
	"""Messages safe in the journal per second, against one message per round trip with a commit each."""
	messages = list(corpus.messages(count))
	with place(messages) as here:
		ours = here.run("journal")
	with place(messages) as here:
		reference = here.run("journal_one_by_one")
	assert ours["messages"] == reference["messages"] == count
	rate, base = count / ours["seconds"], count / reference["seconds"]
	_say(
		f"{rate / base:.1f} times (goal 5)",
		f"messages safe in the journal: {rate:.0f}/s, against {base:.0f}/s one per round trip, parsed and committed each",
	)


def journal_memory(count: int = 5000) -> None:
	"""Peak memory of journalling above the process's start, for a small mailbox and for a large one."""
	large = {index: MB for index in range(100, count, 250)} | {count // 2: 40 * MB}
	with place(corpus.messages(500)) as here:
		small = here.run("journal")
	with place(corpus.messages(count, large=large)) as here:
		whole = here.run("journal")
	assert whole["messages"] == count
	_say(
		f"{(whole['peak'] - whole['start']) / MB:.0f} MB (goal under 100, flat)",
		f"journalling's memory above the start: {count} messages, {len(large) - 1} of 1 MB, one of 40 MB; "
		f"500 small ones take {(small['peak'] - small['start']) / MB:.0f} MB",
	)


def processing_memory(size: int = 20 * MB) -> None:
	"""Peak memory of processing above the process's start, in sizes of the message."""
	rng = random.Random(2)
	for octets in (size, 2 * size):
		message = corpus.message(rng, 0, octets)
		with place([message]) as here:
			here.run("journal")
			done = here.run("process")
		assert done["messages"] == 1
		_say(
			f"{(done['peak'] - done['start']) / len(message):.1f} times the message (goal at most 10)",
			f"processing's memory above the start: one message of {len(message) / MB:.0f} MB with an attachment",
		)


def processing_rate(count: int = 1000) -> None:
	"""Processing per second, against Python's own parse of the same messages."""
	from email import message_from_bytes, policy
	from time import perf_counter

	messages = list(corpus.messages(count))
	with place(messages) as here:
		here.run("journal")
		done = here.run("process")
	assert done["messages"] == count
	began = perf_counter()
	for raw in messages:
		parsed = message_from_bytes(raw, policy=policy.default)
		assert parsed["Subject"]
		parsed.get_body(("html", "plain")).get_content()
	alone = perf_counter() - began
	_say(
		f"{alone / done['seconds']:.2f} times",
		f"processing into documents: {count / done['seconds']:.0f}/s, against {count / alone:.0f}/s of policy.default's parse alone",
	)


def _say(ratio: str, words: str) -> None:
	print(f"{ratio:>44}  {words}", flush=True)


MEASUREMENTS = {f.__name__: f for f in (journalling, journal_memory, processing_memory, processing_rate)}


def main() -> None:
	wanted = sys.argv[1:] or list(MEASUREMENTS)
	for name in wanted:
		MEASUREMENTS[name]()


if __name__ == "__main__":
	main()
