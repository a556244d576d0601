"""Which folder holds what was sent (row O9)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dokos_mail.engine.connect.settings import ServerSettings
from dokos_mail.engine.errors import FolderMissing
from dokos_mail.engine.receive.imap import Folder
from dokos_mail.engine.send.filing import sent_folder


def mailbox(*folders: tuple[str, frozenset[str]]) -> SimpleNamespace:
	return SimpleNamespace(
		settings=ServerSettings(host="imap.masociete.test"),
		folders=lambda: [Folder(name=name, delimiter="/", flags=flags) for name, flags in folders],
	)


MARKED = ("Boîte de départ", frozenset({"\\HasNoChildren", "\\Sent"}))
CALLED_SO = ("Sent", frozenset({"\\HasNoChildren"}))


def test_what_the_server_marks_comes_before_what_is_called_so() -> None:
	"""RFC 6154: Gmail's is called "Messages envoyés", and may be called anything."""
	assert sent_folder(mailbox(CALLED_SO, MARKED)) == "Boîte de départ"
	assert sent_folder(mailbox(CALLED_SO)) == "Sent"
	assert sent_folder(mailbox(("INBOX/Éléments envoyés", frozenset()))) == "INBOX/Éléments envoyés"


def test_what_somebody_named_comes_before_all() -> None:
	assert sent_folder(mailbox(CALLED_SO, MARKED), "Partis") == "Partis"


def test_a_folder_that_holds_only_folders_is_none() -> None:
	holds_none = ("Envoyés", frozenset({"\\Noselect"}))
	assert sent_folder(mailbox(holds_none, CALLED_SO)) == "Sent"
	with pytest.raises(FolderMissing):
		sent_folder(mailbox(holds_none))
