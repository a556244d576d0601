"""Who may do what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import frappe
import pytest
from frappe.utils import random_string

from tests.host.probes import ROW, THING, thing

pytestmark = pytest.mark.usefixtures("probes")


@pytest.fixture
def as_user(user: Callable[..., str]) -> Iterator[Callable[..., str]]:
	"""Acts as a new user with these roles."""

	def act(*roles: str) -> str:
		name = user(*roles, enabled=1)
		frappe.set_user(name)
		return name

	yield act
	frappe.set_user("Administrator")


def test_roles(as_user: Callable[..., str]) -> None:
	assert "System Manager" in frappe.get_roles("Administrator")
	assert frappe.get_roles("Guest") == ["Guest"]
	name = as_user("System Manager")
	assert {"System Manager", "All", "Guest"} <= set(frappe.get_roles())
	assert "System Manager" in frappe.get_roles(name)
	assert frappe.session.user == name


def test_only_for(as_user: Callable[..., str]) -> None:
	frappe.only_for("System Manager")
	as_user()
	with pytest.raises(frappe.PermissionError):
		frappe.only_for("System Manager")
	with pytest.raises(frappe.PermissionError):
		frappe.only_for(["System Manager", "Inbox User"])
	as_user("Inbox User")
	frappe.only_for(("System Manager", "Inbox User"))


def test_a_role_gives_rights(as_user: Callable[..., str]) -> None:
	doc = thing().insert()
	as_user("System Manager")
	for right in ("read", "write", "create", "delete"):
		assert frappe.has_permission(THING, right)
	assert not frappe.has_permission(THING, "submit")
	assert frappe.get_doc(THING, doc.name).has_permission("write")
	assert frappe.has_permission(THING, "read", doc=doc.name)


def test_what_is_for_owners_only(as_user: Callable[..., str]) -> None:
	foreign = thing().insert()
	as_user()
	own = thing(title="Own").insert()
	assert frappe.has_permission(THING, "read") and frappe.has_permission(THING, "create")
	assert own.has_permission("write") and frappe.has_permission(THING, "read", own)
	assert not frappe.get_doc(THING, foreign.name).has_permission("read")
	assert not frappe.has_permission(THING, "write", foreign.name)
	assert frappe.get_list(THING, pluck="name") == [own.name]
	assert len(frappe.get_all(THING)) == 2
	stolen = frappe.get_doc(THING, foreign.name)
	stolen.note = "x"
	with pytest.raises(frappe.PermissionError):
		stolen.save()
	with pytest.raises(frappe.PermissionError):
		frappe.delete_doc(THING, foreign.name)
	with pytest.raises(frappe.PermissionError):
		stolen.check_permission("read")
	stolen.reload()
	stolen.save(ignore_permissions=True)
	own.delete()


def test_who_has_no_right_at_all(as_user: Callable[..., str]) -> None:
	as_user()
	assert not frappe.has_permission("Error Log", "read")
	with pytest.raises(frappe.PermissionError):
		frappe.get_list("Error Log")
	with pytest.raises((frappe.ValidationError, frappe.PermissionError)):
		frappe.has_permission("Error Log", "read", throw=True)
	with pytest.raises(frappe.PermissionError):
		frappe.get_doc({"doctype": "Role", "role_name": random_string(8)}).insert()
	assert isinstance(frappe.get_all("Error Log"), list)
	doc = frappe.get_doc({"doctype": "Role", "role_name": random_string(8)})
	doc.flags.ignore_permissions = True
	doc.insert()


def test_a_guest(site: Any) -> None:
	frappe.set_user("Guest")
	assert not frappe.has_permission(THING, "read")
	frappe.set_user("Administrator")


def test_rows_of_tables_go_with_their_document(as_user: Callable[..., str]) -> None:
	doc = thing(rows=[{"label": "a"}]).insert()
	as_user("System Manager")
	assert frappe.get_list(ROW, filters={"parent": doc.name}, parent_doctype=THING, pluck="label") == ["a"]


def test_fields_of_a_higher_level_go_back_to_what_they_were(as_user: Callable[..., str]) -> None:
	as_user()
	doc = thing(guarded="mine").insert()
	assert doc.db_get("guarded") is None
	as_user("System Manager")
	assert thing(guarded="mine").insert().db_get("guarded") == "mine"


def test_apps_have_a_say(as_user: Callable[..., str], host_hooks: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
	"""By True and False: see below what it means that a hook says nothing."""
	import frappe.handler

	secret, open_ = thing(note="secret").insert(), thing(note="open").insert()
	monkeypatch.setattr(frappe.handler, "zz_may", lambda doc, ptype=None, user=None, **_: doc.note != "secret", raising=False)
	monkeypatch.setattr(frappe.handler, "zz_list", lambda user=None, **_: "`tabZz Thing`.note != 'secret'", raising=False)
	host_hooks("has_permission", {THING: "frappe.handler.zz_may"})
	host_hooks("permission_query_conditions", {THING: "frappe.handler.zz_list"})
	as_user("System Manager")
	assert frappe.get_list(THING, pluck="name") == [open_.name]
	assert not frappe.get_doc(THING, secret.name).has_permission("read")
	assert frappe.get_doc(THING, open_.name).has_permission("read")


@pytest.mark.parametrize(
	("said", "to_dokos_and_15", "to_16"),
	[
		([None], True, False),
		([True, None], True, False),
		([False, None], False, False),
		([True, False], False, False),
		([False, True], True, False),
		([True, True], True, True),
	],
)
def test_what_several_apps_say(
	as_user: Callable[..., str],
	host_hooks: Callable,
	monkeypatch: pytest.MonkeyPatch,
	said: list[bool | None],
	to_dokos_and_15: bool,
	to_16: bool,
) -> None:
	"""The last app is asked first. Dokos and Frappe 15 heed the first yes or no; Frappe 16 and this host want a yes of all."""
	import frappe.handler

	for number, answer in enumerate(said):
		monkeypatch.setattr(frappe.handler, f"zz_says_{number}", lambda answer=answer, **_: answer, raising=False)
	host_hooks("has_permission", {THING: [f"frappe.handler.zz_says_{number}" for number in range(len(said))]})
	doc = thing().insert()
	as_user("System Manager")
	lenient = frappe.__version__.startswith(("3.", "15."))
	assert frappe.get_doc(THING, doc.name).has_permission("read") is (to_dokos_and_15 if lenient else to_16)


def test_whitelisting(as_user: Callable[..., str]) -> None:
	@frappe.whitelist()
	def listed() -> None: ...

	@frappe.whitelist(allow_guest=True)
	def for_guests() -> None: ...

	frappe.is_whitelisted(listed)
	with pytest.raises(frappe.PermissionError):
		frappe.is_whitelisted(lambda: None)
	frappe.set_user("Guest")
	frappe.is_whitelisted(for_guests)
	with pytest.raises(frappe.PermissionError):
		frappe.is_whitelisted(listed)


def test_a_users_password(user: Callable[..., str]) -> None:
	from frappe.utils.password import check_password, get_decrypted_password, set_encrypted_password, update_password

	name = user()
	update_password(name, "Ein gutes Kennwort")
	assert check_password(name, "Ein gutes Kennwort") == name
	with pytest.raises(frappe.AuthenticationError):
		check_password(name, "ein anderes")
	set_encrypted_password("User", name, "geheim", "api_secret")
	assert get_decrypted_password("User", name, "api_secret") == "geheim"
	assert get_decrypted_password("User", name, "no_such", raise_exception=False) is None
	with pytest.raises(frappe.AuthenticationError):
		get_decrypted_password("User", name, "no_such")


def test_the_sites_key() -> None:
	from frappe.utils.password import get_encryption_key

	assert len(get_encryption_key()) >= 32
	assert get_encryption_key() == get_encryption_key() == frappe.conf.encryption_key


def test_encrypted_passwords_can_be_taken_away(user: Callable[..., str]) -> None:
	from frappe.utils.password import get_decrypted_password, remove_encrypted_password, set_encrypted_password

	name = user()
	set_encrypted_password("User", name, "geheim", "api_secret")
	remove_encrypted_password("User", name, "api_secret")
	assert get_decrypted_password("User", name, "api_secret", raise_exception=False) is None


def test_users(user: Callable[..., str]) -> None:
	name = user("System Manager", enabled=1)
	doc = frappe.get_doc("User", name)
	assert (doc.name, doc.email, doc.full_name, doc.user_type) == (name, name, "Web", "System User")
	doc.add_roles("Inbox User")
	assert "Inbox User" in frappe.get_roles(name)
