"""The life of a document."""

from __future__ import annotations

import datetime
from typing import Any

import frappe
import pytest
from frappe.model.base_document import get_controller
from frappe.model.document import Document
from frappe.utils import random_string

from tests.host.probes import NAMED, PROMPT, ROW, SERIES, SINGLE, THING, thing

pytestmark = pytest.mark.usefixtures("probes")


def test_a_document_is_made_from_a_dict_or_keywords_and_read_back() -> None:
	doc = frappe.get_doc({"doctype": THING, "title": "Été", "rows": [{"label": "a"}, {"label": "b", "amount": 1.5}]}).insert()
	assert frappe.get_doc(doctype=THING, title="x").title == "x"
	assert frappe.get_doc(doc) is doc
	again = frappe.get_doc(THING, doc.name)
	assert again.title == "Été"
	assert [(row.idx, row.label, row.amount) for row in again.rows] == [(1, "a", 0.0), (2, "b", 1.5)]
	assert {row.doctype for row in again.rows} == {ROW}
	assert [(row.parent, row.parenttype, row.parentfield) for row in again.rows] == [(doc.name, THING, "rows")] * 2
	assert frappe.get_doc(THING, {"title": "Été"}).name == doc.name


def test_what_is_not_there() -> None:
	with pytest.raises(frappe.DoesNotExistError):
		frappe.get_doc(THING, "nothing")
	with pytest.raises(ValueError):
		frappe.get_doc({"title": "no doctype"})
	with pytest.raises((frappe.DoesNotExistError, ImportError)):
		frappe.get_doc({"doctype": "No Such DocType"})


def test_new_doc_has_defaults() -> None:
	doc = frappe.new_doc(THING)
	assert doc.is_new()
	assert (doc.done, doc.greeting, doc.by) == (1, "Bonjour", frappe.session.user)
	assert doc.kind in (None, "")
	assert doc.state == "Open"
	assert frappe.new_doc(THING, title="x").title == "x"


def test_insert_fills_in_defaults_that_were_not_given() -> None:
	doc = thing(done=0, greeting=None).insert()
	assert (doc.done, doc.greeting, doc.state) == (0, "Bonjour", "Open")
	assert thing(greeting="").insert().greeting == ""


def test_every_document_has_an_owner_and_moments() -> None:
	doc = thing().insert()
	assert doc.owner == doc.modified_by == "Administrator"
	stored = frappe.get_doc(THING, doc.name)
	assert isinstance(stored.creation, datetime.datetime) and stored.creation.tzinfo is None
	assert abs(stored.creation - frappe.utils.now_datetime()) < datetime.timedelta(seconds=30)
	assert str(stored.modified) == str(doc.modified)
	assert stored.docstatus == 0 and stored.docstatus.is_draft()
	doc.title = "Two"
	doc.save()
	assert str(doc.modified) > str(stored.modified)
	assert str(frappe.get_doc(THING, doc.name).creation) == str(stored.creation)


class Recorder(Document):
	"""Notes the order in which the host calls a controller's methods."""

	calls: list[str] = []


def _recorder(names: tuple[str, ...]) -> type[Recorder]:
	def note(name: str) -> Any:
		return lambda self, *args, **kwargs: self.calls.append(name)

	return type("Recorder", (Recorder,), {"calls": [], **{name: note(name) for name in names}})


METHODS = (
	"before_insert",
	"before_naming",
	"autoname",
	"before_validate",
	"validate",
	"before_save",
	"after_insert",
	"on_update",
	"on_change",
	"before_change",
	"on_trash",
	"after_delete",
)


def test_the_order_of_a_controllers_methods() -> None:
	cls = _recorder(METHODS)
	doc = cls({"doctype": THING, "title": "One"})
	doc.insert()
	assert cls.calls == [
		"before_insert",
		"before_naming",
		"autoname",
		"before_validate",
		"validate",
		"before_save",
		"after_insert",
		"on_update",
		"on_change",
	]
	cls.calls.clear()
	doc.save()
	assert cls.calls == ["before_validate", "validate", "before_save", "on_update", "on_change"]
	cls.calls.clear()
	doc.db_set("note", "x")
	assert cls.calls == ["before_change", "on_change"]


