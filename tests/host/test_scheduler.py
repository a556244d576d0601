"""scheduler_events: rows kept in step with the hooks, what is due when, and what a tick queues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import frappe
import pytest

SYNC = "frappe.core.doctype.scheduled_job_type.scheduled_job_type"


@pytest.fixture(autouse=True)
def undone(site: Any) -> Iterator[None]:
	yield
	frappe.db.rollback()


def sync(monkeypatch: pytest.MonkeyPatch, events: dict[str, Any]) -> None:
	"""Bring the rows in line with these events, and only these."""
	get_hooks = frappe.get_hooks

	def hooks(hook: str | None = None, *args: Any, **kwargs: Any) -> Any:
		return events if hook == "scheduler_events" else get_hooks(hook, *args, **kwargs)

	monkeypatch.setattr(frappe, "get_hooks", hooks)
	frappe.get_attr(f"{SYNC}.sync_jobs")()


def rows() -> dict[str, tuple[str, str | None]]:
	found = frappe.get_all("Scheduled Job Type", fields=["method", "frequency", "cron_format"])
	return {row.method: (row.frequency, row.cron_format or None) for row in found}


def test_every_event_of_the_hooks_has_a_row(site: Any) -> None:
	wanted = frappe.get_hooks("scheduler_events")
	named = {method for key, value in wanted.items() if isinstance(value, list) for method in value}
	for expressions in (value for value in wanted.values() if isinstance(value, dict)):
		named |= {method for methods in expressions.values() for method in methods}
	assert named and named <= set(rows())


def test_last_execution_decides_what_is_due(site: Any) -> None:
	def due(frequency: str, last: str, now: str, cron: str | None = None) -> bool:
		values = {"doctype": "Scheduled Job Type", "method": "frappe.ping", "frequency": frequency, "cron_format": cron}
		doc = frappe.get_doc({**values, "last_execution": last, "creation": last})
		return doc.is_event_due(datetime.fromisoformat(now))

	assert not due("Hourly", "2026-03-01 10:00:01", "2026-03-01 10:59:59")
	assert due("Hourly", "2026-03-01 10:59:59", "2026-03-01 11:00:00")
	# 15 and 16 spread the long ones over ten minutes
	assert due("Hourly Long", "2026-03-01 10:59:59", "2026-03-01 11:10:00")
	assert not due("Daily", "2026-03-01 00:00:01", "2026-03-01 23:59:59")
	assert due("Daily", "2026-03-01 23:59:00", "2026-03-02 00:00:00")
	assert due("Weekly", "2026-02-28 10:00:00", "2026-03-01 00:00:00")
	assert not due("Weekly", "2026-03-01 00:00:01", "2026-03-07 23:59:59")
	assert due("Monthly", "2026-02-28 10:00:00", "2026-03-01 00:00:00")
	assert not due("Cron", "2026-03-01 10:16:00", "2026-03-01 10:29:59", "*/15 * * * *")
	assert due("Cron", "2026-03-01 10:16:00", "2026-03-01 10:30:00", "*/15 * * * *")


def test_all_comes_every_four_minutes_unless_configured(site: Any) -> None:
	values = {"doctype": "Scheduled Job Type", "method": "frappe.ping", "frequency": "All"}
	last = {"last_execution": "2026-03-01 10:00:30", "creation": "2026-03-01 10:00:30"}
	assert frappe.get_doc({**values, **last}).get_next_execution() == datetime(2026, 3, 1, 10, 4)


@pytest.fixture
def job_type(site: Any, probe: Callable[..., str]) -> Iterator[Callable[..., Any]]:
	"""Makes a committed row whose method calls a function."""
	made: list[str] = []

	def make(function: Callable, frequency: str = "Hourly", **values: Any) -> Any:
		method = probe(function)
		doc = frappe.get_doc({"doctype": "Scheduled Job Type", "method": method, "frequency": frequency, **values})
		doc.insert(ignore_permissions=True)
		doc.db_set("last_execution", "2026-03-01 10:00:00", update_modified=False)
		frappe.db.commit()
		made.append(doc.name)
		return frappe.get_doc("Scheduled Job Type", doc.name)

	yield make
	frappe.db.rollback()
	for name in made:
		frappe.delete_doc("Scheduled Job Type", name, force=True, ignore_permissions=True)
	frappe.db.commit()


def test_what_is_due_is_queued_once_and_run(job_type: Callable[..., Any], run_jobs: Callable[[], None]) -> None:
	doc = job_type(lambda: frappe.db.set_value("Scheduled Job Type", doc.name, "cron_format", "0 5 * * *"))
	assert doc.enqueue()
	assert not doc.enqueue()
	assert not doc.enqueue(force=True)
	run_jobs()
	after = frappe.get_doc("Scheduled Job Type", doc.name)
	assert after.cron_format == "0 5 * * *"
	assert after.last_execution > doc.last_execution
	assert not after.enqueue()


def test_a_failure_is_rolled_back_and_counts_as_run(job_type: Callable[..., Any], run_jobs: Callable[[], None]) -> None:
	def fail() -> None:
		frappe.db.set_value("Scheduled Job Type", doc.name, "cron_format", "0 5 * * *")
		raise RuntimeError("boom")

	doc = job_type(fail)
	assert doc.enqueue()
	run_jobs()
	after = frappe.get_doc("Scheduled Job Type", doc.name)
	assert not after.cron_format
	assert after.last_execution > doc.last_execution


def test_a_tick_queues_what_is_due_and_not_stopped(job_type: Callable[..., Any], run_jobs: Callable[[], None]) -> None:
	from frappe.utils import scheduler

	def tick() -> list[str]:
		# 15 wants to be told the site
		return frappe.call(scheduler.enqueue_events, site=frappe.local.site)

	due, stopped = job_type(lambda: None), job_type(lambda: None, stopped=1)
	queued = tick()
	assert due.method in queued
	assert stopped.method not in queued
	assert due.method not in tick()
	run_jobs()


@pytest.mark.embedded
class TestSync:
	"""On a bench these would take away the rows of every other app; what they say was read there."""

	def test_rows_follow_the_hooks(self, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
		events = {
			"all": ["frappe.ping"],
			"daily_long": ["frappe.utils.now"],
			"cron": {"0 3 * * *": ["frappe.utils.today"]},
		}
		sync(monkeypatch, events)
		assert rows() == {
			"frappe.ping": ("All", None),
			"frappe.utils.now": ("Daily Long", None),
			"frappe.utils.today": ("Cron", "0 3 * * *"),
		}
		sync(monkeypatch, {"hourly": ["frappe.ping"], "cron": {"0 4 * * *": ["frappe.utils.today"]}})
		assert rows() == {"frappe.ping": ("Hourly", None), "frappe.utils.today": ("Cron", "0 4 * * *")}

	def test_stopped_survives(self, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
		sync(monkeypatch, {"hourly": ["frappe.ping"]})
		frappe.db.set_value("Scheduled Job Type", {"method": "frappe.ping"}, "stopped", 1)
		sync(monkeypatch, {"hourly": ["frappe.ping"], "daily": ["frappe.utils.now"]})
		assert frappe.db.get_value("Scheduled Job Type", {"method": "frappe.ping"}, "stopped") == 1

	def test_methods_that_end_alike_share_a_row(self, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
		sync(monkeypatch, {"hourly": ["frappe.utils.now", "frappe.utils.data.now", "other.utils.data.now"]})
		assert set(rows()) == {"frappe.utils.now", "other.utils.data.now"}

	def test_all_can_come_more_often_than_each_minute(self, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
		monkeypatch.setitem(frappe.local.conf, "scheduler_interval", 5)
		values = {"doctype": "Scheduled Job Type", "method": "frappe.ping", "frequency": "All"}
		doc = frappe.get_doc({**values, "last_execution": "2026-03-01 10:00:30"})
		assert doc.get_next_execution() == datetime(2026, 3, 1, 10, 0, 35)

	@pytest.mark.parametrize("key", ["maintenance_mode", "pause_scheduler", "disable_scheduler"])
	def test_the_configuration_stops_it(self, site: Any, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
		from frappe.utils.scheduler import is_scheduler_inactive

		assert not is_scheduler_inactive()
		monkeypatch.setitem(frappe.local.conf, key, 1)
		assert is_scheduler_inactive()

	def test_system_settings_stop_it(self, site: Any) -> None:
		from frappe.utils.scheduler import is_scheduler_inactive, toggle_scheduler

		toggle_scheduler(False)
		assert is_scheduler_inactive()
		toggle_scheduler(True)
		assert not is_scheduler_inactive()

	def test_a_bad_cron_expression_does_not_stop_the_others(self, site: Any, job_type: Callable[..., Any]) -> None:
		from frappe.utils import scheduler

		bad, good = job_type(lambda: None, "Cron", cron_format="61 * * * *"), job_type(lambda: None)
		queued = scheduler.enqueue_events()
		assert bad.method not in queued and good.method in queued
