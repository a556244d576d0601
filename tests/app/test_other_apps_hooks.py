"""Another app's hook does as it pleases while mail is stored: nothing is lost, nothing is there twice, nothing waits."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from email.message import EmailMessage

import frappe
import pytest
from frappe.model.document import Document

from dokos_mail.files import octets
from dokos_mail.jobs import process_again, pull_account
from tests.app.test_pull import journal, pull
from tests.mailbox import Mailbox, raw

Hook = Callable[[Document], None]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, Hook], None]]:
	"""``hook("Opportunity", "after_insert", function)``: as another app's ``doc_events``; None takes it away again."""
	hooks: dict[tuple[str, str], Hook | None] = {}
	run_method = Document.run_method

	def run(self: Document, method: str, *args: object, **kwargs: object) -> object:
		answer = run_method(self, method, *args, **kwargs)
		if there := hooks.get((self.doctype, method)):
			there(self)
		return answer

	def register(doctype: str, method: str, function: Hook | None) -> None:
		hooks[doctype, method] = function

	monkeypatch.setattr(Document, "run_method", run)
	return register


def of_poison(function: Hook) -> Hook:
	"""The hook, for the message called poison alone."""

	def only(doc: Document) -> None:
		if "poison" in (doc.get("subject") or doc.get("title") or doc.get("file_name") or ""):
			function(doc)

	return only


def raising(error: Exception) -> Hook:
	def hook(_doc: Document) -> None:
		raise error

	return hook


def commit(_doc: Document) -> None:
	frappe.db.commit()


def rollback(_doc: Document) -> None:
	frappe.db.rollback()


def communications(mailbox: Mailbox) -> list[str]:
	return frappe.get_all("Communication", filters={"email_account": mailbox.account}, pluck="name")


def made(mailbox: Mailbox) -> int:
	"""How many Opportunities there are since the account was made: on a bench, those of earlier tests stay."""
	since = frappe.db.get_value("Email Account", mailbox.account, "creation")
	# nor those that tests with a clock of their own made in what is the future here
	of_now = [["creation", ">=", since], ["creation", "<=", frappe.utils.now_datetime()]]
	return len(frappe.get_all("Opportunity", filters=of_now, pluck="name"))


def whole(mailbox: Mailbox) -> None:
	"""Every row is processed, into a Communication of its own on a document of its own, and there is nothing besides."""
	rows = journal(mailbox)
	assert {row.state for row in rows} == {"Processed"}
	assert sorted(row.communication for row in rows) == sorted(communications(mailbox))
	assert made(mailbox) == len({row.reference_name for row in rows}) == len(rows)
	for row in rows:
		placed = frappe.db.get_value("Communication", row.communication, ["reference_doctype", "reference_name"])
		assert tuple(placed) == ("Opportunity", row.reference_name)
		assert frappe.db.exists("Opportunity", row.reference_name)


@pytest.mark.parametrize("doctype", ["Opportunity", "Communication"])
@pytest.mark.parametrize("method", ["before_insert", "validate", "after_insert", "on_update"])
@pytest.mark.parametrize("before", [None, commit])
def test_a_hook_that_raises_fails_its_message_alone(
	mailbox: Mailbox, hook: Callable[..., None], doctype: str, method: str, before: Hook | None
) -> None:
	def act(doc: Document) -> None:
		if before:
			before(doc)
		raise RuntimeError("the other app is broken")

	hook(doctype, method, of_poison(act))
	mailbox.put(raw("avant"), raw("poison", sender="poison@client.test"), raw("après"))
	pull(mailbox)
	first, poison, last = journal(mailbox)
	assert [first.state, poison.state, last.state] == ["Processed", "Failed", "Processed"]
	assert "the other app is broken" in poison.reason
	assert (poison.subject, poison.sender) == ("poison", "poison@client.test")
	hook(doctype, method, None)
	process_again([poison.name])
	whole(mailbox)


