"""Settings and messages for the tests of the message reader."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run: a failure is the change's, not the day's.
settings.register_profile("message", deadline=None, database=None, derandomize=True)
settings.load_profile("message")

CACHE = Path(__file__).resolve().parents[3] / ".cache" / "messages"
#: Source distributions whose tests hold odd messages: name, version, SHA-256, and where in it they are.
SOURCES = (
	("flufl.bounce", "6.0.0", "a1df16b9d1877ae4536f7d76c00d8421fcefbe694f80f5285d05c45a2547b1bc", ("/tests/data/",)),
	("mail-parser", "4.8.0", "602e659b159652d378b0f9cce2d682bee692bedae72687786e2b2e52eaeb9afc", ("/tests/mails/",)),
	(
		"talon",
		"1.4.4",
		"263d122609747691e9f75726ea565f5da8a40146a7a81eb5883e51b8224b0e5c",
		("/tests/fixtures/standard_replies/",),
	),
)


@pytest.fixture(scope="session")
def other_peoples_messages() -> dict[str, bytes]:
	"""Odd messages that others test with, by name. Downloaded once into ``.cache``; fails when that cannot be done."""
	return load_other_peoples_messages()


def load_other_peoples_messages() -> dict[str, bytes]:
	CACHE.mkdir(parents=True, exist_ok=True)
	(CACHE / ".gitignore").write_text("*\n")  # other people's mail is never ours to commit
	messages: dict[str, bytes] = {}
	for name, version, digest, folders in SOURCES:
		archive = _archive(name, version, digest)
		for path, data in _files(archive):
			if any(folder in path for folder in folders) and not path.endswith((".py", "/")):
				messages[f"{name}/{path.rpartition('/')[2]}"] = data
	messages.update(_of_python())
	return messages


def _archive(name: str, version: str, digest: str) -> bytes:
	"""The source distribution, from the cache or by pip; what is inside is read, never run."""
	path = CACHE / f"{name}-{version}.tar.gz"
	if not path.exists():
		done = subprocess.run(
			[
				sys.executable,
				"-m",
				"pip",
				"download",
				"--quiet",
				"--no-binary",
				":all:",
				"--no-deps",
				"--dest",
				str(CACHE),
				f"{name}=={version}",
			],
			capture_output=True,
			text=True,
		)
		found = [file for file in CACHE.glob("*.tar.gz") if hashlib.sha256(file.read_bytes()).hexdigest() == digest]
		if not found:
			pytest.fail(
				f"{name} {version}, whose messages this test reads, cannot be downloaded with pip:\n{done.stderr[-2000:]}"
			)
		found[0].replace(path)
	data = path.read_bytes()
	assert hashlib.sha256(data).hexdigest() == digest, f"{path} is not {name} {version}; delete it"
	return data


def _files(archive: bytes) -> Iterator[tuple[str, bytes]]:
	with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
		for member in tar:
			if member.isfile() and (file := tar.extractfile(member)) is not None:
				yield member.name, file.read()


def _of_python() -> dict[str, bytes]:
	"""The messages of Python's own tests, where this Python has them (Debian: libpython3-testsuite)."""
	try:
		import test.test_email as tests
	except ImportError:
		return {}
	return {f"python/{path.name}": path.read_bytes() for path in (Path(tests.__file__).parent / "data").glob("msg_*.txt")}
