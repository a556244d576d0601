"""frappe.enqueue and the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe
import pytest


def last_name(doc: Any) -> str:
	frappe.db.rollback()
	return frappe.db.get_value("Contact", doc.name, "last_name")


def unique() -> str:
	return f"job-{frappe.generate_hash(length=10)}"


@pytest.fixture
def rename(probe: Callable[..., str]) -> str:
	"""The dotted name of a function that writes."""

	def write(name: str, to: str) -> None:
		frappe.db.set_value("Contact", name, "last_name", to)

	return probe(write)


def test_a_job_runs_in_a_worker_and_is_committed(contact: Callable[..., Any], rename: str, run_jobs: Callable[[], None]) -> None:
	doc = contact(last_name="before")
	frappe.enqueue(rename, queue="short", name=doc.name, to="after")
	assert last_name(doc) == "before"
	run_jobs()
	assert last_name(doc) == "after"


@pytest.mark.parametrize("queue", ["short", "default", "long"])
def test_every_queue_is_worked_on(contact: Callable[..., Any], rename: str, run_jobs: Callable[[], None], queue: str) -> None:
	doc = contact()
	frappe.enqueue(rename, queue=queue, name=doc.name, to=queue)
	run_jobs()
	assert last_name(doc) == queue


def test_a_queue_that_is_not_there(rename: str) -> None:
	with pytest.raises(Exception, match=r"(?i)queue"):
		frappe.enqueue(rename, queue="express", name="x", to="y")


def test_a_job_acts_as_the_user_who_queued_it(
	contact: Callable[..., Any], user: Callable[..., str], probe: Callable[..., str], run_jobs: Callable[[], None]
) -> None:
	doc, email = contact(), user()

	def write(name: str) -> None:
		frappe.db.set_value("Contact", name, "last_name", frappe.session.user)

	name = probe(write)
	frappe.set_user(email)
	frappe.enqueue(name, name=doc.name)
	frappe.set_user("Administrator")
	run_jobs()
	assert last_name(doc) == email


def test_enqueue_doc_runs_a_method_of_the_document(contact: Callable[..., Any], run_jobs: Callable[[], None]) -> None:
	doc = contact()
	frappe.enqueue_doc("Contact", doc.name, "db_set", fieldname="last_name", value="set")
	run_jobs()
	assert last_name(doc) == "set"


def test_now_runs_at_once_in_the_callers_transaction(contact: Callable[..., Any], rename: str) -> None:
	doc = contact(last_name="before")
	frappe.enqueue(rename, now=True, name=doc.name, to="after")
	assert frappe.db.get_value("Contact", doc.name, "last_name") == "after"
	assert last_name(doc) == "before"


def test_now_returns_what_the_function_returns(probe: Callable[..., str]) -> None:
	assert frappe.enqueue(probe(lambda a: a * 2), now=True, a=21) == 42


def test_after_commit(contact: Callable[..., Any], rename: str, run_jobs: Callable[[], None]) -> None:
	doc = contact(last_name="before")
	assert frappe.enqueue(rename, enqueue_after_commit=True, name=doc.name, to="dropped") is None
	frappe.db.rollback()
	run_jobs()
	assert last_name(doc) == "before"
	job_id = unique()
	frappe.enqueue(rename, enqueue_after_commit=True, job_id=job_id, name=doc.name, to="kept")
	assert not is_enqueued(job_id)
	frappe.db.commit()
	assert is_enqueued(job_id)
	run_jobs()
	assert last_name(doc) == "kept"


def is_enqueued(job_id: str) -> bool:
	from frappe.utils.background_jobs import is_job_enqueued

	return bool(is_job_enqueued(job_id))


def test_deduplicate_while_queued_and_not_after(contact: Callable[..., Any], rename: str, run_jobs: Callable[[], None]) -> None:
	doc, job_id = contact(), unique()
	args = {"job_id": job_id, "deduplicate": True, "name": doc.name}
	assert frappe.enqueue(rename, **args, to="first") is not None
	assert is_enqueued(job_id)
	assert frappe.enqueue(rename, **args, to="second") is None
	run_jobs()
	assert last_name(doc) == "first"
	assert not is_enqueued(job_id)
	assert frappe.enqueue(rename, **args, to="third") is not None
	run_jobs()
	assert last_name(doc) == "third"


def test_deduplicate_while_it_runs(contact: Callable[..., Any], probe: Callable[..., str], run_jobs: Callable[[], None]) -> None:
	doc, job_id = contact(), unique()

	def try_again(name: str) -> None:
		again = frappe.enqueue("frappe.ping", job_id=job_id, deduplicate=True)
		frappe.db.set_value("Contact", name, "last_name", "refused" if again is None else "queued")

	frappe.enqueue(probe(try_again), job_id=job_id, name=doc.name)
	run_jobs()
	assert last_name(doc) == "refused"


def test_deduplicate_is_looked_up_when_asked_not_at_the_commit(
	contact: Callable[..., Any], probe: Callable[..., str], run_jobs: Callable[[], None]
) -> None:
	doc, job_id = contact(last_name="x"), unique()

	def add(name: str) -> None:
		frappe.db.set_value("Contact", name, "last_name", frappe.db.get_value("Contact", name, "last_name") + "x")

	for _twice in range(2):
		frappe.enqueue(probe(add), job_id=job_id, deduplicate=True, enqueue_after_commit=True, name=doc.name)
	frappe.db.commit()
	run_jobs()
	assert last_name(doc) == "xxx"


def test_deduplicate_needs_an_id(rename: str) -> None:
	with pytest.raises(frappe.ValidationError):
		frappe.enqueue(rename, deduplicate=True, name="x", to="y")


def test_a_job_that_fails_is_rolled_back_and_logged(
	contact: Callable[..., Any], probe: Callable[..., str], run_jobs: Callable[[], None]
) -> None:
	doc, job_id = contact(last_name="before"), unique()

	def fail(name: str) -> None:
		frappe.db.set_value("Contact", name, "last_name", "after")
		raise RuntimeError(f"boom {job_id}")

	frappe.enqueue(probe(fail), job_id=job_id, deduplicate=True, name=doc.name)
	run_jobs()
	assert last_name(doc) == "before"
	assert not is_enqueued(job_id)
	logs = frappe.get_all("Error Log", filters={"error": ("like", f"%boom {job_id}%")}, pluck="name")
	assert len(logs) == 1
	frappe.delete_doc("Error Log", logs[0])
	frappe.db.commit()


def test_a_failure_does_not_stop_the_jobs_after_it(
	contact: Callable[..., Any], probe: Callable[..., str], rename: str, run_jobs: Callable[[], None]
) -> None:
	doc = contact()
	frappe.enqueue(probe(lambda: 1 / 0))
	frappe.enqueue(rename, name=doc.name, to="after")
	run_jobs()
	assert last_name(doc) == "after"


def test_order_and_at_front(contact: Callable[..., Any], probe: Callable[..., str], run_jobs: Callable[[], None]) -> None:
	doc = contact(last_name="-")

	def add(name: str, what: str) -> None:
		frappe.db.set_value("Contact", name, "last_name", frappe.db.get_value("Contact", name, "last_name") + what)

	name = probe(add)
	for what in "ab":
		frappe.enqueue(name, name=doc.name, what=what)
	frappe.enqueue(name, at_front=True, name=doc.name, what="c")
	run_jobs()
	assert last_name(doc) == "-cab"


def test_a_job_that_takes_too_long_is_ended(
	contact: Callable[..., Any], probe: Callable[..., str], run_jobs: Callable[[], None]
) -> None:
	"""By an exception in the midst of it: JobTimeout here, rq's on a bench."""
	doc = contact(last_name="before")

	def hang(name: str) -> None:
		frappe.db.set_value("Contact", name, "last_name", "after")
		while True:
			sum(range(1000))

	title = probe(hang)
	frappe.enqueue(title, timeout=1, name=doc.name)
	run_jobs()
	assert last_name(doc) == "before"
	logs = frappe.get_all("Error Log", filters={"error": ("like", "%hang%Timeout%")}, pluck="name")
	assert logs
	for log in logs:
		frappe.delete_doc("Error Log", log)
	frappe.db.commit()
