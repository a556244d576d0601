"""What is measured, each role in a process of its own: ``python -m benchmarks.worker ROLE SITES ARGUMENTS``."""

from __future__ import annotations

import imaplib
import json
import re
import sys
import threading
import time
from email import message_from_bytes, policy
from pathlib import Path
from queue import SimpleQueue
from statistics import median

import frappe

from benchmarks import corpus
from benchmarks.setup import PASSWORD, SITE, USER
from dokos_mail.engine.receive.model import Fetched, Position
from dokos_mail.inbound import account as accounts
from dokos_mail.inbound.journal import FolderJournal
from dokos_mail.inbound.lease import hold
from dokos_mail.inbound.process import process_pending
from dokos_mail.inbound.pull import PullResult, Work, fetch_new, no_progress, open_mailbox
from dokos_mail.inbound.time_limit import TimeLimit

ACCOUNT = "commercial"


def make_account(port: int, user: str) -> dict[str, float]:
	frappe.get_doc(
		{
			"doctype": "Email Account",
			"email_id": user,
			"email_account_name": user.partition("@")[0],
			"password": PASSWORD,
			"enable_incoming": 1,
			"use_imap": 1,
			"email_server": "127.0.0.1",
			"incoming_port": str(port),
			"append_to": "Opportunity",
			"email_sync_option": "ALL",
		}
	).insert()
	return {}


def journal(page_cache: int = 0) -> dict[str, float]:
	"""Journal the whole mailbox as a pull does; with ``page_cache`` MB of SQLite's pages in memory instead of the host's number."""
	if page_cache:
		frappe.db._conn.execute(f"PRAGMA cache_size=-{page_cache * 1000}")
	settings = frappe.get_doc("Email Account", ACCOUNT)
	settings.initial_sync_count = 10**9
	accounts.status_of(ACCOUNT)
	frappe.db.commit()
	start = peak()
	result = PullResult()
	with hold(accounts.status_of(ACCOUNT)) as lease:
		work = Work(ACCOUNT, settings, lease, result, no_progress, TimeLimit(None))
		began = time.perf_counter()
		with open_mailbox(settings) as session:
			fetch_new(session, FolderJournal(ACCOUNT, lease.status, "INBOX"), work)
		seconds = time.perf_counter() - began
	return {"messages": result.journalled, "seconds": seconds, "start": start, "peak": peak()}


def journal_one_by_one() -> dict[str, float]:
	"""The reference: a message per round trip, parsed by ``policy.default``, the same file and row, a commit each."""
	settings = frappe.get_doc("Email Account", ACCOUNT).incoming_settings()
	store = accounts.raw_store()
	folder = FolderJournal(ACCOUNT, accounts.status_of(ACCOUNT), "INBOX")
	frappe.db.commit()
	began = time.perf_counter()
	connection = imaplib.IMAP4(settings.host, settings.effective_port)
	connection.login(settings.login, settings.password)
	connection.select("INBOX", readonly=True)
	uidvalidity = int(connection.response("UIDVALIDITY")[1][0])
	uids = [int(uid) for uid in connection.uid("SEARCH", "ALL")[1][0].split()]
	for uid in uids:
		(head, raw), *_rest = connection.uid("FETCH", str(uid), "(UID FLAGS BODY.PEEK[])")[1]
		message = message_from_bytes(raw, policy=policy.default)
		assert message["Subject"]
		assert message.get_body(("html", "plain")) is not None
		writer = store.open()
		writer.write(raw)
		flags = re.search(rb"FLAGS \(([^)]*)\)", head)
		fetched = Fetched(uid, frozenset(flags[1].decode().split()) if flags else frozenset(), raw=store.commit([writer])[0])
		folder.record([fetched], Position(uidvalidity, uid))
		frappe.db.commit()
	seconds = time.perf_counter() - began
	connection.logout()
	return {"messages": len(uids), "seconds": seconds}


def process() -> dict[str, float]:
	"""Process all that is journalled."""
	accounts.raw_store()
	with hold(accounts.status_of(ACCOUNT)) as lease:
		start = peak()
		began = time.perf_counter()
		counts = process_pending(ACCOUNT, lease)
		seconds = time.perf_counter() - began
	return {"messages": counts.get("Processed", 0), "seconds": seconds, "start": start, "peak": peak()} | counts


#: Where processing spends its time: what is said of it, and the function that does it (file, name).
PARTS = {
	"parsing": ("engine/message/parse.py", "parse"),
	"deciding": ("inbound/decide.py", "decide"),
	"documents": ("inbound/documents.py", "make_document"),
	"Communications": ("inbound/store.py", "_file"),
	"of it sanitising": ("engine/message/html.py", "sanitise"),
	"files": ("inbound/store.py", "_attach"),
	"reactions": ("inbound/outcome.py", "_set_off"),
	"commits": ("frappe/database/database.py", "commit"),
}


def process_profiled() -> dict[str, float]:
	"""The same under Python's profiler: which share of the time each part takes, what it calls included."""
	import cProfile
	import pstats

	profile = cProfile.Profile()
	done = profile.runcall(process)
	spent = pstats.Stats(profile).stats
	shares = {
		part: sum(times[3] for (path, _line, name), times in spent.items() if path.endswith(file) and name == function)
		for part, (file, function) in PARTS.items()
	}
	return done | {part: seconds / done["seconds"] for part, seconds in shares.items()}


