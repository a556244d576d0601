"""The errors' texts: complete, translatable, without secrets."""

from __future__ import annotations

import pickle
import string

import pytest

from dokos_mail.engine import errors
from dokos_mail.engine.errors import LoginRefused, MailError, Silence, Words, quoted


def kinds(root: type[MailError] = MailError) -> list[type[MailError]]:
	return [root, *(kind for child in root.__subclasses__() for kind in kinds(child) if kind.__module__ == errors.__name__)]


@pytest.mark.parametrize("kind", kinds())
def test_each_has_its_own_words(kind: type[MailError]) -> None:
	error = kind(
		host="mail.test", port=993, login="a@b.test", folder="Envoyés", detail="because {it} is so.", size="30 MB", limit="20 MB"
	)
	assert error.message()
	assert error.advice().endswith(".")
	assert str(error) == error.message()
	assert error.fault in ("settings", "server", "network", "site")
	fields = {name for _, name, _, _ in string.Formatter().parse(kind.template + kind.remedy) if name}
	assert fields <= {"host", "port", "login", "folder", "detail", "size", "limit"}


def test_kinds_are_told_apart() -> None:
	names = [kind.kind for kind in kinds()]
	assert len(set(names)) == len(names)
	templates = [kind.template for kind in kinds()]
	assert len(set(templates)) == len(templates)


def test_translation_reaches_the_words_within() -> None:
	french = {
		Silence.template: "{host} a accepté la connexion sur le port {port}, puis s'est tu {detail}",
		"while mail was being read.": "pendant la lecture des messages.",
	}
	error = Silence(host="h", port=143, detail=Words("while mail was being read."))
	assert (
		error.message(lambda text: french.get(text, text))
		== "h a accepté la connexion sur le port 143, puis s'est tu pendant la lecture des messages."
	)


def test_a_servers_words_are_not_translated() -> None:
	error = LoginRefused(host="h", login="me", detail="Authentication failed.")
	assert "AUTH" not in error.message(lambda text: text.replace("Authentication", "AUTH"))


def test_errors_travel_between_processes() -> None:
	error = LoginRefused(host="h", login="me", detail="no")
	copy = pickle.loads(pickle.dumps(error))
	assert (type(copy), str(copy), copy.params) == (LoginRefused, str(error), error.params)


def test_what_a_server_said_is_one_short_line_without_secrets() -> None:
	assert quoted(b"bad\r\nword\x00 \x1b[31m s3cret!\t", "s3cret!") == "bad word [31m •••"
	assert quoted("x" * 500) == "x" * 199 + "…"
	assert quoted("déjà vu".encode()) == "déjà vu"
	assert quoted(b"\xff\xfe") == "��"