def test_is_new_until_the_end_of_insert() -> None:
	seen = []

	class Asked(Document):
		def after_insert(self) -> None:
			seen.append(("after_insert", bool(self.is_new()), bool(self.flags.in_insert)))

		def on_update(self) -> None:
			seen.append(("on_update", bool(self.is_new()), bool(self.flags.in_insert)))

	doc = Asked({"doctype": THING, "title": "One"})
	assert not doc.is_new()
	doc.insert()
	assert seen == [("after_insert", False, False), ("on_update", False, True)]
	assert not doc.is_new()


def test_get_doc_before_save_and_has_value_changed() -> None:
	seen = []

	class Asked(Document):
		def validate(self) -> None:
			before = self.get_doc_before_save()
			seen.append((before and before.title, bool(self.has_value_changed("title")), bool(self.has_value_changed("note"))))

	doc = Asked({"doctype": THING, "title": "One"}).insert()
	doc.title = "Two"
	doc.save()
	assert seen == [(None, True, True), ("One", True, False)]


def test_db_insert_is_looked_up_on_the_document() -> None:
	doc = thing()
	called = []
	inherited = doc.db_insert
	doc.db_insert = lambda *args, **kwargs: (called.append(1), inherited(*args, **kwargs))
	doc.insert()
	assert called == [1] and frappe.db.exists(THING, doc.name)


def test_hooks_of_apps_run_after_the_controllers_method(doc_events: Any) -> None:
	calls = []
	doc_events(THING, "validate", lambda doc, method, *_args: calls.append(("thing", method)))
	doc_events("*", "validate", lambda doc, method, *_args: doc.doctype == THING and calls.append(("all", method)))

	class Asked(Document):
		def validate(self) -> None:
			calls.append(("own", "validate"))

	Asked({"doctype": THING, "title": "One"}).insert()
	assert calls == [("own", "validate"), ("thing", "validate"), ("all", "validate")]


def test_an_app_may_override_a_class(override: Any) -> None:
	class Ours(get_controller("Email Template")):
		def validate(self) -> None:
			self.subject = "ours"

	override("Email Template", Ours)
	assert get_controller("Email Template") is Ours
	doc = frappe.get_doc({"doctype": "Email Template", "name": random_string(8), "subject": "given", "response": "x"}).insert()
	assert doc.subject == "ours" and isinstance(frappe.new_doc("Email Template"), Ours)


def test_a_custom_doctype_has_no_class_of_its_own(override: Any) -> None:
	override(THING, type("Ours", (Document,), {}))
	assert get_controller(THING) is Document


def test_run_method_answers_what_the_controller_answers() -> None:
	class Asked(Document):
		def greet(self, name: str, polite: bool = False) -> str:
			return f"{'Good day' if polite else 'Hi'} {name}"

	doc = Asked({"doctype": THING, "title": "One"})
	assert doc.run_method("greet", "Ada", polite=True) == "Good day Ada"
	assert doc.run_method("no_such_method") is None


# -- checks -----------------------------------------------------------------------------------------


def test_text_that_is_no_html_is_written_as_it_is() -> None:
	for text in ("a < b & c > d", "I <3 you -> there", '"<b>x</b>"'):
		assert frappe.db.get_value(THING, thing(title=text).insert().name, "title") == text
	kept = frappe.db.get_value(THING, thing(title="x <script>y()</script> <p onclick='z()'>w</p>").insert().name, "title")
	assert "<script" not in kept and "onclick" not in kept and kept.startswith("x ")


