"""Who may call what over HTTP: a table of every whitelisted method of the app. One without a row fails."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import frappe
import pytest

import dokos_mail
from dokos_mail import api, hooks
from dokos_mail.jobs import pull_account
from tests.mailbox import Mailbox, raw

ROOT = Path(dokos_mail.__file__).parent

GUEST, PORTAL, DESK, MANAGER = "Guest", "portail@masociete.test", "bureau@masociete.test", "chef@masociete.test"
ALL = (GUEST, PORTAL, DESK, MANAGER)
#: Everybody with a login; everybody of the desk; System Managers, who may do all with mail, for nobody else was given any right.
USERS, STAFF, MANAGERS = ALL[1:], ALL[2:], ALL[3:]


@dataclass(frozen=True)
class Row:
	"""Who may call a method, with which arguments (made from the fixtures' facts), and whether a GET reaches it."""

	allowed: tuple[str, ...]
	arguments: Callable[[frappe._dict], dict[str, object]]
	get: bool = False


def account(facts: frappe._dict) -> dict[str, object]:
	return {"account": facts.account}


def mail(facts: frappe._dict) -> dict[str, object]:
	return {"communication": facts.communication}


def nothing(_facts: frappe._dict) -> dict[str, object]:
	return {}


def queue(facts: frappe._dict) -> dict[str, object]:
	return {"queues": [facts.queue]}


def form(facts: frappe._dict) -> dict[str, object]:
	return {"doctype": "Communication", "name": facts.communication}


def saved(facts: frappe._dict) -> dict[str, object]:
	return {"doc": frappe.as_json(frappe.get_doc("Email Account", facts.account).as_dict()), "action": "Save"}


TABLE = {
	"api.pull_now": Row(MANAGERS, account),
	"api.pull_progress": Row(MANAGERS, lambda facts: {"account": facts.account, "since": "2026-01-01 00:00:00"}, get=True),
	"api.account_status": Row(MANAGERS, account, get=True),
	"api.try_document_addresses": Row(MANAGERS, account),
	"api.mark_as_read_or_unread": Row(MANAGERS, lambda facts: {"names": [facts.communication], "action": "Unread"}),
	"api.process_again": Row(MANAGERS, lambda facts: {"names": [facts.row]}),
	"api.download_original": Row(MANAGERS, lambda facts: {"name": facts.row}, get=True),
	"api.explain_mail": Row(MANAGERS, lambda facts: {"name": facts.row}),
	"api.set_email_password": Row(MANAGERS, lambda facts: {"email_account": facts.account, "password": "x"}),
	"api.get_email_awaiting": Row(MANAGERS, lambda _facts: {"user": "Administrator"}, get=True),
	"api.pull_emails": Row(MANAGERS, lambda facts: {"email_account": facts.account}),
	"api.send_email_now": Row(MANAGERS, lambda facts: {"name": facts.queue}),
	"api.try_emails_again": Row(MANAGERS, queue),
	"api.cancel_emails": Row(MANAGERS, queue),
	"api.emails_waiting": Row(MANAGERS, nothing, get=True),
	"api.queue_in_words": Row(MANAGERS, queue, get=True),
	"api.suspend_sending": Row(MANAGERS, lambda _facts: {"suspended": 0}),
	"api.delivery_timeline": Row(MANAGERS, mail, get=True),
	"api.undeliverable": Row(STAFF, lambda _facts: {"recipients": "anna@client.test"}, get=True),
	"append_to.append_to_query": Row(MANAGERS, nothing, get=True),
	"reader.with_images": Row(MANAGERS, mail, get=True),
	"reader.senders_allowed": Row(USERS, nothing, get=True),
	"reader.allow_sender": Row(MANAGERS, mail),
	"reader.about": Row(MANAGERS, mail, get=True),
	# It answers everybody, of the mails that one may read.
	"reader.in_timeline": Row(USERS, lambda facts: {"communications": frappe.as_json([facts.communication])}, get=True),
	"recipients.unsubscribe": Row(ALL, nothing, get=True),
	"recipients.pixel": Row(ALL, nothing, get=True),
	"recipients.hosts_unsubscribe": Row(ALL, nothing, get=True),
	"recipients.hosts_pixel": Row(ALL, nothing, get=True),
	"timeline.getdoc": Row(MANAGERS, form, get=True),
	"timeline.get_docinfo": Row(MANAGERS, form, get=True),
	"timeline.savedocs": Row(MANAGERS, saved),
	# Nobody cancels or discards a Communication.
	"timeline.cancel": Row((), form),
	"timeline.discard": Row((), form),
	"doctype.email_account.email_account.mailbox_services": Row(MANAGERS, nothing, get=True),
	"doctype.email_account.email_account.propose_settings": Row(
		MANAGERS, lambda _facts: {"service_or_address": "GMail"}, get=True
	),
}
#: What they hand on to is not on every host: the embedded one has no documents to cancel, only Frappe 16 discards.
HANDED_ON = {f"timeline.{name}": name for name in ("cancel", "discard")}
NOT_HERE = {name for name, method in HANDED_ON.items() if not hasattr(import_module("frappe.desk.form.save"), method)}
#: Methods of documents: the host asks for the right to read the document first.
OF_DOCUMENTS = {
	"doctype.email_account.email_account.EmailAccount.get_domain_values": ("Email Account", "account"),
	"doctype.email_queue.email_queue.EmailQueue.retry_sending": ("Email Queue", "queue"),
	"dokos_mail.doctype.incoming_email.incoming_email.IncomingEmail.try_placing": ("Incoming Email", "row"),
}


def _whitelisted(decorated: str = "whitelist") -> set[str]:
	"""Methods of the app whose decorator says this."""
	found = set()
	for path in ROOT.rglob("*.py"):
		module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
		for prefix, node in _functions(ast.parse(path.read_text())):
			if any(decorated in ast.unparse(decorator) for decorator in node.decorator_list):
				found.add(f"{module}.{prefix}{node.name}")
	return found


def _functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
	for child in ast.iter_child_nodes(node):
		if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
			yield prefix, child
		inner = f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix
		yield from _functions(child, inner)


def test_every_method_has_a_row() -> None:
	assert _whitelisted() == set(TABLE) | set(OF_DOCUMENTS)


def test_guests_reach_only_what_is_for_them() -> None:
	assert _whitelisted("allow_guest=True") == {name for name, row in TABLE.items() if GUEST in row.allowed}


def test_nothing_that_changes_anything_is_reached_by_get(site: object) -> None:
	name = "allowed_http_methods_for_whitelisted_func"
	allowed = getattr(frappe, name, None) or getattr(import_module("frappe.host.access"), name)
	by_get = {name for name in TABLE if "GET" in allowed[_method(name)]}
	assert by_get == {name for name, row in TABLE.items() if row.get}


def _method(name: str) -> Callable[..., object]:
	module, _dot, function = f"dokos_mail.{name}".rpartition(".")
	return getattr(import_module(module), function)


@pytest.fixture
def facts(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[frappe._dict]:
	"""A mail that came, one that waits to be sent, and users who may and may not see them."""
	for user, kind in ((PORTAL, "Website User"), (DESK, "System User"), (MANAGER, "System User")):
		if not frappe.db.exists("User", user):
			values = {"doctype": "User", "email": user, "first_name": user, "user_type": kind, "send_welcome_email": 0}
			made = frappe.get_doc(values)
			if user == MANAGER:
				made.append("roles", {"role": "System Manager"})
			made.insert()
			# without a role the hosts make a portal's user of a new one
			frappe.db.set_value("User", user, "user_type", kind)
	mailbox.put(raw("confidentiel"))
	pull_account(mailbox.account)
	row = frappe.db.get_value("Incoming Email", {"email_account": mailbox.account}, ["name", "communication"], as_dict=True)
	queued = frappe.get_doc({"doctype": "Email Queue", "message": "x", "status": "Sent"})
	queued.db_insert()
	frappe.db.commit()
	monkeypatch.setattr(frappe, "enqueue", lambda *_method, **_arguments: None)
	request = frappe._dict(method="GET", host_url="https://erp.masociete.test/", headers={}, path="/")
	monkeypatch.setattr(frappe.local, "request", request, raising=False)
	yield frappe._dict(account=mailbox.account, row=row.name, communication=row.communication, queue=queued.name)
	frappe.set_user("Administrator")
	frappe.db.rollback()
	frappe.db.delete("Email Queue", {"name": queued.name})
	frappe.db.delete("Remote Image Sender", {"user": ("in", ALL)})
	frappe.db.commit()


@pytest.mark.parametrize("name", sorted(set(TABLE) - NOT_HERE))
def test_who_may_call_it(name: str, facts: frappe._dict) -> None:
	row = TABLE[name]
	arguments = frappe._dict(row.arguments(facts))
	allowed = _who_reads_accounts() if name in OF_ACCOUNTS_READERS else set(row.allowed)
	assert {user for user in ALL if _is_let_in(user, lambda: _called(name, arguments))} == allowed


#: Methods for whoever may read Email Accounts; they tell of no secret.
OF_ACCOUNTS_READERS = frozenset(
	(
		"append_to.append_to_query",
		"doctype.email_account.email_account.mailbox_services",
		"doctype.email_account.email_account.propose_settings",
	)
)


@pytest.mark.parametrize("name", sorted(OF_DOCUMENTS))
def test_who_may_call_it_on_a_document(name: str, facts: frappe._dict) -> None:
	doctype, which = OF_DOCUMENTS[name]

	def call() -> object:
		doc = frappe.get_doc(doctype, facts[which])
		doc.check_permission("read")
		method = getattr(doc, name.rpartition(".")[2])
		frappe.is_whitelisted(method.__func__)
		return frappe.call(method, domain="none.test")

	allowed = _who_reads_accounts() if doctype == "Email Account" else set(MANAGERS)
	assert {user for user in ALL if _is_let_in(user, call)} == allowed


def _who_reads_accounts() -> set[str]:
	"""System Managers; on Dokos everybody with a login, whom the host gave that right."""
	return set(USERS) if frappe.db.exists("DocPerm", {"parent": "Email Account", "role": "All", "read": 1}) else set(MANAGERS)


def _called(name: str, arguments: dict[str, object]) -> object:
	method = _method(name)
	# Setting the user empties it.
	frappe.local.form_dict = frappe._dict(arguments)
	frappe.is_whitelisted(method)
	return frappe.call(method, **arguments)


def _is_let_in(user: str, call: Callable[[], object]) -> bool:
	frappe.set_user(user)
	try:
		call()
	except frappe.PermissionError:
		return False
	except (frappe.ValidationError, frappe.DoesNotExistError):
		# It was let in, and found something else amiss.
		return True
	finally:
		frappe.db.rollback()
		frappe.set_user("Administrator")
		frappe.clear_messages()
	return True


def test_every_script_of_the_desk_is_loaded() -> None:
	scripts = {f"/assets/dokos_mail/js/{path.name}" for path in (ROOT / "public/js").glob("*.js")}
	assert scripts <= set(hooks.app_include_js)


def test_whoever_may_email_a_document_is_told_of_addresses_that_fail(facts: frappe._dict) -> None:
	"""The hosts let those write who may email the document, without any right to a Communication."""
	frappe.set_user(DESK)
	assert not frappe.has_permission("Communication", "create")
	assert api.undeliverable("anna@client.test") == []
