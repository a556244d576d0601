"""``make bench``: each figure a ratio against a named baseline, both measured in this run, the ratio first.

Names of measurements as arguments run only those. On a bench's own database: ``python -m benchmarks.host_rate --help``.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import corpus, fetching, mbsync, sending, setup
from benchmarks.setup import place
from mail_servers.faults import LatencyProxy

MB = 1_000_000


def fetching_far(count: int = 2000, round_trip: float = 0.04) -> None:
	"""Fetching alone over a long way, against one message per round trip."""
	with fetching.mailbox(corpus.messages(count)) as server:
		for name, ours, reference, goal in (
			("imap", fetching.imap, fetching.imap_one_by_one, " (goal 100)"),
			("pop3", fetching.pop3, fetching.pop3_one_by_one, ""),
		):
			with LatencyProxy(server.ports[name], round_trip) as way:
				each, all_of_them = reference(way.port, 50), fetching.best(lambda: fetching.alone(ours, way.port, count))  # noqa: B023 - called at once
			_say(
				f"{each * count / all_of_them:.0f} times{goal}",
				f"{name.upper()}, round trip {round_trip * 1000:.0f} ms: {count / all_of_them:.0f} messages/s, "
				f"against {1 / each:.0f}/s one per round trip",
			)


def fetching_near(count: int = 2000) -> None:
	"""Fetching on loopback, alone and into the store, against a connection that is only emptied."""
	with fetching.mailbox(corpus.messages(count)) as server:
		emptied = fetching.best(lambda: fetching.drain(server.ports["imap"]), 5)
		for way, what, goal in (
			(fetching.alone, "read, told apart and handed on in full", " (goal 0.85)"),
			(fetching.stored, "digested, named and synced as well", ""),
		):
			for name, ours in (("imap", fetching.imap), ("pop3", fetching.pop3)):
				seconds = fetching.best(lambda: way(ours, server.ports[name], count), 5)  # noqa: B023 - called at once
				_say(
					f"{emptied / seconds:.2f} times{goal if name == 'imap' else ''}",
					f"{name.upper()}, loopback: {count / seconds:.0f} messages/s {what}, "
					f"against {count / emptied:.0f}/s of an unparsed drain of IMAP",
				)


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


def journalling_and_mbsync(count: int = 2000) -> None:
	"""Messages safe in the journal per second, each synced to disk, against mbsync into a Maildir, which syncs them too."""
	if not mbsync.is_there():
		_say("not measured", "journalling against mbsync: it is not installed (Debian: isync)")
		return
	with place(corpus.messages(count)) as here, TemporaryDirectory() as folder:
		ours = here.run("journal")
		port = here.server.ports["imap"]
		came, seconds = mbsync.pull(port, setup.USER, here.server.users[setup.USER], Path(folder))
	assert ours["messages"] == came == count
	_say(
		f"{seconds / ours['seconds']:.2f} times (goal 0.5)",
		f"messages safe in the journal: {count / ours['seconds']:.0f}/s, against {count / seconds:.0f}/s of mbsync into a Maildir",
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


def mailbox_size(small: int = 1000, large: int = 20_000) -> None:
	"""Peak memory of journalling above the process's start, for mailboxes of 1,000 and of 20,000 messages.

	SQLite's cache, up to 16 MB of pages of whatever was written last, is held at 1 MB: it is full after some thousand rows.
	"""
	above = []
	for count in (small, large):
		with place(corpus.messages(count)) as here:
			done = here.run("journal", page_cache=1)
		assert done["messages"] == count
		above.append((done["peak"] - done["start"]) / MB)
	_say(
		f"{above[1] / above[0]:.2f} times (goal flat)",
		f"journalling's memory: {above[1]:.0f} MB above the start for {large} messages, against {above[0]:.0f} MB for {small}",
	)


def two_workers(count: int = 600) -> None:
	"""Two accounts pulled whole by two workers, against one worker that pulls both."""
	both = ["commercial", "support"]
	with place(corpus.messages(count), corpus.messages(count, seed=3)) as here:
		one = here.run("pull_all", accounts=both)
	with place(corpus.messages(count), corpus.messages(count, seed=3)) as here:
		two = here.run_all("pull_all", *({"accounts": [name]} for name in both))
	assert one["messages"] == sum(done["messages"] for done in two) == 2 * count
	alone = one["ended"] - one["began"]
	together = max(done["ended"] for done in two) - min(done["began"] for done in two)
	_say(
		f"{alone / together:.2f} times (goal 1.5)",
		f"two accounts of {count} messages with two workers: {2 * count / together:.0f}/s, against {2 * count / alone:.0f}/s with one",
	)


def arrival(count: int = 30) -> None:
	"""From the server's own notice to a document, with mail-listen."""
	with place([]) as here, here.listener():
		done = here.run("arrivals", port=here.server.ports["imap"], count=count)
	_say(
		f"{done['after'] * 1000:.0f} ms (goal under 1000)",
		f"mail is a document after the server's notice, median of {count} with mail-listen (worst {done['worst'] * 1000:.0f} ms), "
		f"against {done['notice'] * 1000:.0f} ms that the server takes to give notice",
	)