def test_mandatory_fields() -> None:
	with pytest.raises(frappe.MandatoryError, match="title"):
		thing(title="").insert()
	with pytest.raises(frappe.MandatoryError, match="label"):
		thing(rows=[{"amount": 1}]).insert()
	for nothing in ("<urgent>", "<img src='x'>", "<>"):
		with pytest.raises(frappe.MandatoryError, match="title"):
			thing(title=nothing).insert()
	assert thing(title=None).insert(ignore_mandatory=True).name
	doc = thing(title=None)
	doc.flags.ignore_mandatory = True
	assert doc.insert().name


def test_links_lead_somewhere() -> None:
	with pytest.raises(frappe.LinkValidationError, match="nobody"):
		thing(by="nobody@example.com").insert()
	with pytest.raises(frappe.LinkValidationError):
		thing(ref_type="User", ref_name="nobody").insert()
	assert thing(by="nobody@example.com").insert(ignore_links=True).by == "nobody@example.com"


def test_a_link_is_written_as_the_document_is_named_and_brings_fetched_fields() -> None:
	frappe.get_doc({"doctype": NAMED, "title": "Élan", "note": "fetched"}).insert()
	doc = thing(other="élan", ref_type="User", ref_name="administrator").insert()
	assert (doc.other, doc.ref_name, doc.other_note) == ("Élan", "Administrator", "fetched")


def test_select_values() -> None:
	with pytest.raises(frappe.ValidationError, match="cannot be"):
		thing(kind="C").insert()
	with pytest.raises(frappe.ValidationError):
		thing(rows=[{"label": "x", "kind": "C"}]).insert()
	assert thing(kind=" B ").insert().kind == "B"


def test_addresses() -> None:
	with pytest.raises(frappe.InvalidEmailAddressError):
		thing(address="not an address").insert()
	assert thing(address="Ada <ada@example.com>").insert().address == "Ada <ada@example.com>"


def test_length() -> None:
	with pytest.raises(frappe.CharacterLengthExceededError):
		thing(title="x" * 141).insert()
	assert len(thing(title="é" * 140, note="x" * 5000).insert().note) == 5000


def test_unique_fields() -> None:
	thing(code="A1").insert()
	with pytest.raises(frappe.UniqueValidationError):
		thing(code="A1").insert()
	other = thing(code="A2").insert()
	other.code = "A1"
	with pytest.raises(frappe.UniqueValidationError):
		other.save()


def test_unique_fields_may_be_empty_more_than_once() -> None:
	assert {thing(code=value).insert().db_get("code") for value in ("", "", None)} == {None}


def test_set_only_once() -> None:
	doc = thing(fixed="a").insert()
	doc.fixed = "b"
	with pytest.raises(frappe.CannotChangeConstantError):
		doc.save()


def test_html_is_cleaned_where_html_is_shown() -> None:
	bad = '<p onclick="x()">Hi<script>alert(1)</script></p>'
	doc = thing(body=bad, source=bad).insert()
	assert "<script" not in doc.body and "onclick" not in doc.body and "Hi" in doc.body
	assert doc.source == bad


def test_values_take_the_type_of_their_field() -> None:
	doc = thing(size="12", price="1.5", done="0", due="2024-02-29", moment="2024-02-29 10:11:12").insert()
	stored = frappe.get_doc(THING, doc.name)
	assert (stored.size, stored.price, stored.done) == (12, 1.5, 0)
	assert stored.due == datetime.date(2024, 2, 29)
	assert stored.moment == datetime.datetime(2024, 2, 29, 10, 11, 12)
	empty = frappe.get_doc(THING, thing(due="", moment="").insert().name)
	assert (empty.due, empty.moment, empty.size, empty.price) == (None, None, 0, 0.0)


# -- saving -----------------------------------------------------------------------------------------


def test_a_save_in_between_is_noticed() -> None:
	doc = thing().insert()
	stale = frappe.get_doc(THING, doc.name)
	doc.note = "first"
	doc.save()
	stale.note = "second"
	with pytest.raises(frappe.TimestampMismatchError):
		stale.save()
	stale.reload()
	stale.note = "second"
	assert stale.save().note == "second"


