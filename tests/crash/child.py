"""What the children do: work that is cut at its n-th step, work that is not, and taking stock of what there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import frappe
from frappe.model.document import Document
from frappe.utils import get_datetime

from tests.crash.cut import Steps, watch

JOURNAL = "Incoming Email"


def connected(site: str, sites: str) -> None:
	"""Connect this child."""
	frappe.init(site, sites_path=sites)
	frappe.connect()
	frappe.set_user("Administrator")


def make_account(site: str, sites: str, values: dict[str, object]) -> str:
	connected(site, sites)
	account = frappe.get_doc(values).insert().name
	frappe.db.commit()
	frappe.destroy()
	return account


def change(site: str, sites: str, account: str, values: dict[str, object], age_days: int) -> None:
	"""Change an account's settings, and make all that is journalled so many days older."""
	connected(site, sites)
	if values:
		frappe.db.set_value("Email Account", account, values)
	for row in frappe.get_all(JOURNAL, fields=["name", "creation"]) if age_days else ():
		older = get_datetime(row.creation) - timedelta(days=age_days)
		frappe.db.set_value(JOURNAL, row.name, "creation", older, update_modified=False)
	frappe.db.commit()
	frappe.destroy()


def work(site: str, sites: str, account: str, job: str, cut_at: int, setting: str = "") -> list[str]:
	"""Do a job, killed at step ``cut_at``; 0 for not at all. Returns the names of its steps."""
	connected(site, sites)
	if setting:
		SETTINGS[setting]()
	steps = Steps(cut_at)
	watch(steps)
	JOBS[job](account)
	frappe.destroy()
	return steps.names


def resume(site: str, sites: str, account: str, job: str, setting: str = "") -> dict[str, object]:
	"""Do the job again, undisturbed, then pull as the scheduler does, until nothing is left to do; returns what there is then."""
	connected(site, sites)
	if setting:
		SETTINGS[setting]()
	JOBS[job](account)
	# What a POP3 pull deletes on the server, the next one finds gone.
	for _time in range(1 if frappe.db.get_value("Email Account", account, "use_imap") else 2):
		pull(account)
	state = state_of(account)
	frappe.destroy()
	return state


def pull(account: str) -> None:
	from dokos_mail.jobs import pull_account

	result = pull_account(account)
	assert result is not None
	assert result.error is None, result.error


def process_again(account: str) -> None:
	from dokos_mail import jobs

	names = frappe.get_all(JOURNAL, filters={"email_account": account, "state": ("in", ["Failed", "Ignored"])}, pluck="name")
	jobs.process_again(names)


def pull_and_react(account: str) -> None:
	from dokos_mail.jobs import react

	pull(account)
	react()


JOBS: dict[str, Callable[[str], None]] = {"pull": pull, "process again": process_again, "pull and react": pull_and_react}


def queue_mail(site: str, sites: str, recipient: str, message_id: str) -> None:
	"""A mail of ours that was sent, with its Communication."""
	connected(site, sites)
	sent = {"communication_medium": "Email", "sent_or_received": "Sent", "subject": "Devis", "message_id": message_id}
	mail = frappe.get_doc({"doctype": "Communication", "recipients": recipient, **sent}).insert()
	row = frappe.get_doc(
		{"doctype": "Email Queue", "message": "x", "status": "Sent", "message_id": message_id, "communication": mail.name}
	)
	row.append("recipients", {"recipient": recipient, "status": "Sent", "delivery_state": "Sent"})
	row.insert()
	frappe.db.set_value("Email Queue", row.name, "status", "Sent")
	frappe.db.set_value("Email Queue Recipient", {"parent": row.name}, {"status": "Sent", "delivery_state": "Sent"})
	frappe.db.commit()
	frappe.destroy()


def hook_commits() -> None:
	"""Another app's hook commits in the middle of a message, after everything that is inserted."""
	run_method = Document.run_method

	def run(self: Document, method: str, *args: object, **kwargs: object) -> object:
		answer = run_method(self, method, *args, **kwargs)
		if method == "after_insert" and self.doctype in ("Opportunity", "Communication", "File"):
			frappe.db.commit()
		return answer

	Document.run_method = run


def hooks_commit_everywhere() -> None:
	"""Another app commits whenever it is asked anything about any document, and whenever anything is written of one."""
	in_february()
	run_method, set_value = Document.run_method, frappe.db.set_value

	def run(self: Document, method: str, *args: object, **kwargs: object) -> object:
		answer = run_method(self, method, *args, **kwargs)
		frappe.db.commit()
		return answer

	def write(*args: object, **kwargs: object) -> None:
		set_value(*args, **kwargs)
		frappe.db.commit()

	Document.run_method, frappe.db.set_value = run, write


