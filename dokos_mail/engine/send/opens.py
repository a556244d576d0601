"""Who loaded the picture in a mail of ours: its reader, a machine on the way, or one of us (row O5)."""

from __future__ import annotations

import re
from typing import Literal

Reader = Literal["reader", "machine", "own"]

#: Nobody reads a mail this soon after its server took it; scanners look at it at once. Seconds.
SOONEST = 3.0

#: Programs that fetch what mail names without anybody reading it. The proxies of Gmail, Yahoo and Outlook are not among
#: them: they fetch a picture when the mail is opened.
_MACHINE = re.compile(
	r"bot\b|crawl|spider|slurp|scanner|preview|prefetch|monitor|barracuda|proofpoint|mimecast|symantec|trendmicro|forcepoint|fireeye|"
	r"safelinks|urldefense|curl/|wget/|python|java/|okhttp|go-http|libwww|httpclient|headless|phantomjs|facebookexternalhit|slack|whatsapp",
	re.I,
)


def who_opened(user_agent: str, seconds_since_sent: float | None, is_own: bool) -> Reader:
	"""Who, most probably, loaded the picture.

	``seconds_since_sent`` is None when it is not known; ``is_own`` says that the browser is logged in to our site.
	Nothing here is certain: a reader who blocks pictures is never seen, and some mailboxes load them unread.
	"""
	if is_own:
		return "own"
	if not user_agent.strip() or _MACHINE.search(user_agent):
		return "machine"
	if seconds_since_sent is not None and seconds_since_sent < SOONEST:
		return "machine"
	return "reader"