def test_rows_of_a_table_are_kept_added_and_taken_away() -> None:
	doc = thing(rows=[{"label": "a"}, {"label": "b"}]).insert()
	kept = doc.rows[1].name
	doc.remove(doc.rows[0])
	added = doc.append("rows", {"label": "c"})
	assert added.parent_doc is doc
	doc.save()
	stored = frappe.get_doc(THING, doc.name).rows
	assert sorted(row.label for row in stored) == ["b", "c"]
	assert kept in [row.name for row in stored] and all(row.name for row in stored)
	doc.set("rows", [])
	doc.save()
	assert not frappe.get_all(ROW, {"parent": doc.name})


def test_get_set_update_append_extend() -> None:
	doc = thing(rows=[{"label": "a", "kind": "A"}, {"label": "b", "kind": "B"}])
	doc.update({"title": "Two", "note": "n"})
	doc.set("size", 3)
	assert (doc.title, doc.get("note"), doc.size) == ("Two", "n", 3)
	assert doc.get("nothing") is None and doc.get("nothing", default=5) == 5
	assert [row.label for row in doc.get("rows", {"kind": "B"})] == ["b"]
	doc.extend("rows", [{"label": "c"}])
	assert [row.idx for row in doc.rows] == [1, 2, 3]
	assert len(doc.get_all_children()) == 3


def test_db_set_writes_at_once_and_touches_modified() -> None:
	doc = thing().insert()
	before = frappe.db.get_value(THING, doc.name, "modified")
	doc.db_set("note", "x", update_modified=False)
	assert frappe.db.get_value(THING, doc.name, ["note", "modified"]) == ("x", before)
	doc.db_set({"note": "y", "size": 4})
	assert doc.db_get("note") == "y" and doc.size == 4
	assert frappe.db.get_value(THING, doc.name, "modified") > before
	doc.note = "z"
	doc.save()
	assert doc.db_get("note") == "z"


def test_as_dict_and_get_valid_dict() -> None:
	doc = thing(rows=[{"label": "a"}]).insert()
	values = doc.as_dict()
	assert values.doctype == THING and values.title == "One" and values.rows[0].label == "a"
	assert "rows" not in doc.get_valid_dict()
	assert frappe.parse_json(doc.as_json())["title"] == "One"
	assert isinstance(doc.as_dict(convert_dates_to_str=True).creation, str)


def test_copies_are_new() -> None:
	doc = thing(code="A", note="n", rows=[{"label": "a"}]).insert()
	copy = frappe.copy_doc(doc)
	assert copy.name is None and copy.note == "n" and copy.rows[0].name is None
	copy.code = "B"
	assert copy.insert().name != doc.name
	assert frappe.copy_doc(doc, ignore_no_copy=False).code is None


def test_meta() -> None:
	meta = frappe.get_meta(THING)
	assert meta.name == THING and not meta.issingle
	assert meta.get_field("title").reqd and meta.has_field("title") and not meta.has_field("nothing")
	assert meta.get_label("other_note") == "Other Note"
	assert {df.fieldname for df in meta.get_table_fields()} == {"rows"}
	assert {df.fieldname for df in meta.get("fields", {"fieldtype": "Password"})} == {"secret"}
	assert "rows" not in meta.get_valid_columns() and {"title", "name", "owner"} <= set(meta.get_valid_columns())
	assert thing().meta is meta or thing().meta.name == THING
	assert frappe.get_meta(ROW).istable
	with pytest.raises(frappe.DoesNotExistError):
		frappe.get_meta("No Such DocType")


# -- names ------------------------------------------------------------------------------------------


def test_names_are_random_unless_told_otherwise() -> None:
	doc = thing(name="given").insert()
	assert doc.name != "given" and len(doc.name) == 10
	assert thing().insert(set_name="given").name == "given"


def test_names_from_a_field() -> None:
	doc = frappe.get_doc({"doctype": NAMED, "title": " Élan "}).insert()
	assert doc.name == "Élan"
	with pytest.raises(frappe.DuplicateEntryError):
		frappe.get_doc({"doctype": NAMED, "title": "Élan"}).insert()
	with pytest.raises(frappe.ValidationError):
		frappe.get_doc({"doctype": NAMED}).insert()


