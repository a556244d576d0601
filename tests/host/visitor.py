"""Somebody who visits the host over HTTP."""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import urlsplit

import requests

PASSWORD = secrets.token_urlsafe(12)
"""Of every user that the tests make."""


class Visitor:
	"""A browser's worth of HTTP: keeps cookies, sends the CSRF token once it has one."""

	def __init__(self, url: str) -> None:
		self.url = url
		self.http = requests.Session()
		# a system proxy has nothing to do with this
		self.http.trust_env = False
		self.http.headers["Accept"] = "application/json"

	def request(self, method: str, path: str, **kwargs: Any) -> requests.Response:
		return self.http.request(method, self.url + path, timeout=60, allow_redirects=False, **kwargs)

	def get(self, path: str, **kwargs: Any) -> requests.Response:
		return self.request("GET", path, **kwargs)

	def call(self, method: str, /, **args: Any) -> requests.Response:
		"""POST /api/method/<method> with a JSON body."""
		return self.request("POST", f"/api/method/{method}", json=args)

	def login(self, user: str, password: str) -> requests.Response:
		return self.call("login", usr=user, pwd=password)

	def open_desk(self) -> str:
		"""Load the desk, as a browser would; from then on the session has a CSRF token, which is returned."""
		page = self.get("/app", headers={"Accept": "text/html"})
		found = re.search(r"csrf_token\W+(\w{20,})", page.text)
		assert found, page.text[:500]
		return found[1]


def host_and_port(url: str) -> tuple[str, int]:
	"""For those who speak HTTP by hand."""
	parts = urlsplit(url)
	return parts.hostname or "", parts.port or 80
