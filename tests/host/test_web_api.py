"""`/api/method` and `/api/resource`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import frappe
import pytest

from tests.host.visitor import Visitor


def test_ping_answers_anybody(visitor: Callable[[], Visitor]) -> None:
	answer = visitor().get("/api/method/ping")
	assert answer.status_code == 200
	assert answer.headers["Content-Type"] == "application/json"
	assert answer.json() == {"message": "pong"}


def test_a_whitelisted_function_gets_the_arguments_it_knows(manager: Visitor, probe: Callable[..., str]) -> None:
	name = probe(lambda a, b=None: [a, b])
	assert manager.call(name, a="é", c=3).json() == {"message": ["é", None]}
	assert manager.get(f"/api/method/{name}", params={"a": "1", "b": "2"}).json() == {"message": ["1", "2"]}
	assert manager.request("POST", f"/api/method/{name}", data={"a": "1"}).json() == {"message": ["1", None]}


def test_cmd_names_a_function_too(manager: Visitor, probe: Callable[..., str]) -> None:
	name = probe(lambda a: a)
	assert manager.request("POST", "/", data={"cmd": name, "a": "1"}).json() == {"message": "1"}


def test_a_function_that_is_not_whitelisted_is_refused(manager: Visitor) -> None:
	answer = manager.call("frappe.utils.now")
	assert answer.status_code == 403
	assert answer.json()["exc_type"] == "PermissionError"


def test_a_guest_may_call_only_what_is_for_guests(visitor: Callable[[], Visitor], probe: Callable[..., str]) -> None:
	assert visitor().call(probe(lambda: "no")).status_code == 403
	assert visitor().call(probe(lambda: "yes", allow_guest=True)).json() == {"message": "yes"}


def test_the_http_methods_of_a_function_are_kept_to(manager: Visitor, probe: Callable[..., str]) -> None:
	name = probe(lambda: "done", methods=["POST"])
	assert manager.get(f"/api/method/{name}").status_code == 403
	assert manager.call(name).json() == {"message": "done"}


def test_a_name_that_leads_nowhere(manager: Visitor) -> None:
	answer = manager.call("frappe.no_such_module.no_such_function")
	assert answer.status_code == 417
	assert answer.json()["exc_type"] == "ValidationError"


def test_an_app_that_is_not_installed_cannot_be_called(manager: Visitor) -> None:
	assert manager.call("os.getcwd").status_code == 417


def test_override_whitelisted_methods(manager: Visitor, probe: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
	original, other = probe(lambda: "original"), probe(lambda: "other")
	get_hooks = frappe.get_hooks

	def with_override(hook: str | None = None, *args: Any, **kwargs: Any) -> Any:
		return {original: [other]} if hook == "override_whitelisted_methods" else get_hooks(hook, *args, **kwargs)

	monkeypatch.setattr(frappe, "get_hooks", with_override)
	assert manager.call(original).json() == {"message": "other"}
	assert manager.request("POST", "/", data={"cmd": original}).json() == {"message": "other"}


def test_what_is_thrown_comes_as_a_message_and_a_type(manager: Visitor, probe: Callable[..., str]) -> None:
	answer = manager.call(probe(lambda: frappe.throw("Say <b>this</b>", frappe.LinkValidationError, title="Why")))
	assert answer.status_code == 417
	assert answer.json()["exc_type"] == "LinkValidationError"
	(message,) = [json.loads(each) for each in json.loads(answer.json()["_server_messages"])]
	assert message["message"] == "Say <b>this</b>"
	assert message["title"] == "Why"


@pytest.mark.parametrize(
	("error", "status"),
	[
		(frappe.ValidationError, 417),
		(frappe.PermissionError, 403),
		(frappe.DoesNotExistError, 404),
		(frappe.DuplicateEntryError, 409),
		(frappe.AuthenticationError, 401),
		(frappe.CSRFTokenError, 400),
		(RuntimeError, 500),
	],
)
def test_the_status_of_an_error(manager: Visitor, probe: Callable[..., str], error: type[Exception], status: int) -> None:
	def fail() -> None:
		raise error("no")

	answer = manager.call(probe(fail))
	assert (answer.status_code, answer.json()["exc_type"]) == (status, error.__name__)


def test_a_message_beside_the_answer(manager: Visitor, probe: Callable[..., str]) -> None:
	def say() -> int:
		frappe.msgprint("Heard", indicator="green", alert=True)
		return 0

	answer = manager.call(probe(say)).json()
	assert answer["message"] == 0
	(message,) = [json.loads(each) for each in json.loads(answer["_server_messages"])]
	assert (message["message"], message["indicator"], message["alert"]) == ("Heard", "green", 1)


# ---- one request, one transaction


def _rename(name: str, to: str) -> None:
	frappe.db.set_value("Contact", name, "last_name", to)


def _last_name(name: str) -> str:
	frappe.db.rollback()
	return frappe.db.get_value("Contact", name, "last_name")


def test_a_post_is_committed(manager: Visitor, contact: Callable[..., Any], probe: Callable[..., str]) -> None:
	doc = contact(last_name="before")
	assert manager.call(probe(lambda: _rename(doc.name, "after"))).status_code == 200
	assert _last_name(doc.name) == "after"


def test_a_get_leaves_nothing_behind(manager: Visitor, contact: Callable[..., Any], probe: Callable[..., str]) -> None:
	doc = contact(last_name="before")
	assert manager.get(f"/api/method/{probe(lambda: _rename(doc.name, 'after'))}").status_code == 200
	assert _last_name(doc.name) == "before"


def test_a_post_that_fails_leaves_nothing_behind(
	manager: Visitor, contact: Callable[..., Any], probe: Callable[..., str]
) -> None:
	doc = contact(last_name="before")

	def fail() -> None:
		_rename(doc.name, "after")
		frappe.throw("no")

	assert manager.call(probe(fail)).status_code == 417
	assert _last_name(doc.name) == "before"


def test_callbacks_run_after_the_commit_and_not_after_a_failure(
	manager: Visitor, contact: Callable[..., Any], probe: Callable[..., str]
) -> None:
	doc = contact(last_name="before")
	seen: list[str] = []

	def write(fail: int = 0) -> None:
		_rename(doc.name, "after")
		frappe.db.after_commit.add(lambda: seen.append("committed"))
		if fail:
			frappe.throw("no")

	name = probe(write)
	assert manager.call(name, fail=1).status_code == 417
	assert seen == []
	assert manager.call(name).status_code == 200
	assert seen == ["committed"]


# ---- documents


def test_a_document_is_made_read_changed_and_deleted(manager: Visitor) -> None:
	made = manager.request("POST", "/api/resource/Contact", json={"first_name": "Zoë", "last_name": "Été"})
	assert made.status_code == 200, made.text
	name = made.json()["data"]["name"]
	assert made.json()["data"]["doctype"] == "Contact"
	path = f"/api/resource/Contact/{name}"
	assert manager.get(path).json()["data"]["last_name"] == "Été"
	changed = manager.request("PUT", path, json={"last_name": "Hiver"})
	assert changed.json()["data"]["last_name"] == "Hiver"
	assert _last_name(name) == "Hiver"
	deleted = manager.request("DELETE", path)
	assert deleted.status_code == 202
	assert manager.get(path).status_code == 404
	assert manager.get(path).json()["exc_type"] == "DoesNotExistError"


def test_a_document_sent_as_form_data(manager: Visitor) -> None:
	made = manager.request("POST", "/api/resource/Contact", data={"data": json.dumps({"first_name": "Form"})})
	name = made.json()["data"]["name"]
	assert manager.get(f"/api/resource/Contact/{name}").json()["data"]["first_name"] == "Form"
	assert manager.request("DELETE", f"/api/resource/Contact/{name}").status_code == 202


def test_a_list_has_the_fields_filters_order_and_length_that_were_asked_for(
	manager: Visitor, contact: Callable[..., Any]
) -> None:
	tag = frappe.generate_hash(length=10)
	names = [contact(last_name=tag, designation=each).name for each in ("b", "a", "c")]
	ask = {"filters": json.dumps([["Contact", "last_name", "=", tag]]), "order_by": "designation asc"}
	rows = manager.get("/api/resource/Contact", params={**ask, "fields": '["name", "designation"]'}).json()["data"]
	assert rows == [{"name": n, "designation": d} for d, n in sorted(zip("bac", names, strict=True))]
	assert manager.get("/api/resource/Contact", params=ask).json()["data"][0] == {"name": names[1]}
	page = {**ask, "limit_start": 1, "limit_page_length": 1}
	assert manager.get("/api/resource/Contact", params=page).json()["data"] == [{"name": names[0]}]
	as_dict = {"filters": json.dumps({"last_name": tag, "designation": ["in", ["a", "b"]]})}
	assert len(manager.get("/api/resource/Contact", params=as_dict).json()["data"]) == 2


def test_a_list_is_twenty_long_unless_told_otherwise(manager: Visitor, contact: Callable[..., Any]) -> None:
	for _each in range(21):
		contact()
	assert len(manager.get("/api/resource/Contact").json()["data"]) == 20
	assert len(manager.get("/api/resource/Contact", params={"limit": 21}).json()["data"]) == 21


def test_documents_keep_to_the_permissions(logged_in: Callable[..., Visitor], visitor: Callable[[], Visitor]) -> None:
	ada = logged_in()
	for each in (ada, visitor()):
		assert each.get("/api/resource/Error Log").status_code == 403
		assert each.get("/api/resource/User/Administrator").status_code == 403
		assert each.request("POST", "/api/resource/Error Log", json={"method": "x"}).status_code == 403
		assert each.request("PUT", "/api/resource/User/Administrator", json={"enabled": 0}).status_code == 403
		assert each.request("DELETE", "/api/resource/User/Administrator").status_code == 403
	assert frappe.db.get_value("User", "Administrator", "enabled") == 1


@pytest.mark.parametrize(
	"ask",
	[
		{"fields": '["name, (select password from __Auth limit 1) as x"]'},
		{"fields": '["(select password from __Auth limit 1) as x"]'},
		{"fields": '["name` from `tabUser` --"]'},
		{"order_by": "(select password from __Auth limit 1)"},
		{"order_by": "name; drop table tabContact"},
		{"filters": '[["Contact", "name` or 1=1 --", "=", "x"]]'},
	],
)
def test_sql_does_not_pass_for_a_field(manager: Visitor, contact: Callable[..., Any], ask: dict[str, str]) -> None:
	doc = contact()
	answer = manager.get("/api/resource/Contact", params=ask)
	assert answer.status_code >= 400
	assert "data" not in answer.json()
	assert frappe.db.exists("Contact", doc.name)


def test_a_method_of_a_document(manager: Visitor, contact: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
	cls = type(frappe.get_doc("Contact", contact().name))
	doc = contact(last_name="Lovelace")

	def greet(self: Any, greeting: str) -> str:
		return f"{greeting} {self.last_name}"

	monkeypatch.setattr(cls, "greet", frappe.whitelist()(greet), raising=False)
	monkeypatch.setattr(cls, "secret", lambda self: "no", raising=False)
	answer = manager.call("run_doc_method", dt="Contact", dn=doc.name, method="greet", args={"greeting": "Bonjour"})
	assert answer.json()["message"] == "Bonjour Lovelace"
	assert answer.json()["docs"][0]["name"] == doc.name
	of_the_form = {**json.loads(frappe.as_json(frappe.get_doc("Contact", doc.name).as_dict())), "last_name": "Byron"}
	answer = manager.call("run_doc_method", docs=json.dumps(of_the_form), method="greet", args='{"greeting": "Bonjour"}')
	assert answer.json()["message"] == "Bonjour Byron"
	assert manager.call("run_doc_method", dt="Contact", dn=doc.name, method="secret").status_code == 403
	by_resource = manager.get(f"/api/resource/Contact/{doc.name}", params={"run_method": "greet", "greeting": "Salut"})
	assert by_resource.json()["data"] == "Salut Lovelace"


def test_secrets_are_shown_to_nobody(manager: Visitor) -> None:
	doc = frappe.get_doc("User", manager.user)
	doc.api_secret = "a-secret-indeed"
	doc.save(ignore_permissions=True)
	frappe.db.commit()
	assert frappe.get_doc("User", manager.user).get_password("api_secret") == "a-secret-indeed"
	answers = [
		manager.get(f"/api/resource/User/{manager.user}"),
		manager.get("/api/resource/User", params={"fields": '["name", "api_secret"]', "limit": 100}),
		manager.get("/api/resource/User", params={"fields": '["*"]', "limit": 100}),
		manager.call("frappe.desk.form.load.getdoc", doctype="User", name=manager.user),
		manager.call("frappe.client.get_value", doctype="User", filters=manager.user, fieldname="api_secret"),
	]
	for answer in answers:
		assert answer.status_code == 200
		assert "a-secret-indeed" not in answer.text
	assert manager.call("frappe.client.get_list", doctype="__Auth", fields=["password"]).status_code >= 400


# ---- frappe.client


def test_the_client_functions(manager: Visitor, contact: Callable[..., Any]) -> None:
	doc = contact(last_name="Curie")
	key = {"doctype": "Contact", "name": doc.name}
	assert manager.call("frappe.client.get", **key).json()["message"]["last_name"] == "Curie"
	by_filters = manager.call("frappe.client.get", doctype="Contact", filters={"name": doc.name})
	assert by_filters.json()["message"]["name"] == doc.name
	value = manager.call("frappe.client.get_value", doctype="Contact", filters=doc.name, fieldname="last_name")
	assert value.json()["message"] == {"last_name": "Curie"}
	both = {"filters": {"name": doc.name}, "fieldname": '["name", "last_name"]'}
	values = manager.call("frappe.client.get_value", doctype="Contact", **both)
	assert values.json()["message"] == {"name": doc.name, "last_name": "Curie"}
	assert manager.call("frappe.client.get_count", doctype="Contact", filters={"name": doc.name}).json()["message"] == 1
	zone = manager.call("frappe.client.get_single_value", doctype="System Settings", field="time_zone")
	assert zone.json()["message"] == frappe.db.get_single_value("System Settings", "time_zone")
	changed = manager.call("frappe.client.set_value", **key, fieldname="last_name", value="Skłodowska")
	assert changed.json()["message"]["last_name"] == "Skłodowska"
	changed = manager.call("frappe.client.set_value", **key, fieldname={"last_name": "Meitner", "designation": "Dr"})
	assert changed.json()["message"]["designation"] == "Dr"
	whole = manager.call("frappe.client.get", **key).json()["message"]
	saved = manager.call("frappe.client.save", doc=json.dumps({**whole, "last_name": "Noether"}))
	assert saved.json()["message"]["last_name"] == "Noether"
	stale = manager.call("frappe.client.save", doc=json.dumps({**whole, "last_name": "Hopper"}))
	assert stale.json()["exc_type"] == "TimestampMismatchError"
	assert _last_name(doc.name) == "Noether"
	assert manager.call("frappe.client.delete", **key).status_code == 200
	assert manager.call("frappe.client.get", **key).status_code == 404


def test_standard_fields_are_not_set_from_outside(manager: Visitor, contact: Callable[..., Any]) -> None:
	doc = contact()
	answer = manager.call("frappe.client.set_value", doctype="Contact", name=doc.name, fieldname="owner", value="Guest")
	assert answer.status_code == 417
	assert frappe.db.get_value("Contact", doc.name, "owner") == doc.owner


def test_a_row_of_a_table_is_inserted_through_its_document(manager: Visitor, contact: Callable[..., Any]) -> None:
	doc = contact()
	row = {"doctype": "Contact Email", "parenttype": "Contact", "parent": doc.name, "parentfield": "email_ids"}
	answer = manager.call("frappe.client.insert", doc={**row, "email_id": "ada@example.com", "is_primary": 1})
	assert answer.json()["message"]["doctype"] == "Contact"
	assert [each["email_id"] for each in answer.json()["message"]["email_ids"]] == ["ada@example.com"]


def test_rows_of_a_table_are_not_listed_by_themselves(logged_in: Callable[..., Visitor]) -> None:
	ada = logged_in()
	assert ada.call("frappe.client.get_list", doctype="DocField", fields=["fieldname"]).status_code >= 400
	assert ada.call("frappe.client.get_list", doctype="DocField", fields=["fieldname"], parent="DocType").status_code >= 400