def test_names_from_a_series() -> None:
	first, second = (frappe.get_doc({"doctype": SERIES}).insert().name for _ in range(2))
	year = frappe.utils.now_datetime().year
	assert first.startswith(f"ZZ-{year}-") and len(first) == len(f"ZZ-{year}-00001")
	assert int(second[-5:]) == int(first[-5:]) + 1


def test_names_that_are_asked_for() -> None:
	assert frappe.get_doc({"doctype": PROMPT, "name": "Asked"}).insert().name == "Asked"
	with pytest.raises(frappe.ValidationError):
		frappe.get_doc({"doctype": PROMPT}).insert()


def test_a_controller_may_name() -> None:
	class Naming(Document):
		def autoname(self) -> None:
			self.name = f"own-{self.title}"

	assert Naming({"doctype": THING, "title": "One"}).insert().name == "own-One"


def test_ignore_if_duplicate() -> None:
	thing().insert(set_name="twice")
	with pytest.raises(frappe.DuplicateEntryError):
		thing().insert(set_name="twice")
	thing().insert(set_name="twice", ignore_if_duplicate=True)
	assert frappe.db.count(THING, {"name": "twice"}) == 1


def test_renaming_takes_links_along() -> None:
	frappe.get_doc({"doctype": NAMED, "title": "Old"}).insert()
	linking = thing(other="Old", ref_type=NAMED, ref_name="Old").insert()
	assert frappe.rename_doc(NAMED, "Old", "New", force=True) == "New"
	linking.reload()
	assert (linking.other, linking.ref_name) == ("New", "New")
	assert not frappe.db.exists(NAMED, "Old")
	assert frappe.db.get_value(NAMED, "New", "title") == "New"
	frappe.get_doc({"doctype": NAMED, "title": "Taken"}).insert()
	with pytest.raises(frappe.ValidationError):
		frappe.rename_doc(NAMED, "New", "Taken", force=True)
	doc = thing(rows=[{"label": "a"}]).insert()
	with pytest.raises(frappe.ValidationError):
		frappe.rename_doc(THING, doc.name, "renamed")
	frappe.rename_doc(THING, doc.name, "renamed", force=True)
	assert frappe.get_doc(THING, "renamed").rows[0].label == "a"


def test_renaming_calls_the_controller(override: Any) -> None:
	calls = []

	class Renamed(get_controller("Email Template")):
		def before_rename(self, old: str, new: str, merge: bool = False) -> None:
			calls.append(("before", old, new))

		def after_rename(self, old: str, new: str, merge: bool = False) -> None:
			calls.append(("after", old, new, self.name))

	override("Email Template", Renamed)
	old, new = random_string(8), random_string(8)
	frappe.get_doc({"doctype": "Email Template", "name": old, "subject": "s", "response": "x"}).insert()
	frappe.rename_doc("Email Template", old, new, force=True)
	assert calls == [("before", old, new), ("after", old, new, new)]


# -- deleting ---------------------------------------------------------------------------------------


def test_deleting_takes_rows_and_secrets_along() -> None:
	doc = thing(rows=[{"label": "a"}], secret="s").insert()
	doc.delete()
	assert not frappe.db.exists(THING, doc.name) and not frappe.get_all(ROW, {"parent": doc.name})
	again = thing().insert(set_name=doc.name)
	assert again.get_password("secret", raise_exception=False) is None


@pytest.mark.parametrize("link", [{"other": "Linked"}, {"ref_type": NAMED, "ref_name": "Linked"}])
def test_what_is_linked_to_stays(link: dict[str, str]) -> None:
	frappe.get_doc({"doctype": NAMED, "title": "Linked"}).insert()
	thing(**link).insert()
	with pytest.raises(frappe.LinkExistsError):
		frappe.delete_doc(NAMED, "Linked")
	frappe.delete_doc(NAMED, "Linked", force=True)
	assert not frappe.db.exists(NAMED, "Linked")


