"""What a filter has said of a message, and where junk lies."""

from __future__ import annotations

import pytest

from dokos_mail.engine.message.junk import is_junk_folder, junk_reason
from dokos_mail.engine.message.parse import parse


@pytest.mark.parametrize(
	("fields", "junk"),
	[
		("X-Spam-Flag: YES", True),
		("X-Spam-Flag: yes", True),
		("X-Spam-Flag: NO", False),
		("X-Spam-Status: Yes, score=12.3 required=5.0 tests=BAYES_99", True),
		("X-Spam-Status: No, score=-1.9 required=5.0", False),
		("X-Spam: Yes", True),
		("X-Bogosity: Spam, tests=bogofilter", True),
		("X-Bogosity: Ham, tests=bogofilter", False),
		("X-MS-Exchange-Organization-SCL: 5", True),
		("X-MS-Exchange-Organization-SCL: 9", True),
		("X-MS-Exchange-Organization-SCL: 4", False),
		("X-MS-Exchange-Organization-SCL: -1", False),
		("X-Forefront-Antispam-Report: CIP:192.0.2.1;CTRY:FR;SCL:5;SRV:;", True),
		("X-Forefront-Antispam-Report: CIP:192.0.2.1;CTRY:FR;SCL:1;SRV:;", False),
		("X-Microsoft-Antispam: BCL:9;", False),
		("X-Microsoft-Antispam: BCL:0;SCL:6", True),
		("X-VR-SPAMSTATE: SPAM", True),
		("X-VR-SPAMSTATE: OK", False),
		("X-Spam-Level: *****", False),
		("Subject: [SPAM] gagnez", False),
		("X-Spam-Flag: NO\r\nX-Spam-Flag: YES", False),
		("X-Spam-Flag: YES\r\nX-Spam-Flag: NO", True),
	],
)
def test_what_a_filter_says(fields: str, junk: bool) -> None:
	reason = junk_reason(parse(f"{fields}\r\nFrom: a@b.test\r\n\r\ntexte".encode()))
	assert bool(reason) is junk
	if reason:
		assert reason.partition(":")[0].lower() in fields.lower()


@pytest.mark.parametrize(
	("name", "attributes", "junk"),
	[
		("Junk", "", True),
		("INBOX.Junk", "", True),
		("INBOX/Spam", "", True),
		("[Gmail]/Spam", "\\Junk", True),
		("Courrier indésirable", "", True),
		("Indésirables", "", True),
		("Divers", "\\HasNoChildren \\Junk", True),
		("Junk", "\\Archive", False),
		("INBOX", "", False),
		("Spam et jambon", "", False),
		("Projets/Junkers", "", False),
		("", "", False),
	],
)
def test_where_junk_lies(name: str, attributes: str, junk: bool) -> None:
	assert is_junk_folder(name, attributes) is junk
	assert is_junk_folder(name, attributes.split()) is junk
