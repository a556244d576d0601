"""Sending with an OAuth sign-in as benches keep it: Connected App, Token Cache, renewed with the provider, XOAUTH2 at the server."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import frappe
import pytest

from dokos_mail import jobs
from dokos_mail.outbound import queue
from mail_servers.smtp_faults import SmtpFaults
from tests.outbound.conftest import make_account, queued, smtp

__all__ = ["make_account", "queued", "smtp"]

Make = Callable[..., object]


class Provider(BaseHTTPRequestHandler):
	"""Gives a new token for the refresh token that it knows, and for no other."""

	def do_POST(self) -> None:
		words = self.rfile.read(int(self.headers["Content-Length"])).decode()
		good = "refresh_token=encore" in words
		answer = {"access_token": "neuf", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "encore"}
		body = json.dumps(answer if good else {"error": "invalid_grant"}).encode()
		self.send_response(200 if good else 400)
		self.send_header("Content-Type", "application/json")
		self.send_header("Content-Length", str(len(body)))
		self.end_headers()
		self.wfile.write(body)

	def log_message(self, *_words: object) -> None:
		"""Nobody reads it."""


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
	monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
	server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
	thread = threading.Thread(target=server.serve_forever, daemon=True)
	thread.start()
	yield f"http://127.0.0.1:{server.server_port}/token"
	server.shutdown()
	thread.join(5)


@pytest.fixture
def account(site: object, smtp: Make, make_account: Make, provider: str) -> Iterator[object]:
	"""An account that signs in by OAuth, at a server that knows the tokens "bon" and "neuf"."""
	app = frappe.get_doc(
		{
			"doctype": "Connected App",
			"provider_name": f"essai {uuid4().hex[:8]}",
			"client_id": "client",
			"client_secret": "secret",
			"authorization_uri": provider.replace("/token", "/auth"),
			"token_uri": provider,
			"scopes": [{"scope": "https://mail.google.com/"}],
		}
	).insert()
	server = smtp(
		login=lambda mechanism, said: (
			mechanism == "XOAUTH2" and base64.b64decode(said[0]).split(b"Bearer ")[1].rstrip(b"\1") in (b"bon", b"neuf")
		)
	)
	made = make_account(
		server, auth_method="OAuth", connected_app=app.name, connected_user="Administrator", no_smtp_authentication=0
	)
	made.server = server
	yield made
	frappe.db.rollback()
	frappe.db.set_value("Email Account", made.name, {"auth_method": "Basic", "connected_app": None})
	frappe.db.delete("Token Cache", {"connected_app": app.name})
	frappe.delete_doc("Connected App", app.name, force=True)
	frappe.db.commit()


def signed_in(account: object, token: str, refresh: str, expires_in: int) -> None:
	cache = frappe.get_doc({"doctype": "Token Cache", "user": "Administrator", "connected_app": account.connected_app})
	cache.insert(ignore_permissions=True)
	cache.update_data({"token_type": "Bearer", "access_token": token, "refresh_token": refresh, "expires_in": expires_in})


def sent(account: object, queued: Make) -> tuple[object, frappe._dict]:
	row = queued(account, "anna@there.test")
	jobs.send_account_mail(account.name)
	(status,) = frappe.get_all("Email Account Status", filters={"email_account": account.name}, fields=["*"])
	return frappe.get_doc("Email Queue", row.name), status


@pytest.mark.parametrize(("token", "expires_in"), [("bon", 3600), ("vieux", -10)])
def test_a_sign_in_that_is_good_or_can_be_renewed(account: object, queued: Make, token: str, expires_in: int) -> None:
	signed_in(account, token, "encore", expires_in)
	row, status = sent(account, queued)
	assert (row.status, status.outgoing_state) == ("Sent", "Working"), row.delivery_reason
	bearer = base64.b64encode(f"user={account.email_id}\1auth=Bearer {'bon' if token == 'bon' else 'neuf'}\1\1".encode())
	assert b"AUTH XOAUTH2 " + bearer in account.server.commands


def test_a_sign_in_that_cannot_be_renewed(account: object, queued: Make) -> None:
	"""Said in words of its own, and the server is not asked: what is wrong is not the password."""
	signed_in(account, "vieux", "fini", -10)
	row, status = sent(account, queued)
	assert (row.status, status.outgoing_state) == ("Not Sent", "Failing")
	assert '"token_missing"' in status.outgoing_detail
	assert "OAuth" in queue.why(row) and "password" not in queue.why(row)
	assert account.server.connections == 0


def test_nobody_signed_in_yet(account: object, queued: Make) -> None:
	row, status = sent(account, queued)
	assert (row.status, '"token_missing"' in status.outgoing_detail) == ("Not Sent", True)


def test_a_sign_in_that_the_server_refuses(account: object, queued: Make) -> None:
	"""Withdrawn at the provider, and still good as far as the host knows."""
	signed_in(account, "retiré", "encore", 3600)
	row, status = sent(account, queued)
	assert (row.status, '"token_refused"' in status.outgoing_detail) == ("Not Sent", True)
	assert "retiré" not in status.outgoing_error
	account.server.faults = SmtpFaults()
	frappe.db.delete("Token Cache", {"connected_app": account.connected_app})
	signed_in(account, "bon", "encore", 3600)
	assert queue.try_again([row.name]) == 1
	jobs.send_account_mail(account.name)
	assert frappe.db.get_value("Email Queue", row.name, "status") == "Sent"
