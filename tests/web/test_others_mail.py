"""Another user's mail over HTTP: nobody without a right to it gets a word of it, whatever way is tried."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlencode
from uuid import uuid4

import frappe
import pytest

from dokos_mail.jobs import pull_account
from tests.host.visitor import Visitor
from tests.mail_fixtures import dovecot, mailbox, make_mailbox
from tests.mailbox import Mailbox

__all__ = ["dovecot", "mailbox", "make_mailbox"]
SECRET = "confidentiel-7f3a"
MAIL = f"""From: Elodie <elodie@client.test>\r
To: direction@masociete.test\r
Subject: Bilan {SECRET}\r
Message-ID: <{uuid4().hex}@client.test>\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=x\r
\r
--x\r
Content-Type: text/plain\r
\r
Le chiffre est {SECRET}.\r
--x\r
Content-Type: text/plain; name=bilan.txt\r
Content-Disposition: attachment; filename=bilan.txt\r
\r
{SECRET}\r
--x--\r
""".encode()


@pytest.fixture
def secret(make_mailbox: Callable[..., Mailbox]) -> frappe._dict:
	"""A mail of an account that is nobody's inbox, on no document."""
	box = make_mailbox(create_contact=0)
	box.put(MAIL)
	pull_account(box.account)
	row = frappe.db.get_value(
		"Incoming Email", {"email_account": box.account}, ["name", "communication", "raw_path"], as_dict=True
	)
	file = frappe.db.get_value("File", {"attached_to_name": row.communication}, ["name", "file_url"], as_dict=True)
	frappe.db.commit()
	return frappe._dict(
		account=box.account, row=row.name, mail=row.communication, raw=row.raw_path, file=file.name, url=file.file_url
	)


def ways(secret: frappe._dict) -> Iterator[str]:
	"""Addresses that a curious colleague may try with a GET, on hosts that have them."""

	def method(name: str, /, **args: object) -> str:
		return f"/api/method/{name}?" + urlencode({k: v if isinstance(v, str) else json.dumps(v) for k, v in args.items()})

	for doctype, name in (("Communication", secret.mail), ("Incoming Email", secret.row), ("File", secret.file)):
		word = quote(doctype)
		of_it = {"doctype": doctype, "name": name}
		everything = {"doctype": doctype, "fields": ["*"], "filters": {"name": name}, "limit_page_length": 5}
		yield f"/api/resource/{word}/{name}"
		yield f"/api/v2/document/{word}/{name}"
		yield f"/api/resource/{word}?" + urlencode({"fields": '["*"]', "limit_page_length": 0})
		yield method("frappe.client.get", **of_it)
		yield method("frappe.client.get_list", **everything)
		yield method("frappe.client.get_value", doctype=doctype, filters={"name": name}, fieldname=["name", "subject", "content"])
		yield method("frappe.client.get_value", doctype=doctype, filters={"name": name}, fieldname="file_name")
		yield method("frappe.desk.form.load.getdoc", **of_it)
		yield method("frappe.desk.form.load.get_docinfo", **of_it)
		yield method("frappe.desk.reportview.get", **everything)
		yield method("frappe.desk.reportview.get_list", **everything)
		yield method("frappe.desk.reportview.export_query", **everything, file_format_type="CSV", title="x")
		yield method("frappe.desk.search.search_link", doctype=doctype, txt=SECRET)
		yield method("frappe.desk.search.search_widget", doctype=doctype, txt=SECRET)
		yield method("frappe.utils.print_format.download_pdf", **of_it)
		yield f"/printview?doctype={word}&name={name}"
	yield method("frappe.desk.form.load.get_communications", doctype="Email Account", name=secret.account)
	yield method("dokos_mail.api.download_original", name=secret.row)
	yield method("dokos_mail.reader.with_images", communication=secret.mail)
	yield method("dokos_mail.reader.about", communication=secret.mail)
	yield secret.url
	yield f"/private/files/mail/{secret.raw.rpartition('mail/')[2]}"
	yield f"/private/files/{secret.raw}"
	yield f"/files/{secret.raw}"
	yield f"/files/../private/files/{secret.raw}"


def told(visitor: Visitor, secret: frappe._dict) -> list[str]:
	"""The ways by which somebody got a word of it."""
	return [way.partition("&")[0] for way in ways(secret) if SECRET in visitor.get(way).text]


def test_nobody_is_told(secret: frappe._dict, visitor: Callable[[], Visitor], logged_in: Callable[..., Visitor]) -> None:
	assert told(visitor(), secret) == []
	for roles in ((), ("Inbox User",)):
		assert told(logged_in(*roles), secret) == [], roles


def test_whoever_may_read_it_does(secret: frappe._dict, logged_in: Callable[..., Visitor]) -> None:
	"""The ways lead somewhere: a System Manager takes most of them."""
	assert len(told(logged_in("System Manager"), secret)) > 10
