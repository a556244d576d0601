"""Who holds a lease: a token that says which process, so that one that died on this machine is known at once."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import frappe


def new_token() -> str:
	"""A token of this process that no other holder ever has."""
	return f"{_process_space()}:{os.getpid()}:{_started(os.getpid())}:{frappe.generate_hash(length=12)}"


def died_here(token: str) -> bool:
	"""True when the holder ran where we can see processes, and is no longer there (or its number is another's)."""
	space, _, rest = token.partition(":")
	pid, _, rest = rest.partition(":")
	started = rest.partition(":")[0]
	if not space or space != _process_space() or not pid.isdigit():
		return False
	return _started(int(pid)) != started


@lru_cache(maxsize=1)
def _process_space() -> str:
	"""Names the set of processes we can see: this boot and this PID namespace. Empty where that cannot be told."""
	try:
		boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
		return f"{boot[:13]}.{os.stat('/proc/self/ns/pid').st_ino}"
	except OSError:
		return ""


def _started(pid: int) -> str:
	"""When a process started, in clock ticks since boot; empty when there is no such process."""
	try:
		stat = Path(f"/proc/{pid}/stat").read_text()
	except OSError:
		return ""
	return stat.rpartition(")")[2].split()[19]
