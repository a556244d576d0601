"""`make fuzz`: many mutated messages through the reader, over all cores. COUNT and SEED say how many and which.

Ends with 1 at the first message that breaks a promise, and keeps it as ``.demo/fuzz/<seed>-<number>.eml``.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.engine.message import conftest
from tests.fuzz.check import check, check_shown
from tests.fuzz.mutations import mutations

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".demo" / "fuzz"
PORTION = 500
#: A message of at most 20,000 octets that takes longer than this is a weakness of its own.
MOST_SECONDS = 2.0


def corpus() -> list[bytes]:
	"""Our own messages and those that other people's parsers are tested with."""
	ours = [path.read_bytes() for path in sorted((ROOT / "tests/engine/message/corpus").glob("*.eml"))]
	return ours + [raw for _name, raw in sorted(conftest.load_other_peoples_messages().items())]


def run(seed: int, count: int) -> tuple[int, float, str | None]:
	"""Check ``count`` messages of a seed: how many were checked, the slowest in seconds, and what went wrong, if anything."""
	slowest = 0.0
	for number, raw in enumerate(mutations(corpus(), count, seed)):
		begin = time.process_time()
		try:
			check(raw)
			check_shown(raw)
			took = time.process_time() - begin
			assert took < MOST_SECONDS, f"took {took:.1f} s"
		except Exception:
			KEPT.mkdir(parents=True, exist_ok=True)
			kept = KEPT / f"{seed}-{number}.eml"
			kept.write_bytes(raw)
			return number + 1, slowest, f"{kept}:\n{traceback.format_exc()}"
		slowest = max(slowest, took)
	return count, slowest, None


def main() -> int:
	count, first = int(os.environ.get("COUNT") or 100_000), int(os.environ.get("SEED") or 1)
	corpus()  # downloads what is missing once, before the workers would all do it
	portions = [(first * 1_000_000 + at, min(PORTION, count - at)) for at in range(0, count, PORTION)]
	done, slowest, broken = 0, 0.0, 0
	with ProcessPoolExecutor() as pool:
		for checked, took, trouble in pool.map(run, *zip(*portions, strict=True)):
			done += checked
			slowest = max(slowest, took)
			if trouble:
				broken += 1
				print(trouble, file=sys.stderr)
			if not done % 10_000:
				print(f"{done} messages", flush=True)
	print(f"{done} mutated messages read, {broken} broke a promise; the slowest took {slowest * 1000:.0f} ms")
	return 1 if broken else 0


if __name__ == "__main__":
	sys.exit(main())
