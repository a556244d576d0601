"""A web server of the host under test, visitors of it, and its workers: all in this process, on either host."""

from __future__ import annotations

import contextvars
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import frappe
import pytest
from werkzeug.serving import make_server

from tests.host.visitor import PASSWORD, Visitor

DESK_ROLE = "Web Tester"
KEEPER = "keeper@example.com"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
	"""On a bench the files about what only the embedded host has cannot even be imported."""
	return True if collection_path.stem.endswith("_own") and config.getoption("--host") == "bench" else None


class _Server:
	def __init__(self, application: Any) -> None:
		self.server = make_server("127.0.0.1", 0, application, threaded=True)
		self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
		self.thread.start()
		self.url = f"http://127.0.0.1:{self.server.server_port}"

	def close(self) -> None:
		self.server.shutdown()
		self.thread.join()
		self.server.server_close()


@pytest.fixture
def web(site: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
	"""The address of a web server of the site, in a thread of this process."""
	import frappe.app

	monkeypatch.setattr(frappe.app, "_site", frappe.local.site)
	monkeypatch.setattr(frappe.app, "_sites_path", frappe.local.sites_path)
	server = _Server(frappe.app.application)
	yield server.url
	server.close()


@pytest.fixture
def visitor(web: str) -> Callable[[], Visitor]:
	"""Makes visitors that are nobody yet."""
	return lambda: Visitor(web)


@pytest.fixture
def user(site: Any) -> Iterator[Callable[..., str]]:
	"""Makes a user of the desk with these roles (and one that allows nothing), whose password is PASSWORD."""
	from frappe.utils.password import update_password

	made: list[str] = []
	if not frappe.db.exists("Role", DESK_ROLE):
		frappe.get_doc({"doctype": "Role", "role_name": DESK_ROLE, "desk_access": 1}).insert(ignore_permissions=True)

	def make(*roles: str, desk: bool = True, **values: Any) -> str:
		email = values.pop("email", f"web-{secrets.token_hex(5)}@example.com")
		# the real hosts do not let many users be made in a short time otherwise
		frappe.flags.in_import = True
		doc = frappe.get_doc(
			{
				"doctype": "User",
				"email": email,
				"first_name": "Web",
				"send_welcome_email": 0,
				"enabled": 1,
				"language": "en",
				"roles": [{"role": role} for role in (*roles, *([DESK_ROLE] if desk else []))],
				**values,
			}
		)
		doc.insert(ignore_permissions=True)
		frappe.flags.in_import = False
		update_password(email, PASSWORD)
		frappe.db.commit()
		made.append(email)
		return email

	if not frappe.db.exists("User", KEEPER):
		# stays: the real hosts want one System Manager besides Administrator, once there was one
		make("System Manager", email=KEEPER)
		made.clear()
	yield make
	frappe.db.rollback()
	for email in made:
		frappe.delete_doc("User", email, force=True, ignore_permissions=True)
	frappe.db.commit()


@pytest.fixture
def logged_in(visitor: Callable[[], Visitor], user: Callable[..., str]) -> Callable[..., Visitor]:
	"""Makes a visitor who is logged in as a new user with these roles."""

	def make(*roles: str, **values: Any) -> Visitor:
		each = visitor()
		each.user = user(*roles, **values)
		answer = each.login(each.user, PASSWORD)
		assert answer.status_code == 200, answer.text
		return each

	return make


@pytest.fixture
def manager(logged_in: Callable[..., Visitor]) -> Visitor:
	"""A logged-in System Manager."""
	return logged_in("System Manager")


@pytest.fixture
def contact(site: Any) -> Iterator[Callable[..., Any]]:
	"""Makes committed Contacts."""
	made: list[str] = []

	def make(**values: Any) -> Any:
		doc = frappe.get_doc({"doctype": "Contact", "first_name": f"Ada {secrets.token_hex(4)}", **values})
		doc.insert(ignore_permissions=True)
		frappe.db.commit()
		made.append(doc.name)
		return doc

	yield make
	frappe.db.rollback()
	for name in made:
		if frappe.db.exists("Contact", name):
			frappe.delete_doc("Contact", name, force=True, ignore_permissions=True)
	frappe.db.commit()


@pytest.fixture
def probe(site: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
	"""Gives a function a dotted name that requests and jobs can use, and returns that name."""
	import frappe.handler

	def publish(function: Callable, **whitelist: Any) -> str:
		name = f"probe_{secrets.token_hex(4)}"
		monkeypatch.setattr(frappe.handler, name, frappe.whitelist(**whitelist)(function), raising=False)
		return f"frappe.handler.{name}"

	return publish


@pytest.fixture
def run_jobs(site: Any, pytestconfig: pytest.Config) -> Callable[[], None]:
	"""Runs what is queued, as a worker does, and returns when nothing is left."""
	work = _work_on_bench if pytestconfig.getoption("--host") == "bench" else _work

	def run() -> None:
		frappe.db.commit()
		contextvars.copy_context().run(work)
		# what was read before is a snapshot of then
		frappe.db.rollback()

	return run


def _work() -> None:
	from frappe.utils.background_jobs import start_worker

	start_worker(frappe.local.site, frappe.local.sites_path, burst=True)


def _work_on_bench() -> None:
	"""The jobs of this site only: the queues are all the bench's sites'."""
	from frappe.utils.background_jobs import get_queue, get_redis_conn
	from rq import Worker

	site, queues = frappe.local.site, [get_queue(name) for name in ("short", "default", "long")]
	worker = Worker(queues, connection=get_redis_conn())
	worker.register_birth()
	while waiting := [(job, queue) for queue in queues for job in queue.get_jobs() if job.kwargs.get("site") == site]:
		job, queue = waiting[0]
		queue.remove(job)
		worker.execute_job(job, queue)
	worker.register_death()


@pytest.fixture(scope="session")
def site_template(site_template: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Path | None:
	"""The embedded site with the DocTypes of `probes.py`, made once."""
	from tests.host import probes as definitions

	if site_template is None:
		return None
	sites = tmp_path_factory.mktemp("probes") / "sites"
	shutil.copytree(site_template, sites)
	(name,) = [path.parent.name for path in sites.glob("*/site_config.json")]
	frappe.init(name, sites_path=str(sites))
	frappe.connect()
	definitions.make()
	frappe.destroy()
	return sites


@pytest.fixture
def probes(site: Any) -> Iterator[None]:
	"""The DocTypes of `probes.py`, without rows."""
	from tests.host import probes as definitions

	definitions.make()
	yield
	definitions.empty()


@pytest.fixture(scope="session", autouse=True)
def _without_probes_at_the_end(request: pytest.FixtureRequest) -> Iterator[None]:
	yield
	if request.config.getoption("--host") == "bench":
		from tests.host import probes as definitions

		frappe.init(request.config.getoption("--site"), sites_path=".")
		frappe.connect()
		definitions.remove()
		frappe.destroy()


def _forget_hooks() -> None:
	frappe.clear_cache()
	# what the real hosts keep beside their cache
	if hasattr(frappe.local, "doc_events_hooks"):
		del frappe.local.doc_events_hooks
	getattr(frappe, "__dict__", {}).get("controllers", {}).pop(frappe.local.site, None)


@pytest.fixture
def host_hooks(site: Any) -> Iterator[Callable[[str, dict], None]]:
	"""Adds to a hook, as an installed app would; undone when the test is over."""
	import frappe.hooks

	before: dict[str, Any] = {}

	def add(hook: str, values: dict) -> None:
		current = getattr(frappe.hooks, hook, {})
		before.setdefault(hook, dict(current))
		setattr(frappe.hooks, hook, {**current, **values})
		_forget_hooks()

	yield add
	frappe.db.rollback()
	for hook, values in before.items():
		setattr(frappe.hooks, hook, values)
	_forget_hooks()


@pytest.fixture
def doc_events(host_hooks: Callable[[str, dict], None], monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, Callable], None]:
	"""Names a function for an event of documents."""
	import frappe.handler
	import frappe.hooks

	def name(doctype: str, event: str, function: Callable) -> None:
		attribute = f"probe_{secrets.token_hex(4)}"
		monkeypatch.setattr(frappe.handler, attribute, function, raising=False)
		events = dict(getattr(frappe.hooks, "doc_events", {}).get(doctype, {}))
		handlers = events.get(event, [])
		events[event] = [*([handlers] if isinstance(handlers, str) else handlers), f"frappe.handler.{attribute}"]
		host_hooks("doc_events", {doctype: events})

	return name


@pytest.fixture
def override(host_hooks: Callable[[str, dict], None], monkeypatch: pytest.MonkeyPatch) -> Callable[[str, type], None]:
	"""Makes a class the one of a DocType's documents, as `override_doctype_class` of an app does."""
	import frappe.handler

	def use(doctype: str, cls: type) -> None:
		attribute = f"Probe{secrets.token_hex(4)}"
		monkeypatch.setattr(frappe.handler, attribute, cls, raising=False)
		host_hooks("override_doctype_class", {doctype: f"frappe.handler.{attribute}"})

	return use
