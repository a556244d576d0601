"""Which folder is for what."""

from __future__ import annotations

import pytest

from dokos_mail.engine.receive.model import Folder
from dokos_mail.engine.receive.special_use import sent_folder, special_use


def folder(name: str, *flags: str, delimiter: str | None = "/") -> Folder:
	return Folder(name, delimiter, frozenset(flags))


def test_what_the_server_says_of_its_folders() -> None:
	folders = [folder("INBOX", "\\HasNoChildren"), folder("Divers", "\\Junk", "\\HasNoChildren"), folder("E", "\\SENT")]
	assert special_use(folders) == {"Divers": ["\\junk"], "E": ["\\sent"]}


@pytest.mark.parametrize(
	("folders", "named", "found"),
	[
		([folder("INBOX"), folder("Éléments envoyés"), folder("X", "\\Sent")], "", "X"),
		([folder("INBOX"), folder("X", "\\Sent")], " Le mien ", "Le mien"),
		([folder("INBOX"), folder("INBOX.Éléments envoyés", delimiter=".")], "", "INBOX.Éléments envoyés"),
		([folder("Gesendete Elemente"), folder("Sent")], "", "Sent"),
		([folder("Sent", "\\NoSelect"), folder("Envoyés")], "", "Envoyés"),
		([folder("INBOX"), folder("Sentiments")], "", None),
		([], "", None),
	],
)
def test_the_folder_of_sent_mail(folders: list[Folder], named: str, found: str | None) -> None:
	assert sent_folder(folders, named) == found
