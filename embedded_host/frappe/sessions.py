"""Sessions, kept in the site's database. What the table holds is a digest of the session's id: reading it logs nobody in."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import timedelta
from typing import Any

import frappe
from frappe.utils import get_datetime, now_datetime

UPDATE_EVERY = timedelta(minutes=10)
"""How stale the row of a session in use may be; its life counts from there."""


def create_table() -> None:
	"""The table of sessions; once, when the site is made."""
	frappe.db.sql_ddl(
		"""create table if not exists `tabSessions` (
			sid varchar(64) not null primary key,
			user varchar(255),
			sessiondata text,
			ipaddress varchar(64),
			lastupdate datetime,
			status varchar(20)
		)"""
	)


class Session:
	"""The session of the request. `frappe.local.session` is what the rest of the code sees of it."""

	def __init__(self, sid: str, user: str, data: dict[str, Any], lastupdate: Any = None) -> None:
		_become(user)
		self.sid, self.user, self.lastupdate = sid, user, lastupdate
		# kept here as well: whoever acts as another user for a while empties frappe.local.session.data
		self.data = frappe._dict(data)
		frappe.local.session.update({"user": user, "sid": sid, "data": self.data})

	@classmethod
	def start(cls, user: str) -> Session:
		"""A new session. The row is written with the request's transaction."""
		sid = secrets.token_urlsafe(32)
		now = now_datetime()
		full_name, user_type = frappe.db.get_value("User", user, ["full_name", "user_type"])
		data = {"user": user, "session_ip": frappe.local.request_ip, "full_name": full_name, "user_type": user_type}
		frappe.db.sql(
			"insert into `tabSessions` (sid, user, sessiondata, ipaddress, lastupdate, status) values (%s, %s, %s, %s, %s, 'Active')",
			(_digest(sid), user, json.dumps(data), frappe.local.request_ip, now),
		)
		frappe.db.set_value("User", user, {"last_login": now, "last_ip": frappe.local.request_ip}, update_modified=False)
		return cls(sid, user, data, now)

	@classmethod
	def resume(cls, sid: str | None) -> Session:
		"""The session of a cookie, a guest's where it is unknown, expired, or its user disabled."""
		row = None
		if sid and sid != "Guest":
			row = frappe.db.sql(
				"select user, sessiondata, lastupdate from `tabSessions` where sid=%s and lastupdate>%s",
				(_digest(sid), now_datetime() - expiry_period()),
				as_dict=True,
			)
			if not row or not (row[0].user == "Administrator" or frappe.db.get_value("User", row[0].user, "enabled")):
				row = None
				frappe.local.response["session_expired"] = 1
				frappe.local.cookie_manager.delete_cookie(["sid", "full_name", "user_id", "system_user"])
		if not row:
			return cls("Guest", "Guest", {})
		return cls(sid, row[0].user, json.loads(row[0].sessiondata or "{}"), row[0].lastupdate)

	def update(self, force: bool = False) -> bool:
		"""Prolong the session's life, now and then; commits. Whether it wrote."""
		if self.user == "Guest":
			return False
		now = now_datetime()
		if not force and self.lastupdate and get_datetime(self.lastupdate) + UPDATE_EVERY > now:
			return False
		frappe.db.sql(
			"update `tabSessions` set sessiondata=%s, lastupdate=%s where sid=%s", (json.dumps(self.data), now, _digest(self.sid))
		)
		frappe.db.commit()
		self.lastupdate = now
		return True


def _become(user: str) -> None:
	"""`frappe.set_user` forgets the request's arguments, which are still wanted here."""
	form_dict = frappe.local.form_dict
	frappe.set_user(user)
	frappe.local.form_dict = form_dict


def _digest(sid: str) -> str:
	return hashlib.sha256(sid.encode()).hexdigest()


def expiry_period() -> timedelta:
	"""How long a session lives unused: `session_expiry` of System Settings, hours:minutes."""
	hours, minutes = [*str(frappe.get_system_settings("session_expiry") or "170:00").split(":"), "0"][:2]
	return timedelta(hours=int(hours), minutes=int(minutes))


def delete_session(sid: str | None = None, user: str | None = None, reason: str = "Session Expired") -> None:
	"""Forget one session."""
	frappe.db.sql("delete from `tabSessions` where sid=%s", (_digest(sid or ""),))


def clear_sessions(user: str | None = None, keep_current: bool = False, force: bool = False) -> None:
	"""Forget all sessions of a user."""
	keep = _digest(frappe.session.sid) if keep_current else ""
	frappe.db.sql("delete from `tabSessions` where user=%s and sid!=%s", (user or frappe.session.user, keep))


def clear_expired_sessions() -> None:
	"""Forget the sessions whose time is over (scheduler, daily)."""
	frappe.db.sql("delete from `tabSessions` where lastupdate<%s", (now_datetime() - expiry_period(),))


def get_csrf_token() -> str:
	"""The session's token; made, and stored at once, when it is first asked for."""
	session = frappe.local.session_obj
	if session.user != "Guest" and not session.data.csrf_token:
		session.data.csrf_token = secrets.token_hex(28)
		session.update(force=True)
	return session.data.csrf_token or ""


def get() -> frappe._dict:
	"""What a desk has to know of the site and the user (`bootinfo`); installed apps may add to it."""
	user = frappe.session.user
	boot = frappe._dict(
		user=frappe._dict(name=user, roles=frappe.get_roles(user), defaults={}),
		user_info={user: {"fullname": frappe.session.data.full_name or user, "email": user}},
		lang=frappe.local.lang,
		sitename=frappe.local.site,
		sysdefaults=frappe._dict(language=frappe.local.lang),
		time_zone=frappe._dict(system=frappe.get_system_settings("time_zone")),
		apps=frappe.get_installed_apps(),
		home_page="/app",
	)
	for hook in frappe.get_hooks("boot_session"):
		frappe.call(hook, bootinfo=boot)
	for hook in frappe.get_hooks("extend_bootinfo"):
		frappe.get_attr(hook)(bootinfo=boot)
	return boot