@pytest.mark.parametrize("doctype", ["Opportunity", "Communication"])
@pytest.mark.parametrize("method", ["after_insert", "on_update"])
def test_a_hook_that_rolls_back_loses_nothing(mailbox: Mailbox, hook: Callable[..., None], doctype: str, method: str) -> None:
	hook(doctype, method, of_poison(rollback))
	mailbox.put(raw("avant"), raw("poison"), raw("après"))
	pull(mailbox)
	_first, poison, last = journal(mailbox)
	assert last.state == "Processed"
	assert poison.state == "Failed"
	hook(doctype, method, None)
	process_again([poison.name])
	whole(mailbox)


def test_files_that_were_kept_before_a_hook_failed_are_kept_once(mailbox: Mailbox, hook: Callable[..., None]) -> None:
	"""What was kept is known by its octets, of which some hosts make text."""
	contents = {"photo.png": b"\x89PNG\xff\xfe", "notes.csv": "\ufeffété".encode(), "poison.bin": b"the last"}
	mail = EmailMessage()
	mail["From"], mail["Subject"], mail["Message-ID"] = "a@client.test", "files", f"<{frappe.generate_hash()}@client.test>"
	for name, content in contents.items():
		mail.add_attachment(content, "application", "octet-stream", filename=name)

	def commit_and_raise(_doc: Document) -> None:
		frappe.db.commit()
		raise RuntimeError("broken")

	hook("File", "after_insert", of_poison(commit_and_raise))
	mailbox.put(mail.as_bytes())
	pull(mailbox)
	(row,) = journal(mailbox)
	assert row.state == "Failed"
	hook("File", "after_insert", None)
	process_again([row.name])
	(row,) = journal(mailbox)
	names = frappe.get_all("File", {"attached_to_name": row.communication}, pluck="name")
	assert row.state == "Processed"
	assert sorted(octets(frappe.get_doc("File", name)) for name in names) == sorted(contents.values())


@pytest.mark.parametrize("doctype", ["Opportunity", "Communication"])
@pytest.mark.parametrize("then", [None, commit])
def test_a_hook_that_deletes_what_was_made_says_so(
	mailbox: Mailbox, hook: Callable[..., None], doctype: str, then: Hook | None
) -> None:
	def delete(doc: Document) -> None:
		frappe.delete_doc(doc.doctype, doc.name, ignore_permissions=True, force=True)
		if then:
			then(doc)

	hook(doctype, "after_insert", of_poison(delete))
	mailbox.put(raw("poison"), raw("après"))
	pull(mailbox)
	poison, last = journal(mailbox)
	assert (poison.state, last.state) == ("Failed", "Processed")
	assert poison.reason
	hook(doctype, "after_insert", None)
	process_again([poison.name])
	whole(mailbox)


def test_a_half_made_document_that_somebody_deleted_is_made_anew(mailbox: Mailbox, hook: Callable[..., None]) -> None:
	def commit_and_raise(_doc: Document) -> None:
		frappe.db.commit()
		raise RuntimeError("broken")

	hook("Opportunity", "after_insert", of_poison(commit_and_raise))
	mailbox.put(raw("poison"))
	pull(mailbox)
	(poison,) = journal(mailbox)
	frappe.delete_doc("Opportunity", poison.reference_name, force=True)
	frappe.db.commit()
	hook("Opportunity", "after_insert", None)
	process_again([poison.name])
	whole(mailbox)


@pytest.mark.parametrize(
	"error",
	[ConnectionError("webhook is down"), TimeoutError("webhook is slow"), FileNotFoundError(errno.ENOENT, "no such template")],
	ids=lambda error: type(error).__name__,
)
def test_a_hook_whose_own_surroundings_fail_holds_nothing_back(
	mailbox: Mailbox, hook: Callable[..., None], error: OSError
) -> None:
	"""What libraries raise for the network derives from OSError, and says nothing of our disk."""
	hook("Communication", "after_insert", of_poison(raising(error)))
	mailbox.put(raw("avant"), raw("poison"), raw("après"))
	pull(mailbox)
	assert [row.state for row in journal(mailbox)] == ["Processed", "Failed", "Processed"]


def test_a_full_disk_is_waited_out_and_held_against_no_message(mailbox: Mailbox, hook: Callable[..., None]) -> None:
	hook("Communication", "after_insert", raising(OSError(errno.ENOSPC, "No space left on device")))
	mailbox.put(raw("un"), raw("deux"))
	for _attempt in range(5):
		result = pull_account(mailbox.account)
		assert result.error.kind == "storage_full"
	assert [(row.state, row.attempts) for row in journal(mailbox)] == [("Journalled", 0)] * 2
	hook("Communication", "after_insert", None)
	pull(mailbox)
	whole(mailbox)


