"""What is run regularly: one row for each event that an installed app names in its `scheduler_events`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from croniter import croniter

import frappe
from frappe.model.document import Document
from frappe.utils import cint, get_datetime, now_datetime
from frappe.utils.background_jobs import enqueue, is_job_enqueued

CRON = {
	"Yearly": "0 0 1 1 *",
	"Annual": "0 0 1 1 *",
	"Monthly": "0 0 1 * *",
	"Weekly": "0 0 * * 0",
	"Daily": "0 0 * * *",
	"Hourly": "0 * * * *",
}


class ScheduledJobType(Document):
	"""A method of an app and how often it runs. `stopped` is the administrator's and survives every migrate."""

	def autoname(self) -> None:
		self.name = ".".join(self.method.split(".")[-2:])

	@property
	def rq_job_id(self) -> str:
		"""Two ticks never queue the same method twice."""
		return f"scheduled_job::{self.method}"

	def enqueue(self, force: bool = False, current_time: datetime | None = None) -> bool:
		"""Queue the method if it is due (or `force`) and not queued already; whether it was."""
		if not (force or self.is_event_due(current_time)) or is_job_enqueued(self.rq_job_id):
			return False
		enqueue(
			"frappe.core.doctype.scheduled_job_type.scheduled_job_type.run_scheduled_job",
			queue="long" if "Long" in self.frequency else "default",
			job_id=self.rq_job_id,
			job_type=self.method,
		)
		return True

	def is_event_due(self, current_time: datetime | None = None) -> bool:
		return self.get_next_execution() <= (current_time or now_datetime())

	def get_next_execution(self) -> datetime:
		"""When the method is due, counted from its last run, or from the row's creation."""
		last = get_datetime(self.last_execution or self.creation)
		expression = self.cron_format or CRON.get(self.frequency.removesuffix(" Long"))
		if not expression:
			interval = cint(frappe.local.conf.get("scheduler_interval")) or 240
			if interval < 60:
				# a cron expression knows minutes only; here one may want to see mail move sooner than that
				return last + timedelta(seconds=interval)
			expression = f"*/{interval // 60} * * * *"
		return croniter(expression, last).get_next(datetime)

	def execute(self) -> None:
		"""Run the method in a transaction of its own; an error becomes an Error Log."""
		self.db_set("last_execution", now_datetime(), update_modified=False)
		frappe.db.commit()
		try:
			frappe.get_attr(self.method)()
			frappe.db.commit()
		except Exception:
			frappe.db.rollback()
			frappe.log_error(title=self.method)
			frappe.db.commit()


def run_scheduled_job(job_type: str) -> None:
	"""What the queued job runs."""
	frappe.get_doc("Scheduled Job Type", {"method": job_type}).execute()


def sync_jobs() -> None:
	"""Bring the rows in line with the hooks of all installed apps: insert what is missing, delete what no app names."""
	wanted = list(_events(frappe.get_hooks("scheduler_events")))
	for row in frappe.get_all("Scheduled Job Type", fields=["name", "method", "frequency", "cron_format"]):
		if (row.method, row.frequency, row.cron_format or None) not in wanted:
			frappe.delete_doc("Scheduled Job Type", row.name, ignore_permissions=True, force=True)
	for method, frequency, cron_format in wanted:
		values = {"method": method, "frequency": frequency}
		if not frappe.db.exists("Scheduled Job Type", values):
			doc = frappe.get_doc({"doctype": "Scheduled Job Type", "cron_format": cron_format, **values})
			# two methods that end alike cannot both have a row: the last one named wins, as on the real hosts
			frappe.db.delete("Scheduled Job Type", {"name": ".".join(method.split(".")[-2:])})
			doc.insert(ignore_permissions=True)


def _events(scheduler_events: dict) -> Iterator[tuple[str, str, str | None]]:
	"""(method, frequency, cron expression) of each event."""
	for event, methods in (scheduler_events or {}).items():
		if isinstance(methods, dict):
			yield from ((method, "Cron", cron) for cron, names in methods.items() for method in names)
		else:
			yield from ((method, event.replace("_", " ").title(), None) for method in methods)