def cannot_parse() -> None:
	"""One kind of message cannot be processed."""
	from dokos_mail.inbound import ahead

	parse = ahead.parse

	def parse_or_fail(path: object, **options: object) -> object:
		if b"poison" in path.read_bytes():
			raise ValueError("poison")
		return parse(path, **options)

	ahead.parse = parse_or_fail


def position_before_rows() -> None:
	"""WRONG on purpose: the folder's position is kept before the rows are."""
	from dokos_mail.inbound.journal import FolderJournal

	write = FolderJournal.write

	def position_first(self: FolderJournal, batch: list, uidvalidity: int, **options: object) -> int:
		from dokos_mail.engine.receive.model import Position

		self.move(Position(uidvalidity, max(message.uid for message in batch)))
		frappe.db.commit()
		return write(self, batch, uidvalidity, **options)

	FolderJournal.write = position_first


def deletion_before_rows() -> None:
	"""WRONG on purpose: POP3 messages are deleted as they come, before the journal has them."""
	from dokos_mail.engine.receive.pop3 import Pop3Session

	fetch = Pop3Session.fetch

	def fetch_and_delete(self: Pop3Session, messages: list, *args: object, **options: object) -> object:
		batches = list(fetch(self, messages, *args, **options))
		self.delete([message.uid for batch in batches for message in batch])
		self.quit()
		self.quit = lambda: None
		self.delete = lambda numbers: list(numbers)
		yield from batches

	Pop3Session.fetch = fetch_and_delete


def in_february() -> None:
	"""It is just after the date at which the server here says that it received everything."""
	from dokos_mail.inbound import auto_reply

	auto_reply.now_datetime = lambda: datetime(2026, 2, 1, 10, 5)


def answer_without_a_name() -> None:
	"""WRONG on purpose: what is queued does not say which reaction it is of."""
	from dokos_mail.inbound import reactions

	hooks_commit_everywhere()
	reactions.reaction_of = lambda _row: None


def done_before_its_answer() -> None:
	"""WRONG on purpose: a reaction is done before its mail is queued."""
	from dokos_mail import jobs

	hooks_commit_everywhere()
	send = jobs.auto_reply.send

	def marked_first(row: frappe._dict) -> str:
		frappe.db.set_value("Email Reaction", row.name, "state", "Done")
		return send(row)

	jobs.auto_reply.send = marked_first


SETTINGS = {
	"in February": in_february,
	"answer without a name": answer_without_a_name,
	"done before its answer": done_before_its_answer,
	"hook commits": hook_commits,
	"hooks commit everywhere": hooks_commit_everywhere,
	"cannot parse": cannot_parse,
	"position before rows": position_before_rows,
	"deletion before rows": deletion_before_rows,
}


def state_of(account: str) -> dict[str, object]:
	"""All that is there, names and times aside."""
	rows = frappe.get_all(JOURNAL, filters={"email_account": account}, fields=["*"], order_by="name asc")
	documents = frappe.get_all("Opportunity", fields=["name", "title", "contact_email"], order_by="name asc")
	communications = frappe.get_all("Communication", filters={"email_account": account}, fields=["*"])
	files = frappe.get_all("File", filters={"attached_to_doctype": "Communication"}, fields=["content_hash", "attached_to_name"])
	subjects = {row.name: row.subject for row in communications}
	thread = {
		row.name: sorted(other.subject or "" for other in rows if other.reference_name == row.reference_name) for row in rows
	}
	columns = ("folder", "uid", "uidvalidity", "subject", "state", "reason", "rule", "reference_doctype", "raw_path", "size")
	more = ("acknowledged", "first_sync", "resync", "retired")
	return {
		"rows": sorted(
			repr([*(row[column] for column in (*columns, *more)), bool(row.communication), thread[row.name]]) for row in rows
		),
		"identities": [row.name for row in rows],
		"documents": sorted([row.title or "", row.contact_email or ""] for row in documents),
		"communications": sorted([row.subject, row.reference_doctype or "", row.imap_folder or ""] for row in communications),
		"pointers": sorted(row.incoming_email for row in communications if row.incoming_email),
		# Not by name: a file that a cut run left without a row makes the host call the next one otherwise.
		"files": sorted([row.content_hash, subjects[row.attached_to_name]] for row in files),
		"position": frappe.get_all(
			"Email Folder", fields=["folder", "uidvalidity", "last_uid", "generation", "passed_over"], order_by="folder asc"
		),
		"lease": frappe.db.get_value(
			"Email Account Status", {"email_account": account}, ["lease_token", "processing", "failures"]
		),
		"errors": frappe.db.count("Error Log"),
		"reactions": sorted(
			[row.kind, row.state, row.correspondent or ""] for row in frappe.get_all("Email Reaction", fields=["*"])
		),
		"queued": sorted(
			[row.recipient, row.delivery_state or ""] for row in frappe.get_all("Email Queue Recipient", fields=["*"])
		),
		"undeliverable": frappe.get_all("Undeliverable Address", fields=["address", "kind", "times"], order_by="address asc"),
	}
