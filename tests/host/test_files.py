"""Files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import frappe
import pytest
from frappe.utils import get_files_path, random_string

from tests.host.probes import thing

pytestmark = pytest.mark.usefixtures("probes")


@pytest.fixture
def file(site: Any) -> Iterator[Callable[..., Any]]:
	"""Makes files, and takes them from the disk again."""
	made = []

	def make(content: Any = None, **values: Any) -> Any:
		content = random_string(40) if content is None else content
		name = values.pop("file_name", f"{random_string(8)}.txt")
		doc = frappe.get_doc({"doctype": "File", "file_name": name, "content": content, "is_private": 1, **values}).insert()
		made.append(doc.get_full_path())
		return doc

	yield make
	frappe.db.rollback()
	for path in made:
		if os.path.exists(path):
			os.remove(path)


def test_a_private_file(file: Callable[..., Any]) -> None:
	doc = file(b"hello\xff", file_name="Été 2024.bin")
	assert doc.file_url == "/private/files/Été 2024.bin" == f"/private/files/{doc.file_name}"
	assert os.path.samefile(doc.get_full_path(), get_files_path("Été 2024.bin", is_private=1))
	assert doc.get_content() == b"hello\xff"
	assert (doc.file_size, doc.is_private) == (6, 1)
	stored = frappe.get_doc("File", doc.name)
	assert stored.content_hash
	with open(stored.get_full_path(), "rb") as content:
		assert content.read() == b"hello\xff"
	assert stored.get_content() in (b"hello\xff", "hello˙"), "Frappe 16 takes many bytes for a text"
	assert frappe.get_doc("File", {"file_url": doc.file_url}).name == doc.name


def test_a_public_file(file: Callable[..., Any]) -> None:
	doc = file("text", is_private=0)
	assert doc.file_url == f"/files/{doc.file_name}"
	assert doc.get_content() in ("text", b"text")
	assert doc.get_full_path().endswith(os.path.join("public", "files", doc.file_name))


def test_equal_content_is_kept_once(file: Callable[..., Any]) -> None:
	first, second = file("same " + "x" * 30, file_name="a.txt"), file("same " + "x" * 30, file_name="b.txt")
	assert first.name != second.name
	assert first.file_url == second.file_url
	assert (first.file_name, second.file_name) == ("a.txt", "b.txt")


def test_equal_names_are_told_apart(file: Callable[..., Any]) -> None:
	name = f"{random_string(8)}.txt"
	first, second = file("one", file_name=name), file("two", file_name=name)
	assert first.file_url != second.file_url and second.file_url.endswith(".txt")
	assert (first.get_content(), second.get_content()) in (("one", "two"), (b"one", b"two"))


def test_a_file_of_a_document(file: Callable[..., Any]) -> None:
	doc = thing().insert()
	attached = file("x", attached_to_doctype=doc.doctype, attached_to_name=doc.name, attached_to_field="note")
	rows = frappe.get_all(
		"File", {"attached_to_doctype": doc.doctype, "attached_to_name": doc.name}, ["name", "attached_to_field"]
	)
	assert rows == [{"name": attached.name, "attached_to_field": "note"}]
	assert attached.folder == "Home/Attachments"
	doc.delete()
	assert not frappe.db.exists("File", attached.name)


def test_names_with_folders_in_them(file: Callable[..., Any]) -> None:
	doc = file("x", file_name="../../evil/x.txt")
	assert os.path.dirname(os.path.realpath(doc.get_full_path())) == os.path.realpath(get_files_path(is_private=1))


def test_a_file_that_is_too_large(file: Callable[..., Any]) -> None:
	from frappe.core.doctype.file.exceptions import MaxFileSizeReachedError

	frappe.db.set_single_value("System Settings", "max_file_size", 1)
	frappe.clear_cache()
	try:
		with pytest.raises(MaxFileSizeReachedError):
			file(b"x" * (1024 * 1024 + 1))
		assert file(b"y" * 1024).name
	finally:
		frappe.db.rollback()
		frappe.clear_cache()


def test_a_rollback_takes_the_file_from_the_disk(file: Callable[..., Any]) -> None:
	doc = file()
	path = doc.get_full_path()
	assert os.path.exists(path)
	frappe.db.rollback()
	assert not os.path.exists(path)


def test_the_last_row_takes_the_file_with_it(file: Callable[..., Any]) -> None:
	first, second = file("shared " + "y" * 30), file("shared " + "y" * 30)
	path = first.get_full_path()
	first.delete()
	frappe.db.commit()
	assert os.path.exists(path)
	second.delete()
	frappe.db.commit()
	assert not os.path.exists(path)


def test_paths(site: Any) -> None:
	assert frappe.get_site_path("private", "files").endswith("private/files")
	assert os.path.samefile(frappe.get_site_path(), site.path)
	assert get_files_path("a", is_private=True).endswith("private/files/a") and get_files_path("a").endswith("public/files/a")
	assert os.path.isdir(frappe.get_app_path("frappe", "core", "doctype"))
	assert os.path.isfile(frappe.get_module_path("Core", "doctype", "user", "user.json"))