def watching_memory(count: int = 200) -> None:
	"""What watching 200 mailboxes takes above the process's start."""
	with place([]) as here:
		server = here.server
		done = here.run("watch", port=server.ports["imaps"], authority=str(server.certificates.authority), count=count)
	_say(
		f"{(done['memory'] - done['start']) / MB:.0f} MB (goal under 150)",
		f"mail-listen's memory above its start: {count} mailboxes over TLS, all watched after {done['seconds']:.1f} s",
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


def where_time_goes(count: int = 500) -> None:
	"""The shares of processing's time, by Python's profiler, which makes small functions look dearer than they are."""
	from benchmarks.worker import PARTS

	with place(corpus.messages(count)) as here:
		here.run("journal")
		done = here.run("process_profiled")
	assert done["messages"] == count
	_say("", "processing's time: " + ", ".join(f"{part} {done[part]:.0%}" for part in PARTS))


def _say(ratio: str, words: str) -> None:
	print(f"{ratio:>44}  {words}", flush=True)


def sending_rate(count: int = 10_000, alone: int = 300) -> None:
	"""Messages over one session, against a session for each; with STARTTLS and a login, as providers want it."""
	one, each = sending.rates(count, alone)
	_say(
		f"{one / each:.0f} times (goal 10)",
		f"sending: {one:.0f} messages/s, {count} over one session, against {each:.0f}/s with a session for each",
	)


def sending_the_queue(small: int = 200, large: int = 2000) -> None:
	"""Mails queued by code and sent by the job: the cost of composing one, the rate, and the memory for ten times as many."""
	above = []
	with TemporaryDirectory() as folder, sending.sink(Path(folder)) as (port, authority), place([]) as here:
		for count in (small, large):
			done = here.run("send", port=port, authority=authority, count=count)
			assert done["messages"] == count
			above.append((done["peak"] - done["start"]) / MB)
	_say(
		f"{done['queued'] / large * 1000:.1f} ms",
		f"to compose and queue a mail of 2 KB with signature and link; the queue sends {large / done['seconds']:.0f}/s, "
		"composing each copy, writing down each answer",
	)
	_say(
		f"{above[1]:.0f} MB (goal flat)",
		f"sending's memory above the start for {large} queued mails, against {above[0]:.0f} MB for {small}",
	)


_MEASURED = (
	fetching_far,
	fetching_near,
	journalling,
	journalling_and_mbsync,
	journal_memory,
	mailbox_size,
	processing_memory,
	processing_rate,
	where_time_goes,
	two_workers,
	arrival,
	watching_memory,
	sending_rate,
	sending_the_queue,
)
MEASUREMENTS = {f.__name__: f for f in _MEASURED}


def main() -> None:
	wanted = sys.argv[1:] or list(MEASUREMENTS)
	for name in wanted:
		MEASUREMENTS[name]()


if __name__ == "__main__":
	main()