def test_delete_calls_the_controller(override: Any) -> None:
	calls = []

	class Watched(get_controller("Email Template")):
		def on_trash(self) -> None:
			calls.append("on_trash")

		def after_delete(self) -> None:
			calls.append("after_delete")

	override("Email Template", Watched)
	frappe.get_doc({"doctype": "Email Template", "name": random_string(8), "subject": "s", "response": "x"}).insert().delete()
	assert calls == ["on_trash", "after_delete"]


def test_deleting_what_is_not_there() -> None:
	frappe.delete_doc(THING, "nothing")
	with pytest.raises(frappe.DoesNotExistError):
		frappe.delete_doc(THING, "nothing", ignore_missing=False)


# -- secrets and Singles ----------------------------------------------------------------------------


def test_passwords_are_kept_apart_and_encrypted() -> None:
	doc = thing(secret="geheim").insert()
	assert doc.secret == "******" and doc.db_get("secret") == "******"
	assert doc.get_password("secret") == "geheim"
	assert "geheim" not in str(frappe.db.sql("select password from `__Auth` where doctype=%s", (THING,)))
	doc.note = "saved with stars"
	doc.save()
	assert frappe.get_doc(THING, doc.name).get_password("secret") == "geheim"
	doc.secret = ""
	doc.save()
	assert doc.get_password("secret", raise_exception=False) is None
	with pytest.raises(frappe.AuthenticationError):
		doc.get_password("secret")


def test_a_password_not_yet_saved_is_answered_too() -> None:
	assert thing(secret="new").get_password("secret") == "new"


def test_singles() -> None:
	doc = frappe.get_doc(SINGLE)
	assert doc.name == SINGLE and doc.size in (0, None) and doc.done == 1
	doc.update({"title": "t", "size": 3, "done": 0})
	doc.save()
	assert frappe.get_doc(SINGLE).size == 3
	assert frappe.db.get_single_value(SINGLE, "size") == 3
	assert frappe.db.get_single_value(SINGLE, "done") == 0
	assert frappe.db.get_value(SINGLE, None, "title") == "t"
	frappe.db.set_single_value(SINGLE, "size", 5)
	assert frappe.get_doc(SINGLE).size == 5


def test_cached_documents_are_never_outdated() -> None:
	doc = thing(note="a").insert()
	assert frappe.get_cached_doc(THING, doc.name).note == "a"
	assert frappe.get_cached_doc(THING, doc.name) is frappe.get_cached_doc(THING, doc.name)
	doc.note = "b"
	doc.save()
	assert frappe.get_cached_doc(THING, doc.name).note == "b"
	frappe.db.set_value(THING, doc.name, "note", "c")
	assert frappe.get_cached_doc(THING, doc.name).note == "c"
	assert frappe.get_cached_value(THING, doc.name, "note") == "c"
	frappe.db.set_value(THING, {"title": "One"}, "note", "d")
	assert frappe.get_cached_value(THING, doc.name, ["note", "title"]) in (["d", "One"], ("d", "One"))
	frappe.clear_document_cache(THING, doc.name)
	doc.delete()
	with pytest.raises(frappe.DoesNotExistError):
		frappe.get_cached_doc(THING, doc.name)


def test_another_process_is_noticed(site: Any) -> None:
	doc = thing(note="a").insert()
	frappe.db.commit()
	assert frappe.get_cached_doc(THING, doc.name).note == "a"
	site.python(f"doc = frappe.get_doc({THING!r}, {doc.name!r}); doc.note = 'b'; doc.save(); frappe.db.commit()")
	site.connect()
	assert frappe.get_cached_doc(THING, doc.name).note == "b"