def pull_all(accounts: list[str]) -> dict[str, float]:
	"""Journal and process whole mailboxes, one after the other, as a worker does."""
	from dokos_mail.jobs import pull_account

	for name in accounts:
		account = frappe.get_doc("Email Account", name)
		account.db_set("initial_sync_count", 10**9)
	frappe.db.commit()
	began = time.time()
	messages = 0
	for name in accounts:
		result = pull_account(name)
		assert result is not None
		assert result.error is None, result.error
		messages += result.processed.get("Processed", 0)
	return {"messages": messages, "began": began, "ended": time.time()}


def arrivals(port: int, count: int) -> dict[str, float]:
	"""Append mails one by one; when a client that idles is told, and when the mail is a document, in seconds."""
	told: SimpleQueue[float] = SimpleQueue()
	idler = imaplib.IMAP4("127.0.0.1", port)
	idler.login(USER, PASSWORD)
	idler.select("INBOX", readonly=True)
	idler.send(b"x IDLE\r\n")
	assert idler.readline().startswith(b"+")

	def listen() -> None:
		while line := idler.readline():
			if line.endswith(b" EXISTS\r\n"):
				told.put(time.perf_counter())

	threading.Thread(target=listen, daemon=True).start()
	sender = imaplib.IMAP4("127.0.0.1", port)
	sender.login(USER, PASSWORD)
	pause, notices, documents = threading.Event(), [], []
	for number, message in enumerate(corpus.messages(count, seed=4), 1):
		put = time.perf_counter()
		sender.append("INBOX", None, None, message.replace(b"\n", b"\r\n"))
		while frappe.db.count("Communication", {"email_account": ACCOUNT}) < number:
			frappe.db.rollback()
			pause.wait(0.005)
		there = time.perf_counter()
		notice = told.get(timeout=30)
		notices.append(notice - put)
		documents.append(there - notice)
	return {"notice": median(notices), "after": median(documents), "worst": max(documents), "messages": count}


def watch(port: int, authority: str, count: int) -> dict[str, float]:
	"""Watch ``count`` mailboxes, each by a connection of its own over TLS."""
	from dokos_mail.engine.connect.settings import ServerSettings
	from dokos_mail.engine.receive.watch import Target, Watch

	up: list[str] = []
	lost: list[object] = []
	watching = Watch(lambda _key, _news: None, up.append, lambda *words: lost.append(words))
	watching.turn(0)
	start, began = resident(), time.perf_counter()
	settings = ServerSettings("127.0.0.1", USER, PASSWORD, port, "tls", ca_file=authority)
	watching.aim({str(number): Target(settings, ("INBOX",)) for number in range(count)})
	while len(up) < count:
		watching.turn(1)
		assert not lost, lost
	seconds = time.perf_counter() - began
	memory = resident()
	watching.close()
	return {"messages": count, "seconds": seconds, "start": start, "memory": memory}


def send(port: int, authority: str, count: int) -> dict[str, float]:
	"""Queue ``count`` mails as an app does, then send them as the scheduler's job does."""
	from dokos_mail import jobs

	frappe.local.conf.ssl_ca_file = authority
	values = {
		"doctype": "Email Account",
		"email_id": "devis@masociete.test",
		"email_account_name": "devis",
		"enable_outgoing": 1,
		"default_outgoing": 1,
		"smtp_server": "127.0.0.1",
		"smtp_port": str(port),
		"use_tls": 1,
		"password": PASSWORD,
		"signature": "<p>Le service commercial</p>",
		"add_signature": 1,
	}
	if not frappe.db.exists("Email Account", "devis"):
		frappe.get_doc(values).insert()
	frappe.db.commit()
	html = "<p>Bonjour,</p>" + "<p>Veuillez trouver ci-dessous notre <b>proposition</b>, valable un mois.</p>" * 20
	frappe.sendmail(recipients=["warm@there.test"], subject="Devis", message=html)
	began = time.perf_counter()
	for number in range(count):
		frappe.sendmail(recipients=[f"r{number}@there.test"], subject=f"Devis {number}", message=html)
		if not number % 100:
			frappe.db.commit()
	frappe.db.commit()
	queued = time.perf_counter() - began
	start = peak()
	began = time.perf_counter()
	sent = jobs.send_account_mail("devis")
	seconds = time.perf_counter() - began
	frappe.db.delete("Email Queue")
	frappe.db.delete("Email Queue Recipient")
	return {"messages": sent - 1, "queued": queued, "seconds": seconds, "start": start, "peak": peak()}


def resident() -> int:
	"""The memory this process has now, in octets."""
	status = Path("/proc/self/status").read_text()
	return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def peak() -> int:
	"""The most memory this process ever had, in octets (VmHWM: ru_maxrss would count its parent's as well)."""
	status = Path("/proc/self/status").read_text()
	return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


_ROLES = (make_account, journal, journal_one_by_one, process, process_profiled, pull_all, arrivals, watch, send)
ROLES = {role.__name__: role for role in _ROLES}


def main() -> None:
	role, sites, arguments = sys.argv[1:4]
	frappe.init(site=SITE, sites_path=str(Path(sites)))
	frappe.connect()
	frappe.set_user("Administrator")
	measured = ROLES[role](**json.loads(arguments))
	frappe.db.commit()
	frappe.destroy()
	print(json.dumps(measured))


if __name__ == "__main__":
	main()
