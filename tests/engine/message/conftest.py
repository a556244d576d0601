"""Settings and messages for the tests of the message reader."""

from __future__ import annotations

import fcntl
import hashlib
import io
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run: a failure is the change's, not the day's.
settings.register_profile("message", deadline=None, database=None, derandomize=True)
settings.load_profile("message")

CACHE = Path(__file__).resolve().parents[3] / ".cache" / "messages"


@dataclass(frozen=True)
class Source:
	"""A source distribution whose tests hold messages: its SHA-256, and where in it they are."""

	name: str
	version: str
	digest: str
	folder: str  # a regular expression

	@property
	def path(self) -> Path:
		return CACHE / f"{self.name}-{self.version}.tar.gz"


SOURCES = (
	Source("flufl.bounce", "6.0.0", "a1df16b9d1877ae4536f7d76c00d8421fcefbe694f80f5285d05c45a2547b1bc", "/tests/data/"),
	Source("mail-parser", "4.8.0", "602e659b159652d378b0f9cce2d682bee692bedae72687786e2b2e52eaeb9afc", "/tests/mails/"),
	Source("talon", "1.4.4", "263d122609747691e9f75726ea565f5da8a40146a7a81eb5883e51b8224b0e5c", "/fixtures/standard_replies/"),
	Source("authheaders", "0.16.3", "118edc6d3cb1ad18ffab3d788ccc562fca2854cd645faab08fc47033c648148a", "/test/"),
	Source(
		"bounced",
		"0.3.0",
		"c3ff191fbef7f041c7e66835d2c60e25d3f093bd98befb8cd619a4bf596f7c94",
		"/bounced/tests/(bounces|bounce_email)/",
	),
	Source("django-mailbox", "4.10.1", "9060a4ddc81d16aa699e266649c12eaf4f29671b5266352e2fad3043a6832b52", "/tests/messages/"),
	Source("django-mailman3", "1.3.15", "f9916b269cb9c5d5ba61d7bf5c4bf1a0037cf934907622343df8d9edb1c6d11b", "/tests/testdata/"),
	Source("dkimpy", "1.1.8", "b5f60fb47bbf5d8d762f134bcea0c388eba6b498342a682a21f1686545094b77", "/tests/data/"),
	Source("hyperkitty", "1.3.12", "deb582937ec5bc9ea9c1d5d86bfb76a4da429b60e1fea6fd6964e7c667cf161d", "/tests/testdata/"),
	Source("lamson", "1.3.4", "253edf385ae54606579b6b717adf5edcd9df47f9a1d488aa61b9e9f42587d37d", "/tests/"),
	Source("mailman", "3.3.10", "0de478fcf326f25d931938c3744e61c5cd67596b46e5b1e3bb2abf99d5445632", "/tests/"),
	Source("mailman-pgp", "0.3.0", "0ecc036731779915c3990baa76f9a7c926d00e4e1403cf4ea9061dfc9374e7b0", "/tests/data/messages/"),
	Source("modoboa", "2.9.0", "9ca961b9a6a875c5d399f65375181b49bbf3aac66b7ef5940cdb7e71259eddcc", "/tests/"),
	Source(
		"perceval",
		"1.6.1",
		"592b07d34ae0b382188d3b72c2fc7191091b94b56973dab2aef3221e0bd9721e",
		"/data/(mbox|hyperkitty|pipermail|nntp)/",
	),
	Source("pymilter", "1.0.5", "2fac54d5b5ccca87786ad25eb0057a40bee6d5d3f71d7a6d5fe495ab6e460c3f", "/test/"),
	Source("Products.listen", "0.7.1", "67eb85a0ea5284185295d6bf5e968bd52c2997fd3101181c957ffba8716f37a2", "/tests/corpus/"),
)
#: What is no message beside those that are.
_OTHER_FILES = (".py", ".html", ".css", ".json", ".ics")
_HEADER_LINE = re.compile(rb"(?:From [^\n]*\n)?[A-Za-z][A-Za-z0-9-]*[ \t]*:")
_BETWEEN_MESSAGES = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\n]*\d\d:\d\d[^\n]*\n(?=[!-9;-~]+:)")


@pytest.fixture(scope="session")
def other_peoples_messages() -> dict[str, bytes]:
	"""Messages that others test with, by name. Downloaded once into ``.cache``; fails when that cannot be done."""
	return load_other_peoples_messages()


def load_other_peoples_messages() -> dict[str, bytes]:
	"""Each message once, whatever its line ends and blanks, under the name of the first file that has it."""
	CACHE.mkdir(parents=True, exist_ok=True)
	(CACHE / ".gitignore").write_text("*\n")  # other people's mail is never ours to commit
	with (CACHE / ".lock").open("w") as lock:  # tests run in several processes
		fcntl.flock(lock, fcntl.LOCK_EX)
		_download([source for source in SOURCES if not source.path.exists()])
	messages = _of_python()
	for source in SOURCES:
		data = source.path.read_bytes()
		assert hashlib.sha256(data).hexdigest() == source.digest, f"{source.path} is another one; delete it"
		for path, content in _files(data):
			if re.search(source.folder, path) and not path.endswith(_OTHER_FILES):
				name = "/".join(path.split("/")[-2:])
				messages |= {f"{source.name}/{name}{mark}": raw for mark, raw in _messages_in(content)}
	by_content: dict[bytes, str] = {}
	for name, raw in messages.items():
		by_content.setdefault(b"".join(raw.split()), name)
	return {name: messages[name] for name in by_content.values()}


def _messages_in(content: bytes) -> Iterator[tuple[str, bytes]]:
	"""The messages of a file, an mbox or a single one, each with what its name is marked with."""
	if not _HEADER_LINE.match(content):
		return
	found = [raw for raw in _BETWEEN_MESSAGES.split(content) if _HEADER_LINE.match(raw)] if content.startswith(b"From ") else []
	if len(found) < 2:
		yield "", content
		return
	for number, raw in enumerate(found, start=1):
		yield f"#{number}", raw


def _download(missing: list[Source]) -> None:
	"""Source distributions into the cache, by pip; what is inside is only read by us."""
	if not missing:
		return
	wanted = [f"{source.name}=={source.version}" for source in missing]
	pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-binary", ":all:", "--no-deps", "--dest", str(CACHE)]
	done = subprocess.run([*pip, *wanted], capture_output=True, text=True)
	found = {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in CACHE.glob("*.tar.gz")}
	for source in missing:
		if source.digest not in found:
			pytest.fail(f"{wanted} with messages to read cannot be downloaded with pip:\n{done.stderr[-2000:]}")
		found[source.digest].replace(source.path)


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
