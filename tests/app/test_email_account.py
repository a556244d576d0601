"""Email Account: what a save accepts, what it refuses, and that it asks no server."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import frappe
import pytest

from dokos_mail import host


@pytest.fixture(autouse=True)
def undone(site: object) -> Iterator[None]:
	frappe.clear_messages()
	yield
	frappe.db.rollback()
	frappe.clear_messages()


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
	"""What is enqueued, instead of enqueuing it."""
	asked: list[tuple[str, dict[str, Any]]] = []
	monkeypatch.setattr(frappe, "enqueue", lambda method, **kwargs: asked.append((method, kwargs)))
	return asked


def new(**values: Any) -> Any:
	return frappe.get_doc({"doctype": "Email Account", "email_id": f"a{uuid4().hex[:8]}@masociete.test", **values})


def receiving(**values: Any) -> Any:
	return new(
		**{
			"enable_incoming": 1,
			"use_imap": 1,
			"use_ssl": 1,
			"email_server": "imap.nowhere.invalid",
			"password": "secret",
			**values,
		}
	)


def said() -> str:
	return json.dumps([str(message) for message in frappe.local.message_log])


def test_our_class_is_used_and_is_the_hosts_too(site: object) -> None:
	assert isinstance(new(), host.base_class("Email Account"))
	assert type(new()).__module__ == "dokos_mail.doctype.email_account.email_account"


def test_only_an_address_is_enough(site: object) -> None:
	"""The host's setup makes such an account (email_linking@example.com)."""
	doc = frappe.get_doc({"doctype": "Email Account", "email_id": "email-linking@masociete.test"}).insert()
	assert (doc.name, doc.email_account_name) == ("Email Linking", "Email Linking")


@pytest.mark.parametrize(
	("address", "name"),
	[("jean.dupond@x.test", "Jean Dupond"), ("no_reply+a@x.test", "No Reply A"), ("été@x.test", "Été")],
)
def test_the_name_comes_from_the_address(site: object, address: str, name: str) -> None:
	doc = frappe.get_doc({"doctype": "Email Account", "email_id": address})
	doc.autoname()
	assert (doc.name, doc.email_account_name) == (name, name)


def test_a_name_that_was_given_is_kept(site: object) -> None:
	assert new(email_account_name="Notifications du siège").insert().name == "Notifications du siège"


def test_an_address_that_is_none_is_refused(site: object) -> None:
	with pytest.raises(frappe.InvalidEmailAddressError):
		new(email_id="jean at masociete").insert()


def test_another_login(site: object) -> None:
	doc = receiving(login_id_is_different=1, login_id="jean123456").insert()
	assert doc.incoming_settings().login == "jean123456"
	doc.login_id_is_different = 0
	doc.save()
	assert doc.login_id is None and doc.incoming_settings().login == doc.email_id


def test_another_login_must_be_given(site: object) -> None:
	with pytest.raises(frappe.ValidationError):
		receiving(login_id_is_different=1).insert()


def test_saving_asks_no_server(site: object, jobs: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch) -> None:
	asked: list[str] = []
	resolve = socket.getaddrinfo

	def listening(server: Any, *args: Any, **kwargs: Any) -> Any:
		asked.append(str(server))
		return resolve(server, *args, **kwargs)

	monkeypatch.setattr(socket, "getaddrinfo", listening)
	doc = receiving(enable_outgoing=1, smtp_server="smtp.nowhere.invalid", use_tls=1).insert()
	doc.notify_if_unreplied, doc.send_notification_to = 1, "a@masociete.test,b@masociete.test"
	doc.save()
	assert [server for server in asked if "nowhere" in server] == []
	assert [job for job, _kwargs in jobs] == ["dokos_mail.jobs.check_account"] * 2
	assert jobs[0][1] == {"account": doc.name, "enqueue_after_commit": True}


def test_an_account_that_does_nothing_is_not_checked(site: object, jobs: list[tuple[str, dict[str, Any]]]) -> None:
	new().insert()
	receiving(password=None, awaiting_password=1).insert()
	assert jobs == []


