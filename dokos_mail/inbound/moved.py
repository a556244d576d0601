"""An account that was given another server or another login: what its folders are to what was read of them before."""

from __future__ import annotations

from collections.abc import Set

import frappe

from dokos_mail.engine.receive.imap import ImapSession
from dokos_mail.inbound.journal import JOURNAL, FolderJournal
from dokos_mail.inbound.takeover import message_id_criteria

#: The folder that was read; the same mail under other UIDs; another mailbox, which is read for the first time.
SAME, RENUMBERED, ANOTHER = "same", "renumbered", "another"
#: So many of the messages that were read last are looked for.
LOOKED_FOR = 10


def what_it_is(session: ImapSession, journal: FolderJournal, uidvalidity: int) -> str:
	"""What the selected folder is, by the messages that were read last. UIDs alone tell nothing: servers give many mailboxes one
	UIDVALIDITY."""
	known = _last_read(journal)
	found: set[int] = set()
	for criteria in message_id_criteria(known.values()):
		found.update(session.search(criteria))
	return decide(found, known.keys(), uidvalidity == journal.position.uidvalidity, journal.other_login)


def decide(found: Set[int], known: Set[int], same_uidvalidity: bool, other_login: bool) -> str:
	"""``found`` are the UIDs at which messages are there that were read at ``known``.

	Where none is there, the mailbox of the same login was moved to another server without them.
	"""
	if same_uidvalidity and found & known:
		return SAME
	return RENUMBERED if found or not other_login else ANOTHER


def _last_read(journal: FolderJournal) -> dict[int, str]:
	"""The Message-IDs of what was read last, by UID."""
	uidvalidity = journal.position.uidvalidity or 0
	of_folder = {"email_account": journal.account, "folder": journal.folder, "uidvalidity": str(uidvalidity)}
	rows = frappe.get_all(
		JOURNAL,
		filters=of_folder | {"message_id": ("is", "set")},
		fields=["identity", "uid", "message_id"],
		order_by="creation desc, idx desc",
		limit=LOOKED_FOR,
	)
	return {int(row.uid): row.message_id for row in rows if row.identity == journal.message_identity(uidvalidity, int(row.uid))}
