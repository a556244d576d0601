"""The scheduler: every tick, the due rows of Scheduled Job Type become background jobs.

A site's configuration may set `scheduler_tick_interval` (seconds between ticks, 60 unless told) and `scheduler_interval`
(seconds between runs of "all" events, 240 unless told); `pause_scheduler` and `maintenance_mode` stop it.
"""

from __future__ import annotations

import os
import threading
from datetime import datetime

from croniter import CroniterBadCronError

import frappe
from frappe.utils import cint


def start_scheduler(site: str, sites_path: str = ".", stop: threading.Event | None = None, parent: int | None = None) -> None:
	"""Tick until `stop` is set, or the process `parent`, which started this one, is gone."""
	stop = stop or threading.Event()
	frappe.init(site=site, sites_path=sites_path, force=True)
	tick = cint(frappe.local.conf.get("scheduler_tick_interval")) or 60
	frappe.destroy()
	waited = 0.0
	while not stop.is_set() and parent in (None, os.getppid()):
		if waited >= tick:
			waited = 0.0
			enqueue_events_for_site(site, sites_path)
		step = min(1.0, tick - waited)
		stop.wait(step)
		waited += step


def enqueue_events_for_site(site: str, sites_path: str | None = None) -> list[str]:
	"""One tick: what was queued. An error is logged and does not stop the next tick."""
	frappe.init(site=site, sites_path=sites_path, force=True)
	try:
		frappe.connect()
		return [] if is_scheduler_inactive() else enqueue_events()
	except Exception:
		frappe.logger("scheduler").error("Exception in Enqueue Events for Site %s", site, exc_info=True)
		return []
	finally:
		frappe.destroy()


def enqueue_events(now: datetime | None = None) -> list[str]:
	"""Queue every row that is due at `now` (site time), neither stopped nor queued already; the methods queued."""
	queued = []
	for row in frappe.get_all("Scheduled Job Type", filters={"stopped": 0}, pluck="name"):
		job_type = frappe.get_doc("Scheduled Job Type", row)
		try:
			if job_type.enqueue(current_time=now):
				queued.append(job_type.method)
		except CroniterBadCronError:
			frappe.logger("scheduler").error("%s: invalid cron expression", row, exc_info=True)
	return queued


def is_scheduler_inactive(verbose: bool = True) -> bool:
	"""Whether the site's configuration or its System Settings say that nothing is to be scheduled."""
	conf = frappe.local.conf
	return bool(conf.get("maintenance_mode") or conf.get("pause_scheduler")) or is_scheduler_disabled(verbose)


def is_scheduler_disabled(verbose: bool = True) -> bool:
	"""As `is_scheduler_inactive`, leaving a pause out."""
	return bool(frappe.local.conf.get("disable_scheduler")) or not cint(frappe.get_system_settings("enable_scheduler"))


def toggle_scheduler(enable: bool) -> None:
	"""Turn scheduling on or off in System Settings."""
	frappe.db.set_single_value("System Settings", "enable_scheduler", int(enable))
