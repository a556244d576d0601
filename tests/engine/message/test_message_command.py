"""``python -m dokos_mail.engine.message``: one line per file, whatever the file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

KEYS = [
	"file", "message_id", "in_reply_to", "references", "subject", "from", "to", "cc", "reply_to", "date", "text", "html",
	"attachments", "auto_submitted", "report", "defects",
]  # fmt: skip
ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: str) -> list[dict]:
	done = subprocess.run(
		[sys.executable, "-m", "dokos_mail.engine.message", *arguments], cwd=ROOT, capture_output=True, check=True
	)
	assert not done.stderr
	return [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]


def test_lines(tmp_path: Path) -> None:
	(tmp_path / "good.eml").write_bytes(
		b"From: =?utf-8?q?Ren=C3=A9?= <r@x>\nDate: Tue, 14 May 2024 09:30:00 +0200\nMessage-ID: <m@x>\nContent-Type: image/png; name=a.png\n"
		b"Content-ID: <c@x>\nContent-Disposition: inline\nContent-Transfer-Encoding: base64\n\nAAAA\n"
	)
	(tmp_path / "empty.eml").write_bytes(b"")
	(tmp_path / "junk.eml").write_bytes(bytes(range(256)) * 10)
	(tmp_path / "surrogate.eml").write_bytes(
		b"Subject: =?utf-16-le?b?ANg=?= =?utf-7?q?+2AA-?=\nFrom: \xed\xa0\x80 <a@b>\n\n\xed\xa0\x80"
	)
	files = [str(tmp_path / name) for name in ("good.eml", "empty.eml", "junk.eml", "surrogate.eml", "missing.eml", ".")]
	lines = run(*files)
	assert [line["file"] for line in lines] == files
	assert all(list(line) == KEYS for line in lines)
	assert lines[0]["from"] == [{"name": "René", "address": "r@x"}]
	assert lines[0]["message_id"] == "m@x"
	assert lines[0]["date"] == "2024-05-14T09:30:00+02:00"
	assert lines[0]["attachments"] == [
		{
			"name": "a.png",
			"type": "image/png",
			"size": 3,
			"sha256": "709e80c88487a2411e1ee4dfb9f22a861492d20c4765150c0c794abd70f8147c",
			"inline": True,
			"content_id": "c@x",
		}
	]
	assert all(line["defects"] for line in lines[1:])
	assert "cannot be read" in lines[4]["defects"][0] and "cannot be read" in lines[5]["defects"][0]


def test_structure_only(tmp_path: Path) -> None:
	path = tmp_path / "large.eml"
	path.write_bytes(b"Subject: x\nContent-Type: text/html\n\n<p>text</p>\n")
	(line,) = run("--full-up-to", "10", str(path))
	assert (line["subject"], line["html"], line["text"]) == ("x", None, None)
