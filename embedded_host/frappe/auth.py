"""Who asks: log in and out, resume the session of the cookie, check the CSRF token, choose the language."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Any

import frappe
from frappe import _
from frappe.sessions import Session, clear_sessions, delete_session
from frappe.utils import cint, get_datetime, now_datetime
from frappe.utils.password import check_password

SAFE_HTTP_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
LANGUAGES = ("en", "fr")
"""The desk's own languages; what an app is translated into is the app's."""

COOKIE_DAYS = 3


class HTTPRequest:
	"""Sets up cookies, session and language of the request, and refuses it if the CSRF token is missing or wrong."""

	def __init__(self) -> None:
		frappe.local.cookie_manager = CookieManager()
		frappe.local.lang = get_language()
		frappe.local.login_manager = LoginManager()
		frappe.local.lang = get_language()
		self.validate_csrf_token()

	def validate_csrf_token(self) -> None:
		"""Once a session has a token (the desk's pages hand it out), every request that changes something must carry it."""
		saved = frappe.session.data.csrf_token
		if frappe.local.request.method in SAFE_HTTP_METHODS or not saved or frappe.local.conf.get("ignore_csrf"):
			return
		given = frappe.get_request_header("X-Frappe-CSRF-Token") or frappe.local.form_dict.pop("csrf_token", None) or ""
		if not hmac.compare_digest(str(given).encode(), saved.encode()):
			frappe.local.flags.disable_traceback = True
			frappe.throw(_("Invalid Request"), frappe.CSRFTokenError)


class LoginManager:
	"""Logs in where the request asks for it, otherwise resumes the session that the cookie names, or a guest's."""

	def __init__(self) -> None:
		request = frappe.local.request
		self.user = "Guest"
		wanted = frappe.local.form_dict.get("cmd") == "login" or request.path in ("/api/method/login", "/api/v1/method/login")
		if wanted and request.method == "POST":
			self.login()
			return
		frappe.local.session_obj = Session.resume(request.cookies.get("sid"))
		self.user = frappe.session.user
		if wanted:
			frappe.throw(_("Not permitted"), frappe.PermissionError)

	def login(self) -> None:
		"""Check `usr` and `pwd` of the request and start a session."""
		form = frappe.local.form_dict
		user, password = form.get("usr"), form.pop("pwd", None)
		self.authenticate(user, password)
		self.post_login()

	def post_login(self) -> None:
		self.run_trigger("on_login")
		old = frappe.local.request.cookies.get("sid")
		if old and old != "Guest":
			delete_session(old)
		frappe.local.session_obj = Session.start(self.user)
		info = frappe.db.get_value("User", self.user, ["full_name", "user_type"], as_dict=True)
		system_user = info.user_type != "Website User"
		frappe.local.response.update(
			{
				"message": "Logged In" if system_user else "No App",
				"home_page": "/app" if system_user else "/me",
				"full_name": info.full_name,
			}
		)
		cookies = frappe.local.cookie_manager
		cookies.set_sid(frappe.session.sid)
		cookies.set_cookie("system_user", "yes" if system_user else "no")
		cookies.set_cookie("full_name", info.full_name or "")
		cookies.set_cookie("user_id", self.user)
		self.run_trigger("on_session_creation")

	def authenticate(self, user: str | None = None, pwd: str | None = None) -> None:
		"""Set `self.user`, or raise AuthenticationError; SecurityException after too many failures."""
		if not (user and pwd and isinstance(user, str) and isinstance(pwd, str)):
			self.fail(_("Incomplete login details"))
		trackers = [get_login_attempt_tracker(frappe.local.request_ip), get_login_attempt_tracker(user)]
		found = find_user(user)
		try:
			# a name nobody has takes as long as a wrong password
			authenticated = check_password(found or "Administrator", pwd)
		except frappe.AuthenticationError:
			authenticated = None
		enabled = found and (found == "Administrator" or cint(frappe.db.get_value("User", found, "enabled")))
		if not (authenticated and enabled):
			for tracker in trackers:
				tracker.add_failure_attempt()
			self.fail(_("Invalid login credentials"))
		for tracker in trackers:
			tracker.add_success_attempt()
		self.user = found

	def fail(self, message: str) -> None:
		frappe.local.response["message"] = message
		frappe.local.flags.disable_traceback = True
		raise frappe.AuthenticationError(message)

	def run_trigger(self, event: str) -> None:
		"""Call what installed apps named for `on_login`, `on_session_creation`, `on_logout`."""
		for method in frappe.get_hooks(event):
			frappe.call(method, login_manager=self)

	def logout(self, arg: str = "", user: str | None = None) -> None:
		"""End this session, or all of another user's."""
		self.run_trigger("on_logout")
		if user and user != frappe.session.user:
			clear_sessions(user)
			return
		delete_session(frappe.session.sid)
		frappe.local.cookie_manager.delete_cookie(["sid", "full_name", "user_id", "system_user"])


def find_user(login: str) -> str | None:
	"""The user whose name, or user name where the site allows that, was typed."""
	if name := frappe.db.get_value("User", {"name": login}, "name"):
		return name if name != "Guest" else None
	if cint(frappe.get_system_settings("allow_login_using_user_name")):
		return frappe.db.get_value("User", {"username": login}, "name")
	return None


class LoginAttemptTracker:
	"""Counts consecutive failures of a user or an address; too many lock it for a time, counted from the first."""

	def __init__(self, key: str, max_consecutive_login_attempts: int = 10, lock_interval: int = 60) -> None:
		self.key = key
		self.limit = max_consecutive_login_attempts
		self.interval = timedelta(seconds=lock_interval)

	def _state(self) -> tuple[int, Any]:
		count, since = frappe.cache().hget("login_failed", self.key) or (0, None)
		return (count, since) if since and get_datetime(since) + self.interval > now_datetime() else (0, None)

	def add_failure_attempt(self) -> None:
		count, since = self._state()
		frappe.cache().hset("login_failed", self.key, (count + 1, since or now_datetime()))

	def add_success_attempt(self) -> None:
		frappe.cache().hdel("login_failed", self.key)

	def is_user_allowed(self) -> bool:
		return self._state()[0] < self.limit


def get_login_attempt_tracker(key: str) -> LoginAttemptTracker:
	"""The tracker of a user or an address; raises SecurityException while it is locked."""
	attempts = cint(frappe.get_system_settings("allow_consecutive_login_attempts")) or 10
	seconds = cint(frappe.get_system_settings("allow_login_after_fail")) or 60
	tracker = LoginAttemptTracker(key.strip().lower(), attempts, seconds)
	if not tracker.is_user_allowed():
		frappe.local.flags.disable_traceback = True
		message = _("Your account has been locked and will resume after {0} seconds").format(seconds)
		frappe.throw(message, frappe.SecurityException)
	return tracker


class CookieManager:
	"""The cookies that the answer is to set or delete."""

	def __init__(self) -> None:
		self.cookies: dict[str, dict[str, Any]] = {}
		self.to_delete: set[str] = set()

	def set_cookie(self, key: str, value: str, expires: Any = None, httponly: bool = False, samesite: str = "Lax") -> None:
		self.to_delete.discard(key)
		self.cookies[key] = {"value": value, "expires": expires, "httponly": httponly, "samesite": samesite}

	def set_sid(self, sid: str) -> None:
		# cookies end in real time, not in the site's
		self.set_cookie("sid", sid, expires=timedelta(days=COOKIE_DAYS), httponly=True)

	def delete_cookie(self, to_delete: str | list[str]) -> None:
		for key in [to_delete] if isinstance(to_delete, str) else to_delete:
			self.cookies.pop(key, None)
			self.to_delete.add(key)

	def flush_cookies(self, response: Any) -> None:
		secure = frappe.local.request.scheme == "https"
		for key, options in self.cookies.items():
			lifetime = options.pop("expires")
			response.set_cookie(key, options.pop("value"), max_age=lifetime, secure=secure, **options)
		for key in self.to_delete:
			response.delete_cookie(key, samesite="Lax", secure=secure, httponly=key == "sid")


def get_language() -> str:
	"""The user's language, a guest's by what the browser accepts, else the site's."""
	session = frappe.local.session
	if session.user and session.user != "Guest":
		if language := frappe.db.get_value("User", session.user, "language"):
			return language
	accepted = frappe.local.request.accept_languages.best_match(LANGUAGES)
	return accepted or frappe.local.conf.get("lang") or "en"


@frappe.whitelist()
def get_logged_user() -> str:
	return frappe.session.user
