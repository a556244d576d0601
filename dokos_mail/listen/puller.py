"""A process that pulls accounts for a listener: ``python -m dokos_mail.listen.puller DESCRIPTOR SITE SITES``.

It is told an account's name by line, and answers with what came of it. It ends when its listener does.
"""

from __future__ import annotations

import json
import signal
import socket
import sys

import frappe

#: Seconds after which a pull begins no other batch or message.
PULL_SECONDS = 20 * 60


def pull(site: str, sites_path: str, account: str) -> dict[str, str]:
	"""Pull one account on a connection of its own: ``outcome`` is done, busy (somebody else is at it), or error."""
	from dokos_mail.jobs import pull_account

	try:
		frappe.init(site, sites_path=sites_path)
		if frappe.local.conf.get("maintenance_mode"):
			return {"outcome": "busy"}
		frappe.connect()
		return {"outcome": "busy" if pull_account(account, seconds=PULL_SECONDS) is None else "done"}
	except Exception as error:
		# The listener says it and tries again: the database may be away.
		return {"outcome": "error", "detail": f"{type(error).__name__}: {error}"[:500]}
	finally:
		frappe.destroy()


def main() -> None:
	"""Answer until the other end is closed."""
	descriptor, site, sites_path = sys.argv[1:4]
	# A process manager tells the whole group to stop; what is being pulled comes to its end first.
	signal.signal(signal.SIGTERM, signal.SIG_IGN)
	signal.signal(signal.SIGINT, signal.SIG_IGN)
	warm_up(site, sites_path)
	with socket.socket(fileno=int(descriptor)) as line, line.makefile("rw", encoding="utf-8", newline="\n") as words:
		for request in words:
			answer = pull(site, sites_path, json.loads(request))
			try:
				words.write(json.dumps(answer) + "\n")
				words.flush()
			except BrokenPipeError:
				return


def warm_up(site: str, sites_path: str) -> None:
	"""Load what a pull needs before the first one waits for it."""
	from dokos_mail.inbound import pull as _pull

	assert _pull
	try:
		frappe.init(site, sites_path=sites_path)
		frappe.connect()
		frappe.get_meta("Communication")
		frappe.get_meta("Email Account")
	except Exception as error:
		print(f"mail-listen: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
	finally:
		frappe.destroy()


if __name__ == "__main__":
	main()