@pytest.mark.parametrize("database_error", ["QueryDeadlockError", "QueryTimeoutError"])
def test_a_database_that_is_busy_is_tried_again(
	mailbox: Mailbox, hook: Callable[..., None], database_error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
	error = getattr(frappe, database_error, None) or type(database_error, (Exception,), {})
	monkeypatch.setattr(frappe, database_error, error, raising=False)
	times = []

	def busy_once(_doc: Document) -> None:
		times.append(1)
		if len(times) == 1:
			raise error("busy")

	hook("Communication", "after_insert", busy_once)
	mailbox.put(raw("un"), raw("deux"))
	pull(mailbox)
	whole(mailbox)


def test_one_message_in_two_folders_is_one_also_when_the_first_failed_half_way(
	make_mailbox: Callable[..., Mailbox], hook: Callable[..., None]
) -> None:
	mailbox = make_mailbox(append_to="Opportunity", imap_folder=[{"folder_name": "INBOX"}, {"folder_name": "Archives"}])
	mailbox.server.create_folder(mailbox.user, "Archives")
	message = raw("poison", message_id="half@client.test")
	times = []

	def commit_and_raise_once(_doc: Document) -> None:
		times.append(1)
		if len(times) == 1:
			frappe.db.commit()
			raise RuntimeError("broken")

	hook("Communication", "after_insert", of_poison(commit_and_raise_once))
	mailbox.put(message)
	mailbox.put(message, folder="Archives")
	pull(mailbox)
	assert sorted(row.state for row in journal(mailbox)) == ["Duplicate", "Failed"]
	process_again([row.name for row in journal(mailbox, state="Failed")])
	assert sorted(row.state for row in journal(mailbox)) == ["Duplicate", "Processed"]
	assert len(communications(mailbox)) == 1


def test_a_document_that_has_the_name_of_a_deleted_one_is_anothers(mailbox: Mailbox) -> None:
	"""A naming series gives the number of a deleted document again: another mail's document may have it by then."""
	mailbox.put(raw("un"), raw("deux"))
	pull(mailbox)
	first, second = journal(mailbox)
	frappe.delete_doc("Communication", first.communication, force=True)
	frappe.delete_doc("Opportunity", first.reference_name, force=True)
	values = {"state": "Failed", "communication": None, "reference_name": second.reference_name}
	frappe.db.set_value("Incoming Email", first.name, values)
	frappe.db.commit()
	process_again([first.name])
	whole(mailbox)


def test_a_hook_that_renames_the_document_keeps_the_mail_on_it(mailbox: Mailbox, hook: Callable[..., None]) -> None:
	def rename(doc: Document) -> None:
		frappe.rename_doc(doc.doctype, doc.name, f"{doc.name}-VIP", force=True)

	hook("Opportunity", "after_insert", of_poison(rename))
	mailbox.put(raw("poison"))
	pull(mailbox)
	(row,) = journal(mailbox)
	assert row.reference_name.endswith("-VIP")
	whole(mailbox)


def test_a_contact_that_another_app_refuses_costs_no_mail(
	make_mailbox: Callable[..., Mailbox], hook: Callable[..., None]
) -> None:
	mailbox = make_mailbox(append_to="Opportunity", create_contact=1)
	hook("Contact", "validate", raising(KeyError("territory")))
	mailbox.put(raw("un"))
	pull(mailbox)
	whole(mailbox)


def test_a_job_that_is_out_of_time_blames_no_message(mailbox: Mailbox, hook: Callable[..., None]) -> None:
	"""The host's worker ends a job by an exception that may surface anywhere."""
	from dokos_mail.host import job_timeouts

	hook("Communication", "after_insert", raising(job_timeouts()[0]("30 minutes")))
	mailbox.put(raw("un"))
	with pytest.raises(job_timeouts()):
		pull_account(mailbox.account)
	assert [row.state for row in journal(mailbox)] == ["Journalled"]
	hook("Communication", "after_insert", None)
	pull(mailbox)
	whole(mailbox)
