"""Two accounts pulled whole by two workers, against one worker that pulls two others, on a bench's own database.

In the bench's ``sites`` folder, with the bench's Python, on a site made for it (its mail stays there):

    PYTHONPATH=REPOSITORY ../env/bin/python -m benchmarks.host_workers --site SITE [--messages 300] [--append-to DOCTYPE]

Each worker is a process of its own that has pulled a few messages before the clock is started for all.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import frappe

from benchmarks.host_rate import PASSWORD, WARM_UP, Mail, by_us, make_account
from mail_servers.dovecot import Dovecot


def work(accounts: Sequence[str]) -> None:
	"""A worker: warm up, say so, wait for the word, pull; then say how long it took."""
	for account in accounts:
		by_us(account)
	print("ready", flush=True)
	sys.stdin.readline()
	began = time.time()
	for account in accounts:
		by_us(account)
	frappe.db.commit()
	print(began, time.time(), flush=True)


class Worker:
	"""A worker's process."""

	def __init__(self, site: str, accounts: Sequence[str]) -> None:
		command = [sys.executable, "-m", "benchmarks.host_workers", "--site", site, "--pull", *accounts]
		self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

	def says(self) -> str:
		assert self.process.stdout
		line = self.process.stdout.readline()
		if not line:
			raise RuntimeError("a worker ended early")
		return line

	def go(self) -> None:
		assert self.process.stdin
		self.process.stdin.write("\n")
		self.process.stdin.flush()


def measure(site: str, server: Dovecot, count: int, append_to: str | None) -> tuple[float, float]:
	"""Seconds for two accounts by one worker, and for two others by two."""
	users = [f"worker-{number}-{time.time_ns()}@masociete.test" for number in range(4)]
	mail = [Mail(10 + number) for number in range(4)]
	for user, its in zip(users, mail, strict=True):
		server.add_user(user, PASSWORD)
		server.append(user, its.take(WARM_UP))
	accounts = [make_account(server, user, append_to) for user in users]
	seconds = []
	for workers in ([accounts[:2]], [accounts[2:3], accounts[3:]]):
		running = [Worker(site, its) for its in workers]
		for worker in running:
			assert worker.says() == "ready\n"
		for user, its, account in zip(users, mail, accounts, strict=True):
			if any(account in named for named in workers):
				server.append(user, its.take(count))
		for worker in running:
			worker.go()
		times = [[float(word) for word in worker.says().split()] for worker in running]
		seconds.append(max(end for _begin, end in times) - min(begin for begin, _end in times))
		for worker in running:
			worker.process.communicate()
	frappe.db.rollback()
	for account in accounts:
		there = frappe.db.count("Communication", {"email_account": account})
		if there != count + WARM_UP:
			raise RuntimeError(f"{account}: {there} Communications of {count + WARM_UP} messages")
		frappe.db.set_value("Email Account", account, "enable_incoming", 0)
	frappe.db.commit()
	return seconds[0], seconds[1]


def main() -> None:
	arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
	arguments.add_argument("--site", required=True, help="a site of this bench with the app, made for this")
	arguments.add_argument("--messages", type=int, default=300, help="how many each account has (default %(default)s)")
	arguments.add_argument("--append-to", help="a document type that each becomes (default: none, as an account's)")
	arguments.add_argument("--pull", nargs="+", help=argparse.SUPPRESS)
	chosen = arguments.parse_args()
	frappe.init(chosen.site, sites_path=os.getcwd())
	frappe.connect()
	frappe.set_user("Administrator")
	if chosen.pull:
		work(chosen.pull)
	else:
		with TemporaryDirectory(prefix="dokos-mail-bench-") as folder, Dovecot(Path(folder)) as server:
			one, two = measure(chosen.site, server, chosen.messages, chosen.append_to)
		count = 2 * chosen.messages
		print(
			f"{one / two:.2f} times with two workers what one does (goal 1.3): {count / two:.1f} messages/s against {count / one:.1f}/s; "
			f"{os.getloadavg()[0]:.1f} load at the end, {os.cpu_count()} processors"
		)
	frappe.destroy()


if __name__ == "__main__":
	main()