def test_a_service_fills_in_its_settings(site: object) -> None:
	doc = receiving(email_server=None, service="OVH", use_ssl=0).insert()
	assert (doc.email_server, doc.use_ssl, doc.smtp_server) == ("ssl0.ovh.net", 1, "ssl0.ovh.net")


def test_a_service_fills_in_nothing_over_what_was_typed(site: object) -> None:
	assert receiving(service="OVH").insert().email_server == "imap.nowhere.invalid"


def test_a_server_is_needed_to_receive_or_send(site: object) -> None:
	with pytest.raises(frappe.ValidationError, match="receive"):
		receiving(email_server=" ").insert()
	with pytest.raises(frappe.ValidationError, match="send"):
		new(enable_outgoing=1, password="x").insert()


def test_a_password_is_needed(site: object) -> None:
	with pytest.raises(frappe.ValidationError, match="password"):
		receiving(password=None).insert()
	assert receiving(password=None, awaiting_password=1).insert().awaiting_password == 1


def test_a_server_without_login_needs_no_password(site: object) -> None:
	doc = new(enable_outgoing=1, smtp_server="relay.nowhere.invalid", no_smtp_authentication=1).insert()
	settings = doc.outgoing_settings()
	assert (settings.login, settings.password, settings.effective_port) == ("", "", 587)


def test_ascii_passwords_only_where_the_box_says_so(site: object) -> None:
	doc = receiving(password="été").insert()
	assert doc.incoming_settings().password == "été" and not doc.incoming_settings().ascii_password
	doc.ascii_encode_password = 1
	with pytest.raises(frappe.ValidationError, match="ASCII"):
		doc.save()
	doc.reload()
	doc.update({"ascii_encode_password": 1, "password": "ete"})
	doc.save()
	assert doc.incoming_settings().ascii_password


def test_a_password_is_never_given_away(site: object) -> None:
	doc = receiving(password="tr3s-s3cret").insert()
	stored = frappe.get_doc("Email Account", doc.name)
	for shown in (doc.as_dict(), stored.as_dict(), repr(stored.incoming_settings()), frappe.get_all("Email Account", "*")):
		assert "tr3s-s3cret" not in str(shown)
	assert "tr3s-s3cret" not in str(frappe.db.get_value("Email Account", doc.name, "*", as_dict=True))
	assert stored.get_password("password") == "tr3s-s3cret"
	stored.save()
	assert frappe.get_doc("Email Account", doc.name).get_password("password") == "tr3s-s3cret"


@pytest.mark.parametrize(
	("values", "security", "port"),
	[
		({"use_ssl": 1}, "tls", 993),
		({"use_ssl": 0, "use_starttls": 1}, "starttls", 143),
		({"use_ssl": 0}, "plain", 143),
		({"use_ssl": 1, "use_imap": 0}, "tls", 995),
		({"use_ssl": 0, "use_imap": 0}, "plain", 110),
		({"use_ssl": 1, "incoming_port": "1993"}, "tls", 1993),
	],
)
def test_incoming_settings(site: object, values: dict[str, Any], security: str, port: int) -> None:
	settings = receiving(**values).insert().incoming_settings()
	assert (settings.host, settings.security, settings.effective_port) == ("imap.nowhere.invalid", security, port)
	assert settings.protocol == ("imap" if values.get("use_imap", 1) else "pop3")
	assert settings.verify is True


@pytest.mark.parametrize(
	("values", "security", "port"),
	[
		({}, "plain", 587),
		({"use_tls": 1}, "starttls", 587),
		({"use_ssl_for_outgoing": 1}, "tls", 465),
		({"use_tls": 1, "smtp_port": "2525"}, "starttls", 2525),
	],
)
def test_outgoing_settings(site: object, values: dict[str, Any], security: str, port: int) -> None:
	doc = new(enable_outgoing=1, smtp_server="smtp.nowhere.invalid", password="x", **values).insert()
	settings = doc.outgoing_settings()
	assert (settings.security, settings.effective_port, settings.protocol) == (security, port, "smtp")
	assert (settings.login, settings.password) == (doc.email_id, "x")


