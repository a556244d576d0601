"""An account of a service that the host speaks to in a way of its own (Frappe Mail): sending and receiving are the host's.

Collected only where the host has it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import frappe
import pytest

from dokos_mail import jobs
from dokos_mail.outbound import queue
from tests.outbound.conftest import queued

__all__ = ["queued"]

Make = Callable[..., object]


class Service(BaseHTTPRequestHandler):
	"""The service's interface, as far as the host's client uses it. ``calls`` are the last words of paths, with what was posted."""

	def do_POST(self) -> None:
		said = self.rfile.read(int(self.headers.get("Content-Length") or 0))
		self.server.calls.append((self.path.rpartition(".")[2], said))
		status = 500 if self.server.fails else 200
		body = b'{"message": null}' if status == 200 else b'{"exc": "[\\"Mailbox is disabled\\"]"}'
		if "pull_raw" in self.path:
			body = b'{"message": {"mails": [], "last_synced_at": "2026-01-01 00:00:00+00:00"}}'
		self.send_response(status)
		self.send_header("Content-Type", "application/json")
		self.send_header("Content-Length", str(len(body)))
		self.end_headers()
		self.wfile.write(body)

	do_GET = do_POST

	def log_message(self, *_words: object) -> None:
		"""Nobody reads it."""


@pytest.fixture
def service() -> Iterator[ThreadingHTTPServer]:
	server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
	server.calls, server.fails = [], False
	thread = threading.Thread(target=server.serve_forever, daemon=True)
	thread.start()
	yield server
	server.shutdown()
	thread.join(5)


@pytest.fixture
def account(site: object, service: ThreadingHTTPServer) -> Iterator[object]:
	name = f"service {uuid4().hex[:6]}"
	made = frappe.get_doc(
		{
			"doctype": "Email Account",
			"email_id": f"{name.replace(' ', '.')}@masociete.test",
			"email_account_name": name,
			"service": "Frappe Mail",
			"frappe_mail_site": f"http://127.0.0.1:{service.server_port}",
			"auth_method": "Basic",
			"api_key": "clef",
			"api_secret": "secret",
			"enable_outgoing": 1,
			"enable_incoming": 1,
			"default_incoming": 0,
		}
	).insert()
	frappe.db.commit()
	service.calls.clear()
	yield made
	frappe.db.rollback()
	frappe.db.set_value("Email Account", made.name, {"enable_outgoing": 0, "enable_incoming": 0, "service": ""})
	for row in frappe.get_all("Email Queue", filters={"email_account": made.name}, pluck="name"):
		frappe.delete_doc("Email Queue", row, force=True, ignore_permissions=True)
	frappe.db.commit()


def names(service: ThreadingHTTPServer) -> list[str]:
	return [name for name, _said in service.calls]


def test_mail_leaves_through_the_host(account: object, queued: Make, service: ThreadingHTTPServer) -> None:
	row = queued(account, "anna@there.test")
	assert account.name not in queue.accounts_with_mail(), "the host's own flush sends it, and nobody else"
	row.send()
	assert names(service) == ["send_raw"]
	assert b"Un message." in service.calls[0][1]
	row.reload()
	assert (row.status, row.delivery_state) == ("Sent", "Sent")


@pytest.mark.parametrize("how", ["button", "job"])
def test_every_way_to_send_ends_there(account: object, queued: Make, service: ThreadingHTTPServer, how: str) -> None:
	row = queued(account, "anna@there.test")
	queue.send_now(row.name) if how == "button" else jobs.send_account_mail(account.name)
	assert names(service) == ["send_raw"]
	assert frappe.db.get_value("Email Queue", row.name, ["status", "delivery_state"]) == ("Sent", "Sent")


def test_a_refusal_is_said_on_the_row(account: object, queued: Make, service: ThreadingHTTPServer) -> None:
	service.fails = True
	row = queued(account, "anna@there.test")
	with pytest.raises(Exception, match="Mailbox is disabled"):
		row.send()
	row.reload()
	assert (row.status, row.delivery_state) == ("Not Sent", "Waiting")
	assert "Mailbox is disabled" in row.delivery_reason
	service.fails = False
	row.send()
	row.reload()
	assert (row.status, row.delivery_state, row.delivery_reason) == ("Sent", "Sent", None)


def test_mail_comes_in_through_the_host(account: object, service: ThreadingHTTPServer) -> None:
	frappe.get_doc("Email Account", account.name).receive()
	assert names(service) == ["pull_raw"]
