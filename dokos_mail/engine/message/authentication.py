"""Whether the sender of a message is who it says, by what the receiving server found out (RFC 8601).

Only an ``Authentication-Results`` field of a server that we trust counts: any other may have been written by the sender.
And a forged one gains nothing: whatever it says, a *fail* of the trusted server stands, and only the topmost field of
that server, the last one to be added, can say *pass*.

Own reader rather than a strict one: Microsoft leaves out the server's name, others forget quotes, versions and spaces,
and a field that cannot be read to its end still says what it said before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dokos_mail.engine.errors import N_

from .model import Message

PASS, FAIL, UNKNOWN = "pass", "fail", "unknown"
#: What each verdict means for a reader.
VERDICTS = {
	PASS: N_("The receiving server confirms the sender."),
	FAIL: N_("The receiving server says that this is not the sender."),
	UNKNOWN: N_("The receiving server says nothing reliable of the sender."),
}
#: The name under which fields of Exchange Online count: it writes none into them.
EXCHANGE_ONLINE = "protection.outlook.com"
#: Fields read at most; a message with more of them is a bomb.
_MOST_FIELDS = 50
_MOST_LENGTH = 20_000

#: What a mailbox must show before a server's name is taken to be that of its own server: see :func:`learn`.
LEARNT_FROM = 20
LEARNT_DOMAINS = 5

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"?|([;=])|([^\s;="()]+)', re.DOTALL)
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Method:
	"""One method's result, e.g. ``dmarc``, ``pass``, with its properties (``header.from`` and the like), in lower case."""

	name: str
	result: str
	properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
	"""One field: the server that wrote it, and what it found."""

	server: str
	methods: tuple[Method, ...] = ()


@dataclass(frozen=True)
class Verdict:
	"""``verdict`` is PASS, FAIL or UNKNOWN; ``reason`` the words of the server it rests on, empty where there are none."""

	verdict: str
	reason: str = ""


def read_results(value: str) -> Results | None:
	"""One ``Authentication-Results`` value; None when nothing can be read in it."""
	clauses = _clauses(_without_comments(value[:_MOST_LENGTH]))
	if not clauses or not clauses[0]:
		return None
	first = clauses[0]
	if "=" in first:
		# Exchange Online begins with the first method.
		server = EXCHANGE_ONLINE
	else:
		server, clauses = first[0].lower(), clauses[1:]
	methods = tuple(method for clause in clauses if (method := _method(clause)))
	return Results(server, methods)


def _without_comments(value: str) -> str:
	"""RFC 5322 comments taken out, nested ones too; those that never end, up to the next semicolon."""
	out: list[str] = []
	depth, quoted, at = 0, False, 0
	while at < len(value):
		char = value[at]
		if char == "\\" and at + 1 < len(value):
			if not depth:
				out.append(value[at : at + 2])
			at += 2
			continue
		if char == '"' and not depth:
			quoted = not quoted
		if not quoted and char == "(":
			depth += 1
		elif not quoted and char == ")" and depth:
			depth -= 1
			out.append(" ")
			at += 1
			continue
		if not depth:
			out.append(char)
		at += 1
	return "".join(out)


def _clauses(value: str) -> list[list[str]]:
	"""The tokens between semicolons; ``=`` is a token of its own."""
	clauses: list[list[str]] = [[]]
	for quoted, sign, word in _TOKEN.findall(value):
		if sign == ";":
			clauses.append([])
		else:
			clauses[-1].append(sign or word or quoted)
	return clauses


def _method(clause: list[str]) -> Method | None:
	"""``dkim=pass reason="…" header.d=example.com`` and its like."""
	pairs = [(clause[at - 1].lower(), clause[at + 1].lower()) for at, token in enumerate(clause[:-1]) if token == "=" and at]
	if not pairs:
		return None
	name = pairs[0][0].partition("/")[0]
	properties: dict[str, str] = {}
	for key, value in pairs[1:]:
		properties.setdefault(key, value)
	return Method(name, pairs[0][1], properties)


def trusted_servers(text: str | None) -> frozenset[str]:
	"""Names of servers as an administrator types them: separated by commas, semicolons or white space."""
	return frozenset(name.lower() for name in re.split(r"[\s,;]+", text or "") if name)


def results_of(message: Message) -> list[Results]:
	"""What the fields of a message say, the topmost first, whoever wrote them."""
	values = message.header_all("Authentication-Results")[:_MOST_FIELDS]
	return [results for value in values if (results := read_results(value))]