def test_an_error_undoes_nothing_by_itself_and_messages_are_kept() -> None:
	frappe.clear_messages()
	with pytest.raises(frappe.ValidationError, match="Impossible"):
		frappe.throw("Impossible", title="Title")
	assert frappe.local.message_log
	frappe.clear_messages()
	assert not frappe.local.message_log
	frappe.msgprint("Said")
	assert "Said" in str(frappe.local.message_log)


def test_comments_belong_to_their_document() -> None:
	doc = thing().insert()
	doc.add_comment("Comment", "hello")
	about = {"reference_doctype": THING, "reference_name": doc.name}
	assert frappe.get_all("Comment", about, pluck="content") == ["hello"]


def test_what_is_about_a_deleted_document(run_jobs: Any) -> None:
	"""Comments go, messages stay and are about nothing any more; on a bench a job sees to that."""
	doc = thing().insert()
	about = {"reference_doctype": THING, "reference_name": doc.name}
	doc.add_comment("Comment", "hello")
	values = {"subject": "s", "content": "c", "communication_medium": "Email", "sent_or_received": "Received", **about}
	mail = frappe.get_doc({"doctype": "Communication", **values}).insert(ignore_permissions=True)
	frappe.db.commit()
	doc.delete()
	frappe.db.commit()
	run_jobs()
	assert not frappe.get_all("Comment", about)
	assert not frappe.db.get_value("Communication", mail.name, "reference_name")
	frappe.delete_doc("Communication", mail.name, force=True)
	frappe.db.commit()


def test_what_a_form_is_told() -> None:
	doc = thing()
	doc.set_onload("answer", 42)
	assert doc.as_dict()["__onload"] == {"answer": 42}


def test_a_document_renames_itself() -> None:
	doc = frappe.get_doc({"doctype": NAMED, "title": "Old"}).insert()
	doc.rename("New")
	assert doc.name == "New" and frappe.db.exists(NAMED, "New")


def test_flags_leave_checks_out() -> None:
	class Refusing(Document):
		def validate(self) -> None:
			frappe.throw("never")

	doc = Refusing({"doctype": THING, "title": "One"})
	doc.flags.ignore_validate = True
	assert doc.insert().name
	doc.flags.ignore_validate = False
	with pytest.raises(frappe.ValidationError, match="never"):
		doc.save()


@pytest.mark.embedded
def test_documents_that_are_submitted_are_not_offered() -> None:
	with pytest.raises(NotImplementedError, match="submitted"):
		thing(docstatus=1).insert()


@pytest.mark.embedded
def test_threads_of_a_process_see_each_others_commits(site: Any) -> None:
	import contextvars
	import threading

	doc = thing(note="a").insert()
	frappe.db.commit()
	assert frappe.get_cached_doc(THING, doc.name).note == "a"
	seen = []

	def elsewhere() -> None:
		site.connect()
		seen.append(frappe.get_cached_doc(THING, doc.name).note)
		frappe.db.set_value(THING, doc.name, "note", "b")
		seen.append(frappe.get_cached_doc(THING, doc.name).note)
		frappe.db.commit()
		frappe.destroy()

	thread = threading.Thread(target=contextvars.Context().run, args=(elsewhere,))
	thread.start()
	thread.join()
	assert seen == ["a", "b"]
	assert frappe.get_cached_doc(THING, doc.name).note == "b"


@pytest.mark.embedded
def test_what_was_rolled_back_is_remembered_by_nobody() -> None:
	doc = thing(note="a").insert()
	frappe.db.commit()
	frappe.db.sql("update `tabZz Thing` set note='b' where name=%s", doc.name)
	frappe.clear_document_cache(THING, doc.name)
	assert frappe.get_cached_doc(THING, doc.name).note == "b"
	frappe.db.rollback()
	assert frappe.get_cached_doc(THING, doc.name).note == "a"
	frappe.db.savepoint("here")
	frappe.db.set_value(THING, doc.name, "note", "c")
	assert frappe.get_cached_doc(THING, doc.name).note == "c"
	frappe.db.rollback(save_point="here")
	assert frappe.get_cached_doc(THING, doc.name).note == "a"
