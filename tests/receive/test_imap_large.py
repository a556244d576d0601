"""Large messages and many: memory does not follow them. Measured in a process of its own, whose peak is its alone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.receive.boxes import Box

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024

#: Fetches every message of the INBOX and prints how much memory it took above the start, in octets, and the digests.
PROGRAM = """
import json, resource, sys
from dokos_mail.engine.connect.imap import open_imap
from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.receive.rawstore import RawStore

settings, root = json.loads(sys.argv[1]), sys.argv[2]
store = RawStore(root)
with open_imap(ServerSettings(**settings)) as session:
	session.select("INBOX")
	found = session.search("ALL")
	start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
	digests = [one.raw.sha256 for batch in session.fetch(found, store) for one in batch]
	peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"above": (peak - start) * 1024, "digests": digests}))
"""


def fetch_in_a_process(box: Box, root: Path, **changes: object) -> dict:
	settings = box.settings(**changes)
	names = ("host", "login", "password", "port", "security", "ca_file")
	arguments = [json.dumps({name: getattr(settings, name) for name in names}), str(root)]
	environment = {**os.environ, "PYTHONPATH": str(ROOT)}
	done = subprocess.run(
		[sys.executable, "-c", PROGRAM, *arguments], capture_output=True, check=True, env=environment, timeout=120
	)
	return json.loads(done.stdout)


def test_a_message_of_40_mb(box: Box, tmp_path: Path) -> None:
	line = bytes(range(0x30, 0x7A)) + b"\r\n"
	raw = b"Subject: large\r\n\r\n" + line * (40 * MIB // len(line) + 1)
	box.append([b"Subject: before\r\n\r\nx\r\n", raw, b"Subject: after\r\n\r\nx\r\n"])
	result = fetch_in_a_process(box, tmp_path)
	assert result["digests"][1] == hashlib.sha256(raw).hexdigest()
	assert result["above"] < 8 * MIB
	plain = fetch_in_a_process(box, tmp_path, security="plain", port=box.server.ports["imap"])
	assert plain["digests"] == result["digests"]
	assert plain["above"] < 8 * MIB


def test_many_messages(box: Box, tmp_path: Path) -> None:
	raws = [b"Subject: %d\r\n\r\n" % number + b"x" * (number * 97 % 20_000) + b"\r\n" for number in range(1500)]
	box.append(raws)
	result = fetch_in_a_process(box, tmp_path)
	assert result["digests"] == [hashlib.sha256(raw).hexdigest() for raw in raws]
	assert result["above"] < 16 * MIB