def test_verifying_is_a_visible_choice_and_an_authority_may_be_added(site: object) -> None:
	doc = receiving(validate_ssl_certificate=0, enable_outgoing=1, smtp_server="smtp.nowhere.invalid").insert()
	assert (doc.incoming_settings().verify, doc.outgoing_settings().verify) == (False, True), "each way has a box of its own"
	doc.update({"validate_ssl_certificate": 1, "validate_ssl_certificate_for_outgoing": 0})
	assert (doc.incoming_settings().verify, doc.outgoing_settings().verify) == (True, False)
	doc.update({"validate_ssl_certificate": None, "validate_ssl_certificate_for_outgoing": None})
	assert (doc.incoming_settings().verify, doc.outgoing_settings().verify) == (True, True), "nobody chose otherwise"
	before = frappe.local.conf.get("ssl_ca_file")
	frappe.local.conf["ssl_ca_file"] = "/etc/ssl/private-authority.pem"
	assert doc.incoming_settings().ca_file == "/etc/ssl/private-authority.pem"
	frappe.local.conf["ssl_ca_file"] = before


def test_folders(site: object) -> None:
	assert receiving().insert().folders() == [("INBOX", None)]
	assert receiving(append_to="Opportunity").insert().folders() == [("INBOX", "Opportunity")]
	rows = [{"folder_name": "INBOX"}, {"folder_name": "Éléments envoyés", "append_to": "Opportunity"}]
	doc = receiving(imap_folder=rows, append_to="Communication").insert()
	doc.reload()
	assert doc.folders() == [("INBOX", "Communication"), ("Éléments envoyés", "Opportunity")]


def test_a_folder_stands_once(site: object) -> None:
	with pytest.raises(frappe.ValidationError, match="more than one row"):
		receiving(imap_folder=[{"folder_name": "INBOX"}, {"folder_name": "inbox"}]).insert()
	receiving(imap_folder=[{"folder_name": "Clients"}, {"folder_name": "clients"}]).insert()


@pytest.mark.parametrize(
	"values", [{"append_to": "Has Role"}, {"imap_folder": [{"folder_name": "INBOX", "append_to": "Has Role"}]}]
)
def test_only_what_is_offered_may_be_appended_to(site: object, values: dict[str, Any]) -> None:
	with pytest.raises(frappe.ValidationError, match="email_append_to"):
		receiving(**values).insert()


@pytest.mark.parametrize("field", ["default_incoming", "default_outgoing", "enable_automatic_linking"])
def test_one_account_only(site: object, field: str) -> None:
	both = {"enable_outgoing": 1, "smtp_server": "smtp.nowhere.invalid"}
	first = receiving(**both, **{field: 1}).insert()
	frappe.clear_messages()
	second = receiving(**both, **{field: 1}).insert()
	assert frappe.get_all("Email Account", {field: 1}, pluck="name") == [second.name]
	assert first.name in said() and second.name in said(), "and that is said"
	assert frappe.get_doc("Email Account", first.name).get(field) == 0
	frappe.clear_messages()
	second.save()
	assert said() == "[]"


@pytest.mark.parametrize("field", ["default_incoming", "default_outgoing", "enable_automatic_linking"])
def test_a_default_account_does_what_it_is_the_default_for(site: object, field: str) -> None:
	doc = new(**{field: 1}).insert()
	assert doc.get(field) == 0 and said() != "[]"


def test_a_domain_and_a_service_do_not_go_together(site: object) -> None:
	name = f"d{uuid4().hex[:8]}.test"
	frappe.get_doc(
		{"doctype": "Email Domain", "domain_name": name, "email_server": "i.invalid", "smtp_server": "s.invalid"}
	).insert()
	doc = receiving(domain=name, service="GMail").insert()
	assert (doc.domain, doc.service, doc.email_server) == (name, "", "i.invalid")


def test_a_notification_needs_readers(site: object) -> None:
	with pytest.raises(frappe.ValidationError):
		receiving(notify_if_unreplied=1).insert()
	with pytest.raises(frappe.InvalidEmailAddressError):
		receiving(notify_if_unreplied=1, send_notification_to="a@x.test, nobody").insert()
	doc = receiving(notify_if_unreplied=1, send_notification_to="a@x.test, b@x.test\n c@x.test\n").insert()
	assert doc.get_unreplied_notification_emails() == ["a@x.test", "b@x.test", "c@x.test"]


