"""A real Dovecot for the session, a fresh user on it for each test, and a fresh store."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from dokos_mail.engine.receive.rawstore import RawStore
from mail_servers.certificates import Certificates
from mail_servers.dovecot import Dovecot
from tests.receive.boxes import Box

_numbers = count(1)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
	return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def dovecot(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Dovecot]:
	with Dovecot(tmp_path_factory.mktemp("dovecot"), certificates=certificates) as server:
		yield server


@pytest.fixture
def store(tmp_path: Path) -> RawStore:
	return RawStore(tmp_path / "raw")


@pytest.fixture
def box(dovecot: Dovecot) -> Box:
	user, password = f"user{next(_numbers)}@masociete.test", "mot de passe"
	dovecot.add_user(user, password)
	return Box(dovecot, user, password)
