"""What holds for every message: no exception, no octet lost, and a mutated message is still one."""

from __future__ import annotations

import base64
from email import policy
from email.header import Header
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formataddr
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dokos_mail.engine.message.identity import content_hash
from dokos_mail.engine.message.names import safe_name
from dokos_mail.engine.message.parse import parse
from tests.fuzz.check import check, check_shown
from tests.fuzz.mutations import TOKENS, mutations

CORPUS = [path.read_bytes() for path in sorted((Path(__file__).parent / "corpus").glob("*.eml"))]


@given(st.binary(max_size=500))
def test_any_octets(raw: bytes) -> None:
	check(raw)
	assert len(content_hash(raw)) == 64


@given(st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join))
def test_any_pieces(raw: bytes) -> None:
	check(raw)


def test_two_thousand_mutations() -> None:
	for raw in mutations(CORPUS, 2000, seed=2024):
		check(raw)


def test_mutations_of_other_peoples(other_peoples_messages: dict[str, bytes]) -> None:
	for raw in mutations([raw for _name, raw in sorted(other_peoples_messages.items())], 1000, seed=2025):
		check(raw)


def test_what_is_read_can_be_shown() -> None:
	for raw in mutations(CORPUS, 200, seed=7):
		check_shown(raw)


PARTS = st.lists(
	st.tuples(
		st.binary(max_size=200),
		st.sampled_from(["application/octet-stream", "image/png", "application/pdf", "audio/x"]),
		st.sampled_from(["base64", "8bit", "quoted-printable"]),
	),
	min_size=1,
	max_size=6,
)


@given(PARTS, st.sampled_from([b"\n", b"\r\n"]))
def test_every_leaf_comes_back_octet_for_octet(parts: list[tuple[bytes, str, str]], end: bytes) -> None:
	raw = b"From: a@b" + end + b"Content-Type: multipart/mixed; boundary=never-in-it" + end + end
	expected = []
	for data, type_, encoding in parts:
		if encoding != "base64":
			# unencoded octets must not look like delimiters or encodings
			data = data.replace(b"never", b"").replace(b"=", b"")
		if encoding == "quoted-printable":
			data = data.replace(b"\r", b"").replace(b"\n", b"")
		expected.append((type_, data))
		body = base64.encodebytes(data).replace(b"\n", end) if encoding == "base64" else data
		raw += end.join(
			[
				b"--never-in-it",
				b"Content-Type: " + type_.encode(),
				b"Content-Transfer-Encoding: " + encoding.encode(),
				b"",
				body,
				b"",
			]
		)
	raw += b"--never-in-it--" + end
	found = [(file.type, file.content) for file in parse(raw).attachments]
	assert found == [(type_, data) for type_, data in expected if data]


TEXTS = st.text(
	st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp", "Zs", "Cn", "Co"], include_characters=[" "]),
	min_size=1,
	max_size=60,
).map(lambda text: " ".join(text.split()) or "x")
CHARSETS = st.sampled_from(["utf-8", "iso-8859-1", "iso-8859-15", "windows-1251", "koi8-r", "gb18030", "iso-2022-jp", "utf-16"])


def in_charset(text: str, charset: str) -> str:
	"""What of the text the charset has."""
	return " ".join(text.encode(charset, "ignore").decode(charset).split()) or "x"


@given(TEXTS, TEXTS, TEXTS, TEXTS, st.binary(max_size=100), CHARSETS, st.sampled_from([policy.SMTP, policy.default]))
def test_what_python_writes_is_read(
	subject: str, name: str, text: str, file_name: str, data: bytes, charset: str, how: policy.Policy
) -> None:
	subject, name, text = (in_charset(one, charset) for one in (subject, name, text))
	message = MIMEMultipart()
	message["Subject"] = Header(subject, charset)
	message["From"] = formataddr((name, "jean@client.example"), charset)
	message.attach(MIMEText(text, "plain", charset))
	file = MIMEApplication(data)
	file.add_header("Content-Disposition", "attachment", filename=("utf-8", "fr", file_name + ".bin"))
	message.attach(file)
	found = parse(message.as_bytes(policy=policy.compat32.clone(linesep=how.linesep)))
	assert found.subject == subject
	assert [(one.name, one.address) for one in found.from_] == [(name, "jean@client.example")]
	assert found.text.rstrip("\n") == text
	assert [file.content for file in found.attachments] == ([data])
	assert found.attachments[0].name == safe_name(file_name + ".bin")
	assert found.defects == ["no Date field", "no Message-ID field"]


@given(TEXTS, st.binary(max_size=100))
def test_what_python_writes_today_is_read(text: str, data: bytes) -> None:
	message = EmailMessage(policy=policy.SMTP)
	message["From"] = "a@b.example"
	message.set_content(text)
	message.add_alternative(f"<p>{len(text)}</p>", subtype="html")
	message.add_attachment(data, maintype="application", subtype="octet-stream", filename="data.bin")
	found = parse(message.as_bytes())
	assert found.text.rstrip("\n") == text
	assert found.html == f"<p>{len(text)}</p>\n"
	assert [file.content for file in found.attachments] == [data]
	assert found.defects == ["no Date field", "no Message-ID field"]
