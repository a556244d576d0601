"""Messages that nobody sent: known ones with a few octets changed, the same ones for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

TOKENS = [
	b"\n", b"\r\n", b"\r", b"\n\n", b" ", b"\t", b":", b";", b"=", b'"', b"<", b">", b"(", b")", b"@", b",", b"--b", b"\n--b\n", b"\r\n--b\r\n", b"\n--b--\n",
	b"--", b"=?utf-8?q?", b"?=", b"=C3=A9", b"\xc3\xa9", b"\xe9", b"\0", b"\xff\xfe", b"\x1b$B", b"Subject", b"From", b"To", b"Date", b"References",
	b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Type: multipart/alternative; boundary=b\n", b"Content-Type: text/html\n",
	b"Content-Type: multipart/related; boundary=b\n", b"Content-Type: message/rfc822\n", b"Content-Type: multipart/digest; boundary=b\n",
	b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: quoted-printable\n", b"Content-Transfer-Encoding: uuencode\n",
	b"Content-Disposition: attachment; filename*0*=utf-8''a", b"; filename*1=b", b"charset=utf-7", b"charset=utf-16", b"name=a.txt", b"QUJD", b"begin 644 x\n",
	b"Content-Type: text/plain; format=flowed; delsp=yes\n", b"Content-ID: <1>\n", b"<img src=cid:1>", b"x",
]  # fmt: skip

MOST_OCTETS = 20_000


def mutations(corpus: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
	"""``count`` messages of ``corpus`` with a few octets changed, cut, doubled, reversed or spliced with another's."""
	chance = random.Random(seed)
	for _ in range(count):
		raw = bytearray(chance.choice(corpus)[:MOST_OCTETS])
		for _ in range(chance.randint(1, 6)):
			raw = _changed(raw, corpus, chance)[:MOST_OCTETS]
		yield bytes(raw)


def _changed(raw: bytearray, corpus: Sequence[bytes], chance: random.Random) -> bytearray:
	at, to = sorted(chance.randrange(len(raw) + 1) for _ in range(2))
	what = chance.randrange(7)
	if what == 0 and at < len(raw):
		raw[at] = chance.randrange(256)
	elif what == 1:
		raw[at:at] = chance.choice(TOKENS)
	elif what == 2:
		del raw[at : min(to, at + chance.choice([1, 2, 10, 100]))]
	elif what == 3:
		raw[at:at] = raw[at:to]
	elif what == 4:
		other = chance.choice(corpus)
		start = chance.randrange(len(other) + 1)
		raw[at : at + chance.randrange(50)] = other[start : start + chance.randrange(200)]
	elif what == 5:
		raw = bytearray(raw.replace(b"\n", chance.choice([b"\r\n", b"\r", b"\n\n", b"\n "])))
	else:
		raw[at:to] = bytes(reversed(raw[at:to]))
	return raw