def user(address: str) -> str:
	values = {"doctype": "User", "email": address, "first_name": "Jean", "send_welcome_email": 0, "enabled": 1}
	return frappe.get_doc(values).insert(ignore_permissions=True).name


def inboxes(name: str) -> list[dict[str, Any]]:
	return frappe.get_all(
		"User Email",
		filters={"parent": name, "parenttype": "User"},
		fields=["email_account", "email_id", "awaiting_password", "enable_outgoing", "used_oauth"],
	)


def test_the_user_of_the_address_has_the_inbox(site: object) -> None:
	address = f"jean{uuid4().hex[:6]}@masociete.test"
	name = user(address)
	doc = receiving(email_id=address, password=None, awaiting_password=1).insert()
	assert inboxes(name) == [
		{"email_account": doc.name, "email_id": address, "awaiting_password": 1, "enable_outgoing": 0, "used_oauth": 0}
	]
	assert name in (frappe.db.get_default("email_user_password") or "").split(",")
	doc.update({"awaiting_password": 0, "password": "secret", "enable_outgoing": 1, "smtp_server": "smtp.nowhere.invalid"})
	doc.save()
	assert (inboxes(name)[0]["awaiting_password"], inboxes(name)[0]["enable_outgoing"]) == (0, 1)
	assert name not in (frappe.db.get_default("email_user_password") or "").split(",")
	# the password changed on the mail server: its user is asked anew
	doc.update({"awaiting_password": 1, "password": None})
	doc.save()
	assert inboxes(name)[0]["awaiting_password"] == 1
	assert name in (frappe.db.get_default("email_user_password") or "").split(",")


def test_deleting_an_account_keeps_its_communications(site: object) -> None:
	address = f"jean{uuid4().hex[:6]}@masociete.test"
	name = user(address)
	doc = receiving(email_id=address).insert()
	values = {"doctype": "Communication", "subject": "Bonjour", "communication_medium": "Email", "sent_or_received": "Received"}
	kept = frappe.get_doc(values | {"sender": "a@x.test", "email_account": doc.name}).insert(ignore_permissions=True)
	assert frappe.db.exists("Email Account Status", {"email_account": doc.name})
	doc.delete()
	assert not frappe.db.exists("Email Account", doc.name)
	assert not frappe.db.get_value("Communication", kept.name, "email_account")
	assert inboxes(name) == []
	assert not frappe.db.exists("Email Account Status", {"email_account": doc.name})


def test_a_renamed_account_keeps_its_name_in_step(site: object) -> None:
	doc = receiving().insert()
	new_name = f"Boîte {uuid4().hex[:6]}"
	frappe.rename_doc("Email Account", doc.name, new_name)
	assert frappe.db.get_value("Email Account", new_name, "email_account_name") == new_name


def test_what_the_host_asks_of_an_account(site: object) -> None:
	doc = receiving(email_account_name="Été, commercial").insert()
	assert doc.default_sender.endswith(f"<{doc.email_id}>")
	assert doc.is_exists_in_db()
	assert not new().is_exists_in_db()


def test_receive_pulls_the_account(site: object, monkeypatch: pytest.MonkeyPatch) -> None:
	pulled: list[str] = []
	monkeypatch.setattr("dokos_mail.jobs.pull_account", pulled.append)
	doc = receiving().insert()
	doc.receive()
	assert pulled == [doc.name]


def test_proposals_for_the_form(site: object) -> None:
	from dokos_mail.doctype.email_account.email_account import propose_settings

	proposed = propose_settings("someone@gmail.com")
	assert proposed["service"] == "GMail"
	assert proposed["settings"]["email_server"] == "imap.gmail.com"
	assert proposed["hints"] and proposed["help_url"].startswith("https://")
	assert propose_settings("GMail", pop3="1")["settings"]["email_server"] == "pop.gmail.com"
	assert propose_settings("someone@unknown.test") == {}


def test_proposals_are_not_for_everybody(site: object) -> None:
	from dokos_mail.doctype.email_account.email_account import propose_settings

	frappe.set_user("Guest")
	try:
		with pytest.raises(frappe.PermissionError):
			propose_settings("GMail")
	finally:
		frappe.set_user("Administrator")
