"""Which of an account's folders is for what (RFC 6154), and what to go by where the server does not say."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .model import Folder

#: Attributes that say what a folder is for.
SPECIAL = frozenset(("\\all", "\\archive", "\\drafts", "\\flagged", "\\junk", "\\sent", "\\trash"))

#: Names of the folder of sent mail, as programs make it in the languages of our users, in lower case.
_SENT = (
	"sent",
	"sent items",
	"sent messages",
	"sent mail",
	"sent-mail",
	"envoyés",
	"éléments envoyés",
	"messages envoyés",
	"courriers envoyés",
	"courrier envoyé",
	"objets envoyés",
	"gesendet",
	"gesendete elemente",
	"gesendete objekte",
	"enviados",
	"elementos enviados",
	"posta inviata",
	"inviati",
	"verzonden",
	"verzonden items",
)


def special_use(folders: Iterable[Folder]) -> dict[str, list[str]]:
	"""The special-use attributes of those folders that have any, in lower case, by name."""
	found = ((folder.name, sorted(SPECIAL.intersection(flag.lower() for flag in folder.flags))) for folder in folders)
	return {name: uses for name, uses in found if uses}


def sent_folder(folders: Iterable[Folder], named: str = "") -> str | None:
	"""The folder of sent mail: the one that was ``named``, the server's own, or the one that is called so.

	Among several of the server's the first; among several that are only called so, the likeliest name.
	"""
	if named.strip():
		return named.strip()
	listed = [folder for folder in folders if "\\noselect" not in {flag.lower() for flag in folder.flags}]
	for folder in listed:
		if "\\sent" in {flag.lower() for flag in folder.flags}:
			return folder.name
	by_leaf: dict[str, str] = {}
	for folder in listed:
		leaf = re.split(r"[/.\\]" if not folder.delimiter else re.escape(folder.delimiter), folder.name)[-1]
		by_leaf.setdefault(leaf.strip().casefold(), folder.name)
	return next((by_leaf[name] for name in _SENT if name in by_leaf), None)
