from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import frappe
import pytest

from tests.conftest import SITE
from tests.crash.enumeration import World, folder_for
from tests.crash.nursery import Nursery
from tests.crash.servers import Imap, Pop3
from tests.mail_fixtures import dovecot, mailbox, make_mailbox, site_config, unused_tcp_port

__all__ = ["dovecot", "mailbox", "make_mailbox", "make_world", "site_config", "unused_tcp_port"]


@pytest.fixture
def make_world(site_template: Path, tmp_path: Path) -> Iterator[Callable[..., World]]:
	"""A site in memory with one account, on a server of the kind named."""
	folder = folder_for("crash", tmp_path)
	shutil.copytree(site_template, folder / "sites")
	frappe.destroy()
	with Nursery() as nursery, Imap() as imap, Pop3() as pop3:

		def make(protocol: str, **settings: object) -> World:
			server = imap if protocol == "imap" else pop3
			world = World(nursery, server, SITE, folder / "sites")
			values = {
				"doctype": "Email Account",
				"email_id": "commercial@masociete.test",
				"email_account_name": "commercial",
				"password": "secret",
				"enable_incoming": 1,
				"use_imap": int(protocol == "imap"),
				"email_server": server.host,
				"incoming_port": str(server.port),
				"email_sync_option": "ALL",
				"append_to": "Opportunity",
				"create_contact": 0,
			}
			world.make_account(values | settings)
			return world

		yield make
	shutil.rmtree(folder, ignore_errors=True)
