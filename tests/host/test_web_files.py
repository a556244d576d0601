"""Files over HTTP: who may have which, and that a path never leads out of the files' folder."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from typing import Any

import frappe
import pytest

from tests.host.visitor import Visitor, host_and_port

TEXT = {"Accept": "text/html"}


@pytest.fixture
def file(site: Any) -> Iterator[Callable[..., Any]]:
	"""Makes committed Files."""
	made: list[str] = []

	def make(content: bytes | str = b"secret", name: str = "note.txt", **values: Any) -> Any:
		unique = f"{frappe.generate_hash(length=8)}-{name}"
		doc = frappe.get_doc({"doctype": "File", "file_name": unique, "content": content, "is_private": 1, **values})
		doc.insert(ignore_permissions=True)
		frappe.db.commit()
		made.append(doc.name)
		return doc

	yield make
	frappe.db.rollback()
	for name in made:
		frappe.delete_doc("File", name, force=True, ignore_permissions=True)
	frappe.db.commit()


@pytest.mark.embedded  # on a bench the web server before the application answers
def test_a_public_file_is_anybodys(visitor: Callable[[], Visitor], file: Callable[..., Any]) -> None:
	doc = file(b"news", is_private=0)
	assert doc.file_url.startswith("/files/")
	answer = visitor().get(doc.file_url)
	assert (answer.status_code, answer.content) == (200, b"news")


def test_a_private_file_is_for_who_may_read_it(
	logged_in: Callable[..., Visitor], visitor: Callable[[], Visitor], manager: Visitor, file: Callable[..., Any]
) -> None:
	log = frappe.log_error("what a System Manager may read")
	doc = file(b"secret", attached_to_doctype="Error Log", attached_to_name=log.name)
	assert doc.file_url.startswith("/private/files/")
	assert manager.get(doc.file_url).content == b"secret"
	for stranger in (visitor(), logged_in()):
		answer = stranger.get(doc.file_url, headers=TEXT)
		assert answer.status_code == 403
		assert b"secret" not in answer.content
		refused = stranger.get("/api/method/download_file", params={"file_url": doc.file_url})
		assert refused.status_code == 403
		assert b"secret" not in refused.content


def test_a_private_file_is_its_owners(logged_in: Callable[..., Visitor], file: Callable[..., Any]) -> None:
	ada = logged_in()
	doc = file(b"mine")
	frappe.db.set_value("File", doc.name, "owner", ada.user, update_modified=False)
	frappe.db.commit()
	assert ada.get(doc.file_url).content == b"mine"


def test_a_private_file_of_nothing_is_not_even_a_system_managers(manager: Visitor, file: Callable[..., Any]) -> None:
	assert manager.get(file(b"secret").file_url, headers=TEXT).status_code == 403


def test_a_private_file_that_has_no_row_is_nobodys(manager: Visitor, file: Callable[..., Any]) -> None:
	doc = file(b"raw")
	stray = doc.get_full_path() + ".eml"
	with open(stray, "wb") as out:
		out.write(b"raw")
	assert manager.get(doc.file_url + ".eml", headers=TEXT).status_code == 403


def test_download_file_by_its_address(logged_in: Callable[..., Visitor], file: Callable[..., Any]) -> None:
	ada = logged_in()
	doc = file("déjà".encode(), name="vu.txt")
	frappe.db.set_value("File", doc.name, "owner", ada.user, update_modified=False)
	frappe.db.commit()
	answer = ada.get("/api/method/download_file", params={"file_url": doc.file_url})
	assert answer.content.decode() == "déjà"
	assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_method_may_answer_with_a_file(manager: Visitor, probe: Callable[..., str]) -> None:
	def answer_file() -> None:
		frappe.local.response.filename = "relevé.eml"
		frappe.local.response.filecontent = b"\xff\x00raw"
		frappe.local.response.type = "download"

	answer = manager.get(f"/api/method/{probe(answer_file)}")
	assert answer.content == b"\xff\x00raw"
	assert answer.headers["Content-Disposition"].startswith("attachment")
	assert "relev" in answer.headers["Content-Disposition"]


def test_a_method_may_send_elsewhere(manager: Visitor, probe: Callable[..., str]) -> None:
	def elsewhere() -> None:
		frappe.local.response.type = "redirect"
		frappe.local.response.location = "/app"

	answer = manager.get(f"/api/method/{probe(elsewhere)}")
	assert (answer.status_code, answer.headers["Location"]) == (302, "/app")


@pytest.mark.parametrize(
	"path",
	[
		"/files/../../site_config.json",
		"/files/..%2f..%2fsite_config.json",
		"/files/%2e%2e/%2e%2e/site_config.json",
		"/private/files/../../site_config.json",
		"/private/files/..%2f..%2fsite_config.json",
		"/assets/frappe/../hooks.py",
		"/assets/frappe/..%2fhooks.py",
		"/files//etc/passwd",
		"/assets/../../../../../../etc/passwd",
		"/files/..\\..\\site_config.json",
	],
)
def test_no_path_leads_out(web: str, manager: Visitor, path: str) -> None:
	connection = http.client.HTTPConnection(*host_and_port(web), timeout=60)
	cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in manager.http.cookies)
	# by hand: a well-behaved client would tidy the path first
	connection.request("GET", path, headers={"Cookie": cookies, "Accept": "text/html"})
	answer = connection.getresponse()
	body = answer.read()
	connection.close()
	assert answer.status >= 300
	assert b"db_name" not in body and b"encryption_key" not in body and b"app_name" not in body and b"root:" not in body


def test_upload(manager: Visitor, contact: Callable[..., Any]) -> None:
	doc = contact()
	values = {"doctype": "Contact", "docname": doc.name, "is_private": "1"}
	answer = manager.request("POST", "/api/method/upload_file", data=values, files={"file": ("été.txt", b"summer")})
	assert answer.status_code == 200, answer.text
	made = frappe.get_doc("File", answer.json()["message"]["name"])
	assert (made.attached_to_doctype, made.attached_to_name, made.is_private) == ("Contact", doc.name, 1)
	assert manager.get(made.file_url).content == b"summer"
	frappe.delete_doc("File", made.name, force=True)
	frappe.db.commit()