def topmost_server(message: Message) -> str:
	"""The server whose field stands above all others; empty when there is none. Anybody may have written it."""
	found = results_of(message)
	return found[0].server if found else ""


def authenticate(message: Message, trusted: Iterable[str]) -> Verdict:
	"""What the trusted servers say of the sender, that is of the domain in From.

	FAIL when one of them says so of DMARC, or that a domain without DMARC disowns the sending address (SPF); or when
	the message has two From fields, of which servers and readers may see one each. PASS when the topmost field of
	theirs does, of the very domain in From. A signature that does not verify is as good as none (RFC 6376, 6.1).
	"""
	if len(message.header_all("From")) > 1:
		return Verdict(FAIL, "From, From")
	names = {name.lower() for name in trusted}
	believed = [results for results in results_of(message) if results.server in names]
	domain = from_domain(message)
	for results in believed:
		for method in results.methods:
			if method.name == "dmarc" and method.result == "fail":
				return Verdict(FAIL, _words(method))
	if not believed or not domain:
		return Verdict(UNKNOWN)
	return _of_the_topmost(believed[0], domain) or _disowned(believed, domain) or Verdict(UNKNOWN)


def _of_the_topmost(results: Results, domain: str) -> Verdict | None:
	for method in results.methods:
		if method.name == "dmarc" and method.result in ("pass", "bestguesspass"):
			named = _domain(method.properties.get("header.from", domain))
			if named == domain:
				return Verdict(PASS, _words(method))
	for method in results.methods:
		if method.result == "pass" and (vouched := _vouched(method)) and _aligned(vouched, domain):
			return Verdict(PASS, _words(method))
	return None


def _disowned(believed: Sequence[Results], domain: str) -> Verdict | None:
	"""A domain that publishes who may send for it, and says that this one may not."""
	for results in believed:
		for method in results.methods:
			hard = method.name == "spf" and method.result in ("fail", "hardfail")
			if hard and (not (vouched := _vouched(method)) or _aligned(vouched, domain)):
				return Verdict(FAIL, _words(method))
	return None


def _vouched(method: Method) -> str:
	"""The domain that a method speaks of."""
	if method.name == "spf":
		return _domain(method.properties.get("smtp.mailfrom", "") or method.properties.get("smtp.mail", ""))
	if method.name == "dkim":
		return _domain(method.properties.get("header.d", "") or method.properties.get("header.i", ""))
	return ""


def _domain(address: str) -> str:
	return address.rpartition("@")[2].strip("<>. ").lower()


def _aligned(one: str, other: str) -> bool:
	"""Relaxed alignment without a list of public suffixes: equal, or one below the other, and not below a bare one."""
	if one == other:
		return bool(one)
	longer, shorter = (one, other) if len(one) > len(other) else (other, one)
	return "." in shorter and longer.endswith("." + shorter)


def from_domain(message: Message) -> str:
	"""The domain in From; empty when there is no address, or several domains."""
	domains = {_domain(address.address) for address in message.from_ if "@" in address.address}
	return domains.pop() if len(domains) == 1 else ""


def _words(method: Method) -> str:
	shown = [f"{key}={value}" for key, value in method.properties.items() if key.startswith(("header.", "smtp."))]
	return " ".join([f"{method.name}={method.result}", *shown])[:200]


@dataclass(frozen=True)
class Observation:
	"""What the topmost field of a received message was signed with, and the domain it says it is from."""

	server: str
	domain: str


def learn(seen: Sequence[Observation]) -> str | None:
	"""The name of a mailbox's own server, by its latest messages; None while that is not certain.

	A server that checks senders writes its field on every message, on top of whatever the sender wrote. So the name
	must stand topmost on *every one* of the last LEARNT_FROM messages, which come from LEARNT_DOMAINS domains at
	least, none of which wrote more than half: a stranger decides over his own messages alone, and one message of
	anybody else without the name forgets it.
	"""
	latest = list(seen)[:LEARNT_FROM]
	servers = {one.server for one in latest}
	if len(latest) < LEARNT_FROM or len(servers) != 1 or not latest[0].server:
		return None
	domains = Counter(one.domain for one in latest)
	if len(domains) < LEARNT_DOMAINS or max(domains.values()) * 2 > len(latest):
		return None
	return _NOT_A_NAME.sub("", latest[0].server)[:140] or None
