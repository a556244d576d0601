"""pymap's own program, with one addition: a line on an inherited pipe once it listens (it has no other sign)."""

from __future__ import annotations

import os

import pymap.main


def _tell() -> None:
	descriptor = int(os.environ["MAIL_SERVERS_READY"])
	os.write(descriptor, b"ready\n")
	os.close(descriptor)


pymap.main.notify_ready = _tell

if __name__ == "__main__":
	pymap.main.main()
