"""The field's own synchroniser into a Maildir, for comparison: isync's ``mbsync``, which syncs what it writes to disk."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from time import perf_counter

_CONFIGURATION = """\
FSync yes

IMAPAccount bench
Host 127.0.0.1
Port {port}
User {user}
Pass {password}
SSLType None
AuthMechs LOGIN

IMAPStore far
Account bench

MaildirStore near
Path {folder}/
Inbox {folder}/INBOX

Channel bench
Far :far:
Near :near:
Patterns INBOX
Sync Pull New
Create Near
SyncState *
"""


def is_there() -> bool:
	"""Whether mbsync is installed (Debian: isync)."""
	return shutil.which("mbsync") is not None


def pull(port: int, user: str, password: str, folder: Path) -> tuple[int, float]:
	"""Pull a mailbox into an empty Maildir below ``folder``; how many messages came, and in how many seconds."""
	maildir = folder / "maildir"
	maildir.mkdir()
	configuration = folder / "mbsyncrc"
	configuration.touch(mode=0o600)
	configuration.write_text(_CONFIGURATION.format(port=port, user=user, password=password, folder=maildir))
	began = perf_counter()
	done = subprocess.run(["mbsync", "-c", str(configuration), "-q", "bench"], capture_output=True, text=True, check=False)
	seconds = perf_counter() - began
	if done.returncode:
		raise RuntimeError(f"mbsync failed: {done.stderr}")
	return sum(1 for _file in (maildir / "INBOX").glob("*/*")), seconds
